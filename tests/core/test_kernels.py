"""The kernel of the ledger: accurate to three units in the last place, frozen in every bit, and quiet far out."""

import ast
import hashlib
import inspect
import math
import struct
from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core import kernels
from app.core.kernels import exponential, logistic

FROZEN = [
    ("0x0.0p+0", "0x1.0000000000000p+0", "0x1.0000000000000p-1"),
    ("0x1.0000000000000p+0", "0x1.5bf0a8b14576ap+1", "0x1.764d4f5d5a2bdp-1"),
    ("-0x1.0000000000000p+0", "0x1.78b56362cef38p-2", "0x1.136561454ba86p-2"),
    ("0x1.0000000000000p-1", "0x1.a61298e1e069cp+0", "0x1.3eb2fd4d34391p-1"),
    ("-0x1.0000000000000p-1", "0x1.368b2fc6f960ap-1", "0x1.829a0565978dep-2"),
    ("0x1.62e42fefa39eep-2", "0x1.6a09e667f3bccp+0", "0x1.2bec333018867p-1"),
    ("0x1.62e42fefa39efp-2", "0x1.6a09e667f3bccp+0", "0x1.2bec333018867p-1"),
    ("0x1.62e42fefa39f0p-2", "0x1.6a09e667f3bcdp+0", "0x1.2bec333018867p-1"),
    ("0x1.26bb1bbb55516p+1", "0x1.4000000000001p+3", "0x1.d1745d1745d17p-1"),
    ("-0x1.26bb1bbb55516p+1", "0x1.9999999999998p-4", "0x1.745d1745d1745p-4"),
    ("0x1.4000000000000p+3", "0x1.5829dcf950560p+14", "0x1.fffa0cb346f89p-1"),
    ("-0x1.4000000000000p+3", "0x1.7cd79b5647c9ap-15", "0x1.7cd32e41dd960p-15"),
    ("0x1.9100000000000p+6", "0x1.8c39b9134bac4p+144", "0x1.0000000000000p+0"),
    ("-0x1.9100000000000p+6", "0x1.4acd31e167ebbp-145", "0x1.4acd31e167ebbp-145"),
    ("0x1.5e00000000000p+9", "0x1.d945df4f8ec8ep+1009", "0x1.0000000000000p+0"),
    ("-0x1.5e00000000000p+9", "0x1.14f2b0fb9307fp-1010", "0x1.14f2b0fb9307fp-1010"),
    ("-0x1.7200000000000p+9", "0x0.0000000000055p-1022", "0x0.0p+0"),
    ("0x1.62e42fefa39efp+9", "0x1.fffffffffff2ap+1023", "0x1.0000000000000p+0"),
    ("-0x1.c4acdc090aeb6p+1", "0x1.dd024b2ecc99ep-6", "0x1.cf8399bc5eb1ap-6"),
    ("-0x1.b8e4c99dd30acp+1", "0x1.057fccf43058ap-5", "0x1.fad1f16fdc3f4p-6"),
    ("0x1.011378df76ec6p+1", "0x1.dce4531f5758ap+2", "0x1.c36b27eefc292p-1"),
    ("-0x1.b86e44db4e65ep+2", "0x1.0d0e4bf63f81fp-10", "0x1.0cc7acc172916p-10"),
    ("-0x1.b879a3834e3b7p-2", "0x1.4d029c3fb6364p-1", "0x1.938c5e66713adp-2"),
    ("-0x1.b12ab5b889250p+2", "0x1.2d64cacb71582p-10", "0x1.2d0c2f54b85adp-10"),
    ("0x1.a6c5e96c0e9afp+1", "0x1.b31189d274e7ep+4", "0x1.edd6b3aa5862bp-1"),
    ("0x1.37a6c8ae62286p-1", "0x1.d68921ff22a2dp+0", "0x1.4b97d9cf38212p-1"),
    ("0x1.0469a4b4c207cp+2", "0x1.d3f68f6bda221p+5", "0x1.f764f046ca973p-1"),
    ("-0x1.833653a3d22f2p+0", "0x1.c345bfca1d85ep-3", "0x1.71ca3e429deafp-3"),
    ("0x1.31d04e274336bp+0", "0x1.a6ae09a48de9ep+1", "0x1.88fda1175083ep-1"),
    ("-0x1.b71b8d96de2edp-1", "0x1.b25862171ba2ep-2", "0x1.30fb7a0a4dbe1p-2"),
    ("-0x1.1b847e1c40aaep+1", "0x1.bf19f25f3fae1p-4", "0x1.9319c4c39dc72p-4"),
    ("0x1.be6fb51c143eap-2", "0x1.8be543b17764dp+0", "0x1.36efe70e1efcbp-1"),
]
"""x, e^x and the logistic function of x. Any difference here changes every ledger: it needs a new name of the algorithm."""


def _sweep():
    """Points all over the range, and on both sides of where the reduction by ln 2 changes its k."""
    yield from (index / 256.0 for index in range(-4096, 4097))
    for k in range(-1000, 1000, 7):
        yield from ((k + 0.5) * 0.6931471805599453 * (1.0 + offset) for offset in (-1e-4, -1e-9, 0.0, 1e-9, 1e-4))


def test_not_one_bit_changes_over_a_sweep():
    values = [value for x in _sweep() for value in (exponential(x), logistic(x))]
    assert hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest() == "9b393a3a400a4f6c1f66a8e957007133e66aac5a4a7f56160a98e80b3879c7a0"


def test_the_constants_are_those_of_fdlibm():
    assert [getattr(kernels, f"_P{index}").hex() for index in range(1, 6)] == [
        "0x1.555555555553ep-3",
        "-0x1.6c16c16bebd93p-9",
        "0x1.1566aaf25de2cp-14",
        "-0x1.bbd41c5d26bf1p-20",
        "0x1.6376972bea4d0p-25",
    ]
    assert (kernels._LN2_HIGH.hex(), kernels._LN2_LOW.hex()) == ("0x1.62e42fee00000p-1", "0x1.a39ef35793c76p-33")


def _units_in_the_last_place(value: float, exact: Decimal) -> Decimal:
    return abs(Decimal(value) - exact) / Decimal(math.ulp(float(exact)))


@pytest.mark.parametrize(("x", "exponential_of_x", "logistic_of_x"), FROZEN)
def test_not_one_bit_changes(x, exponential_of_x, logistic_of_x):
    assert exponential(float.fromhex(x)).hex() == exponential_of_x
    assert logistic(float.fromhex(x)).hex() == logistic_of_x


@given(st.floats(-708.0, 709.0))
def test_exponential_is_within_one_unit_in_the_last_place(x):
    with localcontext(prec=50):
        assert _units_in_the_last_place(exponential(x), Decimal(x).exp()) <= 1


@given(st.floats(-700.0, 700.0) | st.floats(-4.0, 4.0))
@example(-36.7632830479655)
def test_logistic_is_within_three_units_in_the_last_place(x):
    """The exponential is within 0.90 units, and two more roundings follow; the worst that a search found is 2.18 units, at the example."""
    with localcontext(prec=50):
        assert _units_in_the_last_place(logistic(x), 1 / (1 + Decimal(-x).exp())) <= 3


@given(st.floats(-745.0, -708.0))
def test_subnormal_results_round_to_the_nearest(x):
    assert abs(exponential(x) - math.exp(x)) <= math.ulp(0.0)


@given(st.floats())
def test_nothing_raises_and_nan_alone_gives_nan(x):
    assert math.isnan(exponential(x)) == math.isnan(x)
    assert math.isnan(logistic(x)) == math.isnan(x)


@given(st.floats(-800.0, 800.0))
def test_the_two_sides_share_one_point(x):
    assert logistic(x) + logistic(-x) == pytest.approx(1.0, abs=2**-52)


def test_both_saturate_far_out():
    assert exponential(710.0) == exponential(math.inf) == math.inf
    assert exponential(-746.0) == exponential(-math.inf) == 0.0
    assert [logistic(-math.inf), logistic(-800.0), logistic(800.0), logistic(math.inf)] == [0.0, 0.0, 1.0, 1.0]


def test_no_mathematical_library_is_asked_for_more_than_a_power_of_two():
    used = {node.attr for node in ast.walk(ast.parse(inspect.getsource(kernels))) if isinstance(node, ast.Attribute)}
    assert used == {"ldexp", "inf"}
