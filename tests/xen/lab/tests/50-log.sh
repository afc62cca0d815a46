# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A log in dom0, and guests who read it and write to it over vchan.

start_logger() {
	begin dom0 "exec helio-logger --state /run/logs \
		--address \$HELIOGRAPH_ADDRESS"
}

test_a_guest_reads_the_log_of_dom0() {
	local logger tail

	need_switch
	logger=$(start_logger)
	run dom0 "until helio log create lab -p 'log.>' -p 'vm.>'; do
		sleep 0.2; done" >/dev/null || fail "there is no logger"
	run dom0 'helio pub log.boot "dom0 is up" --durable' |
		grep -qx 'stored as lab:1' || fail "it was not stored"
	[ "$(run web 'helio log -o cat')" = 'dom0 is up' ] ||
		fail "web reads something else"

	# What it says itself is in dom0's log, under its own name.
	run web 'echo "<3>hello from web" | helio logger pipe --tag lab' ||
		fail "web's line was not stored"
	run dom0 'helio log --domain web' |
		grep -q 'vm:web vm.web.log lab: hello from web$' ||
		fail "dom0 does not see who said it"

	# A reading in a guest outlives the logger.
	tail=$(begin db 'helio log -f -o cat >/run/tail')
	run db 'until grep -qx "hello from web" /run/tail; do sleep 0.1; done' ||
		fail "db does not read"
	stop "$logger" KILL
	logger=$(start_logger)
	run dom0 'until helio pub log.boot again --durable; do
		sleep 0.2; done' >/dev/null || fail "the logger does not return"
	run db 'until grep -qx again /run/tail; do sleep 0.1; done' ||
		fail "the reading in db does not go on"
	[ "$(run db 'cat /run/tail')" = "$(printf '%s\n' 'dom0 is up' \
		'hello from web' again)" ] || fail "db read something else"
	stop "$tail"
	stop "$logger"
}
