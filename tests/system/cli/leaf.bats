#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A host and a leaf of it, each a bus of its own, and programs below both.

load bus

# The leaf's own folders; its programs find it by $leaf.
start_leaf() {
	start_aside leaf helio up --state "$place/leaf-state" \
		--run "$place/leaf-run" --uplink "$(as web)" "$@"
	until_lines leaf 1
	leaf=shm:$place/leaf-run/bus.sock
}

stop_leaf() {
	kill -TERM "$pid_leaf"
	wait "$pid_leaf" || true
}

allow() {
	printf '%s\n' "$@" >"$state/policy/10-leaf.policy"
	helio reload
}

setup_file() {
	export me="vm:web/uid:$(id -u)"
}

# setup() of the bus, and a domain that may be a leaf.
prepare() {
	enrol web
	allow 'allow vm:web uplink leaf' 'allow vm:web/** any,group vm.web.>' \
		'allow vm:web/** any,group news.>' \
		'allow vm:web/** call host.>'
	mkdir -p "$place/leaf-state/policy"
	printf '%s\n' 'deny vm:web/** subscribe vm.web.own.>' \
		'allow vm:web/** any,group >' \
		>"$place/leaf-state/policy/50-leaf.policy"
}

@test "messages go both ways, under the whole name, and once" {
	prepare
	start_leaf
	start here subscribed helio sub 'news.>' --count 2 -o json
	start there subscribed helio sub 'news.>' --count 2 -o json -c "$leaf"
	start twin subscribed helio sub 'news.>' --count 2 -c "$leaf"
	run helio pub news.a up --ack routed -c "$leaf"
	[[ $output == *"3 taken"* ]]
	run helio pub news.b down --ack routed
	[[ $output == *"2 taken"* ]]
	wait "$pid_here" "$pid_there" "$pid_twin"
	for name in here there; do
		[ "$(head -n 1 "$place/$name" | json 'j["source"]')" = "$me" ]
		[ "$(tail -n 1 "$place/$name" | json 'j["source"]')" = "uid:$(id -u)" ]
	done
	[ "$(tr '\n' ' ' <"$place/twin")" = "up down " ]
}

@test "each policy has its say, and says which line" {
	prepare
	start_leaf
	run -4 --separate-stderr helio sub secret.x -c "$leaf"
	[[ $stderr == *"$me may not subscribe secret.x"*"no line"* ]]
	run -4 --separate-stderr helio sub vm.web.own.x -c "$leaf"
	[[ $stderr == *"$me may not subscribe"*"50-leaf.policy:1"* ]]
	run -4 --separate-stderr helio pub secret.x y -c "$leaf"
	[[ $stderr == *"$me may not publish secret.x"* ]]
	run -4 --separate-stderr helio request secret.x y -c "$leaf"
	[[ $stderr == *"$me may not call secret.x"* ]]
}

@test "calls go both ways" {
	prepare
	start_leaf
	start inside serving helio reply vm.web.echo "of the leaf" -c "$leaf"
	start outside serving helio reply host.echo "of the host"
	[ "$(helio request vm.web.echo x)" = "of the leaf" ]
	[ "$(helio request vm.web.echo x -c "$leaf")" = "of the leaf" ]
	[ "$(helio request host.echo x -c "$leaf")" = "of the host" ]
	run -5 --separate-stderr helio request vm.web.nobody x -c "$leaf"
	[[ $stderr == *"nobody serves vm.web.nobody"* ]]
}

@test "an uplink that goes and comes back" {
	prepare
	start_leaf
	start there subscribed helio sub 'news.>' --count 3 -c "$leaf"
	kill -KILL "$(children_called "$pid_up" heliod)"
	helio pub news.a alone -c "$leaf"
	until_lines there 1
	for ((i = 0; i < 200; i++)); do
		helio pub news.b back --ack routed >/dev/null 2>&1 && break
		sleep 0.05
	done
	until_lines there 2
	helio pub news.c both -c "$leaf"
	wait "$pid_there"
	[ "$(tr '\n' ' ' <"$place/there")" = "alone back both " ]
	grep -q "missing here (uplink)" "$place/there.err"
}

@test "a leaf without the right says which line it wants, once" {
	enrol web
	start leaf "a line .allow vm:web uplink leaf." helio up \
		--state "$place/leaf-state" --run "$place/leaf-run" \
		--uplink "$(as web)"
	allow 'allow vm:web uplink leaf'
	until_lines leaf 1
	helio ping -c "shm:$place/leaf-run/bus.sock"
	[ "$(grep -c 'uplink leaf' "$place/leaf.err")" = 0 ]
}

@test "a leaf over tcp, each side known by its key" {
	[ -e "$HELIOGRAPH_MODULE_DIR/libheliograph-tcp.so" ] ||
		skip "without the module for tcp"
	port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	stop_bus
	start_bus --listen "tcp://127.0.0.1:$port"
	allow 'allow key:web uplink leaf' 'allow key:web/** any >'
	mkdir -p "$place/leaf-state/policy"
	echo 'allow key:web/** any,group >' \
		>"$place/leaf-state/policy/50-leaf.policy"
	cp "$state/heliod.pub" "$place/leaf-state/uplink.pub"

	# Its key is drawn, and a stranger's until it is enrolled.
	start leaf "does not know this key" helio up \
		--state "$place/leaf-state" --run "$place/leaf-run" \
		--uplink "tcp://127.0.0.1:$port"
	helio keys enrol --state "$state" -- web \
		"$(cat "$place/leaf-state/heliod.pub")"
	until_lines leaf 1
	leaf=shm:$place/leaf-run/bus.sock
	start inside serving helio reply q "of the leaf" -c "$leaf"
	[ "$(helio request q x)" = "of the leaf" ]
	start here subscribed helio sub news.x --count 1 -o json
	helio pub news.x up -c "$leaf"
	wait "$pid_here"
	[ "$(json 'j["source"]' <"$place/here")" = "key:web/uid:$(id -u)" ]
}

@test "a leaf serves nobody before its host has let it in" {
	prepare
	stop_bus
	start_aside leaf helio up --state "$place/leaf-state" \
		--run "$place/leaf-run" --uplink "$(as web)"
	for ((i = 0; i < 20; i++)); do
		[ ! -e "$place/leaf-run/bus.sock" ]
		sleep 0.02
	done
	start_bus
	until_lines leaf 1
	helio ping -c "shm:$place/leaf-run/bus.sock"
}
