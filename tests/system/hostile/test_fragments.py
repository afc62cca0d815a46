# SPDX-License-Identifier: MIT
"""Messages in fragments that do not keep to what their first one said."""

import os
import unittest

import heliograph
import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind, Status
from real_switch import HostileTest, Raw, begin


def more(correlation: int, body: bytes, last: bool = False,
         kind: Kind = Kind.MESSAGE, subject: str = "") -> Frame:
    return Frame(kind, Flag.LAST if last else Flag(0), correlation, subject,
                 body=body)


class FragmentTest(HostileTest):
    def test_what_does_not_keep_to_the_total(self) -> None:
        cases = {
            "exceed": [begin(1, 4, b"ab"), more(1, b"cde", last=True)],
            "exceed ": [begin(1, 4, b"ab"), more(1, b"cde")],
            "last": [begin(1, 4, b"ab"), more(1, b"c", last=True)],
            "last ": [begin(1, 4, b"ab"), more(1, b"cd")],
            "first": [begin(1, 2, b"abc")],
            "first ": [begin(1, 2, b"ab")],
            "first  ": [begin(1, 0, b"")],
            "total": [Frame(Kind.MESSAGE, Flag.FIRST, 1, "test.a",
                            body=b"ab")],
            "not begun": [more(1, b"x")],
            "not begun ": [more(1, b"x", last=True)],
            "not begun  ": [begin(1, 4, b"ab"), Frame(Kind.ABORT, Flag(0), 1),
                            more(1, b"cd", last=True)],
            "not begun   ": [begin(1, 4, b"ab"),
                             more(1, b"cd", True, Kind.CALL)],
            "subject": [begin(1, 4, b"ab"), more(1, b"cd", subject="test.b")],
            "not begun    ": [Frame(Kind.ABORT, correlation=1)],
        }
        for pattern, frames in cases.items():
            with self.subTest(pattern):
                raw = self.fresh()
                raw.send(*frames)
                self.assert_ended(raw, pattern.strip())

    def test_longer_than_message_max(self) -> None:
        raw = self.raw()
        for n, total in enumerate((1 << 30, 1 << 63, (1 << 64) - 1), 1):
            with self.subTest(total=total):
                raw.send(begin(n, total, b"x"))
                answer = raw.expect(Kind.REFUSED)
                self.assertEqual(answer.correlation, n)
                self.assertEqual(answer.status, Status.INVALID_ARGUMENT)

    def test_a_call_longer_than_message_max(self) -> None:
        raw, server = self.raw(), self.raw("friend")
        server.serve("test.vast")
        for n, total in enumerate((1 << 30, 1 << 63, (1 << 64) - 1), 1):
            with self.subTest(total=total):
                raw.send(begin(n, total, b"x", "test.vast", Kind.CALL))
                answer = raw.expect(Kind.REPLY)
                self.assertEqual(answer.correlation, n)
                self.assertNotEqual(answer.status, Status.OK)
        self.assert_alive(server)

    def test_a_reply_longer_than_the_room(self) -> None:
        caller, server = self.raw(), self.raw("friend")
        server.serve("test.long")
        for n, total in enumerate((3000, 1 << 63, (1 << 64) - 1), 1):
            with self.subTest(total=total):
                caller.send(Frame(Kind.CALL, WHOLE | Flag.EXTENDED, n,
                                  "test.long", room_kib=2))
                id_ = server.expect(Kind.CALL).correlation
                server.send(begin(id_, total, b"x", "", Kind.REPLY))
                answer = caller.expect(Kind.REPLY)
                self.assertEqual(answer.status, Status.RESOURCE_EXHAUSTED)
        self.assert_alive(server)

    def test_too_many_begun(self) -> None:
        raw = self.fresh()
        most = wire.pb_decode(wire.WELCOME, self.welcome.body)
        raw.send(*[begin(n, 100, b"x")
                   for n in range(1, most["open_messages_max"] + 9)])
        self.assert_ended(raw, "open_messages_max .*: 64 of 64",
                          Status.RESOURCE_EXHAUSTED,
                          "too many messages are begun on a channel")

    def fresh(self) -> Raw:
        """A new channel, and what is counted so far."""
        self.count_reasons()
        raw = self.raw(greet=False)
        self.welcome = raw.greet()
        return raw

    def test_whoever_dies_aborts(self) -> None:
        bus = self.client()
        sub = bus.subscribe("test.broken")
        with self.switch.raw("evil") as raw:
            raw.send(begin(1, 200_000, bytes(60_000), "test.broken"),
                     more(1, bytes(60_000)))
            raw.sync()
        bus.publish("test.broken", b"whole")
        self.assertEqual(sub.receive(timeout=10).body, b"whole")
        while bus._assembly._open:
            bus.sync()

    def test_a_call_is_not_finished(self) -> None:
        server = self.client("friend")
        service = server.serve("test.half")
        with self.switch.raw("evil") as raw:
            raw.send(begin(1, 200_000, bytes(60_000), "test.half",
                           Kind.CALL))
            raw.sync()
            server.sync()
            self.assertEqual(len(server._assembly._open), 1)
        while server._assembly._open:
            server.sync()
        caller = self.client()
        caller._channel.send(Frame(Kind.CALL, WHOLE, 1 << 40, "test.half"))
        self.assertEqual(service.receive(timeout=10).body, b"")

    def test_a_reply_is_not_finished(self) -> None:
        server, caller = self.raw("evil"), self.raw("good")
        server.serve("test.half")
        caller.send(Frame(Kind.CALL, WHOLE, 1, "test.half"))
        id_ = server.expect(Kind.CALL).correlation
        server.send(begin(id_, 9, b"x", "", Kind.REPLY))
        self.assertFalse(caller.expect(Kind.REPLY).flags & Flag.LAST)
        server.socket.close()
        answer = caller.expect(Kind.REPLY)
        self.assertEqual(answer.flags & WHOLE, WHOLE)
        self.assertEqual(answer.status, Status.UNAVAILABLE)
        self.assertTrue(answer.from_bus and answer.handed_over)

    def test_many_at_once_stay_apart(self) -> None:
        bus, raw = self.client(), self.raw()
        sub = bus.subscribe("test.mixed")
        bodies = {n: os.urandom(4000) for n in range(1, 33)}
        raw.send(*[begin(n, 4000, body[:1000], "test.mixed")
                   for n, body in bodies.items()])
        for at in 1000, 2000:
            raw.send(*[more(n, body[at:at + 1000])
                       for n, body in bodies.items()])
        raw.send(*[more(n, body[3000:], last=True)
                   for n, body in bodies.items()])
        for body in bodies.values():
            item = sub.receive(timeout=10)
            self.assertIsInstance(item, heliograph.Message)
            self.assertEqual(item.body, body)


if __name__ == "__main__":
    unittest.main()
