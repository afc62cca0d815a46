# SPDX-License-Identifier: MIT
"""A stand-in for helio-registry: it knows schemas by their hashes alone."""

import threading

import heliograph
import heliowire as wire

REGISTRY = "helio.registry.v1.Registry"
ADMIT: wire.Schema = {1: ("service", "string"), 2: ("hash", "bytes")}
JUDGE: wire.Schema = {1: ("service", "string"), 2: ("client", "bytes"),
                      3: ("server", "bytes")}
JUDGEMENT: wire.Schema = {1: ("compatible", "uint"), 4: ("text", "string")}
OLD, NEW, OTHER = (bytes([n] * 32) for n in (1, 2, 3))


class Registry:
    """Admits every schema; all fit but OTHER."""

    def __init__(self, bus: heliograph.Client) -> None:
        self.bus = bus
        # Who asked, and about which service.
        self.questions: list[tuple[str, str]] = []
        self.silent = threading.Event()
        self._service = bus.serve(REGISTRY, ["Admit", "Judge"])
        self._is_closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self.bus._channel._socket.shutdown(2)
        self._thread.join()
        self.bus.close()

    def _run(self) -> None:
        try:
            for call in self._service:
                if not self.silent.is_set():
                    self._answer(call)
        except heliograph.Closed:
            pass

    def _answer(self, call: heliograph.Call) -> None:
        is_admit = call.subject.endswith(".Admit")
        asked = wire.pb_decode(ADMIT if is_admit else JUDGE, call.body)
        self.questions.append((call.source.name, asked["service"]))
        if is_admit:
            call.reply(b"")
            return
        fits = OTHER not in (asked["client"], asked["server"])
        call.reply(wire.pb_encode(JUDGEMENT, compatible=int(fits),
                                  text="" if fits else "it breaks"))
