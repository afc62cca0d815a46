# SPDX-License-Identifier: MIT
"""A Unix socket as a stream of frames, and bodies that need several frames."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import heliowire as wire
from heliowire import Flag, Frame, Kind, Status

RECV_BYTES = 1 << 16


class Closed(ConnectionError):
    """The channel has ended, with what GOODBYE said if there was one."""

    def __init__(self, text: str, status: Status = Status.UNAVAILABLE) -> None:
        super().__init__(f"{status.name}: {text}")
        self.text = text
        self.status = status


class Channel:
    """Frames out by send(), frames in by `take`, while pump_until() runs."""

    def __init__(self, path: str, timeout: float,
                 take: Callable[[Frame], None]) -> None:
        self.ended: Closed | None = None
        # What WELCOME says of it, once that is known.
        self.fragment_bytes = 1024
        self._take = take
        self._in, self._out = bytearray(), bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Not settimeout(), which does not wait while the backlog is full.
            self._socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                struct.pack("ll", int(timeout), int(timeout % 1 * 1e6)))
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self)

    def end(self, status: Status = Status.OK, text: str = "") -> None:
        """Say goodbye; nothing can be sent any more."""
        if self.ended is not None:
            return
        extended = Flag.EXTENDED if status else Flag(0)
        self.send(Frame(Kind.GOODBYE, extended, status=status,
                        body=text.encode()))
        self.ended = Closed(text or "we closed it", status)

    def close(self) -> None:
        self.ended = self.ended or Closed("we closed it", Status.OK)
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, frame: Frame) -> None:
        """Send a frame now, or when pump_until() finds that there is room."""
        if self.ended is not None:
            raise self.ended
        self._out += frame.encode()
        self._write()

    def send_message(self, frame: Frame) -> None:
        """Send a MESSAGE, CALL or REPLY of any length. Waits for room."""
        limit = self.fragment_bytes
        if frame.handle:
            # The switch puts the service in front of the method.
            limit -= wire.SUBJECT_MAX + 1
        for fragment in split(frame, limit):
            self.send(fragment)
            # Reading goes on meanwhile, or both sides could wait for ever.
            self.flush(None)

    def flush(self, timeout: float | None) -> None:
        """Wait until the socket has taken all that was sent."""
        self.pump_until(lambda: not self._out, timeout)

    def pump_until(self, done: Callable[[], Any], timeout: float | None
                   ) -> None:
        """Take in what comes, and send what waits, until `done()`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not done():
            if self.ended is not None:
                raise self.ended
            left_ms = None
            if deadline is not None:
                left_ms = (deadline - time.monotonic()) * 1000
                if left_ms <= 0:
                    raise TimeoutError("the bus took too long")
            self._wait(left_ms)

    def _wait(self, timeout_ms: float | None) -> None:
        self._poll.modify(self, select.POLLIN
                          | (select.POLLOUT if self._out else 0))
        for _, events in self._poll.poll(timeout_ms):
            if events & select.POLLOUT:
                self._write()
            if events & ~select.POLLOUT:
                self._read()

    def _write(self) -> None:
        try:
            while self._out:
                del self._out[:self._socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            # The end is found by reading: last words may still be there.
            self._out.clear()

    def _read(self) -> None:
        try:
            data = self._socket.recv(RECV_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.ended = Closed(str(error))
            return
        if not data:
            self.ended = Closed("the switch went away")
            return
        self._in += data
        try:
            while self.ended is None and (frame := wire.take_frame(self._in)):
                self._take(frame)
        except (ValueError, KeyError, struct.error) as error:
            # A switch that does not keep to the protocol.
            self.end(Status.INVALID_ARGUMENT, str(error))


def split(frame: Frame, limit: int) -> list[Frame]:
    """The frames, of at most `limit` bytes each, that carry the body.

    Only the first may be longer, because metadata is not split."""
    if len(frame) <= limit or not frame.body:
        return [frame]
    first = Frame(**vars(frame))
    first.flags = (frame.flags | Flag.EXTENDED) & ~Flag.LAST
    first.total, first.body = len(frame.body), b""
    at = max(0, limit - len(first))
    first.body = frame.body[:at]
    frames = [first]
    step = limit - wire.FRAME_MIN
    for at in range(at, len(frame.body), step):
        frames.append(Frame(frame.kind, Flag(0), frame.correlation,
                            body=frame.body[at:at + step]))
    frames[-1].flags |= Flag.LAST
    return frames


class Assembly:
    """Messages of which the last fragment has not come yet."""

    def __init__(self) -> None:
        # By kind too: a delivery and a reply may have the same id.
        self._open: dict[tuple[int, int], Frame] = {}

    def add(self, frame: Frame) -> Frame | None:
        """Take a fragment in; the whole message, if this ends it."""
        key = (frame.kind, frame.correlation)
        if frame.flags & Flag.FIRST:
            # The bus may answer in the middle of somebody else's reply.
            self._open.pop(key, None)
            if frame.flags & Flag.LAST:
                return frame
            frame.body = bytearray(frame.body)
            self._open[key] = frame
        elif key in self._open:
            self._open[key].body += frame.body
        else:
            # The rest of something that was given up.
            return None
        whole = self._open[key]
        if len(whole.body) > whole.total:
            raise wire.WireError("more fragments than were announced")
        if not frame.flags & Flag.LAST:
            return None
        del self._open[key]
        if len(whole.body) != whole.total:
            raise wire.WireError("fewer fragments than were announced")
        whole.body = bytes(whole.body)
        return whole

    def abort(self, kind: Kind, correlation: int) -> bool:
        """Forget what is open under the id; whether anything was."""
        return self._open.pop((kind, correlation), None) is not None
