# SPDX-License-Identifier: MIT
"""What the bench makes of the values that it measured."""

import contextlib
import io
import unittest

from suite.measure import Outcome
from suite.report import markdown, report_row
from suite.rows import (BEST_PEER, LATENCY, NATS, OURS, REDIS, ROWS, SHM, Bar,
                        Row, find_rows, pubsub)


def report(row, values):
    outcomes = {name: Outcome(metrics) for name, metrics in values.items()}
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        lines = report_row(row, outcomes)
    return lines, text.getvalue()


def bars_of(lines):
    return [line for line in lines if "bar" in line]


class Report(unittest.TestCase):
    row = pubsub("work", SHM, [NATS, REDIS], [(BEST_PEER, 5)])

    def values(self, ours, nats, redis):
        return {f"{OURS} shm": {"rate": ours}, "nats tcp": {"rate": nats},
                "redis unix": {"rate": redis}}

    def test_median_and_spread(self):
        lines, _ = report(self.row, self.values([5, 1, 9], [1] * 3, [1] * 3))
        self.assertEqual(lines[0], {
            "row": "work", "system": "heliograph shm", "unit": "msg/s",
            "median": 5, "low": 1, "high": 9, "rounds": 3})

    def test_ratio_is_of_the_same_round(self):
        lines, _ = report(self.row, self.values(
            [10, 40, 90], [1, 2, 3], [1, 1, 1]))
        self.assertEqual(bars_of(lines), [{
            "row": "work", "against": "nats tcp", "ratio": 20, "bar": 5,
            "met": True}])

    def test_the_best_peer_is_the_one_to_beat(self):
        lines, text = report(self.row, self.values([8], [1], [2]))
        self.assertEqual(bars_of(lines)[0]["against"], "redis unix")
        self.assertFalse(bars_of(lines)[0]["met"])
        self.assertIn("MISSED", text)

    def test_less_time_is_better(self):
        row = Row("ask", "request", LATENCY, SHM, [REDIS],
                  [Bar("p50_us", "redis unix", 0.5, is_floor=False)])
        lines, _ = report(row, {
            f"{OURS} shm": {"p50_us": [6], "p99_us": [30]},
            "redis unix": {"p50_us": [10], "p99_us": [20]}})
        self.assertEqual(bars_of(lines), [{
            "row": "ask p50", "against": "redis unix", "ratio": 0.6,
            "bar": 0.5, "met": False}])

    def test_what_is_added_is_a_difference(self):
        row = Row("adds", "request", LATENCY, SHM, [REDIS],
                  [Bar("p50_us", "redis unix", 2, is_floor=False,
                       is_difference=True)])
        lines, text = report(row, {
            f"{OURS} shm": {"p50_us": [6, 8, 9]},
            "redis unix": {"p50_us": [5, 6, 8]}})
        self.assertEqual(bars_of(lines), [{
            "row": "adds p50", "against": "redis unix", "ratio": 1, "bar": 2,
            "met": True, "unit": " us more"}])
        self.assertIn("1.00 us more (1.00..2.00)", text)

    def test_what_was_not_measured_is_not_met(self):
        lines, text = report(self.row, {
            f"{OURS} shm": {}, "nats tcp": {}, "redis unix": {}})
        self.assertFalse(bars_of(lines)[0]["met"])
        self.assertIn("not measured", text)

    def test_markdown_has_a_line_for_each(self):
        lines, _ = report(self.row, self.values([12e6], [1.5e6], [1e6]))
        table = markdown(lines).splitlines()
        self.assertEqual(table[2],
                         "| work | heliograph shm | 12.00M msg/s | "
                         "12.00M to 12.00M |")
        self.assertEqual(table[-1], "| work | against nats tcp | **8.00** | "
                                    "bar 5: met |")

    def test_a_limit_of_our_own(self):
        idle, = find_rows(["idle"])
        lines, _ = report(idle, {
            f"{OURS} shm": {"anonymous_mb": [1], "ready_ms": [20]},
            "nats tcp": {}, "redis unix": {}, "zmq ipc": {}})
        memory, ready = bars_of(lines)
        self.assertEqual((memory["ratio"], memory["met"]), (0.5, True))
        self.assertEqual((ready["ratio"], ready["met"]), (2, False))


class Rows(unittest.TestCase):
    def test_names_are_told_apart(self):
        names = [row.name for row in ROWS]
        self.assertEqual(len(names), len(set(names)))

    def test_bars_are_against_systems_of_the_row(self):
        for row in ROWS:
            known = {peer.name for peer in row.peers} | {BEST_PEER, None}
            for bar in row.bars:
                self.assertIn(bar.against, known, row.name)
                self.assertIn(bar.metric, row.metrics, row.name)

    def test_an_unknown_row_is_an_error(self):
        with self.assertRaises(KeyError):
            find_rows(["no-such-row"])


if __name__ == "__main__":
    unittest.main()
