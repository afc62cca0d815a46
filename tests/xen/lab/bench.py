#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py LOG: the table of what bench.sh measured, in Markdown.

A ratio is the median of those of the rounds: both were measured within seconds
of each other. The exit status is 0 when every bar is met.
"""

import re
import statistics
import sys

# Row: what is measured, and what ours over upstream's has to be.
BARS = {
    "small-4096": ("100 B one way, rings of 4 KiB", ">=", 1.5),
    "small-65536": ("100 B one way, rings of 64 KiB", ">=", 1.5),
    "small-1048576": ("100 B one way, rings of 1 MiB", ">=", 1.5),
    "bulk-65536": ("64 KiB writes, rings of 64 KiB", ">=", 0.9),
    "bulk-1048576": ("64 KiB writes, rings of 1 MiB", ">=", 0.9),
    "trip": ("round trip, 100 B", "<=", 1.15),
}
NOTIFICATIONS_MAX = 0.1


def number(name, text):
    """What stands after NAME; without it the line is no result."""
    return int(re.search(rf"\b{name} (\d+)", text).group(1))


def read(path):
    """By (pair, row, implementation): the values of the rounds in order."""
    values, notified = {}, {}
    with open(path, encoding="utf-8") as log:
        for line in log:
            found = re.search(r" bench (\S+) (\S+) (ours|upstream) (.*)", line)
            if not found:
                continue
            key, text = found.groups()[:3], found[4]
            if key[1] == "trip":
                value = number("median_ns", text) / 1000
            else:
                value = number("bytes", text) / number("us", text)
                n = number("bytes", text) / (
                    100 if key[1].startswith("small") else 65536)
                sent = sum(map(int, re.findall(r"notified (\d+)", text)))
                notified.setdefault(key, []).append(sent / n)
            values.setdefault(key, []).append(value)
    return values, notified


def shown(row, value):
    if row == "trip":
        return f"{value:,.0f} us"
    if row.startswith("small"):
        return f"{value * 10:,.0f}k msg/s"
    return f"{value:,.0f} MB/s"


def main():
    values, notified = read(sys.argv[1])
    is_met = True
    print("| between | what | upstream | ours | ratio (of rounds) | bar |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (pair, row, who), ours in values.items():
        if who != "ours":
            continue
        theirs = values[(pair, row, "upstream")]
        ratios = [a / b for a, b in zip(ours, theirs)]
        ratio = statistics.median(ratios)
        what, sense, bar = BARS[row]
        good = ratio >= bar if sense == ">=" else ratio <= bar
        is_met = is_met and good
        print(f"| {pair} | {what} | {shown(row, statistics.median(theirs))} "
              f"| {shown(row, statistics.median(ours))} "
              f"| **{ratio:.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) "
              f"| {sense} {bar}: {'met' if good else 'missed'} |")
    for (pair, row, who), rates in notified.items():
        if not row.startswith("small"):
            continue
        rate = statistics.median(rates)
        good = who == "upstream" or rate <= NOTIFICATIONS_MAX
        is_met = is_met and good
        print(f"| {pair} | notifications for each message, {row}, {who} | | "
              f"| {rate:.4f} | "
              + ("" if who == "upstream" else
                 f"<= {NOTIFICATIONS_MAX}: {'met' if good else 'missed'}")
              + " |")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
