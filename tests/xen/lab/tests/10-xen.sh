# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The laboratory itself: domains run, and do what dom0 tells them.

test_jobs_run_where_they_should() {
	[ "$(run web 'cat /sys/hypervisor/uuid')" = \
		"$(xenstore-read "$(home web)/vm" | sed 's|/vm/||')" ] ||
		fail "web does not run in web"
	[ "$(run dom0 'cat /sys/hypervisor/properties/features >/dev/null &&
		cat /proc/xen/capabilities')" = control_d ] ||
		fail "dom0 does not run in dom0"
}
