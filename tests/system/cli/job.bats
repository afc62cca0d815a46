#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/job.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock TZ=UTC
	start_bus -o text
	await_store
	helio queue create work --lease 5s --attempts 2 --backoff 10ms
}

@test "a queue is made, shown, changed and dropped" {
	run -0 helio queue create work --lease 5s --attempts 2 --backoff 10ms
	[ "$output" = 'helio: work: it was there already' ]
	run -1 helio queue create work --lease 6s
	[[ $output == *"work: ALREADY_EXISTS"* ]]
	helio job submit work
	helio queue show work | grep -qx '  waiting            1'
	helio queue show work | grep -qx '  lease              5.0s'
	[ "$(helio queue show work -o json | json 'j["config"]["backoff_ms"]')" \
		= 10 ]
	helio queue change work --paused
	helio queue ls | grep -q '^work .*yes'
	run -2 helio queue change work --paused --resumed
	[ "$output" = 'helio: work: --paused or --resumed, not both' ]
	[ "$(helio queue change work --resumed -o json |
		json 'j["config"]["is_paused"]')" = False ]
	run -2 helio queue change work --lease soon
	[[ $output == *"--lease is a time like 30s, 12h or 7d, not 'soon'"* ]]
	helio queue drop work
	run -3 helio queue show work
	run -3 helio queue drop work
	run -3 helio queue change work --paused
}

@test "a job is submitted, shown, cancelled and tried after all" {
	local id

	id=$(helio job submit work 'do "it"' -k k1 --priority=-3 \
		--order-key door --content-type text/plain --within 1h)
	run -0 --separate-stderr helio job submit work 'do "it"' -k k1
	[ "$output" = "$id" ]
	[ "$stderr" = 'helio: work/k1: it was there already' ]
	run -1 helio job submit work other -k k1
	[[ $output == *"work/k1: ALREADY_EXISTS"* ]]
	run -0 helio job show work "$id"
	[ "${lines[0]}" = "work $id" ]
	[[ $output == *"body"*'"do \"it\""'* && $output == *"priority"*-3* ]]
	[ "$(helio job show work -k k1 -o json |
		json 'j["state"], j["body"], j["priority"], j["order_key"]')" \
		= "('waiting', 'do \"it\"', -3, 'door')" ]
	helio job ls work | grep -q "^ *$id  waiting .* k1 *door"
	helio job cancel work "$id"
	run -1 helio job cancel work "$id"
	[ "$output" = "helio: work/$id: it had ended already: cancelled" ]
	[ "$(helio job ls work -s cancelled -o json | json 'len(j)')" = 1 ]
	[ "$(helio job ls work -s waiting -o json | json 'len(j)')" = 0 ]
	helio job retry work "$id"
	[ "$(helio job ls work -s waiting -o json | json 'len(j)')" = 1 ]
}

@test "a job that is not named well, or is not there" {
	run -3 helio job submit nowhere x
	[[ $output == *"nowhere: NOT_FOUND"* ]]
	run -2 helio job submit work x --priority high
	[[ $output == *"--priority is a whole number, not 'high'"* ]]
	run -2 helio job submit work x --not-before whenever
	run -2 helio job submit work x --deadline whenever
	run -3 helio job show work 999
	[[ $output == *"work/999: NOT_FOUND"* ]]
	run -3 helio job show work -k none
	[[ $output == *"work/none: NOT_FOUND"* ]]
	run -2 helio job show work
	run -2 helio job show work 1 -k none
	run -2 helio job cancel work one
	[ "$output" = "helio: ID is a number, not 'one'" ]
	run -3 helio job cancel work 999
	run -3 helio job retry work 999
	run -3 helio job ls nowhere
	run -2 helio job ls work -s asleep
}

@test "who submits sees his own jobs only" {
	enrol web
	helio job submit work theirs
	echo 'allow vm:web job-submit work' >>"$state"/policy/*.policy
	helio reload
	helio job submit work ours -k mine -c "$(as web)"
	[ "$(helio job show work -k mine -c "$(as web)" -o json |
		json 'j["body"]')" = ours ]
	helio job cancel work 2 -c "$(as web)"
	run -3 helio job show work 1 -c "$(as web)"
	run -3 helio job cancel work 1 -c "$(as web)"
	run -4 helio job ls work -c "$(as web)"
	[[ $output == *"work: PERMISSION_DENIED"*job-work* ]]
	run -4 helio queue drop work -c "$(as web)"
	[[ $output == *"work: PERMISSION_DENIED"*job-work* ]]
}
