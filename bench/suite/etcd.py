# SPDX-License-Identifier: MIT
"""etcd, one node, as Debian has it: it syncs before it answers."""

import re

from .servers import Server, find_program

ANY_PORT = "http://127.0.0.1:0"


class Etcd(Server):
    """It says in its log on which port it serves."""

    name = "etcd"

    def __init__(self, folder, programs, way):
        super().__init__(folder, programs)
        self.way = way

    def command(self):
        return [find_program("etcd"), "--name", "bench",
                "--data-dir", str(self.folder / "kept"),
                "--listen-client-urls", ANY_PORT,
                "--advertise-client-urls", ANY_PORT,
                "--listen-peer-urls", ANY_PORT,
                "--initial-advertise-peer-urls", ANY_PORT,
                "--initial-cluster", f"bench={ANY_PORT}",
                "--enable-grpc-gateway=false", "--log-outputs", "stderr"]

    def address(self):
        text = (self.folder / "log").read_text(errors="replace")
        found = re.search(r"client requests on (127\.0\.0\.1:[1-9]\d*)", text)
        return found and found.group(1)

    def is_ready(self):
        return self.address() is not None

    def announce(self):
        self.clients[self.way] = [self.programs / "bench-etcd", "--address",
                                  self.address()]
