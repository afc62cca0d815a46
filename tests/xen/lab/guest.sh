#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The init of a guest in the laboratory.
# shellcheck source=tests/xen/lab/domain.sh
. /lab/domain.sh

domain_init
xenstore-write data/up 1
serve_jobs
poweroff -f
