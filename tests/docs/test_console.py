#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands of RPC.md, LOG.md, STORE.md, XENSTORE.md and examples/fleet do
what the pages say.

In a page's blocks of kind `console`, what stands after `$ ` is run in one
shell on a bus of its own; the lines below it are what it prints. A command
that ends with ` &` runs on: its lines are awaited.
"""

import os
import pathlib
import re
import select
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Iterator

import real_switch

DOCS = pathlib.Path(__file__).parents[2] / "docs"
POLICY = """\
allow ** any lamp.>
allow ** any helio.>
allow ** any,capture demo.>
allow ** any,capture audit.>
allow ** any,capture web.>
allow ** any,capture db.>
allow ** observe helio.log.>
allow ** publish shadow.>
allow ** log-read,log-admin *
allow ** kv-read,kv-write,job-submit,job-work *
allow ** admin >
"""


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines that it prints."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *said = part.splitlines()
            yield command, said


class Console(unittest.TestCase):
    """A test for a page: each command needs what those before it have done."""

    def setUp(self) -> None:
        switch = real_switch.Switch(POLICY, settings="schemas equal\n",
                                    domains=())
        self.enterContext(switch)
        programs = os.pathsep.join(
            (os.environ["HELIO_BIN"], os.environ["HELIO_EXAMPLES"],
             os.environ["XEN_TESTS"], os.environ["PATH"]))
        self.environment = dict(
            os.environ, PATH=programs,
            HELIOGRAPH_ADDRESS=f"shm:{switch.run}/bus.sock")
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def run_on(self, command: str) -> Iterator[str]:
        """The lines of a command that goes on until the end of the test."""
        process = subprocess.Popen(
            "exec " + command, shell=True, env=self.environment, text=True,
            cwd=self.folder, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return iter(process.stdout)

    def check(self, command: str, expected: list[str]) -> None:
        if command.endswith(" &"):
            said = self.run_on(command.removesuffix(" &"))
            for line in expected:
                self.assertEqual(next(said, "").rstrip("\n"), line, command)
            return
        done = subprocess.run(
            command, shell=True, env=self.environment, text=True, timeout=20,
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.stdout.splitlines(), expected, command)

    def start(self, program: str, state: str) -> None:
        ready, ready_out = os.pipe()
        process = subprocess.Popen(
            [program, "--state", os.path.join(self.folder, state),
             "--address", self.environment["HELIOGRAPH_ADDRESS"],
             "--ready-fd", str(ready_out)],
            env=self.environment, pass_fds=[ready_out])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(ready_out)
        self.addCleanup(os.close, ready)
        self.assertTrue(select.select([ready], [], [], 20)[0])
        self.assertTrue(os.read(ready, 1), f"{program} is not ready")

    def check_page(self, page: str) -> None:
        n = 0
        for command, expected in commands(page):
            self.check(command, expected)
            n += 1
        self.assertGreater(n, 4)

    def test_rpc(self) -> None:
        self.check_page("RPC.md")

    def test_log(self) -> None:
        self.start("helio-logger", "logs")
        self.check_page("LOG.md")

    def test_store(self) -> None:
        self.start("helio-store", "store")
        self.check_page("STORE.md")

    def test_fleet(self) -> None:
        self.start("helio-store", "store")
        self.check_page("../examples/fleet/README.md")

    def start_xenstored(self) -> None:
        world = tempfile.mkdtemp(prefix="xen-world-")
        self.addCleanup(shutil.rmtree, world)
        process = subprocess.Popen(
            [os.path.join(os.environ["XEN_TESTS"], "xen-world"), world],
            stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.environment["XENSTORED_PATH"] = f"{world}/0/xenstored"

    def test_xenstore(self) -> None:
        if not os.environ["XEN_TESTS"]:
            return  # Built without libxenstore: there is no bridge.
        self.start("helio-store", "store")
        self.start_xenstored()
        self.check_page("XENSTORE.md")


if __name__ == "__main__":
    unittest.main()
