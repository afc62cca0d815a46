# SPDX-License-Identifier: MIT
"""Peers that want more than their share, or do not take what they asked for."""

import resource
import struct
import threading
import unittest

import heliograph
from heliowire import WHOLE, Flag, Frame, Kind, Overflow, Status
from real_switch import HELLO, HostileTest, Raw, stats

MIB = 1 << 20
SILENT = 10_000


class QuotaTest(HostileTest):
    QUOTAS = """\
vm:evil subscriptions 100
vm:evil slots 50
vm:evil channels 10
"""

    def test_subscriptions(self) -> None:
        raw = self.raw()
        for id_ in range(1, 101):
            self.assertEqual(raw.subscribe("test.a", id_).status, Status.OK)
        for answer in (raw.subscribe("test.a", 101),
                       raw.serve("test.s", 102)):
            self.assertEqual(answer.status, Status.RESOURCE_EXHAUSTED)
            self.assertRegex(answer.body.decode(),
                             r"subscriptions.*evil.*100")
        raw.send(Frame(Kind.UNSUBSCRIBE, correlation=1,
                       body=struct.pack("<I", 50)))
        self.assertEqual(raw.expect(Kind.RESULT).status, Status.OK)
        self.assertEqual(raw.serve("test.s", 102).status, Status.OK)

    def test_calls_in_flight(self) -> None:
        raw = self.raw()
        raw.send(*[Frame(Kind.CALL, WHOLE | Flag.WAIT, n, "test.nobody",
                         time_left_ms=60_000) for n in range(1, 61)])
        refused = [raw.expect(Kind.REPLY) for _ in range(10)]
        self.assertEqual([frame.correlation for frame in refused],
                         list(range(51, 61)))
        for frame in refused:
            self.assertEqual(frame.status, Status.RESOURCE_EXHAUSTED)
            self.assertFalse(frame.handed_over)
        raw.send(Frame(Kind.CANCEL, correlation=1),
                 Frame(Kind.CALL, WHOLE, 61, "test.nobody"))
        self.assertEqual(raw.expect(Kind.REPLY).status, Status.UNAVAILABLE)

    def test_channels(self) -> None:
        first = [self.raw() for _ in range(10)]
        raw = self.raw(greet=False)
        raw.send(HELLO)
        self.assert_ended(raw, "channels", Status.RESOURCE_EXHAUSTED)
        for raw in first:
            self.assert_alive(raw)
            raw.socket.close()


class SlowReaderTest(HostileTest):
    """A subscriber without credit, or that does not read at all, and a good
    publisher that sends it 4 MiB and more: half of the queue is its share."""

    N = 4000
    BODY = bytes(1000)

    def publish(self, bus: heliograph.Client, subject: str) -> None:
        for i in range(self.N):
            bus.publish(f"{subject}.{i % 10}", struct.pack("<I", i)
                        + self.BODY)
        bus.sync(timeout=20)

    def drain(self, raw: Raw) -> tuple[list[int], int, list[int]]:
        """What was kept, how many lost, and where: all that comes."""
        raw.send(Frame(Kind.CREDIT, body=struct.pack(
            "<IIQ", 1, 1 << 30, 1 << 40)),
            Frame(Kind.PING, correlation=99))
        got, lost, places = [], 0, []
        raw.send(Frame(Kind.SYNC, correlation=100))
        ends = {Kind.PONG, Kind.RESULT}
        while lost + len(got) < self.N or ends:
            frame = raw.receive()
            self.assertIsNotNone(frame)
            ends.discard(frame.kind)
            if frame.kind == Kind.MESSAGE:
                got.append(struct.unpack_from("<I", frame.body)[0])
            elif frame.kind == Kind.GAP:
                id_, reason, n = struct.unpack("<IIQ", frame.body)
                self.assertEqual((id_, reason), (1, 1))
                lost += n
                places.append(len(got))
        return got, lost, places

    def test_drop_new_keeps_the_first(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.slow.>", messages=0, n_bytes=0,
                      overflow=Overflow.DROP_NEW, queue_messages=1000)
        self.publish(bus, "test.slow")
        got, lost, places = self.drain(raw)
        self.assertEqual(got, list(range(500)))
        self.assertEqual((lost, places[0]), (self.N - 500, 500))

    def test_drop_old_keeps_the_last(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.slow.>", messages=0, n_bytes=0,
                      overflow=Overflow.DROP_OLD, queue_messages=1000)
        self.publish(bus, "test.slow")
        got, lost, places = self.drain(raw)
        self.assertEqual(got, list(range(self.N - 500, self.N)))
        self.assertEqual((lost, places[0]), (self.N - 500, 0))

    def test_latest_keeps_the_last_of_each(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.slow.>", messages=0, n_bytes=0,
                      overflow=Overflow.LATEST, queue_messages=500)
        self.publish(bus, "test.slow")
        got, lost, _ = self.drain(raw)
        self.assertEqual(sorted(got), list(range(self.N - 10, self.N)))
        self.assertEqual(lost, self.N - 10)

    def test_disconnect_ends_it(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.slow.>", messages=0, n_bytes=0,
                      overflow=Overflow.DISCONNECT, queue_messages=500)
        self.publish(bus, "test.slow")
        self.assert_ended(raw, "queue", Status.RESOURCE_EXHAUSTED)

    def test_bytes_are_bounded_too(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.slow.>", messages=0, n_bytes=0,
                      queue_messages=1 << 20, queue_bytes=200_000)
        self.publish(bus, "test.slow")
        self.assertLess(stats(self.judge)["queued_bytes"], 110_000)
        got, lost, _ = self.drain(raw)
        self.assertEqual(got, list(range(len(got))))
        self.assertGreater(len(got), 80)
        self.assertEqual(lost, self.N - len(got))

    def test_one_that_never_reads_although_it_has_credit(self) -> None:
        before = self.switch.memory()
        for overflow in Overflow:
            with self.subTest(overflow), self.switch.raw("evil") as raw:
                raw.subscribe("test.slow.>", overflow=overflow,
                              queue_messages=1000)
                bus = self.client()
                self.publish(bus, "test.slow")
                self.publish(bus, "test.slow")
                self.witness.wait_rounds(3)
        self.assertLess(self.switch.memory() - before, 32 * MIB)

    def test_a_publisher_is_told_who_was_full(self) -> None:
        raw, bus = self.raw(), self.client()
        raw.subscribe("test.full", messages=0, n_bytes=0, queue_messages=1)
        self.assertEqual(bus.publish("test.full", b"1", ack=True),
                         heliograph.Routed(1, 0))
        self.assertEqual(bus.publish("test.full", b"2", ack=True),
                         heliograph.Routed(0, 1))


class UnreadTest(HostileTest):
    """A peer that asks and asks and does not read the answers."""

    def flood(self, frame: Frame, most: int = 64 * MIB) -> None:
        """Send until the switch takes no more, hangs up, or `most` is sent."""
        before = self.switch.memory()
        raw = self.raw()
        raw.socket.settimeout(0.5)
        block, sent = frame.encode() * 1000, 0
        try:
            while sent < most:
                sent += raw.socket.send(block)
                # Whole frames only.
                rest = -sent % len(frame)
                raw.socket.sendall(block[len(frame) - rest:len(frame)])
                sent += rest
        except OSError:
            pass
        self.assertGreater(sent, 10_000)
        self.witness.wait_rounds(5)
        self.assertLess(self.switch.memory() - before, 48 * MIB)

    def test_pings(self) -> None:
        self.flood(Frame(Kind.PING, body=b"x" * 64))

    def test_syncs(self) -> None:
        self.flood(Frame(Kind.SYNC))

    def test_refusals(self) -> None:
        self.flood(Frame(Kind.MESSAGE, WHOLE, 1, "secret.a"))

    def test_calls_to_nobody(self) -> None:
        self.flood(Frame(Kind.CALL, WHOLE, 1, "test.nobody"))

    def test_acks(self) -> None:
        self.flood(Frame(Kind.MESSAGE, WHOLE | Flag.ACK_ROUTED, 1, "test.a"))

    def test_long_replies(self) -> None:
        self.serve_long("test.long")
        before, n = self.switch.memory(), 500
        caller = self.raw()
        caller.send(*[Frame(Kind.CALL, WHOLE, i, "test.long")
                      for i in range(1, n + 1)])
        self.witness.wait_rounds(50)
        self.assertLess(self.switch.memory() - before, 48 * MIB)
        # It was not heard meanwhile; now that it reads, all are answered.
        left = set(range(1, n + 1))
        while left:
            frame = caller.expect(Kind.REPLY)
            if frame.flags & Flag.LAST:
                left.remove(frame.correlation)

    def serve_long(self, subject: str) -> None:
        """Answer calls with 200,000 bytes until the test ends."""
        server, stop = self.client("friend"), threading.Event()
        service = server.serve(subject)

        def loop() -> None:
            while not stop.is_set():
                try:
                    service.receive(timeout=0.1).reply(bytes(200_000))
                except TimeoutError:
                    pass

        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)


class ManyTest(HostileTest):
    QUOTAS = "vm:evil channels 20000\n"

    @classmethod
    def setUpClass(cls) -> None:
        _, cls.files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (cls.files, cls.files))
        super().setUpClass()

    def test_connections_that_say_nothing(self) -> None:
        before, n = self.switch.memory(), min(SILENT, self.files - 1000)
        for say in b"", b"\x40", b"H":
            with self.subTest(say=say):
                raws = [self.raw(greet=False) for _ in range(n)]
                for raw in raws:
                    raw.send(say)
                self.witness.wait_rounds(20)
                grown = self.switch.memory() - before
                self.assertLess(grown / n, 16 * 1024)
                self.assert_alive(self.raw())
                for raw in raws:
                    raw.socket.close()
                self.witness.wait_rounds(20)

    def test_subjects_without_end(self) -> None:
        raw, bus = self.raw(), self.client()
        sub = bus.subscribe("test.invented.*.last")
        before = self.switch.memory()
        for start in range(0, 100_000, 1000):
            raw.send(*[Frame(Kind.MESSAGE, WHOLE, 0,
                             f"test.invented.{i}.x{i * i}")
                       for i in range(start, start + 1000)])
        raw.sync()
        for start in range(0, 100_000, 1000):
            raw.send(*[Frame(Kind.CALL, WHOLE, 1 + i, f"test.{i}.s{i * i}")
                       for i in range(start, start + 1000)])
            for _ in range(1000):
                self.assertEqual(raw.expect(Kind.REPLY).status,
                                 Status.UNAVAILABLE)
        # The route cache ends at 16 MiB; a sanitizer keeps what it outgrew.
        self.assertLess(self.switch.memory() - before, 40 * MIB)
        raw.send(Frame(Kind.MESSAGE, WHOLE, 0, "test.invented.9.last"))
        self.assertEqual(sub.receive(timeout=10).subject,
                         "test.invented.9.last")

    def test_principals_that_come_and_go(self) -> None:
        before = self.switch.memory()
        watcher = self.raw("good")
        watcher.subscribe("test.passing")
        for i in range(1000):
            with self.switch.raw() as raw:
                raw.send(Frame(Kind.MESSAGE, WHOLE, 1, "test.passing"))
            self.assertNotEqual(watcher.expect(Kind.MESSAGE).source, 0)
        self.assertLess(self.switch.memory() - before, 8 * MIB)


if __name__ == "__main__":
    unittest.main()
