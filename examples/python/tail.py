#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print what is published.

    tail.py unix:/run/heliograph/bus.sock 'vm.web.>' --count 10
"""

import argparse
import sys

import heliograph


def text_of(body: bytes) -> str:
    """The body, with what a terminal would obey made visible."""
    text = body.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode(
        "unicode_escape").decode() for c in text)


def tail(bus: heliograph.Client, pattern: str, count: int | None) -> None:
    messages = 0
    for item in bus.subscribe(pattern):
        if isinstance(item, heliograph.Gap):
            print(f"-- {item.count or 'some'} lost --", file=sys.stderr)
            continue
        print(f"{item.source.name} {item.subject}: {text_of(item.body)}",
              flush=True)
        messages += 1
        if messages == count:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what is published.")
    parser.add_argument("address", help="unix:PATH")
    parser.add_argument("pattern")
    parser.add_argument("--count", type=int, help="end after so many")
    args = parser.parse_args()
    try:
        with heliograph.connect(args.address, "tail.py") as bus:
            tail(bus, args.pattern, args.count)
    except (heliograph.Refused, OSError) as error:
        print(f"tail.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
