#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

@test "ls shows peers, subscriptions and services" {
	start sub subscribed helio sub 'a.>' --queue g
	start reply serving helio reply b.c ok
	run -0 helio ls
	[[ $output == *PRINCIPAL* && $output == *helio* ]]
	[[ $output != *$'\e'* ]]
	run -0 helio ls subscriptions -o json
	# The store has one, too.
	[ "$(json '[(s["pattern"], s["group"]) for s in j if s["group"]]' \
		<<<"$output")" = "[('a.>', 'g')]" ]
	run -0 helio ls services -o json
	[ "$(json '"b.c" in [s["name"] for s in j]' <<<"$output")" = True ]
	run -0 helio ls peers -o json
	[ "$(json 'len(j) >= 3' <<<"$output")" = True ]
	run -2 helio ls everything
}

@test "drain takes an instance out of its service" {
	start reply1 serving helio reply b.c one
	run -0 helio ls services -o json
	instance=$(json '[s["instance"] for s in j if s["name"] == "b.c"][0]' \
		<<<"$output")
	run -0 helio drain "$instance"
	[[ $output == *"uid:$(id -u)"*b.c*0* ]]
	run -0 helio ls services -o json
	[ "$(json '[s["state"] for s in j if s["name"] == "b.c"]' \
		<<<"$output")" = "['draining']" ]
	run -5 helio request b.c x
	start reply2 serving helio reply b.c two
	run -0 helio request b.c x
	[ "$output" = two ]
	run -3 helio drain 999999
	run -3 helio drain none
	run -2 helio drain
}

@test "top --batch shows rates" {
	start sub subscribed helio sub a.b
	helio pub a.b x --count 50000 3>&- &
	run -0 helio top --batch --count 2 --interval 200ms
	[[ $output == *"per second"* && $output != *$'\e'* ]]
	run -0 helio top --batch --count 1 --interval 100ms -o json
	[ "$(json 'j["delivered_per_s"] >= 0' <<<"$output")" = True ]
	[ "$(json 'len(j["peers"]) >= 2' <<<"$output")" = True ]
}

@test "ping tells whether somebody is there" {
	run -0 helio ping --count 3
	[ "${#lines[@]}" = 3 ]
	run -0 helio ping "uid:$(id -u)"
	run -3 helio ping vm:nobody
	run -3 helio ping "uid:$(id -u)" vm:nobody -o json
	is_json_lines <<<"$output"
	run -5 helio ping -c "shm:$place/nobody.sock"
}

@test "bench measures something" {
	run -0 helio bench --messages 5000 --requests 200 -o json
	[ "$(json 'j["messages_per_s"] > 0 and j["request_p50_us"] > 0' \
		<<<"$output")" = True ]
}

@test "every command explains itself, and completion is shell" {
	n=0
	while read -r command; do
		n=$((n + 1))
		# shellcheck disable=SC2086 # one or two words
		run -0 helio $command --help
		[[ ${lines[0]} == "Usage: helio $command"* ]]
		group=${command%% *}
		run -0 helio "$group" --help
		[[ $output == *"$command"* || $group == log ]]
	done < <(helio --help | sed -nE 's/^  ([a-z-]+( [a-z-]+)?)  .*/\1/p')
	[ "$n" -gt 60 ]
	run -0 helio help kv
	[[ ${lines[0]} == *"kv ls"* ]]
	run -2 helio kv nonsense
	[[ ${lines[0]} == "helio: no command 'kv nonsense'; there are:" ]]
	[[ ${lines[1]} == *'kv ls'* ]]
	helio completion | bash -n
	helio --help | grep -q 'helio completion'
	run -0 helio --version
}
