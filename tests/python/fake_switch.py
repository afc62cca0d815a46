# SPDX-License-Identifier: MIT
"""A switch just large enough to test a client against.

It keeps to docs/PROTOCOL.md where a client can tell the difference, puts
messages together before it passes them on, and forgives nothing: what a client
does wrong ends up in `faults`.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import tempfile
import threading
from collections import deque

import heliowire as wire
from heliochannel import Assembly, split
from heliowire import WHOLE, Flag, Frame, Kind, Status

FRAGMENT_BYTES = 1024
BIT63 = 1 << 63


def matches(pattern: str, subject: str) -> bool:
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[:len(wanted)]
    return len(wanted) == len(tokens) and all(
        w in ("*", t) for w, t in zip(wanted, tokens))


class Inbox:
    """A subscription or a registration of a client."""

    def __init__(self, peer: Peer, name: str, options: dict) -> None:
        self.peer, self.name, self.id = peer, name, options["id"]
        self.methods = options.get("methods", [])
        self.schema = options.get("schema_hash")
        self.messages = options.get("credit_messages",
                                    options.get("credit_calls", 0))
        self.bytes = options["credit_bytes"]
        self.queue_max = options.get("queue_messages", 64)
        self.queue: deque[Frame] = deque()
        self.n, self.lost = 0, 0

    def offer(self, frame: Frame) -> bool:
        """Deliver or keep; false when it is lost."""
        if len(self.queue) >= self.queue_max:
            self.lost += 1
            return False
        self.queue.append(frame)
        self.flush()
        return True

    def flush(self) -> None:
        while self.queue and self.messages > 0 and self.bytes > 0:
            frames = split(self.queue.popleft(), FRAGMENT_BYTES)
            self.messages -= 1
            self.bytes -= sum(map(len, frames))
            for frame in frames:
                self.peer.send(frame)
        if self.lost and not self.queue:
            self.peer.send(Frame(Kind.GAP, body=struct.pack(
                "<IIQ", self.id, 1, self.lost)))
            self.lost = 0


class Peer:
    def __init__(self, switch: FakeSwitch, sock: socket.socket,
                 handle: int) -> None:
        self.switch, self.socket, self.handle = switch, sock, handle
        self.name = f"vm:{handle}"
        self.buffer, self.assembly = bytearray(), Assembly()
        self.greeted = False
        self.known: set[int] = {0}
        self.inboxes: dict[int, Inbox] = {}
        self.bound: dict[int, tuple[str, bytes]] = {}
        self.live_ids: set[int] = set()

    def send(self, frame: Frame) -> None:
        if frame.source not in self.known:
            self.known.add(frame.source)
            self.send(Frame(Kind.PEER, body=wire.pb_encode(
                wire.PEER, handle=frame.source, incarnation=frame.source,
                principal=f"vm:{frame.source}", durable_id="test")))
        try:
            self.socket.sendall(frame.encode())
        except OSError:
            pass

    def result(self, frame: Frame, status: int = 0, body: bytes = b"",
               kind: Kind = Kind.RESULT, **more: object) -> None:
        flags = Flag.EXTENDED if status else Flag(0)
        if kind == Kind.REPLY:
            flags |= WHOLE
        self.send(Frame(kind, flags, frame.correlation, status=status,
                        body=body, **more))


class FakeSwitch:
    """Run it with `with`; `address` is then what to connect to."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = os.path.join(self._folder.name, "bus.sock")
        self.address = f"unix:{path}"
        self.faults: list[str] = []
        self.peers: list[Peer] = []
        # Call ids as their servers know them, to who asked.
        self.slots: dict[int, tuple[Peer, Frame, Peer]] = {}
        self.credits: dict[int, dict[Peer, int]] = {}
        self.ended: dict[int, set[Peer]] = {}
        self.idle_ms = 60_000
        self.n_slots = self.n_peers = self.n_windows = 0
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(16)
        self._stop_in, self._stop_out = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(self._stop_in, selectors.EVENT_READ, self)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> FakeSwitch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_out.send(b"x")
        self._thread.join()
        for peer in self.peers:
            peer.socket.close()
        for sock in self._listener, self._stop_in, self._stop_out:
            sock.close()
        self._selector.close()
        self._folder.cleanup()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is self:
                    return
                if key.data is None:
                    self._accept()
                else:
                    self._read(key.data)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        self.n_peers += 1
        peer = Peer(self, sock, self.n_peers)
        self.peers.append(peer)
        self._selector.register(sock, selectors.EVENT_READ, peer)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.socket.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        peer.buffer += data
        try:
            while peer in self.peers and (
                    frame := wire.take_frame(peer.buffer)):
                self._take(peer, frame)
        except (wire.WireError, AssertionError, KeyError) as error:
            self.faults.append(repr(error))
            peer.send(Frame(Kind.GOODBYE, Flag.EXTENDED,
                            status=Status.INVALID_ARGUMENT,
                            body=repr(error).encode()))
            self._drop(peer)

    def _drop(self, peer: Peer) -> None:
        self._selector.unregister(peer.socket)
        peer.socket.close()
        self.peers.remove(peer)
        for id_, (caller, call, callee) in list(self.slots.items()):
            if callee is peer:
                del self.slots[id_]
                caller.result(call, Status.UNAVAILABLE, b"the callee died",
                              Kind.REPLY, from_bus=True, handed_over=True)

    def _take(self, peer: Peer, frame: Frame) -> None:
        assert frame.source == 0 and frame.hops == 0
        assert peer.greeted or frame.kind == Kind.HELLO
        assert len(frame) <= FRAGMENT_BYTES or frame.metadata
        kind = Kind(frame.kind)
        getattr(self, f"_take_{kind.name.lower()}")(peer, frame)

    def _take_hello(self, peer: Peer, frame: Frame) -> None:
        hello = wire.pb_decode(wire.HELLO, frame.body)
        assert not peer.greeted
        if not hello["version_min"] <= 1 <= hello["version_max"]:
            peer.result(frame, Status.FAILED_PRECONDITION, b"no version",
                        Kind.GOODBYE)
            return
        peer.greeted = True
        peer.send(Frame(Kind.WELCOME, body=wire.pb_encode(
            wire.WELCOME, version=1, principal=peer.name, incarnation=7,
            fragment_bytes=FRAGMENT_BYTES, message_max=1 << 20,
            stream_idle_ms=self.idle_ms)))

    def _take_goodbye(self, peer: Peer, frame: Frame) -> None:
        self._drop(peer)

    def _take_ping(self, peer: Peer, frame: Frame) -> None:
        peer.result(frame, 0, frame.body, Kind.PONG)

    def _take_pong(self, peer: Peer, frame: Frame) -> None:
        pass

    def _take_sync(self, peer: Peer, frame: Frame) -> None:
        peer.result(frame)

    def _take_subscribe(self, peer: Peer, frame: Frame) -> None:
        options = wire.pb_decode(wire.SUBSCRIBE, frame.body)
        assert options["id"] not in peer.inboxes
        if frame.subject.startswith("secret."):
            peer.result(frame, Status.PERMISSION_DENIED, b"not for you")
            return
        peer.inboxes[options["id"]] = Inbox(peer, frame.subject, options)
        peer.result(frame)

    def _take_serve(self, peer: Peer, frame: Frame) -> None:
        options = wire.pb_decode(wire.SERVE, frame.body)
        assert options["id"] not in peer.inboxes
        inbox = Inbox(peer, "", options)
        inbox.service = frame.subject
        peer.inboxes[options["id"]] = inbox
        peer.result(frame, 0, wire.pb_encode(wire.SERVED, instance="i7"))

    def _take_bind(self, peer: Peer, frame: Frame) -> None:
        bind = wire.pb_decode(wire.BIND, frame.body)
        assert bind["handle"] not in peer.bound
        assert len(bind["schema_hash"]) == 32
        peer.bound[bind["handle"]] = frame.subject, bind["schema_hash"]
        peer.result(frame)

    def _take_unbind(self, peer: Peer, frame: Frame) -> None:
        del peer.bound[struct.unpack("<I", frame.body)[0]]
        peer.result(frame)

    def _take_unsubscribe(self, peer: Peer, frame: Frame) -> None:
        del peer.inboxes[struct.unpack("<I", frame.body)[0]]
        peer.result(frame)

    _take_unserve = _take_unsubscribe

    def _take_credit(self, peer: Peer, frame: Frame) -> None:
        for id_, messages, n_bytes in struct.iter_unpack("<IIQ", frame.body):
            if inbox := peer.inboxes.get(id_):
                inbox.messages += messages
                inbox.bytes += n_bytes
                inbox.flush()

    def _begin(self, peer: Peer, frame: Frame) -> Frame | None:
        assert not frame.correlation & BIT63
        if frame.flags & Flag.FIRST:
            assert frame.correlation not in peer.live_ids
            peer.live_ids.add(frame.correlation)
        whole = peer.assembly.add(frame)
        if whole is not None and frame.kind == Kind.MESSAGE:
            peer.live_ids.discard(frame.correlation)
        return whole

    def _take_message(self, peer: Peer, frame: Frame) -> None:
        whole = self._begin(peer, frame)
        if whole is None:
            return
        if whole.subject.startswith("$"):
            peer.result(whole, Status.PERMISSION_DENIED, b"not below $",
                        Kind.REFUSED)
            return
        taken = full = 0
        for inbox in [i for p in self.peers for i in p.inboxes.values()
                      if matches(i.name, whole.subject)]:
            copy = Frame(Kind.MESSAGE, WHOLE, inbox.id << 32 | inbox.n,
                         whole.subject, whole.metadata, whole.body,
                         source=peer.handle)
            if inbox.offer(copy):
                inbox.n += 1
                taken += 1
            else:
                full += 1
        if whole.flags & Flag.ACK_ROUTED:
            peer.send(Frame(Kind.ACK, body=struct.pack(
                "<QIHBBII", whole.correlation, 1, 0, 0, 0, taken, full)))

    def _find_server(self, subject: str) -> tuple[Inbox | None, bool]:
        known = False
        for peer in self.peers:
            for inbox in peer.inboxes.values():
                service = getattr(inbox, "service", "")
                if service == subject and not inbox.methods:
                    return inbox, True
                head, _, method = subject.rpartition(".")
                if service == head and inbox.methods:
                    known = True
                    if method in inbox.methods:
                        return inbox, True
        return None, known

    def _take_call(self, peer: Peer, frame: Frame) -> None:
        whole = self._begin(peer, frame)
        if whole is None:
            return
        streams = whole.flags & (Flag.MORE | Flag.STREAM)
        assert streams or whole.time_left_ms > 0
        schema = None
        if whole.handle:
            assert "." not in whole.subject
            service, schema = peer.bound[whole.handle]
            whole.subject = f"{service}.{whole.subject}"
        inbox, known = self._find_server(whole.subject)
        if inbox and schema and inbox.schema not in (None, schema):
            peer.live_ids.discard(whole.correlation)
            peer.result(whole, Status.FAILED_PRECONDITION, b"other schemas",
                        Kind.REPLY, from_bus=True)
            return
        if inbox is None:
            peer.live_ids.discard(whole.correlation)
            peer.result(whole, Status.UNIMPLEMENTED if known
                        else Status.UNAVAILABLE, b"nobody serves it",
                        Kind.REPLY, from_bus=True)
            return
        self.n_slots += 1
        id_ = BIT63 | inbox.id << 32 | self.n_slots
        self.slots[id_] = peer, whole, inbox.peer
        # What each side may still send, as the other has granted it.
        self.credits[id_] = {peer: 0, inbox.peer: whole.room_kib * 1024}
        handed = Frame(Kind.CALL, WHOLE | streams, id_, whole.subject,
                       whole.metadata, whole.body, source=peer.handle,
                       time_left_ms=whole.time_left_ms)
        if streams:
            handed.flags |= Flag.EXTENDED
            handed.room_kib = whole.room_kib
        inbox.offer(handed)

    def _ends_of(self, peer: Peer, id_: int) -> tuple[int, Frame, Peer, int]:
        """A slot, its call, and the other side of it with its id; KeyError
        when it is over."""
        if id_ & BIT63:
            caller, call, callee = self.slots[id_]
            assert callee is peer
            return id_, call, caller, call.correlation
        for slot, (caller, call, callee) in self.slots.items():
            if caller is peer and call.correlation == id_:
                return slot, call, callee, slot
        raise KeyError(id_)

    def _take_next(self, peer: Peer, frame: Frame) -> None:
        try:
            slot, call, other, id_ = self._ends_of(peer, frame.correlation)
        except KeyError:
            return
        assert call.flags & (Flag.STREAM if frame.correlation & BIT63
                             else Flag.MORE)
        assert peer not in self.ended.get(slot, ())
        self.credits[slot][peer] -= len(frame)
        assert self.credits[slot][peer] >= 0
        frame.correlation = id_
        other.send(frame)

    def _take_end(self, peer: Peer, frame: Frame) -> None:
        try:
            slot, call, other, id_ = self._ends_of(peer, frame.correlation)
        except KeyError:
            return
        assert call.flags & Flag.MORE and not frame.correlation & BIT63
        assert peer not in self.ended.setdefault(slot, set())
        self.ended[slot].add(peer)
        other.send(Frame(Kind.END, correlation=id_))

    def _take_window(self, peer: Peer, frame: Frame) -> None:
        for id_, n_bytes in struct.iter_unpack("<QQ", frame.body):
            try:
                slot, _, other, id_ = self._ends_of(peer, id_)
            except KeyError:
                continue
            self.credits[slot][other] += n_bytes
            self.n_windows += 1
            if n_bytes:
                other.send(Frame(Kind.WINDOW, body=struct.pack(
                    "<QQ", id_, n_bytes)))

    def _take_drain(self, peer: Peer, frame: Frame) -> None:
        id_, = struct.unpack("<I", frame.body)
        assert id_ in peer.inboxes
        peer.result(frame)

    def _take_reply(self, peer: Peer, frame: Frame) -> None:
        assert frame.correlation & BIT63
        whole = peer.assembly.add(frame)
        if whole is None or whole.correlation not in self.slots:
            return
        caller, call, callee = self.slots.pop(whole.correlation)
        assert callee is peer
        caller.live_ids.discard(call.correlation)
        whole.correlation, whole.source = call.correlation, peer.handle
        whole.total = 0
        for part in split(whole, FRAGMENT_BYTES):
            caller.send(part)

    def _take_cancel(self, peer: Peer, frame: Frame) -> None:
        for id_, (caller, call, callee) in list(self.slots.items()):
            if caller is peer and call.correlation == frame.correlation:
                del self.slots[id_]
                peer.live_ids.discard(frame.correlation)
                callee.send(Frame(Kind.CANCEL, correlation=id_))
