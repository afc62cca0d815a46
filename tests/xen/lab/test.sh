# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# test.sh FILE NAME: one test, in a shell of its own.
# shellcheck source=tests/xen/lab/domain.sh
. /lab/domain.sh
# shellcheck source=tests/xen/lab/steps.sh
. /lab/steps.sh
# shellcheck source=tests/xen/lab/bus.sh
. /lab/bus.sh
# shellcheck source=/dev/null
. "$1"

name=$2
set -eu
"$name"
