# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Streams between two ends, by whatever implementation.

# exchange SERVER HOW CLIENT HOW SIZES...: both ways at once, checked, with
# rings of each of the SIZES in turn, READ:WRITE:BYTES as the server has it. HOW
# is upstream or ours.
exchange() {
	local server=$1 serves=$2 client=$3 connects=$4 at_server at_client
	local path sizes n=0 job

	path=$(home "$server")/data/vchan/$(domid "$client")/x
	path=$path$(cat /run/lab/n_jobs)
	at_server="set -e" at_client="set -e"
	shift 4
	for sizes; do
		n=$((n + 1))
		at_server="$at_server; lab-end $serves server \
$(domid "$client") $path-$n $(echo "$sizes" | sed 's/:/ /;s/:/ exchange /')"
		at_client="$at_client; lab-end $connects client \
$(domid "$server") $path-$n 0 0 exchange ${sizes##*:}"
	done
	job=$(begin "$server" "$at_server")
	run "$client" "$at_client" || fail "the client in $client failed"
	end "$job" || fail "the server in $server failed"
}

# What fails here is the laboratory's fault.
test_upstream_with_itself() {
	exchange dom0 upstream web upstream 4096:4096:100000
	exchange web upstream db upstream 65536:1048576:1000000
}

# All that upstream's server makes of the sizes it is asked for: orders 10 and
# 11, 11 and 10, 11 and 12, 12, 16 and 20 of both.
upstream_sizes="1024:2048:20000 2048:1024:20000 2048:2048:50000 \
4096:4096:100000 65536:65536:500000 1048576:1048576:3000000"

# shellcheck disable=SC2086
test_upstream_in_a_guest_serves_us_in_dom0() {
	exchange web upstream dom0 ours $upstream_sizes
}

# shellcheck disable=SC2086
test_upstream_in_dom0_serves_us_in_a_guest() {
	exchange dom0 upstream web ours $upstream_sizes
}

# shellcheck disable=SC2086
test_upstream_in_a_guest_serves_us_in_a_guest() {
	exchange db upstream web ours $upstream_sizes
}

our_sizes="1024:1024:20000 4096:4096:100000 65536:65536:500000 \
1048576:1048576:3000000"

# shellcheck disable=SC2086
test_we_in_dom0_serve_upstream_in_a_guest() {
	exchange dom0 ours web upstream $our_sizes
}

# A guest may not see who connects to it before dom0 lets it.
may_serve() {
	run dom0 "helio xen-grant $(domid "$1")" ||
		fail "$1 cannot be told who the others are"
}

# shellcheck disable=SC2086
test_we_in_a_guest_serve_upstream_in_dom0() {
	may_serve web
	exchange web ours dom0 upstream $our_sizes
}

# shellcheck disable=SC2086
test_we_in_a_guest_serve_upstream_in_a_guest() {
	may_serve web
	exchange web ours db upstream $our_sizes
}

# shellcheck disable=SC2086
test_we_with_ourselves() {
	may_serve web
	exchange dom0 ours web ours $our_sizes
	exchange web ours dom0 ours $our_sizes
	exchange web ours db ours $our_sizes
}
