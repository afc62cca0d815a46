#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The bridge from Debian's xenstored itself, without Xen: what that needs of the
# hypervisor is stood in for. XEN_TESTS is where the stand-in is and what speaks
# to xenstored, PROXY_SH finds the package.

load ../cli/bus

setup_file() {
	XENSTORED=$(dirname "$("$PROXY_SH" "$ROOT")")/xenstored
	export XENSTORED
}

# What it is asked stands in the file of its name.
start_xenstored() {
	rm -f "$place/xen/socket"
	XENSTORED_RUNDIR=$place/xen \
		LD_PRELOAD=$XEN_TESTS/libxenstored-standin.so start_aside "$1" \
		"$XENSTORED" --no-fork --internal-db --trace-file "$place/$1" \
		--pid-file "$place/xen/pid"
	until [ -S "$place/xen/socket" ]; do sleep 0.05; done
}

start_bridge() {
	start_aside bridge helio-xenstore --tree /tool/lab \
		--tree '/local/domain/*/data' --address "$HELIOGRAPH_ADDRESS" \
		--ready-fd 1
	until_lines bridge 1
}

setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/bus.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock
	export XENSTORED_PATH=$place/xen/socket
	PATH=$XEN_TESTS:$PATH
	mkdir "$place/xen"
	start_xenstored first
	start_bus -o text
	start_bridge
}

# await TEXT [BUCKET]: until the bucket is so.
await() {
	local i bucket=${2:-xenstore}

	for ((i = 0; i < 400; i++)); do
		[[ $(helio kv ls "$bucket" -f 2>/dev/null) != "$1" ]] || return 0
		sleep 0.05
	done
	helio kv ls "$bucket" -f
	return 1
}

# How often it was asked so, in the life of a name.
asked() {
	grep -c "^IN .* $2 " "$place/$1" || true
}

@test "what is written, removed and made again is in the bucket" {
	xenstore-write /tool/lab/a/b 1 /tool/lab/c 2 /tool/x 3
	await '/tool/lab = ""
/tool/lab/a = ""
/tool/lab/a/b = "1"
/tool/lab/c = "2"'
	xenstore-rm /tool/lab
	xenstore-write /tool/lab/a/new 4 /local/domain/7/data/d 5
	await '/local/domain/7/data = ""
/local/domain/7/data/d = "5"
/tool/lab = ""
/tool/lab/a = ""
/tool/lab/a/new = "4"'
	xenstore-rm /tool /local/domain/7
	await ''
}

@test "xenstored has two watches and no transaction, and little is read" {
	local i before

	xenstore-write /tool/lab/a 0
	await '/tool/lab = ""
/tool/lab/a = "0"'
	before=$(asked first READ)
	for i in {1..20}; do
		xenstore-write /tool/lab/a "$i" /tool/x "$i"
	done
	await '/tool/lab = ""
/tool/lab/a = "20"'
	[ "$(asked first WATCH)" = 2 ]
	[ "$(asked first TRANSACTION_START)" = 0 ]
	[ "$(($(asked first READ) - before))" -le 20 ]
}

@test "another xenstored has other things, and the bucket follows" {
	xenstore-write /tool/lab/a 1 /tool/lab/b 2
	await '/tool/lab = ""
/tool/lab/a = "1"
/tool/lab/b = "2"'
	kill -KILL "${pid_first:?}"
	start_xenstored second
	xenstore-write /tool/lab/b 3
	await '/tool/lab = ""
/tool/lab/b = "3"'
	[ "$(asked second WATCH)" = 2 ]
}

@test "a directory that is larger than a message is mirrored" {
	local i words=()

	for ((i = 0; i < 600; i++)); do
		words+=("/tool/lab/a-long-name-of-a-node-$i" x)
	done
	kill -TERM "${pid_bridge:?}"
	xenstore-write "${words[@]}"
	start_bridge
	until [ "$(helio kv ls xenstore -f | wc -l)" = 601 ]; do
		sleep 0.1
	done
}

@test "helio up starts a bridge for each bucket, and again" {
	kill -TERM "${pid_bridge:?}"
	stop_bus
	xenstore-write /tool/lab/a 1 /tool/desk/b 2 /local/domain/7/data/d 3
	start_bus --xenstore /tool/lab=tools \
		--xenstore '/local/domain/*/data' --xenstore /tool/desk=tools
	await '/tool/desk = ""
/tool/desk/b = "2"
/tool/lab = ""
/tool/lab/a = "1"' tools
	await '/local/domain/7/data = ""
/local/domain/7/data/d = "3"'
	[ "$(children_called "$pid_up" helio-xenstore | wc -l)" = 2 ]
	children_called "$pid_up" helio-xenstore | xargs kill -KILL
	xenstore-write /tool/lab/a 4
	xenstore-rm /tool/desk
	await '/tool/lab = ""
/tool/lab/a = "4"' tools
	stop_bus
}
