# SPDX-License-Identifier: MIT
"""Peers that do to the streams of a call what they may not."""

import struct
import unittest

import heliograph
from heliowire import WHOLE, Flag, Frame, Kind, Status
from real_switch import HostileTest, Raw

MIB = 1 << 20
BOTH = Flag.MORE | Flag.STREAM
SUBJECT = "test.streams"


def window(*entries: tuple[int, int]) -> Frame:
    return Frame(Kind.WINDOW, body=b"".join(
        struct.pack("<QQ", *entry) for entry in entries))


class StreamTest(HostileTest):
    QUOTAS = "vm:evil slots 50\n"

    def open(self, caller: Raw, callee: Raw, room_kib: int = 64) -> int:
        """A call with both streams, 1 by the caller's id; the callee's."""
        self.assertEqual(callee.serve(SUBJECT, 1).status, Status.OK)
        caller.send(Frame(Kind.CALL, WHOLE | BOTH | Flag.EXTENDED, 1, SUBJECT,
                          room_kib=room_kib))
        id_ = callee.expect(Kind.CALL).correlation
        callee.send(window((id_, 1000)))
        caller.expect(Kind.WINDOW)
        return id_

    def test_a_server_that_sends_more_than_was_granted(self) -> None:
        evil, good = self.raw(), self.raw("good")
        id_ = self.open(good, evil, room_kib=1)
        evil.send(Frame(Kind.NEXT, WHOLE, id_, body=bytes(993)))
        self.assert_ended(evil, "more of a stream than was granted")
        reply = good.expect(Kind.REPLY)
        self.assertEqual((reply.status, reply.handed_over),
                         (Status.UNAVAILABLE, True))
        self.assert_alive(good)

    def test_a_caller_that_sends_more_than_was_granted(self) -> None:
        evil, good = self.raw(), self.raw("good")
        id_ = self.open(evil, good)
        evil.send(*[Frame(Kind.NEXT, WHOLE, 1)] * 32)
        self.assert_ended(evil, "more of a stream than was granted")
        for _ in range(31):
            self.assertEqual(good.expect(Kind.NEXT).correlation, id_)
        self.assertEqual(good.expect(Kind.CANCEL).correlation, id_)
        self.assert_alive(good)

    def test_a_caller_that_goes_on_after_the_end(self) -> None:
        evil, good = self.raw(), self.raw("good")
        self.open(evil, good)
        evil.send(Frame(Kind.END, correlation=1), Frame(Kind.NEXT, WHOLE, 1))
        self.assert_ended(evil, "a message of a stream that has ended")
        good.expect(Kind.END)
        good.expect(Kind.CANCEL)

    def test_streams_without_end(self) -> None:
        evil, good = self.raw(), self.raw("good")
        self.assertEqual(good.serve(SUBJECT, 1).status, Status.OK)
        evil.send(*[Frame(Kind.CALL, WHOLE | BOTH, n, SUBJECT)
                    for n in range(1, 61)])
        for n in range(51, 61):
            reply = evil.expect(Kind.REPLY)
            self.assertEqual((reply.correlation, reply.status),
                             (n, Status.RESOURCE_EXHAUSTED))
        evil.socket.close()
        for _ in range(50):
            good.expect(Kind.CANCEL)
        self.assert_alive(good)

    def flood(self, server: Raw, id_: int) -> None:
        """NEXT after NEXT until the call is over."""
        while True:
            server.send(*[Frame(Kind.NEXT, WHOLE, id_, body=bytes(60_000))]
                        * 16)
            server.send(Frame(Kind.PING, correlation=5))
            while (frame := server.receive()).kind != Kind.PONG:
                if frame.kind == Kind.CANCEL:
                    return

    def test_a_caller_that_never_reads(self) -> None:
        before = self.switch.memory()
        evil, good = self.raw(), self.raw("good")
        id_ = self.open(evil, good, room_kib=1 << 30)
        self.flood(good, id_)
        self.assertLess(self.switch.memory() - before, 24 * MIB)
        self.assert_alive(good)

    def test_grants_without_end(self) -> None:
        """To somebody who does not read just then: nothing gathers."""
        evil, good = self.raw(), self.raw("good")
        id_ = self.open(good, evil)
        before = self.switch.memory()
        flood = window(*[(id_, 1)] * 256).encode() * 64
        for _ in range(64):
            evil.send(flood)
        evil.send(Frame(Kind.PING, correlation=5))
        evil.expect(Kind.PONG)
        self.assertLess(self.switch.memory() - before, 4 * MIB)
        granted = 0
        while granted < 64 * 64 * 256:
            body = good.expect(Kind.WINDOW).body
            granted += sum(n for _, n in struct.iter_unpack("<QQ", body))
        self.assertEqual(granted, 64 * 64 * 256)

    def test_a_thousand_calls_beside_one_that_stands_still(self) -> None:
        evil, good = self.raw(), self.raw("good")
        id_ = self.open(good, evil)
        # Evil has the stream, takes nothing of it, and says nothing.
        good.send(Frame(Kind.NEXT, WHOLE, 1, body=bytes(968)))
        evil.expect(Kind.NEXT)
        friend = self.raw("friend")
        self.assertEqual(friend.serve("test.echo").status, Status.OK)
        good.send(*[Frame(Kind.CALL, WHOLE, n, "test.echo", time_left_ms=30_000)
                    for n in range(100, 1100)])
        for _ in range(1000):
            call = friend.expect(Kind.CALL)
            friend.send(Frame(Kind.REPLY, WHOLE, call.correlation))
        self.assertEqual([good.expect(Kind.REPLY).correlation
                          for _ in range(1000)], list(range(100, 1100)))
        evil.send(Frame(Kind.REPLY, WHOLE, id_))
        self.assertEqual(good.expect(Kind.REPLY).correlation, 1)


class IdleTest(HostileTest):
    SETTINGS = "stream-idle-ms 300\n"

    def test_a_server_that_says_nothing(self) -> None:
        evil, bus = self.raw(), self.client()
        self.assertEqual(evil.serve(SUBJECT, 1).status, Status.OK)
        stream = bus.stream(SUBJECT)
        evil.expect(Kind.CALL)
        # Who waits for it holds it; who does not is told that it ended.
        with self.assertRaises(TimeoutError):
            stream.receive(timeout=1)
        evil.expect(Kind.CANCEL)
        with self.assertRaises(heliograph.Refused) as caught:
            stream.receive(timeout=10)
        self.assertEqual(caught.exception.status, Status.DEADLINE_EXCEEDED)
        self.assertRegex(caught.exception.text, "idle for 300 ms")


if __name__ == "__main__":
    unittest.main()
