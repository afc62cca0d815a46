# SPDX-License-Identifier: MIT
"""The Python client against a switch that finds fault with everything."""

import os
import socket
import struct
import subprocess
import sys
import threading
import unittest

import heliograph
import heliowire as wire
from fake_switch import FakeSwitch
from heliochannel import Assembly, split
from heliowire import WHOLE, Flag, Frame, Kind, Status

EXAMPLES = os.path.dirname(os.path.abspath(heliograph.__file__))


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        self.switch = FakeSwitch()
        self.enterContext(self.switch)

    def tearDown(self) -> None:
        self.assertEqual(self.switch.faults, [])

    def connect(self) -> heliograph.Client:
        return self.enterContext(
            heliograph.connect(self.switch.address, "test", timeout=5))

    def serve(self, answer, *args, **options):
        """Serve with `answer(call)` on a client and thread of its own."""
        bus = heliograph.connect(self.switch.address, "server")
        service = bus.serve(*args, **options)

        def loop() -> None:
            try:
                while True:
                    answer(service.receive(timeout=10))
            except heliograph.Closed:
                pass

        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(bus.close)
        self.addCleanup(thread.join)
        # The loop ends when the switch closes its end.
        self.addCleanup(bus._channel._socket.shutdown, socket.SHUT_RDWR)
        return service


class ConnectionTest(ClientTest):
    def test_it_learns_who_it_is(self) -> None:
        bus = self.connect()
        self.assertEqual(bus.principal, "vm:1")
        self.assertEqual(bus.limits["fragment_bytes"], 1024)

    def test_ping_and_sync_come_back(self) -> None:
        bus = self.connect()
        self.assertGreater(bus.ping(timeout=5), 0)
        bus.sync(timeout=5)

    def test_no_common_version_is_told(self) -> None:
        self.addCleanup(setattr, heliograph, "VERSION", heliograph.VERSION)
        heliograph.VERSION = 9
        with self.assertRaises(heliograph.Closed) as caught:
            self.connect()
        self.assertEqual(caught.exception.status, Status.FAILED_PRECONDITION)

    def test_a_switch_that_goes_away_is_closed(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a")
        self.switch.peers[0].socket.shutdown(socket.SHUT_RDWR)
        with self.assertRaises(heliograph.Closed):
            sub.receive(timeout=5)

    def test_a_malformed_frame_ends_the_channel(self) -> None:
        bus = self.connect()
        self.switch.peers[0].socket.sendall(struct.pack("<I", 31))
        with self.assertRaisesRegex(heliograph.Closed, "31 bytes"):
            bus.sync(timeout=5)

    def test_malformed_bodies_end_the_channel(self) -> None:
        for frame in (Frame(Kind.GAP, body=b"short"),
                      Frame(Kind.ACK, body=b"short"),
                      Frame(Kind.PEER, body=b"\x08"),
                      Frame(Kind.PEER, body=b"\x12\x01\xff"),
                      Frame(Kind.FORGET)):
            with self.subTest(kind=frame.kind):
                bus = self.connect()
                self.switch.peers[-1].send(frame)
                with self.assertRaises(heliograph.Closed):
                    bus.sync(timeout=5)

    def test_an_unknown_kind_may_be_ignorable(self) -> None:
        bus = self.connect()
        self.switch.peers[0].send(Frame(200, Flag.IGNORABLE))
        bus.sync(timeout=5)
        self.switch.peers[0].send(Frame(200))
        with self.assertRaisesRegex(heliograph.Closed, "kind 200"):
            bus.sync(timeout=5)

    def test_the_switchs_ping_is_answered(self) -> None:
        bus = self.connect()
        got = threading.Event()
        self.switch._take_pong = lambda peer, frame: (
            self.assertEqual((frame.correlation, frame.body), (7, b"x")),
            got.set())
        self.switch.peers[0].send(Frame(Kind.PING, correlation=7, body=b"x"))
        bus.sync(timeout=5)
        self.assertTrue(got.wait(5))


class MessageTest(ClientTest):
    def test_a_message_comes_with_its_source(self) -> None:
        bus, other = self.connect(), self.connect()
        sub = bus.subscribe("room.*.temp")
        other.publish("room.kitchen.temp", b"21.5", b"meta")
        message = sub.receive(timeout=5)
        self.assertEqual(message, heliograph.Message(
            "room.kitchen.temp", b"21.5", b"meta",
            heliograph.Principal("vm:2", "test", 2)))

    def test_two_subscriptions_are_apart(self) -> None:
        bus = self.connect()
        first, both = bus.subscribe("a.b"), bus.subscribe("a.>")
        bus.publish("a.b", b"1")
        bus.publish("a.c", b"2")
        self.assertEqual(both.receive(5).body, b"1")
        self.assertEqual(both.receive(5).body, b"2")
        self.assertEqual(first.receive(5).body, b"1")
        with self.assertRaises(TimeoutError):
            first.receive(timeout=0.05)

    def test_credit_goes_back(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a", queue_messages=1 << 20)
        n = 4 * heliograph.CREDIT_MESSAGES + 3
        for i in range(n):
            bus.publish("a", b"%d" % i)
        self.assertEqual([sub.receive(5).body for _ in range(n)],
                         [b"%d" % i for i in range(n)])

    def test_byte_credit_goes_back(self) -> None:
        self.addCleanup(setattr, heliograph, "CREDIT_BYTES",
                        heliograph.CREDIT_BYTES)
        heliograph.CREDIT_BYTES = 1 << 20
        bus = self.connect()
        sub = bus.subscribe("a", queue_messages=1 << 20)
        body = os.urandom(300_000)
        for _ in range(8):
            bus.publish("a", body)
        for _ in range(8):
            self.assertEqual(sub.receive(5).body, body)

    def test_routed_acks_count(self) -> None:
        bus = self.connect()
        self.assertEqual(bus.publish("a", b"", ack=True, timeout=5),
                         heliograph.Routed(0, 0))
        bus.subscribe("a")
        bus.subscribe("a", queue_messages=1, credit_messages=0)
        self.assertEqual(bus.publish("a", b"", ack=True),
                         heliograph.Routed(2, 0))
        self.assertEqual(bus.publish("a", b"", ack=True),
                         heliograph.Routed(1, 1))

    def test_a_refused_publish_is_raised(self) -> None:
        bus = self.connect()
        with self.assertRaises(heliograph.Refused) as caught:
            bus.publish("$sys.x", b"", ack=True, timeout=5)
        self.assertEqual(caught.exception.status, Status.PERMISSION_DENIED)
        self.assertEqual(caught.exception.text, "not below $")

    def test_a_refused_subscription_is_raised(self) -> None:
        bus = self.connect()
        with self.assertRaises(heliograph.Refused):
            bus.subscribe("secret.x")
        self.assertEqual(bus._inboxes, {})

    def test_a_gap_stands_where_it_happened(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a", queue_messages=2, credit_messages=0)
        for i in range(5):
            bus.publish("a", b"%d" % i, ack=True)
        bus._channel.send(Frame(Kind.CREDIT, body=struct.pack(
            "<IIQ", sub.id, 9, 0)))
        self.assertEqual([sub.receive(5).body for _ in range(2)],
                         [b"0", b"1"])
        self.assertEqual(sub.receive(5),
                         heliograph.Gap(heliograph.Gap.OVERFLOW, 3))

    def test_a_closed_subscription_gets_nothing(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a")
        sub.close()
        self.assertEqual(bus.publish("a", b"", ack=True),
                         heliograph.Routed(0, 0))

    def test_a_subscription_that_policy_ended_raises(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a")
        bus.publish("a", b"last")
        bus.sync()
        self.switch.peers[0].send(Frame(
            Kind.RESULT, Flag.EXTENDED, 1 << 63 | sub.id, body=b"no more",
            status=Status.PERMISSION_DENIED))
        self.assertEqual(sub.receive(5).body, b"last")
        with self.assertRaisesRegex(heliograph.Refused, "no more"):
            sub.receive(5)
        sub.close()

    def test_an_aborted_message_leaves_nothing(self) -> None:
        bus = self.connect()
        sub = bus.subscribe("a")
        peer = self.switch.peers[0]
        id_ = sub.id << 32
        peer.send(Frame(Kind.MESSAGE, Flag.FIRST | Flag.EXTENDED, id_, "a",
                        body=b"half", total=8))
        peer.send(Frame(Kind.ABORT, Flag.EXTENDED, id_,
                        status=Status.ABORTED))
        bus.publish("a", b"whole")
        self.assertEqual(sub.receive(5).body, b"whole")
        self.assertEqual(sub._owed_messages, 2)


class CallTest(ClientTest):
    def test_a_call_is_answered(self) -> None:
        self.serve(lambda call: call.reply(call.body + b"!", b"m"), "echo")
        bus = self.connect()
        reply = bus.call("echo", b"hi", timeout=5)
        self.assertEqual((reply.body, reply.metadata), (b"hi!", b"m"))
        self.assertEqual(reply.source.name, "vm:1")

    def test_long_bodies_travel_in_fragments_both_ways(self) -> None:
        self.serve(lambda call: call.reply(call.body[::-1]), "echo")
        bus = self.connect()
        for n in 900, 1024, 5000, 200_000:
            body = os.urandom(n)
            self.assertEqual(bus.call("echo", body, timeout=5).body,
                             body[::-1])

    def test_methods_are_called_below_the_service(self) -> None:
        self.serve(lambda call: call.reply(call.subject.encode()),
                   "x.v1.S", ["Get", "Put"])
        bus = self.connect()
        self.assertEqual(bus.call("x.v1.S.Put", timeout=5).body,
                         b"x.v1.S.Put")
        with self.assertRaises(heliograph.Refused) as caught:
            bus.call("x.v1.S.Drop", timeout=5)
        self.assertEqual(caught.exception.status, Status.UNIMPLEMENTED)

    def test_a_bound_service_is_called_by_its_methods(self) -> None:
        ours, other = bytes(32), bytes([1] * 32)
        self.serve(lambda call: call.reply(call.subject.encode()
                                           + call.body),
                   "math.v1.Sum", ["Add"], schema_hash=ours)
        bus = self.connect()
        bound = bus.bind("math.v1.Sum", ours)
        body = bytes(3000)
        self.assertEqual(bound.call("Add", body, timeout=5).body,
                         b"math.v1.Sum.Add" + body)
        bound.close()
        with self.assertRaises(heliograph.Refused) as caught:
            bus.bind("math.v1.Sum", other).call("Add", timeout=5)
        self.assertEqual(caught.exception.status,
                         Status.FAILED_PRECONDITION)

    def test_the_instance_is_told(self) -> None:
        self.assertEqual(self.connect().serve("s").instance, "i7")

    def test_a_service_can_fail(self) -> None:
        self.serve(lambda call: call.fail(Status.NOT_FOUND, "no such"), "s")
        with self.assertRaises(heliograph.Refused) as caught:
            self.connect().call("s", timeout=5)
        error = caught.exception
        self.assertEqual((error.status, error.text, error.from_bus),
                         (Status.NOT_FOUND, "no such", False))

    def test_nobody_there_is_the_bus_speaking(self) -> None:
        with self.assertRaises(heliograph.Refused) as caught:
            self.connect().call("nobody", timeout=5)
        error = caught.exception
        self.assertEqual(
            (error.status, error.from_bus, error.handed_over),
            (Status.UNAVAILABLE, True, False))

    def test_a_callee_that_dies_was_handed_the_call(self) -> None:
        def die(call) -> None:
            call._bus._channel._socket.shutdown(socket.SHUT_RDWR)
        self.serve(die, "s")
        with self.assertRaises(heliograph.Refused) as caught:
            self.connect().call("s", timeout=5)
        self.assertTrue(caught.exception.handed_over)

    def test_a_call_that_takes_too_long_is_cancelled(self) -> None:
        calls = []
        self.addCleanup(setattr, heliograph, "GRACE", heliograph.GRACE)
        heliograph.GRACE = 0
        server, bus = self.connect(), self.connect()
        service = server.serve("s")
        with self.assertRaises(TimeoutError):
            bus.call("s", timeout=0.05)
        bus.sync()
        calls.append(service.receive(timeout=5))
        server.sync()
        self.assertTrue(calls[0].cancelled)
        self.assertIsNotNone(calls[0].deadline)
        calls[0].reply(b"late")
        server.sync()

    def test_the_bus_may_end_a_reply_that_was_begun(self) -> None:
        bus = self.connect()

        def half(peer, frame) -> None:
            peer.send(Frame(Kind.REPLY, Flag.FIRST | Flag.EXTENDED,
                            frame.correlation, body=b"ha", total=4))
            peer.result(frame, Status.UNAVAILABLE, b"it died", Kind.REPLY,
                        from_bus=True, handed_over=True)

        self.switch._take_call = half
        with self.assertRaises(heliograph.Refused) as caught:
            bus.call("s", timeout=5)
        self.assertEqual(caught.exception.text, "it died")
        self.assertEqual(bus._assembly._open, {})

    def test_a_call_that_is_not_finished_is_forgotten(self) -> None:
        server = self.connect()
        service = server.serve("s")
        id_ = 1 << 63 | service.id << 32
        peer = self.switch.peers[0]
        peer.send(Frame(Kind.CALL, Flag.FIRST | Flag.EXTENDED, id_, "s",
                        body=b"ha", total=4))
        peer.send(Frame(Kind.CANCEL, correlation=id_))
        server.sync()
        self.assertEqual(server._assembly._open, {})
        self.assertEqual(service._owed_messages, 1)


class ProgramTest(ClientTest):
    def run_program(self, name: str, *args: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, os.path.join(EXAMPLES, name),
             self.switch.address, *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_tail_prints_what_it_sees(self) -> None:
        process = self.run_program("tail.py", "a.>", "--count", "2")
        bus = self.connect()
        while bus.publish("a.b", b"x\x1b\n", ack=True).taken == 0:
            bus.ping()
        bus.publish("a.c", b"two")
        out, _ = process.communicate(timeout=10)
        self.assertIn("a.b: x\\x1b\\n\n", out)
        self.assertEqual(process.returncode, 0)

    def test_echo_asks_and_answers(self) -> None:
        server = self.run_program("echo.py", "serve", "s")
        bus = self.connect()
        while True:
            try:
                self.assertEqual(bus.call("s", b"1", timeout=5).body, b"1")
                break
            except heliograph.Refused:
                bus.ping()
        asker = self.run_program("echo.py", "request", "s", "hello")
        out, _ = asker.communicate(timeout=10)
        self.assertEqual((asker.returncode, out), (0, "hello\n"))
        self.assertIsNone(server.poll())

    def test_echo_tells_of_a_refusal(self) -> None:
        asker = self.run_program("echo.py", "request", "nobody", "hello")
        _, err = asker.communicate(timeout=10)
        self.assertEqual(asker.returncode, 1)
        self.assertIn("UNAVAILABLE", err)


class WireTest(unittest.TestCase):
    def test_a_frame_survives(self) -> None:
        frame = Frame(Kind.REPLY, WHOLE | Flag.EXTENDED, 1 << 63 | 5, "",
                      b"m", b"body", source=3, status=Status.NOT_FOUND,
                      from_bus=True, handed_over=True, total=9)
        self.assertEqual(Frame.decode(frame.encode()), frame)

    def test_frames_are_taken_from_any_cut(self) -> None:
        frames = [Frame(Kind.PING, correlation=i, body=bytes(i))
                  for i in range(9)]
        stream = b"".join(frame.encode() for frame in frames)
        for step in 1, 7, 40, len(stream):
            buffer, got = bytearray(), []
            for at in range(0, len(stream), step):
                buffer += stream[at:at + step]
                while frame := wire.take_frame(buffer):
                    got.append(frame)
            self.assertEqual(got, frames)

    def test_bad_headers_are_refused(self) -> None:
        good = Frame(Kind.PING).encode()
        for at, byte in (0, 31), (5, 128), (6, 1), (10, 4), (11, 1), (2, 2):
            bad = bytearray(good)
            bad[at] = byte
            with self.subTest(at=at), self.assertRaises(wire.WireError):
                wire.take_frame(bad)

    def test_split_and_put_together_again(self) -> None:
        for n in range(900, 3200, 7):
            body = os.urandom(n)
            frames = split(Frame(Kind.MESSAGE, WHOLE, 5, "a.b", b"meta",
                                 body), 1024)
            self.assertTrue(all(len(f) <= 1024 for f in frames))
            assembly = Assembly()
            *early, last = [assembly.add(frame) for frame in frames]
            self.assertEqual(early, [None] * len(early))
            self.assertEqual(last.body, body)

    def test_fragments_must_keep_to_the_total(self) -> None:
        for total in 3, 5:
            assembly = Assembly()
            assembly.add(Frame(Kind.MESSAGE, Flag.FIRST | Flag.EXTENDED,
                               body=b"ab", total=total))
            with self.assertRaises(wire.WireError):
                assembly.add(Frame(Kind.MESSAGE, Flag.LAST, body=b"cd"))

    def test_protobuf_survives_and_skips(self) -> None:
        peer = {"handle": 300, "principal": "vm:ä", "durable_id": "",
                "incarnation": 1 << 63}
        data = wire.pb_encode(wire.PEER, **peer)
        self.assertEqual(wire.pb_decode(wire.PEER, data), peer)
        self.assertEqual(wire.pb_decode(wire.FORGET, data), {"handle": 300})

    def test_bad_protobuf_is_refused(self) -> None:
        for data in b"\x08", b"\x12\x05ab", b"\x0b", b"\x0a\x00", b"\x08" + \
                b"\xff" * 11, b"\x21\x00":
            with self.subTest(data=data), self.assertRaises(wire.WireError):
                wire.pb_decode(wire.PEER, data)


class StreamTest(ClientTest):
    """Calls with streams; what both ends must not do the switch finds."""

    def test_replies(self) -> None:
        def count(call: heliograph.Call) -> None:
            for i in range(int(call.body)):
                call.send(b"%d" % i)
            call.reply()

        self.serve(count, "count")
        bus = self.connect()
        self.assertEqual(list(bus.stream("count", b"5")),
                         [b"0", b"1", b"2", b"3", b"4"])
        self.assertEqual(list(bus.stream("count", b"0")), [])

    def test_requests(self) -> None:
        self.serve(lambda call: call.reply(b",".join(call)), "join")
        bus = self.connect()
        stream = bus.stream("join", requests=True, replies=False)
        for word in b"a", b"", b"c":
            stream.send(word, timeout=5)
        self.assertEqual(stream.finish(timeout=5).body, b"a,,c")

    def test_both(self) -> None:
        def double(call: heliograph.Call) -> None:
            for request in call:
                call.send(request * 2)
            call.reply()

        self.serve(double, "double")
        stream = self.connect().stream("double", requests=True)
        for word in b"x", b"yy":
            stream.send(word, timeout=5)
            self.assertEqual(stream.receive(timeout=5), word * 2)
        stream.end()
        self.assertIsNone(stream.receive(timeout=5))

    def test_messages_of_any_length_within_the_window(self) -> None:
        def mirror(call: heliograph.Call) -> None:
            for request in call:
                call.send(request[::-1])
            call.reply()

        self.serve(mirror, "mirror")
        stream = self.connect().stream("mirror", requests=True)
        for n in 0, 1, 991, 992, 993, 65_503, 65_504, 65_505, 300_000:
            with self.subTest(n=n):
                body = os.urandom(n)
                stream.send(body, timeout=10)
                self.assertEqual(stream.receive(timeout=10), body[::-1])
        stream.end()
        self.assertIsNone(stream.receive(timeout=5))

    def test_a_reader_that_waits_is_heard_of(self) -> None:
        self.switch.idle_ms = 30
        done = threading.Event()

        def late(call: heliograph.Call) -> None:
            done.wait(10)
            call.send(b"late")
            call.reply()

        self.serve(late, "late")
        stream = self.connect().stream("late")
        with self.assertRaises(TimeoutError):
            stream.receive(timeout=0.2)
        self.assertGreaterEqual(self.switch.n_windows, 2)
        done.set()
        self.assertEqual(stream.receive(timeout=5), b"late")

    def test_a_server_may_fail_within_it(self) -> None:
        def fail(call: heliograph.Call) -> None:
            call.send(b"one")
            call.fail(Status.DATA_LOSS, "no two")

        self.serve(fail, "fail")
        stream = self.connect().stream("fail")
        self.assertEqual(stream.receive(timeout=5), b"one")
        with self.assertRaises(heliograph.Refused) as caught:
            stream.receive(timeout=5)
        self.assertEqual(caught.exception.status, Status.DATA_LOSS)

    def test_one_that_is_left_is_cancelled(self) -> None:
        ended = threading.Event()

        def endless(call: heliograph.Call) -> None:
            while not call.cancelled:
                call.send(b"x" * 1000)
            ended.set()

        self.serve(endless, "endless")
        with self.connect().stream("endless") as stream:
            self.assertEqual(len(stream.receive(timeout=5)), 1000)
        self.assertTrue(ended.wait(10))

    def test_a_service_drains(self) -> None:
        service = self.connect().serve("leaving")
        service.drain()
        self.assertTrue(service.is_draining)
        service.close()


if __name__ == "__main__":
    unittest.main()
