#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# proxy.sh ROOT: print where vchan-socket-proxy is: upstream's own client of
# vchan, from Debian's xen-utils. The package is only downloaded and unpacked,
# once for each version, to where ./dev xen looks for it as well.
set -euo pipefail

readonly package=xen-utils-4.17
readonly kept=$1/build/xen/packages

die() {
	printf 'proxy: %s\n' "$*" >&2
	exit 1
}

version() {
	apt-cache show --no-all-versions "$package" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1
}

download() {
	local folder=$1 new

	mkdir -p "$kept"
	new=$(mktemp -d "$kept/new.XXXXXX")
	mkdir "$new/deb"
	(cd "$new/deb" && apt-get download -q "$package") >&2 ||
		die "cannot download $package"
	dpkg -x "$new"/deb/*.deb "$new"
	rm -r "$new/deb"
	chmod 755 "$new"
	mv -T "$new" "$folder" 2>/dev/null || rm -rf "$new"
}

[[ $(version) ]] || apt-get update -q >&2
folder=${kept}/${package}_$(version)
[[ -d $folder ]] || download "$folder"
proxy=$folder/usr/lib/xen-4.17/bin/vchan-socket-proxy
[[ -x $proxy ]] || die "$proxy is missing"
echo "$proxy"
