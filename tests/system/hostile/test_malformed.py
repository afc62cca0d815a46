# SPDX-License-Identifier: MIT
"""Frames that are none, at the wrong time, or say what is not true."""

import signal
import struct
import subprocess
import sys
import unittest

import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind, Status
from real_switch import HostileTest, Raw, begin


def broken(at: int, value: bytes, frame: Frame | None = None) -> bytes:
    """A good frame with some bytes replaced."""
    raw = bytearray((frame or Frame(Kind.PING, body=b"x" * 8)).encode())
    raw[at:at + len(value)] = value
    return bytes(raw)


class MalformedTest(HostileTest):
    def test_headers_that_are_none(self) -> None:
        u16, u32 = struct.Struct("<H").pack, struct.Struct("<I").pack
        cases = {
            "length is less": broken(0, u32(31)),
            "length is more": broken(0, u32(65537)),
            "length is less than": broken(0, u32(0)),
            "undefined": broken(5, b"\x83"),
            "hops": broken(10, b"\x04"),
            "reserved": broken(11, b"\x01"),
            "subject length": broken(6, u16(256)),
            "metadata length": broken(8, u16(16385)),
            "parts": broken(6, u16(9)),
            "parts are": broken(5, b"\x40"),
            "kind": Frame(200).encode(),
        }
        for pattern, data in cases.items():
            with self.subTest(pattern):
                self.count_reasons()
                raw = self.raw()
                raw.send(data)
                self.assert_ended(raw, pattern)

    def test_an_ignorable_kind_is_ignored(self) -> None:
        raw = self.raw()
        raw.send(Frame(200, Flag.IGNORABLE, body=b"x" * 999))
        self.assert_alive(raw)

    def test_bytes_in_any_cut(self) -> None:
        raw = self.raw()
        for byte in Frame(Kind.PING, correlation=3, body=b"abc").encode():
            raw.send(bytes([byte]))
        self.assertEqual(raw.expect(Kind.PONG).body, b"abc")

    def test_a_peer_that_is_killed_in_the_middle_of_a_frame(self) -> None:
        program = (
            "import sys, time\n"
            "from real_switch import Raw\n"
            "from heliowire import *\n"
            "raw = Raw(sys.argv[1])\n"
            "raw.greet()\n"
            "raw.send(Frame(Kind.MESSAGE, WHOLE, 1, 'test.a', b'', "
            "bytes(9999)).encode()[:5000])\n"
            "print('sent', flush=True)\n"
            "time.sleep(60)\n")
        with subprocess.Popen(
                [sys.executable, "-c", program, self.switch.path("evil")],
                stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"sent\n")
            process.send_signal(signal.SIGKILL)
        self.wait_peers()

    def test_bodies_of_a_wrong_size(self) -> None:
        cases = [
            Frame(Kind.CREDIT, body=b""),
            Frame(Kind.CREDIT, body=b"x" * 17),
            Frame(Kind.CREDIT, body=bytes(16 * 257)),
            Frame(Kind.ACK, body=b"x" * 23),
            Frame(Kind.PING, body=b"x" * 65),
        ]
        for frame in cases:
            with self.subTest(kind=frame.kind, n=len(frame.body)):
                self.count_reasons()
                raw = self.raw()
                raw.send(frame)
                self.assert_ended(raw, ".")

    def test_giving_up_what_is_none(self) -> None:
        raw = self.raw()
        for kind in Kind.UNSUBSCRIBE, Kind.UNSERVE:
            for body in b"", b"123", b"12345", bytes(4), b"\xff" * 4:
                raw.send(Frame(kind, correlation=1, body=body))
                self.assertEqual(raw.expect(Kind.RESULT).status,
                                 Status.NOT_FOUND)

    def test_bad_protobuf(self) -> None:
        nested = b""
        for _ in range(20):
            nested = b"\x0a" + bytes([len(nested)]) + nested
        cases = {
            "malformed": b"\x08",
            "malformed ": b"\x0a\x7fshort",
            "fields": b"\x08\x01" * 3000,
            "NUL|malformed": b"\x12\x02a\x00",
        }
        for pattern, body in cases.items():
            with self.subTest(pattern):
                self.count_reasons()
                raw = self.raw()
                raw.send(Frame(Kind.SUBSCRIBE, correlation=1,
                               subject="test.a", body=body))
                self.assert_ended(raw, pattern.strip())

    def test_kinds_that_only_the_switch_sends(self) -> None:
        for kind in (Kind.REFUSED, Kind.OBSERVED_CALL, Kind.OBSERVED_REPLY,
                     Kind.WELCOME, Kind.RESULT, Kind.GAP):
            with self.subTest(kind=kind):
                self.count_reasons()
                raw = self.raw()
                raw.send(Frame(kind, body=bytes(16)))
                self.assert_ended(raw, "not for the switch")

    def test_announcing_others(self) -> None:
        for kind in Kind.PEER, Kind.FORGET:
            with self.subTest(kind=kind):
                self.count_reasons()
                raw = self.raw()
                raw.send(Frame(kind, body=wire.pb_encode(
                    wire.PEER, handle=1, principal="vm:good")))
                self.assert_ended(raw, "uplink", Status.PERMISSION_DENIED)


class HandshakeTest(HostileTest):
    def hello(self, **fields: object) -> Frame:
        return Frame(Kind.HELLO, body=wire.pb_encode(wire.HELLO, **fields))

    def test_no_version_in_common(self) -> None:
        for low, high in (2, 9), (0, 0), (9, 2):
            with self.subTest(low=low, high=high):
                raw = self.raw(greet=False)
                raw.send(self.hello(version_min=low, version_max=high))
                frame = raw.receive()
                self.assertEqual(frame.kind, Kind.GOODBYE)
                self.assertEqual(frame.status, Status.FAILED_PRECONDITION)
                self.assertIsNone(raw.receive())

    def test_a_range_that_includes_ours(self) -> None:
        raw = self.raw(greet=False)
        raw.send(self.hello(version_min=1, version_max=99))
        welcome = wire.pb_decode(wire.WELCOME, raw.expect(Kind.WELCOME).body)
        self.assertEqual(welcome["version"], 1)
        self.assertEqual(welcome["principal"], "vm:evil")

    def test_a_message_before_hello(self) -> None:
        raw = self.raw(greet=False)
        raw.send(Frame(Kind.MESSAGE, WHOLE, 1, "test.witness.0", b"", b"no"))
        self.assert_ended(raw, "HELLO", Status.FAILED_PRECONDITION)

    def test_hello_twice(self) -> None:
        raw = self.raw()
        raw.send(self.hello(version_min=1, version_max=1))
        self.assert_ended(raw, "(?i)hello|twice")

    def test_bad_protobuf_in_hello(self) -> None:
        for body in b"\xff", b"\x22\x03a\0b", b"\x1a\x01x" * 2049:
            with self.subTest(n=len(body)):
                raw = self.raw(greet=False)
                raw.send(Frame(Kind.HELLO, body=body))
                frame = raw.receive()
                self.assertEqual(frame.kind, Kind.GOODBYE)
                self.assertEqual(frame.status, Status.INVALID_ARGUMENT)

    def test_another_protocol(self) -> None:
        raw = self.raw(greet=False)
        raw.send(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        self.assert_ended(raw, "length")

    def test_much_without_waiting_for_welcome(self) -> None:
        raw = self.raw(greet=False)
        raw.send(self.hello(version_min=1, version_max=1),
                 Frame(Kind.MESSAGE, WHOLE, 1, "test.a", b"", b"early"))
        raw.sync()


class ForgeryTest(HostileTest):
    def assert_each_ends(self, cases: dict[str, list[Frame]]) -> None:
        for pattern, frames in cases.items():
            with self.subTest(pattern):
                self.count_reasons()
                raw = self.raw()
                raw.send(*frames)
                self.assert_ended(raw, pattern.strip())

    def test_what_a_direct_peer_must_not_say(self) -> None:
        self.assert_each_ends({
            "another source": [Frame(Kind.MESSAGE, WHOLE, 1, "test.a",
                                     source=1)],
            "another source ": [Frame(Kind.MESSAGE, WHOLE, 1, "test.a",
                                      hops=1)],
            "handle": [Frame(Kind.MESSAGE, WHOLE, 1, handle=5)],
        })

    def test_ids_that_are_not_ours_to_use(self) -> None:
        call = Frame(Kind.CALL, WHOLE | Flag.WAIT, 5, "test.nobody",
                     time_left_ms=9000)
        self.assert_each_ends({
            "twice": [call, call],
            "twice ": [begin(5, 9, b"a"), begin(5, 9, b"a")],
            "switch's to draw": [Frame(Kind.CALL, WHOLE, 1 << 63, "test.a")],
            "switch's to draw ": [
                Frame(Kind.MESSAGE, WHOLE, 1 << 63, "test.a")],
            "no correlation id": [Frame(Kind.CALL, WHOLE, 0, "test.a")],
            "no correlation id ": [begin(0, 9, b"a")],
            "no correlation id  ": [
                Frame(Kind.MESSAGE, WHOLE | Flag.ACK_ROUTED, 0, "test.a")],
        })

    def test_replies_to_calls_that_we_never_had(self) -> None:
        self.assert_each_ends({
            "never had": [
                Frame(Kind.SERVE, correlation=1, subject="test.s",
                      body=wire.pb_encode(wire.SERVE, id=1)),
                Frame(Kind.REPLY, WHOLE, 1 << 63 | 1 << 32)],
            "never had ": [
                Frame(Kind.SUBSCRIBE, correlation=1, subject="test.s",
                      body=wire.pb_encode(wire.SUBSCRIBE, id=1)),
                Frame(Kind.REPLY, WHOLE, 1 << 63 | 1 << 32)],
            "never had  ": [Frame(Kind.REPLY, WHOLE, 1)],
        })

    def test_a_reply_to_the_call_of_another(self) -> None:
        server, caller = self.client("friend"), self.raw("good")
        service = server.serve("test.echo")
        caller.send(Frame(Kind.CALL, WHOLE, 1, "test.echo", body=b"1"))
        call = service.receive(timeout=10)
        thief = self.raw()
        self.assertEqual(thief.serve("test.other").status, 0)
        thief.send(Frame(Kind.REPLY, WHOLE, call._correlation, body=b"fake"))
        self.assert_ended(thief, "never had")
        call.reply(b"true")
        self.assertEqual(caller.expect(Kind.REPLY).body, b"true")

    def test_a_second_reply_is_dropped(self) -> None:
        server, caller = self.raw("friend"), self.raw("good")
        server.serve("test.twice")
        caller.send(Frame(Kind.CALL, WHOLE, 1, "test.twice"))
        id_ = server.expect(Kind.CALL).correlation
        server.send(Frame(Kind.REPLY, WHOLE, id_, body=b"1"),
                    Frame(Kind.REPLY, WHOLE, id_, body=b"2"))
        self.assert_alive(server)
        self.assertEqual(caller.expect(Kind.REPLY).body, b"1")
        self.assert_alive(caller)

    def test_what_is_over_may_be_ended_again(self) -> None:
        raw = self.raw()
        raw.send(Frame(Kind.CANCEL, correlation=77),
                 Frame(Kind.CREDIT, body=struct.pack("<IIQ", 9, 1, 1)))
        self.assert_alive(raw)

    def test_credit_beyond_all_bounds(self) -> None:
        raw = self.raw()
        raw.subscribe("test.rich", messages=(1 << 32) - 1,
                      n_bytes=(1 << 64) - 1)
        most = struct.pack("<IIQ", 1, (1 << 32) - 1, (1 << 64) - 1)
        raw.send(Frame(Kind.CREDIT, body=most * 256))
        raw.send(Frame(Kind.MESSAGE, WHOLE, 1, "test.rich", b"", b"to us"))
        self.assertEqual(raw.expect(Kind.MESSAGE).body, b"to us")

    def test_acks_of_one_who_is_no_log(self) -> None:
        raw = self.raw()
        raw.subscribe("test.a")
        raw.send(Frame(Kind.ACK, subject="home", body=struct.pack(
            "<QIHBBQ", 1 << 32, 1, 0, 1, 0, 5)))
        self.assert_ended(raw, "not delivered")


class SubjectTest(HostileTest):
    BAD = ("", ".", "a..b", "a.", ".a", "a b", "test.\x7f", "test.\xff\xfe",
           "test.*", "test.>", ".".join("t" * 17), "test.\x00")

    def send_bytes(self, raw: Raw, frame: Frame, subject: str) -> None:
        """Send with a subject that our encoder would not take."""
        data = subject.encode("latin-1")
        frame.subject = "x" * len(data)
        raw.send(frame.encode().replace(frame.subject.encode(), data, 1)
                 if data else frame)

    def test_publish(self) -> None:
        raw = self.raw()
        for subject in self.BAD:
            with self.subTest(subject):
                self.send_bytes(raw, Frame(Kind.MESSAGE, WHOLE, 6), subject)
                answer = raw.expect(Kind.REFUSED)
                self.assertEqual(answer.correlation, 6)
                self.assertEqual(answer.status, Status.INVALID_ARGUMENT)

    def test_call(self) -> None:
        raw = self.raw()
        for n, subject in enumerate(self.BAD, 1):
            with self.subTest(subject):
                self.send_bytes(raw, Frame(Kind.CALL, WHOLE, n), subject)
                answer = raw.expect(Kind.REPLY)
                self.assertEqual(answer.correlation, n)
                self.assertEqual(answer.status, Status.INVALID_ARGUMENT)
                self.assertTrue(answer.from_bus)

    def test_subscribe_and_serve(self) -> None:
        raw = self.raw()
        body = wire.pb_encode(wire.SUBSCRIBE, id=1)
        for kind in Kind.SUBSCRIBE, Kind.SERVE:
            for subject in self.BAD + (">.a", "*.*.*.*", "a*", "a.>b"):
                if kind == Kind.SUBSCRIBE and subject in ("test.*", "test.>"):
                    continue
                with self.subTest(kind=kind, subject=subject):
                    self.send_bytes(raw, Frame(kind, correlation=1,
                                               body=body), subject)
                    answer = raw.expect(Kind.RESULT)
                    self.assertEqual(answer.status, Status.INVALID_ARGUMENT)

    def test_ids_of_subscriptions(self) -> None:
        raw = self.raw()
        self.assertEqual(raw.subscribe("test.a", 5).status, Status.OK)
        for ask in raw.subscribe, raw.serve:
            for id_ in 0, 1 << 31, (1 << 32) - 1:
                with self.subTest(ask=ask.__name__, id=id_):
                    self.assertEqual(ask("test.a", id_).status,
                                     Status.INVALID_ARGUMENT)
            self.assertEqual(ask("test.a", 5).status, Status.ALREADY_EXISTS)

    def test_nobody_speaks_below_the_dollar(self) -> None:
        # Not even who may do anything.
        raw = self.raw("good")
        raw.send(Frame(Kind.MESSAGE, WHOLE, 6, "$sys.peer.down"))
        self.assertEqual(raw.expect(Kind.REFUSED).status,
                         Status.PERMISSION_DENIED)
        self.assertEqual(raw.serve("$inst.1.test").status,
                         Status.PERMISSION_DENIED)

    def test_policy_is_asked(self) -> None:
        raw = self.raw()
        raw.send(Frame(Kind.MESSAGE, WHOLE, 6, "secret.a"))
        answer = raw.expect(Kind.REFUSED)
        self.assertEqual(answer.status, Status.PERMISSION_DENIED)
        self.assertRegex(answer.body.decode(), r"10-test\.policy:1")
        for answer in (raw.subscribe("secret.a", 3), raw.subscribe(">", 4),
                       raw.serve("secret.s", 5)):
            self.assertEqual(answer.status, Status.PERMISSION_DENIED)
        raw.send(Frame(Kind.CALL, WHOLE, 7, "secret.s"))
        self.assertEqual(raw.expect(Kind.REPLY).status,
                         Status.PERMISSION_DENIED)


if __name__ == "__main__":
    unittest.main()
