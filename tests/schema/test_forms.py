# SPDX-License-Identifier: MIT
"""The canonical form of schemas: C, Python and docs/PROTOCOL.md agree."""

import hashlib
import os
import random
import re
import subprocess
import tempfile
import unittest

import helioschema as schema

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ["HELIO_SOURCE"]
PAGE = os.path.join(SOURCE, "docs", "PROTOCOL.md")
EXAMPLE = re.compile(r"^```proto (\S+)\n(.*?)^```\n\n"
                     r"^```canonical (\S+)\n(.*?)^```\n\n`([0-9a-f]{64})`$",
                     re.MULTILINE | re.DOTALL)


def compile_protos(root: str, *names: str, is_bare: bool = True) -> bytes:
    """The set that protoc makes of files below a folder."""
    with tempfile.NamedTemporaryFile() as out:
        options = [] if is_bare else ["--include_source_info"]
        subprocess.run([os.environ["PROTOC"], f"--proto_path={root}",
                        "--include_imports", *options,
                        f"--descriptor_set_out={out.name}", *names],
                       check=True)
        return out.read()


def form_in_c(packed_set: bytes, package: str) -> tuple[bytes, str]:
    """What C makes of a set, and its hash; or nothing, and why."""
    run = subprocess.run([os.environ["CANONICAL_FORM"], package],
                         input=packed_set, capture_output=True, check=False)
    return run.stdout, run.stderr.decode().strip()


def shuffled(message: bytes, kind: dict) -> bytes:
    """The same message with its fields mixed, those of a number in order."""
    fields = list(schema.read_fields(message))
    numbers = [field.number for field in fields]
    random.shuffle(numbers)
    waiting = {number: [field for field in fields if field.number == number]
               for number in numbers}
    parts = []
    for number in numbers:
        field = waiting[number].pop(0)
        value = field.value
        if number in kind:
            value = shuffled(value, kind[number])
        if field.kind == schema.VARINT:
            packed = schema.varint(value)[:-1] + bytes(
                [schema.varint(value)[-1] | 0x80, 0]) if value < 1 << 56 \
                else schema.varint(value)
        elif field.kind == schema.BYTES:
            packed = schema.varint(len(value)) + value
        else:
            packed = value
        parts.append(schema.varint(number << 3 | field.kind) + packed)
    return b"".join(parts)


def entry(number: int, body: bytes) -> bytes:
    """One field that holds bytes."""
    return (schema.varint(number << 3 | 2) + schema.varint(len(body)) + body)


class FormsTest(unittest.TestCase):
    def check(self, packed_set: bytes, package: str) -> bytes:
        """C and Python agree, and the form is its own form."""
        form = schema.canonical(packed_set, package)
        in_c, its_hash = form_in_c(packed_set, package)
        self.assertEqual(in_c, form)
        self.assertEqual(its_hash, schema.schema_hash(
            packed_set, package).hex())
        self.assertEqual(schema.canonical(form, package), form)
        return form

    def refused(self, packed_set: bytes, package: str, why: str) -> None:
        with self.assertRaisesRegex(schema.SchemaError, why):
            schema.canonical(packed_set, package)
        form, said = form_in_c(packed_set, package)
        self.assertEqual(form, b"")
        self.assertRegex(said, why)

    def test_examples_of_the_page(self) -> None:
        with open(PAGE, encoding="utf-8") as page:
            examples = EXAMPLE.findall(page.read())
        self.assertEqual(len(examples), 3)
        for name, text, package, form, its_hash in examples:
            with (self.subTest(name),
                  tempfile.TemporaryDirectory() as folder):
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path))
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                packed_set = compile_protos(folder, name)
                self.assertEqual(self.check(packed_set, package),
                                 bytes.fromhex(form))
                self.assertEqual(hashlib.sha256(
                    bytes.fromhex(form)).hexdigest(), its_hash)

    def test_all_that_protos_can_say(self) -> None:
        root = os.path.join(HERE, "protos")
        names = ["many/v1/all.proto", "many/v1/more.proto"]
        packed_set = compile_protos(root, *names)
        forms = {package: self.check(packed_set, package) for package in
                 ["many.v1", "part.v1", "other.v1", "google.protobuf"]}
        self.assertIn(b"calledSo", forms["many.v1"])
        self.assertNotIn(b"org.example", forms["many.v1"])
        self.assertNotIn(b"sameName", forms["many.v1"])
        self.assertNotIn(b"secondName", forms["many.v1"])
        self.assertNotIn(b"proto2", forms["many.v1"])
        self.assertIn(b"proto3", forms["many.v1"])
        self.assertLess(len(forms["other.v1"]), 100)
        for order in (names, names[::-1]):
            commented = compile_protos(root, *order, is_bare=False)
            self.assertGreater(len(commented), len(packed_set) + 1000)
            self.assertEqual(self.check(commented, "many.v1"),
                             forms["many.v1"])

    def test_our_own(self) -> None:
        root = os.path.join(SOURCE, "proto")
        names = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, _, found in os.walk(root)
                 for name in found if name.endswith(".proto")]
        packed_set = compile_protos(root, *names)
        self.check(packed_set, "helio.switch.v1")
        self.check(packed_set, "helio.bus.v1")

    def test_the_order_of_fields_means_nothing(self) -> None:
        packed_set = compile_protos(os.path.join(HERE, "protos"),
                                    "many/v1/all.proto", "many/v1/more.proto")
        form = schema.canonical(packed_set, "many.v1")
        random.seed(4)
        for _ in range(2):
            files = [entry(1, shuffled(field.value, schema.FILE))
                     for field in schema.read_fields(packed_set)]
            random.shuffle(files)
            self.assertEqual(self.check(b"".join(files), "many.v1"), form)

    def test_what_nobody_knows_is_kept(self) -> None:
        file = entry(2, b"a.v1") + entry(1, b"a.proto") + entry(77, b"new")
        form = self.check(entry(1, file) + entry(9, b"gone"), "a.v1")
        self.assertEqual(form, entry(1, entry(1, b"a.proto") +
                                     entry(2, b"a.v1") + entry(77, b"new")))

    def test_how_code_is_generated_is_left_out(self) -> None:
        a = entry(1, b"a.proto") + entry(2, b"a.v1")
        form = self.check(entry(1, a), "a.v1")
        for options in (b"", entry(1, b"java"), b"\x48\x01" + entry(45, b"x")):
            self.assertEqual(form, self.check(
                entry(1, a + entry(8, options)), "a.v1"))
        self.assertEqual(
            self.check(entry(1, a + entry(
                8, b"\xb8\x01\x01" + entry(11, b"go") + entry(50, b"f") +
                entry(1001, b"mine"))), "a.v1"),
            entry(1, a + entry(8, b"\xb8\x01\x01" + entry(50, b"f") +
                               entry(1001, b"mine"))))

    def test_sets_without_a_form(self) -> None:
        a, v1 = entry(1, b"a.proto"), entry(2, b"a.v1")
        deep = b""
        for _ in range(schema.DEPTH_MAX - 3):
            deep = entry(3, deep)
        self.check(entry(1, a + v1 + entry(4, deep)), "a.v1")
        for packed_set, why in [
            (b"", "no file is of the package a.v1"),
            (entry(1, a), "no file is of the package a.v1"),
            (entry(1, a + v1) * 2, "two files are called a.proto"),
            (entry(1, a + v1 + entry(3, b"b.proto")),
             "b.proto.* is not in the set"),
            (entry(1, v1), "no name"),
            (entry(1, v1 + entry(1, b"a\x1b")), "no name, or a bad one"),
            (entry(1, v1 + entry(1, b"a" * 256)), "no name, or a bad one"),
            (b"\x08\x01", "malformed"),
            (b"\x0a", "malformed"),
            (entry(1, a + v1 + b"\x10\x01"), "malformed"),
            (entry(1, a + v1 + b"\x20\x01"), "a message is none"),
            (entry(1, a + v1 + entry(4, b"\x0b\x0c")), "malformed"),
            (entry(1, a + v1 + entry(4, b"\x02\x00")), "malformed"),
            (entry(1, a + v1 + entry(4, entry(3, deep))), "too deep"),
            (entry(1, a + v1 + entry(77, bytes(schema.BYTES_MAX))),
             "more than 256 KiB"),
        ]:
            with self.subTest(why):
                self.refused(packed_set, "a.v1", why)


if __name__ == "__main__":
    unittest.main()
