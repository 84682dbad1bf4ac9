"""Planted defects: `python -m tests.faults.defects [name …]`. Does the suite notice when the ledger lies?

Each defect is a change to the text of one or two files. It is applied to a copy of the tree in a temporary folder, and a selection of the project's tests
runs there. It counts as caught when they go red; first they have to be green on the copy as it is. A defect whose text no longer stands exactly once
in its file stops the run: it would prove nothing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.tables import Table
from tests.faults.defects_of_refits import DEFECTS_OF_REFITS
from tests.faults.planting import Change, Defect, one

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


class NotPlanted(RuntimeError):
    """A defect does not fit the source any more."""


EXACTLY_ONCE = "tests/services/test_exactly_once.py"
RECORDING = "tests/services/test_recording.py"
VERIFICATION = "tests/services/test_verification.py"
CORRECTIONS = "tests/services/test_corrections.py"
REPLAY = "tests/services/test_live_equals_replay.py"
SIDES_AND_GAINS = "tests/services/test_sides_and_gains.py"
EXPORTS = "tests/services/test_exports.py"
TOTALS = "tests/services/test_league_totals.py"
RECORDER = "tests/test_recorder.py"
GUARDS = "tests/faults/test_guards.py"
FAILURES = "tests/faults/test_failures.py"
ACCEPTED = "tests/faults/test_accepted.py"

DEFECTS: Sequence[Defect] = (
    Defect(
        "no unique constraint on match_id",
        (
            Change("app/storage/tables.py", '    UniqueConstraint("match_id", "league_id"),\n', ""),
            Change(
                "migrations/versions/20261121_0001_first_tables.py",
                '        sa.UniqueConstraint("match_id", "league_id", name=op.f("uq_entry_match_id_league_id")),\n',
                '        sa.Index("uq_entry_match_id_league_id", "match_id", "league_id"),\n',
            ),
        ),
        (GUARDS,),
    ),
    one(
        "acknowledged whatever the commit said",
        "app/storage/unit_of_work.py",
        "            self.connection.invalidate()\n            raise\n",
        "            self.connection.invalidate()\n",
        FAILURES,
    ),
    one(
        "the remains of a failed commit go back to the pool",
        "app/storage/unit_of_work.py",
        "            self.connection.invalidate()\n            raise\n",
        "            raise\n",
        "tests/faults/test_commits.py",
    ),
    one("acknowledged before the commit is on the disk (SQLite)", "app/storage/unit_of_work.py", "synchronous=FULL", "synchronous=OFF", GUARDS),
    one(
        "acknowledged before the commit is on the disk (PostgreSQL)",
        "app/storage/unit_of_work.py",
        "-c timezone=UTC",
        "-c synchronous_commit=off -c timezone=UTC",
        GUARDS,
    ),
    one("answered without a commit", "app/services/recording.py", "        if written is not None:\n            unit.commit()\n", "", RECORDER),
    one(
        "positions from max + 1 without the league's lock (PostgreSQL)",
        "app/storage/repositories.py",
        'bindparam("key")).with_for_update(key_share=True)',
        'bindparam("key"))',
        RECORDING,
    ),
    one(
        "BEGIN DEFERRED instead of IMMEDIATE (SQLite)", "app/storage/unit_of_work.py", 'arpad_begin="IMMEDIATE"', 'arpad_begin="DEFERRED"', RECORDING
    ),
    one("positions leave a gap", "app/services/writing.py", "first_position = row.position + 1", "first_position = row.position + 2", RECORDING),
    one(
        "standings read outside the lock and kept",
        "app/services/writing.py",
        "    known = unit.competitors.by_keys(row.id, keys)\n",
        "    known = _KEPT.setdefault(row.id, {})\n"
        "    known.update({key: found for key, found in unit.competitors.by_keys(row.id, keys).items() if key not in known})\n",
        RECORDING,
    ),
    one("e^x from the mathematical library", "app/core/kernels.py", "1.0 + exponential(-x))", "1.0 + math.exp(-x))", "tests/core/test_kernels.py"),
    one(
        "another order of operations in the replay",
        "app/ratings/folds.py",
        "logistic((a - b + lead[n]) / unit)",
        "logistic(a / unit - b / unit + lead[n] / unit)",
        "tests/ratings/test_online.py",
        "tests/ratings/test_folds.py",
    ),
    one(
        "a match rated with the settings of today",
        "app/services/courses.py",
        "LeagueSettings.model_validate(settings).rules() for _, settings in self.changes]",
        "LeagueSettings.model_validate(self.changes[-1][1]).rules() for _ in self.changes]",
        REPLAY,
        CORRECTIONS,
    ),
    one(
        "games counted anew with every rule of K",
        "app/services/courses.py",
        "course.games(part.start) if rules.counts_games",
        "[0] * course.n_competitors if rules.counts_games",
        SIDES_AND_GAINS,
    ),
    one(
        "games so far forgotten by K",
        "app/services/writing.py",
        "games = [standing.rating for standing in standings], [standing.matches for standing in standings]",
        "games = [standing.rating for standing in standings], [0 for _ in standings]",
        SIDES_AND_GAINS,
    ),
    one(
        "a side on neutral ground",
        "app/services/courses.py",
        "np.where(log.neutral[part], 0.0, 1.0)",
        "np.ones(part.stop - part.start)",
        SIDES_AND_GAINS,
    ),
    one(
        "a checkpoint that does not know on whose ground",
        "app/services/courses.py",
        "if any(one.side_advantage for one in rules):",
        "if False:",
        SIDES_AND_GAINS,
    ),
    one(
        "one K for both sides",
        "app/ratings/folds.py",
        "b = b - second_gain[n] * surprise",
        "b = b - first_gain[n] * surprise",
        SIDES_AND_GAINS,
        "tests/ratings/test_online.py",
    ),
    one(
        "a known side left out of the fit",
        "app/core/objective.py",
        "eta if self.offset is None else eta + self.offset",
        "eta",
        "tests/ratings/test_fits.py",
    ),
    one(
        "kept totals that a void does not touch",
        "app/services/league_totals.py",
        "_moved(recorded.minus(taken), given, len(after))",
        "_moved(recorded, given, len(after))",
        TOTALS,
    ),
    one(
        "kept totals that know no merge",
        "app/services/league_totals.py",
        "return counting.relabelled(amendments.renumbered(league.competitors))",
        "return counting",
        TOTALS,
    ),
    one("totals found whatever sides they tell", "app/storage/segments.py", ".where(totals.c.sided == sided)", "", TOTALS),
    one(
        "totals of weights that round",
        "app/ratings/totals.py",
        "(_is_whole(games.weight / UNIT) and",
        "(True and",
        TOTALS,
        "tests/ratings/test_totals.py",
    ),
    one(
        "new settings count one match late",
        "app/services/courses.py",
        "[np.searchsorted(starts, self.log.position) - 1]",
        "[np.maximum(np.searchsorted(starts, self.log.position - 1), 1) - 1]",
        REPLAY,
        "tests/services/test_leagues.py",
    ),
    one(
        "a repetition under another id",
        "app/recorder.py",
        "        for _ in range(REPEATS):\n",
        "        for _ in range(REPEATS):\n            group = [(waiting.caller, replace(waiting.match, match_id=new_match_id())) for waiting in batch]\n",
        RECORDER,
    ),
    one("an unknown fate is not repeated", "app/recorder.py", "REPEATS: Final = 2", "REPEATS: Final = 1", RECORDER),
    one(
        "an unknown fate is an unexpected error",
        "app/storage/unit_of_work.py",
        "    except (OperationalError, InterfaceError) as error:\n        raise _unavailable(error) from error\n",
        "",
        "tests/storage/test_unit_of_work.py",
    ),
    one(
        "a receipt that tells what came after",
        "app/services/writing.py",
        '"before": first_before, "expected": expected,',
        '"before": first_after, "expected": expected,',
        RECORDING,
    ),
    one(
        "the chain leaves out the context",
        "app/services/ledger.py",
        "hashlib.sha256(head + body.encode(",
        "hashlib.sha256(head + body.partition(',\"context\"')[0].encode(",
        EXPORTS,
        VERIFICATION,
    ),
    one(
        "a repetition is not compared in its context",
        "app/services/repetitions.py",
        '"second_score", "context")\n_SHOWN_AS',
        '"second_score")\n_SHOWN_AS',
        EXACTLY_ONCE,
    ),
    one(
        "a void does not lower the count of matches",
        "app/services/amending.py",
        '{"matches": len(outcome.course),',
        '{"matches": row.matches,',
        CORRECTIONS,
    ),
    one(
        "a win of a voided match stays",
        "app/services/courses.py",
        "self.matches[number], self.wins[number],",
        "self.matches[number], self.wins[number] + 1,",
        CORRECTIONS,
    ),
    one(
        "an answer kept after a new entry",
        "app/api/answers.py",
        "media_type, str(head.position), str(head.published_fit)",
        "media_type, str(head.published_fit)",
        "tests/api/test_caching.py",
    ),
    one("a page begins one too low", "app/services/matches.py", 'str(shown[-1]["position"])', 'str(shown[-1]["position"] - 1)', RECORDING),
    one(
        "a correction of an early match changes the first match of whatever part of the log is read",
        "app/services/amendments.py",
        "        targets = targets[np.isin(targets, log.position)]\n",
        "",
        "tests/services/test_structures.py",
    ),
    one(
        "a competitor without the salt that proves the key is taken for forgotten",
        "app/services/export_lines.py",
        'if {number for number, who in contents.who.items() if who["salt"] is None} != contents.forgotten:',
        "if False:",
        EXPORTS,
    ),
    one(
        "verify does not look at what places late matches",
        "app/services/verification.py",
        "    expected |= latest(replayed.last.course)\n",
        "",
        VERIFICATION,
    ),
    one(
        "a preview holds whatever happened since",
        "app/services/amending.py",
        "    if expected + fits != row.position:",
        "    if expected > row.position:",
        CORRECTIONS,
    ),
    one("an export without its last line", "app/services/exports.py", "    yield ledger.last_line(row.position + 1, head)\n", "", EXPORTS),
    one(
        "a restore believes every line",
        "app/services/export_lines.py",
        '    if line.rstrip(b"\\r\\n") != written.rstrip(b"\\n"):\n',
        "    if not written:\n",
        EXPORTS,
    ),
    one(
        "a match whose request went away is dropped",
        "app/recorder.py",
        "        self._queues[league].append(waiting)\n",
        "        self._queues[league].append(waiting)\n        waiting.answer.add_done_callback(lambda done: done.cancelled() and waiting in self._queues[league] and self._queues[league].remove(waiting))\n",
        f"{ACCEPTED}::test_a_match_that_waits_is_recorded_although_its_request_goes_away",
    ),
    one(
        "stopping forgets what was accepted",
        "app/recorder.py",
        "        while self._tasks:\n",
        "        while False:\n",
        f"{ACCEPTED}::test_when_the_recorder_has_stopped_everyone_is_answered",
    ),
    one(
        "a late result is rated last",
        "app/services/courses.py",
        'cls(in_order_of_play(counting) if order == "played_at" else counting, changes',
        "cls(counting, changes",
        f"{ACCEPTED}::test_the_order_of_arrival_does_not_matter_where_the_order_of_play_decides",
    ),
    one(
        "matches of one moment are rated as they came",
        "app/services/courses.py",
        "sorted(order[part].tolist(), key=log.match_id.__getitem__)",
        "sorted(order[part].tolist())",
        f"{ACCEPTED}::test_the_order_of_arrival_does_not_matter_where_the_order_of_play_decides",
    ),
    one(
        "a draw is counted as a loss",
        "app/services/writing.py",
        "                standing.draws += 1\n",
        "                standing.losses += 1\n",
        VERIFICATION,
        RECORDING,
    ),
    *DEFECTS_OF_REFITS,
)
# A name that a change above needs, where adding it would be a second change.
_HEADS = {"standings read outside the lock and kept": ("app/services/writing.py", "\n_KEPT: dict[int, dict[str, Any]] = {}\n")}


@contextmanager
def copied_tree() -> Iterator[Path]:
    """The files that git knows or would know, in a temporary folder."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    with tempfile.TemporaryDirectory(prefix="arpad-defects-") as folder:
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        yield Path(folder)


@contextmanager
def planted(tree: Path, defect: Defect) -> Iterator[None]:
    """The copy with the defect in it, and without it afterwards. Raises NotPlanted."""
    kept = {change.file: (tree / change.file).read_text() for change in defect.changes}
    try:
        for change in defect.changes:
            source = (tree / change.file).read_text()
            if source.count(change.old) != 1:
                raise NotPlanted(f"{defect.name}: the text {change.old!r} stands {source.count(change.old)} times in {change.file}, not once")
            (tree / change.file).write_text(source.replace(change.old, change.new))
        if defect.name in _HEADS:
            file, more = _HEADS[defect.name]
            (tree / file).write_text((tree / file).read_text() + more)
        yield
    finally:
        for file, source in kept.items():
            (tree / file).write_text(source)


def run_tests(tree: Path, tests: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether they are green, and which are red; the first red one ends it. Raises NotPlanted where they cannot be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    red = _FAILED.findall(ran.stdout)
    if ran.returncode not in {0, 1} or (ran.returncode == 1 and not red):
        raise NotPlanted(f"the tests could not be run: {(ran.stdout + ran.stderr)[-2000:]}")
    return ran.returncode == 0, red


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.defects", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of the defects to plant; all unless named")
    parser.add_argument("--check", action="store_true", help="only see whether every defect can still be planted")
    options = parser.parse_args()
    chosen = [defect for defect in DEFECTS if not options.names or any(name in defect.name for name in options.names)]
    with copied_tree() as tree:
        for defect in chosen:
            with planted(tree, defect):
                pass
        if options.check:
            print(f"{len(chosen)} defects can be planted")
            return 0
        return _report(tree, chosen)


def _report(tree: Path, chosen: Sequence[Defect]) -> int:
    green: dict[str, bool] = {}
    for test in dict.fromkeys(test for defect in chosen for test in defect.tests):
        green[test], red = run_tests(tree, [test])
        if not green[test]:
            print(f"{test} is red without any defect: {', '.join(red)}", flush=True)
    table, all_caught = Table(["defect", "caught by", ">seconds"]), True
    for defect in chosen:
        began = time.perf_counter()
        tests = [test for test in defect.tests if green[test]]
        with planted(tree, defect):
            red = run_tests(tree, tests)[1] if tests else []
        verdict = red[0] if red else "NOTHING" if tests else "no test that is green without it"
        all_caught &= bool(red)
        table.add(defect.name, verdict, f"{time.perf_counter() - began:.0f}")
        print(f"{defect.name}: {verdict}", flush=True)
    print(table)
    return 0 if all_caught else 1


if __name__ == "__main__":
    sys.exit(main())
