#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

# compile NAME SOURCE: a schema of the package toy.v1 as the file NAME.
compile() {
	mkdir -p "$place/$1.d"
	printf 'syntax = "proto3";\npackage toy.v1;\n%s' "$2" \
		>"$place/$1.d/toy.proto"
	protoc-c -I "$place/$1.d" -o "$place/$1" toy.proto
}

@test "schemas are listed and shown" {
	await_registry
	hash=$(put sample.v1 "$SAMPLE_SET")
	run -0 helio schema ls
	[[ ${lines[0]} == PACKAGE*SCHEMA* ]]
	[[ $output == *$'\n'sample.v1*"${hash:0:12}"* ]]
	[ "$(helio schema ls sample.v1 -o json | json 'j[0]["hash"]')" = "$hash" ]
	[ "$(helio schema ls other.v1 -o json)" = '[]' ]
	for name in sample.v1 "$hash" "${hash:0:8}"; do
		run -0 helio schema show "$name"
		[[ $output == *"rpc List(google.protobuf.Empty) returns"* ]]
	done
	run -0 helio schema show sample.v1 -o json
	[ "$(json '[f["file"] for f in j if "legacy" in f["file"]]' \
		<<<"$output")" = "['tests/schema/legacy.proto']" ]
	helio schema show sample.v1 --write "$place/set"
	[[ $(helio describe sample.v1.Disk --proto-set "$place/set") == \
		*"int64 size = 2;"* ]]
}

@test "what is not there is told" {
	await_registry
	run -3 helio schema show other.v1
	[[ $output == *"no schema of this package"* ]]
	run -3 helio schema show abcdef12
	[[ $output == *"no schema begins so"* ]]
	run -3 helio schema show "$(printf '%064d' 0)"
	[[ $output == *"no such schema"* ]]
	run -3 helio describe other.v1.Thing
	[[ $output == *"no schema for it"* ]]
	run -3 helio call other.v1.Thing/Do
	run -2 helio schema forget sample.v1
	[[ $output == *"By its hash"* ]]
}

@test "without a registry it is named" {
	stop_bus
	start heliod listening heliod --config "$state" --run "$run_folder"
	for words in "ls" "show a.v1" "pin a.v1" "diff a.v1 b.v1"; do
		run -5 helio schema $words
		[[ $output == *"helio.registry.v1.Registry"* ]]
	done
}

@test "a difference is told by its rule, and is an exit status" {
	await_registry
	compile one 'message Toy { string name = 1; }'
	compile two 'message Toy { string name = 1; int32 size = 2; }'
	compile three 'message Toy { int32 name = 1; }'
	one=$(put toy.v1 "$place/one")
	two=$(put toy.v1 "$place/two")
	run -0 helio schema diff "$one" "$two"
	[ "$output" = "" ]
	[ "$(helio schema diff "$one" "$two" -o json | json 'j["compatible"]')" \
		= True ]
	run -1 helio schema diff "$two" "$one" -o json
	[ "$(json 'j["findings"][0]["rule"][:5]' <<<"$output")" = FIELD ]
	run -1 helio schema diff toy.v1 "${one:0:10}"
	[[ $output == FIELD*toy.proto*size* ]]
	run ! put toy.v1 "$place/three"
	[[ $output == *"FAILED_PRECONDITION"* ]]
}

@test "a schema is pinned, unpinned and forgotten" {
	await_registry
	compile one 'message Toy { string name = 1; }'
	compile two 'message Toy { string name = 1; int32 size = 2; }'
	one=$(put toy.v1 "$place/one")
	put toy.v1 "$place/two"
	pinned() {
		helio schema ls -o json |
			json '[s["hash"] for s in j if s["pinned"]]'
	}
	helio schema pin "$one"
	[ "$(pinned)" = "['$one']" ]
	helio schema pin "$one" --unpin
	[ "$(pinned)" = "[]" ]
	helio schema forget "$one"
	[ "$(helio schema ls toy.v1 -o json | json 'len(j)')" = 1 ]
	run -3 helio schema show "$one"
}

@test "a typed service needs no file, and is bound to its schema" {
	await_registry
	start_machines
	service=helio.vm.v1.VirtualMachines
	hash=$(helio ls services -o json |
		json '[s["schema_hash"] for s in j if "Virtual" in s["name"]][0]')
	[ "$(helio schema ls helio.vm.v1 -o json | json 'j[0]["hash"]')" = \
		"$hash" ]
	[ "$(helio call $service/List | json 'j["machines"][0]["name"]')" = web ]
	[[ $(helio describe $service/List) == *"rpc List(ListRequest)"* ]]
	run -3 helio call $service/Get -d '{"name":"none"}'
	[[ $output == *"NOT_FOUND"* ]]
	run -0 helio call "$service/\$info"
	[ "$(json 'base64.b64decode(j["schemaHash"]).hex()' <<<"$output")" = \
		"$hash" ]
	[ "$(helio call "$service/\$check")" = '{"state":"SERVING"}' ]
	run -5 helio call $service/Watch --timeout 500ms
	[[ $output == *"web"*"DEADLINE_EXCEEDED"* ]]
}

@test "describe and call take the schema from the registry" {
	await_registry
	put sample.v1 "$SAMPLE_SET"
	[[ $(helio describe sample.v1.Machines/Get) == *"message Machine {"* ]]
	[[ $(helio describe sample.v1.Machine.Spec) == *"memory_bytes"* ]]
	start machines serving "$MACHINES"
	[ "$(helio call sample.v1.Machines/Get -d '{"name":"web"}')" = \
		'{"name":"web"}' ]
	instance=$(helio ls services -o json |
		json '[s["instance"] for s in j if "Machines" in s["name"]][0]')
	[ "$(helio call "\$inst.$instance.sample.v1.Machines/Get" \
		-d '{"name":"web"}')" = '{"name":"web"}' ]
}
