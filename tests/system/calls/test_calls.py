# SPDX-License-Identifier: MIT
"""Every method of every service, called in states in which nobody calls it.

Requests are random, and what is asked for exists, never did, or did a moment
ago; calls are made many at once, have little time, and are cancelled or lose
their connection. The server stays as it is.
"""

from __future__ import annotations

import collections
import os
import pathlib
import random
import select
import subprocess
import tempfile
import time
import unittest
from typing import Any

import real_switch
from caller import Call, Caller
from maker import Maker, methods

BIN = pathlib.Path(os.environ["HELIO_BIN"])
# Another seed or more rounds are worth a try by hand.
SEED = os.environ.get("HELIO_SEED", "11")
ROUNDS = int(os.environ.get("HELIO_ROUNDS", "6"))
WAIT_S = 20
CALLS = 40  # of each caller in a round
POLICY = """\
deny vm:evil log-admin,kv-write,job-work,admin >
allow ** any,group,capture,observe >
allow ** subscribe $sys.>
allow ** admin,log-read,log-admin >
allow ** kv-read,kv-write,job-submit,job-work >
"""
DOMAINS = ("server", "boss", "evil")
# What the server may have more in the end than after a quarter of the rounds.
MEMORY_MAX = 64 << 20
FILES_MAX = 64


class Server:
    """A program that serves, or the switch itself."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def memory(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(
            encoding="ascii")
        return int(status.split("RssAnon:")[1].split()[0]) << 10

    def n_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Calls:
    """A test of one service, which the classes below name."""

    SERVICE = FILE = PROGRAM = ""
    ARGUMENTS: tuple[str, ...] = ()
    # What is there as a round begins, if it can be: methods and requests.
    SCENE: tuple[tuple[str, dict[str, Any]], ...] = ()
    # A method that always is OK.
    PLAIN = "List"
    HAS_INSTANCES = True  # it answers $ping and its like

    def setUp(self) -> None:
        self.folder = self.enterContext(
            tempfile.TemporaryDirectory(prefix="helio-calls-"))
        self.switch = self.enterContext(real_switch.Switch(
            policy=POLICY, settings="schemas equal\n", domains=DOMAINS))
        self.log = open(f"{self.folder}/log", "a+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.server = Server(self.start() if self.PROGRAM
                             else self.switch.process)
        self.dice = random.Random(f"{SEED} {self.SERVICE}")
        self.maker = Maker(self.dice)
        self.methods = methods(self.FILE, self.SERVICE,
                               self.HAS_INSTANCES)
        self.by_name = {method.subject.rpartition(".")[2]: method
                        for method in self.methods}
        self.statuses: collections.Counter = collections.Counter()

    def start(self) -> subprocess.Popen:
        ready, ready_out = os.pipe()
        words = [word.format(folder=self.folder) for word in self.ARGUMENTS]
        process = subprocess.Popen(
            [BIN / self.PROGRAM, *words,
             f"shm:{self.switch.path('server')}", "--ready-fd",
             str(ready_out)], pass_fds=[ready_out], stderr=self.log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(ready_out)
        with os.fdopen(ready):
            self.assertTrue(select.select([ready], [], [], WAIT_S)[0])
            self.assertTrue(os.read(ready, 1), self.said())
        return process

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()[-6000:]

    def caller(self, domain: str = "") -> Caller:
        domain = domain or self.dice.choice(["boss", "boss", "boss", "evil"])
        return Caller(self.switch.raw(domain), self.dice, self.maker)

    def await_end(self, caller: Caller) -> None:
        """Of all its calls."""
        end = time.monotonic() + WAIT_S
        caller.settle()
        while caller.calls:
            caller.pump(0.1)
            self.assertLess(time.monotonic(), end,
                            f"no end: {[*map(str, caller.calls.values())]}")
        # Whatever came behind an end was too much.
        caller.settle()

    def ask(self, caller: Caller, name: str, fields: dict[str, Any]) -> None:
        method = self.by_name[name]
        packed = method.input(**fields).SerializeToString()
        caller.begin(Call(method, packed, [], True, True), packed,
                     WAIT_S * 1000)

    def set_the_scene(self, caller: Caller) -> None:
        for name, fields in self.SCENE:
            self.ask(caller, name, fields)
            self.await_end(caller)
        for n in range(12):
            caller.publish(f"test.calls.{'abc'[n % 3]}")

    def act(self, caller: Caller) -> None:
        caller.call(self.dice.choice(self.methods),
                    self.dice.choice([1, 5, 20, 100, 100, 300]))
        if self.dice.random() < 0.1:
            caller.cancel()
        if self.dice.random() < 0.2:
            caller.pump(0)

    def round(self) -> None:
        callers = [self.caller("boss"), self.caller(), self.caller()]
        self.set_the_scene(callers[0])
        for _ in range(CALLS):
            for i, caller in enumerate(callers):
                self.act(caller)
                if self.dice.random() < 0.01:
                    self.leave(caller)
                    callers[i] = self.caller()
        for caller in callers:
            self.await_end(caller)
            self.leave(caller)

    def leave(self, caller: Caller) -> None:
        self.statuses += caller.statuses
        caller.close()

    def check(self) -> None:
        self.assertIsNone(self.server.process.poll(), self.said())
        caller, end = self.caller("boss"), time.monotonic() + WAIT_S
        # What was cancelled may take its room for a moment.
        while (f"{self.SERVICE}.{self.PLAIN}", "OK") not in caller.statuses:
            self.assertLess(time.monotonic(), end, f"{caller.statuses}")
            self.ask(caller, self.PLAIN, {})
            self.await_end(caller)
        caller.close()

    def test_calls(self) -> None:
        try:
            self.play()
        except Exception as error:
            raise AssertionError(f"HELIO_SEED={SEED}: {self.said()}") \
                from error

    def play(self) -> None:
        memory = n_files = 0
        for n in range(ROUNDS):
            self.round()
            self.check()
            if n == ROUNDS // 4:
                memory, n_files = self.server.memory(), self.server.n_files()
        self.assertLess(self.server.memory() - memory, MEMORY_MAX)
        self.assertLess(self.server.n_files() - n_files, FILES_MAX)
        if self.PROGRAM:
            self.end()
        self.tell()

    def end(self) -> None:
        """In the middle of calls."""
        callers = [self.caller("boss"), self.caller()]
        self.set_the_scene(callers[0])
        for _ in range(CALLS // 2):
            for caller in callers:
                self.act(caller)
        self.server.process.terminate()
        self.assertEqual(self.server.process.wait(WAIT_S), 0, self.said())
        for caller in callers:
            self.leave(caller)

    def tell(self) -> None:
        """How many calls ended how, for who looks whether that is enough."""
        by_status: collections.Counter = collections.Counter()
        for (_, status), n_calls in self.statuses.items():
            by_status[status] += n_calls
        good = {subject for subject, status in self.statuses
                if status == "OK"}
        print(f"{self.SERVICE}: {dict(by_status)}, {len(good)} of "
              f"{len(self.methods)} methods were OK")


class LogsTest(Calls, unittest.TestCase):
    SERVICE, FILE = "helio.log.v1.Logs", "helio/log/v1/log.proto"
    PROGRAM = "helio-logger"
    ARGUMENTS = "--state", "{folder}/state", "--address"
    SCENE = (
        ("Create", {"name": "a", "config": {"patterns": ["test.calls.a"]}}),
        ("Create", {"name": "b", "config": {"patterns": ["test.calls.b"],
                                            "subject_records_max": 3}}),
        ("CreateCursor", {"log": "a", "name": "a"}),
        ("CreateCursor", {"log": "b", "name": "b",
                          "config": {"shared": True, "ack_wait_ms": 50}}),
    )


STORE = "helio/store/v1/store.proto"


class BucketsTest(Calls, unittest.TestCase):
    SERVICE, FILE, PROGRAM = "helio.store.v1.Buckets", STORE, "helio-store"
    ARGUMENTS = LogsTest.ARGUMENTS
    PLAIN = "ListBuckets"
    SCENE = (
        ("Create", {"name": "a"}),
        ("Create", {"name": "b", "config": {"history": 5}}),
        *(("Put", {"bucket": name, "key": key, "value": b"v"})
          for name in "ab" for key in "abc"),
    )


class QueuesTest(Calls, unittest.TestCase):
    SERVICE, FILE, PROGRAM = "helio.store.v1.Queues", STORE, "helio-store"
    ARGUMENTS = LogsTest.ARGUMENTS
    PLAIN = "ListQueues"
    SCENE = (
        ("Create", {"name": "a"}),
        ("Create", {"name": "b", "config": {"lease_ms": 50,
                                            "attempts_max": 2}}),
        *(("Submit", {"queue": name, "key": key, "body": b"b"})
          for name in "ab" for key in "abc"),
        ("Lease", {"queue": "a", "max": 2}),
    )


class RegistryTest(Calls, unittest.TestCase):
    SERVICE = "helio.registry.v1.Registry"
    FILE = "helio/registry/v1/registry.proto"
    PROGRAM = "helio-registry"
    HAS_INSTANCES = False
    ARGUMENTS = LogsTest.ARGUMENTS


class MachinesTest(Calls, unittest.TestCase):
    """What stands in for QEMU says nothing, and ends after a while."""

    SERVICE, FILE = "helio.vm.v1.VirtualMachines", "helio/vm/v1/vm.proto"
    PROGRAM = "helio-vm"
    ARGUMENTS = ("--machines", "{folder}", "--run", "{folder}/run", "--qemu",
                 "{folder}/qemu", "--connect")

    def start(self) -> subprocess.Popen:
        qemu = pathlib.Path(self.folder, "qemu")
        qemu.write_text("#!/bin/sh\nexec sleep 0.1\n", encoding="ascii")
        qemu.chmod(0o700)
        for name in "ab":
            pathlib.Path(self.folder, f"{name}.vm").write_text(
                "memory 8M\ndisk /dev/null\n", encoding="ascii")
        return super().start()


class SwitchTest(Calls, unittest.TestCase):
    SERVICE, FILE = "helio.switch.v1.Switch", "helio/switch/v1/switch.proto"
    PLAIN = "Ping"
    HAS_INSTANCES = False


if __name__ == "__main__":
    unittest.main()
