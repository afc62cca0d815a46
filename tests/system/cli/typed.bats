#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

# The service of tests/schema/sample.proto, whose schema is in a file.
serve() {
	start machines serving "$MACHINES"
}

call() {
	helio call "sample.v1.Machines/$1" --proto-set "$SAMPLE_SET" "${@:2}"
}

@test "a method is called in JSON" {
	serve
	[ "$(call Get -d '{"name":"web"}')" = '{"name":"web"}' ]
	[ "$(helio call sample.v1.Machines.Get --proto-set "$SAMPLE_SET" \
		-d '{"name":"web"}')" = '{"name":"web"}' ]
	[ "$(call Get)" = '{}' ]
	[ "$(echo '{"name":"web"}' | call Get -d @)" = '{"name":"web"}' ]
	printf '{\n "name": "a\\nb"\n}\n' >"$place/request"
	[ "$(call Get -d @"$place/request")" = '{"name":"a\nb"}' ]
}

@test "-o json tells status and reply" {
	serve
	run -0 call Get -d '{"name":"web"}' -o json
	is_json_lines <<<"$output"
	[ "${lines[0]}" = '{"reply":{"name":"web"}}' ]
	[ "${lines[1]}" = '{"status":"OK"}' ]
}

@test "what the service says against it is told, with details" {
	serve
	run -3 --separate-stderr call Get -d '{"name":"missing"}'
	[ "$output" = "" ]
	[[ $stderr == *"NOT_FOUND: no such machine"* ]]
	run -3 --separate-stderr call Get -d '{"name":"missing"}' -o json
	[ "$(json 'j["status"], j["origin"], j["handed_over"], j["details"]' \
		<<<"$output")" = "('NOT_FOUND', 'service', True, 'why')" ]
}

@test "a request that is none is refused with its place, and not sent" {
	run -2 call Get -d '{"nam":"web"}'
	[[ $output == *"the request: nam: sample.v1.GetRequest has no such"* ]]
	run -2 call Get -d '{"name":5}'
	[[ $output == *"the request: name: not a string"* ]]
	run -2 call Get -d '{"name":"x"} {}'
	[[ $output == *"after the end (line 1, column 14)"* ]]
	run -2 call Get -d @"$place/nothing"
	[[ $output == *"No such file"* ]]
}

@test "what is not there is named" {
	run -3 call Gte
	[[ $output == *"sample.v1.Machines has no method Gte"* ]]
	run -3 helio call sample.v1.Nothing/Get --proto-set "$SAMPLE_SET"
	[[ $output == *"no service sample.v1.Nothing"* ]]
	run -5 call Get
	[[ $output == *"UNAVAILABLE"* ]]
	run -2 helio call Get
	[[ $output == *"SERVICE/METHOD"* ]]
	run -2 helio call sample.v1.Machines/Get --proto-set "$BATS_TEST_FILENAME"
	[[ $output == *"no set of descriptors"* ]]
	run -3 helio call sample.v1.Machines/Get --wait
	[[ $output == *"no schema for it"* ]]
}

@test "--wait waits for the service" {
	start_aside waiting call Get -d '{"name":"late"}' --wait --timeout 20s
	serve
	wait "$pid_waiting"
	[ "$(cat "$place/waiting")" = '{"name":"late"}' ]
}

@test "a stream of replies is a line for each" {
	serve
	run -0 call List
	[ "${lines[*]}" = '{"name":"m0"} {"name":"m1"} {"name":"m2"}' ]
}

@test "a stream of requests is a line for each" {
	serve
	[ "$(seq 2000 | sed 's/.*/{"size":&}/' | call Upload -d @)" = '{}' ]
	[ "$(printf '\n{}\n\n{}' | call Upload)" = '{}' ]
	[ "$(call Upload -d '{"size":"1"}' --timeout 10s)" = '{}' ]
}

@test "both ways, as fast as it goes" {
	serve
	seq 3000 | sed 's/.*/{"size":"&"}/' >"$place/requests"
	call Chat -d @"$place/requests" >"$place/replies"
	cmp "$place/requests" "$place/replies"
}

@test "a reply comes before the next request is written" {
	serve
	mkfifo "$place/requests"
	start_aside chat bash -c 'exec helio call sample.v1.Machines/Chat \
		--proto-set "$SAMPLE_SET" -d @ <"$0"' "$place/requests"
	exec {fd}>"$place/requests"
	echo '{"size":"1"}' >&"$fd"
	until_lines chat 1
	echo '{"size":"2"}' >&"$fd"
	until_lines chat 2
	exec {fd}>&-
	wait "$pid_chat"
}

@test "a bad line ends a stream of requests, and is named" {
	serve
	run -2 --separate-stderr call Upload -d $'{}\n{"size":true}\n{}'
	[[ $stderr == *"request 2: size: not a number"* ]]
}

@test "a stream that lasts too long is ended" {
	serve
	mkfifo "$place/requests"
	exec {fd}<>"$place/requests"
	run -5 call Chat -d @"$place/requests" --timeout 300ms
	[[ $output == *"DEADLINE_EXCEEDED"* ]]
	exec {fd}>&-
}

@test "the switch's own service needs no schema from elsewhere" {
	[ "$(helio call helio.switch.v1.Switch/Ping -d '{"payload":"QUJD"}' |
		json 'j["payload"]')" = QUJD ]
	run -0 helio call helio.switch.v1.Switch/ListServices
	[[ $output == *'"name":"helio.switch.v1.Switch"'* ]]
}

@test "one instance is called by its own name" {
	serve
	instance=$(helio ls services -o json |
		json '[s["instance"] for s in j if "Machines" in s["name"]][0]')
	[ "$(helio call "\$inst.$instance.sample.v1.Machines/Get" \
		--proto-set "$SAMPLE_SET" -d '{"name":"web"}')" = \
		'{"name":"web"}' ]
	run -5 helio call "\$inst.0.sample.v1.Machines/Get" \
		--proto-set "$SAMPLE_SET"
}

@test "what every service has needs no schema; a plain one has it not" {
	serve
	run -3 helio call 'sample.v1.Machines/$ping'
	[[ $output == *"UNIMPLEMENTED"* ]]
	run -3 helio call 'sample.v1.Machines/$pong'
	[[ $output == *'helio.service.v1.Instance has no method $pong'* ]]
}

@test "a service, a method, a message and an enum are described" {
	local set="--proto-set $SAMPLE_SET"

	run -0 helio describe sample.v1.Machines $set
	[[ $output == *"// package sample.v1, in tests/schema/sample.proto"* ]]
	[[ $output == *"rpc Chat(stream Disk) returns (stream Disk) {"* ]]
	run -0 helio describe sample.v1.Machines/Get $set
	[[ $output == *"rpc Get(GetRequest) returns (Machine);"* ]]
	[[ $output == *"message Machine {"* ]]
	run -0 helio describe sample.v1.Machine.Spec $set
	[[ $output == *"map<string, Disk> by_name = 3;"* ]]
	run -0 helio describe sample.v1.State $set -o json
	[ "$(json 'j["kind"], j["file"]' <<<"$output")" = \
		"('enum', 'tests/schema/sample.proto')" ]
	run -3 helio describe sample.v1.Nothing $set
	[[ $output == *"there is no such"* ]]
}

@test "what helio knows itself is described without a bus" {
	export HELIOGRAPH_ADDRESS=shm:/nowhere

	[[ $(helio describe helio.switch.v1.Switch/Ping) == *"rpc Ping("* ]]
	[[ $(helio describe helio.registry.v1.Registry) == *"rpc Diff("* ]]
	run -3 helio describe helio.switch.v1.Nothing
}

@test "services are listed with their state and schema" {
	serve
	run -0 helio ls services -o json
	[ "$(json '[s["name"] for s in j if s["methods_total"] == 4]' \
		<<<"$output")" = "['sample.v1.Machines']" ]
	[ "$(json 'sorted({"state", "schema_hash", "instance"} & set(j[0]))' \
		<<<"$output")" = "['instance', 'schema_hash', 'state']" ]
}
