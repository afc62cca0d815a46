# SPDX-License-Identifier: MIT
"""Versions of a service as the switch keeps them apart, with the real
helio-registry: who may serve what, and who may call whom."""

import os
import signal
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import heliograph
import helioschema
from heliograph import Refused, Status
from real_switch import Switch

import registry
from registry import ask, put, thing

THING = "foo.v1.Thing"
OLD = thing("optional int32 a = 1;")
NEW = thing("optional int32 a = 1; optional string b = 2;",
            "rpc Do(A) returns (A); rpc Undo(A) returns (A);")
BROKEN = thing("optional string a = 1;")
OTHER = thing("repeated int32 a = 1;")
POLICY = registry.POLICY.replace(
    "allow vm:user call foo.v1.Thing.Do", "allow vm:user call foo.>") + """\
allow vm:maker serve foo.v2.>
"""


class VersionsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.switch = self.enterContext(
            Switch(policy=POLICY, domains=registry.DOMAINS))
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.registry = self.enterContext(registry.Registry(
            self.switch, os.path.join(folder, "schemas")))
        self.maker = self.bus("maker")
        self.user = self.bus("user")
        self.old = put(self.maker, OLD)

    def bus(self, domain: str) -> heliograph.Client:
        return self.enterContext(self.switch.connect(domain))

    def refused(self, status: Status, pattern: str):
        return self.assertRaisesRegex(
            Refused, f"^{status.name}: .*{pattern}")

    def serve(self, answer: bytes, methods: list[str], schema: bytes,
              service: str = THING) -> "threading.Thread":
        """Answer all calls until the test ends."""
        bus = self.bus("maker")
        served = bus.serve(service, methods, schema_hash=schema)

        def run() -> None:
            try:
                for call in served:
                    call.reply(answer)
            except heliograph.Closed:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(bus._channel._socket.shutdown, 2)

    def test_a_schema_is_served_once_it_is_known(self) -> None:
        new = put(self.user, NEW)  # which only calls
        with self.refused(Status.NOT_FOUND, "does not know"):
            self.maker.serve(THING, ["Do", "Undo"], schema_hash=new)
        put(self.maker, NEW)
        self.maker.serve(THING, ["Do", "Undo"], schema_hash=new)

    def test_what_breaks_its_package_is_not_served(self) -> None:
        broken = put(self.user, BROKEN)
        with self.refused(Status.FAILED_PRECONDITION, "breaks"):
            put(self.maker, BROKEN)
        with self.refused(Status.NOT_FOUND, "does not know"):
            self.maker.serve(THING, ["Do"], schema_hash=broken)

    def test_minors_understand_each_other(self) -> None:
        new = put(self.maker, NEW)
        self.serve(b"old", ["Do"], self.old)
        self.serve(b"new", ["Do", "Undo"], new)
        for schema in self.old, new:
            bound = self.user.bind(THING, schema)
            # The first calls may meet the server that it fits without asking,
            # while the registry is asked about the other.
            answers = set()
            end = time.monotonic() + 10
            while len(answers) < 2 and time.monotonic() < end:
                answers.add(bound.call("Do", timeout=10).body)
            self.assertEqual(answers, {b"old", b"new"})
        self.assertEqual(self.user.bind(THING, new).call(
            "Undo", timeout=10).body, b"new")

    def test_a_client_that_does_not_fit_is_told_why(self) -> None:
        self.serve(b"old", ["Do"], self.old)
        other = put(self.user, OTHER)
        bound = self.user.bind(THING, other)
        with self.refused(Status.FAILED_PRECONDITION,
                          f"{other.hex()[:8]}, .*{self.old.hex()[:8]}: .*"
                          "FIELD_WIRE_COMPATIBLE_CARDINALITY"):
            bound.call("Do", timeout=10)

    def test_a_client_s_schema_may_become_known_later(self) -> None:
        self.serve(b"old", ["Do"], self.old)
        bound = self.user.bind(THING, helioschema.schema_hash(NEW, "foo.v1"))
        with self.refused(Status.NOT_FOUND, "helio-registry.*know"):
            bound.call("Do", timeout=10)
        put(self.user, NEW)
        self.assertEqual(bound.call("Do", timeout=10).body, b"old")

    def test_a_frozen_agent_costs_one_call(self) -> None:
        self.serve(b"frozen", ["Do"], self.old)
        new = put(self.maker, NEW)
        bound = self.user.bind(THING, new)
        with self.refused(Status.UNIMPLEMENTED, new.hex()[:8]):
            bound.call("Undo", timeout=10)
        self.assertEqual(bound.call("Do", timeout=10).body, b"frozen")

    def test_majors_are_different_services(self) -> None:
        second = put(self.maker, thing("optional string a = 1;",
                                       package="foo.v2"), "foo.v2")
        self.serve(b"one", ["Do"], self.old)
        self.serve(b"two", ["Do"], second, "foo.v2.Thing")
        self.assertEqual(self.user.bind(THING, self.old).call(
            "Do", timeout=10).body, b"one")
        self.assertEqual(self.user.bind("foo.v2.Thing", second).call(
            "Do", timeout=10).body, b"two")

    def test_known_pairs_outlive_the_registry(self) -> None:
        new = put(self.maker, NEW)
        self.serve(b"old", ["Do"], self.old)
        bound = self.user.bind(THING, new)
        bound.call("Do", timeout=10)
        self.registry.stop()
        self.assertEqual(bound.call("Do", timeout=10).body, b"old")
        self.serve(b"old", ["Do"], self.old)
        unknown = self.user.bind(THING, bytes(32))
        with self.refused(Status.UNAVAILABLE, "helio-registry"):
            unknown.call("Do", timeout=10)
        with self.refused(Status.UNAVAILABLE, "helio-registry"):
            self.maker.serve(THING, ["Do"], schema_hash=new)
        with ThreadPoolExecutor() as pool:
            late = pool.submit(self.user.bind(THING, bytes(32)).call, "Do",
                               timeout=20, wait=True)
            self.registry.start()
            with self.refused(Status.NOT_FOUND, "helio-registry.*know"):
                late.result(20)
        self.maker.serve(THING, ["Do"], schema_hash=new)

    def test_the_setting_is_read_again(self) -> None:
        self.serve(b"old", ["Do"], self.old)
        bound = self.user.bind(THING, put(self.user, NEW))
        self.assertEqual(bound.call("Do", timeout=10).body, b"old")
        for setting in ("equal", "registry"):
            self.switch.set_settings(f"schemas {setting}\n")
            self.switch.process.send_signal(signal.SIGHUP)
            self.until(lambda: self.fits(bound) == (setting == "registry"))

    def until(self, is_so) -> None:
        end = time.monotonic() + 10
        while not is_so():
            self.assertLess(time.monotonic(), end)

    def fits(self, bound) -> bool:
        try:
            return bound.call("Do", timeout=10).body == b"old"
        except Refused as refused:
            self.assertRegex(str(refused), "FAILED_PRECONDITION.*not equal")
            return False


if __name__ == "__main__":
    unittest.main()
