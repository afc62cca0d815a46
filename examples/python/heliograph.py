# SPDX-License-Identifier: MIT
"""A client of the Heliograph bus over a Unix socket, standard library only.

    with heliograph.connect("unix:/run/heliograph/bus.sock") as bus:
        bus.publish("room.kitchen.temp", b"21.5")
        print(bus.call("echo", b"hello", timeout=2).body)
        for tick in bus.stream("clock.v1.Clock.Watch"):
            print(tick)

One thread, no loop of its own: whatever waits also takes in everything else
that comes and keeps it for whoever asks next. Use one client per thread.
Every wait takes a timeout in seconds, None being for ever, and raises
TimeoutError; Closed is raised once the channel has ended.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import heliowire as wire
from heliochannel import Assembly, Channel, Closed
from heliostream import WINDOW_BYTES, Ways
from heliowire import WHOLE, Flag, Frame, Kind, Overflow, Status

__all__ = ["connect", "Client", "Subscription", "Service", "Call", "Stream",
           "Message", "Bound", "Gap", "Reply", "Routed", "Principal",
           "Refused", "Closed", "Status", "Overflow"]

VERSION = 1
MESSAGE_MAX = 8 << 20
CREDIT_MESSAGES = 256
# At least half of it is always granted: room for the longest call.
CREDIT_BYTES = 3 * MESSAGE_MAX
SWITCH_DRAWN = 1 << 63
# How much longer than the switch a caller waits for the switch's own answer.
GRACE = 1.0


class Refused(Exception):
    """The switch or a service said no."""

    def __init__(self, frame: Frame) -> None:
        self.status = Status(frame.status)
        self.text = frame.body.decode("utf-8", "replace")
        # Of a call: whether the bus said it, and not the service.
        self.from_bus = frame.from_bus
        # Of a call: if not, repeating it cannot make it happen twice.
        self.handed_over = frame.handed_over
        super().__init__(f"{self.status.name}: {self.text}")


@dataclass(frozen=True)
class Principal:
    """Who sent something; the switch itself has no name."""

    name: str = ""
    durable_id: str = ""
    incarnation: int = 0


@dataclass(frozen=True)
class Message:
    subject: str
    body: bytes
    metadata: bytes
    source: Principal


@dataclass(frozen=True)
class Gap:
    """Stands in a subscription where messages were lost."""

    reason: int
    count: int  # 0: not known

    OVERFLOW, ABORTED, UPLINK_LOST = 1, 2, 3


@dataclass(frozen=True)
class Routed:
    """How many subscriptions took a message, and how many were full."""

    taken: int
    full: int


@dataclass(frozen=True)
class Reply:
    body: bytes
    metadata: bytes
    source: Principal


class _Inbox:
    """What comes for one subscription or service, and the credit for it."""

    def __init__(self, bus: Client, id_: int) -> None:
        self.id = id_
        self._bus = bus
        self._items: deque[Any] = deque()
        self._owed_messages = self._owed_bytes = 0

    def receive(self, timeout: float | None = None) -> Any:
        """The next one in the stream; Refused if policy has ended it."""
        self._bus._channel.pump_until(lambda: self._items, timeout)
        item = self._items.popleft()
        if isinstance(item, Refused):
            raise item
        if not isinstance(item, Gap):
            self._owe(messages=1)
        return item

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield self.receive()

    def _owe(self, messages: int = 0, n_bytes: int = 0) -> None:
        """Give credit back, but not in small change."""
        self._owed_messages += messages
        self._owed_bytes += n_bytes
        if (self._owed_messages < CREDIT_MESSAGES // 2
                and self._owed_bytes < CREDIT_BYTES // 2):
            return
        body = struct.pack("<IIQ", self.id, self._owed_messages,
                           self._owed_bytes)
        self._owed_messages = self._owed_bytes = 0
        # What already came can still be read after the end.
        if self._bus._channel.ended is None:
            self._bus._channel.send(Frame(Kind.CREDIT, body=body))


class Subscription(_Inbox):
    """A stream of Message and, where some were lost, Gap."""

    def close(self) -> None:
        self._bus._remove(Kind.UNSUBSCRIBE, self.id)


class Service(_Inbox):
    """A stream of Call."""

    instance: str = ""
    # No new calls come: it should answer what it has, and close.
    is_draining: bool = False

    def drain(self) -> None:
        """Take no new calls; then answer what there is, and close."""
        self._bus._request(Frame(Kind.DRAIN,
                                 body=struct.pack("<I", self.id)), 30)
        self.is_draining = True

    def close(self) -> None:
        self._bus._remove(Kind.UNSERVE, self.id)


class Bound:
    """A service as we know it by its schema: its methods are called here."""

    def __init__(self, bus: Client, handle: int) -> None:
        self.handle = handle
        self._bus = bus

    def call(self, method: str, body: bytes = b"", metadata: bytes = b"",
             **options: Any) -> Reply:
        """As Client.call(), to a server whose schema fits ours."""
        return self._bus._call(method, body, metadata, self.handle,
                               **options)

    def close(self) -> None:
        self._bus._request(Frame(Kind.UNBIND, body=struct.pack(
            "<I", self.handle)), 30)


@dataclass
class Call:
    """A call to be answered, once, by reply() or fail()."""

    subject: str
    body: bytes
    metadata: bytes
    source: Principal
    deadline: float | None  # on the clock of time.monotonic()
    _correlation: int
    _bus: Client
    # The caller no longer waits; found out while anything waits for the bus.
    cancelled: bool = False
    # Of a call with streams: what the caller sends and takes.
    has_requests: bool = False
    has_replies: bool = False
    _ways: Ways | None = None

    def receive(self, timeout: float | None = None) -> bytes | None:
        """The next request; None: there are no more, or nobody waits."""
        return self._ways._receive(timeout) if self.has_requests else None

    def __iter__(self) -> Iterator[bytes]:
        while (body := self.receive()) is not None:
            yield body

    def send(self, body: bytes, timeout: float | None = None) -> None:
        """One of several replies, before reply() or fail() ends them. Waits
        until the caller lets it come; is lost when nobody waits any more."""
        if not self.has_replies:
            raise ValueError("the caller takes one reply")
        if self._correlation in self._bus._calls:
            self._ways.send(body, timeout)

    def reply(self, body: bytes = b"", metadata: bytes = b"") -> None:
        self._answer(Frame(Kind.REPLY, WHOLE, self._correlation,
                           metadata=metadata, body=body))

    def fail(self, status: Status, text: str = "") -> None:
        self._answer(Frame(Kind.REPLY, WHOLE | Flag.EXTENDED,
                           self._correlation, body=text.encode(),
                           status=status))

    def _answer(self, frame: Frame) -> None:
        # One that is over is not in the table, and needs no answer.
        if self._bus._calls.pop(self._correlation, None):
            self._bus._ways.pop(self._correlation, None)
            self._bus._channel.send_message(frame)


class Stream(Ways):
    """A call whose requests or replies are a stream; see Client.stream()."""

    def __init__(self, bus: Client, call: Frame) -> None:
        super().__init__(bus._channel, call.correlation,
                         bus.limits.get("stream_idle_ms", 0) / 1000)
        self._bus = bus
        self._may_send = bool(call.flags & Flag.MORE)
        self.answer: Frame | None = None

    def receive(self, timeout: float | None = None) -> bytes | None:
        """The next reply; None when that was the last; Refused tells any
        status but OK."""
        body = self._receive(timeout)
        if body is None:
            self.finish(timeout)
        return body

    def __iter__(self) -> Iterator[bytes]:
        while (body := self.receive()) is not None:
            yield body

    def send(self, body: bytes, timeout: float | None = None) -> None:
        """One request. Waits until the server lets it come; is lost when the
        call is over, which receive() and finish() tell."""
        if not self._may_send:
            raise ValueError("the stream of requests has ended")
        if self.answer is None:
            super().send(body, timeout)

    def end(self) -> None:
        """There are no more requests."""
        if self._may_send and self.answer is None:
            self._channel.send(Frame(Kind.END, correlation=self.correlation))
        self._may_send = False

    def finish(self, timeout: float | None = None) -> Reply:
        """Wait for the end of the call, and its one reply if it has one."""
        self.end()
        self._wait(lambda: self.answer, timeout)
        if self.answer.status != Status.OK:
            raise Refused(self.answer)
        return Reply(self.answer.body, self.answer.metadata,
                     self._bus._peer(self.answer))

    def cancel(self) -> None:
        """Nobody waits any more. Harmless after the end."""
        if self._bus._ways.pop(self.correlation, None) is not None:
            self._channel.send(Frame(Kind.CANCEL,
                                     correlation=self.correlation))
            self.take_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


class Client:
    """A channel to the switch and what goes on over it; see connect()."""

    def __init__(self, path: str, program: str, timeout: float) -> None:
        self._ids = itertools.cycle(range(1, 1 << 63))
        self._inbox_ids = itertools.count(1)
        self._handles = itertools.count(1)
        self._inboxes: dict[int, _Inbox] = {}
        self._answers: dict[int, Frame | None] = {}
        self._calls: dict[int, Call] = {}
        self._ways: dict[int, Ways] = {}
        self._assembly = Assembly()
        self._peers: dict[int, Principal] = {0: Principal()}
        self._channel = Channel(path, timeout, self._take)
        try:
            self.limits = self._shake_hands(program, timeout)
        except BaseException:
            self._channel.close()
            raise
        self._channel.fragment_bytes = self.limits["fragment_bytes"]

    @property
    def principal(self) -> str:
        """Who the switch says we are."""
        return self.limits["principal"]

    def close(self) -> None:
        """Send what waits, say goodbye, and go."""
        try:
            self._channel.flush(GRACE)
            self._channel.end()
        except OSError:
            pass
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._channel.fileno()

    def publish(self, subject: str, body: bytes, metadata: bytes = b"", *,
                ack: bool = False, timeout: float | None = 30
                ) -> Routed | None:
        """Publish; with `ack`, wait to hear how many took it.

        Without, nothing tells of a refusal."""
        frame = Frame(Kind.MESSAGE, WHOLE, next(self._ids), subject,
                      metadata, body)
        if not ack:
            self._channel.send_message(frame)
            return None
        frame.flags |= Flag.ACK_ROUTED
        answer = self._ask(frame, timeout)
        if answer.kind == Kind.REFUSED:
            raise Refused(answer)
        for entry in wire.decode_acks(answer.body):
            if frame.correlation in entry.correlations:
                return Routed(entry.taken, entry.full)
        raise AssertionError("an ACK without us was kept for us")

    def subscribe(self, pattern: str, *, timeout: float | None = 30,
                  **options: Any) -> Subscription:
        """Subscribe. Options: group, overflow, queue_messages, queue_bytes,
        and what else SUBSCRIBE has."""
        inbox = Subscription(self, next(self._inbox_ids))
        body = {"credit_messages": CREDIT_MESSAGES,
                "credit_bytes": CREDIT_BYTES, **options}
        self._add(inbox, Frame(
            Kind.SUBSCRIBE, subject=pattern,
            body=wire.pb_encode(wire.SUBSCRIBE, id=inbox.id, **body)),
            timeout)
        return inbox

    def serve(self, subject: str, methods: Iterable[str] = (), *,
              schema_hash: bytes | None = None,
              timeout: float | None = 30) -> Service:
        """Be called by `subject`, or by `subject.METHOD` for each method.

        With the hash of a schema (helioschema.py), the registry must know
        it: Refused with NOT_FOUND asks to put it there first."""
        inbox = Service(self, next(self._inbox_ids))
        answer = self._add(inbox, Frame(
            Kind.SERVE, subject=subject, body=wire.pb_encode(
                wire.SERVE, id=inbox.id, methods=methods,
                schema_hash=schema_hash, credit_calls=CREDIT_MESSAGES, credit_bytes=CREDIT_BYTES)),
            timeout)
        served = wire.pb_decode(wire.SERVED, answer.body)
        inbox.instance = served.get("instance", "")
        return inbox

    def bind(self, service: str, schema_hash: bytes, *,
             timeout: float | None = 30) -> Bound:
        """Call a service by the schema that we were built with."""
        bound = Bound(self, next(self._handles))
        self._request(Frame(Kind.BIND, subject=service, body=wire.pb_encode(
            wire.BIND, handle=bound.handle, schema_hash=schema_hash)),
            timeout)
        return bound

    def call(self, subject: str, body: bytes = b"", metadata: bytes = b"", *,
             timeout: float = 30, wait: bool = False,
             room: int | None = None) -> Reply:
        """Call and wait for the reply; Refused tells any status but OK.

        `wait` holds the call until somebody serves the subject; `room` is
        how long the reply may be, in bytes."""
        return self._call(subject, body, metadata, timeout=timeout,
                          wait=wait, room=room)

    def _call(self, subject: str, body: bytes, metadata: bytes,
              handle: int = 0, *, timeout: float = 30, wait: bool = False,
              room: int | None = None) -> Reply:
        frame = Frame(Kind.CALL, WHOLE, next(self._ids), subject, metadata,
                      body, handle=handle,
                      time_left_ms=max(1, round(timeout * 1000)))
        if wait:
            frame.flags |= Flag.WAIT
        if room is not None:
            frame.flags |= Flag.EXTENDED
            frame.room_kib = -(-room // 1024)
        try:
            answer = self._ask(frame, timeout + GRACE)
        except (TimeoutError, KeyboardInterrupt):
            self._channel.send(Frame(Kind.CANCEL,
                                     correlation=frame.correlation))
            raise
        if answer.status != Status.OK:
            raise Refused(answer)
        return Reply(answer.body, answer.metadata, self._peer(answer))

    def stream(self, subject: str, body: bytes = b"", metadata: bytes = b"",
               *, requests: bool = False, replies: bool = True,
               timeout: float | None = None, wait: bool = False) -> Stream:
        """Call with streams: with `requests` they go by send() and end(), and
        `body` means nothing; with `replies` they come by receive(), else
        finish() has the one reply. `timeout` is that of the whole call."""
        flags = WHOLE | Flag.EXTENDED | (Flag.WAIT if wait else Flag(0))
        flags |= Flag.MORE if requests else Flag(0)
        flags |= Flag.STREAM if replies else Flag(0)
        frame = Frame(Kind.CALL, flags, next(self._ids), subject, metadata,
                      body, room_kib=WINDOW_BYTES // 1024)
        if timeout is not None:
            frame.time_left_ms = max(1, round(timeout * 1000))
        stream = Stream(self, frame)
        self._ways[frame.correlation] = stream
        self._channel.send_message(frame)
        return stream

    def sync(self, timeout: float | None = 30) -> None:
        """Wait until the switch has dealt with all that was sent before."""
        self._request(Frame(Kind.SYNC), timeout)

    def ping(self, timeout: float | None = 30) -> float:
        """Seconds to the switch and back."""
        start = time.monotonic()
        self._ask(Frame(Kind.PING, correlation=next(self._ids),
                        body=struct.pack("<d", start)), timeout)
        return time.monotonic() - start

    # What was asked, and the answers under the ids it was asked with.

    def _shake_hands(self, program: str, timeout: float) -> dict[str, Any]:
        self._answers[0] = None
        self._channel.send(Frame(Kind.HELLO, body=wire.pb_encode(
            wire.HELLO, version_min=VERSION, version_max=VERSION,
            program=program, message_max=MESSAGE_MAX)))
        self._channel.pump_until(lambda: self._answers[0], timeout)
        return wire.pb_decode(wire.WELCOME, self._answers.pop(0).body)

    def _ask(self, frame: Frame, timeout: float | None) -> Frame:
        """Send what is answered under its own id; that answer."""
        id_ = frame.correlation
        self._answers[id_] = None
        try:
            self._channel.send_message(frame)
            self._channel.pump_until(lambda: self._answers[id_], timeout)
            return self._answers[id_]
        finally:
            del self._answers[id_]

    def _request(self, frame: Frame, timeout: float | None) -> Frame:
        """Send what is answered by RESULT; that result, if it is OK."""
        frame.correlation = next(self._ids)
        answer = self._ask(frame, timeout)
        if answer.status != Status.OK:
            raise Refused(answer)
        return answer

    def _add(self, inbox: _Inbox, frame: Frame, timeout: float | None
             ) -> Frame:
        self._inboxes[inbox.id] = inbox
        try:
            return self._request(frame, timeout)
        except Refused:
            del self._inboxes[inbox.id]
            raise

    def _remove(self, kind: Kind, id_: int) -> None:
        if id_ in self._inboxes:
            self._request(Frame(kind, body=struct.pack("<I", id_)), 30)
            del self._inboxes[id_]

    # What comes.

    def _take(self, frame: Frame) -> None:
        take = self._TAKE.get(frame.kind)
        if take is not None:
            take(self, frame)
        elif not frame.flags & Flag.IGNORABLE:
            raise wire.WireError(f"a frame of the unknown kind {frame.kind}")

    def _inbox(self, frame: Frame) -> _Inbox | None:
        """The inbox that a MESSAGE or CALL is delivered to."""
        return self._inboxes.get(frame.correlation >> 32 & 0x7fffffff)

    def _take_message(self, frame: Frame) -> None:
        inbox = self._inbox(frame)
        if inbox is not None:
            inbox._owe(n_bytes=len(frame))
        whole = self._assembly.add(frame)
        if whole is None or inbox is None:
            return
        if whole.kind == Kind.MESSAGE:
            inbox._items.append(Message(whole.subject, whole.body,
                                        whole.metadata, self._peer(whole)))
        else:
            inbox._items.append(self._new_call(whole))

    def _new_call(self, frame: Frame) -> Call:
        deadline = None
        if frame.time_left_ms:
            deadline = time.monotonic() + frame.time_left_ms / 1000
        call = Call(frame.subject, frame.body, frame.metadata,
                    self._peer(frame), deadline, frame.correlation, self)
        self._calls[frame.correlation] = call
        if frame.flags & (Flag.MORE | Flag.STREAM):
            self._open_ways(call, frame)
        return call

    def _open_ways(self, call: Call, frame: Frame) -> None:
        """The caller's room is ours to send; its requests may come now."""
        call.has_requests = bool(frame.flags & Flag.MORE)
        call.has_replies = bool(frame.flags & Flag.STREAM)
        call._ways = Ways(self._channel, frame.correlation, 0,
                          frame.room_kib * 1024 or WINDOW_BYTES)
        self._ways[frame.correlation] = call._ways
        if call.has_requests:
            call._ways.grant(WINDOW_BYTES)

    def _take_next(self, frame: Frame) -> None:
        # Of a call that is over, it crossed the end on its way.
        if ways := self._ways.get(frame.correlation):
            ways.take_next(frame)

    def _take_end(self, frame: Frame) -> None:
        if ways := self._ways.get(frame.correlation):
            ways.take_end()

    def _take_window(self, frame: Frame) -> None:
        for id_, n_bytes in struct.iter_unpack("<QQ", frame.body):
            if ways := self._ways.get(id_):
                ways.take_window(n_bytes)

    def _take_reply(self, frame: Frame) -> None:
        if whole := self._assembly.add(frame):
            self._take_answer(whole)

    def _take_result(self, frame: Frame) -> None:
        if frame.correlation < SWITCH_DRAWN:
            self._take_answer(frame)
        elif frame.status == Status.OK:
            self._take_drain(frame)
        elif inbox := self._inboxes.pop(frame.correlation - SWITCH_DRAWN,
                                        None):
            inbox._items.append(Refused(frame))

    def _take_drain(self, frame: Frame) -> None:
        """An operator wants the service to leave."""
        if inbox := self._inboxes.get(frame.correlation - SWITCH_DRAWN):
            inbox.is_draining = True

    def _take_answer(self, frame: Frame) -> None:
        stream = self._ways.get(frame.correlation)
        if isinstance(stream, Stream) and frame.kind == Kind.REPLY:
            stream.answer = frame
            stream.take_end()
            del self._ways[frame.correlation]
            return
        # One that nobody waits for any more is dropped.
        if frame.correlation in self._answers:
            self._answers[frame.correlation] = frame

    def _take_welcome(self, frame: Frame) -> None:
        self._answers[0] = frame

    def _take_ack(self, frame: Frame) -> None:
        for entry in wire.decode_acks(frame.body):
            for id_ in self._answers:
                if id_ in entry.correlations:
                    self._answers[id_] = frame

    def _take_cancel(self, frame: Frame) -> None:
        if self._assembly.abort(Kind.CALL, frame.correlation):
            self._give_up(frame)
        if call := self._calls.pop(frame.correlation, None):
            call.cancelled = True
        if ways := self._ways.pop(frame.correlation, None):
            ways.take_end()

    def _take_abort(self, frame: Frame) -> None:
        if self._assembly.abort(Kind.MESSAGE, frame.correlation):
            self._give_up(frame)

    def _give_up(self, frame: Frame) -> None:
        """What will not be finished has cost a message all the same."""
        if inbox := self._inbox(frame):
            inbox._owe(messages=1)

    def _take_gap(self, frame: Frame) -> None:
        id_, reason, count = struct.unpack("<IIQ", frame.body)
        if id_ in self._inboxes:
            self._inboxes[id_]._items.append(Gap(reason, count))

    def _take_peer(self, frame: Frame) -> None:
        peer = wire.pb_decode(wire.PEER, frame.body)
        self._peers[peer["handle"]] = Principal(
            peer.get("principal", ""), peer.get("durable_id", ""),
            peer.get("incarnation", 0))

    def _take_forget(self, frame: Frame) -> None:
        handle = wire.pb_decode(wire.FORGET, frame.body)["handle"]
        self._peers.pop(handle, None)

    def _peer(self, frame: Frame) -> Principal:
        return self._peers.get(frame.source, Principal())

    def _take_ping(self, frame: Frame) -> None:
        self._channel.send(Frame(Kind.PONG, correlation=frame.correlation,
                                 body=frame.body))

    def _take_goodbye(self, frame: Frame) -> None:
        self._channel.ended = Closed(frame.body.decode("utf-8", "replace"),
                                     Status(frame.status))

    _TAKE = {
        Kind.MESSAGE: _take_message, Kind.CALL: _take_message,
        Kind.REPLY: _take_reply, Kind.CANCEL: _take_cancel,
        Kind.ABORT: _take_abort, Kind.ACK: _take_ack,
        Kind.REFUSED: _take_answer, Kind.RESULT: _take_result,
        Kind.PONG: _take_answer, Kind.WELCOME: _take_welcome,
        Kind.GOODBYE: _take_goodbye, Kind.GAP: _take_gap,
        Kind.PEER: _take_peer, Kind.FORGET: _take_forget,
        Kind.PING: _take_ping, Kind.NEXT: _take_next, Kind.END: _take_end,
        Kind.WINDOW: _take_window,
    }


def connect(address: str, program: str = "python", timeout: float = 10
            ) -> Client:
    """Connect to `unix:PATH`; a bare path will do."""
    return Client(address.removeprefix("unix:"), program, timeout)
