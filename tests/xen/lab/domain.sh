# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# What dom0 and guests do alike: come up, and do the jobs that a test in dom0
# writes below the domain's data/cmd/ in xenstore. A job runs beside others;
# its last words go to data/out/, then its exit status to data/rc/. All that it
# says also goes to the console.
export PATH=/lab/bin:/bin HELIOGRAPH_MODULE_DIR=/lab/modules HOME=/
export HELIOGRAPH_ADDRESS=vchan:0/heliograph

domain_init() {
	local module

	busybox mount -t proc proc /proc
	busybox --install -s /bin
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	exec </dev/null >/dev/console 2>&1
	for module in /lab/modules.d/*; do
		insmod "$module"
	done
	# Two rings of 1 MiB are 513 pages, and the next ones are on offer.
	echo 4096 >/sys/module/xen_gntalloc/parameters/limit
	ip link set lo up
}

# A node holds 2 KiB at most, and the end of what was said matters. A session
# of its own lets stop_job() find all that the job started.
job() {
	local id=$1 command rc

	command=$(lab-await 1 "data/cmd/$id") || return
	printf '[%s] %s\n' "$id" "$command" >/dev/console
	setsid sh -c "echo \$\$ >/run/$id.pid; $command" >"/lab/log/$id" 2>&1
	rc=$?
	sed "s/^/[$id] /" "/lab/log/$id" >/dev/console
	printf '[%s] = %s\n' "$id" "$rc" >/dev/console
	xenstore-write "data/out/$id" "$(tail -c 1500 "/lab/log/$id")" \
		"data/rc/$id" "$rc"
}

# A watch fires once when it is set, and then names each node that changed.
serve_jobs() {
	local path

	xenstore-watch data/cmd | while read -r path; do
		case $path in
		data/cmd/*) job "${path##*/}" & ;;
		esac
	done
}
