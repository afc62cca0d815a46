#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is printed as source, protoc reads as what it was printed from."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from google.protobuf import descriptor_pb2

from schemas import Schema

PLACE = pathlib.Path(__file__).parent
N_SCHEMAS = 6


def compile_set(folders, names, out):
    subprocess.run([os.environ["PROTOC"], "--include_imports", "-o", out,
                    *(f"-I{f}" for f in folders), *names], check=True)
    result = descriptor_pb2.FileDescriptorSet()
    result.ParseFromString(pathlib.Path(out).read_bytes())
    return result


def sources(set_path, names):
    done = subprocess.run([os.environ["HELIO_PROBE"], set_path], check=True,
                          input="".join(f"source {n}\n" for n in names),
                          stdout=subprocess.PIPE, encoding="ascii")
    lines = done.stdout.splitlines()
    assert len(lines) == len(names) and all(
        line.startswith("ok ") for line in lines), lines
    return [bytes.fromhex(line[3:]).decode() for line in lines]


def plain(proto):
    """Without what source does not show, and in one order."""
    proto.ClearField("options")
    proto.syntax = proto.syntax or "proto2"
    for message in proto.message_type:
        plain_message(message)
    return proto


def plain_message(message):
    for nested in message.nested_type:
        plain_message(nested)
    for field in message.field:
        # protoc puts it there itself.
        field.ClearField("json_name")
        if field.proto3_optional:
            # So is the name of this one's oneof.
            message.oneof_decl[field.oneof_index].name = "-"
    message.nested_type.sort(key=lambda m: m.name)


class Source(unittest.TestCase):
    maxDiff = None

    def check(self, before, keep_json_names):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "set")
            path.write_bytes(before.SerializeToString())
            names = [f.name for f in before.file]
            for name, source in zip(names, sources(path, names)):
                file = pathlib.Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(source, encoding="utf-8")
            after = compile_set([folder], names, f"{folder}/again")
        after = {f.name: f for f in after.file}
        for proto in before.file:
            again = after[proto.name]
            if proto.name.startswith("google/"):
                continue
            if keep_json_names:
                self.assertEqual(json_names(proto), json_names(again))
            self.assertEqual(str(plain(proto)), str(plain(again)))

    def test_sample(self):
        root = PLACE.parent.parent
        with tempfile.NamedTemporaryFile() as out:
            before = compile_set([root], ["tests/schema/legacy.proto"],
                                 out.name)
        self.check(before, True)

    def test_random(self):
        for seed in range(N_SCHEMAS):
            with self.subTest(seed=seed):
                self.check(Schema(seed).set, False)


def json_names(proto):
    return {(m.name, f.name): f.json_name
            for m in proto.message_type for f in m.field}


if __name__ == "__main__":
    unittest.main()
