# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A store in dom0, and the bridge from the real xenstored to it: what a guest
# writes in xenstore another sees as a change of a bucket.

test_a_guest_sees_what_another_writes_in_xenstore() {
	local store bridge watch web

	need_switch
	web=$(home web)
	store=$(begin dom0 "exec helio-store --state /run/store \
		--address \$HELIOGRAPH_ADDRESS")
	bridge=$(begin dom0 "exec helio-xenstore \
		--tree '/local/domain/*/data/lab' --tree /tool \
		--address \$HELIOGRAPH_ADDRESS")
	xenstore-write /tool/lab/ready yes
	run dom0 "until helio kv ls xenstore -f | grep -F \
		'/tool/lab/ready = \"yes\"'; do sleep 0.1; done" >/dev/null ||
		fail "dom0's own node is not in the bucket"

	watch=$(begin db "helio kv watch -f -n 3 xenstore $web/data/lab \
		2>/run/live")
	run db 'until [ -s /run/live ]; do sleep 0.1; done' ||
		fail "db cannot watch the bucket"
	run web 'xenstore-write data/lab/door open data/lab/bell ring'
	end "$watch" >/run/lab/seen || fail "db does not see it"
	[ "$(sort /run/lab/seen)" = "$web/data/lab = \"\"
$web/data/lab/bell = \"ring\"
$web/data/lab/door = \"open\"" ] || fail "db sees something else"
	stop "$bridge"
	stop "$store"
}
