#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""oracle.py BUF: ask `buf breaking` about each case, and show where cases.txt
says otherwise. BUF is the program of the npm package @bufbuild/buf. No test
depends on it: run it when a case was added or a rule of buf has changed."""
import collections
import json
import os
import subprocess
import sys
import tempfile

import split_cases

CONFIG = json.dumps({"version": "v2", "breaking": {"use": ["WIRE"]}})
# Rules of ours that are no rules of WIRE.
OURS = {"RPC_NO_DELETE", "PACKAGE_SERVICE_NO_DELETE"}


def ask(buf, folder):
    """What buf finds, as {name of the case: {rule}}."""
    for side in ("old", "new"):
        sources = os.path.join(folder, side)
        subprocess.run(["protoc", "-I", sources, "--include_imports", "-o",
                        os.path.join(folder, side + ".binpb"),
                        *sorted(os.listdir(sources))], check=True)
    run = subprocess.run(
        [buf, "breaking", os.path.join(folder, "new.binpb"), "--against",
         os.path.join(folder, "old.binpb"), "--config", CONFIG,
         "--error-format", "json"], stdout=subprocess.PIPE, text=True)
    found = collections.defaultdict(set)
    for line in run.stdout.splitlines():
        finding = json.loads(line)
        found[os.path.splitext(finding["path"])[0]].add(finding["type"])
    return found


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    cases = os.path.join(here, "cases.txt")
    n = n_other = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-B",
                        os.path.join(here, "split_cases.py"), cases, folder],
                       check=True)
        found = ask(sys.argv[1], folder)
    for name, case in split_cases.read(cases):
        n += 1
        expected = set(case["wire"]) - OURS
        if expected != found[name]:
            n_other += 1
            print(f"{name}: buf says {sorted(found[name])}, "
                  f"cases.txt {sorted(expected)}")
    print(f"{n} cases, {n_other} of them otherwise")
    return n_other > 0


if __name__ == "__main__":
    sys.exit(main())
