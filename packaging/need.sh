#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# need.sh PURPOSE...: install what is missing of the Debian packages that the
# lists of these purposes name, in packages/ beside this file. When nothing is
# missing it neither needs root nor the network.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/packages"
readonly log=../../build/log/apt.log

die() {
	printf 'dev: %s\n' "$*" >&2
	exit 1
}

# The packages of the given purposes, one a line.
packages_of() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | sort -u
}

# Those of the given packages, which are sorted, that are not installed.
packages_missing() {
	comm -23 <(printf '%s\n' "$@") \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
			2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends "$@"
}

# Old package lists can lack a package or name a version that is gone, so a
# failure is believed only after an update.
install_packages() {
	mkdir -p "$(dirname "$log")"
	printf '== installing: %s\n' "$*" >&2
	apt_install "$@" >"$log" 2>&1 && return
	apt-get update -q >>"$log" 2>&1 || true
	apt_install "$@" >>"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		die "apt-get could not install: $* (see build/log/apt.log)"
	}
}

command -v dpkg-query >/dev/null ||
	die "this is no Debian: install what packaging/packages/ lists"
mapfile -t wanted < <(packages_of "$@")
mapfile -t missing < <(packages_missing "${wanted[@]}")
[[ ${#missing[@]} -gt 0 ]] || exit 0
[[ $(id -u) -eq 0 ]] ||
	die "not root, and these packages are missing: ${missing[*]}"
install_packages "${missing[@]}"
