#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/fleet: whatever is killed, the machines that are wanted run in the
end, each once, and never were there two of one.

HELIO_SEED draws another course, FLEET_SECONDS how long each goes on.
"""

import base64
import contextlib
import json
import os
import pathlib
import random
import select
import signal
import subprocess
import tempfile
import time
import unittest
import unittest.mock
from collections.abc import Callable

BIN = pathlib.Path(os.environ["HELIO_BIN"])
FLEET = os.environ["FLEET"]
MACHINE = os.environ["FLEET_MACHINE"]
SECONDS = float(os.environ.get("FLEET_SECONDS", "2"))
SEED = int(os.environ.get("HELIO_SEED", "11"))
POLICY = """\
allow ** any helio.>
allow ** subscribe $sys.peer.down
allow ** kv-read,kv-write,job-submit,job-work *
allow ** admin >
"""
PRESENCE_S = 2
# Of presence, a new try of all that was under way, and a slow machine.
CALM_S = 30


class Part:
    """A program that is started again when it has ended."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.process: subprocess.Popen | None = None
        self.until = 0.0  # it is stopped; 0: it is not

    def start(self, **options) -> None:
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.DEVNULL, **options)

    def start_ready(self) -> None:
        """The same, and wait until it says so by --ready-fd."""
        ready, ready_out = os.pipe()
        with os.fdopen(ready):
            self.process = subprocess.Popen(
                (*self.words, "--ready-fd", str(ready_out)),
                pass_fds=[ready_out])
            os.close(ready_out)
            if not select.select([ready], [], [], 20)[0] or \
                    not os.read(ready, 1):
                raise RuntimeError(f"not ready: {self.words}")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.until = 0.0

    def stop(self, seconds: float) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self.until = time.monotonic() + seconds

    def go_on(self) -> None:
        """Start it if it has ended; wake it up when it is time."""
        if self.process.poll() is not None:
            self.until = 0.0
            self.start()
        elif self.until and time.monotonic() >= self.until:
            self.until = 0.0
            self.process.send_signal(signal.SIGCONT)


def until(what: str, seconds: float, is_so: Callable[[], str]) -> None:
    """Wait until it says nothing against it."""
    end = time.monotonic() + seconds
    while against := is_so():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: {against}")
        time.sleep(0.05)


class FleetTest(unittest.TestCase):
    """A switch and a store of its own."""

    def setUp(self) -> None:
        self.place = self.enterContext(
            tempfile.TemporaryDirectory(prefix="helio-fleet-"))
        policy = pathlib.Path(self.place, "config/policy")
        policy.mkdir(parents=True)
        (policy / "10-test.policy").write_text(POLICY, encoding="ascii")
        # There is no registry here that would judge schemas.
        pathlib.Path(self.place, "config/heliod.conf").write_text(
            "schemas equal\n", encoding="ascii")
        for folder in ("run", "machines", "monitors"):
            os.mkdir(f"{self.place}/{folder}", 0o700)
        self.address = f"shm:{self.place}/run/bus.sock"
        self.enterContext(unittest.mock.patch.dict(
            os.environ, HELIOGRAPH_ADDRESS=self.address))
        self.switch = self.part(
            BIN / "heliod", "--config", f"{self.place}/config", "--run",
            f"{self.place}/run", "--log", "error")
        self.switch.start_ready()
        self.store = self.part(
            BIN / "helio-store", "--state", f"{self.place}/state",
            "--address", self.address, "--log", "error")
        self.store.start_ready()

    def part(self, *words: str | pathlib.Path) -> Part:
        part = Part(*map(str, words))
        self.addCleanup(part.kill)
        return part

    def worker(self, host: str, *options: str) -> Part:
        return self.part(FLEET, "worker", host, "--presence",
                         str(PRESENCE_S), *options)

    def fleet(self, *words: str) -> str:
        """What the command says; again until it can be done."""
        for _ in range(20):
            done = subprocess.run((FLEET, *words), text=True, timeout=60,
                                  capture_output=True, check=False)
            if done.returncode == 0:
                return done.stdout
        raise AssertionError(f"{words}: {done.stderr}")

    def rows(self) -> dict[str, list[str]]:
        """Of each machine wanted, actual, host, pid."""
        lines = self.fleet("ls").splitlines()[1:]
        return {line.split()[0]: line.split()[1:] for line in lines}


class Processes(FleetTest):
    """Machines that see whether there are two of one."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.kill_processes)
        self.wanted: set[str] = set()
        self.parts: list[Part] = []  # that are started again

    def want(self, name: str) -> None:
        self.fleet("start", name, MACHINE, self.place, name)
        self.wanted.add(name)

    def processes(self) -> dict[str, list[int]]:
        """Of each machine that runs, as the kernel tells."""
        found: dict[str, list[int]] = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if words[:2] == [MACHINE.encode(), self.place.encode()]:
                    found.setdefault(words[2].decode(), []).append(
                        int(folder.name))
        return found

    def kill_processes(self) -> None:
        """Those that outlive their worker, as they must not."""
        for pids in self.processes().values():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def twice(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return pathlib.Path(self.place, "twice").read_text(
                encoding="ascii").split()
        return []

    def differs(self) -> str:
        """Between what is wanted, what is told, and what there is."""
        for part in self.parts:
            part.go_on()
        there = self.processes()
        rows = self.rows()
        right = sorted(self.wanted) == sorted(there) and all(
            len(pids) == 1 for pids in there.values())
        for name, row in rows.items():
            if name in self.wanted:
                right &= row[:2] == ["running", "running"] and \
                    row[3:] == [str(pid) for pid in there.get(name, [])]
            else:
                right &= row[:2] in (["stopped"], ["stopped", "stopped"])
        right &= self.wanted <= set(rows)
        return "" if right else f"{sorted(self.wanted)} {there} {rows}"


class Fences(Processes):
    """What comes too late has no effect."""

    def helio(self, *words: str, body: bytes = b"") -> dict:
        return json.loads(subprocess.run(
            (BIN / "helio", *words, "-o", "json"), input=body, check=True,
            timeout=30, stdout=subprocess.PIPE).stdout)

    def test_late_order(self) -> None:
        self.part(FLEET, "controller").start()
        self.worker("north").start()
        self.want("m0")
        until("it does not run", CALM_S, self.differs)
        before = self.helio("kv", "get", "fleet", "actual/m0")
        late = self.helio("job", "submit", "fleet", "-",
                          body=self.body(1))["id"]
        ended = self.helio("job", "wait", "fleet", str(late))
        self.assertEqual(ended["state"], "done")
        self.assertEqual(self.helio("kv", "get", "fleet", "actual/m0"),
                         before)

    def body(self, job: int) -> bytes:
        shown = self.helio("job", "show", "fleet", str(job))
        return shown["body"].encode() if "body" in shown else \
            base64.b64decode(shown["body_base64"])

    def has(self, key: str) -> bool:
        return subprocess.run(
            (BIN / "helio", "kv", "get", "fleet", key), check=False,
            timeout=30, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0

    def test_host_is_gone(self) -> None:
        """Who is not there any more, and does not know it, takes no order."""
        controller = self.part(FLEET, "controller")
        controller.start()
        self.want("m0")
        until("nothing is ordered", CALM_S, lambda: (
            "" if '"id"' in subprocess.run(
                (BIN / "helio", "job", "ls", "fleet", "-o", "json"),
                check=True, timeout=30, text=True,
                stdout=subprocess.PIPE).stdout else "no job"))
        controller.kill()
        order = self.body(1)
        subprocess.run((BIN / "helio", "job", "cancel", "fleet", "1"),
                       check=True, timeout=30)
        # Its next look at its own key is far away.
        self.part(FLEET, "worker", "north", "--presence", "90").start()
        until("north is not there", CALM_S, lambda: (
            "" if self.has("host/north") else "no key"))
        late = self.helio("kv", "txn", body=json.dumps({
            "writes": [{"bucket": "fleet", "key": "host/north"}],
            "submits": [{"queue": "fleet",
                         "body": base64.b64encode(order).decode()}],
        }).encode())["jobs"][0]

        def is_tried() -> str:
            job = self.helio("job", "show", "fleet", str(late))
            return "" if job.get("error") or job["state"] == "done" else \
                job["state"]
        until("nobody tries it", CALM_S, is_tried)
        self.assertFalse(self.has("actual/m0"))
        self.assertEqual(self.processes(), {})

    def test_worker_hangs(self) -> None:
        self.part(FLEET, "controller").start()
        north = self.worker("north")
        north.start()
        for name in ("m0", "m1"):
            self.want(name)
        until("they do not run", CALM_S, self.differs)
        self.worker("south").start()
        north.stop(CALM_S)
        until("they are not started elsewhere", CALM_S, lambda: (
            self.differs() if {row[2] for row in self.rows().values()
                               if len(row) > 2} == {"south"} else "north"))
        self.assertEqual(self.twice(), [])
        self.assertEqual(north.process.poll(), -signal.SIGKILL)


class Words(FleetTest):
    """What it says when something is amiss."""

    def failed(self, *words: str) -> tuple[int, str]:
        done = subprocess.run((FLEET, *words), text=True, timeout=20,
                              capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_wait_ends(self) -> None:
        self.fleet("start", "m0", "true")
        code, said = self.failed("wait", "1")
        self.assertEqual((code, said.split()), (1, ["m0", "running"]))

    def test_scale_leaves_others(self) -> None:
        for name in ("web-2-1", "web-2x", "web-front", "web2"):
            self.fleet("start", name, "true")
        self.fleet("scale", "web", "3", "true")
        self.fleet("scale", "web", "1", "true")
        self.assertEqual(sorted(self.rows()), [
            "web-1", "web-2-1", "web-2x", "web-front", "web2"])

    def test_nothing_for_a_terminal(self) -> None:
        self.fleet("ls")
        subprocess.run(
            (BIN / "helio", "kv", "put", "fleet", "actual/m0"), check=True,
            timeout=20, input=b"\x08\x04\x3a\x07\x1b[2Joh\n",
            stdout=subprocess.DEVNULL)
        self.assertEqual(self.rows()["m0"], ["gone", "stopped", "?[2Joh?"])

    def test_misused(self) -> None:
        for words in (("wait", "soon"), ("wait", "0"), ("scale", "m", "-1"),
                      ("fly", "m0"), ("start",)):
            code, said = self.failed(*words)
            self.assertEqual((code, said[:6]), (2, "usage:"), words)
        self.assertEqual(self.failed("start", "m 0"), (
            2, "fleet: 'm 0' is no name: letters, digits, - and _\n"))
        self.assertEqual(self.failed("--help")[0], 0)


class Torture(Processes):
    """Nobody knows who is killed next."""

    NAMES = [f"m{i}" for i in range(8)]

    def change(self, dice: random.Random) -> None:
        name = dice.choice(self.NAMES)
        verb = dice.choice(("start", "start", "stop", "rm"))
        if verb == "start":
            self.want(name)
        else:
            self.fleet(verb, name)
            self.wanted.discard(name)

    def harm(self, dice: random.Random) -> None:
        match dice.randrange(8):
            case 0:
                dice.choice(self.workers).stop(dice.uniform(0.2, 4))
            case 1:
                dice.choice(self.controllers).stop(dice.uniform(0.2, 2))
            case 2:
                for pid in dice.choice([*self.processes().values(), []]):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            case 3 | 4:
                self.change(dice)
            case _:
                dice.choice(self.parts).kill()

    def check(self, seed: int) -> None:
        dice = random.Random(seed)
        self.controllers = [self.part(FLEET, "controller") for _ in range(2)]
        self.workers = [self.worker(host) for host in ("north", "south")]
        self.parts = [self.switch, self.store, *self.controllers,
                      *self.workers]
        for part in self.parts[2:]:
            part.start()
        for name in self.NAMES:
            self.want(name)
        until(f"seed {seed}, at first", CALM_S, self.differs)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.harm(dice)
            time.sleep(dice.uniform(0, 0.3))
            for part in self.parts:
                part.go_on()
        until(f"seed {seed}", CALM_S, self.differs)
        self.assertEqual(self.twice(), [], f"seed {seed}")

    def test_once(self) -> None:
        self.check(SEED)

    def test_again(self) -> None:
        self.check(SEED + 1)


class Vm(FleetTest):
    """The same with QEMUs, which outlive the worker."""

    def define(self, name: str) -> None:
        pathlib.Path(self.place, f"machines/{name}.vm").write_text(
            f"memory 8M\naccel tcg\ngrace-ms 300\n"
            f"disk {os.environ['GUESTS']}/obedient.img snapshot\n"
            f"extra -serial file:{self.place}/serial\n",
            encoding="ascii")

    def qemus(self) -> list[int]:
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"file:{self.place}/serial".encode() in (
                        folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def kill_qemus(self) -> None:
        for pid in self.qemus():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def await_row(self, *row: str) -> None:
        until(f"web is not {row}", CALM_S, lambda: (
            "" if self.rows().get("web") == list(row)
            else f"{self.rows()}"))

    def test_workers_change(self) -> None:
        self.define("web")
        self.addCleanup(self.kill_qemus)
        host = self.part(
            BIN / "helio-vm", "--machines", f"{self.place}/machines",
            "--run", f"{self.place}/monitors", "--log", "error")
        host.start()
        self.part(FLEET, "controller").start()
        north = self.worker("north", "--driver", "vm")
        north.start()
        self.fleet("start", "web")
        self.await_row("running", "running", "north")
        first = self.qemus()
        self.assertEqual(len(first), 1)

        # The machine runs on, and another worker goes on with it.
        north.kill()
        south = self.worker("south", "--driver", "vm")
        south.start()
        self.await_row("running", "running", "south")
        self.assertEqual(self.qemus(), first)

        # What ends by itself is started again, also behind another helio-vm.
        host.kill()
        host.start()
        os.kill(first[0], signal.SIGKILL)
        until("no new QEMU", CALM_S, lambda: (
            "" if self.qemus() not in ([], first) else "none"))
        self.await_row("running", "running", "south")
        self.assertEqual(len(self.qemus()), 1)

        self.fleet("stop", "web")
        self.await_row("stopped", "stopped", "south")
        self.assertEqual(self.qemus(), [])

        # It may run while no worker is there, and is then found and stopped.
        self.fleet("start", "web")
        self.await_row("running", "running", "south")
        south.kill()
        self.fleet("stop", "web")
        self.worker("west", "--driver", "vm").start()
        self.await_row("stopped", "stopped", "west")
        self.assertEqual(self.qemus(), [])


if __name__ == "__main__":
    unittest.main()
