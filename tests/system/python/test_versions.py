# SPDX-License-Identifier: MIT
"""Several versions of a service at once, beside a stand-in for the registry.

Each server says which it is; what the methods mean does not matter here.
"""

import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import heliograph
from heliowire import Status
from real_switch import HostileTest, Switch
from stand_in_registry import NEW, OLD, OTHER, Registry

BAR, BAR2 = "test.v1.Bar", "test.v2.Bar"


class Server:
    """Answers every call with its own name, until it is stopped."""

    def __init__(self, switch: Switch, name: str, service: str,
                 methods: list[str], schema: bytes) -> None:
        self.name, self.n_calls = name, 0
        self._bus = switch.connect("good")
        self._service = self._bus.serve(service, methods, schema_hash=schema)
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no new call, answer those that there are, and go."""
        self._leave.set()
        self._thread.join()

    def _run(self) -> None:
        is_draining = False
        with self._bus:
            while True:
                try:
                    call = self._service.receive(0.05)
                except TimeoutError:
                    if is_draining:
                        break
                else:
                    self.n_calls += 1
                    call.reply(self.name.encode())
                if self._leave.is_set() and not is_draining:
                    self._service.drain()
                    is_draining = True
            self._service.close()


class VersionsTest(HostileTest):
    def setUp(self) -> None:
        super().setUp()
        self.registry = self.enterContext(
            Registry(self.switch.connect("good")))

    def server(self, name: str, service: str, methods: list[str],
               schema: bytes) -> Server:
        return self.enterContext(
            Server(self.switch, name, service, methods, schema))

    def refused(self, bound: heliograph.Bound, method: str
                ) -> heliograph.Refused:
        with self.assertRaises(heliograph.Refused) as caught:
            bound.call(method, timeout=10)
        return caught.exception

    def test_majors_run_side_by_side(self) -> None:
        self.server("one", BAR, ["Get"], OLD)
        self.server("two", BAR2, ["Get"], NEW)
        bus = self.client("friend")
        first, second = bus.bind(BAR, OLD), bus.bind(BAR2, NEW)
        for _ in range(10):
            self.assertEqual(first.call("Get", timeout=10).body, b"one")
            self.assertEqual(second.call("Get", timeout=10).body, b"two")

    def call_on(self, schema: bytes, stop: threading.Event) -> set[bytes]:
        answers = set()
        with self.switch.connect("friend") as bus:
            bound = bus.bind(BAR, schema)
            while not stop.is_set():
                answers.add(bound.call("Get", timeout=10).body)
        return answers

    def test_an_old_minor_is_drained_without_a_failed_call(self) -> None:
        old = self.server("old", BAR, ["Get"], OLD)
        stop = threading.Event()
        with ThreadPoolExecutor() as pool:
            callers = [pool.submit(self.call_on, schema, stop)
                       for schema in (OLD, OLD, NEW, NEW)]
            try:
                self.wait_calls(old)
                new = self.server("new", BAR, ["Get", "Frob"], NEW)
                self.wait_calls(new, old)
                old.stop()
                self.wait_calls(new)
            finally:
                stop.set()
            for caller in callers:
                self.assertEqual(caller.result(20), {b"old", b"new"})

    def wait_calls(self, *servers: Server) -> None:
        """Until each has had a hundred more."""
        goals = [server.n_calls + 100 for server in servers]
        for server, goal in zip(servers, goals):
            for _ in range(1000):
                if server.n_calls >= goal:
                    break
                self.witness.wait_rounds(1)
            else:
                self.fail(f"{server.name} gets no calls")

    def test_an_incompatible_client_is_told_both_sides(self) -> None:
        server = self.server("old", BAR, ["Get"], OLD)
        bus = self.client("friend")
        bound = bus.bind(BAR, OTHER)
        for _ in range(2):
            refused = self.refused(bound, "Get")
            self.assertEqual(refused.status, Status.FAILED_PRECONDITION)
            self.assertTrue(refused.from_bus)
            self.assertFalse(refused.handed_over)
            self.assertRegex(refused.text,
                             "03030303, .*01010101: it breaks")
        self.assertEqual(server.n_calls, 0)

    def test_a_frozen_agent_costs_one_call(self) -> None:
        self.server("frozen", BAR, ["Get"], OLD)
        self.server("two", BAR2, ["Get", "Frob"], NEW)
        bound = self.client("friend").bind(BAR, NEW)
        refused = self.refused(bound, "Frob")
        self.assertEqual(refused.status, Status.UNIMPLEMENTED)
        self.assertFalse(refused.handed_over)
        self.assertRegex(refused.text, "schema 02020202 has it.*; "
                         "test.v2.Bar.Frob is served")
        self.assertEqual(bound.call("Get", timeout=10).body, b"frozen")

    def test_what_is_known_goes_on_without_the_registry(self) -> None:
        old = self.server("old", BAR, ["Get"], OLD)
        bus = self.client("friend")
        newer, unknown = bus.bind(BAR, NEW), bus.bind(BAR, bytes([9] * 32))
        self.assertEqual(newer.call("Get", timeout=10).body, b"old")
        self.registry.close()
        old.stop()
        self.server("again", BAR, ["Get"], OLD)
        self.assertEqual(newer.call("Get", timeout=10).body, b"again")
        refused = self.refused(unknown, "Get")
        self.assertEqual(refused.status, Status.UNAVAILABLE)
        self.assertRegex(refused.text, "helio-registry")
        # It comes back, and whoever may wait for it has done so.
        with ThreadPoolExecutor() as pool:
            reply = pool.submit(unknown.call, "Get", timeout=20, wait=True)
            self.witness.wait_rounds(3)
            self.enterContext(Registry(self.switch.connect("good")))
            self.assertEqual(reply.result(20).body, b"again")


if __name__ == "__main__":
    unittest.main()
