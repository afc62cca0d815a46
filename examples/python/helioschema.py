# SPDX-License-Identifier: MIT
"""The canonical form of a package's schema, and its hash.

As docs/PROTOCOL.md says under "Schemas", with the standard library only:

    protoc --include_imports --descriptor_set_out=set.pb thing.proto
    python3 helioschema.py foo.bar.v1 < set.pb
"""

import hashlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
NAME_MAX = 255
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# Which fields of descriptor.proto hold messages, by the field's number. In
# PLAIN ones no field is looked into.
PLAIN: dict[int, dict] = {}
FIELD = {8: PLAIN}
ENUM = {2: {3: PLAIN}, 3: PLAIN, 4: PLAIN}
MESSAGE: dict[int, dict] = {2: FIELD, 4: ENUM, 5: {3: PLAIN}, 6: FIELD,
                            7: PLAIN, 8: {2: PLAIN}, 9: PLAIN}
MESSAGE[3] = MESSAGE
SERVICE = {2: {4: PLAIN}, 3: PLAIN}
FILE_OPTIONS: dict[int, dict] = {}
FILE = {4: MESSAGE, 5: ENUM, 6: SERVICE, 7: FIELD, 8: FILE_OPTIONS}

# Options of a file that only tell generators of code what to do.
FOR_GENERATORS = {1, 8, 9, 10, 11, 16, 17, 18, 20, 27, 31, 36, 37, 39, 40, 41,
                  42, 44, 45}


class SchemaError(ValueError):
    """A set that has no canonical form."""


class Field(NamedTuple):
    """One field as it stands; `value` is an int or bytes."""

    number: int
    kind: int
    value: int | bytes


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The varint at `at`, of at most 64 bits, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        if at == len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise SchemaError("malformed protobuf")


def read_fields(message: bytes) -> Iterator[Field]:
    """The fields of a message one after the other."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        number, kind = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise SchemaError("malformed protobuf")
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield Field(number, kind, value)
            continue
        if kind == BYTES:
            length, at = read_varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise SchemaError("malformed protobuf")
        if length > len(message) - at:
            raise SchemaError("malformed protobuf")
        yield Field(number, kind, message[at:at + length])
        at += length


def varint(value: int) -> bytes:
    """In the fewest bytes."""
    packed = bytearray()
    while value >= 0x80:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def default_json_name(name: bytes) -> bytes:
    """What protoc makes of a field's name."""
    return re.sub(rb"_+([^_]?)", lambda match: match[1].upper(), name)


def is_left_out(field: Field, kind: dict, name: bytes) -> bool:
    """Whether it says only where it came from, or what goes unsaid."""
    if kind is FILE:
        return field.number == 9 or field == (12, BYTES, b"proto2")
    if kind is FILE_OPTIONS:
        return field.number in FOR_GENERATORS
    return (kind is FIELD and field.number == 10 and field.kind == BYTES and
            field.value == default_json_name(name))


def canonical_message(message: bytes, kind: dict, depth: int) -> bytes:
    """The fields in order of their numbers, and so in what they hold."""
    if depth > DEPTH_MAX:
        raise SchemaError("messages nested too deeply")
    fields = sorted(read_fields(message), key=lambda field: field.number)
    names = [field.value for field in fields
             if field.number == 1 and field.kind == BYTES]
    parts = []
    for field in fields:
        if is_left_out(field, kind, names[-1] if names else b""):
            continue
        value = field.value
        if field.number in kind:
            if field.kind != BYTES:
                raise SchemaError("a message is none")
            inner = kind[field.number]
            value = canonical_message(value, inner, depth + 1)
            if inner is FILE_OPTIONS and not value:
                continue
        if field.kind == VARINT:
            packed = varint(value)
        elif field.kind == BYTES:
            packed = varint(len(value)) + value
        else:
            packed = value
        parts.append(varint(field.number << 3 | field.kind) + packed)
    return b"".join(parts)


class File(NamedTuple):
    """A file of a set, packed, and what it says of itself."""

    packed: bytes
    package: bytes
    imports: list[bytes]


def read_files(packed_set: bytes) -> dict[bytes, File]:
    """The files of a set by name."""
    files = {}
    for entry in read_fields(packed_set):
        if entry.number != 1:
            continue
        if entry.kind != BYTES:
            raise SchemaError("malformed protobuf")
        said: dict[int, list] = {1: [], 2: [b""], 3: []}
        for field in read_fields(entry.value):
            if field.number in said:
                if field.kind != BYTES:
                    raise SchemaError("malformed protobuf")
                said[field.number].append(field.value)
        name = said[1][-1] if said[1] else b""
        if not 0 < len(name) <= NAME_MAX or re.search(rb"[\0-\x1f\x7f]", name):
            raise SchemaError("a file has no name, or a bad one")
        if name in files:
            raise SchemaError(f"two files are called {name.decode()}")
        files[name] = File(entry.value, said[2][-1], said[3])
    return files


def reach(files: dict[bytes, File], package: bytes) -> list[bytes]:
    """The names of the package's files and of all that they import."""
    waiting = [name for name, file in files.items() if file.package == package]
    if not waiting:
        raise SchemaError(f"no file is of the package {package.decode()}")
    reached = set(waiting)
    while waiting:
        for name in files[waiting.pop()].imports:
            if name not in files:
                raise SchemaError(f"{name.decode()} is not in the set")
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return sorted(reached)


def canonical(packed_set: bytes, package: str) -> bytes:
    """The canonical form of what `package` reaches in a FileDescriptorSet."""
    files = read_files(packed_set)
    parts = []
    for name in reach(files, package.encode()):
        file = canonical_message(files[name].packed, FILE, 2)
        parts.append(b"\x0a" + varint(len(file)) + file)
    packed = b"".join(parts)
    if len(packed) > BYTES_MAX:
        raise SchemaError("more than 256 KiB")
    return packed


def schema_hash(packed_set: bytes, package: str) -> bytes:
    """SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(packed_set, package)).digest()


def main() -> None:
    """Print the hash of the package that the command line names."""
    packed_set = sys.stdin.buffer.read()
    try:
        print(schema_hash(packed_set, sys.argv[1]).hex())
    except SchemaError as error:
        sys.exit(f"helioschema: {error}")


if __name__ == "__main__":
    main()
