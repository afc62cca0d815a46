#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# test_no_xen.sh SOURCES: where there is no libxen-dev everything but vchan is
# built all the same, and an address of it is refused with the reason.
#
# Nothing is uninstalled: pkg-config sees a folder in which Xen's files are
# missing, and the compiler finds headers of their names that are errors.
set -euo pipefail

sources=$1
readonly headers="xenstore.h xenevtchn.h xengnttab.h xenctrl.h libxenvchan.h"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	printf 'test_no_xen: %s\n' "$*" >&2
	exit 1
}

# Every package that pkg-config knows but Xen's.
hide_packages() {
	local folder file

	mkdir "$work/packages"
	tr : '\n' <<<"$(pkg-config --variable pc_path pkg-config)" |
		while IFS= read -r folder; do
			for file in "$folder"/*.pc; do
				[[ ! -e $file || ${file##*/} == xen* ]] ||
					ln -sf "$file" "$work/packages/"
			done
		done
	export PKG_CONFIG_LIBDIR=$work/packages
	unset PKG_CONFIG_PATH
	! pkg-config --exists xenstore || fail "xenstore is found still"
}

# Who includes one without being of vchan does not compile.
hide_headers() {
	local header

	mkdir "$work/headers"
	for header in $headers; do
		echo "#error \"$header is of libxen-dev\"" \
			>"$work/headers/$header"
	done
	export CPATH=$work/headers
}

# expect STATUS TEXT COMMAND...: how it ends, and what it says on standard error.
expect() {
	local status=$1 text=$2 rc=0

	shift 2
	HELIOGRAPH_MODULE_DIR=$work/build/lib timeout 20 "$@" \
		>"$work/out" 2>&1 </dev/null || rc=$?
	[[ $rc -eq $status ]] || {
		cat "$work/out" >&2
		fail "$*: status $rc, not $status"
	}
	grep -qF -- "$text" "$work/out" || {
		cat "$work/out" >&2
		fail "$*: does not say: $text"
	}
}

hide_packages
hide_headers
cmake -G Ninja -S "$sources" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug \
	-DHELIO_BENCH=OFF >"$work/configure" 2>&1 || {
	cat "$work/configure" >&2
	fail "it does not configure"
}
tr -s '\n ' ' ' <"$work/configure" | grep -qF \
	"no libxen-dev: nothing of vchan is built, neither the module nor" ||
	fail "nobody is told that vchan is missing"
cmake --build "$work/build" --target helio heliod -- --quiet

for program in helio heliod; do
	! readelf -d "$work/build/bin/$program" | grep -F "[libxen" ||
		fail "$program needs Xen's libraries"
done
! ninja -C "$work/build" -t targets all |
	grep -E '^(heliograph-vchan|helio-xen-(agent|grant)):' ||
	fail "what needs Xen's libraries is built all the same"

expect 2 "no module for vchan: " \
	"$work/build/bin/helio" ping -c vchan:0/heliograph
mkdir -p "$work/etc/policy" "$work/run"
echo "listen vchan:*/heliograph" >"$work/etc/heliod.conf"
expect 70 "no module for vchan: " \
	"$work/build/bin/heliod" --config "$work/etc" --run "$work/run"
