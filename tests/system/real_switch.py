# SPDX-License-Identifier: MIT
"""A real heliod for tests, good clients to watch it, raw sockets to harm it.

HELIO_BIN names the folder that heliod is in.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from typing import Any, Self

import heliograph
import heliowire as wire
from heliowire import Flag, Frame, Kind, Status

STATS: wire.Schema = {
    4: ("peers", "uint"), 5: ("subscriptions", "uint"),
    7: ("calls_pending", "uint"), 8: ("queued_messages", "uint"),
    9: ("queued_bytes", "uint"), 14: ("dropped_messages", "uint"),
    15: ("refused_messages", "uint"), 20: ("ended", "bytes*")}
ENDED: wire.Schema = {1: ("reason", "string"), 2: ("count", "uint")}
HELLO = Frame(Kind.HELLO, body=wire.pb_encode(
    wire.HELLO, version_min=1, version_max=1, program="raw"))
GET_STATS = "helio.switch.v1.Switch.GetStats"

# Everybody may do all that a test does; what is denied stands first.
POLICY = """\
deny  vm:evil publish,subscribe,call,serve secret.>
allow ** any  test.>
allow ** group test.>
allow ** observe,capture test.garbage.>
allow vm:good any >
allow vm:good admin switch
allow ** call helio.switch.v1.>
"""
DOMAINS = ("good", "friend", "evil")


class Switch:
    """heliod in folders of its own, while `with` lasts."""

    def __init__(self, policy: str = POLICY, quotas: str = "",
                 settings: str = "", domains: tuple[str, ...] = DOMAINS
                 ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="helio-test-")
        self.config = os.path.join(self._folder.name, "config")
        self.run = os.path.join(self._folder.name, "run")
        os.mkdir(self.run)
        self.set_policy(policy)
        self._write("heliod.conf", settings)
        if quotas:
            self._write("quotas", quotas)
        for name in domains:
            self._write(f"domains/{name}.domain", "")

    def set_policy(self, policy: str) -> None:
        """Takes effect with SIGHUP."""
        self._write("policy/10-test.policy", policy)

    def set_settings(self, settings: str) -> None:
        """Those that can be changed take effect with SIGHUP."""
        self._write("heliod.conf", settings)

    def _write(self, path: str, text: str) -> None:
        path = os.path.join(self.config, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def __enter__(self) -> Self:
        program = os.path.join(os.environ["HELIO_BIN"], "heliod")
        ready, ready_out = os.pipe()
        self._log = open(os.path.join(self._folder.name, "log"), "a+")
        try:
            self.process = subprocess.Popen(
                [program, "--config", self.config, "--run", self.run,
                 "--ready-fd", str(ready_out)],
                pass_fds=[ready_out], stderr=self._log, stdout=self._log)
            os.close(ready_out)
            if not select.select([ready], [], [], 10)[0] or \
                    not os.read(ready, 1):
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"heliod is not ready: {self.log()}")
        finally:
            os.close(ready)
        return self

    def __exit__(self, type_: Any, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        log = self.log()
        self._log.close()
        self._folder.cleanup()
        if status != 0:
            raise RuntimeError(f"heliod ended with {status}: {log}")

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:]

    def path(self, domain: str | None = None) -> str:
        if domain is None:
            return os.path.join(self.run, "bus.sock")
        return os.path.join(self.run, "domains", f"{domain}.sock")

    def connect(self, domain: str | None = None) -> heliograph.Client:
        return heliograph.connect(self.path(domain), "test")

    def raw(self, domain: str = "evil", greet: bool = True) -> Raw:
        raw = Raw(self.path(domain))
        if greet:
            raw.greet()
        return raw

    def memory(self) -> int:
        """Bytes of memory that are the switch's alone."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError("no RssAnon")


def stats(bus: heliograph.Client) -> dict[str, Any]:
    return wire.pb_decode(STATS, bus.call(GET_STATS, timeout=10).body)


def reasons(bus: heliograph.Client) -> dict[str, int]:
    """How many channels were ended, by reason."""
    ended = [wire.pb_decode(ENDED, raw) for raw in stats(bus)["ended"]]
    return {entry["reason"]: entry.get("count", 0) for entry in ended}


class Raw:
    """A socket that says what it is told to, however wrong."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Blocking, so that a full backlog makes us wait.
        self.socket.connect(path)
        self.socket.settimeout(10)
        self.buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def greet(self) -> Frame:
        self.send(HELLO)
        return self.expect(Kind.WELCOME)

    def send(self, *frames: Frame | bytes) -> None:
        """Send; that the switch has already hung up is no fault."""
        try:
            self.socket.sendall(b"".join(
                frame if isinstance(frame, bytes) else frame.encode()
                for frame in frames))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def receive(self) -> Frame | None:
        """The next frame; None at the end of the channel."""
        while (frame := wire.take_frame(self.buffer)) is None:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data
        return frame

    def is_open(self) -> bool:
        """Throw away what has come; false at the end of the channel."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 16):
                pass
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(10)

    def expect(self, kind: Kind) -> Frame:
        """The next frame of this kind; others are passed over."""
        while frame := self.receive():
            if frame.kind == kind:
                return frame
            if frame.kind == Kind.GOODBYE:
                raise AssertionError(f"GOODBYE: {frame.body.decode()}")
        raise AssertionError(f"the channel ended before {kind.name}")

    def sync(self) -> None:
        self.send(Frame(Kind.SYNC, correlation=4242))
        while self.expect(Kind.RESULT).correlation != 4242:
            pass

    def subscribe(self, pattern: str, id_: int = 1, messages: int = 1 << 20,
                  n_bytes: int = 1 << 40, **options: Any) -> Frame:
        self.send(Frame(
            Kind.SUBSCRIBE, correlation=7, subject=pattern,
            body=wire.pb_encode(wire.SUBSCRIBE, id=id_,
                                credit_messages=messages,
                                credit_bytes=n_bytes, **options)))
        return self.expect(Kind.RESULT)

    def serve(self, subject: str, id_: int = 1) -> Frame:
        self.send(Frame(
            Kind.SERVE, correlation=8, subject=subject,
            body=wire.pb_encode(wire.SERVE, id=id_, credit_calls=1 << 20,
                                credit_bytes=1 << 40)))
        return self.expect(Kind.RESULT)


class Witness:
    """Two good clients that go on exchanging numbered messages, and a call
    now and then, whatever happens beside them."""

    BATCH = 16

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._stop = threading.Event()
        self._turn = threading.Condition()
        self.rounds, self.slowest = 0, 0.0
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_rounds(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._switch.connect("good") as talker, \
                    self._switch.connect("friend") as listener:
                sub = listener.subscribe("test.witness.>")
                n = 0
                while not self._stop.is_set():
                    n = self._round(talker, sub, n)
        except BaseException as error:
            self.fault = error
        finally:
            with self._turn:
                self._turn.notify_all()

    def _round(self, talker: heliograph.Client,
               sub: heliograph.Subscription, n: int) -> int:
        start = time.monotonic()
        for i in range(n, n + self.BATCH):
            talker.publish(f"test.witness.{i % 7}", b"%d" % i)
        for i in range(n, n + self.BATCH):
            item = sub.receive(timeout=10)
            if isinstance(item, heliograph.Gap) or item.body != b"%d" % i:
                raise AssertionError(f"the witness got {item}, not {i}")
        with self._turn:
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.rounds += 1
            self._turn.notify_all()
        # Leaves the processor to the attack; nothing waits for it.
        self._stop.wait(0.002)
        return n + self.BATCH

    def wait_rounds(self, n: int) -> None:
        """Wait until `n` more rounds were right."""
        with self._turn:
            goal = self.rounds + n
            done = self._turn.wait_for(
                lambda: self.rounds >= goal or self.fault, timeout=20)
        if self.fault:
            raise AssertionError("the witness noticed") from self.fault
        if not done:
            raise AssertionError("the witness got no further")


class HostileTest(unittest.TestCase):
    """Each class has a switch; each test ends with a look at the witness."""

    QUOTAS = ""
    SETTINGS = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls.switch = cls.enterClassContext(
            Switch(quotas=cls.QUOTAS, settings=cls.SETTINGS))
        cls.witness = cls.enterClassContext(Witness(cls.switch))
        cls.judge = cls.enterClassContext(cls.switch.connect("good"))
        cls.peers = stats(cls.judge)["peers"]

    def setUp(self) -> None:
        self.count_reasons()

    def count_reasons(self) -> None:
        """From here on assert_ended() counts."""
        self.before = reasons(self.judge)

    def tearDown(self) -> None:
        self.witness.wait_rounds(3)

    def raw(self, domain: str = "evil", greet: bool = True) -> Raw:
        return self.enterContext(self.switch.raw(domain, greet))

    def client(self, domain: str = "good") -> heliograph.Client:
        return self.enterContext(self.switch.connect(domain))

    def assert_ended(self, raw: Raw, pattern: str,
                     status: Status = Status.INVALID_ARGUMENT,
                     counted: str = "") -> None:
        """The switch says why, hangs up, and counts it under that reason."""
        while (frame := raw.receive()) and frame.kind != Kind.GOODBYE:
            pass
        self.assertIsNotNone(frame, "no GOODBYE")
        text = frame.body.decode()
        self.assertRegex(text, pattern)
        self.assertEqual(Status(frame.status), status)
        self.assertIsNone(raw.receive())
        now = reasons(self.judge)
        text = counted or text
        self.assertEqual(now.get(text, 0), self.before.get(text, 0) + 1,
                         f"{text!r} is not counted in {now}")

    def wait_peers(self, n: int = 0) -> None:
        """Until so many are left besides the witness and the judge."""
        end = time.monotonic() + 10
        while (now := stats(self.judge)["peers"]) != self.peers + n:
            self.assertLess(time.monotonic(), end,
                            f"{now} peers, not {self.peers + n}")

    def assert_alive(self, raw: Raw) -> None:
        raw.sync()


def begin(correlation: int, total: int, body: bytes = b"",
          subject: str = "test.a", kind: Kind = Kind.MESSAGE) -> Frame:
    """The first of several fragments."""
    return Frame(kind, Flag.FIRST | Flag.EXTENDED, correlation, subject,
                 total=total, body=body)
