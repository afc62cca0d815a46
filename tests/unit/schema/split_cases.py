#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""split_cases.py CASES FOLDER: write old/NAME.proto and new/NAME.proto of each
case, and `expected`, a line `NAME wire|call|back RULE...` for each verdict."""
import os
import re
import sys

VERDICTS = ("wire", "call", "back")


def read(path):
    """Yields (name, {"old": text, ..., "wire": [rules]})."""
    name, case = None, {}
    for line in open(path, encoding="ascii"):
        word, _, rest = line.strip().partition(" ")
        if not word or word == "#" or word.startswith("#"):
            continue
        if word == "case":
            if name:
                yield name, case
            name, case = rest, {}
        elif word in VERDICTS:
            case[word] = [] if rest == "none" else rest.split()
        else:
            case[word] = case.get(word, "") + rest + "\n"
    yield name, case


def source(name, text):
    """The proto file of one side, with what a case need not say."""
    syntax = re.match(r'syntax = "\w+";', text)
    text = text[syntax.end():] if syntax else text
    head = syntax[0] if syntax else 'syntax = "proto2";'
    if not re.match(r"\s*package ", text):
        head += f" package {name}.v1;"
    if "service " not in text:
        text += "service S { rpc Do(A) returns (A); }\n"
    return head + "\n" + text


def main():
    cases, folder = sys.argv[1:]
    for side in ("old", "new"):
        os.makedirs(os.path.join(folder, side), exist_ok=True)
    with open(os.path.join(folder, "expected"), "w") as expected:
        for name, case in read(cases):
            for side in ("old", "new"):
                path = os.path.join(folder, side, name + ".proto")
                with open(path, "w") as file:
                    file.write(source(name, case[side]))
            for verdict in VERDICTS:
                print(name, verdict, *case[verdict], file=expected)


if __name__ == "__main__":
    main()
