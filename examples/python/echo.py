#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serve an echo, or ask for one.

    echo.py unix:/run/heliograph/bus.sock serve vm.web.echo
    echo.py unix:/run/heliograph/bus.sock request vm.web.echo 'hello?'
"""

import argparse
import sys

import heliograph


def serve(bus: heliograph.Client, subject: str) -> None:
    for call in bus.serve(subject):
        print(f"{call.source.name}: {len(call.body)} bytes", flush=True)
        call.reply(call.body, call.metadata)


def request(bus: heliograph.Client, subject: str, body: str,
            timeout: float) -> None:
    reply = bus.call(subject, body.encode(), timeout=timeout)
    print(reply.body.decode("utf-8", "replace"))


def main() -> int:
    parser = argparse.ArgumentParser(description="An echo over the bus.")
    parser.add_argument("address", help="unix:PATH")
    parser.add_argument("verb", choices=["serve", "request"])
    parser.add_argument("subject")
    parser.add_argument("body", nargs="?", default="")
    parser.add_argument("--timeout", type=float, default=5)
    args = parser.parse_args()
    try:
        with heliograph.connect(args.address, "echo.py") as bus:
            if args.verb == "serve":
                serve(bus, args.subject)
            else:
                request(bus, args.subject, args.body, args.timeout)
    except (heliograph.Refused, OSError) as error:
        print(f"echo.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
