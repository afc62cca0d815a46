#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# helio log sql: what is in a record, by the names of its schema.

load bus

# A log, and two versions of a package, of which each record names its own.
setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/sql.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock
	start_bus -o text
	await_logger
	await_registry
	helio log create events -p 'demo.>' -p 'vm.>'
	# shellcheck disable=SC2034 # say() takes them by their names.
	older=$(compile older 'string name = 1; int64 memory_bytes = 2;
		State state = 3; bytes token = 6; map<string, Disk> disks = 7;')
	newer=$(compile newer 'string name = 1; int64 memory_bytes = 2;
		State state = 3; repeated string tags = 4; Disk root = 5;
		bytes token = 6; map<string, Disk> disks = 7;'"$(wide)")
}

# As many fields as make a schema of some length.
wide() {
	seq 100 600 | sed 's/.*/int32 field_number_& = &;/'
}

# compile NAME FIELDS: put a schema of toy.v1.Toy, and print its hash.
compile() {
	mkdir "$place/$1"
	printf 'syntax = "proto3";
		package toy.v1;
		enum State { STATE_UNKNOWN = 0; STATE_UP = 1; }
		message Disk { uint64 size = 1; }
		message Toy { %s }' "$2" >"$place/$1/toy.proto"
	protoc -I "$place/$1" -o "$place/$1.set" toy.proto
	put toy.v1 "$place/$1.set"
}

# say VERSION TEXT [SUBJECT]: a Toy, from protobuf's own text.
say() {
	protoc -I "$place/$1" --encode=toy.v1.Toy toy.proto <<<"$2" |
		say_bytes "${!1}" "${3:-demo.toy}"
}

# say_bytes HASH SUBJECT: what comes in, as a Toy.
say_bytes() {
	helio pub "$2" --durable --schema "$1" \
		--content-type 'application/protobuf; message=toy.v1.Toy' \
		>/dev/null
}

sql() {
	helio log sql events "$1" | tail -n +2
}

# until_says LOG SQL EXPECTED: ask until the answer is that.
until_says() {
	local i answer

	for ((i = 0; i < 400; i++)); do
		answer=$(helio log sql "$1" "$2" | tail -n +2)
		[ "$answer" = "$3" ] && return
		sleep 0.05
	done
	echo "the answer is: $answer"
	return 1
}

# Wait until the log has got the schemas of all records from the registry.
until_known() {
	until_says events 'SELECT count(*) - count(type) FROM records' 0
}

@test "a field is compared as what it is, be it old or new" {
	say older 'name: "small" memory_bytes: 900'
	say older 'name: "large" memory_bytes: 9007199254740993 state: STATE_UP'
	say newer 'name: "new" memory_bytes: 1000 state: STATE_UP tags: "x"
		tags: "y" root { size: 7 }'
	until_known
	[ "$(sql 'SELECT DISTINCT type FROM records')" = toy.v1.Toy ]
	[ "$(sql 'SELECT count(DISTINCT schema) FROM records')" = 2 ]
	[ "$(sql "SELECT field(record, 'name') FROM records
		WHERE field(record, 'memory_bytes') > 950
		ORDER BY field(record, 'memory_bytes')" | xargs)" = 'new large' ]
	[ "$(sql "SELECT field(record, 'memory_bytes') FROM records
		WHERE field(record, 'memory_bytes') = 9007199254740993")" = \
		9007199254740993 ]
	[ "$(sql "SELECT field(record, 'state'), count(*),
			max(field(record, 'memoryBytes'))
		FROM records GROUP BY 1 ORDER BY 1")" = \
		$'STATE_UNKNOWN\t1\t900\nSTATE_UP\t2\t9007199254740993' ]
	# The older schema has no such field.
	[ "$(sql "SELECT sequence, field(record, 'tags[1]'),
			field(record, 'root.size')
		FROM records WHERE sequence > 1")" = \
		$'2\tnull\tnull\n3\ty\t7' ]
	[ "$(sql "SELECT a.sequence, b.sequence FROM records a, records b
		WHERE field(a.record, 'memory_bytes') =
			field(b.record, 'memory_bytes') + 100")" = $'3\t1' ]
}

@test "the message is JSON, and what a field has is what it is" {
	say newer 'name: "web" tags: "x" root { size: 18446744073709551615 }
		token: "\001\377" disks { key: "a.b" value { size: 1 } }'
	until_known
	[ "$(sql "SELECT json_extract(message, '\$.tags[0]'),
		message ->> 'name' FROM records")" = $'x\tweb' ]
	[ "$(sql 'SELECT message FROM records' | json 'j["root"]["size"]')" = \
		18446744073709551615 ]
	[ "$(sql "SELECT hex(field(record, 'token')),
			field(record, 'disks.\"a.b\".size'),
			json_array_length(field(record, 'tags')),
			typeof(field(record, 'root.size')),
			field(record, 'disks') FROM records")" = \
		$'01FF\t1\t1\treal\t{"a.b":{"size":"1"}}' ]
	# What is computed is not in the way of what is stored.
	[ "$(helio log sql events 'SELECT * FROM records' | head -n 1 |
		tr '\t' '\n' | grep -c '^message$\|^record$')" = 1 ]
}

@test "what cannot be known is null, and no error" {
	say newer 'name: "good"'
	until_known
	printf '\012\377' | say_bytes "$newer" demo.toy
	printf x | say_bytes "$(printf '%064d' 7)" demo.toy
	helio pub demo.toy '{"name": "plain"}' --durable >/dev/null
	[ "$(sql "SELECT sequence, type, message, field(record, 'name')
		FROM records")" = $'1\ttoy.v1.Toy\t{"name":"good"}\tgood
2\ttoy.v1.Toy\tnull\tnull\n3\tnull\tnull\tnull\n4\tnull\tnull\tnull' ]
	[ "$(sql "SELECT body ->> 'name' FROM records WHERE sequence = 4")" = \
		plain ]
	run -1 helio log sql events "SELECT field(record, 'a..b') FROM records"
	[[ $output == *"is a path"* ]]
	run -1 helio log sql events "SELECT field(body, 'name') FROM records"
	[[ $output == *"the column \`record\`"* ]]
}

@test "fields of what may not be seen are not there" {
	enrol web db lab
	printf '%s\n' 'allow vm:* call helio.log.v1.>' \
		'deny vm:lab log-read events' \
		'allow vm:* log-read events' >"$state/policy/10-test.policy"
	helio reload
	say newer 'name: "of web"' vm.web.toy
	say newer 'name: "of db"' vm.db.toy
	until_known
	[ "$(HELIOGRAPH_ADDRESS=$(as web) sql \
		"SELECT field(record, 'name') FROM records")" = 'of web' ]
	[ "$(HELIOGRAPH_ADDRESS=$(as db) sql "SELECT count(*) FROM records
		WHERE field(record, 'name') = 'of web'")" = 0 ]
	run -4 env HELIOGRAPH_ADDRESS="$(as lab)" helio log sql events 'SELECT 1'
}

@test "calls are known by their method" {
	helio log create calls --service 'helio.registry.v1.Registry'
	helio schema ls toy.v1 >/dev/null
	until_says calls 'SELECT count(*) FROM records' 2
	[ "$(helio log sql calls "SELECT kind, type, field(record, 'package')
		FROM records ORDER BY sequence" | tail -n +2)" = \
		$'call\thelio.registry.v1.ListRequest\ttoy.v1
reply\thelio.registry.v1.ListReply\tnull' ]
}

@test "typed calls are read by the schemas that they were made with" {
	start_machines
	helio log create calls --service helio.vm.v1.VirtualMachines
	helio call helio.vm.v1.VirtualMachines/Get -d '{"name":"web"}' \
		>/dev/null
	until_says calls "SELECT type, field(record, 'name'),
			field(record, 'machine.memory_bytes') / 1048576
		FROM records ORDER BY sequence" \
		$'helio.vm.v1.GetRequest\tweb\tnull
helio.vm.v1.GetReply\tnull\t64'
	[ "$(helio log sql calls 'SELECT count(DISTINCT schema) FROM records' |
		tail -n 1)" = 1 ]
}

@test "a log that was imported has its schemas, too" {
	say newer 'name: "web" tags: "x"'
	until_known
	helio log export events >"$place/lines"
	helio log import copy "$place/lines" >/dev/null
	until_says copy "SELECT field(record, 'name') FROM records" web
}
