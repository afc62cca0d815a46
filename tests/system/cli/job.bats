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
	helio job submit work ''
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

@test "a body is any bytes, of standard input when none is given" {
	local body='j.get("body"), j.get("body_base64")'

	printf 'x\0\377' | helio job submit work
	[ "$(helio job show work 1 -o json | json "$body")" = \
		"(None, 'eAD/')" ]
	printf 'plain' | helio job submit work -
	[ "$(helio job show work 2 -o json | json "$body")" = \
		"('plain', None)" ]
	helio job submit work '' <<<'not read'
	[ "$(helio job show work 3 -o json | json "$body")" = "('', None)" ]
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

@test "a command does jobs: body in, result out, the job around it" {
	local id

	start_aside worker helio job work work --command \
		'echo "$HELIO_JOB_ID $HELIO_JOB_KEY $HELIO_JOB_ATTEMPT"; tr a-z A-Z'
	id=$(helio job submit work hello -k mine)
	[ "$(helio job wait work "$id")" = "$id mine 1"$'\n'HELLO ]
	[ "$(helio job wait work -k mine -o json | json 'j["state"]')" = done ]
	kill -TERM "$pid_worker"
	wait "$pid_worker"
	run -2 helio job work work
	[ "$output" = 'helio: work: --command is missing' ]
	run -2 helio job work work --command x --parallel 0
	run -2 helio job work work --command x --lease 1ms
	run -3 helio job work nowhere --command x
	[[ $output == *"nowhere: NOT_FOUND"* ]]
	run -3 helio job wait work 999
	run -2 helio job wait work
	run -5 helio job wait work "$(helio job submit work x)" --timeout 500ms
	[[ $output == *"it has not ended yet" ]]
}

@test "a job fails and is tried again, and one status is final" {
	local id

	id=$(helio job submit work flaky)
	run -0 helio job work work -n 2 --command \
		'[ "$HELIO_JOB_ATTEMPT" = 2 ] || { echo not yet >&2; exit 75; }'
	[ "$output" = 'not yet' ]
	helio job wait work "$id"
	id=$(helio job submit work poison)
	helio job work work -n 1 --command 'echo no >&2; exit 65' 2>/dev/null
	run -1 helio job wait work "$id"
	[ "$output" = "helio: work/$id: dead: no" ]
	[ "$(helio job show work "$id" -o json | json 'j["attempts"]')" = 1 ]
	id=$(helio job submit work long)
	helio job work work -n 2 --command 'head -c 70000 /dev/zero'
	run -1 helio job wait work "$id"
	[[ $output == *"dead: the result is longer than 65536 bytes" ]]
	id=$(helio job submit work killed)
	helio job work work -n 2 --command 'kill -9 $$'
	run -1 helio job wait work "$id"
	[[ $output == *"dead: the command was ended by Killed" ]]
}

@test "jobs at once, and what runs goes on to its end" {
	mkfifo "$place/gate"
	# Open here, so that nothing is lost before both have come to it.
	exec {gate}<>"$place/gate"
	start_aside worker helio job work work -j 2 --command \
		"echo >>$place/begun; read -r line <$place/gate"
	helio job submit work ''
	helio job submit work ''
	helio job submit work ''
	until_lines begun 2
	kill -TERM "$pid_worker"
	printf 'go\ngo\n' >&"$gate"
	wait "$pid_worker"
	[ "$(wc -l <"$place/begun")" = 2 ]
	[ "$(helio job ls work -s waiting -o json | json 'len(j)')" = 1 ]
}

@test "a second signal gives jobs back" {
	touch "$place/begun"
	start_aside worker helio job work work --command \
		"echo >>$place/begun; exec tail -f /dev/null"
	helio job submit work ''
	until_lines begun 1
	kill -TERM "$pid_worker"
	until grep -q 'no more jobs are taken' "$place/worker.err"; do :; done
	kill -TERM "$pid_worker"
	wait "$pid_worker"
	[ "$(helio job show work 1 -o json |
		json 'j["state"], j["attempts"]')" = "('waiting', 0)" ]
}

@test "a job that is cancelled is ended" {
	touch "$place/begun"
	start_aside worker helio job work work --lease 1s --command \
		"echo \$\$ >>$place/begun; exec tail -f /dev/null"
	helio job submit work ''
	until_lines begun 1
	helio job cancel work 1
	until grep -q 'work/1: the lease is lost' "$place/worker.err"; do :; done
	while [ -e "/proc/$(cat "$place/begun")" ]; do :; done
	kill -TERM "$pid_worker"
	wait "$pid_worker"
}

@test "a worker and who waits go on after the store was killed" {
	mkfifo "$place/gate"
	touch "$place/begun"
	start_aside worker helio job work work --command \
		"echo >>$place/begun; read -r line <$place/gate; echo \$line"
	helio job submit work ''
	until_lines begun 1
	start_aside waiter helio job wait work 1 --wait
	kill -9 "$(children_called "$pid_up" helio-store)"
	printf 'well\n' >"$place/gate"
	wait "$pid_waiter"
	[ "$(cat "$place/waiter")" = well ]
	[ "$(wc -l <"$place/begun")" = 1 ]
	kill -TERM "$pid_worker"
	wait "$pid_worker"
}
