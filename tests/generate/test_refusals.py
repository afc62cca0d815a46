# SPDX-License-Identifier: MIT
"""What protoc-gen-helio refuses, it names."""

import os
import subprocess
import tempfile
import unittest


def generate(text: str) -> str:
    """What protoc says to a file a.proto of this text; "" when it is fine."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.proto"), "w",
                  encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run(
            [os.environ["PROTOC"], f"--proto_path={folder}",
             f"--plugin=protoc-gen-helio={os.environ['PROTOC_GEN_HELIO']}",
             f"--helio_out={folder}", "a.proto"],
            capture_output=True, text=True, check=False)
        made = sorted(os.listdir(folder))
        if run.returncode == 0:
            assert made == ["a.helio.c", "a.helio.h", "a.proto"], made
        else:
            assert made == ["a.proto"], made
        return run.stderr


class RefusalsTest(unittest.TestCase):
    def test_optional_in_proto3(self) -> None:
        said = generate('syntax = "proto3"; package a.v1; message A { '
                        "message B { optional int32 c = 1; } }")
        self.assertIn('a.proto: B.c: protoc-c makes no code for "optional" in '
                      "proto3", said)
        self.assertEqual(generate(
            'syntax = "proto2"; package a.v1; message A { '
            "optional int32 c = 1; }"), "")

    def test_no_package(self) -> None:
        said = generate('syntax = "proto2"; message A {}')
        self.assertIn("a.proto: a file needs a package", said)

    def test_methods_whose_names_are_taken(self) -> None:
        for name in "Type", "type", "Init", "Descriptor":
            said = generate(
                'syntax = "proto2"; package a.v1; message M {} '
                f"service S {{ rpc {name}(M) returns (M); }}")
            self.assertIn(f"a.proto: S.{name}: no method can have this name",
                          said)

    def test_another_package_for_c(self) -> None:
        said = generate(
            'syntax = "proto2"; package a.v1; '
            'import "protobuf-c/protobuf-c.proto"; '
            'option (pb_c_file).c_package = "b"; message A {}')
        self.assertIn("a.proto: the option c_package", said)

    def test_a_schema_that_is_too_large(self) -> None:
        fields = "".join(f"optional int32 {'x' * 200}{i} = {i};"
                         for i in range(1, 1300))
        said = generate(
            f'syntax = "proto2"; package a.v1; message M {{ {fields} }}')
        self.assertIn("a.proto: the schema of a.v1: more than 256 KiB", said)

    def test_what_is_no_request(self) -> None:
        for message, status in (b"\x0a", 1), (b"", 0):
            run = subprocess.run([os.environ["PROTOC_GEN_HELIO"]],
                                 input=message, capture_output=True,
                                 check=False)
            self.assertEqual(run.returncode, status)


if __name__ == "__main__":
    unittest.main()
