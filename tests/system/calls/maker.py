# SPDX-License-Identifier: MIT
"""Random requests to each method of a service, by its descriptor."""

import collections
import dataclasses
import pathlib
import random
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import Message

PROTOS = pathlib.Path(__file__).parents[3] / "proto"
SEEN_MAX = 12  # values of one name
LENGTH_MAX = 1000  # so that every request is one frame
TELLING = {F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE}

# What is there now and then, what seldom is, and what no name may be.
NAMES = [*"abc" * 8, "none", "d", "", "x" * 300, "a b", "\u00e9", "$a", "a/b",
         ".", "a."]
SUBJECTS = ["test.calls.a", "test.calls.b", "test.calls.*", "test.calls.>",
            "test.>", ">", "", "a..b", "$sys.>", "test.calls.a.b.c", "*"]
TEXTS: dict[str, list[str]] = {
    "patterns": SUBJECTS, "subjects": SUBJECTS, "subject": SUBJECTS,
    "dead_letters": SUBJECTS, "services": ["helio.lab.v1.Desk", "*", "", ">"],
    "principals": ["vm:boss", "vm:evil", "vm:*", "**", "", "host"],
    "sql": ["SELECT * FROM records", "SELECT count(*) FROM records", "SELECT",
            "SELECT 1", "", "DELETE FROM records", "SELECT body FROM records "
            "WHERE sequence > 3 ORDER BY time", "WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
            "SELECT * FROM nothing", "SELECT 1; SELECT 2"],
    "package": ["helio.log.v1", "helio.vm.v1", "none.v1", "", "a..b"],
    "service": ["helio.log.v1.Logs", "helio.vm.v1.VirtualMachines", "none",
                "", "helio.log.v1.None", "helio.none.v1.Logs"],
    "verb": ["publish", "log-read", "kv-write", "admin", "", "fly"],
    "principal": ["vm:boss", "vm:evil", "vm:none", "", "host", "**"],
}
# By which name replies tell what requests call otherwise.
ALIASES = {"from": "hash", "to": "hash", "client": "hash", "server": "hash",
           "cursor": "next", "ack": "token", "ack_to": "token",
           "in_progress": "token", "after": "revision", "at": "revision",
           "if_revision": "revision", "sequence": "last",
           "until_sequence": "last"}
NUMBERS = [0, 1, 2, 3, 10, 100, 1000, 1 << 20, (1 << 31) - 1]


@dataclasses.dataclass
class Method:
    subject: str
    input: type[Message]
    output: type[Message]
    has_requests: bool  # a stream of them
    has_replies: bool


def described(files: list[str]) -> descriptor_pb2.FileDescriptorSet:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", "-I", PROTOS, "--include_imports", "-o",
                        out.name, *files], check=True)
        found = descriptor_pb2.FileDescriptorSet()
        found.ParseFromString(out.read())
    return found


def methods(file: str, service: str, has_instances: bool) -> list[Method]:
    """All of the service, and those that servers have besides."""
    found = described([file, "helio/service/v1/instance.proto"])
    pool = descriptor_pool.DescriptorPool()
    for proto in found.file:
        pool.Add(proto)
    factory = message_factory.MessageFactory(pool)

    def type_of(name: str) -> type[Message]:
        return factory.GetPrototype(pool.FindMessageTypeByName(name[1:]))

    return [Method(service + "." + (method.name if is_own else
                                    "$" + method.name.lower()),
                   type_of(method.input_type), type_of(method.output_type),
                   method.client_streaming, method.server_streaming)
            for proto in found.file for offered in proto.service
            for is_own in [f"{proto.package}.{offered.name}" == service]
            if is_own or (has_instances and offered.name == "Instance")
            for method in offered.method]


class Maker:
    """Requests; of what came in replies something is in later ones."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._seen: dict[str, collections.deque] = {}
        self._sets = [described([name]).SerializeToString() for name in
                      ("helio/log/v1/log.proto", "helio/vm/v1/vm.proto")]

    def make(self, type_: type[Message]) -> bytes:
        message = type_()
        # Most are filled well, some hardly.
        self._fill(message, self._dice.choice([0.4, 0.8, 0.97, 0.97]))
        packed = message.SerializeToString()
        if self._dice.random() < 0.02:
            packed = self._spoilt(packed)
        return packed

    def learn(self, message: Message) -> None:
        for field, value in message.ListFields():
            values = value if field.label == F.LABEL_REPEATED else [value]
            for item in values[:4]:
                if field.type == F.TYPE_MESSAGE:
                    self.learn(item)
                # A drained server would be nobody's fault.
                elif field.name != "instance":
                    self._remember(field.name, item)

    def _remember(self, name: str, value: object) -> None:
        if isinstance(value, (str, bytes)) and len(value) > LENGTH_MAX:
            return
        self._seen.setdefault(
            name, collections.deque(maxlen=SEEN_MAX)).append(value)

    def _fill(self, message: Message, part: float) -> None:
        for field in message.DESCRIPTOR.fields:
            # A number says more often than a name that there is none.
            share = part if field.type in TELLING else part * 0.6
            if self._dice.random() > share:
                continue
            if field.label == F.LABEL_REPEATED:
                self._extend(getattr(message, field.name), field, part)
            elif field.type == F.TYPE_MESSAGE:
                getattr(message, field.name).SetInParent()
                self._fill(getattr(message, field.name), part)
            else:
                setattr(message, field.name, self._value(field))

    def _extend(self, items, field: F, part: float) -> None:
        for _ in range(self._dice.randrange(4)):
            if field.type == F.TYPE_MESSAGE:
                self._fill(items.add(), part)
            else:
                items.append(self._value(field))

    def _value(self, field: F):
        dice = self._dice
        if field.type == F.TYPE_BOOL:
            return dice.random() < 0.5
        if field.type == F.TYPE_ENUM:
            return dice.choice(field.enum_type.values).number
        if field.type == F.TYPE_STRING:
            return self._text(field.name)
        if field.type == F.TYPE_BYTES:
            return self._bytes(field.name)
        return self._number(field)

    def _known(self, name: str) -> object | None:
        """What had this name; the newest of each may belong together."""
        seen = self._seen.get(ALIASES.get(name, name))
        if not seen:
            return None
        return seen[-1] if self._dice.random() < 0.5 else \
            self._dice.choice(seen)

    def _text(self, name: str) -> str:
        known = self._known(name)
        if isinstance(known, str) and self._dice.random() < 0.2:
            return known
        return self._dice.choice(TEXTS.get(name, NAMES))

    def _bytes(self, name: str) -> bytes:
        dice, known = self._dice, self._known(name)
        if isinstance(known, bytes) and dice.random() < 0.6:
            return known if dice.random() < 0.8 else self._spoilt(known)
        if name == "set":
            set_ = dice.choice(self._sets)
            return set_ if dice.random() < 0.7 else self._spoilt(set_)
        return dice.randbytes(dice.choice([0, 1, 10, 32, 32, 1000]))

    def _spoilt(self, data: bytes) -> bytes:
        raw = bytearray(data[:self._dice.randrange(len(data) + 1)] or b"\0")
        raw[self._dice.randrange(len(raw))] = self._dice.randrange(256)
        return bytes(raw)

    def _number(self, field: F) -> int:
        dice, known = self._dice, self._known(field.name)
        signed = field.type == F.TYPE_SINT32
        bits = 32 if field.cpp_type in (F.CPPTYPE_UINT32, F.CPPTYPE_INT32) \
            else 64
        most = (1 << bits - signed) - 1
        if isinstance(known, int) and dice.random() < 0.6:
            return min(known, most)
        number = dice.choice([*NUMBERS, most, most - 1, most // 1000 + 1,
                              dice.getrandbits(dice.randrange(1, 64))])
        return -min(number, most) if signed and dice.random() < 0.3 else \
            min(number, most)
