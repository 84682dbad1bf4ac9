"""The bits of the ledger: the same from Python, from machine code with and without fused multiply-add, and from C; accurate over a dense sample."""

import ctypes
import math
import os
import shutil
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest

from app.core.kernels import exponential, logistic
from tests.laws.replayed import COMPETITORS, RULES, digest, history, replayed, sweep

ROOT = Path(__file__).resolve().parents[2]
FROZEN = "c246c52842693de538f1516b9a203780489db06841f72004181f22d5a3949358"
"""Of a whole replay. Whatever changes it changes every ledger, and needs a new name of the algorithm."""

PROCESSORS = {
    "with fused multiply-add": {"NUMBA_CPU_FEATURES": "+fma"},
    "without fused multiply-add": {"NUMBA_CPU_FEATURES": "-fma,-fma4,-avx512f,-avx2,-avx"},
}


def test_a_whole_replay_keeps_every_bit():
    assert digest() == FROZEN


@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=list(PROCESSORS))
def test_machine_code_for_other_processors_says_the_same(processor, tmp_path):
    pytest.importorskip("numba", reason="numba is not installed")
    if "+fma" in processor.values() and "fma" not in _features():
        pytest.skip("this processor cannot fuse")
    environment = {**os.environ, **processor, "NUMBA_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-m", "tests.laws.replayed"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", FROZEN]


def _features():
    import llvmlite.binding

    return [name for name, there in llvmlite.binding.get_host_cpu_features().items() if there]


C = r"""
#include <math.h>
double exponential(double x) {
    if (x >= -745.1332191019412 && x <= 709.782712893384) {
        int k = x >= 0.0 ? (int)(x * 1.4426950408889634 + 0.5) : (int)(x * 1.4426950408889634 - 0.5);
        double high = x - k * 0.6931471803691238, low = k * 1.9082149292705877e-10, r = high - low, t = r * r;
        double c = r - t * (0.16666666666666602 + t * (-0.0027777777777015593 + t * (6.613756321437934e-05
                 + t * (-1.6533902205465252e-06 + t * 4.1381367970572385e-08))));
        return ldexp(1.0 - ((low - r * c / (2.0 - c)) - high), k);
    }
    return x > 0.0 ? INFINITY : x < 0.0 ? 0.0 : x;
}
double logistic(double x) { return 1.0 / (1.0 + exponential(-x)); }
void replay(long n, const long *first, const long *second, const double *score, const double *weight, const double *side,
            double *ratings, double *expected, double k, double advantage, double unit) {
    for (long m = 0; m < n; m++) {
        double a = ratings[first[m]], b = ratings[second[m]];
        double p = logistic((a - b + advantage * side[m]) / unit), step = k * weight[m] * (score[m] - p);
        expected[m] = p;
        ratings[first[m]] = a + step;
        ratings[second[m]] = b - step;
    }
}
"""


@pytest.fixture(scope="module", params=["-O0", "-O3"])
def in_c(request, tmp_path_factory):
    """Whoever keeps the order of operations and forbids contraction has our bits, in any language."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None or ctypes.sizeof(ctypes.c_long) != 8:
        pytest.skip("there is no C compiler with 64-bit long")
    folder = tmp_path_factory.mktemp("c")
    (folder / "elo.c").write_text(C, encoding="utf-8")
    fused = ["-mfma"] if "fma" in _flags() else []
    options = [request.param, "-std=c11", "-ffp-contract=off", *fused, "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", str(folder / "elo.so"), str(folder / "elo.c"), "-lm"], check=True)
    library = ctypes.CDLL(str(folder / "elo.so"))
    for name in ("exponential", "logistic"):
        getattr(library, name).restype, getattr(library, name).argtypes = ctypes.c_double, [ctypes.c_double]
    return library


def _flags():
    information = Path("/proc/cpuinfo")
    return information.read_text(encoding="utf-8").split() if information.exists() else []


def test_c_has_the_same_kernel(in_c):
    values = sweep()
    assert [(in_c.exponential(x), in_c.logistic(x)) for x in values[::3]] == list(zip(values[1::3], values[2::3], strict=True))


def test_c_has_the_same_replay(in_c):
    kinds = (np.int64, np.int64, np.float64, np.float64, np.float64)
    columns = [np.array(column, dtype=kind) for column, kind in zip(history(), kinds, strict=True)]
    ratings, expected = np.full(COMPETITORS, RULES.initial), np.empty(len(columns[0]))
    addresses = [ctypes.c_void_p(column.ctypes.data) for column in (*columns, ratings, expected)]
    constants = [ctypes.c_double(value) for value in (RULES.k, RULES.side_advantage, 400.0 / 2.302585092994046)]
    in_c.replay(ctypes.c_long(len(expected)), *addresses, *constants)
    ours, log = replayed()
    assert ratings.tolist() == ours
    assert expected.tolist() == log.expected


def _worst(function, exact, points):
    def units(x):
        truth = exact(Decimal(x))
        return abs(Decimal(function(x)) - truth) / Decimal(math.ulp(float(truth)))

    with localcontext(prec=40):
        return float(max(map(units, points)))


def _dense(low, high, n=12_000):
    """Evenly spaced, and beside every multiple of ½ ln 2, where the reduction changes its mind."""
    turns = 0.34657359027997264 * np.arange(np.ceil(low / 0.3466), np.floor(high / 0.3466))
    every = np.concatenate([np.linspace(low, high, n), turns, np.nextafter(turns, low), np.nextafter(turns, high)])
    return every[(every >= low) & (every <= high)].tolist()


@pytest.mark.parametrize(("low", "high"), [(-1e-3, 1e-3), (-4.0, 4.0), (-40.0, 40.0), (-708.0, 709.0)])
def test_the_exponential_is_within_one_unit_in_the_last_place_over_a_dense_sample(low, high):
    assert _worst(exponential, lambda x: x.exp(), _dense(low, high)) < 1.0


@pytest.mark.parametrize(("low", "high", "most"), [(-1e-3, 1e-3, 2.0), (-4.0, 4.0, 2.0), (-36.8, -36.7, 3.0), (-700.0, 700.0, 3.0)])
def test_the_expected_score_is_accurate_over_a_dense_sample(low, high, most):
    """Two roundings follow the exponential. Far out on the losing side its error is doubled where 1 + e^-x passes a power of two."""
    assert _worst(logistic, lambda x: 1 / (1 + (-x).exp()), _dense(low, high)) <= most


def test_the_expected_score_rises_with_the_difference():
    points = np.sort(np.concatenate([np.linspace(-40.0, 40.0, 40_001), np.linspace(-1e-6, 1e-6, 2_001)])).tolist()
    assert np.all(np.diff([logistic(x) for x in points]) >= 0.0)
