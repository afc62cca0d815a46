# SPDX-License-Identifier: MIT
"""Heliograph's switch as it is measured: policy, quotas and statistics on."""

import os
import re
import select
import signal
import socket
import struct
import subprocess

from .servers import (START_SECONDS, Server, Unavailable, answers,
                      end_with_parent)

# Nobody may do anything unless a line says so; the first lines are there to be
# gone through, as those of a real host would be.
POLICY = """\
deny  **       publish,subscribe  secret.>
allow vm:*     publish            vm.{self}.>
allow vm:bench any                bench.>
allow vm:bench any                crowd.>
allow key:*    any                bench.>
allow tcp:plain any               bench.>
"""

QUOTAS = """\
vm:bench  channels         2048
vm:bench  subscriptions    200000
**        queued-bytes     64M
**        queued-messages  1M
"""

LOG_POLICY = """\
allow vm:logger any,group,capture,observe >
allow vm:logger admin      switch
allow vm:bench  any        helio.log.v1.Logs.>
allow vm:bench  any        store.>
allow vm:bench  any        replay.>
allow vm:bench  log-read,log-admin *
"""

STORE_POLICY = """\
allow vm:keeper any        >
allow vm:keeper admin      switch
allow vm:bench  any        helio.store.v1.>
allow vm:bench  kv-read,kv-write,job-submit,job-work *
"""

# No registry is asked: the schemas that meet are equal, and those verdicts are
# found in the same way.
SETTINGS = {
    "log": "schemas equal\n",
    "state": "schemas equal\n",
    "local": "subscriptions-max 200000\nschemas equal\n",
    "tcp": "listen tcp://127.0.0.1:0 plain\n",
    "curve": "listen tcp://127.0.0.1:0\n",
}

# A HELLO of protocol version 1: docs/PROTOCOL.md, sections 2 and 4.
HELLO_BODY = bytes([0x08, 1, 0x10, 1])
HELLO = struct.pack("<IBBHHBBIQII", 32 + len(HELLO_BODY), 16, 3, 0, 0, 0, 0, 0,
                    1, 0, 0) + HELLO_BODY


class Heliod(Server):
    """`way` is `local` (shm and unix), `tcp` or `curve`."""

    name = "heliograph"

    def __init__(self, folder, programs, way):
        super().__init__(folder, programs)
        self.way = way
        self.config = folder / "config"
        self.socket = folder / "run" / "domains" / "bench.sock"

    def write(self, path, text):
        path = self.config / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def draw_keys(self):
        """The switch's pair, and an enrolled one for the clients."""
        for folder, name in [(self.config, "heliod"), (self.folder, "bench")]:
            subprocess.run(
                [self.programs / "helio", "keys", "new", "--folder", folder,
                 name], check=True, capture_output=True)
        self.write("keys/bench.pub", (self.folder / "bench.pub").read_text())

    def prepare(self):
        if not (self.programs / "heliod").exists():
            raise Unavailable("heliod is not built")
        (self.folder / "run").mkdir()
        self.write("heliod.conf", SETTINGS[self.way])
        self.write("policy/10-bench.policy", POLICY)
        self.write("quotas", QUOTAS)
        self.write("domains/bench.domain", "")
        if self.way == "curve":
            self.draw_keys()

    def command(self):
        return [str(self.programs / "heliod"), "--config", str(self.config),
                "--run", str(self.folder / "run"), "--log", "info"]

    def is_ready(self):
        return answers(socket.AF_UNIX, self.socket, HELLO)

    def announce(self):
        client = [self.programs / "bench-helio", "--address"]
        if self.way == "local":
            self.crowd_address = f"shm:{self.socket}"
            self.clients["shm"] = [*client, f"shm:{self.socket}"]
            self.clients["unix"] = [*client, f"unix:{self.socket}"]
            self.clients["typed"] = [self.programs / "bench-typed",
                                     "--address", f"shm:{self.socket}"]
            return
        address = re.search(r"tcp://127.0.0.1:[1-9]\d*", self.log())
        if not address:
            raise Unavailable("heliod does not say where it listens")
        self.clients["tcp"] = [*client, address.group(), "--plain"]
        self.clients["curve"] = [
            *client, address.group(),
            "--key-file", self.folder / "bench.key",
            "--server-key", self.server_key()]

    def server_key(self):
        path = self.config / "heliod.pub"
        return path.read_text().strip() if path.exists() else ""


class Keeper(Heliod):
    """The same with one that keeps what it is told, in a folder of this run."""

    way_in = ""      # the way by which clients come
    program = ""     # "helio-logger"
    principal = ""   # whose socket it has
    client = ""      # "bench-helio"
    policy = ""
    limits = ()      # options of the program

    def __init__(self, folder, programs):
        super().__init__(folder, programs, self.way_in)
        self.keeper = None

    @property
    def keeper_pid(self):
        return self.keeper.pid

    def prepare(self):
        if not (self.programs / self.program).exists():
            raise Unavailable(f"{self.program} is not built")
        super().prepare()
        self.write("policy/10-bench.policy", POLICY + self.policy)
        self.write(f"domains/{self.principal}.domain", "")

    def start(self, prefix=()):
        super().start(prefix)
        ready, ready_out = os.pipe()
        address = f"shm:{self.folder}/run/domains/{self.principal}.sock"
        with open(self.folder / "log", "ab") as log:
            self.keeper = subprocess.Popen(
                [self.programs / self.program, "--state",
                 self.folder / "kept", "--address", address, "--ready-fd",
                 str(ready_out), *self.limits],
                pass_fds=[ready_out], stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        os.close(ready_out)
        is_ready = select.select([ready], [], [], START_SECONDS)[0] and \
            os.read(ready, 1)
        os.close(ready)
        if not is_ready:
            self.stop()
            raise Unavailable(
                f"{self.program} does not get ready: {self.log()}")
        return self

    def announce(self):
        self.clients[self.way_in] = [
            self.programs / self.client, "--address",
            f"shm:{self.folder}/run/domains/bench.sock"]

    def stop(self):
        if self.keeper is not None and self.keeper.poll() is None:
            self.keeper.send_signal(signal.SIGTERM)
            try:
                self.keeper.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                self.keeper.kill()
                self.keeper.wait()
        super().stop()


class Logger(Keeper):
    way_in = "log"
    program = "helio-logger"
    principal = "logger"
    client = "bench-helio"
    policy = LOG_POLICY

    def stored_bytes(self):
        return sum(path.stat().st_size
                   for path in (self.folder / "kept").rglob("*.seg"))


class Store(Keeper):
    way_in = "state"
    program = "helio-store"
    principal = "keeper"
    client = "bench-state"
    policy = STORE_POLICY


class Stock(Store):
    """For a million jobs of one submitter, which is more than it may have."""

    limits = ("--bytes-max", "4G", "--principal-bytes-max", "2G")
