# SPDX-License-Identifier: MIT
"""What docs/PROTOCOL.md says of logs, observers, events and policy, frame by
frame against the real switch."""

import signal
import struct
import unittest

import heliowire as wire
from heliowire import WHOLE, Flag, Frame, Kind, Status
from real_switch import Raw, Switch

POLICY = """\
allow vm:log subscribe,capture,observe >
allow vm:log subscribe $sys.>
allow vm:web any web.>
allow vm:guest any web.open.>
"""
PEER_EVENT: wire.Schema = {1: ("principal", "string"), 2: ("incarnation",
                           "fixed64"), 3: ("reason", "string")}


class PageTest(unittest.TestCase):
    def setUp(self) -> None:
        self.switch = self.enterContext(
            Switch(policy=POLICY, domains=("log", "web", "guest")))

    def raw(self, domain: str) -> Raw:
        return self.enterContext(self.switch.raw(domain))

    def publish_stored(self, raw: Raw, id_: int, **more: int) -> None:
        raw.send(Frame(Kind.MESSAGE, WHOLE | Flag.ACK_STORED, id_, "web.a",
                       body=b"keep", **more))

    def test_a_log_acknowledges_a_run(self) -> None:
        log, web = self.raw("log"), self.raw("web")
        self.assertEqual(log.subscribe("web.>", 7, capture="home").status, 0)
        web.send(Frame(Kind.MESSAGE, WHOLE, 0, "web.a", body=b"plain"))
        for id_ in 5, 6:
            self.publish_stored(web, id_)
        deliveries = [log.expect(Kind.MESSAGE) for _ in range(3)]
        self.assertEqual([frame.correlation for frame in deliveries],
                         [7 << 32, 7 << 32 | 1, 7 << 32 | 2])
        self.assertEqual(
            [bool(frame.flags & Flag.ACK_STORED) for frame in deliveries],
            [False, True, True])
        log.send(Frame(Kind.ACK, body=struct.pack(
            "<QIHBBQ", 7 << 32, 3, 0, 1, 0, 1000)))
        answer = web.expect(Kind.ACK)
        self.assertEqual((answer.correlation, answer.subject), (0, "home"))
        self.assertEqual(wire.decode_acks(answer.body),
                         [wire.AckEntry(5, 2, 0, True, False, 1001)])

    def test_stored_and_routed_are_two_entries(self) -> None:
        log, web = self.raw("log"), self.raw("web")
        log.subscribe("web.>", 7, capture="home")
        web.send(Frame(Kind.MESSAGE,
                       WHOLE | Flag.ACK_STORED | Flag.ACK_ROUTED, 5,
                       "web.a"))
        routed, = wire.decode_acks(web.expect(Kind.ACK).body)
        self.assertEqual((routed.correlation, routed.stored, routed.taken),
                         (5, False, 1))
        log.send(Frame(Kind.ACK, body=struct.pack(
            "<QIHBBQ", 7 << 32, 1, 0, 3, 0, 9)))
        stored, = wire.decode_acks(web.expect(Kind.ACK).body)
        self.assertEqual(stored, wire.AckEntry(5, 1, 0, True, True, 9))

    def test_what_cannot_be_stored_is_refused(self) -> None:
        web = self.raw("web")
        self.publish_stored(web, 1)
        self.assertEqual(web.expect(Kind.REFUSED).status,
                         Status.FAILED_PRECONDITION)
        with self.switch.raw("log") as log:
            log.subscribe("web.>", 7, messages=0, n_bytes=0, capture="home",
                          queue_messages=1)
            self.publish_stored(web, 2)
            self.publish_stored(web, 3)
            refused = web.expect(Kind.REFUSED)
            self.assertEqual((refused.correlation, refused.status),
                             (3, Status.RESOURCE_EXHAUSTED))
        lost, = wire.decode_acks(web.expect(Kind.ACK).body)
        self.assertEqual((lost.correlation, lost.status, lost.stored),
                         (2, Status.UNAVAILABLE, True))
        self.publish_stored(web, 4)
        self.assertEqual(web.expect(Kind.REFUSED).status, Status.UNAVAILABLE)

    def test_a_log_that_is_slow(self) -> None:
        log, web = self.raw("log"), self.raw("web")
        log.subscribe("web.>", 7, capture="home")
        self.publish_stored(web, 1, time_left_ms=50)
        late, = wire.decode_acks(web.expect(Kind.ACK).body)
        self.assertEqual((late.correlation, late.status, late.stored),
                         (1, Status.DEADLINE_EXCEEDED, True))

    def test_one_log_only(self) -> None:
        log = self.raw("log")
        self.assertEqual(log.subscribe("web.>", 1, capture="home").status, 0)
        self.assertEqual(log.subscribe("web.a", 2, capture="other").status,
                         Status.ALREADY_EXISTS)
        self.assertEqual(
            log.subscribe("x", 3, capture="home", group="g").status,
            Status.INVALID_ARGUMENT)

    def test_an_observer_gets_copies(self) -> None:
        log, web = self.raw("log"), self.raw("web")
        guest = self.raw("guest")
        self.assertEqual(log.subscribe("web.>", 7, observe=True).status, 0)
        web.serve("web.open.echo", 3)
        guest.send(Frame(Kind.CALL, WHOLE, 1, "web.open.echo", b"m", b"q"))
        call = web.expect(Kind.CALL)
        web.send(Frame(Kind.REPLY, WHOLE, call.correlation, body=b"a"))
        request = log.expect(Kind.OBSERVED_CALL)
        reply = log.expect(Kind.OBSERVED_REPLY)
        for frame in request, reply:
            self.assertEqual(frame.subject, "web.open.echo")
            self.assertEqual(frame.flags & WHOLE, WHOLE)
        self.assertEqual((request.metadata, request.body), (b"m", b"q"))
        self.assertEqual((reply.status, reply.body), (0, b"a"))
        self.assertEqual([request.correlation, reply.correlation],
                         [7 << 32, 7 << 32 | 1])
        self.assertEqual(request.slot, reply.slot)
        self.assertEqual(request.callee, reply.source)
        self.assertNotEqual(request.source, reply.source)

    def test_events_tell_of_peers(self) -> None:
        log = self.raw("log")
        self.assertEqual(log.subscribe("$sys.peer.*", 1).status, 0)
        with self.switch.raw("guest") as guest:
            guest.send(Frame(Kind.MESSAGE, WHOLE, 1, "x", source=9))
            up, down = (log.expect(Kind.MESSAGE) for _ in range(2))
        self.assertEqual((up.subject, down.subject),
                         ("$sys.peer.up", "$sys.peer.down"))
        self.assertEqual((up.source, down.source), (0, 0))
        event = wire.pb_decode(PEER_EVENT, down.body)
        self.assertEqual(event["principal"], "vm:guest")
        self.assertEqual(event["incarnation"],
                         wire.pb_decode(PEER_EVENT, up.body)["incarnation"])
        self.assertIn("names another source", event["reason"])

    def test_a_wildcard_sees_no_events(self) -> None:
        log = self.raw("log")
        log.subscribe(">", 1)
        with self.switch.raw("web") as web:
            web.send(Frame(Kind.MESSAGE, WHOLE, 1, "web.a"))
        self.assertEqual(log.expect(Kind.MESSAGE).subject, "web.a")

    def test_a_new_policy_ends_what_it_forbids(self) -> None:
        guest, web = self.raw("guest"), self.raw("web")
        guest.subscribe("web.open.>", 9)
        guest.serve("web.open.s", 10)
        self.switch.set_policy(POLICY.replace("allow vm:guest",
                                              "deny vm:guest"))
        self.switch.process.send_signal(signal.SIGHUP)
        ended = [guest.expect(Kind.RESULT) for _ in range(2)]
        self.assertEqual(sorted(frame.correlation for frame in ended),
                         [1 << 63 | 9, 1 << 63 | 10])
        for frame in ended:
            self.assertEqual(frame.status, Status.PERMISSION_DENIED)
        web.send(Frame(Kind.MESSAGE, WHOLE | Flag.ACK_ROUTED, 1,
                       "web.open.x"))
        routed, = wire.decode_acks(web.expect(Kind.ACK).body)
        self.assertEqual(routed.taken, 0)
        guest.sync()

    def test_a_handle_is_forgotten_and_used_again(self) -> None:
        log = self.raw("log")
        log.subscribe("web.>", 1)
        with self.switch.raw("web") as web:
            web.send(Frame(Kind.MESSAGE, WHOLE, 1, "web.a"))
            told = wire.pb_decode(wire.PEER, log.expect(Kind.PEER).body)
            self.assertEqual(log.expect(Kind.MESSAGE).source, told["handle"])
            self.assertEqual(told["principal"], "vm:web")
        forgotten = wire.pb_decode(wire.FORGET,
                                   log.expect(Kind.FORGET).body)
        self.assertEqual(forgotten["handle"], told["handle"])


if __name__ == "__main__":
    unittest.main()
