#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our JSON and our wire against those of Python's protobuf package.

Schemas and messages are random, and the same in each run; HELIO_SEED and
HELIO_ROUNDS try others, and more.
"""

import collections
import json
import os
import subprocess
import tempfile
import unittest
import warnings

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from schemas import Schema

SEED = int(os.environ.get("HELIO_SEED", "1"))
N_SCHEMAS = int(os.environ.get("HELIO_ROUNDS", "8"))
N_MESSAGES = 60
N_ALL = N_SCHEMAS * N_MESSAGES
# What Python shows and we do not.
STRICTER = ["no UTF-8", "out of range", "that JSON cannot tell",
            "an Any without", "number is none"]


def ask(schema, lines):
    """Have schema_probe answer all lines: for each, whether, and what."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(schema.set.SerializeToString())
        file.flush()
        done = subprocess.run([os.environ["HELIO_PROBE"], file.name],
                              input="".join(f"{line}\n" for line in lines),
                              stdout=subprocess.PIPE, encoding="utf-8",
                              check=True)
    answers = [a.partition(" ") for a in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(lines)
    return [(word == "ok", result) for word, _, result in answers]


def to_dict(schema, message, **options):
    return json_format.MessageToDict(message, descriptor_pool=schema.pool,
                                     **options)


def from_json(schema, name, text):
    return json_format.Parse(text, schema.prototype(name)(),
                             descriptor_pool=schema.pool)


def pack(message):
    return message.SerializeToString(deterministic=True)


class Reference(unittest.TestCase):
    def each(self, check):
        """`check` yields what to ask once, and is sent the answer."""
        for i in range(N_SCHEMAS):
            schema = Schema(SEED * 1000 + i)
            checks = []
            for _ in range(N_MESSAGES):
                name = schema.random.choice(schema.types)
                checks.append(check(schema, name, schema.message(name)))
            answers = ask(schema, [next(c) for c in checks])
            for k, (one, answer) in enumerate(zip(checks, answers)):
                with self.subTest(seed=SEED, schema=i, message=k):
                    self.assertRaises(StopIteration, one.send, answer)

    def assert_same(self, schema, name, message, wire):
        again = schema.prototype(name)()
        again.ParseFromString(wire)
        # Any holds bytes, whose order of fields may differ: JSON sees through.
        if pack(again) != pack(message):
            self.assertEqual(to_dict(schema, again), to_dict(schema, message))

    def test_wire_to_json(self):
        def check(schema, name, message):
            wire = pack(message)
            is_ok, text = yield f"out {name} {wire.hex()}"
            self.assertTrue(is_ok, text)
            self.assertEqual(json.loads(text), to_dict(schema, message))

        self.each(check)

    def test_json_to_wire(self):
        def check(schema, name, message):
            options = {
                "preserving_proto_field_name": schema.random.random() < .5,
                "use_integers_for_enums": schema.random.random() < .5}
            text = json.dumps(to_dict(schema, message, **options))
            is_ok, wire = yield f"in {name} {text}"
            self.assertTrue(is_ok, wire)
            self.assert_same(schema, name, message, bytes.fromhex(wire))

        self.each(check)

    def test_there_and_back(self):
        def check(schema, name, message):
            is_ok, wire = yield f"both {name} {pack(message).hex()}"
            self.assertTrue(is_ok, wire)
            self.assert_same(schema, name, message, bytes.fromhex(wire))

        self.each(check)

    def test_merged_wire(self):
        """Two messages in a row are one that is merged of them."""
        def check(schema, name, message):
            wire = pack(message) + \
                pack(schema.message(name))
            merged = schema.prototype(name)()
            merged.ParseFromString(wire)
            is_ok, text = yield f"out {name} {wire.hex()}"
            # Of two durations there may be one that is none.
            if "duration: out of range" not in text:
                self.assertTrue(is_ok, text)
                self.assertEqual(json.loads(text), to_dict(schema, merged))

        self.each(check)

    def test_broken_wire(self):
        """What Python refuses we refuse; what it reads we read alike."""
        n = collections.Counter()

        def check(schema, name, message):
            wire = pack(message)
            if schema.random.random() < 0.4:
                name = schema.random.choice(schema.types)
            else:
                wire = mutate(schema.random, wire)
            is_ok, text = yield f"out {name} {wire.hex()}"
            try:
                parsed = schema.prototype(name)()
                parsed.ParseFromString(wire)
            except (DecodeError, RuntimeWarning):
                self.assertFalse(is_ok, (name, wire.hex(), text))
                n["refused"] += 1
                return
            try:
                expected = to_dict(schema, parsed)
            except Exception:  # of many kinds, a SystemError even
                # A string that is no UTF-8, or a time that is none.
                n["not shown"] += 1
                return
            if not is_ok and any(why in text for why in STRICTER):
                n["stricter"] += 1
                return
            self.assertTrue(is_ok, (name, wire.hex(), text))
            self.assertEqual(json.loads(text), expected, wire.hex())
            n["read"] += 1

        self.each(check)
        self.assertGreater(min(n["read"], n["refused"]), N_ALL / 10, n)
        self.assertLess(n["stricter"], n["read"] / 10, n)

    def test_broken_json(self):
        """What we take Python takes, and makes the same of it."""
        n = collections.Counter()

        def check(schema, name, message):
            text = mutate_json(schema.random, to_dict(schema, message))
            is_ok, wire = yield f"in {name} {text}"
            n["taken" if is_ok else "refused"] += 1
            if not is_ok:
                return
            try:
                expected = from_json(schema, name, text)
            except AttributeError:
                # Python's own, on a null for a repeated Value.
                return
            self.assert_same(schema, name, expected, bytes.fromhex(wire))

        self.each(check)
        self.assertGreater(min(n["taken"], n["refused"]), N_ALL / 10, n)


def mutate(rand, wire):
    wire = bytearray(wire)
    for _ in range(rand.choice([1, 1, 2])):
        at = rand.randrange(len(wire) + 1)
        what = rand.random()
        if what < 0.3 and at < len(wire):
            wire[at] = rand.randrange(256)
        elif what < 0.5:
            del wire[at:at + rand.randint(1, 4)]
        elif what < 0.7:
            wire[at:at] = rand.randbytes(rand.randint(1, 4))
        else:
            wire[at:at] = wire[rand.randrange(len(wire) + 1):][:20]
    return bytes(wire)


WORDS = [None, 0, 1, -1, 1.5, 100.0, "", "1", {}, [], True, "NaN", "AQ", "-_8",
         4294967296, "x", "E0_1", 18446744073709551615, 1e-300, "1.5s",
         "2026-01-31T09:30:00.5+01:30", [None], {"a": 1}, [1, [2]], "true"]


def places(value, found):
    """Every (container, key) in it."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            places(value[key], found)
    return found


def mutate_json(rand, value):
    for _ in range(rand.choice([1, 1, 1, 2])):
        found = places(value, [])
        if found:
            container, key = rand.choice(found)
            container[key] = rand.choice(WORDS + [None, 1, "1"] * 8)
            if isinstance(container, dict) and rand.random() < 0.2:
                container[rand.choice(["1", "true", "x", "@type"])] = \
                    rand.choice(WORDS)
    text = json.dumps(value)
    if rand.random() < 0.2:
        at = rand.randrange(len(text) + 1)
        text = text[:at] + rand.choice(list('{}[],:"\\0-e. ')) + text[at + 1:]
    return text


if __name__ == "__main__":
    # A stray end of a group is only warned of.
    warnings.simplefilter("error", RuntimeWarning)
    unittest.main(warnings=False)
