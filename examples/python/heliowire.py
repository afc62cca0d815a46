# SPDX-License-Identifier: MIT
"""Frames and protobuf bodies as docs/PROTOCOL.md describes them.

Nothing here knows of sockets: bytes in, values out, and the reverse.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Iterator, NamedTuple

FRAME_MIN = 32
FRAME_MAX = 65536
EXTENSION = 24
SUBJECT_MAX = 255
METADATA_MAX = 16384

_FIXED = struct.Struct("<IBBHHBBIQII")
_EXTENDED = struct.Struct("<QQI4s")


class WireError(ValueError):
    """The bytes are not what the protocol allows."""


class Kind(IntEnum):
    MESSAGE = 1
    CALL = 2
    REPLY = 3
    CANCEL = 4
    ABORT = 5
    ACK = 6
    REFUSED = 7
    OBSERVED_CALL = 8
    OBSERVED_REPLY = 9
    NEXT = 10
    END = 11
    WINDOW = 12
    HELLO = 16
    WELCOME = 17
    GOODBYE = 18
    SUBSCRIBE = 19
    UNSUBSCRIBE = 20
    SERVE = 21
    UNSERVE = 22
    RESULT = 23
    SYNC = 24
    CREDIT = 25
    GAP = 26
    PEER = 27
    FORGET = 28
    PING = 29
    PONG = 30
    BIND = 31
    UNBIND = 32
    DRAIN = 33


class Flag(IntFlag):
    FIRST = 1
    LAST = 2
    ACK_ROUTED = 4
    ACK_STORED = 8
    MORE = 4  # of a call: its requests are a stream
    STREAM = 8  # of a call: its replies are; of a copy: it is one of these
    IGNORABLE = 16
    WAIT = 32
    EXTENDED = 64


WHOLE = Flag.FIRST | Flag.LAST


class Status(IntEnum):
    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def _missing_(cls, value: object) -> "Status":
        return cls.UNKNOWN


class Overflow(IntEnum):
    DROP_NEW = 0
    DROP_OLD = 1
    DISCONNECT = 2
    LATEST = 3


@dataclass
class Frame:
    """One frame; the last group of fields travels only with EXTENDED."""

    kind: int
    flags: Flag = Flag(0)
    correlation: int = 0
    subject: str = ""
    metadata: bytes = b""
    body: bytes = b""
    time_left_ms: int = 0
    source: int = 0
    hops: int = 0
    handle: int = 0

    total: int = 0
    slot: int = 0
    callee: int = 0
    room_kib: int = 0
    status: int = Status.OK
    from_bus: bool = False
    handed_over: bool = False

    def __len__(self) -> int:
        extension = EXTENSION if self.flags & Flag.EXTENDED else 0
        return (FRAME_MIN + extension + len(self.subject)
                + len(self.metadata) + len(self.body))

    def encode(self) -> bytes:
        subject = self.subject.encode("ascii")
        if len(subject) > SUBJECT_MAX or len(self.metadata) > METADATA_MAX:
            raise WireError("the subject or the metadata is too long")
        if len(self) > FRAME_MAX:
            raise WireError("the frame is too long")
        fixed = _FIXED.pack(
            len(self), self.kind, self.flags, len(subject),
            len(self.metadata), self.hops, 0, self.source,
            self.correlation, self.time_left_ms, self.handle)
        extension = self._extension() if self.flags & Flag.EXTENDED else b""
        return b"".join((fixed, extension, subject, self.metadata, self.body))

    def _extension(self) -> bytes:
        if self.kind == Kind.CALL:
            last = struct.pack("<I", self.room_kib)
        else:
            last = struct.pack("<HBB", self.status, self.from_bus,
                               self.handed_over)
        return _EXTENDED.pack(self.total, self.slot, self.callee, last)

    @classmethod
    def decode(cls, data: bytes) -> "Frame":
        """The frame that is exactly `data`."""
        if len(data) < FRAME_MIN:
            raise WireError("shorter than a header")
        (length, kind, flags, n_subject, n_metadata, hops, reserved, source,
         correlation, time_left_ms, handle) = _FIXED.unpack_from(data)
        if length != len(data) or reserved or flags & 128 or hops > 3:
            raise WireError("the header is malformed")
        frame = cls(kind, Flag(flags), correlation, source=source, hops=hops,
                    time_left_ms=time_left_ms, handle=handle)
        at = FRAME_MIN
        if frame.flags & Flag.EXTENDED:
            if length < FRAME_MIN + EXTENSION:
                raise WireError("no room for the extension")
            frame._read_extension(data)
            at += EXTENSION
        if at + n_subject + n_metadata > length or n_subject > SUBJECT_MAX:
            raise WireError("the parts do not fit the frame")
        # A client may be liberal: latin-1 maps every byte to something.
        frame.subject = data[at:at + n_subject].decode("latin-1")
        frame.metadata = data[at + n_subject:at + n_subject + n_metadata]
        frame.body = data[at + n_subject + n_metadata:]
        return frame

    def _read_extension(self, data: bytes) -> None:
        self.total, self.slot, self.callee, last = _EXTENDED.unpack_from(
            data, FRAME_MIN)
        if self.kind == Kind.CALL:
            self.room_kib, = struct.unpack("<I", last)
        else:
            status, origin, handed = struct.unpack("<HBB", last)
            self.status = Status(status)
            self.from_bus, self.handed_over = origin == 1, handed == 1


def take_frame(buffer: bytearray) -> Frame | None:
    """Take the first frame out of a stream; None if it is not all there."""
    if len(buffer) < 4:
        return None
    length, = struct.unpack_from("<I", buffer)
    if not FRAME_MIN <= length <= FRAME_MAX:
        raise WireError(f"a frame of {length} bytes")
    if len(buffer) < length:
        return None
    frame = Frame.decode(bytes(buffer[:length]))
    del buffer[:length]
    return frame


class AckEntry(NamedTuple):
    """One run of an ACK; `value` is the sequence number of a stored one."""

    correlation: int
    count: int
    status: int
    stored: bool
    duplicate: bool
    value: int

    @property
    def correlations(self) -> range:
        return range(self.correlation, self.correlation + self.count)

    @property
    def taken(self) -> int:
        return self.value & 0xffffffff

    @property
    def full(self) -> int:
        return self.value >> 32


def decode_acks(body: bytes) -> list[AckEntry]:
    return [AckEntry(corr, count, status, bool(flags & 1), bool(flags & 2),
                     value)
            for corr, count, status, flags, _, value
            in struct.iter_unpack("<QIHBBQ", body)]


# Protobuf. A schema maps a field's number to its name and type, with * behind
# it if repeated; a message is a dict of the fields that are there, repeated
# ones as lists, nested ones as bytes.

Schema = dict[int, tuple[str, str]]

HELLO: Schema = {
    1: ("version_min", "uint"), 2: ("version_max", "uint"),
    3: ("features", "string*"), 4: ("program", "string"),
    5: ("message_max", "uint")}
WELCOME: Schema = {
    1: ("version", "uint"), 2: ("features", "string*"),
    3: ("principal", "string"), 4: ("incarnation", "fixed64"),
    5: ("fragment_bytes", "uint"), 6: ("message_max", "uint"),
    7: ("subscriptions_max", "uint"), 8: ("calls_max", "uint"),
    9: ("open_messages_max", "uint"), 10: ("deadline_max_ms", "uint"),
    11: ("switch_incarnation", "fixed64"), 12: ("principals_max", "uint"),
    13: ("stream_idle_ms", "uint")}
SUBSCRIBE: Schema = {
    1: ("id", "uint"), 2: ("group", "string"), 3: ("overflow", "uint"),
    4: ("credit_messages", "uint"), 5: ("credit_bytes", "uint"),
    6: ("queue_messages", "uint"), 7: ("queue_bytes", "uint"),
    8: ("observe", "uint"), 9: ("capture", "string")}
SERVE: Schema = {
    1: ("id", "uint"), 2: ("methods", "string*"), 3: ("schema_hash", "bytes"),
    4: ("credit_calls", "uint"), 5: ("credit_bytes", "uint")}
SERVED: Schema = {1: ("instance", "string")}
PEER: Schema = {
    1: ("handle", "uint"), 2: ("principal", "string"),
    3: ("durable_id", "string"), 4: ("incarnation", "fixed64")}
BIND: Schema = {1: ("handle", "uint"), 2: ("schema_hash", "bytes")}
FORGET: Schema = {1: ("handle", "uint")}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _decode_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(10):
        if at + n >= len(data):
            break
        value |= (data[at + n] & 0x7f) << 7 * n
        if data[at + n] < 0x80:
            return value & 0xffffffffffffffff, at + n + 1
    raise WireError("a bad varint")


def _encode_field(number: int, type_: str, value: Any) -> bytes:
    if type_ == "uint":
        return _encode_varint(number << 3 | _VARINT) + _encode_varint(value)
    if type_ == "fixed64":
        return (_encode_varint(number << 3 | _FIXED64)
                + value.to_bytes(8, "little"))
    raw = value.encode() if isinstance(value, str) else bytes(value)
    return (_encode_varint(number << 3 | _BYTES) + _encode_varint(len(raw))
            + raw)


def pb_encode(schema: Schema, **values: Any) -> bytes:
    """The message with these fields; one that is None is left out."""
    out = []
    for number, (name, type_) in sorted(schema.items()):
        value = values.pop(name, None)
        if value is None:
            continue
        for item in value if type_.endswith("*") else [value]:
            out.append(_encode_field(number, type_, item))
    if values:
        raise TypeError(f"no such field: {', '.join(values)}")
    return b"".join(out)


def _pb_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _decode_varint(data, at)
        if key & 7 == _VARINT:
            value, at = _decode_varint(data, at)
            yield key >> 3, value
            continue
        if key & 7 == _BYTES:
            length, at = _decode_varint(data, at)
        elif key & 7 in (_FIXED64, _FIXED32):
            length = 8 if key & 7 == _FIXED64 else 4
        else:
            raise WireError("a bad wire type")
        if at + length > len(data):
            raise WireError("a field beyond the end")
        yield key >> 3, data[at:at + length]
        at += length


def _decode_value(type_: str, value: int | bytes) -> Any:
    if isinstance(value, int) != (type_ == "uint"):
        raise WireError("a field has a wrong wire type")
    if type_ == "fixed64":
        return int.from_bytes(value, "little")
    return value.decode("utf-8") if type_ == "string" else value


def pb_decode(schema: Schema, data: bytes) -> dict[str, Any]:
    """The fields of a message; those that the schema lacks are skipped."""
    out: dict[str, Any] = {
        name: [] for name, type_ in schema.values() if type_.endswith("*")}
    for number, value in _pb_fields(data):
        if number not in schema:
            continue
        name, type_ = schema[number]
        decoded = _decode_value(type_.rstrip("*"), value)
        if type_.endswith("*"):
            out[name].append(decoded)
        else:
            out[name] = decoded
    return out
