# SPDX-License-Identifier: MIT
"""The bench: servers, rows, measuring and reporting."""
