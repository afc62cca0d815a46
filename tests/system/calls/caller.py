# SPDX-License-Identifier: MIT
"""A connection on which many calls are made at once, each by its frames."""

from __future__ import annotations

import collections
import dataclasses
import random
import select
import struct

from google.protobuf.message import DecodeError

from heliowire import WHOLE, Flag, Frame, Kind, Status
from real_switch import Raw
from maker import Maker, Method

# Nobody may be told so, whatever he asks; UNAVAILABLE is for what passes.
UNFAIR = {Status.CANCELLED, Status.UNKNOWN, Status.UNIMPLEMENTED,
          Status.INTERNAL, Status.DATA_LOSS, Status.UNAUTHENTICATED}


@dataclasses.dataclass
class Call:
    method: Method
    request: bytes
    messages: list[bytes]  # of its stream of requests, still to go
    is_generous: bool  # grants what its replies take
    will_finish: bool
    credit: int = 0
    is_cancelled: bool = False
    next: bytearray = dataclasses.field(default_factory=bytearray)
    reply: bytearray = dataclasses.field(default_factory=bytearray)

    def __str__(self) -> str:
        return f"{self.method.subject} {self.request[:200].hex()}"


class Caller:
    """Raises AssertionError for what no server may do."""

    def __init__(self, raw: Raw, dice: random.Random, maker: Maker) -> None:
        self._raw, self._dice, self._maker = raw, dice, maker
        self._last_id = 0
        self.calls: dict[int, Call] = {}  # those that are not over
        self.statuses: collections.Counter[tuple[str, str]] = \
            collections.Counter()

    def close(self) -> None:
        self._raw.socket.close()

    def publish(self, subject: str) -> None:
        self._last_id += 1
        self._raw.send(Frame(Kind.MESSAGE, WHOLE | Flag.ACK_STORED,
                             self._last_id, subject, body=b"{}"))

    def call(self, method: Method, time_left_ms: int) -> None:
        """A random one."""
        dice, make = self._dice, self._maker.make
        messages = [make(method.input) for _ in range(dice.randrange(6))] \
            if method.has_requests else []
        body = b"" if method.has_requests else make(method.input)
        self.begin(Call(method, body or b"".join(messages), messages,
                        dice.random() < 0.8, dice.random() < 0.6), body,
                   time_left_ms)

    def begin(self, call: Call, body: bytes, time_left_ms: int) -> int:
        self._last_id += 1
        self.calls[self._last_id] = call
        flags = WHOLE | Flag.EXTENDED
        if call.method.has_requests:
            flags |= Flag.MORE
        if call.method.has_replies:
            flags |= Flag.STREAM
        self._raw.send(Frame(
            Kind.CALL, flags, self._last_id, call.method.subject, body=body,
            time_left_ms=time_left_ms,
            room_kib=self._dice.choice([1, 64]) if call.method.has_replies
            else 1 << 12))
        return self._last_id

    def cancel(self) -> None:
        """One of those that are not over; its reply may be on its way."""
        going = [id_ for id_, call in self.calls.items()
                 if not call.is_cancelled]
        if going:
            id_ = self._dice.choice(going)
            self.calls[id_].is_cancelled = True
            self._raw.send(Frame(Kind.CANCEL, correlation=id_))

    def settle(self) -> None:
        """What was cancelled says nothing from here on."""
        self._last_id += 1
        self._raw.send(Frame(Kind.SYNC, correlation=self._last_id))
        self._synced, sync = 0, self._last_id
        while self._synced != sync:
            self._take(self._raw.receive())
        for id_ in [i for i, c in self.calls.items() if c.is_cancelled]:
            del self.calls[id_]

    def pump(self, seconds: float) -> None:
        """Take what has come, or comes within this time."""
        if self._has_frame() or \
                select.select([self._raw.socket], [], [], seconds)[0]:
            self._take(self._raw.receive())
        while self._has_frame():
            self._take(self._raw.receive())

    def _has_frame(self) -> bool:
        buffer = self._raw.buffer
        return len(buffer) >= 4 and \
            len(buffer) >= struct.unpack_from("<I", buffer)[0]

    def _take(self, frame: Frame | None) -> None:
        if frame is None or frame.kind == Kind.GOODBYE:
            raise AssertionError("the switch hung up: "
                                 f"{frame and frame.body.decode()}")
        if frame.kind == Kind.RESULT:
            self._synced = frame.correlation
        elif frame.kind == Kind.WINDOW:
            for id_, n_bytes in struct.iter_unpack("<QQ", frame.body):
                self._send_more(id_, n_bytes)
        elif frame.kind in (Kind.NEXT, Kind.REPLY):
            call = self.calls.get(frame.correlation)
            if not call:
                raise AssertionError(f"{frame.kind} of a call that is over")
            (self._take_next if frame.kind == Kind.NEXT
             else self._take_reply)(call, frame)

    def _send_more(self, id_: int, n_bytes: int) -> None:
        call = self.calls.get(id_)
        if not call or call.is_cancelled or not call.method.has_requests:
            return
        call.credit += n_bytes
        while call.messages:
            frame = Frame(Kind.NEXT, WHOLE, id_, body=call.messages[0])
            if len(frame) > min(call.credit, 60_000):
                return
            call.credit -= len(frame)
            call.messages.pop(0)
            self._raw.send(frame)
        if call.will_finish:
            call.will_finish = False
            self._raw.send(Frame(Kind.END, correlation=id_))

    def _take_next(self, call: Call, frame: Frame) -> None:
        call.next += frame.body
        if frame.flags & Flag.LAST:
            self._judge(call, bytes(call.next))
            call.next.clear()
        if call.is_generous and not call.is_cancelled:
            self._raw.send(Frame(Kind.WINDOW, body=struct.pack(
                "<QQ", frame.correlation, len(frame))))

    def _take_reply(self, call: Call, frame: Frame) -> None:
        call.reply += frame.body
        if not frame.flags & Flag.LAST:
            return
        del self.calls[frame.correlation]
        status = Status(frame.status)
        self.statuses[call.method.subject, status.name] += 1
        if status == Status.OK:
            if not call.method.has_replies:
                self._judge(call, bytes(call.reply))
        elif status in UNFAIR or not call.reply or frame.from_bus and \
                status == Status.UNAVAILABLE:
            raise AssertionError(f"{status.name}, {bytes(call.reply)!r}: "
                                 f"{call}")

    def _judge(self, call: Call, packed: bytes) -> None:
        """It is what the method promises."""
        message = call.method.output()
        try:
            message.ParseFromString(packed)
        except DecodeError as error:
            raise AssertionError(f"{call}: no {message.DESCRIPTOR.name}") \
                from error
        self._maker.learn(message)
