# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Upstream's libxenvchan with itself, in all pairs of domains: what fails here
# is the laboratory's fault.

# exchange SERVER CLIENT READ WRITE BYTES: so much each way.
exchange() {
	local path server

	path=$(home "$1")/data/vchan/${1}_$2
	server=$(begin "$1" "lab-end upstream server $(domid "$2") $path" \
		"$3 $4 exchange $5")
	run "$2" "lab-end upstream client $(domid "$1") $path" \
		"0 0 exchange $5" || fail "the client in $2 failed"
	end "$server" || fail "the server in $1 failed"
}

test_upstream_dom0_serves_a_guest() {
	exchange dom0 web 4096 4096 200000
}

test_upstream_a_guest_serves_dom0() {
	exchange web dom0 1024 2048 50000
}

test_upstream_guest_to_guest() {
	exchange web db 65536 1048576 1000000
}
