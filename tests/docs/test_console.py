#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands of docs/RPC.md do what the page says.

In the page's blocks of kind `console`, what stands after `$ ` is run in one
shell on a bus of its own; the lines below it are what it prints. A command
that ends with ` &` runs on: its lines are awaited.
"""

import os
import pathlib
import re
import subprocess
import unittest
from collections.abc import Iterator

import real_switch

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "RPC.md"
POLICY = "allow ** any lamp.>\nallow ** any helio.>\n"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines that it prints."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *said = part.splitlines()
            yield command, said


class Console(unittest.TestCase):
    """One test, for each command needs what those before it have done."""

    def setUp(self) -> None:
        switch = real_switch.Switch(POLICY, settings="schemas equal\n",
                                    domains=())
        self.enterContext(switch)
        programs = os.pathsep.join(
            (os.environ["HELIO_BIN"], os.environ["HELIO_EXAMPLES"],
             os.environ["PATH"]))
        self.environment = dict(
            os.environ, PATH=programs,
            HELIOGRAPH_ADDRESS=f"shm:{switch.run}/bus.sock")

    def run_on(self, command: str) -> Iterator[str]:
        """The lines of a command that goes on until the end of the test."""
        process = subprocess.Popen(
            "exec " + command, shell=True, env=self.environment, text=True,
            stdout=subprocess.PIPE)
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
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.stdout.splitlines(), expected, command)

    def test_the_page(self) -> None:
        n = 0
        for command, expected in commands():
            self.check(command, expected)
            n += 1
        self.assertGreater(n, 4)


if __name__ == "__main__":
    unittest.main()
