#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fresh.sh ROOT [VERB ARG...]: do ./dev VERB, or else `run --once` and `test`,
# on the committed state of ROOT in a new Debian 12 that has nothing but git.
#
# ./dev fresh starts this in mount and process namespaces of its own: what is
# mounted or still runs here goes away with the last of them.
set -euo pipefail

source=$1
shift
readonly suite=bookworm
readonly base=$source/build/fresh/$suite.tar
readonly new=$source/build/fresh/root
readonly home=/root/heliograph
readonly base_max_days=14
readonly certificates=/etc/ssl/certs/ca-certificates.crt

say() {
	printf '== fresh: %s\n' "$*" >&2
}

# Where this machine takes the suite's packages from.
mirror() {
	apt-get indextargets --format "\$(SITE)" "Codename: $suite" \
		'Created-By: Packages' | head -n 1
}

# The unpacked base is kept for a while, for it is always the same.
make_base() {
	local site

	[[ -f $base && -z $(find "$base" -mtime "+$base_max_days") ]] && return
	site=$(mirror)
	[[ $site ]] || apt-get update -q
	site=${site:-$(mirror)}
	say "making the base with debootstrap"
	rm -rf --one-file-system "$new"
	debootstrap --variant=minbase --include=git,ca-certificates \
		"$suite" "$new" "$site" >"$source/build/fresh/debootstrap.log"
	rm -rf "$new"/var/cache/apt/archives/*.deb
	tar -C "$new" --one-file-system -cf "$base.new" .
	mv "$base.new" "$base"
}

unpack_base() {
	rm -rf --one-file-system "$new"
	mkdir -p "$new"
	tar -C "$new" -xf "$base"
}

# A registry that only this machine's own settings reach must be reached from
# inside as well.
copy_settings() {
	rm -rf "$new/etc/apt"
	cp -a /etc/apt "$new/etc/apt"
	cp -a /usr/share/keyrings/. "$new/usr/share/keyrings/"
	cp -L /etc/resolv.conf /etc/hosts "$new/etc/"
	[[ ! -f $certificates ]] || cp -L "$certificates" "$new$certificates"
}

mount_system() {
	mount -t proc proc "$new/proc"
	mount -t sysfs -o ro sysfs "$new/sys"
	mount --rbind /dev "$new/dev"
	mount -t tmpfs tmpfs "$new/tmp"
	mount -t tmpfs tmpfs "$new/run"
}

# Only what is committed counts.
copy_source() {
	[[ -z $(git -C "$source" status --porcelain) ]] ||
		say "uncommitted changes are left out"
	git clone -q --no-local "$source" "$new$home"
}

# What stands in the caller's environment must not help, but for proxies.
inside() {
	local kept=() name

	for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY \
		NO_PROXY CI; do
		[[ -z ${!name:-} ]] || kept+=("$name=${!name}")
	done
	chroot "$new" /usr/bin/env -i -C "$home" HOME=/root \
		TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		"${kept[@]}" "$@"
}

timed() {
	local start=$SECONDS

	say "$*"
	inside "$@"
	say "$* took $((SECONDS - start)) s"
}

trap 'umount -R -l "$new/dev" "$new/proc" "$new/sys" "$new/tmp" "$new/run" \
	2>/dev/null || true' EXIT

mkdir -p "$source/build/fresh"
make_base
unpack_base
copy_settings
mount_system
copy_source
if [[ $# -gt 0 ]]; then
	timed ./dev "$@"
else
	timed ./dev run --once
	timed ./dev test
fi
