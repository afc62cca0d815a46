#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# helio logger pipe ends, whatever holds it up.

load bus

setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/pipe.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock TZ=UTC
	start_bus -o text
	await_logger
	helio log create events -p 'demo.>'
	make_stayer
}

# start_pipe ARGUMENT...: its process is $pid_pipe.
start_pipe() {
	helio logger pipe --subject demo.p "$@" 2>"$place/pipe.err" 3>&- &
	pid_pipe=$!
}

# ends STATUS: the pipe does within 20 s, with this exit status.
ends() {
	local status=0

	for _ in {1..400}; do
		kill -0 "$pid_pipe" 2>/dev/null || break
		sleep 0.05
	done
	if kill -9 "$pid_pipe" 2>/dev/null; then
		echo "it hangs"
		children "${pid_up:?}" | xargs kill -CONT "$pid_up"
		return 1
	fi
	wait "$pid_pipe" || status=$?
	[ "$status" = "$1" ]
}

# is_stored LINE: it is, soon.
is_stored() {
	for _ in {1..400}; do
		helio log --subject demo.p -o cat | grep -qx "$1" && return
		sleep 0.05
	done
	return 1
}

# A program that stays until it is ended: `sh $place/stay`.
make_stayer() {
	echo "echo \$\$ >$place/stayer.new; mv $place/stayer.new $place/stayer
		exec sleep 300" >"$place/stay"
}

end_stayer() {
	kill -0 "$(<"$place/stayer")"
	kill -9 "$(<"$place/stayer")"
}

# gone: the one that should not stay did not.
gone() {
	run ! kill -0 "$(<"$place/stayer")"
}

@test "a command whose lines are refused is ended, though it says nothing more" {
	helio logger pipe --subject nowhere.p -- \
		sh -c "trap '' TERM; echo x; exec sh $place/stay" 2>"$place/pipe.err" 3>&- &
	pid_pipe=$!
	ends 1
	grep -q FAILED_PRECONDITION "$place/pipe.err"
	gone
}

@test "what is left behind is shipped until the pipe is told to end" {
	start_pipe -- sh -c "(echo late; exec sh $place/stay) & echo now; exit 7"
	is_stored now
	is_stored late
	kill -TERM "$pid_pipe"
	ends 7
	end_stayer
}

@test "what the command started does not hold up its end" {
	start_pipe -- sh -c "echo x; sh $place/stay; echo y"
	is_stored x
	until [ -s "$place/stayer" ]; do sleep 0.05; done
	kill -TERM "$pid_pipe"
	ends 143
	end_stayer
}

@test "last words are stored" {
	start_pipe -- sh -c 'trap "echo bye; exit 5" TERM; echo x
		while :; do sleep 0.05; done'
	is_stored x
	kill -TERM "$pid_pipe"
	ends 5
	is_stored bye
}

@test "it ends while nothing is stored and its command is held up" {
	kill -STOP "$(children_called "$pid_up" helio-logger)"
	start_pipe --timeout 1s -- sh -c "trap '' TERM; echo \$\$ >$place/stayer
		exec yes"
	until [ -s "$place/stayer" ]; do sleep 0.05; done
	kill -TERM "$pid_pipe"
	ends 5
	gone
	kill -CONT "$(children_called "$pid_up" helio-logger)"
}

@test "the command ends while the switch is away" {
	start_pipe --timeout 1s -- sh -c "echo x; exec sh $place/stay"
	is_stored x
	until [ -s "$place/stayer" ]; do sleep 0.05; done
	kill -STOP "$pid_up"
	kill -9 "$(children_called "$pid_up" heliod)"
	kill -TERM "$(<"$place/stayer")"
	ends 143
	kill -CONT "$pid_up"
}

@test "lines come while the switch is away, and nobody brings it back" {
	start_pipe --timeout 1s -- sh -c "echo x
		until [ -e $place/go ]; do sleep 0.05; done; echo y"
	is_stored x
	kill -STOP "$pid_up"
	kill -9 "$(children_called "$pid_up" heliod)"
	touch "$place/go"
	ends 5
	grep -q '1 lines are not known to be stored' "$place/pipe.err"
	kill -CONT "$pid_up"
}
