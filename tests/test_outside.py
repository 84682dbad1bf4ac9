"""A stranger's script of 150 lines, which imports nothing of Arpad, comes to the same hashes from an export alone, and refuses a damaged one."""

import json
import random
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from app.errors import ArpadError
from app.services.corrections import correct_match, restore_match, void_entry, void_match
from app.services.leagues import change_league
from app.services.roster import change_competitor, forget_competitor, merge_competitors, register_competitor
from tests.api.site import running_site
from tests.services.play import NEW_YEAR_2024, OPERATOR, Play, match
from tests.services.test_exports import forged, renamed

SCRIPT = Path(__file__).parent / "outside" / "verify.py"
ROOT = Path(__file__).parents[1]
HOUR = 3_600_000_000
ORDERS = ("log", "played_at")
SEEDS = range(4)


def verified_outside(content: bytes | list[bytes]) -> tuple[int, dict[str, str], str]:
    """Exit code, what it printed, and what it complained of, of a process that finds no package of ours."""
    data = content if isinstance(content, bytes) else b"".join(content)
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], input=data, capture_output=True, cwd="/", timeout=60, check=False)
    return done.returncode, dict(line.split() for line in done.stdout.decode().splitlines()), done.stderr.decode()


def assert_agreed(content: bytes | list[bytes], verdict: dict) -> None:
    code, printed, complaint = verified_outside(content)
    assert (code, complaint) == (0, "")
    assert printed == {name: verdict[name] for name in ("state_hash", "log_head")}


class Season:
    """A league in which anything happens that may, as a seed decides; what is refused has not happened."""

    def __init__(self, database, seed: int, **settings) -> None:
        self.play = Play.begin(database, **settings)
        self.of = (database, OPERATOR, self.play.league)
        self.random = random.Random(seed)
        self.keys = [f"{name} {number}" for number in range(6) for name in ("Zoë", "名", "a/b")]
        self.ids: list[str] = []
        self.happened: set[str] = set()

    def live(self, events: int) -> "Season":
        self.matches()
        kinds = (
            self.matches,
            self.void,
            self.restore,
            self.correct,
            self.take_back,
            self.merge,
            self.register,
            self.rename,
            self.retire,
            self.forget,
            self.rules,
        )
        for _ in range(events):
            happening = self.random.choice(kinds)
            with suppress(ArpadError):
                happening()
                self.happened.add(happening.__name__)
        return self

    def matches(self) -> None:
        draw, made = self.random, []
        for _ in range(draw.randrange(1, 12)):
            self.ids.append(f"m {draw.randrange(10**9)} ü")
            first, second = draw.sample(self.keys, 2)
            when = NEW_YEAR_2024 + draw.randrange(200) * HOUR + draw.choice((0, 1, 250_000))
            outcome = draw.choice(("first", "second", "draw"))
            told = {"played_at": when, "weight": draw.choice((1.0, 0.1, 2.5)), "first_score": -0.5, "neutral": draw.random() < 0.3}
            made.append(match(first, second, outcome, self.ids[-1], **told))
        self.play.batch(made)

    def void(self) -> None:
        void_match(*self.of, self.random.choice(self.ids), reason="a mistake")

    def restore(self) -> None:
        restore_match(*self.of, self.random.choice(self.ids), reason="not a mistake")

    def correct(self) -> None:
        changes = {"score": self.random.choice((0.0, 0.5, 1.0)), "first": self.random.choice([*self.keys, "somebody new"])}
        changes |= {"played_at": NEW_YEAR_2024 + self.random.randrange(200) * HOUR} if self.random.random() < 0.5 else {}
        correct_match(*self.of, self.random.choice(self.ids), changes, reason="it was otherwise")

    def take_back(self) -> None:
        void_entry(*self.of, self.random.randrange(1, self.play.position() + 1), reason="taken back")

    def merge(self) -> None:
        one, other = self.random.sample(self.keys, 2)
        merge_competitors(*self.of, one, other, reason="the same person")

    def register(self) -> None:
        register_competitor(*self.of, f"registered {self.random.randrange(99)}", self.random.choice((None, "“A” name")))
        self.keys.append(f"registered {self.random.randrange(99)}")

    def rename(self) -> None:
        change_competitor(*self.of, self.random.choice(self.keys), {"name": "“New” name"})

    def retire(self) -> None:
        change_competitor(*self.of, self.random.choice(self.keys), {"retired": self.random.random() < 0.5})

    def forget(self) -> None:
        forget_competitor(*self.of, self.random.choice(self.keys))

    def rules(self) -> None:
        k = self.random.choice((10.0, 24.0, 32.5, {"newcomer": 40.0, "matches": self.random.randrange(1, 9), "then": 20.0}))
        change_league(*self.of, settings={"k": k, "side": self.random.choice(("off", "estimate", 65.0, -30.5))})


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", ORDERS)
def test_any_season_proves_itself_outside(database, order, seed):
    season = Season(database, seed, order=order, scale=(400.0, 173.0)[seed % 2], initial=(1500.0, -20.5)[seed % 2]).live(60)
    assert_agreed(season.play.export(), season.play.verified())


def test_the_seasons_are_eventful(database):
    happened = {kind for seed in SEEDS for kind in Season(database, seed).live(60).happened}
    assert happened == {"matches", "void", "restore", "correct", "take_back", "merge", "register", "rename", "retire", "forget", "rules"}


def test_far_and_close_ratings_prove_themselves_outside(database):
    play = Play.begin(database, k=10_000.0, scale=1.0)
    play.batch([match("A", "B") for _ in range(30)] + [match("B", "A", "draw"), match("C", "A", weight=1_000_000.0)])
    assert_agreed(play.export(), play.verified())


def test_an_empty_league_proves_itself_too(database):
    play = Play.begin(database)
    assert_agreed(play.export(), play.verified())
    play.play("A", "B", match_id="m")
    play.void("m")
    assert_agreed(play.export(), play.verified())


def test_what_the_command_line_exports(database, database_url, tmp_path):
    season = Season(database, 0).live(30)
    file = tmp_path / "league.ndjson"
    command = [sys.executable, "-P", "-m", "app.cli", "--data", str(tmp_path), "--database-url", database_url]
    subprocess.run([*command, "export", season.play.league, str(file)], check=True, capture_output=True, cwd=ROOT, timeout=60)
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), str(file)], capture_output=True, text=True, cwd="/", timeout=60, check=True)
    shown = subprocess.run([*command, "verify", season.play.league], check=True, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout
    for line in done.stdout.splitlines():
        assert line.split()[1] in shown


def test_what_the_server_exports(tmp_path):
    with running_site(tmp_path) as site:
        season = Season(site.database, 1).live(30)
        assert_agreed(site.reporter.get(f"/v1/leagues/{season.play.league}/log").content, season.play.verified())


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> list[bytes]:
    with running_site(tmp_path_factory.mktemp("outside")) as site:
        return Season(site.database, 2, order="played_at").live(25).play.export()


def assert_refused(content: bytes | list[bytes], line: int) -> None:
    code, printed, complaint = verified_outside(content)
    assert (code, printed) == (8, {})
    assert complaint.startswith(f"line {line} proves nothing: ")
    assert "Traceback" not in complaint


def test_a_cut_is_refused_at_its_end(lines):
    for length in (0, 1, len(lines) // 2, len(lines) - 1):
        assert_refused(lines[:length], length)
    assert_refused(lines[1:], next(number for number, line in enumerate(lines) if number and b'"hash"' in line))
    assert_refused(b"".join(lines)[:-2], len(lines))


def test_lines_that_changed_places_or_come_twice_are_refused(lines):
    entries = [place for place, (line, following) in enumerate(pairwise(lines)) if b'"hash"' in line and b'"hash"' in following]
    for place in (entries[1], entries[len(entries) // 2]):
        assert_refused([*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]], place + 1)
        assert_refused([*lines[: place + 1], *lines[place:]], place + 2)
        assert_refused(lines[:place] + lines[place + 1 :], place + 1)
    assert_refused([*lines, lines[-1]], len(lines) + 1)


@pytest.mark.parametrize("seed", range(30))
def test_a_byte_changed_anywhere_in_the_chain_is_refused(lines, seed):
    generator = random.Random(seed)
    place = generator.choice([place for place, line in enumerate(lines) if b'"hash"' in line or b'"head"' in line])
    at = generator.randrange(len(lines[place]) - 1)
    changed = bytearray(lines[place])
    changed[at] ^= 1 << generator.randrange(7)
    if changed[at] in b"\r\n":
        changed[at] = ord("x")
    assert_refused([*lines[:place], bytes(changed), *lines[place + 1 :]], place + 1)


def test_a_rule_edited_is_refused(lines):
    assert b'"k":32.0' in lines[0]
    assert_refused([lines[0].replace(b'"k":32.0', b'"k":33.0'), *lines[1:]], 1)


def test_a_key_edited_is_refused_where_its_entry_promised_another(lines):
    told = [(place, json.loads(line)) for place, line in enumerate(lines) if line.startswith(b'{"competitor":')]
    for place, who in (next(one for one in told if one[1]["salt"]), next(one for one in told if not one[1]["salt"])):
        entry = next(number for number, line in enumerate(lines) if number > place and b'"hash"' in line)
        edited = lines[place].replace(b'"key":"', b'"key":"X')
        assert_refused([*lines[:place], edited, *lines[place + 1 :]], entry + 1 if who["salt"] else place + 1)


def test_a_false_name_without_the_salt_that_would_disprove_it_is_refused(lines):
    assert_refused(renamed(lines), len(lines))


def _with(kind: str, /, **members):
    return lambda value: {**value, **members} if value.get("kind") == kind else value


FORGERIES = {
    "a kind unknown": _with("match", kind="gift"),
    "a system unknown": lambda value: {**value, "settings": {**value["settings"], "system": "fisher"}} if "settings" in value else value,
    "an arithmetic unknown": _with("create", algorithm="elo-3"),
    "an arithmetic unknown from somewhere on": _with("settings", algorithm="elo-3"),
    "a format unknown": _with("create", format=2),
    "a void of the creation": _with("void", target=0),
    "a void of what comes later": _with("void", target=10_000),
    "a void of the one before the first": _with("void", target=-1),
    "nobody": _with("match", first=10_000),
    "somebody below zero": _with("match", first=-1),
    "against oneself": _with("match", first=0, second=0),
    "an outcome that is none": _with("match", outcome="both"),
    "the same id": _with("match", match_id="the same"),
    "a match twice created": _with("match", kind="create"),
    "a time that is none": _with("match", recorded_at="yesterday"),
    "a time that falls": _with("void", recorded_at="2001-01-01T00:00:00Z"),
    "a commitment to another": _with("match", commitments={"0": "00" * 32}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_whose_chain_holds_is_refused(lines, forgery):
    code, printed, complaint = verified_outside(forged(lines, FORGERIES[forgery]))
    assert (code, printed) == (8, {})
    assert complaint.startswith("line ")


def test_the_script_stands_alone():
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    assert "app" not in {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    imported = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names
