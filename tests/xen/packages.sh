# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# packages.sh: sourced by who needs a Debian package that is not installed, only
# downloaded and unpacked, once for each version, below $packages. Several may
# do it at a time.

: "${packages:?}"

# version PACKAGE: the one that apt would install; nothing if it knows none.
version() {
	apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1
}

# download PACKAGE FOLDER
download() {
	local name=$1 folder=$2 new

	mkdir -p "$packages" || return 1
	new=$(mktemp -d "$packages/new.XXXXXX") || return 1
	mkdir "$new/deb"
	if ! (cd "$new/deb" && apt-get download -q "$name") >&2; then
		rm -rf "$new"
		return 1
	fi
	dpkg -x "$new"/deb/*.deb "$new" || return 1
	rm -r "$new/deb"
	chmod 755 "$new"
	mv -T "$new" "$folder" 2>/dev/null || rm -rf "$new"
}

# unpacked PACKAGE: the folder into which its newest version is unpacked.
unpacked() {
	local folder

	folder=$packages/${1}_$(version "$1")
	[[ -d $folder ]] || download "$1" "$folder" ||
		die "cannot download $1"
	echo "$folder"
}
