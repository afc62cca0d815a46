# SPDX-License-Identifier: MIT
"""Random schemas, and random messages of them, for Python's protobuf."""

import random
import struct

from google.protobuf import (any_pb2, descriptor_pb2, descriptor_pool,
                             duration_pb2, empty_pb2, field_mask_pb2,
                             message_factory, struct_pb2, timestamp_pb2,
                             wrappers_pb2)

F = descriptor_pb2.FieldDescriptorProto
KNOWN = [any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2,
         timestamp_pb2, wrappers_pb2]
SCALARS = [F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_INT64, F.TYPE_UINT64,
           F.TYPE_INT32, F.TYPE_FIXED64, F.TYPE_FIXED32, F.TYPE_BOOL,
           F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_UINT32, F.TYPE_SFIXED32,
           F.TYPE_SFIXED64, F.TYPE_SINT32, F.TYPE_SINT64]
KEYS = [t for t in SCALARS
        if t not in (F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_BYTES)]
KNOWN_TYPES = ["Any", "Duration", "Empty", "FieldMask", "Struct", "Value",
               "ListValue", "Timestamp", "DoubleValue", "FloatValue",
               "Int64Value", "UInt64Value", "Int32Value", "UInt32Value",
               "BoolValue", "StringValue", "BytesValue"]
NAMES = ["a", "foo_bar", "foo__bar", "_x", "size_2", "Camel", "x_Y", "id",
         "very_long_name_of_a_field", "value", "kind_", "a1_b2"]


class Schema:
    """One proto2 and one proto3 file, and what they import."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pool = descriptor_pool.DescriptorPool()
        self.set = descriptor_pb2.FileDescriptorSet()
        for module in KNOWN:
            proto = self.set.file.add()
            proto.ParseFromString(module.DESCRIPTOR.serialized_pb)
        for syntax in ("proto3", "proto2"):
            self._file(syntax)
        for proto in self.set.file:
            self.pool.Add(proto)
        self.factory = message_factory.MessageFactory(self.pool)

    def prototype(self, name):
        return self.factory.GetPrototype(
            self.pool.FindMessageTypeByName(name))

    types = ()

    def _file(self, syntax):
        proto = self.set.file.add(name=f"test/{syntax}.proto",
                                  package=f"test.{syntax}.v1", syntax=syntax)
        proto.dependency.extend(m.DESCRIPTOR.name for m in KNOWN)
        if syntax == "proto2":
            proto.dependency.append("test/proto3.proto")
        self.syntax = syntax
        n_messages = self.random.randint(2, 4)
        for i in range(2):
            self._enum(proto.enum_type.add(name=f"Enum{i}"), syntax, f"E{i}")
        package = f".{proto.package}."
        self.messages = [f"{package}Message{i}" for i in range(n_messages)]
        if syntax == "proto2":
            self.messages += [f".{n}" for n in self.types]
        self.enums = [f"{package}Enum{i}" for i in range(2)]
        for i in range(n_messages):
            self._message(proto.message_type.add(name=f"Message{i}"),
                          f"{package}Message{i}", syntax)
        self.types = list(self.types) + [
            f"{proto.package}.Message{i}" for i in range(n_messages)]

    def _enum(self, enum, syntax, prefix):
        numbers = [7] if (syntax, prefix) == ("proto2", "E0") else [0]
        numbers += self.random.sample([-5, 1, 2, 3, 100, 2**31 - 1, -2**31], 3)
        enum.options.allow_alias = True
        for i, number in enumerate(numbers + numbers[1:2]):
            enum.value.add(name=f"{prefix}_{i}", number=number)

    def _message(self, message, full_name, syntax):
        for i in range(self.random.randint(0, 2)):
            message.oneof_decl.add(name=f"oneof_{i}")
        n_oneofs = len(message.oneof_decl)
        n_optional = 0
        numbers = self.random.sample(range(1, 40), 14)
        if self.random.random() < 0.3:
            numbers[0] = 2**29 - 1
        for number in numbers:
            name = f"{self.random.choice(NAMES)}_{number}"
            field = message.field.add(name=name, number=number,
                                      label=F.LABEL_OPTIONAL)
            shape = self.random.random()
            if shape < 0.15:
                self._map(message, full_name, field)
            else:
                self._type(message, full_name, field, syntax)
                if shape < 0.45:
                    field.label = F.LABEL_REPEATED
                    if self._can_pack(field) and self.random.random() < 0.5:
                        field.options.packed = self.random.random() < 0.5
                elif shape < 0.6 and n_oneofs:
                    field.oneof_index = self.random.randrange(n_oneofs)
                elif syntax == "proto3" and shape < 0.75:
                    field.proto3_optional = True
                    n_optional += 1
            if self.random.random() < 0.1:
                field.json_name = f"json-{number} ä"
        self._oneofs(message, n_oneofs)

    @staticmethod
    def _can_pack(field):
        return field.type not in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE,
                                  F.TYPE_GROUP)

    @staticmethod
    def _oneofs(message, n_oneofs):
        """None may be empty, and its fields are declared in a row; those of
        optional fields come last."""
        used = {f.oneof_index for f in message.field
                if f.HasField("oneof_index")}
        for i in range(n_oneofs):
            if i not in used:
                message.field.add(name=f"only_{i}", number=1000 + i,
                                  label=F.LABEL_OPTIONAL, type=F.TYPE_INT32,
                                  oneof_index=i)
        fields = sorted(message.field, key=lambda f: (
            f.oneof_index if f.HasField("oneof_index") else -1))
        del message.field[:]
        message.field.extend(fields)
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")

    def _type(self, message, full_name, field, syntax):
        kind = self.random.random()
        # Of an entry with an unknown number of a closed enum Python keeps the
        # key, with 0; by the documentation the entry is an unknown field.
        if kind < 0.5 or (kind < 0.6 and message.options.map_entry and
                          self.syntax == "proto2"):
            field.type = self.random.choice(SCALARS)
        elif kind < 0.6:
            field.type = F.TYPE_ENUM
            # A map's values are of one that begins with 0.
            field.type_name = (self.enums[1] if message.options.map_entry
                               else self.random.choice(self.enums))
        elif kind < 0.65 and syntax == "proto2":
            group = message.nested_type.add(name=f"Group{field.number}")
            group.field.add(name="in_group", number=1, type=F.TYPE_INT32,
                            label=F.LABEL_OPTIONAL)
            field.name = group.name.lower()
            field.type = F.TYPE_GROUP
            field.type_name = f"{full_name}.{group.name}"
        elif kind < 0.8:
            field.type = F.TYPE_MESSAGE
            field.type_name = self.random.choice(self.messages)
        else:
            field.type = F.TYPE_MESSAGE
            field.type_name = ".google.protobuf." + self.random.choice(
                KNOWN_TYPES)

    def _map(self, message, full_name, field):
        camel = "".join(part.capitalize() for part in field.name.split("_"))
        entry = message.nested_type.add(name=f"{camel}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=F.LABEL_OPTIONAL,
                        type=self.random.choice(KEYS))
        value = entry.field.add(name="value", number=2,
                                label=F.LABEL_OPTIONAL)
        self._type(entry, full_name, value, "proto3")
        field.label = F.LABEL_REPEATED
        field.type = F.TYPE_MESSAGE
        field.type_name = f"{full_name}.{entry.name}"

    # ---- messages ----

    def message(self, name, depth=3):
        message = self.prototype(name)()
        self._fill(message, depth)
        return message

    def _fill(self, message, depth):
        if self._fill_known(message, depth):
            return
        for field in message.DESCRIPTOR.fields:
            if self.random.random() < 0.5:
                self._set(message, field, depth)

    def _set(self, message, field, depth):
        is_message = field.message_type is not None
        if field.label == field.LABEL_REPEATED:
            n = self.random.choice([0, 1, 1, 2, 5])
            target = getattr(message, field.name)
            if is_message and field.message_type.GetOptions().map_entry:
                self._set_map(target, field.message_type, n, depth)
            elif is_message:
                for _ in range(n if depth > 0 else 0):
                    self._fill(target.add(), depth - 1)
            else:
                target.extend(self.scalar(field) for _ in range(n))
        elif is_message:
            if depth > 0:
                getattr(message, field.name).SetInParent()
                self._fill(getattr(message, field.name), depth - 1)
        else:
            setattr(message, field.name, self.scalar(field))

    def _set_map(self, target, entry, n, depth):
        key, value = entry.fields
        for _ in range(n):
            if value.message_type is None:
                target[self.scalar(key)] = self.scalar(value)
            elif depth > 0:
                self._fill(target[self.scalar(key)], depth - 1)

    def scalar(self, field):
        kind = field.type
        if kind == F.TYPE_ENUM:
            if field.file.syntax == "proto3" and self.random.random() < 0.1:
                return self.random.choice([12345, -77])
            return self.random.choice(field.enum_type.values).number
        if kind == F.TYPE_BOOL:
            return self.random.random() < 0.5
        if kind == F.TYPE_STRING:
            return self.text()
        if kind == F.TYPE_BYTES:
            return self.random.randbytes(self.random.choice([0, 1, 2, 3, 40]))
        if kind in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            return self.real(kind == F.TYPE_FLOAT)
        bits = 32 if "32" in F.Type.Name(kind) else 64
        is_signed = "UINT" not in F.Type.Name(kind) and kind not in (
            F.TYPE_FIXED32, F.TYPE_FIXED64)
        low = -2**(bits - 1) if is_signed else 0
        high = low + 2**bits - 1
        return self.random.choice(
            [0, 1, low, high, self.random.randint(low, high)])

    def text(self):
        n = self.random.choice([0, 1, 3, 20])
        return "".join(chr(self.random.choice(
            [65, 122, 95, 34, 92, 47, 10, 9, 0, 31, 127, 155, 228, 0x20ac,
             0x202e, 0x2028, 0xffff, 0x1f600, 0x10ffff]))
                       for _ in range(n))

    def real(self, is_single):
        real = self.random.choice(
            [0.0, -0.0, 1.0, 0.1, 1e20, 1e-7, -2.5, 1 / 3, 123456789.123,
             float("nan"), float("inf"), -float("inf"), 5e-324, 1.5e308,
             self.random.gauss(0, 1e6), self.random.random()])
        if not is_single:
            return real
        if abs(real) > 1e38 and real - real == 0:
            real = 3.4e38  # Python does not read the largest it writes
        return struct.unpack("<f", struct.pack("<f", real))[0]

    def _fill_known(self, message, depth):
        name = message.DESCRIPTOR.full_name
        if not name.startswith("google.protobuf."):
            return False
        fill = {"Any": self._any, "Duration": self._duration,
                "FieldMask": self._mask, "Timestamp": self._timestamp,
                "Value": self._value}.get(name.split(".")[-1])
        if fill:
            fill(message, depth)
        elif name.endswith((".Struct", ".ListValue")):
            field = message.DESCRIPTOR.fields[0]
            self._set(message, field, depth)
        else:
            for field in message.DESCRIPTOR.fields:
                self._set(message, field, depth)
        return True

    def _any(self, message, depth):
        if depth <= 0 or self.random.random() < 0.1:
            return
        name = self.random.choice(
            list(self.types) + ["google.protobuf." + n for n in KNOWN_TYPES])
        message.type_url = f"type.example/{name}"
        message.value = self.message(name, depth - 1).SerializeToString(
                deterministic=True)

    def _duration(self, message, depth):
        sign = self.random.choice([1, -1])
        message.seconds = sign * self.random.choice([0, 1, 315576000000, 3601])
        message.nanos = sign * self.random.choice([0, 1, 999999999, 500000000,
                                                   1000])

    def _timestamp(self, message, depth):
        message.seconds = self.random.choice(
            [0, -1, -62135596800, 253402300799, 951782400, 1709164800,
             self.random.randint(-62135596800, 253402300799)])
        message.nanos = self.random.choice([0, 1, 999999999, 5000, 20000000])

    def _mask(self, message, depth):
        message.paths.extend(self.random.sample(
            ["a", "foo_bar", "a.b_c.d", "x1"], self.random.randint(0, 3)))

    def _value(self, message, depth):
        kind = self.random.choice(
            ["number", "string", "bool", "null", "struct", "list"])
        if kind == "number":
            message.number_value = self.random.choice([0.0, -1.5, 1e300, 7.0])
        elif kind == "string":
            message.string_value = self.text()
        elif kind == "bool":
            message.bool_value = self.random.random() < 0.5
        elif kind == "struct" and depth > 0:
            message.struct_value.SetInParent()
            self._fill(message.struct_value, depth - 1)
        elif kind == "list" and depth > 0:
            message.list_value.SetInParent()
            self._fill(message.list_value, depth - 1)
        else:
            message.null_value = 0
