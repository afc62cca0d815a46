# SPDX-License-Identifier: MIT
"""What a routed message costs the switch, in instructions.

heliod runs under callgrind; a client sets up peers, subscriptions and services,
and only then is counting switched on, the messages sent, and the count read.
"""

import re
import subprocess

from .servers import Unavailable, find_program

N_MESSAGES = 20032  # a multiple of bench-crowd's bursts
WAIT_SECONDS = 300

# Entry's way: the program; peers, subscriptions, and how many of those get
# messages, or how many services there are.
SIZES = {
    "10 subscriptions": ("bench-crowd", 1, 10, 10),
    "100000 subscriptions": ("bench-crowd", 1, 100000, 100000),
    "10 peers": ("bench-crowd", 10, 10, 10),
    "1000 peers": ("bench-crowd", 1000, 1000, 10),
    "10 services": ("bench-services", 10),
    "1000 services": ("bench-services", 1000),
}


def ask_callgrind(pid, command):
    subprocess.run([find_program("vgdb"), f"--pid={pid}", *command.split()],
                   check=True, timeout=WAIT_SECONDS, capture_output=True)


def read_line(crowd, expected):
    line = crowd.stdout.readline().strip()
    if line != expected:
        crowd.kill()
        raise Unavailable(f"crowd: {crowd.stderr.read().strip()}")


def count_instructions(server, crowd):
    read_line(crowd, "ready")
    ask_callgrind(server.pid, "instrumentation on")
    crowd.stdin.write("go\n")
    crowd.stdin.flush()
    read_line(crowd, "done")
    ask_callgrind(server.pid, "dump")
    text = (server.folder / f"callgrind.{server.pid}.1").read_text()
    return int(re.search(r"^totals: (\d+)", text, re.MULTILINE).group(1))


def measure_crowd(fleet, entry):
    program, *sizes = SIZES[entry.way]
    server = fleet.make(entry)
    try:
        server.start([find_program("valgrind"), "--tool=callgrind",
                      "--instr-atstart=no",
                      f"--callgrind-out-file={server.folder}/callgrind.%p"])
        command = [server.programs / program, server.crowd_address,
                   *sizes, N_MESSAGES]
        with subprocess.Popen([str(part) for part in command], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as crowd:
            total = count_instructions(server, crowd)
            crowd.stdin.close()
        return {"instructions": total / N_MESSAGES}
    finally:
        server.stop()
