# SPDX-License-Identifier: MIT
"""The Python client and the real switch: what docs/PROTOCOL.md promises."""

import os
import subprocess
import sys
import threading
import time
import unittest

import heliograph
from heliograph import Status
from real_switch import Switch, reasons, stats

EXAMPLES = os.path.dirname(os.path.abspath(heliograph.__file__))
POLICY = """\
allow vm:* publish,subscribe,serve vm.{self}.>
allow vm:* subscribe,call vm.web.public.>
deny  vm:db call vm.web.>
allow vm:* call vm.web.>
allow vm:* group vm.web.>
allow vm:web any shared.>
allow vm:web call helio.switch.v1.>
allow uid:* publish,subscribe local.>
"""


class SystemTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.switch = cls.enterClassContext(
            Switch(policy=POLICY, domains=("web", "mail", "db")))

    def connect(self, domain: str | None) -> heliograph.Client:
        return self.enterContext(self.switch.connect(domain))

    def serve(self, domain: str, answer, subject: str, methods=()):
        """Serve on a client and thread of its own until the test ends."""
        bus = self.switch.connect(domain)
        service = bus.serve(subject, methods)
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                try:
                    answer(service.receive(timeout=0.1))
                except TimeoutError:
                    pass

        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(bus.close)
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        return service

    def test_principals_are_what_the_socket_says(self) -> None:
        self.assertEqual(self.connect("web").principal, "vm:web")
        self.assertEqual(self.connect("mail").principal, "vm:mail")
        self.assertEqual(self.connect(None).principal, f"uid:{os.getuid()}")

    def test_ping_and_sync(self) -> None:
        bus = self.connect("web")
        self.assertLess(bus.ping(timeout=5), 5)
        bus.sync(timeout=5)

    def test_publish_and_subscribe_between_two(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        sub = mail.subscribe("vm.web.public.>")
        web.publish("vm.web.public.news", b"hello", b"\x22\x01x")
        message = sub.receive(timeout=5)
        self.assertEqual(message.subject, "vm.web.public.news")
        self.assertEqual((message.body, message.metadata),
                         (b"hello", b"\x22\x01x"))
        self.assertEqual(message.source.name, "vm:web")
        self.assertEqual(message.source.incarnation,
                         web.limits["incarnation"])

    def test_ten_thousand_in_order(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        sub = mail.subscribe("vm.web.public.>", queue_messages=20_000,
                             queue_bytes=16 << 20)
        for i in range(10_000):
            web.publish(f"vm.web.public.{i % 100}", b"%d" % i)
        for i in range(10_000):
            self.assertEqual(sub.receive(timeout=10).body, b"%d" % i)

    def test_fragments_both_ways(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        sub = mail.subscribe("vm.web.public.big")
        self.serve("web", lambda call: call.reply(call.body[::-1]),
                   "vm.web.mirror")
        for n in 65_000, 65_536, 300_000, 3_000_000:
            with self.subTest(n=n):
                body = os.urandom(n)
                self.assertEqual(
                    mail.call("vm.web.mirror", body, timeout=20).body,
                    body[::-1])
                web.publish("vm.web.public.big", body)
                item = sub.receive(timeout=20)
                self.assertIsInstance(item, heliograph.Message)
                self.assertEqual(item.body, body)

    def test_publish_tells_how_many_took_it(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        self.assertEqual(web.publish("vm.web.public.n", b"", ack=True),
                         heliograph.Routed(0, 0))
        subs = [mail.subscribe("vm.web.public.n"),
                web.subscribe("vm.web.>")]
        self.assertEqual(web.publish("vm.web.public.n", b"", ack=True),
                         heliograph.Routed(2, 0))
        for sub in subs:
            sub.close()

    def test_refusals_name_the_line(self) -> None:
        web, mail, db = (self.connect(n) for n in ("web", "mail", "db"))
        for refused in (
                lambda: mail.publish("vm.web.public.x", b"", ack=True),
                lambda: mail.subscribe("vm.web.private"),
                lambda: mail.subscribe(">"),
                lambda: mail.serve("vm.web.mirror"),
                lambda: web.publish("$sys.peer.down", b"", ack=True)):
            with self.assertRaises(heliograph.Refused) as caught:
                refused()
            self.assertEqual(caught.exception.status,
                             Status.PERMISSION_DENIED)
        with self.assertRaises(heliograph.Refused) as caught:
            db.call("vm.web.mirror")
        self.assertEqual(caught.exception.status, Status.PERMISSION_DENIED)
        self.assertRegex(caught.exception.text, r"10-test\.policy:3")
        self.assertTrue(caught.exception.from_bus)

    def test_calls_and_how_they_end(self) -> None:
        def answer(call: heliograph.Call) -> None:
            if call.subject.endswith(".Fail"):
                call.fail(Status.NOT_FOUND, "no such thing")
            elif call.subject.endswith(".Get"):
                call.reply(call.source.name.encode())

        service = self.serve("web", answer, "vm.web.v1.S",
                             ["Get", "Fail", "Sleep"])
        mail = self.connect("mail")
        self.assertEqual(mail.call("vm.web.v1.S.Get").body, b"vm:mail")
        self.assertEqual(mail.call(
            f"$inst.{service.instance}.vm.web.v1.S.Get").body, b"vm:mail")
        for subject, status, from_bus, handed_over in (
                ("vm.web.v1.S.Fail", Status.NOT_FOUND, False, True),
                ("vm.web.v1.S.Nope", Status.UNIMPLEMENTED, True, False),
                ("vm.web.v1.Nobody.Get", Status.UNAVAILABLE, True, False),
                ("vm.web.v1.S.Sleep", Status.DEADLINE_EXCEEDED, True, True)):
            with self.subTest(subject):
                with self.assertRaises(heliograph.Refused) as caught:
                    mail.call(subject, timeout=(
                        0.2 if subject.endswith("Sleep") else 20))
                error = caught.exception
                self.assertEqual(
                    (error.status, error.from_bus, error.handed_over),
                    (status, from_bus, handed_over))

    def test_streams(self) -> None:
        def answer(call: heliograph.Call) -> None:
            for request in call:
                if call.has_replies:
                    call.send(request[::-1])
            call.reply(b"done")

        self.serve("web", answer, "vm.web.v1.T", ["Both", "Up"])
        mail = self.connect("mail")
        with mail.stream("vm.web.v1.T.Both", requests=True) as stream:
            for n in 0, 1, 65_000, 65_504, 65_505, 1_000_000:
                with self.subTest(n=n):
                    body = os.urandom(n)
                    stream.send(body, timeout=20)
                    self.assertEqual(stream.receive(timeout=20), body[::-1])
            stream.end()
            self.assertIsNone(stream.receive(timeout=20))
        with mail.stream("vm.web.v1.T.Up", requests=True,
                         replies=False) as stream:
            for i in range(5000):
                stream.send(b"%d" % i, timeout=20)
            self.assertEqual(stream.finish(timeout=20).body, b"done")

    def test_a_stream_that_is_not_read_stops_no_other_call(self) -> None:
        def answer(call: heliograph.Call) -> None:
            if not call.has_replies:
                call.reply(call.body)
                return
            streams.append(call)
            try:
                while not call.cancelled:
                    call.send(b"x" * 1000, timeout=0.2)
            except TimeoutError:
                pass

        streams: list[heliograph.Call] = []
        self.serve("web", answer, "vm.web.v1.U", ["Flood", "Echo"])
        mail = self.connect("mail")
        stream = mail.stream("vm.web.v1.U.Flood")
        for i in range(100):
            body = b"%d" % i
            self.assertEqual(mail.call("vm.web.v1.U.Echo", body,
                                       timeout=20).body, body)
        self.assertEqual(len(streams), 1)
        stream.cancel()

    def test_a_service_drains(self) -> None:
        first, second = self.connect("web"), self.connect("web")
        leaving = first.serve("vm.web.drained")
        leaving.drain()
        with self.assertRaises(heliograph.Refused) as caught:
            self.connect("mail").call("vm.web.drained", timeout=5)
        self.assertEqual(
            (caught.exception.status, caught.exception.handed_over),
            (Status.UNAVAILABLE, False))
        self.assertRegex(caught.exception.text, "draining")
        second.serve("vm.web.drained").close()
        leaving.close()

    def test_a_call_may_wait_for_its_server(self) -> None:
        mail = self.connect("mail")
        replies = []
        caller = threading.Thread(target=lambda: replies.append(
            mail.call("vm.web.late", b"?", wait=True, timeout=20)))
        watcher = self.connect("web")
        caller.start()
        while not stats(watcher)["calls_pending"] > 1:
            pass
        self.serve("web", lambda call: call.reply(b"!"), "vm.web.late")
        caller.join()
        self.assertEqual(replies[0].body, b"!")

    def test_a_server_that_dies(self) -> None:
        mail = self.connect("mail")
        self.serve_once_and_die("vm.web.fragile")
        with self.assertRaises(heliograph.Refused) as caught:
            mail.call("vm.web.fragile", timeout=10)
        self.assertEqual(caught.exception.status, Status.UNAVAILABLE)
        self.assertTrue(caught.exception.handed_over)

    def serve_once_and_die(self, subject: str) -> None:
        bus = self.switch.connect("web")
        service = bus.serve(subject)

        def die() -> None:
            service.receive(timeout=10)
            bus._channel.close()

        thread = threading.Thread(target=die)
        thread.start()
        self.addCleanup(thread.join)

    def test_a_cancelled_call_is_told_to_its_server(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        service = web.serve("vm.web.slow")
        self.addCleanup(setattr, heliograph, "GRACE", heliograph.GRACE)
        heliograph.GRACE = -9.9
        with self.assertRaises(TimeoutError):
            mail.call("vm.web.slow", timeout=10)
        mail.sync()
        call = service.receive(timeout=5)
        web.sync()
        self.assertTrue(call.cancelled)

    def test_a_group_shares(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        subs = [mail.subscribe("vm.web.public.work", group="g")
                for _ in range(2)]
        for i in range(10):
            web.publish("vm.web.public.work", b"%d" % i)
        web.sync()
        mail.sync()
        counts = [len(sub._items) for sub in subs]
        self.assertEqual(sum(counts), 10)
        self.assertGreater(min(counts), 0)

    def test_overflow_leaves_a_gap(self) -> None:
        web, mail = self.connect("web"), self.connect("mail")
        sub = mail.subscribe("vm.web.public.fast", queue_messages=10,
                             credit_messages=3, credit_bytes=1 << 20)
        for i in range(20):
            web.publish("vm.web.public.fast", b"%d" % i)
        web.sync()
        for i in range(3):
            self.assertEqual(sub.receive(timeout=5).body, b"%d" % i)
        sub._owe(messages=heliograph.CREDIT_MESSAGES)
        for i in range(3, 8):
            self.assertEqual(sub.receive(timeout=5).body, b"%d" % i)
        self.assertEqual(sub.receive(timeout=5),
                         heliograph.Gap(heliograph.Gap.OVERFLOW, 12))

    def test_goodbye_is_counted_as_such(self) -> None:
        web = self.connect("web")
        before = reasons(web).get("the peer said goodbye", 0)
        self.switch.connect("mail").close()
        end = time.monotonic() + 10
        while reasons(web).get("the peer said goodbye", 0) == before:
            self.assertLess(time.monotonic(), end)

    def test_the_example_programs(self) -> None:
        address = f"unix:{self.switch.path('web')}"
        server = subprocess.Popen(
            [sys.executable, os.path.join(EXAMPLES, "echo.py"), address,
             "serve", "vm.web.echo"], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        mail = self.connect("mail")
        self.assertEqual(mail.call("vm.web.echo", b"ready?", wait=True,
                                   timeout=20).body, b"ready?")
        asked = subprocess.run(
            [sys.executable, os.path.join(EXAMPLES, "echo.py"),
             f"unix:{self.switch.path('mail')}", "request", "vm.web.echo",
             "hello?"], capture_output=True, text=True, timeout=20)
        self.assertEqual((asked.returncode, asked.stdout), (0, "hello?\n"))


if __name__ == "__main__":
    unittest.main()
