#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# proxy.sh ROOT: print where vchan-socket-proxy is: upstream's own client of
# vchan, from Debian's xen-utils. The package is only downloaded and unpacked,
# once for each version, to where ./dev xen looks for it as well.
set -euo pipefail

readonly package=xen-utils-4.17
readonly packages=$1/build/xen/packages

die() {
	printf 'proxy: %s\n' "$*" >&2
	exit 1
}

# shellcheck source=tests/xen/packages.sh
source "$1/tests/xen/packages.sh"

[[ $(version "$package") ]] || apt-get update -q >&2
folder=$(unpacked "$package")
proxy=$folder/usr/lib/xen-4.17/bin/vchan-socket-proxy
[[ -x $proxy ]] || die "$proxy is missing"
echo "$proxy"
