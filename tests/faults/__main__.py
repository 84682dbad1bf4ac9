"""The long fault runs: `python -m tests.faults --kills 10 --seconds 20`. It prints what it did and leaves with 1 if anything was lost."""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from tests.benchmarks.tables import Table
from tests.faults.databases import KINDS, Databases, temporary_databases
from tests.faults.load import Journal
from tests.faults.proof import Proof, prove
from tests.faults.scenarios import cut_under_load, kill_under_load, report_for
from tests.faults.server import Server, running_server

CLIENTS = 32
COLUMNS = [
    "disturbance",
    "database",
    ">acknowledged",
    ">unanswered, sent again",
    ">of these recorded before",
    ">refused (503)",
    ">recorded",
    ">lost",
    ">doubled",
    "gap-free",
    "verify",
    ">seconds",
]

Scenario = Callable[[Server], Coroutine[Any, Any, Journal]]


def main() -> int:
    options = _options()
    print(f"seed {options.seed}", flush=True)
    table, all_hold = Table(COLUMNS), True
    with temporary_databases() as databases:
        for name, kinds, scenario in _runs(options):
            for kind in kinds:
                all_hold &= _run(table, databases, name, kind, scenario)
    print(table)
    return 0 if all_hold else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="how often the server is killed (10)")
    parser.add_argument("--cuts", type=int, default=10, metavar="N", help="how often PostgreSQL ends the server's connections (10)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of steady load from 32 clients (20)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="decides the matches and the moments of the kills")
    parser.add_argument("--database", choices=KINDS, action="append", help="only this one")
    return parser.parse_args()


def _runs(options: argparse.Namespace) -> list[tuple[str, list[str], Scenario]]:
    """What to do and where, without what was set to nothing."""
    kinds = options.database or list(KINDS)
    runs: list[tuple[float, str, list[str], Scenario]] = [
        (options.kills, f"{options.kills} kills", kinds, lambda server: kill_under_load(server, options.kills, options.seed)),
        (
            options.cuts,
            f"{options.cuts} cuts",
            [kind for kind in kinds if kind == "postgresql"],
            lambda server: cut_under_load(server, options.cuts, options.seed),
        ),
        (options.seconds, f"{CLIENTS} clients", kinds, lambda server: report_for(server, options.seconds, clients=CLIENTS)),
    ]
    return [(name, where, scenario) for amount, name, where, scenario in runs if amount > 0]


def _run(table: Table, databases: Databases, name: str, kind: str, scenario: Scenario) -> bool:
    url = databases.new(kind)
    began = time.perf_counter()
    with running_server(databases.folder / url.rpartition("/")[2].removesuffix(".db"), url) as server:
        journal = asyncio.run(scenario(server))
    seconds = time.perf_counter() - began
    proof = prove(url, journal)
    _add_line(table, name, kind, journal, proof, seconds)
    print(f"{name}, {kind}: {'holds' if proof.holds else f'FAILS: {proof}'}", flush=True)
    return proof.holds


def _add_line(table: Table, name: str, kind: str, journal: Journal, proof: Proof, seconds: float) -> None:
    counts = (journal.acknowledged, journal.unanswered, journal.replays, journal.refused, proof.recorded, proof.lost, proof.doubled)
    verdicts = ("yes" if proof.positions_gap_free else "NO", "equal" if proof.verify_equal else "DIFFERS")
    table.add(name, kind, *(f"{count:,}" for count in counts), *verdicts, f"{seconds:.0f}")


if __name__ == "__main__":
    sys.exit(main())
