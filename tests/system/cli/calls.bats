#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

@test "a fixed answer, an echo, and an answer from standard input" {
	start fixed serving helio reply a.fixed pong
	start echo serving helio reply a.echo --echo
	echo from a pipe >"$place/in"
	start pipe serving bash -c 'exec helio reply a.pipe <"$0"' "$place/in"
	[ "$(helio request a.fixed ping)" = pong ]
	[ "$(helio request a.echo 'same again')" = "same again" ]
	[ "$(echo piped | helio request a.echo)" = piped ]
	[ "$(helio request a.pipe x)" = "from a pipe" ]
}

@test "--queue of other tools is taken, and told to change nothing" {
	start queue "--queue changes nothing" \
		helio reply a.queue pong --queue workers
	[ "$(helio request a.queue ping --wait)" = pong ]
}

@test "--command gets the body on standard input" {
	start reply serving helio reply a.count --command 'wc -l'
	[ "$(seq 1234 | helio request a.count)" = 1234 ]
}

@test "a hostile body stays a body" {
	start reply serving helio reply a.cat --command cat
	body="'; touch $place/pwned; \$(touch $place/pwned) \`touch $place/pwned\`"
	[ "$(helio request a.cat "$body")" = "$body" ]
	[ "$(helio request a.cat -- '-x --raw')" = "-x --raw" ]
	[ ! -e "$place/pwned" ]
}

@test "what is not the body is in HELIO_ variables" {
	HELIO_KEY=forged start reply serving helio reply a.env \
		--command 'env | grep ^HELIO_ | sort'
	run -0 helio request a.env x -H 'Trace-Id: $(id)' -H "x=y: '"
	[[ $output == *'HELIO_SUBJECT=a.env'* ]]
	[[ $output == *'HELIO_SOURCE=uid:'* ]]
	[[ $output == *'HELIO_HEADER_TRACE_ID=$(id)'* ]]
	[[ $output == *"HELIO_HEADER_X_Y='"* ]]
	[[ $output != *forged* ]]
}

@test "a command that fails fails the request" {
	start reply serving helio reply a.fail --command 'echo no; exit 3'
	run -1 --separate-stderr helio request a.fail x
	[ "$output" = "" ]
	[[ $stderr == *"ended with 3"* ]]
	run -1 --separate-stderr helio request a.fail x -o json
	[ "$(json 'j["status"], j["origin"]' <<<"$output")" = \
		"('UNKNOWN', 'service')" ]
}

@test "a command is ended when nobody waits for it any more" {
	start reply serving helio reply a.slow --command \
		"echo \$\$ > $place/pid; exec sleep 600"
	run -5 helio request a.slow x --timeout 500ms
	read -r pid <"$place/pid"
	for ((i = 0; i < 100; i++)); do
		[ -e "/proc/$pid" ] || break
		sleep 0.05
	done
	[ ! -e "/proc/$pid" ]
}

@test "answers of many fragments, and many requests at once" {
	start reply serving helio reply a.cat --command cat --jobs 2
	head -c 300000 /dev/urandom >"$place/body"
	helio request a.cat --raw <"$place/body" | cmp - "$place/body"
	for i in 1 2 3 4 5 6; do
		helio request a.cat "$i" >"$place/answer$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ "$(cat "$place"/answer?)" = "$(seq 6)" ]
}

@test "nobody serves it: 5 at once, and --wait waits" {
	run -5 --separate-stderr helio request a.late x
	[[ $stderr == *UNAVAILABLE* ]]
	helio request a.late x --wait --timeout 20s >"$place/answer" 3>&- &
	pid=$!
	start reply serving helio reply a.late 'here I am' --count 1
	wait "$pid"
	[ "$(cat "$place/answer")" = "here I am" ]
	wait "$pid_reply"
}

@test "--count ends it when the last answer is out" {
	start reply serving helio reply a.b ok --count 2
	[ "$(helio request a.b)" = ok ] </dev/null
	[ "$(helio request a.b)" = ok ] </dev/null
	wait "$pid_reply"
	run -5 helio request a.b x
}

@test "a reply on a terminal is escaped" {
	start reply serving helio reply a.b $'\e[31mred'
	run -0 script -qefc "helio request a.b x" /dev/null
	[[ $output == *'\x1b[31mred'* ]]
	[[ $output != *$'\e'* ]]
}

@test "an observer sees whole what comes in fragments, both ways" {
	start watch subscribed helio sub a.cat --observe -o json --count 2 \
		--timeout 60s
	start reply serving helio reply a.cat --command "tr a-y b-z"
	head -c 230400 /dev/urandom | base64 -w 0 >"$place/request"
	helio request a.cat --raw <"$place/request" >"$place/reply"
	tr a-y b-z <"$place/request" | cmp - "$place/reply"
	wait "$pid_watch"
	python3 - "$place" <<'PYTHON'
import json, sys

def read(name):
    with open(f"{sys.argv[1]}/{name}") as file:
        return file.read()

call, reply = map(json.loads, read("watch").splitlines())
assert call["slot"] == reply["slot"]
assert "status" not in call and reply["status"] == "OK"
assert call["body"] == read("request")
assert reply["body"] == read("reply")
assert len(reply["body"]) == 300 * 1024
PYTHON
}
