# SPDX-License-Identifier: MIT
"""What is measured, and what it must reach.

A row is one kind of work, done by several systems; a bar says how one of them
must compare with another, or with a fixed limit.
"""

from dataclasses import dataclass, field

OURS = "heliograph"
BEST_PEER = "best peer"


@dataclass(frozen=True)
class Entry:
    """A system in a row: which server, and by which way in."""
    system: str
    way: str
    client: str = ""  # the way in of the client, where the server has more

    @property
    def name(self):
        return f"{self.system} {self.way}"


@dataclass(frozen=True)
class Bar:
    """`metric` of ours, divided by that of `against`, is at least or at most
    `limit`; against None: ours itself, divided by `limit`, is at most 1. With
    `is_difference` that of `against` is taken away instead."""
    metric: str
    against: str
    limit: float
    is_floor: bool = True
    is_difference: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    work: str
    metrics: dict  # what the client calls it: (suffix of the row, unit)
    ours: Entry
    peers: list
    bars: list
    arguments: list = field(default_factory=list)


RATE = {"rate": ("", "msg/s")}
LATENCY = {"p50_us": (" p50", "us"), "p99_us": (" p99", "us")}
SHM = Entry(OURS, "shm")
NATS = Entry("nats", "tcp")
REDIS = Entry("redis", "unix")
ZMQ = Entry("zmq", "ipc")
ZMQ_CURVE = Entry("zmq", "curve")
ZMQ_ROUTER = Entry("zmq", "router")
TYPED = Entry(OURS, "typed")
GRPC = Entry("grpc", "async")
GRPC_SYNC = Entry("grpc", "sync")
LOG = Entry(OURS, "log")
JETSTREAM = Entry("nats", "jetstream")
REDIS_AOF = Entry("redis", "aof")
STATE = Entry(OURS, "state")
REDIS_STATE = Entry("redis", "aof", "state")
ETCD = Entry("etcd", "grpc")
RABBITMQ = Entry("rabbitmq", "amqp")


def pubsub(name, ours, peers, bars, *, n_body=100, n_subscribers=1,
           n_subjects=1):
    return Row(name, "pubsub", RATE, ours, peers,
               [Bar("rate", against, limit) for against, limit in bars],
               ["--bytes", n_body, "--subscribers", n_subscribers,
                "--subjects", n_subjects])


def request(name, peers, metrics, bars, *, ours=SHM, depth=1, n_hogs=0):
    return Row(name, "request", metrics, ours, peers, bars,
               ["--bytes", 100, "--depth", depth, "--hogs", n_hogs])


def store(name, bars, *, n_body=100, depth=1, n_publishers=1, metrics=None):
    """`bars`: at least so many times redis, and JetStream; None: no bar."""
    return Row(name, "store", metrics or {"rate": ("", "msg/s")}, LOG,
               [REDIS_AOF, JETSTREAM],
               [Bar("rate", peer.name, limit)
                for peer, limit in zip((REDIS_AOF, JETSTREAM), bars) if limit],
               ["--log", "store", "--bytes", n_body, "--depth", depth,
                "--publishers", n_publishers])


def state(name, work, limit, *, unit="op/s", depth=1, n_publishers=1,
          n_keys=100_000, others=None):
    """Of helio-store; `limit`: at least so many times redis; `others`: peers,
    and how many times those."""
    limits = {REDIS_STATE: limit} | (others or {})
    return Row(name, work, {"rate": ("", unit)} | LATENCY, STATE, [*limits],
               [Bar("rate", peer.name, least)
                for peer, least in limits.items()],
               ["--bytes", 100, "--depth", depth, "--publishers", n_publishers,
                "--subjects", n_keys])


def at_most(metric, limit, against=None):
    return Bar(metric, against, limit, is_floor=False)


LOCAL_PEERS = [NATS, REDIS, ZMQ]

ROWS = [
    pubsub("shm-1to1-100", SHM, LOCAL_PEERS, [(BEST_PEER, 5)]),
    pubsub("shm-1to1-1024", SHM, LOCAL_PEERS, [(BEST_PEER, 4)], n_body=1024),
    pubsub("shm-1to8-100", SHM, LOCAL_PEERS, [(BEST_PEER, 5)],
           n_subscribers=8),
    pubsub("shm-1to8-1024", SHM, LOCAL_PEERS, [(BEST_PEER, 2)],
           n_body=1024, n_subscribers=8),
    pubsub("shm-subjects", SHM, [NATS], [("nats tcp", 2.5)],
           n_subjects=100000),
    pubsub("unix-1to1-100", Entry(OURS, "unix"), [REDIS],
           [("redis unix", 4)]),
    pubsub("tcp-1to1-100", Entry(OURS, "tcp"), [NATS], [("nats tcp", 2)]),
    pubsub("tcp-1to1-1024", Entry(OURS, "tcp"), [NATS], [("nats tcp", 0.9)],
           n_body=1024),
    pubsub("curve-1to1-100", Entry(OURS, "curve"), [ZMQ_CURVE, NATS],
           [("zmq curve", 4), ("nats tcp", 1)]),
    request("request-1", [REDIS], LATENCY,
            [Bar("p50_us", "redis unix", 0.5, is_floor=False),
             Bar("p99_us", "redis unix", 0.75, is_floor=False)]),
    request("request-1-hogs", [REDIS], LATENCY,
            [Bar("p50_us", "redis unix", 1.2, is_floor=False)], n_hogs=2),
    request("request-32", [NATS, REDIS, ZMQ_ROUTER],
            {"rate": ("", "req/s")}, [Bar("rate", BEST_PEER, 4)], depth=32),
    request("typed-1", [GRPC, GRPC_SYNC], LATENCY,
            [Bar("p50_us", "grpc async", 0.3, is_floor=False),
             Bar("p50_us", "grpc sync", 0.3, is_floor=False)], ours=TYPED),
    request("typed-32", [GRPC, GRPC_SYNC, NATS, REDIS, ZMQ_ROUTER],
            {"rate": ("", "req/s")},
            [Bar("rate", "grpc async", 40), Bar("rate", "grpc sync", 40),
             Bar("rate", BEST_PEER, 2.5)], ours=TYPED, depth=32),
    request("typed-adds", [SHM], {"p50_us": (" p50", "us")},
            [Bar("p50_us", f"{OURS} shm", 1.5, is_floor=False,
                 is_difference=True)], ours=TYPED),
    store("store-256-100", (2, 2), depth=256),
    store("store-256-1024", (3, 0.9), depth=256, n_body=1024),
    store("store-4096-100", (5, 5), depth=4096),
    store("store-32x1", (1.4, 1.1), n_publishers=32,
          metrics=RATE | {"p99_us": (" p99", "us")}),
    store("store-1", (0.8, None), metrics=RATE | LATENCY),
    Row("replay", "replay", {"rate": ("", "rec/s")}, LOG,
        [REDIS_AOF, JETSTREAM],
        [Bar("rate", REDIS_AOF.name, 5), Bar("rate", JETSTREAM.name, 8)]),
    Row("store-cost", "cost",
        {"written": (" written", "x frame"), "stored": (" stored", "x frame"),
         "memory_mb": (" memory", "MB")},
        LOG, [REDIS_AOF, JETSTREAM],
        [at_most("written", 3.5), at_most("stored", 1.2),
         at_most("memory_mb", 64)]),
    Row("log-disk", "disk",
        {"open_ms": (" open", "ms"), "time_ms": (" time", "ms"),
         "subject_ms": (" subject", "ms")},
        Entry(OURS, "10 GiB"), [Entry(OURS, "1 GiB")],
        [at_most("open_ms", 20), at_most("time_ms", 10),
         at_most("subject_ms", 10)] +
        [at_most(metric, 2, f"{OURS} 1 GiB")
         for metric in ("open_ms", "time_ms", "subject_ms")]),
    state("put-256", "put", 1.5, depth=256),
    state("put-32x1", "put", 0.9, n_publishers=32, others={ETCD: 3}),
    state("get-32", "get", 0.5, depth=32),
    state("jobs-32", "job", 0.8, unit="job/s", n_publishers=32,
          others={RABBITMQ: 2}),
    Row("jobs-million", "queued",
        {"submit_us": (" submit", "us"), "lease_us": (" lease", "us")},
        Entry(OURS, "1000000 jobs"), [Entry(OURS, "1000 jobs")],
        [at_most(metric, 1.5, f"{OURS} 1000 jobs")
         for metric in ("submit_us", "lease_us")]),
    Row("watch-1000", "watch",
        {"p50_ms": (" p50", "ms"), "p99_ms": (" p99", "ms")},
        STATE, [], [at_most("p99_ms", 20)], [1000]),
    Row("idle", "idle",
        {"anonymous_mb": (" memory", "MB"), "ready_ms": (" ready", "ms")},
        SHM, [NATS, REDIS, ZMQ],
        [Bar("anonymous_mb", None, 2, is_floor=False),
         Bar("ready_ms", None, 10, is_floor=False)]),
    Row("instructions-subscriptions", "crowd",
        {"instructions": ("", "instr/msg")},
        Entry(OURS, "100000 subscriptions"),
        [Entry(OURS, "10 subscriptions")],
        [Bar("instructions", f"{OURS} 10 subscriptions", 1.25,
             is_floor=False)]),
    Row("instructions-services", "crowd", {"instructions": ("", "instr/call")},
        Entry(OURS, "1000 services"), [Entry(OURS, "10 services")],
        [Bar("instructions", f"{OURS} 10 services", 1.05, is_floor=False)]),
    Row("instructions-peers", "crowd", {"instructions": ("", "instr/msg")},
        Entry(OURS, "1000 peers"), [Entry(OURS, "10 peers")],
        [Bar("instructions", f"{OURS} 10 peers", 1.25, is_floor=False)]),
]


def find_rows(names):
    """The rows of these names, or all. Raises KeyError with one unknown."""
    by_name = {row.name: row for row in ROWS}
    return [by_name[name] for name in names] if names else ROWS
