# SPDX-License-Identifier: MIT
"""Bytes that mean nothing, and good frames with a few bytes wrong."""

import random
import struct
import time
import unittest

import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind
from real_switch import HostileTest, Raw, begin, reasons

SEED = 20240229
SECONDS = 5


def good_frames(chance: random.Random) -> list[Frame]:
    id_ = chance.randrange(1, 5)
    return [
        Frame(Kind.MESSAGE, WHOLE | Flag.ACK_ROUTED, id_, "test.garbage.a",
              body=chance.randbytes(chance.randrange(200))),
        begin(id_, 50, b"x" * 20, "test.garbage.b"),
        Frame(Kind.MESSAGE, Flag.LAST, id_, body=b"y" * 30),
        Frame(Kind.CALL, WHOLE | Flag.EXTENDED, id_, "test.garbage.s",
              room_kib=1, time_left_ms=50),
        Frame(Kind.REPLY, WHOLE, 1 << 63 | id_ << 32),
        Frame(Kind.CANCEL, correlation=id_),
        Frame(Kind.ABORT, correlation=id_),
        Frame(Kind.SUBSCRIBE, Flag(0), 1, "test.garbage.>",
              body=wire.pb_encode(wire.SUBSCRIBE, id=id_,
                                  credit_messages=100, credit_bytes=100_000,
                                  overflow=chance.randrange(4),
                                  group=chance.choice([None, "g"]))),
        Frame(Kind.SERVE, Flag(0), 1, "test.garbage.s", body=wire.pb_encode(
            wire.SERVE, id=id_, credit_calls=10, credit_bytes=100_000)),
        Frame(Kind.UNSUBSCRIBE, correlation=1, body=struct.pack("<I", id_)),
        Frame(Kind.UNSERVE, correlation=1, body=struct.pack("<I", id_)),
        Frame(Kind.CREDIT, body=struct.pack("<IIQ", id_, 9, 9999)),
        Frame(Kind.ACK, body=struct.pack("<QIHBBQ", id_ << 32, 1, 0, 1, 0,
                                         7)),
        Frame(Kind.SYNC, correlation=1),
        Frame(Kind.PING, correlation=1, body=b"p"),
    ]


def spoil(chance: random.Random, data: bytes) -> bytes:
    """Change a few bytes, mostly of the header."""
    raw = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        end = min(len(raw), 64) if chance.random() < 0.8 else len(raw)
        raw[chance.randrange(end)] = chance.choice(
            [0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)])
    return bytes(raw)


class GarbageTest(HostileTest):
    def attack(self, raw: Raw, chance: random.Random) -> None:
        if chance.random() < 0.2:
            raw.send(chance.randbytes(chance.randrange(1, 20_000)))
            return
        for _ in range(chance.randrange(1, 60)):
            data = chance.choice(good_frames(chance)).encode()
            raw.send(spoil(chance, data) if chance.random() < 0.1 else data)

    def test_garbage(self) -> None:
        chance = random.Random(SEED)
        rounds, end = self.witness.rounds, time.monotonic() + SECONDS
        n = 0
        while time.monotonic() < end:
            with self.switch.raw(greet=chance.random() < 0.9) as raw:
                self.attack(raw, chance)
                if chance.random() < 0.5:
                    raw.finish()
            n += 1
        self.assertGreater(n, 50)
        self.assertGreater(self.witness.rounds, rounds + 20)
        self.wait_peers()
        now = reasons(self.judge)
        self.assertGreater(len(now), 5, now)
        self.assertGreaterEqual(sum(now.values()), n)


if __name__ == "__main__":
    unittest.main()
