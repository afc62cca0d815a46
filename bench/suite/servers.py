# SPDX-License-Identifier: MIT
"""The systems that are measured, each as a process of its own.

A server is started in a folder that only this run knows, on a Unix socket or
a loopback port that the kernel chose, and is ended by its own process id.
"""

import contextlib
import ctypes
import json
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 20

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """The system is not on this machine, or does not come up."""


def find_program(name):
    path = shutil.which(name)
    if not path:
        raise Unavailable(f"{name} is not installed")
    return path


def end_with_parent():
    """In the child: a run that is killed leaves no server behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A process with a folder of its own.

    Subclasses say how it is started and how to see that it is ready; they
    set `clients`, which maps the name of a way in to a client's command.
    """

    start_seconds = START_SECONDS
    stdin = subprocess.DEVNULL

    def __init__(self, folder, programs):
        self.folder = folder
        self.programs = programs
        self.process = None
        self.ready_ms = None
        self.clients = {}
        folder.mkdir()

    def prepare(self):
        """Whatever has to be there before the clock starts."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        """None: that of this process."""

    def is_ready(self):
        raise NotImplementedError

    def announce(self):
        """Fill in `clients`, once it is ready."""

    @property
    def pid(self):
        return self.process.pid

    @property
    def keeper_pid(self):
        """Of the process that writes what is stored."""
        return self.pid

    def stored_bytes(self):
        """On disk, of all that it keeps."""
        return sum(path.stat().st_size
                   for path in self.folder.rglob("*")
                   if path.is_file() and path.name not in ("log", "socket"))

    def start(self, prefix=()):
        self.prepare()
        log = open(self.folder / "log", "wb")
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, *self.command()], cwd=self.folder, stdout=log,
            stderr=subprocess.STDOUT, stdin=self.stdin,
            env=self.environment(), preexec_fn=end_with_parent)
        log.close()
        while not self.is_ready():
            if self.process.poll() is not None:
                raise Unavailable(f"{self.command()[0]} ended: {self.log()}")
            if time.monotonic() - begin > self.start_seconds:
                self.stop()
                raise Unavailable(f"{self.command()[0]} does not answer")
            time.sleep(0.0002)
        self.ready_ms = (time.monotonic() - begin) * 1e3
        self.announce()
        return self

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-500:]

    def anonymous_mb(self):
        for line in Path(f"/proc/{self.pid}/smaps_rollup").open():
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) / 1024
        return None


def answers(family, address, question):
    """Whether the server at `address` says anything to `question`."""
    with contextlib.closing(socket.socket(family)) as link:
        link.settimeout(START_SECONDS)
        try:
            link.connect(str(address) if family == socket.AF_UNIX else address)
            link.sendall(question)
            return len(link.recv(64)) > 0
        except OSError:
            return False


class Nats(Server):
    """`jetstream`: with streams in files, which it does not sync for an ack."""

    name = "nats"

    def __init__(self, folder, programs, way="tcp"):
        super().__init__(folder, programs)
        self.way = way

    def command(self):
        stored = ["-js", "-sd", str(self.folder / "stored")]
        return [find_program("nats-server"), "-a", "127.0.0.1", "-p", "-1",
                "--ports_file_dir", str(self.folder),
                *(stored if self.way == "jetstream" else [])]

    def port(self):
        for path in self.folder.glob("*.ports"):
            with contextlib.suppress(ValueError, IndexError):
                return int(json.loads(path.read_text())["nats"][0]
                           .rpartition(":")[2])
        return None

    def is_ready(self):
        port = self.port()
        return port and answers(socket.AF_INET, ("127.0.0.1", port), b"")

    def announce(self):
        self.clients[self.way] = [self.programs / "bench-nats", "--address",
                                  f"tcp:127.0.0.1:{self.port()}"]

    def stored_bytes(self):
        return sum(path.stat().st_size
                   for path in (self.folder / "stored").rglob("*.blk"))


class Redis(Server):
    """Its own limits on slow subscribers are lifted: the harness bounds what
    is in flight. `aof`: each answer comes after an fsync; the file is not
    rewritten meanwhile, which would only cost it time."""

    name = "redis"

    def __init__(self, folder, programs, way="unix"):
        super().__init__(folder, programs)
        self.way = way

    def command(self):
        stored = ["--appendonly", "yes", "--appendfsync", "always",
                  "--auto-aof-rewrite-percentage", "0", "--dir",
                  str(self.folder)]
        return [find_program("redis-server"), "--port", "0", "--unixsocket",
                str(self.folder / "socket"), "--save", "",
                "--client-output-buffer-limit", "pubsub 0 0 0",
                *(stored if self.way == "aof" else ["--appendonly", "no"])]

    def is_ready(self):
        return answers(socket.AF_UNIX, self.folder / "socket", b"PING\r\n")

    def announce(self):
        self.clients[self.way] = [self.programs / "bench-redis", "--address",
                                  f"unix:{self.folder}/socket"]
        self.clients["state"] = [self.programs / "bench-redis-state",
                                 "--address", f"unix:{self.folder}/socket"]


class Zmq(Server):
    """One of the brokers in bench/peers, as `way` says."""

    name = "zmq"
    WAYS = {
        "ipc": ("pubsub", "ipc://front", "ipc://back"),
        "curve": ("pubsub", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", "curve"),
        "router": ("router", "ipc://front", "ipc://back"),
    }

    def __init__(self, folder, programs, way):
        super().__init__(folder, programs)
        self.way = way

    def command(self):
        broker = self.programs / "bench-zmq-broker"
        if not broker.exists():
            raise Unavailable("built without libzmq")
        return [str(broker)] + [
            part.replace("ipc://", f"ipc://{self.folder}/")
            for part in self.WAYS[self.way]]

    def lines(self):
        return (self.folder / "log").read_text().split("\n")

    def is_ready(self):
        return len(self.lines()) == 4

    def announce(self):
        front, back, key, _ = self.lines()
        client = [self.programs / "bench-zmq", "--address", front,
                  "--receive-address", back]
        self.clients[self.way] = client + (
            ["--server-key", key] if key else [])


class Grpc:
    """No server stands between the two sides: `way` is how the one that
    answers is written."""

    def __init__(self, folder, programs, way):
        folder.mkdir()
        prefix = {"async": "", "sync": "sync:"}[way]
        self.clients = {way: [programs / "bench-grpc", "--address",
                              f"{prefix}unix:{folder}/socket"]}

    def start(self):
        program = self.clients[next(iter(self.clients))][0]
        if not program.exists():
            raise Unavailable("built without gRPC")
        return self

    def stop(self):
        """Its processes end with each measurement."""
