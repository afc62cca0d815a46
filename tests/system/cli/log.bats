#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

# The bus brings the logger, and starts it again.
setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/log.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock TZ=UTC
	start_bus -o text
	await_logger
	helio log create events -p 'demo.>' -p 'vm.>'
}

# What was stored before stays, whatever happens to the logger.
kill_logger() {
	kill -9 "$(children_called "$pid_up" helio-logger)"
}

say() {
	local body

	for body; do
		helio pub demo.a "$body" --durable >/dev/null
	done
}

@test "a record is shown in each of the forms" {
	helio pub demo.a 'hello there' --durable -H severity:err -H tag:x
	run -0 helio log events
	[[ $output == "$(date -u '+%b %d') "*" uid:"*" demo.a x: hello there" ]]
	[ "$(helio log -o cat)" = 'hello there' ]
	[ "$(helio log -o json | json 'j["sequence"], j["subject"], j["body"]')" \
		= "(1, 'demo.a', 'hello there')" ]
	[ "$(helio log -o json --output-fields body)" = \
		'{"sequence":1,"body":"hello there"}' ]
	helio log -o verbose | grep -qx '    header severity: err'
}

@test "which log is meant may be left out when there is only one" {
	say one
	[ "$(helio log -o cat)" = one ]
	helio log create other -p 'other.>'
	run -2 helio log -o cat
	[[ $output == *"which log?"*events*other* ]]
	helio log delete other
	[ "$(helio log -o cat)" = one ]
	run -3 helio log nowhere
}

@test "the last few, backwards, by pattern and by time" {
	say one two three four
	[ "$(helio log -n 2 -o cat | xargs)" = 'three four' ]
	[ "$(helio log -r -o cat | xargs)" = 'four three two one' ]
	[ "$(helio log -r -n 1 -o cat)" = four ]
	[ "$(helio log -g 'T(W|H)' -o cat)" = '' ]
	[ "$(helio log -g 't(w|h)' -o cat | xargs)" = 'two three' ]
	[ "$(helio log -g 'o' -n 1 -o cat | xargs)" = four ]
	run -1 helio log -g nothing
	run -2 helio log -g '('
	[ "$(helio log --since -1h --until now -o cat | wc -l)" = 4 ]
	[ -z "$(helio log --until yesterday -o cat)" ]
	[ -z "$(helio log --since tomorrow -o cat)" ]
	run -2 helio log --since whenever
	[ -z "$(helio log --subject 'vm.>' -o cat)" ]
	[ "$(helio log --subject 'demo.*' -o cat | wc -l)" = 4 ]
	[ -z "$(helio log --domain web -o cat)" ]
}

@test "a reading begins where the last one ended" {
	say one two
	[ "$(helio log --cursor-file "$place/c" -o cat | xargs)" = 'one two' ]
	[ "$(cat "$place/c")" = 'events 3' ]
	[ -z "$(helio log --cursor-file "$place/c" -o cat)" ]
	say three
	[ "$(helio log --cursor-file "$place/c" -o cat)" = three ]
	echo 'other 3' >"$place/c"
	run -2 helio log --cursor-file "$place/c"
}

@test "a stranger's record does not drive the terminal" {
	printf 'a\033[2J\nNov 30 root: b' | helio pub demo.a --durable
	run -0 script -qec 'helio log -o cat' /dev/null
	[[ $output == 'a\x1b[2J\nNov 30 root: b'* ]]
	[ "$(helio log | wc -l)" = 1 ]
	! helio log -o verbose | grep -q $'\033'
}

@test "a log in which nothing is has no time" {
	[ "$(helio log ls | tail -n 1 | awk '{ print $3, $6 }')" = '0 -' ]
}

@test "who waits until it is stored does so no longer than told" {
	local switch lines code=0

	switch=$(children_called "$pid_up" heliod)
	mkfifo "$place/lines"
	start_aside waiter bash -c "exec timeout 20 helio pub demo.a --lines \
		--durable --timeout 500ms <'$place/lines'"
	exec {lines}>"$place/lines"
	echo one >&"$lines"
	until helio log | grep -q 'demo.a: one'; do sleep 0.05; done
	kill -STOP "$switch"
	echo two >&"$lines"
	exec {lines}>&-
	wait "$pid_waiter" || code=$?
	kill -CONT "$switch"
	[ "$code" = 5 ]
	grep -q DEADLINE_EXCEEDED "$place/waiter.err"
}

@test "a durable publish tells where it is, and whether it was there" {
	[ "$(helio pub demo.a x --durable --key k)" = 'stored as events:1' ]
	[ "$(helio pub demo.a x --durable --key k)" = \
		'stored as events:1 (it was there already)' ]
	run -1 --separate-stderr helio pub demo.a y --durable --key k
	[ "$stderr" = 'helio: publish: ALREADY_EXISTS' ]
	[ "$(helio pub demo.a z --expect 1)" = 'stored as events:2' ]
	run -1 helio pub demo.a z --expect 1
	[ "$(helio log -o cat | xargs)" = 'x z' ]
}

@test "--follow goes on through the death of the logger" {
	say one
	start_aside tail helio log -f -o cat
	until_lines tail 1
	say two three
	kill_logger
	until helio pub demo.a four --durable --timeout 2s; do sleep 0.05; done
	until helio pub demo.a five --durable --timeout 2s; do sleep 0.05; done
	until_lines tail 5
	kill -TERM "$pid_tail"
	wait "$pid_tail"
	[ "$(xargs <"$place/tail")" = 'one two three four five' ]
}

@test "an archive is verified by itself, and fills a log" {
	say one two three
	helio log export --format archive >"$place/a"
	[ "$(helio log verify "$place/a")" = 'good: 3 records' ]
	head -c 300 "$place/a" >"$place/short"
	run -1 helio log verify "$place/short"
	[[ $output == *'the first bad record is '* ]]
	sed 's/two/twa/' "$place/a" >"$place/flipped"
	run -1 helio log verify "$place/flipped"
	[[ $output == *'the first bad record is 2'* ]]
	run -2 helio log import copy "$place/flipped"
	run -3 helio log show copy
	helio log import copy "$place/a"
	[ "$(helio log copy -o cat | xargs)" = 'one two three' ]
	diff <(helio log export events) \
		<(helio log export copy | sed 's/"copy"/"events"/')
	run -1 helio log import copy "$place/a"
}

# Of the helio log export in $place/a, the records.
n_exported() {
	helio log verify "$place/a" | sed -n 's/^good: \([0-9]*\) records$/\1/p'
}

@test "a back-up is made while others write" {
	local n

	say_on() {
		while say more; do :; done
	}
	say one two three
	start_aside writer say_on
	start_aside tail helio log -f -o cat
	until_lines tail 10
	helio log export --format archive >"$place/a"
	n=$(n_exported)
	[ "$n" -ge 10 ]
	until_lines tail $((n + 10))
	kill "$pid_writer"
	helio log import copy "$place/a"
	[ "$(helio log copy | wc -l)" = "$n" ]
	diff <(helio log export events | head -n "$n") \
		<(helio log export copy | sed 's/"copy"/"events"/')
}

@test "lines of JSON fill a log" {
	printf '\0\377' | helio pub demo.b --durable -H x:y
	say two
	helio log export events >"$place/j"
	is_json_lines <"$place/j"
	helio log import copy "$place/j"
	[ "$(helio log copy -o json -n 1 | json 'j["body"]')" = two ]
	[ "$(helio log copy -r -o json | tail -n 1 |
		json 'j["body_base64"], j["headers"][0]["value"]')" = \
		"('AP8=', 'y')" ]
	echo 'nonsense' >>"$place/j"
	run -2 helio log import again "$place/j"
	[[ $output == *'line 3'* ]]
	run -3 helio log show again
}

@test "logs are set up, changed and shown" {
	helio log change events --age 7d --bytes 1G --records 5
	[ "$(helio log show events -o json |
		json '[j[k + "_max"] for k in ("bytes", "records")]')" = \
		'[1073741824, 5]' ]
	[ "$(helio log show events -o json | json 'j["age_max_ms"]')" = \
		604800000 ]
	[ "$(helio log show events -o json | json 'len(j["patterns"])')" = 2 ]
	run -1 helio log create more -p 'demo.x'
	run -2 helio log create more --bytes lots
	helio log ls -o json | json 'j[0]["name"]' | grep -qx events
	[ "$(helio log cursors -o json)" = '[]' ]
}

@test "a program's output is shipped line by line" {
	run -7 helio logger pipe --subject demo.p --tag T -- \
		sh -c 'echo one; echo "<3>two"; printf three; exit 7'
	[ "$(helio log --subject demo.p -o cat | xargs)" = 'one two three' ]
	[ "$(helio log --subject demo.p -n 2 -o json | head -n 1 |
		json '[h["value"] for h in j["headers"] if h["name"] != "pid"]')" = \
		"['err', 'T', 'stdout']" ]
	run -3 helio logger pipe --subject demo.p -- no-such-program
	run -1 helio logger pipe --subject nowhere.p -- echo x
	[[ $output == *'FAILED_PRECONDITION'* ]]
}

@test "the same file with the same id is shipped once" {
	seq 1 10000 >"$place/lines"
	helio logger pipe --subject demo.f --file "$place/lines" --id f
	helio logger pipe --subject demo.f --file "$place/lines" --id f
	helio log --subject demo.f -o cat | cmp - "$place/lines"
}

@test "the logger's death costs a pipe no line and repeats none" {
	{
		seq 1 2000
		until [ -e "$place/killed" ]; do sleep 0.05; done
		seq 2001 4000
	} | helio logger pipe --subject demo.k 2>"$place/pipe.err" 3>&- &
	pid_pipe=$!
	start_aside tail helio log -f --since today --subject demo.k -o cat
	until_lines tail 1
	kill_logger
	touch "$place/killed"
	wait "$pid_pipe"
	until_lines tail 4000
	kill -TERM "$pid_tail"
	seq 1 4000 | cmp - "$place/tail"
}

@test "messages are said again under another subject" {
	say one two
	start heard subscribed helio sub 'shadow.>' -n 2 -o json
	[ "$(helio replay --log events --into shadow -o json |
		json 'j["published"], j["taken"], j["refused"]')" = '(2, 2, 0)' ]
	until_lines heard 2
	head -n 1 "$place/heard" >"$place/first"
	[ "$(json 'j["subject"], j["body"], j["headers"][0]["value"]' \
		<"$place/first")" = "('shadow.demo.a', 'one', 'events/1')" ]
	run -2 helio replay --log events
}

@test "at the pace at which it was stored, and at twice that" {
	local began

	say one
	sleep 0.4 # is what is told again
	say two
	began=${EPOCHREALTIME/./}
	[ "$(helio log --speed original -o cat | xargs)" = 'one two' ]
	[ $((${EPOCHREALTIME/./} - began)) -ge 400000 ]
	began=${EPOCHREALTIME/./}
	helio replay --log events --into shadow --speed 2
	[ $((${EPOCHREALTIME/./} - began)) -ge 200000 ]
	[ "$(helio log --speed max -o cat | xargs)" = 'one two' ]
	run -2 helio log --speed 0
	run -2 helio replay --log events --into shadow --speed slow
}

@test "calls are made again, and their replies compared" {
	helio log create calls -s toy.v1.Toy.Get
	start toy serving helio reply toy.v1.Toy.Get --echo
	helio request toy.v1.Toy.Get one
	helio request toy.v1.Toy.Get two
	start same serving helio reply same.Toy.Get --echo
	start other serving helio reply other.Toy.Get other
	for i in {1..400}; do
		[ "$(helio log calls | wc -l)" = 4 ] && break
		sleep 0.05
	done
	helio replay --log calls --into same.Toy >"$place/report"
	grep -qx 'same.Toy.Get: 2 OK' "$place/report"
	run -1 helio replay --log calls --into other.Toy -o json
	[ "$(json 'j["called"], j["differing"], j["first_differing"]' \
		<<<"$output")" = '(2, 2, 1)' ]
}

@test "bodies are shown by the schemas that they were written with" {
	local hash

	hash=$(helio schema ls helio.log.v1 -o json | json 'j[0]["hash"]')
	# A GetRequest whose name is x.
	printf '\n\001x' | helio pub demo.t --durable --schema "$hash" \
		--content-type 'application/protobuf; message=helio.log.v1.GetRequest'
	[ "$(helio log -o cat)" = '{"name":"x"}' ]
	[ "$(helio log -o json | json 'j["message"]["name"]')" = x ]
	# An archive brings the schema along.
	helio log export events --format archive >"$place/a"
	grep -q helio/log/v1/log.proto "$place/a"

	helio log create asked -s helio.registry.v1.Registry
	helio schema ls helio.log.v1 >/dev/null
	for i in {1..400}; do
		helio log asked -o cat >"$place/asked"
		[ "$(wc -l <"$place/asked")" -ge 2 ] && break
		helio schema ls helio.log.v1 >/dev/null
		sleep 0.05
	done
	head -n 1 "$place/asked" | json 'j["limit"]' | grep -qx 64
}

@test "the switch's death costs a pipe no line and repeats none" {
	{
		seq 1 2000
		until [ -e "$place/killed" ]; do sleep 0.05; done
		seq 2001 4000
	} | helio logger pipe --subject demo.k 2>"$place/pipe.err" 3>&- &
	pid_pipe=$!
	start_aside tail helio log -f --since today --subject demo.k -o cat
	until_lines tail 1
	kill -9 "$(children_called "$pid_up" heliod)"
	touch "$place/killed"
	wait "$pid_pipe"
	until_lines tail 4000
	kill -TERM "$pid_tail"
	seq 1 4000 | cmp - "$place/tail"
}
