#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

# The bus brings the store, and starts it again.
setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/kv.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock TZ=UTC
	start_bus -o text
	await_store
	helio bucket create conf --history 3
}

@test "a bucket is made, shown, changed and dropped" {
	run -0 helio bucket create conf --history 3
	[ "$output" = 'helio: conf: it was there already' ]
	run -1 helio bucket create conf --history 4
	[[ $output == *"conf: ALREADY_EXISTS"* ]]
	run -0 helio bucket change conf --keys 2 --ttl 12h -o json
	[ "$(json 'j["config"]["keys_max"], j["config"]["ttl_ms"]' \
		<<<"$output")" = '(2, 43200000)' ]
	helio kv put conf a 1
	helio kv put conf b 1
	run -6 helio kv put conf c 1
	[[ $output == *"conf/c: RESOURCE_EXHAUSTED"* ]]
	helio bucket show conf | grep -qx '  keys               2'
	helio bucket ls | grep -q '^conf  *2 '
	[ "$(helio bucket ls -o json | json 'j[0]["keys"]')" = 2 ]
	helio bucket drop conf
	run -3 helio bucket show conf
	run -3 helio bucket drop conf
	run -3 helio bucket change conf --keys 1
	run -1 helio bucket create 'a b'
	[[ $output == *"a b: INVALID_ARGUMENT"* ]]
	run -2 helio bucket create other --bytes many
	[[ $output == *"--bytes is a number of bytes like 512K, 5M or 1G"* ]]
}

@test "a key is put, read, updated and deleted" {
	local revision

	revision=$(helio kv put conf net/mtu 1500)
	[ "$(helio kv get conf net/mtu)" = 1500 ]
	run -1 helio kv create conf net/mtu 9000
	[[ $output == *"conf/net/mtu: ABORTED"*"revision $revision is there"* ]]
	run -1 helio kv update conf net/mtu 9000 77
	run -2 helio kv update conf net/mtu 9000 seven
	[ "$output" = "helio: REVISION is a number, not 'seven'" ]
	revision=$(helio kv update conf net/mtu 9000 "$revision")
	[ "$(helio kv get conf net/mtu --at "$((revision - 1))")" = 1500 ]
	run -1 helio kv get conf net/mtu --at 999
	run -1 helio kv del conf net/mtu --if-revision 77
	helio kv del conf net/mtu --if-revision "$revision"
	run -1 helio kv del conf net/mtu
	[ "$output" = 'helio: conf/net/mtu: it was not there' ]
	run -3 helio kv get conf net/mtu
	[[ $output == *"conf/net/mtu: NOT_FOUND: there is no such key"* ]]
	run -3 helio kv get nowhere key
	helio kv create conf net/mtu 1 --ttl 1h
	helio kv get conf net/mtu -o json |
		json '"expires_unix_ms" in j, j["value"], j["writer"]' |
		grep -q "(True, '1', 'uid:"
}

@test "a value is any bytes" {
	printf 'x\0\n\033"' >"$place/value"
	helio kv put conf raw - <"$place/value"
	helio kv get conf raw | cmp - "$place/value"
	[ "$(helio kv ls conf)" = 'raw = "x\x00\n\x1b\""' ]
	[ "$(helio kv get conf raw -o json | json 'len(j["value"])')" = 5 ]
	printf '\377' | helio kv put conf raw
	[ "$(helio kv get conf raw -o json | json 'j["value_base64"]')" = '/w==' ]
	script -qec 'helio kv get conf raw' /dev/null </dev/null |
		grep -q '^\\xff'
	head -c 2000000 /dev/zero >"$place/value"
	run -1 helio kv put conf raw - <"$place/value"
	[[ $output == *"conf/raw: INVALID_ARGUMENT"* ]]
}

@test "keys are listed as xenstore-ls lists them" {
	local revision

	helio kv put conf net n
	helio kv put conf net-x x
	helio kv put conf net/eth0/mac m
	revision=$(helio kv put conf net/lo l)
	[ "$(helio kv ls conf)" = 'net = "n"
 eth0
  mac = "m"
 lo = "l"
net-x = "x"' ]
	[ "$(helio kv ls conf net/ -f)" = 'net/eth0/mac = "m"
net/lo = "l"' ]
	[ "$(helio kv ls conf net/l -p)" = \
		"lo = \"l\"   (uid:$UID,$revision)" ]
	[ "$(helio kv ls conf -fk | xargs)" = 'net net-x net/eth0/mac net/lo' ]
	[ "$(helio kv ls conf -f -n 1)" = 'net = "n"' ]
	[ "$(helio kv ls conf -f --at "$((revision - 3))")" = 'net = "n"' ]
	helio kv ls conf -o json | is_json_lines
	run -3 helio kv ls nowhere
}

@test "more keys than fit in a page" {
	local i

	for ((i = 0; i < 1200; i += 100)); do
		python3 -c 'import json, sys
print(json.dumps({"writes": [{"bucket": "conf", "key": "k%04d" % k,
	"value": ""} for k in range(int(sys.argv[1]), int(sys.argv[1]) + 100)]}))
' "$i" | helio kv txn >/dev/null
	done
	[ "$(helio kv ls conf -fk | wc -l)" = 1200 ]
	[ "$(helio kv ls conf -fk -n 1100 | tail -n 1)" = k1099 ]
}

@test "the history of a key" {
	helio bucket create short --history 3 --window 1
	for i in 1 2 3 4 5; do
		helio kv put short a "$i"
	done
	run -0 --separate-stderr helio kv history short a
	[ "${lines[0]%   *}" = 'a = "5"' ]
	[ "${lines[2]%   *}" = 'a = "3"' ]
	[ "${#lines[@]}" = 3 ]
	[ "$stderr" = 'helio: short/a: older ones are not kept' ]
	run -0 helio kv history short a -n 1
	[ "${output%   *}" = 'a = "5"' ]
	run -3 helio kv history short never
	[[ $output == *"short/never: NOT_FOUND"* ]]
}

@test "a transaction is all or nothing" {
	local revision

	helio queue create work
	revision=$(helio kv put conf a 1)
	run -0 helio kv txn <<-END
		{"conditions":[{"bucket":"conf","key":"a","revision":$revision}],
		 "writes":[{"bucket":"conf","key":"a"},
		           {"bucket":"conf","key":"b","value":"Mg=="}],
		 "submits":[{"queue":"work","body":"eA=="}]}
	END
	[ "$output" = "$((revision + 1)) 1" ]
	[ "$(helio kv ls conf)" = 'b = "2"' ]
	[ "$(helio job ls work -o json | json 'len(j)')" = 1 ]
	run -1 helio kv txn <<-END
		{"conditions":[{"bucket":"conf","key":"a","exists":true}],
		 "writes":[{"bucket":"conf","key":"b"}]}
	END
	[[ $output == *"ABORTED"*"there is no key a"* ]]
	[ "$(helio kv ls conf)" = 'b = "2"' ]
	[ "$(helio kv txn -o json <<<'{}' | json 'j["revision"]')" = 0 ]
	run -2 helio kv txn <<<'{"writez":[]}'
	[[ $output == *"writez: helio.store.v1.Transaction has no such field" ]]
	run -2 helio kv txn <<<'no JSON'
}

# What the next record says is added to `done`, with the place behind it.
take_record() {
	local revision at said

	revision=$(helio kv get conf place -o json | json 'j["revision"]')
	at=$(helio kv get conf place) || return
	((at < 12)) || return
	said=$(helio kv get conf done) || return
	said+=" $(helio log events -o cat | sed -n "$((at + 1))p")" || return
	helio kv txn <<-END
		{"conditions":[{"bucket":"conf","key":"place","revision":$revision}],
		 "writes":[{"bucket":"conf","key":"place",
		            "value":"$(printf %d $((at + 1)) | base64)"},
		           {"bucket":"conf","key":"done",
		            "value":"$(printf %s "$said" | base64 -w0)"}]}
	END
}

@test "the place in a log is a key: each record has its effect once" {
	local i

	take_on() {
		until [ "$(helio kv get conf place)" -ge 12 ]; do
			take_record || true
		done
	}
	await_logger
	helio log create events -p 'demo.>'
	for i in {1..12}; do
		helio pub demo.a "$i" --durable >/dev/null
	done
	helio kv put conf place 0
	helio kv put conf done 0
	start_aside one take_on
	start_aside two take_on
	until [ "$(helio kv get conf place)" -gt 3 ]; do sleep 0.01; done
	kill -9 "$(children_called "$pid_up" helio-store)"
	wait "$pid_one" "$pid_two"
	[ "$(helio kv get conf done)" = "$(echo {0..12})" ]
}

@test "without the store, and without the right" {
	enrol guest
	run -4 helio kv put conf a 1 -c "$(as guest)"
	[[ $output == *"conf/a: PERMISSION_DENIED"*kv-write* ]]
	run -4 helio kv ls conf -c "$(as guest)"
	[[ $output == *kv-read* ]]
	[ -z "$(helio bucket ls -c "$(as guest)" -o json | json '"".join(j)')" ]
	kill -STOP "$(children_called "$pid_up" helio-store)"
	run -5 helio kv get conf a --timeout 300ms
	[[ $output == *"conf/a: DEADLINE_EXCEEDED"* ]]
	kill -CONT "$(children_called "$pid_up" helio-store)"
}

# Kill the store, and wait until the next one serves.
kill_store() {
	kill -9 "$(children_called "$pid_up" helio-store)"
	until helio request --wait helio.store.v1.Buckets.ListBuckets '' \
		>/dev/null 2>&1; do :; done
}

@test "a watch shows what is there, and goes on after the store was killed" {
	helio kv put conf a/x 1
	helio kv put conf a/y 2
	helio kv put conf b 3
	start watch 'happens now' helio kv watch conf a/ -n 5
	helio kv put conf a/x 4
	helio kv put conf b 5
	until_lines watch 3
	kill_store
	helio kv del conf a/y
	helio kv put conf a/z 6
	wait "$pid_watch"
	[ "$(cat "$place/watch")" = 'x = "1"
y = "2"
x = "4"
y (deleted)
z = "6"' ]
	grep -q 'conf: the store is away' "$place/watch.err"
}

@test "a watch of one key, from a revision on, as JSON" {
	local revision

	revision=$(helio kv put conf a 1)
	helio kv put conf ab 2
	helio kv put conf a 3
	[ "$(helio kv watch conf a --key -f -n 1 2>/dev/null)" = 'a = "3"' ]
	[ "$(helio kv watch conf a --key -n 1 --after "$revision" \
		2>/dev/null)" = 'a = "3"' ]
	helio kv watch conf --after "$revision" -n 2 -o json 2>/dev/null |
		is_json_lines
	[ "$(helio kv watch conf -kp -n 1 2>/dev/null)" = \
		"a   (uid:$UID,$((revision + 2)))" ]
	run -1 helio kv watch conf --after 999
	[[ $output == *"conf: OUT_OF_RANGE"* ]]
	run -3 helio kv watch nowhere
	[[ $output == *"nowhere: NOT_FOUND"* ]]
	run -2 helio kv watch conf --key
	start watch 'happens now' helio kv watch conf
	helio bucket drop conf
	wait "$pid_watch" || [ $? = 3 ]
	until grep -q 'conf: NOT_FOUND' "$place/watch.err"; do :; done
}

@test "a back-up is made while others write" {
	local n i=0

	say_on() {
		while helio kv put conf "k$((i += 1))" "v$i"; do :; done
	}
	start_aside writer say_on
	until_lines writer 20
	helio-store backup --state "$state/store" --to "$place/copy"
	n=$(wc -l <"$place/writer")
	[ "$(stat -c %a "$place/copy")" = 600 ]
	run -5 helio-store backup --state "$state/store" --to "$place/copy"
	[[ $output == *"File exists"* ]]
	until_lines writer "$((n + 10))"
	kill "$pid_writer"
	stop_bus
	# What is there now is another store, and what was committed is in it.
	rm "$state"/store/store*
	cp "$place/copy" "$state/store/store"
	start_bus -o text
	await_store
	helio kv ls conf -k -f >"$place/keys"
	[ "$(grep -c '^k[0-9]*$' "$place/keys")" -ge 20 ]
	[ "$(helio kv get conf k20)" = v20 ]
	[ "$(wc -l <"$place/keys")" -le "$((n + 1))" ]
	run -3 helio kv get conf "k$((n + 10))"
	helio kv put conf more 1
}
