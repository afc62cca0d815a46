# SPDX-License-Identifier: MIT
"""RabbitMQ, one node, as Debian has it, without plugins."""

import os
import socket
import subprocess
from pathlib import Path

from .servers import (Server, Unavailable, answers, end_with_parent,
                      find_program)

# The one on the PATH becomes another user.
PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
GREETING = b"AMQP\x00\x00\x09\x01"


def free_port():
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return link.getsockname()[1]


class RabbitMq(Server):
    """Erlang's nodes find each other by epmd, so it has one of its own. It
    ends when nobody has the other end of its standard input."""

    name = "rabbitmq"
    start_seconds = 60
    stdin = subprocess.PIPE

    def __init__(self, folder, programs, way):
        super().__init__(folder, programs)
        self.way = way
        self.port = free_port()
        self.epmd_port = free_port()
        self.epmd = None

    def environment(self):
        return {
            **os.environ,
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "kept"),
            "RABBITMQ_NODENAME": "bench@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def prepare(self):
        if not PROGRAM.exists():
            raise Unavailable("rabbitmq-server is not installed")
        self.epmd = subprocess.Popen(
            [find_program("epmd"), "-port", str(self.epmd_port),
             "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)

    def command(self):
        return [str(PROGRAM)]

    def is_ready(self):
        return answers(socket.AF_INET, ("127.0.0.1", self.port), GREETING)

    def announce(self):
        self.clients[self.way] = [self.programs / "bench-rabbitmq",
                                  "--address", str(self.port)]

    def stop(self):
        super().stop()
        if self.epmd is not None:
            self.epmd.terminate()
            self.epmd.wait()
