#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

# Kill a program of the set and wait for the next: by then the switch knows that
# nobody is behind the old registration.
replace() {
	local old new i

	read -r old < <(children_called "$pid_up" "$1")
	kill -KILL "$old"
	for ((i = 0; i < 400; i++)); do
		new=$(children_called "$pid_up" "$1")
		[ -z "$new" ] || [ "$new" = "$old" ] || return 0
		sleep 0.025
	done
	echo "$1 is not started again"
	return 1
}

@test "a switch that is killed comes back, and clients with it" {
	start sub subscribed helio sub a.b --count 2
	helio pub a.b before
	until_lines sub 1
	kill -KILL "$(children_called "$pid_up" heliod)"
	# The subscriber is there again when a publish is taken by somebody.
	for ((i = 0; i < 200; i++)); do
		helio pub a.b after --ack routed 2>/dev/null && break
		sleep 0.05
	done
	wait "$pid_sub"
	[ "$(tail -n 1 "$place/sub")" = after ]
	grep -q "missing here (reconnect)" "$place/sub.err"
}

@test "a registry that is killed comes back" {
	helio request helio.registry.v1.Registry.List '' >/dev/null
	replace helio-registry
	helio request --wait helio.registry.v1.Registry.List '' >/dev/null
	[ -d "$state/schemas" ]
}

@test "a logger that is killed comes back, with its logs" {
	helio request --wait helio.log.v1.Logs.List '' >/dev/null
	replace helio-logger
	helio request --wait helio.log.v1.Logs.List '' >/dev/null
	[ -d "$state/logs" ]
}

@test "a store that is killed comes back, with what is in it" {
	helio request --wait helio.store.v1.Buckets.ListBuckets '' >/dev/null
	replace helio-store
	helio request --wait helio.store.v1.Buckets.ListBuckets '' >/dev/null
	[ -e "$state/store/store" ]
}

@test "^C ends all, in order, with 0" {
	read -r heliod < <(children_called "$pid_up" heliod)
	read -r registry < <(children_called "$pid_up" helio-registry)
	read -r logger < <(children_called "$pid_up" helio-logger)
	read -r store < <(children_called "$pid_up" helio-store)
	kill -INT "$pid_up"
	wait "$pid_up"
	[ ! -e "/proc/$heliod" ]
	[ ! -e "/proc/$logger" ]
	[ ! -e "/proc/$store" ]
	[ ! -e "/proc/$registry" ]
	[ ! -e "$run_folder/bus.sock" ]
}

@test "killed, it leaves no switch behind" {
	kill -KILL "$pid_up"
	# A switch that ends takes its socket away.
	for ((i = 0; i < 400; i++)); do
		[ ! -e "$run_folder/bus.sock" ] && return
		sleep 0.025
	done
	false
}

@test "two sets do not share a folder" {
	run -5 --separate-stderr helio up --state "$state" --run "$run_folder"
	[[ $stderr == *"another"* ]]
	helio ping
}

@test "domains and keys are enrolled in the state folder of the bus" {
	[[ $(helio domains enrol web) == *"$(as web)" ]]
	[ -e "$state/domains/web.domain" ]
	helio ping -c "$(as web)"
	[ "$(helio domains list -o json | json 'j[0]["socket"]')" = \
		"$run_folder/domains/web.sock" ]
	helio keys enrol backup "$(printf 'k%.0s' {1..40})"
	[ -e "$state/keys/backup.pub" ]
	stop_bus
	mv "$state" "$place/other"
	state=$place/other
	start_bus
	helio domains remove web
	[ ! -e "$state/domains/web.domain" ]
}

@test "a policy that is there is kept, and a wrong one ends the start" {
	echo 'allow uid:* any >' >"$place/mine"
	stop_bus
	rm "$state/policy/50-default.policy"
	cp "$place/mine" "$state/policy/mine.policy"
	start_bus
	[ "$(ls "$state/policy")" = mine.policy ]
	stop_bus
	echo nonsense >"$state/policy/mine.policy"
	run -5 --separate-stderr helio up --state "$state" --run "$run_folder"
	[[ $stderr == *"mine.policy:1"* ]]
}

@test "it listens where it is told to" {
	stop_bus
	start_bus --listen "unix:$place/plain.sock" -o json
	[ "$(json 'j["ready"]' <"$place/up")" = "$HELIOGRAPH_ADDRESS" ]
	helio ping -c "unix:$place/plain.sock"
}

@test "the store keeps no more than it is told" {
	stop_bus
	start_bus --store-bytes-max 512K
	helio bucket create big
	helio kv put big a "$(printf 'a%.0s' {1..1000})"
	run -6 --separate-stderr helio kv put big b \
		< <(head -c 1000000 /dev/zero)
	[[ $stderr == *RESOURCE_EXHAUSTED* ]]
	stop_bus
	start_bus --store-principal-bytes-max 512K
	run -6 --separate-stderr helio kv put big b \
		< <(head -c 1000000 /dev/zero)
	[[ $stderr == *RESOURCE_EXHAUSTED*uid:* ]]
}

@test "what a leaf has not is not asked of it" {
	run -2 --separate-stderr helio up --uplink "$HELIOGRAPH_ADDRESS" \
		--state "$place/leaf" --run "$place/leaf" --store-bytes-max 512K
	[[ $stderr == *"a leaf has no store"* ]]
	run -2 --separate-stderr helio up --uplink "$HELIOGRAPH_ADDRESS" \
		--state "$place/leaf" --run "$place/leaf" --xenstore /tool
	[[ $stderr == *"a leaf has no store"* ]]
}
