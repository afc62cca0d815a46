# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A guest that means harm to the switch in dom0, and beside it one that notices
# nothing of it: db answers dom0 on the same channel before and after.

need_witness() {
	need_switch
	if [ ! -e /run/lab/witness ] ||
		has_ended "$(cat /run/lab/witness)"; then
		begin db 'helio reply lab.witness unharmed' \
			>/run/lab/witness
	fi
	run dom0 'helio request --wait lab.witness x' >/dev/null ||
		fail "there is no witness"
}

# By which number the switch knows the witness's channel.
witness_id() {
	run dom0 "helio ls -p vm:db -o json" | sed -n 's/.*"id": *\([0-9]*\).*/\1/p'
}

# ended_for REASON: the switch has counted somebody who was ended for that.
ended_for() {
	run dom0 'helio request --raw helio.switch.v1.Switch.GetStats "" |
		cat >/run/lab/stats' || fail "the switch does not tell whom it ended"
	grep -aqF "$1" /run/lab/stats
}

# unharmed ID
unharmed() {
	run dom0 'helio request --timeout 2s lab.witness x' | grep -qx unharmed ||
		fail "the witness does not answer"
	[ "$(witness_id)" = "$1" ] || fail "the witness lost its channel"
}

# convict CRIME REASON: web commits it and is ended for it.
convict() {
	local id

	need_witness
	id=$(witness_id)
	! ended_for "$2" || fail "somebody was ended for that before"
	run web "lab-hostile $1 0 $(domid web) heliograph" ||
		fail "web was not thrown out"
	ended_for "$2" || fail "nobody was ended because $2"
	unharmed "$id"
}

test_a_client_that_runs_ahead_is_ended() {
	convict ahead "a ring's index ran ahead of the ring"
}

test_a_client_that_goes_back_is_ended() {
	convict back "a ring's index moved back"
}

test_a_client_that_says_nothing_is_cut_off() {
	convict silent "it connected and said nothing"
}

test_what_is_written_to_our_own_words_is_never_believed() {
	local id

	need_witness
	id=$(witness_id)
	run web "lab-hostile overwrite 0 $(domid web) heliograph &&
		lab-hostile takes 0 $(domid web) heliograph" ||
		fail "the switch lost its place"
	unharmed "$id"
}

# Requests of others are answered while it lasts.
test_a_storm_of_events_drowns_nobody() {
	local id job

	need_witness
	id=$(witness_id)
	job=$(begin web "lab-hostile storm 0 $(domid web) heliograph 4")
	run dom0 'for i in 1 2 3 4 5; do
		helio request --timeout 2s lab.witness x || exit 1; done' |
		grep -qx unharmed || fail "the witness is drowned out"
	! has_ended "$job" || fail "the storm was over before"
	end "$job" || fail "web could not ring"
	unharmed "$id"
}

test_a_page_full_of_noise_harms_nobody_else() {
	local id

	need_witness
	id=$(witness_id)
	run web "lab-hostile scribble 0 $(domid web) heliograph 4" ||
		fail "web could not scribble"
	unharmed "$id"
	run web 'helio ping' || fail "web is not served any more"
}

# refused LIE WHY: db does not connect to a server in web that lies.
refused() {
	local server said

	server=$(begin web "lab-hostile $1 $(domid web) $(domid db) $1")
	lab-await 10 "$(home web)/data/vchan/$(domid db)/$1/event-channel" \
		>/dev/null || fail "no server for $1"
	said=$(run db "timeout 10 helio ping --timeout 3s \
		-c vchan:$(domid web)/$1 2>&1") && fail "$1 was believed"
	stop "$server" KILL
	echo "$said" | grep -F "$2" || fail "$1: $said"
}

test_a_server_with_impossible_orders_is_not_joined() {
	refused orders "orders of rings that cannot be"
}

test_a_server_whose_grants_cannot_be_mapped_is_not_joined() {
	refused grants "grants of a ring that cannot be mapped"
}

test_a_server_that_is_gone_is_not_joined() {
	refused gone "Connection refused"
}

test_a_key_that_is_no_number_is_refused() {
	local at

	at=data/vchan/$(domid db)/bad
	run web "xenstore-write $at/ring-ref 12x $at/event-channel 3 &&
		xenstore-chmod $at/ring-ref n$(domid web) r$(domid db) &&
		xenstore-chmod $at/event-channel n$(domid web) r$(domid db)"
	run db "timeout 10 helio ping --timeout 3s \
		-c vchan:$(domid web)/bad 2>&1" |
		grep -F "a key of vchan is no number" ||
		fail "it was taken for a number"
}
