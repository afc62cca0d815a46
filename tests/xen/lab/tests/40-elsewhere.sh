# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A switch in a guest: one that dom0 tells who the others are, and a leaf.

test_a_switch_in_a_guest_serves_the_others() {
	local agent switch job

	agent=$(begin dom0 "helio xen-agent $(domid db)")
	lab-await 10 "$(home db)/data/heliograph/agent" >/dev/null ||
		fail "the agent tells nothing"
	switch=$(start_switch db)
	job=$(begin dom0 "helio reply -c vchan:$(domid db)/heliograph -n 1 \
		lab.call --command 'echo \$HELIO_SOURCE'")
	run web "helio request -c vchan:$(domid db)/heliograph --wait \
		lab.call x" | grep -x vm:web || fail "web gets no answer"
	end "$job"
	stop "$switch"
	stop "$agent"
}

test_a_leaf_in_a_guest() {
	local leaf job local_bus='HELIOGRAPH_ADDRESS=shm:/run/bus/bus.sock'

	need_switch
	leaf=$(start_switch web vchan:0/heliograph)
	job=$(begin dom0 "helio reply -n 1 lab.leaf.call \
		--command 'echo \$HELIO_SOURCE'")
	run web "$local_bus helio request --wait lab.leaf.call x" |
		grep -x vm:web/uid:0 || fail "its program gets no answer"
	end "$job"
	job=$(begin web "$local_bus helio sub -n 1 lab.leaf.down")
	await_there db lab.leaf.down
	end "$job" || fail "its program hears nothing"
	stop "$leaf"
}

# of_life NAME: the number by which this life of a guest is known.
of_life() {
	local job

	job=$(begin dom0 "helio reply -n 1 lab.life \
		--command 'echo \$HELIO_INCARNATION'")
	run "$1" 'helio request --wait lab.life x'
	end "$job" >/dev/null
}

test_a_guest_that_reboots_is_another() {
	local events before

	need_switch
	create again
	await_up again
	before=$(of_life again)
	[ "$before" = "$(of_life again)" ] || fail "$before, then another"
	events=$(begin dom0 "helio sub -n 1 '\$sys.domain.stopped'")
	await_subscribed sys.domain.stopped
	begin again 'reboot -f'
	end "$events" 15 || fail "nobody was told that it went"
	create again
	await_up again
	[ "$(of_life again)" != "$before" ] || fail "it is taken for the same"
	destroy again
}
