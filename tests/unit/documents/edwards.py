"""The arithmetic of Ed25519 (RFC 8032 §5.1) as far as making odd keys and signatures needs it; slow and plain."""

from __future__ import annotations

import hashlib

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, FIELD) % FIELD

Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def decode(data: bytes) -> Point:
    """The point of 32 bytes, whose y need not be reduced; raises ValueError where there is none."""
    sign, y = data[31] >> 7, int.from_bytes(data, "little") % 2**255 % FIELD
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if (x * x - square) % FIELD:
        raise ValueError("no point has this y")
    return (x if x % 2 == sign else -x % FIELD, y)


BASE = decode(bytes.fromhex("58" + "66" * 31))
EIGHTH = decode(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
"""A point of order eight."""


def encode(point: Point) -> bytes:
    """32 bytes, reduced."""
    return (point[1] | (point[0] % 2) << 255).to_bytes(32, "little")


def add(one: Point, other: Point) -> Point:
    """The sum of two points."""
    (x1, y1), (x2, y2) = one, other
    cross = D * x1 * x2 * y1 * y2 % FIELD
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, FIELD) % FIELD
    return x, (y1 * y2 + x1 * x2) * pow(1 - cross, -1, FIELD) % FIELD


def times(scalar: int, point: Point) -> Point:
    """A multiple of a point."""
    total = NEUTRAL
    while scalar:
        total = add(total, point) if scalar & 1 else total
        point, scalar = add(point, point), scalar >> 1
    return total


def challenge(commitment: bytes, public: bytes, message: bytes) -> int:
    """k of RFC 8032 §5.1.6, reduced."""
    return int.from_bytes(hashlib.sha512(commitment + public + message).digest(), "little") % ORDER
