# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A switch in dom0, and the programs of guests, which are who the hypervisor
# says that they are.

test_dom0_and_guests_hear_each_other() {
	need_switch
	hears dom0 web
	hears web dom0 | grep -qx 'question of vm:web' ||
		fail "dom0 does not know who asks"
	hears web db | grep -qx 'question of vm:web' ||
		fail "db does not know who asks"
}

test_a_killed_client_is_noticed_within_a_second() {
	local job events

	need_switch
	job=$(begin web 'helio sub lab.killed')
	await_there dom0 lab.killed
	events=$(begin dom0 "helio sub -n 1 '\$sys.own.vm:web.down'")
	await_subscribed sys.own.vm:web.down
	stop "$job" KILL
	end "$events" 1 | grep vm:web || fail "its death was not told"
}

test_a_paused_guest_is_not_dead() {
	local job events

	need_switch
	job=$(begin web 'helio sub -n 3 lab.paused')
	await_there dom0 lab.paused
	events=$(begin dom0 "helio sub --timeout 6s '\$sys.peer.down' |
		grep vm:web")
	xl pause web
	run dom0 'helio pub lab.paused meanwhile'
	! end "$events" || fail "it was taken for dead"
	xl unpause web
	run dom0 'helio pub lab.paused afterwards'
	end "$job" | grep -x afterwards || fail "web hears nothing any more"
}

# So many ports and descriptors has the switch.
count_held() {
	lsevtchn 0 | grep -c interdomain
	find "/proc/$(pidof heliod)/fd" | wc -l
}

test_a_hundred_that_connect_and_die_leave_nothing() {
	local before i=0

	need_switch
	run web 'helio ping'
	before=$(count_held)
	# shellcheck disable=SC2016
	run web 'i=0; while [ $i -lt 100 ]; do
		lab-end ours client 0 lab/heliograph 0 0 die; i=$((i + 1))
		done 2>/dev/null; true' || fail "it took too long"
	while [ "$(count_held)" != "$before" ]; do
		i=$((i + 1))
		[ "$i" -lt 100 ] || fail "$before before, $(count_held) after"
		sleep 0.1
	done
	run web 'helio ping' || fail "nobody is served any more"
}

# While it publishes as much as it can.
test_a_destroyed_domain_is_gone_and_others_go_on() {
	local events peers i=0

	need_switch
	create flood
	await_up flood
	begin flood "yes $(printf '%01000d' 0) | helio pub -l lab.flood"
	run dom0 'helio sub -n 100 lab.flood >/dev/null' ||
		fail "flood does not publish"
	events=$(begin dom0 "helio sub -t -n 1 '\$sys.domain.stopped'")
	peers=$(begin dom0 "helio sub -n 1 '\$sys.own.vm:flood.down'")
	await_subscribed sys.domain.stopped
	await_subscribed sys.own.vm:flood.down
	destroy flood
	end "$events" 2 | grep flood || fail "its end was not told"
	end "$peers" 2 | grep vm:flood || fail "its channel's was not told"
	while xl list | grep -F '(null)'; do
		i=$((i + 1))
		[ "$i" -lt 20 ] || fail "it stays as a zombie"
		sleep 0.1
	done
	hears web db
}

