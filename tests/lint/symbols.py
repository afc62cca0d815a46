#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py BUILD: in no program, library or module of the product do two of
our archives or objects define one global name. The linker takes the first of an
archive and says nothing, and whoever meant the second calls the first with the
second's arguments."""

import re
import subprocess
import sys
from pathlib import Path

LINKED = re.compile(r"^build (\S+)[^:]*: \S+_(?:EXECUTABLE|SHARED_LIBRARY|"
                    r"MODULE_LIBRARY|MODULE)_LINKER\S* ([^|]*)")


def links(build: Path):
    """Each product and the objects and archives of ours that it is made of."""
    product, parts = None, []
    for line in (build / "build.ninja").read_text().splitlines():
        linked = LINKED.match(line)
        if linked and not linked[1].startswith(("tests/", "bench/")):
            product, parts = linked[1], linked[2].split()
        elif product and line.startswith("  LINK_LIBRARIES = "):
            libraries = line.split("=", 1)[1].split()
            parts += [part for part in libraries if part.endswith(".a")]
        elif product and not line:
            yield product, [part for part in dict.fromkeys(parts)
                            if not part.startswith("/")]
            product = None


def global_names(build: Path, parts: set[str]) -> dict[str, dict[str, str]]:
    """Of each part the names that it defines, and where in it."""
    listing = subprocess.run(
        ["nm", "--print-file-name", "--defined-only", "--extern-only",
         "--format=posix", *sorted(parts)],
        cwd=build, capture_output=True, text=True, check=True)
    names: dict[str, dict[str, str]] = {part: {} for part in parts}
    for line in listing.stdout.splitlines():
        place, _, symbol = line.partition(": ")
        name, kind, *_ = symbol.split()
        if kind in "TDBRCGS":
            names[place.partition("[")[0]][name] = place
    return names


def main() -> int:
    build = Path(sys.argv[1])
    linked = {product: parts for product, parts in links(build)
              if (build / product).exists()}
    names = global_names(build, {part for parts in linked.values()
                                 for part in parts if (build / part).exists()})
    doubled = set()
    for product, parts in linked.items():
        where: dict[str, str] = {}
        for part in parts:
            for name, place in names.get(part, {}).items():
                other = where.setdefault(name, place)
                if other != place:
                    doubled.add(f"{name}: in {other} and in {place}, "
                                f"both in {product}")
    for line in sorted(doubled):
        print(line)
    if not linked:
        print(f"{build}: nothing is linked there")
    return bool(doubled) or not linked


if __name__ == "__main__":
    sys.exit(main())
