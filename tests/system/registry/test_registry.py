# SPDX-License-Identifier: MIT
"""helio-registry beside the real switch: who may register what, what is
refused, and what is told to whom."""

import os
import signal
import tempfile
import unittest

import heliograph
import helioschema
from heliograph import Refused, Status
from real_switch import Switch

import registry
from registry import ask, listed, put, rules, thing

FIRST = thing("optional int32 a = 1;")
SECOND = thing("optional int32 a = 1; optional string b = 2;")
BROKEN = thing("optional string a = 1;")


class RegistryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.switch = self.enterContext(
            Switch(policy=registry.POLICY, domains=registry.DOMAINS))
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.registry = self.enterContext(registry.Registry(
            self.switch, os.path.join(self.folder, "schemas")))
        self.maker = self.bus("maker")
        self.boss = self.bus("boss")

    def bus(self, domain: str) -> heliograph.Client:
        return self.enterContext(self.switch.connect(domain))

    def refused(self, status: Status, pattern: str):
        return self.assertRaisesRegex(
            Refused, f"^{status.name}: .*{pattern}")

    def file(self, hash_: bytes) -> str:
        return os.path.join(self.registry.folder, hash_.hex())

    def restart(self, number: int = signal.SIGTERM) -> None:
        self.registry.stop(number)
        self.registry.start()


class WhatIsKept(RegistryTest):
    def test_what_was_put_is_told(self) -> None:
        hash_ = put(self.maker, FIRST)
        self.assertEqual(hash_, helioschema.schema_hash(FIRST, "foo.v1"))
        got = ask(self.maker, "Get", hash=hash_)
        self.assertEqual(got["set"], helioschema.canonical(FIRST, "foo.v1"))
        schema = listed(self.maker)[0]
        self.assertEqual(schema["hash"], hash_)
        self.assertEqual(schema["package"], "foo.v1")
        self.assertEqual(schema["principal"], "vm:maker")
        self.assertEqual(schema["services"], ["foo.v1.Thing"])
        self.assertEqual(schema["bytes"], len(got["set"]))

    def test_again_is_fine(self) -> None:
        put(self.maker, FIRST)
        again = ask(self.maker, "Put", package="foo.v1", set=FIRST)
        self.assertEqual(again["was_known"], 1)
        self.assertEqual(len(listed(self.maker)), 1)

    def test_it_survives_being_killed(self) -> None:
        first, second = put(self.maker, FIRST), put(self.maker, SECOND)
        ask(self.boss, "Pin", hash=first)
        before = listed(self.boss)
        self.restart(signal.SIGKILL)
        self.assertEqual(listed(self.boss), before)
        self.assertEqual([s["pinned"] for s in before], [1, 0])
        self.assertEqual(ask(self.maker, "Get", hash=second)["set"],
                         helioschema.canonical(SECOND, "foo.v1"))

    def test_damage_is_named_never_told_and_mended(self) -> None:
        hash_ = put(self.maker, FIRST)
        with open(self.file(hash_), "r+b") as file:
            file.seek(-40, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-40, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        with self.refused(Status.DATA_LOSS, hash_.hex()):
            ask(self.maker, "Get", hash=hash_)
        self.restart()
        self.assertIn(hash_.hex() + " is damaged", self.registry.log())
        with self.refused(Status.NOT_FOUND, "does not know"):
            ask(self.boss, "Admit", service="foo.v1.Thing", hash=hash_)
        self.assertEqual(put(self.maker, FIRST), hash_)
        self.assertEqual(ask(self.maker, "Get", hash=hash_)["set"],
                         helioschema.canonical(FIRST, "foo.v1"))

    def test_one_folder_has_one_registry(self) -> None:
        other = registry.Registry(self.switch, self.registry.folder)
        with self.assertRaisesRegex(RuntimeError, "another registry has it"):
            other.start()
        self.assertEqual(other.stop(), 5)

    def test_forgotten_is_gone_unless_it_is_pinned(self) -> None:
        hash_ = put(self.maker, FIRST)
        with self.refused(Status.PERMISSION_DENIED, "vm:maker.*admin"):
            ask(self.maker, "Forget", hash=hash_)
        ask(self.boss, "Pin", hash=hash_)
        with self.refused(Status.FAILED_PRECONDITION, "it is pinned"):
            ask(self.boss, "Forget", hash=hash_)
        ask(self.boss, "Pin", hash=hash_, unpin=1)
        ask(self.boss, "Forget", hash=hash_)
        self.assertEqual(listed(self.boss), [])
        self.restart(signal.SIGKILL)
        self.assertEqual(listed(self.boss), [])


class WhatIsRefused(RegistryTest):
    def test_what_breaks_is_named(self) -> None:
        put(self.maker, FIRST)
        with self.refused(
                Status.FAILED_PRECONDITION,
                "breaks schema [0-9a-f]{12}: FIELD_WIRE_COMPATIBLE_TYPE in "
                r"foo\.v1\.proto: foo\.v1\.A\.a changed type from int32 to "
                "string"):
            put(self.maker, BROKEN)
        self.assertEqual(len(listed(self.maker)), 1)

    def test_one_that_comes_late_is_older(self) -> None:
        second, first = put(self.maker, SECOND), put(self.maker, FIRST)
        schemas = {s["hash"]: s for s in listed(self.maker)}
        self.assertEqual(schemas[first]["older"], 1)
        self.assertEqual(schemas[second]["older"], 0)
        # The newest in the line is what others are judged by.
        with self.refused(Status.FAILED_PRECONDITION,
                          "breaks schema " + second.hex()[:12]):
            put(self.maker, thing("optional int32 a = 1;"
                                  "optional int32 b = 2;"))
        got = ask(self.maker, "Get", package="foo.v1")
        self.assertIn(second, got["schema"])

    def test_a_pin_is_what_others_are_judged_by(self) -> None:
        first, second = put(self.maker, FIRST), put(self.maker, SECOND)
        ask(self.boss, "Pin", hash=first)
        # It breaks the newest, and the pinned it does not.
        other = put(self.maker, thing("optional int32 a = 1;"
                                      "optional int32 b = 2;"))
        ask(self.boss, "Admit", service="foo.v1.Thing", hash=other)
        ask(self.boss, "Pin", hash=other)
        with self.refused(Status.FAILED_PRECONDITION, "breaks the pinned"):
            ask(self.boss, "Admit", service="foo.v1.Thing", hash=second)
        self.assertEqual([s["hash"] for s in listed(self.boss)
                          if s["pinned"]], [other])

    def test_who_may_not_serve_the_package(self) -> None:
        with self.refused(Status.PERMISSION_DENIED,
                          r"vm:stranger.*serve foo\.v1\.>"):
            put(self.bus("stranger"), FIRST)
        with self.refused(Status.PERMISSION_DENIED, "serve foo"):
            put(self.bus("other"), FIRST)
        self.assertEqual(listed(self.boss), [])

    def test_what_is_no_schema(self) -> None:
        for raw in (b"", b"\xff" * 100, FIRST[:-3]):
            with self.refused(Status.INVALID_ARGUMENT, r"no schema of foo"):
                put(self.maker, raw)
        with self.refused(Status.INVALID_ARGUMENT, "bar"):
            put(self.maker, FIRST, "bar.v1")
        for package in ("", ".foo", "foo..v1", "foo.>", "f" * 300):
            with self.refused(Status.INVALID_ARGUMENT, "a package"):
                put(self.maker, FIRST, package)

    def test_too_long(self) -> None:
        with self.refused(Status.RESOURCE_EXHAUSTED,
                          "bytes of a schema: foo.v1 of vm:maker has "
                          "300000 of 262144"):
            put(self.maker, b"\n" * 300000)

    def test_too_many(self) -> None:
        for n in range(64):
            fields = "".join(f"optional int32 f{i} = {i + 1};"
                             for i in range(n + 1))
            put(self.maker, registry.compiled(
                "foo.v1", f"message A {{ {fields} }}"))
        with self.refused(Status.RESOURCE_EXHAUSTED,
                          "schemas: vm:maker has 64 of 64"):
            put(self.maker, thing("", package="bar.v1"), "bar.v1")
        put(self.bus("other"), thing("", package="bar.v1"), "bar.v1")
        self.assertEqual(len(listed(self.boss)), 65)

    def test_too_many_that_clients_had_before(self) -> None:
        """What a client has registered counts for who takes it over."""
        mixed = registry.POLICY + "allow vm:user call bar.v1.>\n"
        self.switch.set_policy(mixed)
        self.switch.process.send_signal(signal.SIGHUP)
        client = thing("", package="bar.v1")
        user = self.bus("user")
        while True:
            try:
                put(user, client, "bar.v1")
                break
            except Refused as refused:
                self.assertEqual(refused.status, Status.PERMISSION_DENIED)
        for n in range(64):
            fields = "".join(f"optional int32 f{i} = {i + 1};"
                             for i in range(n + 1))
            put(self.maker, registry.compiled(
                "foo.v1", f"message A {{ {fields} }}"))
        with self.refused(Status.RESOURCE_EXHAUSTED,
                          "schemas: vm:maker has 64 of 64"):
            put(self.maker, client, "bar.v1")
        put(self.bus("other"), client, "bar.v1")

    def test_an_unknown_service_or_schema(self) -> None:
        hash_ = put(self.maker, FIRST)
        ask(self.boss, "Admit", service="foo.v1.Thing", hash=hash_)
        for service in ("foo.v1.Thin", "foo.v1.Other", "bar.v1.Thing"):
            with self.refused(Status.FAILED_PRECONDITION, "has no service"):
                ask(self.boss, "Admit", service=service, hash=hash_)
        with self.refused(Status.NOT_FOUND, "does not know"):
            ask(self.boss, "Admit", service="foo.v1.Thing", hash=b"x" * 32)
        for method in ("Get", "Pin", "Forget"):
            with self.refused(Status.NOT_FOUND, "no such schema"):
                ask(self.boss, method, hash=b"x" * 32)


class WhatIsTold(RegistryTest):
    def test_a_package_is_seen_by_whom_it_concerns(self) -> None:
        hash_ = put(self.maker, FIRST)
        user, stranger = self.bus("user"), self.bus("stranger")
        # One method is enough.
        self.assertEqual(len(listed(user)), 1)
        ask(user, "Get", hash=hash_)
        self.assertEqual(listed(stranger), [])
        for request in ({"hash": hash_}, {"package": "foo.v1"},
                        {"package": "no.such.v1"}):
            with self.refused(Status.PERMISSION_DENIED, "vm:stranger"):
                ask(stranger, "Get", **request)
        with self.refused(Status.PERMISSION_DENIED, "vm:stranger"):
            ask(stranger, "Diff", **{"from": hash_, "to": hash_})

    def test_who_understands_whom(self) -> None:
        first, second = put(self.maker, FIRST), put(self.maker, SECOND)
        for client, server in ((first, second), (second, first)):
            said = ask(self.boss, "Judge", service="foo.v1.Thing",
                       client=client, server=server)
            self.assertEqual(said["compatible"], 1)
        ask(self.boss, "Pin", hash=first)
        other = put(self.maker, thing("optional int32 a = 1;"
                                      "repeated string b = 2;"))
        said = ask(self.boss, "Judge", service="foo.v1.Thing", client=second,
                   server=other)
        self.assertEqual(said["compatible"], 0)
        self.assertEqual(set(rules(said)),
                         {"FIELD_WIRE_COMPATIBLE_CARDINALITY"})
        self.assertRegex(said["text"], "^schema .* does not understand "
                                       "schema .*: FIELD_WIRE")

    def test_what_has_changed(self) -> None:
        first, second = put(self.maker, FIRST), put(self.maker, SECOND)
        said = ask(self.maker, "Diff", **{"from": first, "to": second})
        self.assertEqual((said["compatible"], said["findings"]), (1, []))
        said = ask(self.maker, "Diff", **{"from": second, "to": first})
        self.assertEqual(rules(said),
                         ["FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED"])
        self.assertEqual(said["findings_total"], 1)

    def test_a_client_can_make_its_schema_known(self) -> None:
        server = put(self.maker, FIRST)
        user = self.bus("user")
        client = put(user, SECOND)
        self.assertEqual(listed(user)[1]["client_only"], 1)
        with self.refused(Status.NOT_FOUND, "does not know"):
            ask(self.boss, "Admit", service="foo.v1.Thing", hash=client)
        said = ask(self.boss, "Judge", service="foo.v1.Thing", client=client,
                   server=server)
        self.assertEqual(said["compatible"], 1)
        # It takes no name and no place: even one that breaks all is kept.
        put(user, BROKEN)
        put(self.maker, thing("optional int32 a = 1; optional int32 b = 2;"))
        with self.refused(Status.FAILED_PRECONDITION, "breaks"):
            put(self.maker, SECOND)

    def test_a_client_s_schema_becomes_a_server_s(self) -> None:
        hash_ = put(self.bus("user"), FIRST)
        self.assertEqual(put(self.maker, FIRST), hash_)
        ask(self.boss, "Admit", service="foo.v1.Thing", hash=hash_)
        self.assertEqual([s["principal"] for s in listed(self.boss)],
                         ["vm:maker"])

    def test_pages(self) -> None:
        for package in ("foo.v1", "bar.v1"):
            for fields in ("", "optional int32 a = 1;"):
                put(self.maker, thing(fields, package=package), package)
        page = ask(self.boss, "List", limit=3)
        self.assertEqual((len(page["schemas"]), page["next"]), (3, 3))
        self.assertEqual(len(listed(self.boss, limit=1)), 4)
        self.assertEqual([s["package"] for s in
                          listed(self.boss, package="bar.v1", limit=1)],
                         ["bar.v1"] * 2)
        # What is not seen is passed over.
        self.assertEqual({s["package"] for s in listed(self.bus("user"))},
                         {"foo.v1"})


class HowItServes(RegistryTest):
    def test_it_waits_for_a_policy_that_lets_it(self) -> None:
        self.switch.set_policy("allow vm:boss any >\n")
        self.switch.process.send_signal(signal.SIGHUP)
        with self.assertRaises(Refused):
            while True:
                self.boss.call(f"{registry.SERVICE}.List", timeout=1)
        self.switch.set_policy(registry.POLICY)
        self.switch.process.send_signal(signal.SIGHUP)
        self.assertEqual(listed(self.boss), [])

    def test_without_the_right_to_ask_nothing_is_allowed(self) -> None:
        policy = registry.POLICY.replace(
            "allow vm:registry call helio.switch.v1.Switch.Check\n", "")
        self.switch.set_policy(policy)
        self.switch.process.send_signal(signal.SIGHUP)
        self.maker.sync()
        with self.refused(Status.UNAVAILABLE,
                          "the switch cannot be asked: vm:registry may not "
                          "call"):
            while True:
                put(self.maker, FIRST)

    def test_restarts_under_load_harm_nobody(self) -> None:
        hash_ = put(self.maker, FIRST)
        for n in range(5):
            calls = [ask(self.maker, "Get", hash=hash_) for _ in range(20)]
            self.assertEqual(len({call["set"] for call in calls}), 1)
            self.restart(signal.SIGKILL if n % 2 else signal.SIGTERM)

    def test_it_has_given_up_its_rights(self) -> None:
        path = f"/proc/{self.registry.process.pid}/status"
        with open(path, encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1)
                          for line in file)
        if os.environ.get("HELIO_SANITIZED"):
            self.skipTest("a sanitizer needs them")
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]),
                         ("1", "2"))


if __name__ == "__main__":
    unittest.main()
