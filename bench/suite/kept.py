# SPDX-License-Identifier: MIT
"""What a store does that has much to keep, or many who watch."""

import json
import subprocess

from .servers import Unavailable
from .stored import settle_disk

SECONDS = 120  # to submit a million jobs, too

# Entry's way: a queue, and how many jobs are in it.
QUEUES = {"1000 jobs": ("bench-few", 1000),
          "1000000 jobs": ("bench-many", 1_000_000)}


def run(program, address, *arguments):
    if not program.exists():
        raise Unavailable(f"{program.name} is not built")
    result = subprocess.run(
        [str(part) for part in (program, address, *arguments)],
        capture_output=True, text=True, timeout=SECONDS, check=False)
    if result.returncode != 0:
        raise Unavailable(result.stderr.strip())
    return json.loads(result.stdout)


def address_of(server):
    return f"shm:{server.folder}/run/domains/bench.sock"


def measure_queued(server, entry, seconds):
    """Both queues are of one store, filled before, and measured burst by burst
    in turn; so the second entry of a round has been measured with the first.
    What the filling left to be written is on disk then."""
    command = [server.programs / "bench-queued", address_of(server)]
    queues = [word for queue in QUEUES.values() for word in queue]
    if not hasattr(server, "measured"):
        run(*command, 0, *queues)
        settle_disk(server.folder)
        server.measured = {}
    if entry.way not in server.measured:
        server.measured = dict(zip(QUEUES, run(*command, seconds, *queues)))
    return server.measured.pop(entry.way)


def measure_watched(server, row, seconds):
    return run(server.programs / "bench-watched", address_of(server),
               *row.arguments, seconds)
