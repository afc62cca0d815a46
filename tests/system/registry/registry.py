# SPDX-License-Identifier: MIT
"""A real helio-registry beside a real switch, and what is asked of it."""

from __future__ import annotations

import functools
import os
import select
import signal
import subprocess
import tempfile
from typing import Any, Self

import heliograph
import heliowire as wire
import real_switch

SERVICE = "helio.registry.v1.Registry"
POLICY = """\
allow vm:registry serve helio.registry.v1.Registry
allow vm:registry call helio.switch.v1.Switch.Check
allow vm:* call helio.registry.v1.Registry.>
allow vm:maker serve foo.v1.>
allow vm:maker serve bar.v1.>
allow vm:other serve bar.v1.>
allow vm:user call foo.v1.Thing.Do
allow vm:boss any >
allow vm:boss admin >
"""
DOMAINS = ("registry", "maker", "other", "user", "boss", "stranger")

SCHEMA: wire.Schema = {
    1: ("package", "string"), 2: ("hash", "bytes"), 3: ("number", "uint"),
    4: ("registered_at_ms", "uint"), 5: ("principal", "string"),
    6: ("bytes", "uint"), 7: ("pinned", "uint"), 8: ("services", "string*"),
    9: ("older", "uint"), 10: ("client_only", "uint")}
FINDING: wire.Schema = {
    1: ("rule", "string"), 2: ("file", "string"), 3: ("where", "string"),
    4: ("text", "string")}
JUDGEMENT: wire.Schema = {
    1: ("compatible", "uint"), 2: ("findings", "bytes*"),
    3: ("findings_total", "uint"), 4: ("text", "string")}
# What each method takes and returns.
METHODS: dict[str, tuple[wire.Schema, wire.Schema]] = {
    "Put": ({1: ("package", "string"), 2: ("set", "bytes")},
            {1: ("hash", "bytes"), 2: ("was_known", "uint")}),
    "Admit": ({1: ("service", "string"), 2: ("hash", "bytes")}, {}),
    "Judge": ({1: ("service", "string"), 2: ("client", "bytes"),
               3: ("server", "bytes")}, JUDGEMENT),
    "Get": ({1: ("hash", "bytes"), 2: ("package", "string")},
            {1: ("schema", "bytes"), 2: ("set", "bytes")}),
    "List": ({1: ("package", "string"), 2: ("cursor", "uint"),
              3: ("limit", "uint")},
             {1: ("schemas", "bytes*"), 2: ("next", "uint")}),
    "Diff": ({1: ("from", "bytes"), 2: ("to", "bytes")}, JUDGEMENT),
    "Pin": ({1: ("hash", "bytes"), 2: ("unpin", "uint")}, {}),
    "Forget": ({1: ("hash", "bytes")}, {}),
}


@functools.cache
def compiled(package: str, text: str) -> bytes:
    """The set that protoc makes of one file of the package."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, package + ".proto")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'syntax = "proto2"; package {package};\n{text}\n')
        out = os.path.join(folder, "set")
        subprocess.run(["protoc", "-I", folder, "--include_imports", "-o",
                        out, path], check=True)
        with open(out, "rb") as file:
            return file.read()


def thing(fields: str, methods: str = "rpc Do(A) returns (A);",
          package: str = "foo.v1") -> bytes:
    """A schema with a message A and a service Thing."""
    return compiled(package, f"message A {{ {fields} }}\n"
                             f"service Thing {{ {methods} }}")


class Registry:
    """helio-registry as vm:registry, while `with` lasts."""

    def __init__(self, switch: real_switch.Switch, folder: str) -> None:
        self._switch, self.folder = switch, folder

    def start(self) -> None:
        program = os.path.join(os.environ["HELIO_BIN"], "helio-registry")
        self._log = tempfile.TemporaryFile()
        ready, ready_out = os.pipe()
        self.process = subprocess.Popen(
            [program, "--state", self.folder, "--address",
             "shm:" + self._switch.path("registry"), "--ready-fd",
             str(ready_out)], pass_fds=[ready_out], stderr=self._log)
        os.close(ready_out)
        is_ready = select.select([ready], [], [], 20)[0] and os.read(ready, 1)
        os.close(ready)
        if not is_ready:
            raise RuntimeError(f"helio-registry is not ready: {self.log()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=20)
        self.last_log = self.log()
        self._log.close()
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            status = self.stop()
            if status != 0:
                raise RuntimeError(f"helio-registry ended with {status}: "
                                   f"{self.last_log}")

    def log(self) -> str:
        # Where it writes next is the program's to say.
        return os.pread(self._log.fileno(), 1 << 20, 0).decode()


def ask(bus: heliograph.Client, method: str, **fields: Any) -> dict[str, Any]:
    request, reply = METHODS[method]
    answer = bus.call(f"{SERVICE}.{method}", wire.pb_encode(request, **fields),
                      wait=True, timeout=20)
    return wire.pb_decode(reply, answer.body)


def put(bus: heliograph.Client, packed_set: bytes, package: str = "foo.v1"
        ) -> bytes:
    """Its hash."""
    return ask(bus, "Put", package=package, set=packed_set)["hash"]


def listed(bus: heliograph.Client, **fields: Any) -> list[dict[str, Any]]:
    """All pages of List."""
    schemas, cursor = [], None
    while True:
        page = ask(bus, "List", cursor=cursor, **fields)
        schemas += [{"pinned": 0, "older": 0, "client_only": 0,
                     **wire.pb_decode(SCHEMA, raw)}
                    for raw in page["schemas"]]
        cursor = page.get("next")
        if cursor is None:
            return schemas


def rules(judgement: dict[str, Any]) -> list[str]:
    return [wire.pb_decode(FINDING, raw)["rule"]
            for raw in judgement["findings"]]
