"""The benchmarks: `python -m tests.benchmarks [write] [import] [fits] [coverage] [accuracy] [latency]`, all parts unless some are named. Tables are printed as Markdown."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.benchmarks import accuracy, coverage, fits, importing, latency, writing
from tests.benchmarks.tables import Table
from tests.faults.databases import KINDS, temporary_databases

SMALL_LEAGUE = 100_000
LARGE_LEAGUE = 1_000_000


def write(options: argparse.Namespace) -> Table:
    """Recording single matches over HTTP, against the textbook way"""
    with temporary_databases() as databases:
        kinds = options.database or KINDS
        return writing.compare(databases, kinds, rounds=options.rounds, seconds=options.seconds, connections=options.connections)


def import_(options: argparse.Namespace) -> Table:
    """Importing a file, a refit, a verification, in a process of its own"""
    with temporary_databases() as databases:
        return importing.measure(databases, options.database or KINDS, largest=LARGE_LEAGUE if options.large else SMALL_LEAGUE)


def fits_(options: argparse.Namespace) -> Iterator[str]:
    """Fits, Elo and intervals against other libraries, medians of rounds in turn"""
    return fits.compare(quick=options.quick, large=options.large, scale=options.scale)


def coverage_(_options: argparse.Namespace) -> coverage.Report:
    """How often 95 % intervals and rank intervals hold what they are about"""
    return coverage.compare()


def accuracy_(_options: argparse.Namespace) -> Table:
    """Estimated standard errors of large leagues against exact ones"""
    return accuracy.compare()


def latency_(options: argparse.Namespace) -> Iterator[Table]:
    """Pages, predictions and simulations of large leagues over HTTP, no two requests alike"""
    with temporary_databases() as databases:
        asked = latency.options_of(["--large"] if options.large else [])
        yield from latency.measure(databases, options.database or KINDS, latency.sizes_of(asked), asked)


PARTS: Mapping[str, Callable[[argparse.Namespace], object]] = {
    "write": write,
    "import": import_,
    "fits": fits_,
    "coverage": coverage_,
    "accuracy": accuracy_,
    "latency": latency_,
}


def main(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    print(f"{os.cpu_count()} cores, {platform.machine()}, CPython {platform.python_version()}")
    for name in options.parts or PARTS:
        began = time.perf_counter()
        print(f"\n{PARTS[name].__doc__}:", flush=True)
        answer = PARTS[name](options)
        for table in answer if isinstance(answer, Iterator) else [answer]:
            print(f"\n{table}", flush=True)
        print(f"\n({time.perf_counter() - began:.0f} s)", flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them unless named")
    parser.add_argument("--database", choices=KINDS, action="append", help="only this one")
    parser.add_argument("--rounds", type=int, default=5, help="write: rounds of each server, whose medians are printed (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="write: of each round (3)")
    parser.add_argument("--connections", type=int, nargs="+", default=[8, 32], help="write: connections with a match under way each (8 32)")
    parser.add_argument("--large", action="store_true", help="import: a generated league of a million matches too; fits and latency: ten million")
    parser.add_argument("--quick", action="store_true", help="fits: one round of each way")
    parser.add_argument("--scale", type=float, default=1.0, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    main(sys.argv[1:])
