"""The expected score of every online rating, the same in every bit on any machine.

    exponential(x) = e^x        logistic(x) = 1 / (1 + e^-x)

Both are made of IEEE 754 + − × ÷ on doubles in a fixed order, and of scaling by a power of two. Nothing comes from a mathematical library,
because two builds of one library differ in the last bit, and a ledger that is replayed elsewhere must not. The reduction x = k·ln 2 + r with
|r| ≤ ½ ln 2 and the rational approximation of e^r are those of FDLIBM (Sun Microsystems 1993, `e_exp.c`), whose error stays below one unit in
the last place. Whoever re-implements them keeps the order of operations, without contraction into fused multiply-add.
The batch fits do not need this and use NumPy.
"""

import math

OVERFLOW = 709.782712893384  # e^x is infinite above
UNDERFLOW = -745.1332191019412  # e^x is zero below

_LOG2_E = 1.4426950408889634
# The high part of ln 2 has 20 trailing zero bits, so that k times it is exact.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10

_P1 = 0.16666666666666602
_P2 = -0.0027777777777015593
_P3 = 6.613756321437934e-05
_P4 = -1.6533902205465252e-06
_P5 = 4.1381367970572385e-08


def exponential(x: float) -> float:
    """e^x within one unit in the last place.

    r = x − k ln 2, c = r − r²·P(r²), e^r = 1 + r + r·c/(2 − c), e^x = 2^k e^r.

    Parameters
    ----------
    x : float
        Any double. Too large gives infinity, too small zero, NaN itself; nothing raises.

    Returns
    -------
    float
        e^x.
    """
    if UNDERFLOW <= x <= OVERFLOW:
        k = int(x * _LOG2_E + 0.5) if x >= 0.0 else int(x * _LOG2_E - 0.5)
        high = x - k * _LN2_HIGH
        low = k * _LN2_LOW
        r = high - low
        t = r * r
        c = r - t * (_P1 + t * (_P2 + t * (_P3 + t * (_P4 + t * _P5))))
        return math.ldexp(1.0 - ((low - r * c / (2.0 - c)) - high), k)
    if x > OVERFLOW:
        return math.inf
    return 0.0 if x < UNDERFLOW else x


def logistic(x: float) -> float:
    """1 / (1 + e^-x) within three units in the last place: the expected score at a difference of x natural units.

    Parameters
    ----------
    x : float
        Any double; far out it saturates at 0 and 1.

    Returns
    -------
    float
        A number in [0, 1]; exactly ½ at 0.
    """
    return 1.0 / (1.0 + exponential(-x))
