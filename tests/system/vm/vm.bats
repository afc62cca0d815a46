#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# helio-vm on a real bus, with real QEMUs, used by the example client. GUESTS is
# the folder of boot sectors that make_guest.py writes.

load ../cli/bus

# define NAME KIND: a machine; what it says comes by the FIFO NAME.serial.
define() {
	local fd

	mkfifo "$place/$1.serial"
	exec {fd}<>"$place/$1.serial"
	printf -v "serial_$1" %d "$fd"
	cat >"$place/machines/$1.vm" <<-END
		memory 8M
		accel tcg
		disk $GUESTS/$2.img snapshot
		extra -serial file:$place/$1.serial
	END
}

# Wait until a machine says that it is up.
until_up() {
	local fd=serial_$1 line

	IFS= read -r -t 30 -u "${!fd}" line
	[ "$line" = up ]
}

start_vm() {
	start vm serving helio-vm --machines "$place/machines" \
		--run "$place/monitors" "$@"
}

# end_vm SIGNAL: helio-vm, and not its machines.
end_vm() {
	kill "-$1" "${pid_vm:?}"
	wait "$pid_vm" || true
	rm -f "$place/vm.err"
}

# Kill a process that is nobody's child here, and wait until all that it had open
# is closed: it may stay a zombie.
kill_stranger() {
	local pid=$1 i

	kill -KILL "$pid"
	for ((i = 0; i < 400; i++)); do
		grep -qs '^State:[[:space:]]*[^Z]' "/proc/$pid/status" || return 0
		sleep 0.025
	done
	echo "process $pid does not end"
	return 1
}

# The QEMUs of this test: those of one machine, or all.
qemus() {
	local files

	mapfile -t files < <(grep -lzx "guest=${1:-.*}" \
		/proc/[0-9]*/cmdline 2>/dev/null)
	[ ${#files[@]} -eq 0 ] ||
		grep -lzF ":$place/" "${files[@]}" 2>/dev/null |
		cut -d / -f 3
}

# until_said FILE TEXT: wait until a line of the file has it.
until_said() {
	local i

	for ((i = 0; i < 400; i++)); do
		grep -qF -- "$2" "$place/$1" && return
		sleep 0.05
	done
	echo "no '$2' in $1:"
	cat "$place/$1" "$place/$1.err"
	return 1
}

setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/vm.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock
	mkdir "$place/machines" "$state"
	start_bus -o text
	define web obedient
	define deaf deaf
}

# Machines outlive all else that a test starts.
teardown() {
	local pid

	for pid in $(jobs -p); do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait || true
	for pid in $(qemus); do
		kill -KILL "$pid"
	done
	rm -rf "$place"
}

@test "a machine starts, is seen by subscribers and watchers, and stops" {
	start_vm
	start events subscribed helio sub 'helio.vm.v1.events.>' -o json
	start_aside watch vm-client watch
	until_said watch synced
	run -0 vm-client start web
	[ "$output" = "web STATE_RUNNING" ]
	until_up web
	# It has inherited nothing: neither from helio-vm nor from its parent.
	run -1 grep -E 'monitors$|memfd|deaf' <(readlink \
		"/proc/$(qemus web)/fd/"*)
	run -0 vm-client stop web 20000
	[ "$output" = "web STATE_STOPPED (the guest has shut down)" ]
	[ "$(qemus web)" = "" ]
	until_said watch "web STATE_STOPPED (the guest has shut down)"
	grep -qx "web STATE_DEFINED" "$place/watch"
	grep -qx "web STATE_RUNNING" "$place/watch"
	until_said events helio.vm.v1.events.web.stopped
	for kind in starting running stopping powerdown; do
		grep -qF "helio.vm.v1.events.web.$kind" "$place/events"
	done
	run -0 vm-client list
	[ "${lines[0]}" = "deaf STATE_DEFINED" ]
	[ "${#lines[@]}" = 2 ]
}

@test "a QEMU that is killed is told to all, and may be started again" {
	start_vm
	start events subscribed helio sub 'helio.vm.v1.events.deaf.failed' \
		--count 1
	start_aside watch vm-client watch deaf
	vm-client start deaf
	kill -KILL "$(qemus deaf)"
	until_said watch \
		"deaf STATE_FAILED (QEMU was ended by signal 9 (Killed))"
	wait "$pid_events"
	run -0 vm-client start deaf
	run -0 vm-client stop deaf 0
	[ "$output" = "deaf STATE_STOPPED" ]
}

@test "machines outlive helio-vm, however it ends" {
	start_vm
	vm-client start web
	until_up web
	before=$(qemus web)
	for signal in TERM KILL; do
		end_vm "$signal"
		[ "$(qemus web)" = "$before" ]
		start_vm
		start_aside watch vm-client watch web
		until_said watch "web STATE_RUNNING"
	done
	run -0 vm-client start web
	[ "$output" = "web STATE_RUNNING" ]
	run -0 vm-client stop web 20000
	[ "$output" = "web STATE_STOPPED (the guest has shut down)" ]
	vm-client start deaf
	end_vm KILL
	kill_stranger "$(qemus deaf)"
	start_vm
	run -0 vm-client list
	[ "${lines[0]}" = "deaf STATE_DEFINED" ]
}

@test "a bus that comes back finds machines and service as they were" {
	start_vm
	vm-client start web
	stop_bus
	rm "$place"/up*
	start_bus -o text
	run -0 vm-client list
	[ "${lines[1]}" = "web STATE_RUNNING" ]
	vm-client stop web 0
}

@test "two of them do not share a folder" {
	start_vm
	run -5 helio-vm --machines "$place/machines" --run "$place/monitors"
	[[ $output == *"$place/monitors: Device or resource busy"* ]]
}

@test "definitions are read again at SIGHUP, all or nothing" {
	start_vm
	start_aside watch vm-client watch
	until_said watch synced
	echo 'memory 8M' >"$place/machines/new.vm"
	rm "$place/machines/deaf.vm"
	kill -HUP "$pid_vm"
	until_said watch "new STATE_DEFINED"
	until_said watch "deaf STATE_UNDEFINED"
	echo 'memory lots' >"$place/machines/web.vm"
	kill -HUP "$pid_vm"
	until_said vm.err "web.vm:1: 'lots' is no number"
	run -0 vm-client list
	[ "${lines[1]}" = "web STATE_DEFINED" ]
	end_vm TERM
	run -2 helio-vm --machines "$place/machines" --run "$place/monitors"
	[[ $output == *"web.vm:1: 'lots' is no number"* ]]
}

@test "policy says who may, and a limit how many" {
	start_vm --limit 1
	enrol guest
	HELIOGRAPH_ADDRESS=$(as guest) run -1 vm-client start web
	[[ $output == *PERMISSION_DENIED* ]]
	echo 'allow vm:guest call helio.vm.v1.>' \
		>"$state/policy/10-guest.policy"
	helio reload
	HELIOGRAPH_ADDRESS=$(as guest) vm-client start web
	HELIOGRAPH_ADDRESS=$(as guest) run -1 vm-client start deaf
	[[ $output == *"RESOURCE_EXHAUSTED: vm:guest has 1 machines"* ]]
	run -0 vm-client start deaf
	run -1 vm-client start nobody
	[[ $output == *"NOT_FOUND: no machine is called nobody"* ]]
	vm-client stop web 0
	vm-client stop deaf 0
}
