# SPDX-License-Identifier: MIT
"""Bytes that mean nothing, and good frames with a few bytes wrong."""

import os
import random
import struct
import time
import unittest

import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind
from real_switch import HostileTest, Switch, begin, reasons

# Another seed or a longer time is worth a try by hand.
SEED = int(os.environ.get("HELIO_SEED", "20240229"))
SECONDS = float(os.environ.get("HELIO_SECONDS", "5"))


def lawful(chance: random.Random, n: int) -> list[Frame]:
    """What a good client might send, `n` being an id that it never used."""
    id_ = chance.randrange(1, 5)
    first = begin(n, 50, b"x" * 20, "test.garbage.b",
                  chance.choice([Kind.MESSAGE, Kind.CALL]))
    last = Frame(first.kind, Flag.LAST, n, body=b"y" * 30)
    return chance.choice([
        [Frame(Kind.MESSAGE,
               WHOLE | chance.choice([Flag(0), Flag.ACK_ROUTED,
                                      Flag.ACK_STORED]),
               n, "test.garbage.a",
               body=chance.randbytes(chance.randrange(200)))],
        [first, last],
        [first, Frame(Kind.ABORT, correlation=n)],
        [Frame(Kind.CALL, WHOLE | Flag.EXTENDED
               | chance.choice([Flag(0), Flag.WAIT]), n, "test.garbage.s",
               room_kib=1, time_left_ms=chance.choice([1, 50, 5000]))],
        [Frame(Kind.CANCEL, correlation=chance.randrange(1, n + 1))],
        [Frame(Kind.SUBSCRIBE, Flag(0), 1,
               chance.choice(["test.garbage.>", "test.garbage.a"]),
               body=wire.pb_encode(
                   wire.SUBSCRIBE, id=id_, overflow=chance.randrange(4),
                   credit_messages=chance.choice([0, 2, 100]),
                   credit_bytes=chance.choice([0, 300, 100_000]),
                   queue_messages=chance.choice([1, 5, 100]),
                   **chance.choice([{}, {"group": "g"}, {"observe": 1},
                                    {"capture": "log"}])))],
        [Frame(Kind.SERVE, Flag(0), 1,
               chance.choice(["test.garbage.s", "test.garbage.b"]),
               body=wire.pb_encode(wire.SERVE, id=id_, credit_calls=10,
                                   credit_bytes=100_000))],
        [Frame(chance.choice([Kind.UNSUBSCRIBE, Kind.UNSERVE]),
               correlation=1, body=struct.pack("<I", id_))],
        [Frame(Kind.CREDIT, body=struct.pack("<IIQ", id_, 9, 9999))],
        [Frame(Kind.SYNC, correlation=1)],
        [Frame(Kind.PING, correlation=1, body=b"p")],
    ])


def unlawful(chance: random.Random, n: int) -> list[Frame]:
    """What may or may not be right, as things stand."""
    id_ = chance.randrange(1, 5)
    call = 1 << 63 | id_ << 32 | chance.randrange(5)
    return chance.choice([
        [Frame(Kind.REPLY, WHOLE, call, body=b"r")],
        [begin(call, 50, b"x" * 20, "", Kind.REPLY),
         Frame(Kind.REPLY, Flag.LAST, call, body=b"y" * 30)],
        [begin(call, 50, b"x" * 20, "", Kind.REPLY),
         Frame(Kind.ABORT, correlation=call)],
        [Frame(Kind.ACK, body=struct.pack(
            "<QIHBBQ", id_ << 32 | chance.randrange(5), 1, 0, 1, 0, 7))],
        [begin(n, 50, b"x" * 20, "test.garbage.b")],
        [Frame(Kind.ABORT, correlation=chance.randrange(1, n + 1))],
    ])


def spoil(chance: random.Random, data: bytes) -> bytes:
    """Change a few bytes, mostly of the header."""
    raw = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        end = min(len(raw), 64) if chance.random() < 0.8 else len(raw)
        raw[chance.randrange(end)] = chance.choice(
            [0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)])
    return bytes(raw)


class Attacker:
    """One connection after the other, each until it goes wrong."""

    def __init__(self, switch: Switch, chance: random.Random) -> None:
        self.chance = chance
        self.connect = lambda: switch.raw(greet=chance.random() < 0.9)
        self.raw, self.n, self.n_lives = self.connect(), 0, 1

    def act(self) -> None:
        chance = self.chance
        self.n += 1
        if chance.random() < 0.003:
            self.raw.send(chance.randbytes(chance.randrange(1, 20_000)))
        make = lawful if chance.random() < 0.97 else unlawful
        for frame in make(chance, self.n):
            data = frame.encode()
            self.raw.send(spoil(chance, data) if chance.random() < 0.01
                          else data)
        if chance.random() < 0.2:
            self.look()

    def look(self) -> None:
        """Take what has come; some never do, and some leave early."""
        if self.chance.random() < 0.98 and self.raw.is_open():
            return
        self.raw.socket.close()
        self.raw, self.n = self.connect(), 0
        self.n_lives += 1


class GarbageTest(HostileTest):
    def test_garbage(self) -> None:
        chance = random.Random(SEED)
        rounds, end = self.witness.rounds, time.monotonic() + SECONDS
        attackers = [Attacker(self.switch, chance) for _ in range(5)]
        while time.monotonic() < end:
            chance.choice(attackers).act()
        for attacker in attackers:
            attacker.raw.socket.close()
        self.assertGreater(sum(a.n_lives for a in attackers), 50)
        self.assertGreater(self.witness.rounds, rounds + 20)
        self.wait_peers()
        now = reasons(self.judge)
        self.assertGreater(len(now), 5, now)


if __name__ == "__main__":
    unittest.main()
