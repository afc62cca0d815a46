# SPDX-License-Identifier: MIT
"""Typed servers and clients in C beside the real switch and the real
helio-registry: how their schemas become known, and who understands whom."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import unittest

from real_switch import Switch

import registry

POLICY = registry.POLICY + """\
allow vm:maker serve shop.>
allow vm:other serve shop.>
allow vm:user call shop.>
"""
WAIT_S = 40


class Program:
    """A version of the shop as one domain, which prints lines."""

    def __init__(self, switch: Switch, domain: str, version: str,
                 *what: str) -> None:
        self.process = subprocess.Popen(
            [os.path.join(os.environ["SHOP_BIN"], f"shop_{version}"),
             "shm:" + switch.path(domain), *what], bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._text = b""

    def line(self) -> str:
        while b"\n" not in self._text:
            if not select.select([self.process.stdout], [], [], WAIT_S)[0]:
                raise TimeoutError("no line came")
            more = os.read(self.process.stdout.fileno(), 4096)
            if not more:
                raise EOFError("it has ended")
            self._text += more
        line, self._text = self._text.split(b"\n", 1)
        return line.decode().strip()

    def ask(self) -> None:
        self.process.stdin.write(b"\n")

    def call(self) -> str:
        self.ask()
        return self.line()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()


class TypedTest(unittest.TestCase):
    def setUp(self) -> None:
        self.switch = self.enterContext(
            Switch(policy=POLICY, domains=registry.DOMAINS))
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.registry = registry.Registry(
            self.switch, os.path.join(folder, "schemas"))

    def start_registry(self) -> None:
        self.enterContext(self.registry)

    def program(self, domain: str, version: str, *what: str) -> Program:
        program = Program(self.switch, domain, version, *what)
        self.addCleanup(program.stop)
        return program

    def serve(self, version: str, domain: str = "maker",
              n: int = 10) -> Program:
        server = self.program(domain, version, "serve", str(n))
        self.assertEqual(server.line(), "OK")
        return server

    def client(self, version: str, domain: str = "user") -> Program:
        return self.program(domain, version, "call")

    def listed(self) -> list[tuple[str, bool]]:
        with self.switch.connect("boss") as boss:
            return [(s["principal"], bool(s.get("client_only")))
                    for s in registry.listed(boss, package="shop.v1")]

    def test_a_new_service_enrols_itself(self) -> None:
        self.start_registry()
        self.serve("older")
        self.assertEqual(self.listed(), [("vm:maker", False)])
        self.assertEqual(self.client("older").call(),
                         "OK number=11 unknown=0")

    def test_a_registry_that_comes_late(self) -> None:
        server = self.program("maker", "older", "serve", "10")
        self.assertRegex(server.line(), "^UNAVAILABLE .*helio-registry")
        self.start_registry()
        self.assertEqual(server.line(), "OK")
        self.assertEqual(self.client("older").call(),
                         "OK number=11 unknown=0")

    def test_a_server_that_breaks_its_package(self) -> None:
        self.start_registry()
        self.serve("older")
        server = self.program("other", "broken", "serve", "10")
        self.assertRegex(server.line(),
                         "^FAILED_PRECONDITION .*FIELD_.*shop/v1/shop.proto"
                         ".*number")

    def test_a_newer_client_of_an_older_server(self) -> None:
        """Its schema becomes known by its first call."""
        self.start_registry()
        self.serve("older")
        client = self.client("newer")
        # The server does not know the label, and gives it back.
        for _ in range(3):
            self.assertEqual(client.call(),
                             "OK number=11 label=kept unknown=0")
        self.assertEqual(sorted(self.listed()),
                         [("vm:maker", False), ("vm:user", True)])

    def test_a_client_that_may_not_put_its_schema(self) -> None:
        self.switch.set_policy(
            "deny vm:user call helio.registry.v1.Registry.Put\n" + POLICY)
        self.switch.process.send_signal(signal.SIGHUP)
        self.start_registry()
        self.serve("older")
        self.assertRegex(self.client("newer").call(),
                         "^PERMISSION_DENIED .*helio.registry.v1.Registry.Put")
        self.assertEqual(self.client("older").call(),
                         "OK number=11 unknown=0")

    def test_an_older_client_of_a_newer_server(self) -> None:
        self.start_registry()
        self.serve("newer")
        client = self.client("older")
        for _ in range(3):
            self.assertEqual(client.call(), "OK number=11 unknown=1")
        self.assertEqual(sorted(self.listed()),
                         [("vm:maker", False), ("vm:user", True)])

    def test_a_client_that_does_not_fit(self) -> None:
        self.start_registry()
        self.serve("older")
        self.assertRegex(
            self.client("broken").call(),
            "^FAILED_PRECONDITION the caller's schema of shop.v1.Shop, "
            "[0-9a-f]{8}, .*its servers, [0-9a-f]{8}: .*FIELD_.*number")

    def test_a_client_follows_a_name_that_moves(self) -> None:
        self.start_registry()
        first = self.serve("older", "maker", 10)
        client = self.client("newer")
        self.assertEqual(client.call(), "OK number=11 label=kept unknown=0")
        first.stop()
        client.ask()  # and it is held until somebody serves
        self.serve("newer", "other", 20)
        self.assertEqual(client.line(), "OK number=21 label=kept unknown=0")
        self.assertEqual(client.call(), "OK number=21 label=kept unknown=0")


if __name__ == "__main__":
    unittest.main()
