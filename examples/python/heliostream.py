# SPDX-License-Identifier: MIT
"""One end of a call with streams: what it may send, and what came.

The bytes of a message go back to the sender as credit when the program has
taken it, those of its earlier fragments at once, and neither in small change.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from heliochannel import Assembly, Channel
from heliowire import EXTENSION, FRAME_MIN, WHOLE, Flag, Frame, Kind

# What either side lets the other have under way.
WINDOW_BYTES = 64 << 10
# The least that a fragment is cut to: less credit waits for more.
LEAST_BYTES = FRAME_MIN + EXTENSION + 8


class Ways:
    """The two ways of a call, as one side has them."""

    def __init__(self, channel: Channel, correlation: int, idle: float,
                 credit: int = 0) -> None:
        self._channel, self.correlation = channel, correlation
        self._idle = idle
        self._credit = credit  # bytes of frames that we may still send
        self._owed = 0
        self._assembly = Assembly()
        self._came: deque[tuple[bytes, int]] = deque()
        self._has_ended = False  # nothing more comes

    # What the client calls with what came.

    def take_next(self, frame: Frame) -> None:
        whole = self._assembly.add(frame)
        if whole is None:
            self._owe(len(frame))
        else:
            self._came.append((whole.body, len(frame)))

    def take_end(self) -> None:
        self._has_ended = True

    def take_window(self, n_bytes: int) -> None:
        self._credit += n_bytes

    # What the two ends are made of.

    def send(self, body: bytes, timeout: float | None = None) -> None:
        """One message, as soon as the other side lets it come."""
        frame = Frame(Kind.NEXT, WHOLE, self.correlation, body=body)
        if len(frame) <= min(self._credit, self._channel.fragment_bytes):
            self._send(frame)
            return
        frame.flags = Flag.FIRST | Flag.EXTENDED
        frame.total, at = len(body), 0
        while at < len(body) or not at:
            self._wait(lambda: self._has_ended
                       or self._credit >= LEAST_BYTES, timeout)
            if self._has_ended:
                return
            at += self._send_part(frame, body[at:])

    def _send_part(self, frame: Frame, rest: bytes) -> int:
        """As much of `rest` as may go now; how much that was."""
        limit = min(self._credit, self._channel.fragment_bytes)
        frame.body = rest[:limit - len(frame) + len(frame.body)]
        if len(frame.body) == len(rest):
            if frame.flags & Flag.FIRST:
                # The credit came meanwhile: it needs no fragments.
                frame.flags, frame.total = WHOLE, 0
            frame.flags |= Flag.LAST
        n_sent = len(frame.body)
        self._send(frame)
        frame.flags, frame.total, frame.body = Flag(0), 0, b""
        return n_sent or 1

    def _send(self, frame: Frame) -> None:
        self._credit -= len(frame)
        self._channel.send(frame)
        self._channel.flush(None)

    def _receive(self, timeout: float | None) -> bytes | None:
        """The next message; None when there are no more."""
        self._wait(lambda: self._came or self._has_ended, timeout)
        if not self._came:
            return None
        body, n_bytes = self._came.popleft()
        self._owe(n_bytes)
        return body

    def _wait(self, done: Callable[[], Any], timeout: float | None) -> None:
        """Wait, and now and then tell the switch that we do."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else end - time.monotonic()
            patience = self._idle / 3 if self._idle else left
            try:
                self._channel.pump_until(
                    done, patience if left is None else min(left, patience))
                return
            except TimeoutError:
                if end is not None and time.monotonic() >= end:
                    raise
            self.grant(0)

    def grant(self, n_bytes: int) -> None:
        if self._channel.ended is None:
            self._channel.send(Frame(Kind.WINDOW, body=struct.pack(
                "<QQ", self.correlation, n_bytes)))

    def _owe(self, n_bytes: int) -> None:
        self._owed += n_bytes
        if self._owed >= WINDOW_BYTES // 2 and not self._has_ended:
            self.grant(self._owed)
            self._owed = 0

    def __iter__(self) -> Iterator[bytes]:
        """Every message, to the end."""
        while (body := self._receive(None)) is not None:
            yield body
