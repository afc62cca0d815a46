#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

@test "a domain's socket says who it is" {
	enrol web
	run -0 helio ping -c "$(as web)" -o json
	[ "$(json 'j["principal"]' <<<"$output")" = vm:web ]
	run -0 helio ls domains -o json
	[ "$(json 'j[0]["name"], j[0]["mode"]' <<<"$output")" = \
		"('web', '0600')" ]
	run -0 helio domains list --state "$state" --run "$run_folder" -o json
	[ "$(json 'j[0]["name"], j[0]["live"]' <<<"$output")" = \
		"('web', True)" ]
}

@test "a domain does what it likes below its own name" {
	enrol web
	start sub subscribed helio sub 'vm.web.>' --count 1 -c "$(as web)"
	helio pub vm.web.x hello -c "$(as web)"
	wait "$pid_sub"
}

@test "a denial has status 4 and names the line" {
	enrol web
	echo 'deny vm:web any a.>' >"$state/policy/10-test.policy"
	helio reload
	for command in "pub a.b x" "sub a.b" "request a.b x" "reply a.b x"; do
		# shellcheck disable=SC2086 # the words of a command
		run -4 --separate-stderr helio $command -c "$(as web)"
		[[ $stderr == *"10-test.policy:1"* ]]
	done
	run -4 helio pub b.c x -c "$(as web)"
}

@test "policy test tells without trying" {
	enrol web
	run -0 helio policy test vm:web publish vm.web.x
	[[ $output == *"50-default.policy:"* ]]
	run -1 helio policy test vm:web publish vm.db.x
	run -1 helio policy test vm:web publish vm.db.x -o json
	[ "$(json 'j["allowed"]' <<<"$output")" = False ]
	run -0 helio policy test vm:web publish vm.web.x --state "$state"
	run -1 helio policy test vm:web publish vm.db.x --state "$state"
	run -4 helio policy test vm:web publish vm.web.x -c "$(as web)"
}

@test "a part of a bucket may be for a domain" {
	enrol web
	echo 'allow vm:* kv-read,kv-write shared/{self}' \
		>"$state/policy/10-test.policy"
	helio reload
	run -0 helio policy test vm:web kv-read shared/web/port
	[ "$output" = "allowed by 10-test.policy:1" ]
	run -1 helio policy test vm:web kv-read shared/db/port --state "$state"
	await_store
	helio bucket create shared
	helio kv put shared db/port 1
	helio kv put shared web/port 2 -c "$(as web)"
	[ "$(helio kv get shared web/port -c "$(as web)")" = 2 ]
	[ "$(helio kv ls shared web/ -f -c "$(as web)")" = 'web/port = "2"' ]
	run -0 helio kv history shared web/port -c "$(as web)"
	run -4 --separate-stderr helio kv get shared db/port -c "$(as web)"
	[[ $stderr == *"vm:web may not kv-read shared/db/port: denied: no line"* ]]
	run -4 helio kv ls shared -c "$(as web)"
	run -4 helio kv watch shared -c "$(as web)"
	start_aside watch helio kv watch shared web/ -f -c "$(as web)"
	until_lines watch 1
}

@test "policy check finds the wrong line before the switch does" {
	run -0 helio policy check "$state/policy"
	echo 'allow vm:web publsh a.>' >"$state/policy/10-wrong.policy"
	run -2 helio policy check "$state/policy"
	[[ $output == *"10-wrong.policy:1"* ]]
	run -2 --separate-stderr helio reload
	[[ $stderr == *"10-wrong.policy:1"* ]]
}

@test "a domain that is removed has no socket, and its name must be a name" {
	enrol web
	[ -S "$run_folder/domains/web.sock" ]
	helio domains remove web --state "$state" --run "$run_folder"
	[ ! -e "$run_folder/domains/web.sock" ]
	run -3 helio domains remove web --state "$state"
	run -2 helio domains enrol ../web --state "$state"
	enrol web
	run -1 helio domains enrol web --state "$state"
}

@test "a gone bus is no reason not to enrol" {
	stop_bus
	run -0 --separate-stderr helio domains enrol web --state "$state"
	[[ $stderr == *"when the switch starts"* ]]
}

@test "keys are drawn, enrolled and listed" {
	[ -e "$HELIOGRAPH_MODULE_DIR/libheliograph-tcp.so" ] ||
		skip "without the module for tcp"
	run -0 --separate-stderr helio keys new alice --folder "$place"
	key=$output
	[ ${#key} = 40 ]
	[ "$(stat -c %a "$place/alice.key")" = 600 ]
	[ "$(cat "$place/alice.pub")" = "$key" ]
	helio keys enrol --state "$state" -- alice "$key"
	helio keys list --state "$state" -o json | json 'j[0]["name"]' |
		grep -x alice
	run -1 helio keys new alice --folder "$place"
	run -1 helio keys enrol --state "$state" -- alice "$key"
	run -2 helio keys enrol bob tooshort --state "$state"
}

@test "a key that was enrolled comes in over tcp, another does not" {
	[ -e "$HELIOGRAPH_MODULE_DIR/libheliograph-tcp.so" ] ||
		skip "without the module for tcp"
	port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	stop_bus
	start_bus --listen "tcp://127.0.0.1:$port"
	helio keys enrol --state "$state" -- alice \
		"$(helio keys new alice --folder "$place")"
	helio keys new mallory --folder "$place"
	server=$(cat "$state/heliod.pub")
	run -0 helio ping -o json -c "tcp://127.0.0.1:$port" \
		--server-key "$server" --key-file "$place/alice.key"
	[ "$(json 'j["principal"]' <<<"$output")" = key:alice ]
	HELIOGRAPH_KEY_FILE=$place/alice.key \
		HELIOGRAPH_SERVER_KEY=$server \
		helio ping -c "tcp://127.0.0.1:$port"
	run ! helio ping -c "tcp://127.0.0.1:$port" --timeout 2s \
		--server-key "$server" --key-file "$place/mallory.key"
}

@test "a quota that is full has status 6 and is named" {
	# The services that came with the bus have some already.
	echo 'uid:* subscriptions 1' >"$state/quotas"
	helio reload
	run -6 --separate-stderr helio sub a.b
	[[ $stderr =~ ([0-9]+)\ of\ 1 ]]
	n=$((BASH_REMATCH[1] + 1))
	echo "uid:* subscriptions $n" >"$state/quotas"
	helio reload
	start sub subscribed helio sub a.b
	run -6 --separate-stderr helio sub a.c
	[[ $stderr == *"quota of subscriptions of uid:"*"$n of $n"* ]]
}

@test "a subscription that is no longer allowed ends" {
	enrol web
	start sub subscribed helio sub vm.web.x -c "$(as web)"
	echo 'deny vm:web subscribe vm.web.>' >"$state/policy/10-test.policy"
	helio reload
	code=0
	wait "$pid_sub" || code=$?
	[ "$code" = 4 ]
	until_lines sub.err 1
	grep -q 10-test.policy:1 "$place/sub.err"
}
