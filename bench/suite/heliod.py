# SPDX-License-Identifier: MIT
"""Heliograph's switch, as it is measured: policy, quotas and statistics on."""
from .servers import Server, Unavailable


class Heliod(Server):
    name = "heliograph"

    def start(self, prefix=()):
        raise Unavailable("not there yet")
