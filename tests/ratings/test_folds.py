"""The loop of a replay says the same in every bit, whoever runs it; and machine code that says otherwise is not used."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from app.ratings import folds
from app.ratings.online import EloRules, KByGames, elo, replay


@pytest.fixture
def fresh(monkeypatch):
    """Machine code is looked for anew, before and after."""
    folds.machine_fold.cache_clear()
    yield monkeypatch
    folds.machine_fold.cache_clear()


def _history(n, competitors=50):
    rng = np.random.default_rng(4)
    first = rng.integers(0, competitors, n)
    second = (first + rng.integers(1, competitors, n)) % competitors
    return first, second, rng.random(n), rng.exponential(2.0, n), rng.choice([-1.0, 0.0, 1.0], n)


def _compiler(answer=lambda function: function, *, folder=True):
    """What `folds` asks of numba: it runs Python, and may refuse to keep anything."""

    def njit(function, *, cache, **options):
        assert options == {"fastmath": False, "boundscheck": True, "error_model": "numpy"}
        if cache and not folder:
            raise RuntimeError("cannot cache function: no locator available")
        return answer(function)

    return SimpleNamespace(config=SimpleNamespace(CACHE_DIR=""), njit=njit)


def _both_ways(monkeypatch, n):
    first, second, score, weight, side = columns = _history(n)
    lists = [column.tolist() for column in columns]
    answers = []
    for long in (0, sys.maxsize):
        monkeypatch.setattr(folds, "LONG", long)
        online = elo(first, second, score, weight, side=side, side_advantage=30.0)
        log = replay(EloRules(KByGames(40.0, 30, 20.0), side_advantage=30.0), *lists, ratings := [1500.0] * 50)
        answers.append(([online.rating.tobytes(), online.probability.tobytes(), online.delta.tobytes()], log, ratings))
    return answers


def test_machine_code_says_what_python_says_in_every_bit(fresh):
    pytest.importorskip("numba", reason="numba is not installed")
    assert folds.machine_fold() is not None
    machine, python = _both_ways(fresh, 200_000)
    assert machine == python


def test_no_product_is_fused_with_a_sum(fresh, tmp_path):
    pytest.importorskip("numba", reason="numba is not installed").config.CACHE_DIR = str(tmp_path)
    for text in folds.machine_fold().inspect_llvm().values():
        assert not {"contract", "fast", "fmuladd"} & set(text.replace("(", " ").split())


@pytest.mark.parametrize("folder", [True, False])
def test_long_histories_go_through_whatever_compiles(fresh, folder):
    fresh.setitem(sys.modules, "numba", _compiler(folder=folder))
    machine, python = _both_ways(fresh, 500)
    assert folds.machine_fold() is not None
    assert machine == python


def test_machine_code_that_differs_in_one_bit_is_not_used(fresh):
    def off_by_a_bit(function):
        def machine(*arguments):
            function(*arguments)
            arguments[-1][0][-1:] = np.nextafter(arguments[-1][0][-1:], 2.0)

        return machine if function.__name__ == "fold" else function

    fresh.setitem(sys.modules, "numba", _compiler(off_by_a_bit))
    assert folds.machine_fold() is None


def test_without_numba_python_runs_it(fresh):
    fresh.setitem(sys.modules, "numba", None)
    assert folds.machine_fold() is None
    fresh.setattr(folds, "LONG", 0)
    assert elo([0], [1], [1.0]).rating.tolist() == [1516.0, 1484.0]


def test_the_cache_folder_of_others_is_left_as_it_is(fresh):
    compiler = _compiler()
    fresh.setitem(sys.modules, "numba", compiler)
    folds.machine_fold()
    assert compiler.config.CACHE_DIR == ""
