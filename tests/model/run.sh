#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh FOLDER: have spin look at every state of ring.pml, built in FOLDER. As
# the ring is, no wake-up may be lost; with a part of it left out one must be.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly folder=$1
readonly max_mib=512

die() {
	printf 'model: %s\n' "$*" >&2
	exit 1
}

# verify NAME [DEFINE...]: what the verifier says, in FOLDER/NAME/log.
verify() {
	local name=$1
	shift

	mkdir -p "$folder/$name"
	cd "$folder/$name"
	spin -a "${@/#/-D}" "$here/ring.pml" >spin.log 2>&1 ||
		die "$name: $(cat spin.log)"
	cc -O0 -w -DSAFETY -DMEMLIM="$max_mib" -o pan pan.c
	./pan -m200000 >log 2>&1 || true
	grep -q '^State-vector' log || die "$name: $(tail -n 5 log)"
	! grep -qE 'max search depth too small|out of memory' log ||
		die "$name: not all states were looked at"
}

is_right() {
	verify "$@"
	grep -q 'errors: 0$' "$folder/$1/log" ||
		die "$1: a wake-up is lost: see $folder/$1/log"
	printf '%s: %s states\n' "$1" \
		"$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' \
			"$folder/$1/log")"
}

is_broken() {
	verify "$@"
	grep -q 'invalid end state' "$folder/$1/log" ||
		die "$1: spin does not see that a wake-up is lost"
	printf '%s: a wake-up is lost, as it should be\n' "$1"
}

command -v spin >/dev/null || die "spin is not installed"
is_right ours
is_right longer MESSAGES=3
is_right with_upstream PEER_IS_UPSTREAM
is_broken buffered_store STORE_IS_BUFFERED
is_broken buffered_request ASK_IS_BUFFERED
is_broken no_second_look NO_SECOND_LOOK
is_broken late_clearing TELL_CLEARS_LATE
