# SPDX-License-Identifier: MIT
"""Peers that begin something and leave it at that: 5 s for HELLO, 30 s
between fragments. All of them wait at the same time."""

import time
import unittest

from heliowire import Status
from real_switch import HostileTest, begin, reasons

GREETING, PAUSE, SLACK = 5, 30, 3


class PatienceTest(HostileTest):
    def test_who_says_nothing_and_who_does_not_finish(self) -> None:
        start = time.monotonic()
        silent = self.raw(greet=False)
        halfway = self.raw(greet=False)
        halfway.send(b"\x40\x00")
        unfinished = self.raw()
        unfinished.send(begin(1, 100_000, b"the first of many"))
        bus = self.client()
        sub = bus.subscribe("test.a")
        for raw in silent, halfway, unfinished:
            raw.socket.settimeout(PAUSE + SLACK + 5)

        frame = halfway.receive()
        waited = time.monotonic() - start
        self.assertRegex(frame.body.decode(), "HELLO")
        self.assertEqual(frame.status, Status.DEADLINE_EXCEEDED)
        self.assertTrue(GREETING - 1 < waited < GREETING + SLACK, waited)
        while frame := silent.receive():
            self.assertRegex(frame.body.decode(), "HELLO")
        waited = time.monotonic() - start
        self.assertTrue(GREETING - 1 < waited < GREETING + SLACK, waited)

        self.assertEqual(reasons(self.judge)
                         ["it connected and said nothing"], 1)

        self.assert_ended(unfinished, "finished in time",
                          Status.DEADLINE_EXCEEDED)
        waited = time.monotonic() - start
        self.assertTrue(PAUSE - 1 < waited < PAUSE + SLACK, waited)
        self.wait_peers(1)
        bus.publish("test.a", b"after")
        self.assertEqual(sub.receive(timeout=10).body, b"after")


if __name__ == "__main__":
    unittest.main()
