# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""Compares objbus's CBOR with the library cbor2, for DifferentialTests.swift.

    cbor2_harness.py check           reads encodings of objbus from standard input, in hexadecimal,
                                     one on a line; prints for each what we would have encoded
    cbor2_harness.py generate SEED N prints N lines: an encoding by cbor2, a blank, and what objbus
                                     must make of it

"What we would have encoded" takes scalars from cbor2's canonical form, but not what cbor2 5.9 does
otherwise than RFC 8949 wants: it sorts keys by length first, as RFC 7049 did, writes numbers from
32768 to 65504 as singles where halves would do, and the fractional seconds of tag 1 as doubles.
"""

import datetime
import random
import struct
import sys
import uuid
from collections.abc import Mapping

import cbor2


def head(major, argument):
    """The head of an item: that of an unsigned integer with another major type."""
    encoded = bytearray(cbor2.dumps(argument, canonical=True))
    encoded[0] |= major << 5
    return bytes(encoded)


def encode(item):
    """The deterministic encoding by RFC 8949, section 4.2.1."""
    if isinstance(item, Mapping):
        entries = sorted((encode(key), encode(value)) for key, value in item.items())
        return head(5, len(entries)) + b"".join(key + value for key, value in entries)
    if isinstance(item, (list, tuple)):
        return head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, (set, frozenset)):
        return head(6, 258) + head(4, len(item)) + b"".join(sorted(map(encode, item)))
    if isinstance(item, cbor2.CBORTag):
        return head(6, item.tag) + encode(item.value)
    if isinstance(item, float):
        return shortest(item)
    if isinstance(item, datetime.datetime):
        seconds = item.timestamp()
        return head(6, 1) + encode(int(seconds) if seconds.is_integer() else seconds)
    return cbor2.dumps(item, canonical=True)


def shortest(number):
    """A float in the shortest width that gives it back, sign of zero included."""
    if number != number:
        return b"\xf9\x7e\x00"
    for initial, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, number)
        except OverflowError:
            continue
        if struct.pack(">d", *struct.unpack(form, packed)) == struct.pack(">d", number):
            return initial + packed
    return b"\xfb" + struct.pack(">d", number)


def check():
    for line in sys.stdin:
        print(encode(cbor2.loads(bytes.fromhex(line))).hex())


def scalar(dice):
    """A scalar that may also be a key: Python takes 1, 1.0 and True for the same key."""
    letters = "ab$\u00e9\u6c34\U0001f600\0"
    text = "".join(dice.choice(letters) for _ in range(dice.choice([0, 1, 5, 30])))
    return dice.choice(
        [
            dice.choice([-1, 1]) * dice.getrandbits(dice.randint(0, 65)),
            dice.choice([-1, 1]) * dice.getrandbits(200),
            dice.choice([23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, 2**64]),
            -1 - dice.choice([23, 24, 255, 256, 65535, 65536, 2**32, 2**63 - 1, 2**63, 2**64 - 1]),
            text,
            dice.randbytes(dice.choice([0, 1, 23, 24, 300])),
            uuid.UUID(bytes=dice.randbytes(16)),
        ]
    )


def anything(dice, depth=4):
    kind = dice.randint(0, 9 if depth else 6)
    if kind <= 3:
        return scalar(dice)
    if kind == 4:
        return dice.choice([None, True, False])
    if kind == 5:
        return dice.choice(
            [
                dice.uniform(-1000, 1000),
                dice.randint(-4096, 4096) / 64,
                dice.choice([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 65504.0]),
                dice.choice([65536.0, 5.960464477539063e-08, 2.0**-25, 1e300, 5e-324, 3.5e38]),
            ]
        )
    if kind == 6:
        seconds = dice.randint(-(10**9), 4 * 10**9) + dice.choice([0, 0, 0.5, 0.25])
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    count = dice.choice([0, 1, 2, 5, 24, 30] if depth == 4 else [0, 1, 2, 3])
    if kind == 7:
        return [anything(dice, depth - 1) for _ in range(count)]
    if kind == 8:
        return {scalar(dice) for _ in range(count)}
    return {scalar(dice): anything(dice, depth - 1) for _ in range(count)}


def generate(seed, count):
    dice = random.Random(seed)
    for _ in range(count):
        item = anything(dice)
        indefinite = dice.random() < 0.5 and isinstance(item, (list, dict))
        options = {"indefinite_containers": True} if indefinite else {}
        foreign = cbor2.dumps(item, datetime_as_timestamp=True, **options)
        print(foreign.hex(), encode(item).hex())


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check()
    else:
        generate(int(sys.argv[2]), int(sys.argv[3]))
