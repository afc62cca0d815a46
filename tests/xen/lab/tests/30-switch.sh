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

# count_ports DOMID: those that are bound, or offered to another domain.
count_ports() {
	lsevtchn "$1" | grep -c Interdomain
}

# Ports of dom0 and of a guest, the switch's descriptors, pages that somebody
# has mapped, and keys on offer.
count_held() {
	count_ports 0
	count_ports "$(domid "$1")"
	find "/proc/$(pidof heliod)/fd" | wc -l
	xl dmesg -c >/dev/null
	xl debug-keys g
	xl dmesg | grep -c '^(XEN) \[0x'
	xenstore-ls /local/domain/0/data/vchan | grep -c ring-ref
}

# So many paths as a guest may still watch, each of which tells of itself once.
can_watch() {
	local i=0 paths=

	while [ "$i" -lt "$2" ]; do
		paths="$paths data/w$i"
		i=$((i + 1))
	done
	run "$1" "timeout 20 xenstore-watch -n $2 $paths >/dev/null"
}

# Linux gives dom0 no page more than it has given and two channels need, so one
# page that was not given back each time is soon missing. A guest has 128
# watches.
test_a_hundred_that_connect_and_die_leave_nothing() {
	local before i=0 limit=/sys/module/xen_gntalloc/parameters/limit

	need_switch
	run web 'helio ping'
	before=$(count_held web)
	echo 200 >$limit
	# shellcheck disable=SC2016
	run web 'i=0; while [ $i -lt 100 ]; do
		lab-end ours client 0 lab/heliograph 0 0 die; i=$((i + 1))
		done 2>/dev/null; true' || fail "it took too long"
	while [ "$(count_held web)" != "$before" ]; do
		i=$((i + 1))
		[ "$i" -lt 50 ] || fail "$before before, $(count_held web) after"
		sleep 0.1
	done
	run web 'helio ping' || fail "nobody is served any more"
	echo 4096 >$limit
	can_watch web 110 || fail "watches are left"
}

# A domain that has begun a frame has gone before its end.
test_a_domain_destroyed_in_mid_frame_holds_nothing() {
	local held i=0

	need_switch
	held=$(count_ports 0)
	create torn
	await_up torn
	begin torn "lab-hostile half 0 $(domid torn) heliograph"
	lab-await 15 "$(home torn)/data/half" >/dev/null ||
		fail "torn does not begin a frame"
	destroy torn
	while xl list | grep -F '(null)' ||
		[ "$(count_ports 0)" != "$held" ]; do
		i=$((i + 1))
		[ "$i" -lt 20 ] || fail "$(xl list) $(lsevtchn 0)"
		sleep 0.1
	done
	hears web db
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

