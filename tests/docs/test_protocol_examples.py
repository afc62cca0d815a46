# SPDX-License-Identifier: MIT
"""The frames in hex in docs/PROTOCOL.md are what they say they are.

Each is encoded anew from what the page says of it in words. That the C code
agrees is tested by tests/unit/proto/test_examples.c.
"""

import os
import re
import struct
import unittest

import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind, Status

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = os.path.join(TOP, "docs", "PROTOCOL.md")
PROTO = os.path.join(TOP, "proto", "helio", "bus", "v1", "control.proto")
BLOCK = re.compile(r"^```hex (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HANDED = 1 << 63 | 2 << 32 | 0
STREAMED = HANDED + 2


def read_examples(path: str = PAGE) -> dict[str, bytes]:
    """The hex blocks by name: bytes, then two spaces and words, or neither."""
    with open(path, encoding="utf-8") as page:
        blocks = BLOCK.findall(page.read())
    return {name: b"".join(bytes.fromhex(line.split("  ")[0])
                           for line in text.splitlines())
            for name, text in blocks}


EXAMPLES = {
    "hello": Frame(Kind.HELLO, body=wire.pb_encode(
        wire.HELLO, version_min=1, version_max=1, program="tour",
        message_max=8 << 20)),
    "welcome": Frame(Kind.WELCOME, body=wire.pb_encode(
        wire.WELCOME, version=1, principal="vm:web",
        incarnation=0x1122334455667788, fragment_bytes=65536,
        message_max=64 << 20, subscriptions_max=1024, calls_max=4096,
        open_messages_max=64, deadline_max_ms=3_600_000,
        switch_incarnation=0x0102030405060708)),
    "goodbye": Frame(Kind.GOODBYE, Flag.EXTENDED,
                     status=Status.INVALID_ARGUMENT, from_bus=True,
                     body=b"flags has an undefined bit"),
    "ping": Frame(Kind.PING, correlation=9, body=b"12:00"),
    "pong": Frame(Kind.PONG, correlation=9, body=b"12:00"),
    "subscribe": Frame(Kind.SUBSCRIBE, correlation=1, subject="room.*.temp",
                       body=wire.pb_encode(
                           wire.SUBSCRIBE, id=1, credit_messages=256,
                           credit_bytes=1 << 20)),
    "result": Frame(Kind.RESULT, Flag.EXTENDED, 1, from_bus=True),
    "result-denied": Frame(Kind.RESULT, Flag.EXTENDED, 1,
                           status=Status.PERMISSION_DENIED, from_bus=True,
                           body=b"denied: no line allows it"),
    "unsubscribe": Frame(Kind.UNSUBSCRIBE, correlation=2,
                         body=struct.pack("<I", 1)),
    "sync": Frame(Kind.SYNC, correlation=3),
    "publish": Frame(Kind.MESSAGE, WHOLE, 0, "room.kitchen.temp",
                     b"\x22\x0atext/plain", b"21.5"),
    "peer": Frame(Kind.PEER, body=wire.pb_encode(
        wire.PEER, handle=3, principal="vm:kitchen",
        durable_id="3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a10",
        incarnation=0x99aabbccddeeff00)),
    "delivery": Frame(Kind.MESSAGE, WHOLE, 1 << 32, "room.kitchen.temp",
                      b"\x22\x0atext/plain", b"21.5", source=3),
    "credit": Frame(Kind.CREDIT, body=struct.pack("<IIQ", 1, 1, 65)),
    "gap": Frame(Kind.GAP, body=struct.pack("<IIQ", 1, 1, 12)),
    "forget": Frame(Kind.FORGET, body=wire.pb_encode(wire.FORGET, handle=3)),
    "publish-refused": Frame(Kind.MESSAGE, WHOLE, 5, "$sys.x"),
    "refused": Frame(Kind.REFUSED, Flag.EXTENDED, 5,
                     status=Status.PERMISSION_DENIED, from_bus=True,
                     body=b"subjects below $ are the switch's own"),
    "publish-routed": Frame(Kind.MESSAGE, WHOLE | Flag.ACK_ROUTED, 6,
                            "room.kitchen.temp", b"", b"21.6"),
    "ack-routed": Frame(Kind.ACK, body=struct.pack(
        "<QIHBBII", 6, 1, 0, 0, 0, 2, 1)),
    "ack-stored": Frame(Kind.ACK, subject="home", body=struct.pack(
        "<QIHBBQ", 7, 3, 0, 1, 0, 1000)),
    "fragment-first": Frame(Kind.MESSAGE, Flag.FIRST | Flag.EXTENDED, 8,
                            "room.kitchen.photo", b"", b"abcd", total=10),
    "fragment-middle": Frame(Kind.MESSAGE, Flag(0), 8, body=b"efgh"),
    "fragment-last": Frame(Kind.MESSAGE, Flag.LAST, 8, body=b"ij"),
    "abort": Frame(Kind.ABORT, Flag.EXTENDED, 8, status=Status.CANCELLED,
                   body=b"the camera went away"),
    "serve": Frame(Kind.SERVE, correlation=9, subject="clock.v1.Clock",
                   body=wire.pb_encode(
                       wire.SERVE, id=2, methods=["Now", "Zone"],
                       credit_calls=64, credit_bytes=1 << 20)),
    "result-served": Frame(Kind.RESULT, correlation=9, body=wire.pb_encode(
        wire.SERVED, instance="7")),
    "call": Frame(Kind.CALL, WHOLE, 10, "clock.v1.Clock.Now",
                  time_left_ms=2000),
    "call-room": Frame(Kind.CALL, WHOLE | Flag.WAIT | Flag.EXTENDED, 11,
                       "clock.v1.Clock.Zone", b"", b"Europe",
                       time_left_ms=2000, room_kib=16),
    "bind": Frame(Kind.BIND, correlation=12, subject="clock.v1.Clock",
                  body=wire.pb_encode(wire.BIND, handle=5,
                                      schema_hash=bytes(range(32)))),
    "call-bound": Frame(Kind.CALL, WHOLE, 13, "Now", time_left_ms=2000,
                        handle=5),
    "unbind": Frame(Kind.UNBIND, correlation=14, body=struct.pack("<I", 5)),
    "call-handed": Frame(Kind.CALL, WHOLE, HANDED, "clock.v1.Clock.Now",
                         time_left_ms=1999, source=3),
    "reply": Frame(Kind.REPLY, WHOLE, HANDED, body=b"12:00:07"),
    "reply-passed": Frame(Kind.REPLY, WHOLE, 10, body=b"12:00:07", source=4),
    "reply-failed": Frame(Kind.REPLY, WHOLE | Flag.EXTENDED, HANDED + 1,
                          status=Status.NOT_FOUND, body=b"no such zone"),
    "reply-bus": Frame(Kind.REPLY, WHOLE | Flag.EXTENDED, 10,
                       status=Status.UNAVAILABLE, from_bus=True,
                       handed_over=True, body=b"the callee is gone"),
    "cancel": Frame(Kind.CANCEL, correlation=10),
    "call-streams": Frame(
        Kind.CALL, WHOLE | Flag.MORE | Flag.STREAM | Flag.EXTENDED, 12,
        "clock.v1.Clock.Follow", room_kib=16),
    "window": Frame(Kind.WINDOW, body=struct.pack(
        "<QQ", STREAMED, 65536)),
    "window-passed": Frame(Kind.WINDOW, body=struct.pack("<QQ", 12, 65536)),
    "next": Frame(Kind.NEXT, WHOLE, 12, body=b"Europe"),
    "next-handed": Frame(Kind.NEXT, WHOLE, STREAMED, body=b"Europe"),
    "next-first": Frame(Kind.NEXT, Flag.FIRST | Flag.EXTENDED, STREAMED,
                        body=b"12:00", total=8),
    "next-last": Frame(Kind.NEXT, Flag.LAST, STREAMED, body=b":07"),
    "window-here": Frame(Kind.WINDOW, body=struct.pack("<QQ", 12, 0)),
    "end": Frame(Kind.END, correlation=12),
    "reply-streams": Frame(Kind.REPLY, WHOLE, STREAMED),
    "drain": Frame(Kind.DRAIN, correlation=13, body=struct.pack("<I", 2)),
    "result-drain": Frame(Kind.RESULT, Flag.EXTENDED, 1 << 63 | 2,
                          from_bus=True),
}


class ExamplesTest(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.examples = read_examples()

    def test_every_example_is_known(self) -> None:
        self.assertEqual(sorted(self.examples), sorted(EXAMPLES))

    def test_bytes_are_those_of_our_encoder(self) -> None:
        for name, frame in EXAMPLES.items():
            with self.subTest(name):
                self.assertEqual(self.examples[name].hex(" "),
                                 frame.encode().hex(" "))

    def test_bytes_decode_to_what_is_said(self) -> None:
        for name, frame in EXAMPLES.items():
            with self.subTest(name):
                self.assertEqual(Frame.decode(self.examples[name]), frame)

    def test_credit_returned_is_what_the_delivery_cost(self) -> None:
        _, messages, n_bytes = struct.unpack(
            "<IIQ", EXAMPLES["credit"].body)
        self.assertEqual((messages, n_bytes),
                         (1, len(self.examples["delivery"])))

    def test_every_kind_but_copies_has_an_example(self) -> None:
        shown = {frame.kind for frame in EXAMPLES.values()}
        self.assertEqual(set(Kind) - shown, {
            Kind.OBSERVED_CALL, Kind.OBSERVED_REPLY, Kind.UNSERVE})


class ProtobufTableTest(unittest.TestCase):
    def test_it_has_the_fields_of_the_proto_file(self) -> None:
        with open(PROTO, encoding="utf-8") as file:
            messages = re.findall(r"^message (\w+) \{(.*?)^\}", file.read(),
                                  re.MULTILINE | re.DOTALL)
        self.assertGreater(len(messages), 5)
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        for name, body in messages:
            fields = re.findall(
                r"^\s*(optional|repeated) (\w+) (\w+) = (\d+)", body,
                re.MULTILINE)
            row = ", ".join(
                f"{number} {'enum' if type_ == 'Overflow' else type_}"
                f"{'[]' if label == 'repeated' else ''} `{field}`"
                for label, type_, field, number in fields)
            with self.subTest(name):
                self.assertIn(f"| `{name}` | {row} |", page)


if __name__ == "__main__":
    unittest.main()
