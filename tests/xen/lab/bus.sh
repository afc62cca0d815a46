# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# More words for tests: a switch in some domain, and the programs of others
# that use it by $HELIOGRAPH_ADDRESS.

# start_switch DOMAIN [ADDRESS]: heliod there; with an ADDRESS, as a leaf.
# Prints the job.
start_switch() {
	local domain=$1 uplink=${2:-} job ready listen='listen vchan:*/heliograph'

	[ -z "$uplink" ] || listen=
	run "$domain" "mkdir -p /etc/bus/policy /run/bus && rm -f /run/bus/go &&
		mkfifo /run/bus/go && printf '%s\n' '$listen' 'schemas equal' \
			>/etc/bus/heliod.conf &&
		cat >/etc/bus/policy/10.policy <<-'EOT'
			allow ** any,group >
			allow ** subscribe \$sys.>
			allow uid:* admin switch
			allow vm:* uplink leaf
			allow uid:* capture,observe >
			allow uid:* log-admin *
			allow ** log-read *
			allow ** kv-read *
			allow uid:* kv-write *
		EOT" >/dev/null || fail "no configuration in $domain"
	ready=$(begin "$domain" 'timeout 15 head -n 1 /run/bus/go')
	job=$(begin "$domain" "exec heliod --config /etc/bus --run /run/bus \
		${uplink:+--uplink $uplink} --ready-fd 3 3>/run/bus/go")
	end "$ready" | grep -q READY ||
		fail "no switch in $domain"
	echo "$job"
}

# need_switch: one in dom0, which stays for other tests.
need_switch() {
	[ -e /run/lab/switch ] && ! has_ended "$(cat /run/lab/switch)" &&
		return
	rm -f /run/lab/switch
	start_switch dom0 >/run/lab/switch.new
	mv /run/lab/switch.new /run/lab/switch
}

# await_there FROM SUBJECT: until somebody hears what FROM publishes.
await_there() {
	run "$1" "until helio pub --ack routed $2 there; do sleep 0.1; done" ||
		fail "$1 finds nobody who hears $2"
}

# await_subscribed PATTERN: until somebody is, to the switch in dom0.
await_subscribed() {
	run dom0 "until helio ls subscriptions | grep -F '$1'; do
		sleep 0.1; done" >/dev/null || fail "nobody subscribes to $1"
}

# hears FROM TO: a message and a request between two domains.
hears() {
	local subject="lab.$1-$2" job

	job=$(begin "$2" "helio sub -n 2 --timeout 15s $subject")
	await_there "$1" "$subject"
	run "$1" "helio pub $subject 'from $1'"
	end "$job" | grep -qx "from $1" || fail "$2 does not hear $1"
	job=$(begin "$2" "helio reply -n 1 $subject.call \
		--command 'cat; echo \" of \$HELIO_SOURCE\"'")
	run "$1" "helio request --wait $subject.call question"
	end "$job" || fail "$2 does not answer $1"
}
