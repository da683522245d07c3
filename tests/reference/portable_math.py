"""Logarithm and exponential by the native forest's series, so that both draw the same bits.

What a sampler keeps feeds what it draws next, and an error in the last place grows at each step.
"""

import struct

LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
ROOT_HALF = 0x3FE6A09E667F3BCD


def log_ratio(s: float) -> float:
    """Return ln((1 + s) / (1 - s))."""
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 + z * (1.0 / 3.0)) + z2 * (1.0 / 5.0 + z * (1.0 / 7.0))
    high = (1.0 / 9.0 + z * (1.0 / 11.0)) + z2 * (1.0 / 13.0 + z * (1.0 / 15.0))
    return 2.0 * s * (low + z4 * (high + z4 * (1.0 / 17.0)))


def log(x: float) -> float:
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    exponent = (bits - ROOT_HALF) >> 52
    mantissa: float = struct.unpack("<d", struct.pack("<q", bits - (exponent << 52)))[0]
    e = float(exponent)
    return e * LN2_HIGH + (log_ratio((mantissa - 1.0) / (mantissa + 1.0)) + e * LN2_LOW)


def log1p(x: float) -> float:
    """Return ln(1 + x) for x >= 0."""
    return log_ratio(x / (x + 2.0)) if x < 0.4 else log(1.0 + x)


def expm1(x: float) -> float:
    """Return e^x - 1; 700 stands for all that is larger."""
    x = min(max(x, -700.0), 700.0)
    n = float(round(x * 1.4426950408889634))
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (1.0 / 2.0 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0))
    high = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0))
    series = r + r2 * (low + r4 * (high + r4 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))))
    scale = 2.0 ** int(n)
    return scale * series + (scale - 1.0)


def exp(x: float) -> float:
    return 1.0 + expm1(x)
