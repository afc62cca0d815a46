# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# What ./dev xen bench measures: our ring and upstream's between the same two
# domains, one after the other in each round. bench.py makes the table of it.

readonly round_n=5 window_ms=1000 n_trips=500

# measure PAIR ROW IMPLEMENTATION RING WORK COUNTERPART: the first domain of
# the pair serves and does WORK, the other one COUNTERPART.
measure() {
	local from=${1%-*} to=${1#*-} path server said

	path=$(home "$from")/data/vchan/$(domid "$to")/bench
	server=$(begin "$from" "lab-end $3 server $(domid "$to") $path" \
		"$4 $4 $5")
	if said=$(run "$to" "lab-end $3 client $(domid "$from") $path" \
		"0 0 $6") && said="$said $(end "$server")"; then
		report "bench $1 $2 $3" "$(echo "$said" | tr "\n" " ")"
	else
		report "not ok bench $*: $said"
		stop "$server"
	fi
}

rows_of() {
	local pair=$1 implementation=$2 ring

	for ring in 4096 65536 1048576; do
		measure "$pair" "small-$ring" "$implementation" "$ring" \
			"source 100 $window_ms" "sink 100"
	done
	for ring in 65536 1048576; do
		measure "$pair" "bulk-$ring" "$implementation" "$ring" \
			"bulk 65536 $window_ms" "bulk-sink 65536"
	done
	measure "$pair" trip "$implementation" 65536 \
		"pong 100" "ping 100 $n_trips"
}

run_bench() {
	local round=0 pair implementations

	run dom0 "helio xen-grant $(domid web)"
	while [ "$round" -lt "$round_n" ]; do
		implementations="upstream ours"
		[ $((round % 2)) -eq 0 ] || implementations="ours upstream"
		for pair in dom0-web web-db; do
			for implementation in $implementations; do
				rows_of "$pair" "$implementation"
			done
		done
		round=$((round + 1))
		report "round $round is done"
	done
}
