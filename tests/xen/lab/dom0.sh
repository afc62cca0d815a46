#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The init of dom0 in the laboratory: starts what a Xen host needs, then the
# guests, then the tests one after the other. The serial console is how the
# host learns of it: lines that begin with @.
# shellcheck source=tests/xen/lab/domain.sh
. /lab/domain.sh
# shellcheck source=tests/xen/lab/steps.sh
. /lab/steps.sh
# shellcheck source=tests/xen/lab/bench.sh
. /lab/bench.sh

readonly test_s=100

# Jobs are named in xenstore. A guest may own 1,000 nodes and write none above
# 2 KiB unless told, and the names of a node's children count as part of it: a
# whole run needs more of both.
host_init() {
	mkdir -p /dev/pts /dev/shm /run/lab
	echo 0 >/run/lab/n_jobs
	mount -t devpts devpts /dev/pts
	mount -t tmpfs tmpfs /dev/shm
	mount -t xenfs xenfs /proc/xen
	xenstored --entry-nb 20000 --entry-size 65536 --pid-file /run/xenstored.pid
	xen-init-dom0 >/dev/null
	mkdir -p /var/log/xen/console
	xenconsoled --log=guest --log-dir=/var/log/xen/console \
		--pid-file=/run/xenconsoled.pid
}

# option NAME: what run.sh gave dom0's kernel as lab.NAME=VALUE.
option() {
	sed -n "s/.*lab\\.$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline
}

# The tests of a file, in the order in which they stand there.
tests_of() {
	sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$1"
}

# What a test that failed left behind must not be in the way of others.
end_jobs() {
	local job

	while read -r job; do
		has_ended "$job" || stop "$job" KILL
	done </run/lab/jobs
}

# What a test says is kept with the logs; its verdict is a line of its own.
run_test() {
	local file=$1 name=$2
	local start rc

	start=$(now_ms)
	: >/run/lab/jobs
	timeout -s KILL "$test_s" sh /lab/test.sh "$file" "$name" \
		>/lab/log/test 2>&1
	rc=$?
	n=$((n + 1))
	sed "s/^/@test $n /" /lab/log/test >/dev/console
	if [ "$rc" -eq 0 ]; then
		report "ok $n $name $(($(now_ms) - start)) ms"
	else
		report "not ok $n $name: $(tail -n 1 /lab/log/test) ($rc)"
		end_jobs >/dev/null 2>&1
	fi
}

run_tests() {
	local only=$1
	local n=0 file name

	for file in /lab/tests/*.sh; do
		for name in $(tests_of "$file"); do
			case $file/$name in
			*"$only"*) run_test "$file" "$name" ;;
			esac
		done
	done
}

export HELIOGRAPH_ADDRESS=shm:/run/bus/bus.sock
domain_init
host_init
report "dom0 is up"
serve_jobs &
create web
create db
await_up web
await_up db
report "guests are up"
case $(option mode) in
bench) run_bench ;;
shell) setsid sh -c 'exec sh </dev/hvc0 >/dev/hvc0 2>&1' ;;
*) run_tests "$(option only)" ;;
esac
end_logs
report "end"
poweroff -f
