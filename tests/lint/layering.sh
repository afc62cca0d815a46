#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# layering.sh ROOT: fail on an include that goes up or sideways, and on a
# foreign header outside its home. The arrows are those of docs/STYLE.md.
set -euo pipefail

cd "$1"

# PLACE: the places that it may include besides itself. A place is a beginning
# of a path; a file belongs to the longest that fits. Where a file belongs to
# none (tests, bench, examples), anything goes.
arrows='
base/:
proto/:             base/
schema/:            base/ proto/
transports/:        base/
transports/tcp/:    base/ transports/
transports/shm/:    base/ transports/
transports/unix/:   base/ transports/
transports/vchan/:  base/ transports/
storage/backend/:   base/
rpc/:               base/ proto/ transports/
rpc/typed/:         base/ proto/ rpc/
rpc/log/:           base/ proto/ rpc/ rpc/typed/
rpc/store/:         base/ proto/ rpc/ rpc/typed/
switch/:            base/ proto/ transports/
switch/service.:    base/ proto/ transports/ switch/ rpc/
switch/registry.:   base/ proto/ transports/ switch/ rpc/
switch/main.:       base/ proto/ transports/ switch/ switch/service. switch/registry.
generate/:          base/ schema/
daemon/:            base/ proto/ rpc/
logger/:            base/ proto/ rpc/ schema/ storage/backend/ daemon/
storage/state/:     base/ proto/
storage/disk/:      base/ proto/ storage/state/ storage/backend/
storage/:           base/ proto/ rpc/ storage/backend/ storage/state/ storage/disk/ daemon/
registry/:          base/ proto/ rpc/ schema/ daemon/
cli/:               base/ proto/ rpc/ schema/
vm/:                base/ proto/ rpc/ daemon/
xenstore/:          base/ proto/ rpc/ daemon/
'

# HEADER: the places whose files may include it; the header is a pattern.
homes='
sqlite3\.h:          storage/backend/
zmq.*\.h:            transports/tcp/
sodium.*\.h:         transports/tcp/
openssl/.*:          transports/tcp/ schema/ logger/
xen.*|libxenvchan.*: transports/vchan/ xenstore/
seccomp\.h:          daemon/
uv\.h:               switch/ daemon/ logger/ storage/ registry/ cli/ vm/ xenstore/
jansson\.h:          logger/ storage/ registry/ cli/ vm/
'

# Every include of every source as FILE:LINE, the path or <header> after it.
# The headers that protoc-c makes stand below helio/, for proto/, and below
# google/, for schema/.
includes() {
	find . -path ./build -prune -o -path ./.git -prune -o \
		-name '*.[ch]' -print | sed 's|^\./||' | sort |
		xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*include' |
		sed -nE -e 's|"helio/|"proto/helio/|' \
			-e 's|"google/|"schema/google/|' \
			-e 's|^([^:]*:[0-9]+):[^"<]*(["<][^">]*).*|\1 \2|p'
}

includes | awk -v arrows="$arrows" -v homes="$homes" '
function place_of(path,    place, best) {
	for (place in allowed)
		if (index(path, place) == 1 && length(place) > length(best))
			best = place
	return best
}

function complain(what) {
	print at ": " what
	n_broken++
}

function check_own(from, path,    to) {
	to = place_of(path)
	if (to == "" && path ~ "/")
		complain("includes " path ", which no layer may")
	else if (to != "" && to != from && !index(allowed[from], " " to " "))
		complain(from " must not include " to)
}

function check_foreign(file, header,    pattern, i, n, list, is_home) {
	for (pattern in home) {
		if (header !~ "^(" pattern ")$")
			continue
		n = split(home[pattern], list, " ")
		is_home = 0
		for (i = 1; i <= n; i++)
			is_home = is_home || index(file, list[i]) == 1
		if (!is_home)
			complain(header " belongs to " home[pattern])
	}
}

BEGIN {
	n = split(arrows, line, "\n")
	for (i = 1; i <= n; i++)
		if (split(line[i], part, ":"))
			allowed[part[1]] = part[2] " "
	n = split(homes, line, "\n")
	for (i = 1; i <= n; i++)
		if (split(line[i], part, ":"))
			home[part[1]] = part[2]
}

{
	at = $1
	file = at
	sub(/:[0-9]+$/, "", file)
	from = place_of(file)
	if (from == "")
		next
	name = substr($2, 2)
	if (substr($2, 1, 1) == "\"")
		check_own(from, name)
	else
		check_foreign(file, name)
	n_includes++
}

END {
	if (!n_includes) {
		print "layering: no includes found"
		exit 1
	}
	exit n_broken > 0
}'
