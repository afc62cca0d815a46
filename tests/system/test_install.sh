#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# test_install.sh BUILD SOURCE: what is installed can be used from outside by
# pkg-config and by CMake, shared and static, and exports nothing but helio_*.
set -euo pipefail

build=$1
source=$2
work=$(mktemp -d)
pids=()
exec 8<> <(:) # to wait on, for nothing comes
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
prefix=$work/prefix
cc=${CC:-cc}

fail() {
	echo "test_install: $*" >&2
	exit 1
}

# The program fails on an address of no known kind, and says so.
check_runs() {
	local said

	said=$(LD_LIBRARY_PATH=$libdir "$@" 2>&1) &&
		fail "$1 succeeded on an address that is none"
	[[ $said == nowhere:*"not supported" ]] || fail "$1 said: $said"
}

check_exports() {
	local stray

	nm -D --defined-only "$libdir/libheliograph.so" >"$work/exports"
	grep -q ' T helio_open@' "$work/exports" ||
		fail "helio_open is not exported"
	stray=$(awk '$2 != "A" && $3 !~ /^helio_/' "$work/exports")
	[[ -z $stray ]] || fail "exported too: $stray"
	readelf -d "$libdir/libheliograph.so" |
		grep -q 'SONAME.*libheliograph\.so\.0' ||
		fail "the soname is not libheliograph.so.0"
}

# Nothing of ours may get in the way of a program's own names.
check_archive() {
	local archive stray

	for archive in libheliograph.a libheliograph-rpc.a; do
		stray=$(nm --defined-only --extern-only "$libdir/$archive" |
			awk 'NF == 3 && $3 !~ /^helio_/')
		[[ -z $stray ]] || fail "$archive shows: $stray"
	done
}

# The client library must not need what typed calls do.
check_rpc() {
	local stray

	nm -D --defined-only "$libdir/libheliograph-rpc.so" >"$work/exports"
	grep -q ' T helio_client_new@' "$work/exports" ||
		fail "helio_client_new is not exported"
	grep -q ' T helio_log_read@' "$work/exports" ||
		fail "helio_log_read is not exported"
	[[ -e $prefix/include/heliograph-log.h ]] ||
		fail "heliograph-log.h is not installed"
	grep -q ' T helio_worker_new@' "$work/exports" ||
		fail "helio_worker_new is not exported"
	[[ -e $prefix/include/heliograph-store.h ]] ||
		fail "heliograph-store.h is not installed"
	stray=$(awk '$2 != "A" && $3 !~ /^helio_/' "$work/exports")
	[[ -z $stray ]] || fail "exported too: $stray"
	pkg-config --exists heliograph-rpc ||
		fail "pkg-config does not find heliograph-rpc"
}

# They name the prefix that was installed to, not the one that was configured.
check_pc() {
	local file said

	for file in "$libdir"/pkgconfig/*.pc; do
		said=$(pkg-config --variable=prefix "$file")
		[[ $(realpath -m "$said") == "$prefix" ]] ||
			fail "$file has the prefix '$said'"
	done
}

# Programs find the library beside them, whatever the prefix.
check_programs() {
	local program said

	for program in helio heliod helio-vm; do
		[[ -e $build/bin/$program ]] || continue
		"$prefix/bin/$program" --help >/dev/null ||
			fail "the installed $program does not run"
	done
	[[ -e $build/bin/helio-xen-agent ]] || return 0
	said=$("$prefix/bin/helio" xen-agent x 2>&1) || true
	[[ $said == "Usage: helio-xen-agent"* ]] ||
		fail "the installed helio does not find helio-xen-agent"
}

# What `helio --help` lists are commands, and each has a page.
check_pages() {
	local command n=0

	[[ -e $build/bin/helio ]] || return 0
	while read -r command; do
		[[ -s $prefix/share/man/man1/helio-${command// /-}.1 ]] ||
			fail "helio $command has no page"
		n=$((n + 1))
	done < <("$prefix/bin/helio" --help |
		sed -nE 's/^  ([a-z-]+( [a-z]+)?)  +[a-z].*/\1/p')
	for command in heliod helio-registry helio-logger helio-vm; do
		[[ ! -e $build/bin/$command ||
			-s $prefix/share/man/man8/$command.8 ]] ||
			fail "$command has no page"
	done
	((n >= 18)) || fail "helio --help lists $n commands only"
}

# What is for Xen is built and installed together, or helio says what lacks.
check_xen() {
	local file said

	if [[ ! -e $build/lib/libheliograph-vchan.so ]]; then
		said=$("$prefix/bin/helio" ping -c vchan:0/bus 2>&1) || true
		[[ $said == *"no module for vchan"* ]] ||
			fail "without vchan helio said: $said"
		return
	fi
	for file in "$libdir"/heliograph/libheliograph-vchan.so \
		"$libdir"/libheliograph-vchan.a \
		"$libdir"/pkgconfig/heliograph-vchan.pc \
		"$prefix"/libexec/heliograph/helio-xen-{agent,grant}; do
		[[ -e $file ]] || fail "not installed: $file"
	done
}

# await FILE TEXT: until a line of the file is this text.
await() {
	local i

	for ((i = 0; i < 100; i++)); do
		grep -qx "$2" "$1" && return
		read -rt 0.1 -u 8 || true
	done
	fail "$1 does not say '$2' but: $(cat "$1")"
}

# By pkg-config and without shared libraries of ours, $work/lamp.
link_typed() {
	local made=$work/outside/generated/lamp_calls flags

	read -ra flags < <(pkg-config --cflags --libs --static \
		heliograph-rpc)
	flags=("${flags[@]/-lheliograph-rpc/-l:libheliograph-rpc.a}")
	"$cc" -o "$work/lamp" "$source/examples/outside/lamp.c" -I"$made" \
		"$made"/lamp/v1/lamp.{helio,pb-c}.c \
		"${flags[@]/%-lheliograph/-l:libheliograph.a}"
}

# check_typed LAMP OTHER: the typed service and its clients of
# examples/outside, over a real switch.
check_typed() {
	local bus=shm:$work/run/bus.sock lamp=$1 other=$2 said

	mkdir -p "$work/etc/policy" "$work/run"
	echo 'schemas equal' >"$work/etc/heliod.conf"
	echo 'allow uid:* any lamp.v1.>' >"$work/etc/policy/10-lamp.policy"
	"$prefix/bin/heliod" --config "$work/etc" --run "$work/run" \
		--ready-fd 9 9>"$work/ready.log" 2>"$work/heliod.log" &
	pids+=($!)
	await "$work/ready.log" READY
	"$lamp" "$bus" serve >"$work/serve.log" 2>&1 &
	pids+=($!)
	await "$work/serve.log" ready
	"$lamp" "$bus" watch kitchen >"$work/watch.log" 2>&1 &
	pids+=($!)
	await "$work/watch.log" 0%
	said=$("$other" "$bus" set kitchen 70) || fail "$other said: $said"
	[[ $said == "it was at 0%" ]] || fail "$other said: $said"
	await "$work/watch.log" 70%
	said=$("$lamp" "$bus" set cellar 70 2>&1) && fail "there is a cellar"
	[[ $said == "set: NOT_FOUND: there is no such room" ]] ||
		fail "$lamp said: $said"
}

cmake --install "$build" --prefix "$prefix" >/dev/null
libdir=$(dirname "$(find "$prefix" -name libheliograph.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig

check_exports
check_archive
check_rpc
check_programs
check_pages
check_xen
[[ -e $libdir/heliograph/libheliograph-tcp.so ]] || fail "no module for tcp"

check_pc
read -ra flags < <(pkg-config --cflags --libs heliograph)
"$cc" -o "$work/shared" "$source/examples/outside/main.c" "${flags[@]}"
check_runs "$work/shared"

read -ra flags < <(pkg-config --cflags --libs --static heliograph)
"$cc" -o "$work/static" "$source/examples/outside/main.c" \
	"${flags[@]/-lheliograph/-l:libheliograph.a}"
check_runs "$work/static"

cmake -G Ninja -S "$source/examples/outside" -B "$work/outside" \
	-DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" ||
	fail "$(cat "$work/cmake.log")"
cmake --build "$work/outside" >"$work/cmake.log" ||
	fail "$(cat "$work/cmake.log")"
check_runs "$work/outside/outside"
check_runs "$work/outside/lamp" nowhere:at/all serve
link_typed
[[ ! -e $build/bin/heliod ]] ||
	check_typed "$work/outside/lamp" "$work/lamp"

# With the .proto files that are installed.
cmake -G Ninja -S "$source/examples/fleet" -B "$work/fleet" \
	-DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" ||
	fail "$(cat "$work/cmake.log")"
cmake --build "$work/fleet" >"$work/cmake.log" ||
	fail "$(cat "$work/cmake.log")"
said=$(HELIOGRAPH_ADDRESS=nowhere: "$work/fleet/fleet" ls 2>&1) &&
	fail "there is a fleet on no bus"
[[ $said == "fleet: no bus: "* ]] || fail "fleet said: $said"

# A static program with vchan alone, for guests that have nothing else.
if [[ -e $libdir/libheliograph-vchan.a ]]; then
	read -ra flags < <(pkg-config --cflags --libs --static \
		heliograph-vchan)
	"$cc" -static -Wl,--gc-sections -o "$work/vchan" \
		"$source/examples/outside/main.c" "${flags[@]}" \
		2>"$work/link.log" || fail "$(cat "$work/link.log")"
	strip "$work/vchan"
	size=$(stat -c %s "$work/vchan")
	((size < 1024 * 1024)) ||
		fail "a static client with vchan has $size bytes"
	# There is no Xen here, or nothing in it, but the transport is.
	said=$("$work/vchan" vchan:32751/none 2>&1) &&
		fail "a static client connected to nobody"
	[[ $said == vchan:* && $said != *"not supported" ]] ||
		fail "a static client said: $said"
fi
