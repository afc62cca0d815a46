#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

load bus

@test "a message comes out as it went in" {
	start sub subscribed helio sub a.b --count 1
	helio pub a.b hello
	wait "$pid_sub"
	[ "$(cat "$place/sub")" = hello ]
}

@test "the body is standard input when there is none" {
	start sub subscribed helio sub a.b --count 1
	echo from a pipe | helio pub a.b
	wait "$pid_sub"
	[ "$(cat "$place/sub")" = "from a pipe" ]
}

@test "--lines makes a message of each line, --count repeats" {
	start sub subscribed helio sub 'a.>' --count 6
	printf 'one\n\nthree' | helio pub a.b --lines --count 2
	wait "$pid_sub"
	[ "$(sort "$place/sub" | tr '\n' ,)" = ",,one,one,three,three," ]
}

@test "lines are sent as they come, not at the end" {
	start sub subscribed helio sub a.b --count 1
	mkfifo "$place/in"
	helio pub a.b --lines <"$place/in" 3>&- &
	exec 4>"$place/in"
	echo now >&4
	wait "$pid_sub"
	exec 4>&-
	[ "$(cat "$place/sub")" = now ]
}

@test "-t shows the subject" {
	start sub subscribed helio sub '*.b' -t --count 1
	helio pub x.b hello
	wait "$pid_sub"
	[ "$(cat "$place/sub")" = "x.b hello" ]
}

@test "--raw gives every byte of a body of many fragments" {
	head -c 500000 /dev/urandom >"$place/body"
	start sub subscribed helio sub a.b --raw --count 1
	helio pub a.b <"$place/body"
	wait "$pid_sub"
	cmp "$place/body" "$place/sub"
}

@test "-o json is valid and loses nothing" {
	start sub subscribed helio sub a.b -o json --count 2
	printf '\377\376\0' | helio pub a.b -H 'colour: blue' --key k1
	printf 'a"\\\n\033' | helio pub a.b
	wait "$pid_sub"
	is_json_lines <"$place/sub"
	head -n 1 "$place/sub" | json 'j["body_base64"]' | grep -x '//4A'
	head -n 1 "$place/sub" | json 'j["headers"][0]["name"]' | grep -x colour
	head -n 1 "$place/sub" | json 'j["headers"][0]["value"]' | grep -x blue
	head -n 1 "$place/sub" | json 'j["key"]' | grep -x k1
	tail -n 1 "$place/sub" | json 'j["body"] == "a\"\\\n\x1b"' | grep True
	tail -n 1 "$place/sub" | json 'j["source"]' | grep "^uid:"
}

# Its standard output is a terminal; what it says still comes our way.
start_on_terminal() {
	start "$1" subscribed bash -c \
		'exec script -qefc "$0 2>&9" /dev/null 9>&2' "$2"
}

@test "a terminal is shown control bytes escaped, unless --raw" {
	start_on_terminal sub "helio sub a.b --count 1"
	printf 'x\033[2Jy\r\nz' | helio pub a.b
	wait "$pid_sub"
	grep -F 'x\x1b[2Jy\r\nz' "$place/sub"
	! grep $'\e' "$place/sub"
	start_on_terminal raw "helio sub a.b --raw --count 1"
	printf 'x\033[2Jy' | helio pub a.b
	wait "$pid_raw"
	grep $'\e' "$place/raw"
}

@test "a group shares, and each message goes to one" {
	start one subscribed helio sub a.b --queue g
	start two subscribed helio sub a.b --queue g
	start all subscribed helio sub a.b --count 500
	seq 500 | helio pub a.b --lines
	wait "$pid_all"
	for ((i = 0; i < 400; i++)); do
		[[ $(cat "$place/one" "$place/two" | wc -l) -ge 500 ]] && break
		sleep 0.05
	done
	cmp <(sort "$place/one" "$place/two") <(seq 500 | sort)
}

@test "--ack routed tells who took it" {
	run -1 helio pub nobody.there x --ack routed
	start sub subscribed helio sub a.b --count 3
	run -0 --separate-stderr helio pub a.b x --ack routed -o json --count 3
	[ "$(json 'j["published"], j["took"]' <<<"$output")" = "(3, 3)" ]
	wait "$pid_sub"
}

@test "--timeout ends a subscription: 5 unless something came" {
	run -5 helio sub a.b --timeout 100ms
	start sub subscribed helio sub a.b --timeout 2s
	helio pub a.b x
	wait "$pid_sub"
	run -5 helio sub a.b --count 2 --timeout 100ms
}

@test "^C ends a subscription with 0, and with 130 if more was asked for" {
	start sub subscribed helio sub a.b
	kill -INT "$pid_sub"
	wait "$pid_sub"
	start sub subscribed helio sub a.b --count 1
	kill -INT "$pid_sub"
	code=0
	wait "$pid_sub" || code=$?
	[ "$code" = 130 ]
}

@test "what is no subject, pattern, option or address is usage" {
	run -2 helio pub 'a..b' x
	run -2 helio sub 'a.>.b'
	run -2 helio sub a --frobnicate
	run -2 helio pub a x --header nocolon
	run -2 helio frobnicate
	run -2 helio pub a x -c nowhere
	run -5 helio pub a x -c "shm:$place/nobody.sock"
}
