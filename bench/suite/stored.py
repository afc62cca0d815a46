# SPDX-License-Identifier: MIT
"""What is stored: what that costs, how fast it is read, and found again."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

from .servers import Unavailable

N_RECORDS = 1_000_000
N_BODY = 100
# A frame of ours with such a body: its header, the subject and the body.
FRAME_BYTES = 32 + len("store.000.000") + N_BODY

SETTLE_SECONDS = 5
MAKE_SECONDS = 900
GIB = 1 << 30

# Entry's way: bytes of the log that is opened and sought in.
SIZES = {"1 GiB": GIB, "10 GiB": 10 * GIB}


def memory_mb(pid):
    """What is the process's own, and what it shares with its channels."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines
               if line.startswith(("RssAnon:", "RssShmem:"))) / 1024


def written_bytes(folder):
    """What the disk of this folder was told to write so far, by anybody.

    The kernel's count for a process (`write_bytes` of /proc/PID/io) is of no
    use: who writes 24 KiB over a part of a file counts all of the folio that
    they are in, which may have a megabyte.
    """
    device = os.stat(folder).st_dev
    counts = Path("/sys/dev/block", f"{os.major(device)}:{os.minor(device)}",
                  "stat")
    if not counts.exists():
        raise Unavailable(f"{folder} lies on no disk")
    os.sync()
    return int(counts.read_text().split()[6]) * 512


class MemoryWatch:
    """The most memory that a process has while `with` lasts."""

    def __init__(self, pid):
        self.pid = pid
        self.most = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.is_over.wait(0.02):
            self.most = max(self.most, memory_mb(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.most = max(self.most, memory_mb(self.pid))


def settled(read):
    """The value of `read()` once it has not changed for a while."""
    end = time.monotonic() + SETTLE_SECONDS
    value, since = read(), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < 1:
        time.sleep(0.1)
        if read() != value:
            value, since = read(), time.monotonic()
    return value


def settle_disk(folder):
    """Until nothing more is written; where nobody counts that, at once."""
    try:
        settled(lambda: written_bytes(folder))
    except Unavailable:
        os.sync()


def store(server, entry, run_client, log, depth):
    return run_client(
        server.clients[entry.way] + [
            "--work", "store", "--log", log, "--bytes", N_BODY, "--depth",
            depth, "--records", N_RECORDS], 1)


def measure_replay(server, entry, run_client):
    """Records are stored once for a server, and read once in each round."""
    if not getattr(server, "is_filled", False):
        store(server, entry, run_client, "replay", 4096)
        server.is_filled = True
    return run_client(
        server.clients[entry.way] + [
            "--work", "replay", "--log", "replay", "--bytes", N_BODY,
            "--records", N_RECORDS], 1)


def measure_cost(server, entry, run_client):
    """By record: bytes that go to the disk, and that stay there; both as
    multiples of the frame."""
    stored = settled(server.stored_bytes)
    written = written_bytes(server.folder)
    with MemoryWatch(server.keeper_pid) as watch:
        store(server, entry, run_client, "store", 256)
    stored = settled(server.stored_bytes) - stored
    written = written_bytes(server.folder) - written
    return {"written": written / N_RECORDS / FRAME_BYTES,
            "stored": stored / N_RECORDS / FRAME_BYTES,
            "memory_mb": watch.most}


def run_disk(fleet, *arguments, seconds=60):
    program = fleet.options.programs / "bench-disk"
    if not program.exists():
        raise Unavailable("bench-disk is not built")
    result = subprocess.run([str(part) for part in (program, *arguments)],
                            capture_output=True, text=True, timeout=seconds,
                            check=False)
    if result.returncode != 0:
        raise Unavailable(result.stderr.strip())
    return result.stdout


def measure_disk(fleet, entry):
    """A log of that size, made once; each question by a process of its own,
    with nothing of the log in the kernel's memory."""
    folder = fleet.options.folder / entry.way.replace(" ", "-")
    if not folder.exists():
        run_disk(fleet, "make", folder, SIZES[entry.way], seconds=MAKE_SECONDS)
    found = {}
    for question in ("open", "time", "subject"):
        run_disk(fleet, "forget", folder)
        found.update(json.loads(run_disk(fleet, question, folder)))
    return found
