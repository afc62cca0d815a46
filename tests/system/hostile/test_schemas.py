# SPDX-License-Identifier: MIT
"""Peers that mean harm with schemas, beside a stand-in for helio-registry."""

import os
import struct
import time
import unittest

import heliograph
import heliowire as wire
from heliowire import WHOLE, Frame, Kind, Status
from real_switch import HostileTest, Raw
from stand_in_registry import NEW, OLD, OTHER, REGISTRY, Registry

MIB = 1 << 20
def serve(subject: str, schema: bytes, id_: int = 1) -> Frame:
    return Frame(Kind.SERVE, correlation=id_, subject=subject,
                 body=wire.pb_encode(wire.SERVE, id=id_, methods=["Get"],
                                     schema_hash=schema, credit_calls=100,
                                     credit_bytes=MIB))


def unserve(id_: int = 1) -> Frame:
    return Frame(Kind.UNSERVE, correlation=id_, body=struct.pack("<I", id_))


def bind(handle: int, subject: str, schema: bytes) -> Frame:
    return Frame(Kind.BIND, correlation=handle, subject=subject,
                 body=wire.pb_encode(wire.BIND, handle=handle,
                                     schema_hash=schema))


class SchemaTest(HostileTest):
    QUOTAS = "vm:evil subscriptions 100\n"

    def registry(self) -> Registry:
        return self.enterContext(Registry(self.switch.connect("good")))

    def result(self, raw: Raw, status: Status) -> str:
        frame = raw.expect(Kind.RESULT)
        self.assertEqual(Status(frame.status), status, frame.body)
        return frame.body.decode("utf-8", "replace")

    def test_endless_schemas_do_not_flood_the_registry(self) -> None:
        registry = self.registry()
        good = self.client().serve("test.good.v1.Bar", ["Get"],
                                   schema_hash=OLD)
        good.close()
        raw = self.raw()
        before, start = self.switch.memory(), time.monotonic()
        asked = len(registry.questions)
        refused = 0
        for _ in range(1500):
            raw.send(serve("test.evil.v1.Bar", os.urandom(32)))
            if raw.expect(Kind.RESULT).status == Status.OK:
                raw.send(unserve())
                self.result(raw, Status.OK)
            else:
                refused += 1
        seconds = time.monotonic() - start
        asked = len(registry.questions) - asked
        self.assertLessEqual(asked, 1024 + 64 * (seconds + 1))
        self.assertEqual(asked + refused, 1500)
        self.assertLess(self.switch.memory() - before, 4 * MIB)
        # Nor does it make the switch forget what others serve.
        registry.close()
        self.client().serve("test.good.v1.Bar", ["Get"],
                            schema_hash=OLD).close()
        raw.send(serve("test.evil.v1.Bar", os.urandom(32)))
        self.result(raw, Status.UNAVAILABLE)

    def test_endless_bindings_are_a_matter_of_quota(self) -> None:
        raw = self.raw()
        for handle in range(1, 101):
            raw.send(bind(handle, "test.evil.v1.Bar", os.urandom(32)))
            self.result(raw, Status.OK)
        raw.send(bind(101, "test.evil.v1.Bar", NEW))
        self.assertRegex(self.result(raw, Status.RESOURCE_EXHAUSTED),
                         "subscriptions of vm:evil is full: 100 of 100")
        raw.send(*[Frame(Kind.UNBIND, correlation=n,
                         body=struct.pack("<I", n)) for n in range(1, 101)])
        for _ in range(100):
            self.result(raw, Status.OK)

    def test_nobody_takes_a_name_by_coming_first(self) -> None:
        registry = self.registry()
        raw = self.raw()
        raw.send(serve("secret.first.v1.Bar", OTHER))
        self.assertRegex(self.result(raw, Status.PERMISSION_DENIED),
                         "denied by 10-test.policy:1")
        raw.send(serve(REGISTRY, OLD))
        self.result(raw, Status.PERMISSION_DENIED)
        self.assertEqual(registry.questions, [])
        self.client().serve("secret.first.v1.Bar", ["Get"], schema_hash=OLD)
        self.assertEqual(registry.questions,
                         [("helio:switch", "secret.first.v1.Bar")])

    def test_a_binding_is_no_right_to_call(self) -> None:
        self.registry()
        self.client().serve("secret.v1.Bar", ["Get"], schema_hash=OLD)
        raw = self.raw()
        raw.send(bind(1, "secret.v1.Bar", OLD),
                 Frame(Kind.CALL, WHOLE, 1, "Get", handle=1))
        reply = raw.expect(Kind.REPLY)
        self.assertEqual(reply.status, Status.PERMISSION_DENIED)

    def test_schemas_that_do_not_fit_are_kept_apart(self) -> None:
        self.registry()
        server = self.client()
        service = server.serve("test.v1.Bar", ["Get"], schema_hash=OLD)
        friend = self.client("friend")
        with self.assertRaises(heliograph.Refused) as caught:
            friend.bind("test.v1.Bar", OTHER).call("Get", timeout=10)
        self.assertEqual(caught.exception.status, Status.FAILED_PRECONDITION)
        self.assertRegex(caught.exception.text,
                         "03030303, .*01010101: it breaks")
        raw = self.raw()
        raw.send(bind(1, "test.v1.Bar", NEW),
                 Frame(Kind.CALL, WHOLE, 1, "Get", handle=1, body=b"x"))
        call = service.receive(10)
        self.assertEqual((call.subject, call.body), ("test.v1.Bar.Get", b"x"))
        call.reply(b"y")
        server.sync()
        self.assertEqual(raw.expect(Kind.REPLY).body, b"y")

    def test_a_registry_that_hangs_delays_who_asks_it(self) -> None:
        registry = self.registry()
        registry.silent.set()
        raw = self.raw()
        # The switch waits for the registry as long as a socket does here.
        raw.socket.settimeout(30)
        raw.send(serve("test.hang.v1.Bar", os.urandom(32)),
                 Frame(Kind.SYNC, correlation=5))
        friend = self.client("friend")
        friend.serve("test.plain.v1.Bar", ["Get"]).close()
        self.assertRegex(self.result(raw, Status.UNAVAILABLE),
                         "helio-registry")
        self.assertEqual(raw.expect(Kind.RESULT).correlation, 5)

    def test_malformed_bindings_end_the_channel(self) -> None:
        for body in b"\xff", b"\x12\x20short", b"\x0a\x01x":
            raw = self.raw()
            raw.send(Frame(Kind.BIND, correlation=1, subject="test.v1.Bar",
                           body=body))
            self.assertIsNone(self.end_of(raw))

    def test_a_handle_where_none_belongs_ends_the_channel(self) -> None:
        raw = self.raw()
        raw.send(bind(1, "test.v1.Bar", OLD),
                 Frame(Kind.MESSAGE, WHOLE, 0, "test.a", handle=1))
        self.assert_ended(raw, "a handle where none is defined")

    def end_of(self, raw: Raw) -> Frame | None:
        while (frame := raw.receive()) and frame.kind != Kind.GOODBYE:
            pass
        self.assertEqual(frame.status, Status.INVALID_ARGUMENT)
        return raw.receive()


if __name__ == "__main__":
    unittest.main()
