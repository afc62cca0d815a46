#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vchan-socket-proxy, a program of Xen's own that knows nothing of the bus,
# carries its frames between a socket in a guest and the switch in domain 0.
# XEN_TESTS is where the world's programs are, PROXY_SH finds the proxy.

load ../system/cli/bus

# In a domain of the world, the stand-in preloaded.
domain() {
	"$XEN_TESTS/xen-domain" "$world" "$@"
}

setup_file() {
	PROXY=$("$PROXY_SH" "$ROOT")
	export PROXY
}

# The bus of bus.bash, but in domain 0 and on vchan.
setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/bus.XXXXXX")
	run_folder=$place/run
	state=$place/state
	world=$place/world
	mkdir -p "$world" "$state/policy"
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock
	"$XEN_TESTS/xen-world" "$world" >"$place/ready" 3>&- &
	until_lines ready 1
	domain add 1 11111111-1111-1111-1111-111111111111 web
	domain add 2 22222222-2222-2222-2222-222222222222 db
	printf '%s\n' 'allow vm:* publish,subscribe,call,serve a.>' \
		'allow ** call,admin >' >"$state/policy/50.policy"
	start_aside up domain run 0 helio up --state "$state" \
		--run "$run_folder" --listen 'vchan:*/bus' -o text
	until_lines up 1
	for domid in 1 2; do
		start_proxy "$domid"
	done
}

# It prints nothing; its socket is there when it listens.
start_proxy() {
	local domid=$1

	start_aside "proxy$domid" domain run "$domid" "$PROXY" --mode=client 0 \
		"/local/domain/0/data/vchan/$domid/bus" "$place/$domid.sock"
	until_socket "$place/$domid.sock"
}

until_socket() {
	local i

	for ((i = 0; i < 400; i++)); do
		[[ -S $1 ]] && return
		sleep 0.05
	done
	echo "nobody made $1"
	return 1
}

# A proxy forks for whoever connects, and that one outlives it. Nothing else has
# our folder among its words by now.
end_proxies() {
	local words

	for words in /proc/[0-9]*/cmdline; do
		if grep -qsF "$place/" "$words"; then
			words=${words#/proc/}
			kill -KILL "${words%/cmdline}" 2>/dev/null || true
		fi
	done
}

# The processes of all domains end with their world.
teardown() {
	local pid

	domain stop || true
	for pid in $(jobs -p); do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait || true
	end_proxies
	rm -rf "$place"
}

@test "messages go from guest to guest" {
	start sub subscribed helio sub -c "unix:$place/1.sock" 'a.>' --count 2
	# By one client: the proxy was seen to end after one that had left.
	printf '%s\n' hello world |
		helio pub -c "unix:$place/2.sock" a.b --lines
	until_lines sub 2
	[ "$(cat "$place/sub")" = $'hello\nworld' ]
}

@test "a large request and its answer go through upstream's small reads" {
	head -c 60000 /dev/urandom | base64 -w 0 >"$place/large"
	start reply serving helio reply -c "unix:$place/1.sock" a.echo --echo
	helio request -c "unix:$place/2.sock" --raw a.echo <"$place/large" \
		>"$place/answer"
	cmp "$place/large" "$place/answer"
}

@test "the switch knows the guest and not what the proxy says" {
	start sub subscribed helio sub -c "unix:$place/1.sock" 'a.>'
	run -0 helio ls peers -o json
	[ "$(json '[p["principal"] for p in j if "vm:web" in str(p)] != []' \
		<<<"$output")" = True ]
}
