# SPDX-License-Identifier: MIT
"""Measuring a row: all its systems, in shuffled order, round after round."""

import json
import random
import subprocess
import sys
from dataclasses import dataclass, field

from .crowd import measure_crowd
from .etcd import Etcd
from .heliod import Heliod, Logger, Stock, Store
from .kept import QUEUES, measure_queued, measure_watched
from .rabbitmq import RabbitMq
from .rows import OURS
from .stored import measure_cost, measure_disk, measure_replay
from .servers import Grpc, Nats, Redis, Unavailable, Zmq

CLIENT_SECONDS = 60
FILL_SECONDS = 290  # for a million records that are synced


@dataclass
class Options:
    rounds: int
    seconds: float
    programs: object  # Path of the folder with heliod and the bench clients
    folder: object    # Path of this run's own folder


@dataclass
class Outcome:
    """Of one system in one row: the values of each metric, by round."""
    values: dict = field(default_factory=dict)
    failure: str = ""


def server_way(entry):
    """Which of a system's servers an entry needs."""
    if entry.way in QUEUES:
        return "queued"
    if entry.system == OURS:
        return entry.way if entry.way in ("tcp", "curve", "log",
                                           "state") else "local"
    return entry.way


class Fleet:
    """The servers of a run, started when they are first needed."""

    def __init__(self, options):
        self.options = options
        self.servers = {}
        self.n_started = 0

    def make(self, entry):
        self.n_started += 1
        folder = self.options.folder / f"{entry.system}-{self.n_started}"
        if entry.system == "nats":
            return Nats(folder, self.options.programs, entry.way)
        if entry.system == "redis":
            return Redis(folder, self.options.programs, entry.way)
        if entry.system == "grpc":
            return Grpc(folder, self.options.programs, entry.way)
        if entry.system == "zmq":
            return Zmq(folder, self.options.programs, entry.way)
        if entry.system == "etcd":
            return Etcd(folder, self.options.programs, entry.way)
        if entry.system == "rabbitmq":
            return RabbitMq(folder, self.options.programs, entry.way)
        if server_way(entry) == "queued":
            return Stock(folder, self.options.programs)
        if server_way(entry) == "log":
            return Logger(folder, self.options.programs)
        if server_way(entry) == "state":
            return Store(folder, self.options.programs)
        return Heliod(folder, self.options.programs, server_way(entry))

    def get(self, entry):
        key = entry.system, server_way(entry)
        if key not in self.servers:
            self.servers[key] = self.make(entry).start()
        return self.servers[key]

    def stop(self):
        for server in self.servers.values():
            server.stop()


def run_client(command, seconds):
    is_fill = "--records" in command
    result = subprocess.run(
        [str(part) for part in command] + ["--seconds", str(seconds)],
        capture_output=True, text=True, check=False,
        timeout=FILL_SECONDS if is_fill else CLIENT_SECONDS)
    if result.returncode != 0:
        raise Unavailable(result.stderr.strip() or
                          f"{command[0]} ended with {result.returncode}")
    return json.loads(result.stdout)


def measure_idle(fleet, entry):
    """A server of its own, that nobody has used."""
    server = fleet.make(entry)
    try:
        server.start()
        return {"ready_ms": server.ready_ms,
                "anonymous_mb": server.anonymous_mb()}
    finally:
        server.stop()


def fill(server, client, row):
    """Every key has a value before it is read."""
    if getattr(server, "has_keys", False):
        return
    n_keys = row.arguments[row.arguments.index("--subjects") + 1]
    run_client(client + ["--work", "put", "--depth", 256, "--subjects", n_keys,
                         "--bytes", 100, "--records", n_keys], 1)
    server.has_keys = True


def measure_once(fleet, row, entry):
    if row.work == "idle":
        return measure_idle(fleet, entry)
    if row.work == "crowd":
        return measure_crowd(fleet, entry)
    if row.work == "disk":
        return measure_disk(fleet, entry)
    server = fleet.get(entry)
    if row.work == "replay":
        return measure_replay(server, entry, run_client)
    if row.work == "queued":
        return measure_queued(server, entry, fleet.options.seconds)
    if row.work == "watch":
        return measure_watched(server, row, fleet.options.seconds)
    if row.work == "cost":
        return measure_cost(server, entry, run_client)
    client = server.clients[entry.client or entry.way]
    if row.work == "get":
        fill(server, client, row)
    return run_client(client + ["--work", row.work] + row.arguments,
                      fleet.options.seconds)


def measure_round(fleet, row, entries, outcomes):
    for entry in random.sample(entries, len(entries)):
        outcome = outcomes[entry.name]
        if outcome.failure:
            continue
        try:
            values = measure_once(fleet, row, entry)
        except (Unavailable, OSError, ValueError, KeyError,
                subprocess.SubprocessError) as error:
            outcome.failure = str(error)
            print(f"{row.name}: {entry.name}: {error}", file=sys.stderr)
            continue
        for metric in row.metrics:
            outcome.values.setdefault(metric, []).append(values[metric])


def measure_row(fleet, row):
    """Returns {name of entry: Outcome}."""
    entries = [row.ours, *row.peers]
    outcomes = {entry.name: Outcome() for entry in entries}
    # Instructions are counted, not timed: more rounds say nothing new.
    n_rounds = 1 if row.work == "crowd" else fleet.options.rounds
    for _ in range(n_rounds):
        measure_round(fleet, row, entries, outcomes)
    return outcomes
