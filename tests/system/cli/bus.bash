# SPDX-License-Identifier: MIT
#
# For the tests of the command line: a bus of their own, and commands that are
# waited for by what they say and never by time. HELIO_BIN is where the
# programs are.

PATH=$HELIO_BIN:$PATH
unset NO_COLOR XDG_RUNTIME_DIR HELIOGRAPH_KEY_FILE HELIOGRAPH_SERVER_KEY
bats_require_minimum_version 1.5.0

# Start a command in the background and read what it says until a line matches:
# start NAME PATTERN COMMAND...; its output is in the file NAME, its process in
# the variable pid_NAME. What it says after that goes to the file NAME.err.
start() {
	local name=$1 pattern=$2 line='' fd

	shift 2
	mkfifo "$place/$name.fifo"
	exec {fd}<>"$place/$name.fifo"
	rm "$place/$name.fifo"
	"$@" >"$place/$name" 2>&"$fd" 3>&- &
	printf -v "pid_$name" %d $!
	until [[ $line =~ $pattern ]]; do
		IFS= read -r -t 20 -u "$fd" line || {
			echo "no '$pattern' from: $*; its last line: $line"
			return 1
		}
	done
	cat <&"$fd" >"$place/$name.err" 3>&- &
	disown
	exec {fd}>&-
}

# The same without waiting.
start_aside() {
	local name=$1

	shift
	# What one of this name said before must not be taken for this one's.
	: >"$place/$name"
	"$@" >"$place/$name" 2>"$place/$name.err" 3>&- &
	printf -v "pid_$name" %d $!
}

# Wait until the file NAME of start() has N lines.
until_lines() {
	local name=$1 n=$2 i

	for ((i = 0; i < 400; i++)); do
		[[ $(wc -l <"$place/$name") -ge $n ]] && return
		sleep 0.05
	done
	echo "$name has only:"
	cat "$place/$name" "$place/$name.err"
	return 1
}

# `helio up` on the test's own folders.
start_bus() {
	start_aside up helio up --state "$state" --run "$run_folder" "$@"
	until_lines up 1
}

# Orderly, and with what it ended with.
stop_bus() {
	kill -TERM "${pid_up:?}" 2>/dev/null || true
	wait "$pid_up"
}

# The address of a domain's own socket.
as() {
	echo "shm:$run_folder/domains/$1.sock"
}

enrol() {
	local name

	for name; do
		helio domains enrol "$name" --state "$state" \
			--run "$run_folder" >/dev/null
	done
}

# Every line of standard input is JSON.
is_json_lines() {
	python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)'
}

# json EXPRESSION: what a Python expression says of the JSON `j` that comes in.
json() {
	python3 -c 'import base64, json, sys
j = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}

# The processes that a process started.
children() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" | grep .
}

# The children of a process that are called so.
children_called() {
	local pid

	for pid in $(children "$1"); do
		[ "$(cat "/proc/$pid/comm")" != "$2" ] || echo "$pid"
	done
}

# Wait until the registry or the logger of the bus takes calls.
await_registry() {
	helio call helio.registry.v1.Registry/List -d '{}' --wait >/dev/null
}

await_logger() {
	helio call helio.log.v1.Logs/List -d '{}' --wait >/dev/null
}

# The store serves its two services one after the other.
await_store() {
	helio request --wait helio.store.v1.Buckets.ListBuckets '' >/dev/null
	helio request --wait helio.store.v1.Queues.ListQueues '' >/dev/null
}

# put PACKAGE SET: make a schema known, and print its hash.
put() {
	printf '{"package":"%s","set":"%s"}' "$1" "$(base64 -w0 "$2")" |
		helio call helio.registry.v1.Registry/Put -d @ |
		json 'base64.b64decode(j["hash"]).hex()'
}

# A typed service of ours, which registers its schema itself.
start_machines() {
	mkdir "$place/definitions"
	echo "memory 64M" >"$place/definitions/web.vm"
	start vm serving helio-vm --machines "$place/definitions" \
		--run "$place/sockets" --connect "$HELIOGRAPH_ADDRESS"
}

setup() {
	place=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/bus.XXXXXX")
	run_folder=$place/run
	state=$place/state
	export HELIOGRAPH_ADDRESS=shm:$run_folder/bus.sock
	start_bus -o text
}

teardown() {
	local pid

	for pid in $(jobs -p); do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait || true
	rm -rf "$place"
}
