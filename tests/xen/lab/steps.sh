# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The words in which tests are written. They run in dom0; a DOMAIN is dom0 or
# the name of a guest, and every wait has a bound.

# report TEXT: one line to the host.
report() {
	printf '\n@lab %s\n' "$*" >/dev/console
}

# fail WHY: end the test.
fail() {
	echo "$*" >&2
	exit 1
}

now_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# ---- domains ----

domid() {
	if [ "$1" = dom0 ]; then
		echo 0
	else
		cat "/run/lab/$1.domid"
	fi
}

home() {
	echo "/local/domain/$(domid "$1")"
}

# create NAME: a new guest; it need not be up yet.
create() {
	local name=$1

	cat >"/run/lab/$name.cfg" <<-EOT
		name = "$name"
		type = "pv"
		kernel = "/lab/guest.vmlinuz"
		ramdisk = "/lab/guest.cpio"
		extra = "console=hvc0 rdinit=/init loglevel=4 panic=1"
		memory = 160
		vcpus = 1
		on_crash = "destroy"
		on_reboot = "destroy"
	EOT
	xl create -q "/run/lab/$name.cfg" || fail "cannot create $name"
	xl domid "$name" >"/run/lab/$name.domid"
	follow_log "$name"
}

# The console of a guest goes to the host while it is written.
follow_log() {
	tail -F "/var/log/xen/console/guest-$1.log" 2>/dev/null |
		awk -v name="$1" '
			/^lab: all is said$/ {
				system("xenstore-write /lab/said/" name " 1")
				exit
			}
			{ print "@" name " " $0; fflush() }' >/dev/console &
}

# Wait until the host has all that guests have said.
end_logs() {
	local log

	for log in /var/log/xen/console/guest-*.log; do
		echo "lab: all is said" >>"$log"
	done
	for log in /var/log/xen/console/guest-*.log; do
		log=${log##*/guest-}
		lab-await 5 "/lab/said/${log%.log}"
	done
}

await_up() {
	lab-await 40 "$(home "$1")/data/up" >/dev/null ||
		fail "$1 does not come up"
}

destroy() {
	xl destroy "$1"
}

# ---- jobs ----

# begin DOMAIN COMMAND: start a shell command there. Prints the job.
begin() {
	local domain=$1 id n

	n=$(($(cat /run/lab/n_jobs) + 1))
	echo "$n" >/run/lab/n_jobs
	id=$n-${name:-setup}
	shift
	xenstore-write "$(home "$domain")/data/cmd/$id" "$*"
	echo "$domain/$id" | tee -a /run/lab/jobs
}

# has_ended JOB
has_ended() {
	xenstore-exists "$(home "${1%%/*}")/data/rc/${1#*/}"
}

# end JOB [SECONDS]: wait for its end and print what it said. Returns its exit
# status, or 124 when it has not ended after so many seconds (45).
end() {
	local at id=${1#*/} rc

	at=$(home "${1%%/*}")/data
	rc=$(lab-await "${2:-45}" "$at/rc/$id") || return 124
	lab-await 1 "$at/out/$id"
	return "$rc"
}

# run DOMAIN COMMAND: begin and end.
run() {
	end "$(begin "$@")"
}

# stop JOB [SIGNAL]: all that it started.
stop() {
	run "${1%%/*}" "kill -${2:-TERM} -\$(cat /run/${1#*/}.pid)"
}
