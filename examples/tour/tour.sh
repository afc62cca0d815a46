#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A walk over the bus with real work: five domains, a real log of this machine,
# and a policy. Everything is done with the command `helio` and can be done
# again by hand, for the bus stays up until ^C; with --once it ends after the
# tour, and the exit status tells whether all of it was as it should be.
set -euo pipefail

usage() {
	echo "usage: tour.sh [--once]" >&2
	exit 2
}

once=
case ${1-} in
'') ;;
--once) once=yes ;;
*) usage ;;
esac

command -v helio >/dev/null || {
	echo "tour: no helio in \$PATH; ./dev run builds it and sets that" >&2
	exit 2
}

place=$(mktemp -d "${TMPDIR:-/tmp}/heliograph-tour.XXXXXX")
run=$place/run
state=$place/state
export HELIOGRAPH_ADDRESS=shm:$run/bus.sock
started=()

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

# What was started last ends first.
end() {
	local i

	trap - EXIT
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		kill -TERM "${started[i]}" 2>/dev/null || continue
		wait "${started[i]}" 2>/dev/null || true
	done
	rm -rf "$place"
}
trap end EXIT
trap 'exit 130' INT TERM

fail() {
	printf 'tour: %s\n' "$*" >&2
	exit 1
}

title() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

say() {
	printf '  %s\n' "$*"
}

# Show a command as somebody would type it, and do it.
try() {
	printf '  $ %s\n' "$*"
	"$@" 2>&1 | sed 's/^/  /'
	return "${PIPESTATUS[0]}"
}

# Start a command and wait, 10 s at most, until it says LINE-PATTERN on
# standard error or, as `helio up` does, on standard output.
start() {
	local pattern=$1 out=$2 line fd

	shift 2
	mkfifo "$place/fifo"
	exec {fd}<>"$place/fifo"
	rm "$place/fifo"
	if [[ $out == - ]]; then
		"$@" >&"$fd" 2>&1 &
	else
		"$@" >"$out" 2>&"$fd" &
	fi
	started+=($!)
	until [[ ${line-} =~ $pattern ]]; do
		IFS= read -r -t 10 -u "$fd" line ||
			fail "no sign of life from: $*"
		[[ $line =~ $pattern ]] || say "$line"
	done
}

# The first of these that this machine has; each is a file that nobody made up
# for this tour.
find_log() {
	local log

	for log in /var/log/dpkg.log /var/log/syslog /var/log/messages \
		/var/log/alternatives.log /var/lib/dpkg/status \
		/etc/services /etc/passwd; do
		[[ -r $log && -s $log ]] && echo "$log" && return
	done
	fail "this machine has no log to read"
}

as() {
	echo "shm:$run/domains/$1.sock"
}

title "1. A bus"
say "\$ helio up --state $state --run $run"
start '^ready' - helio up --state "$state" --run "$run"
try helio ping

title "2. Five domains, each with a socket of its own; and what they may do"
cat >"$state/policy/20-tour.policy" <<'POLICY'
# The log's readers share its lines; the desk may ask about it.
allow vm:reader* subscribe,group  vm.archive.log
allow vm:desk    call             vm.archive.count
deny  vm:guest   any              vm.archive.>
POLICY
for domain in archive reader1 reader2 desk guest; do
	say "\$ helio domains enrol $domain"
	helio domains enrol "$domain" --state "$state" --run "$run" |
		sed 's/^/  /'
done
say
say "policy/20-tour.policy:"
sed -n 's/^[^#]/    &/p' "$state/policy/20-tour.policy"
say "policy/50-default.policy, which \`helio up\` made:"
sed -n '/^[^#]/s/^/    /p' "$state/policy/50-default.policy"
helio policy check "$state/policy" >/dev/null || fail "the policy is wrong"

title "3. A log of this machine goes out line by line, and two share the work"
log=$(find_log)
tail -n 20000 "$log" | awk 1 >"$place/log"
lines=$(wc -l <"$place/log")
for reader in reader1 reader2; do
	say "\$ helio sub vm.archive.log --queue readers    (as vm:$reader)"
	start '^helio: subscribed' "$place/$reader" helio sub vm.archive.log \
		--queue readers -c "$(as "$reader")"
done
say "\$ helio pub vm.archive.log --lines < $log    (as vm:archive)"
helio pub vm.archive.log --lines -c "$(as archive)" <"$place/log" 2>&1 |
	sed 's/^/  /'

n_read() {
	cat "$place/reader1" "$place/reader2" | wc -l
}
for ((i = 0; i < 200 && $(n_read) < lines; i++)); do
	sleep 0.05
done
say "vm:reader1 got $(wc -l <"$place/reader1") lines," \
	"vm:reader2 $(wc -l <"$place/reader2"): together $(n_read) of $lines"
sort "$place/reader1" "$place/reader2" | cmp -s - <(sort "$place/log") ||
	fail "what the readers got is not what was published"
say "Sorted, both ends are the same, byte for byte."

title "4. A question and its answer"
word=$(sed -n "$((lines / 2 + 1))p" "$place/log" |
	grep -oE '[A-Za-z]{4,}' | head -n 1) || word=e
counter="grep -c -F -f - $place/log"
say "\$ helio reply vm.archive.count --command 'grep -c -F -f - LOG'" \
	"   (as vm:archive)"
start '^helio: serving' "$place/count" helio reply vm.archive.count \
	--command "$counter" -c "$(as archive)"
say "\$ helio request vm.archive.count '$word'    (as vm:desk)"
answer=$(helio request vm.archive.count "$word" -c "$(as desk)")
say "$answer"
[[ $answer == "$(grep -c -F -- "$word" "$place/log")" ]] ||
	fail "the answer is wrong"
say "That many lines have '$word' in them: grep says so too."

title "5. A guest that is not welcome"
say "\$ helio pub vm.archive.log 'trust me'    (as vm:guest)"
code=0
helio pub vm.archive.log 'trust me' -c "$(as guest)" 2>&1 |
	sed 's/^/  /' || code=$?
[[ $code == 4 ]] || fail "vm:guest was not denied, but: exit status $code"
say "The exit status is 4. That line of the policy is:"
grep -n guest "$state/policy/20-tour.policy" |
	sed 's/^/    20-tour.policy:/'
try helio policy test vm:guest publish vm.archive.log && code=0 ||
	code=$?
[[ $code == 1 ]] || fail "the policy says yes to vm:guest"

title "6. Who is on the bus"
try helio ls
[[ $(n_read) == "$lines" ]] || fail "somebody got what the guest published"

title "7. What was said is on disk, whatever dies"
# The process of \`helio up\` that is called so.
pid_of() {
	local pid

	for pid in $(<"/proc/${started[0]}/task/${started[0]}/children"); do
		[[ $(<"/proc/$pid/comm") != "$1" ]] || echo "$pid"
	done
}
try helio log create archive --pattern vm.archive.audit
say "\$ helio pub vm.archive.audit 'the audit begins' --durable" \
	"   (as vm:archive)"
helio pub vm.archive.audit 'the audit begins' --durable \
	-c "$(as archive)" | sed 's/^/  /' || fail "it is not stored"
say "\$ helio logger pipe --subject vm.archive.audit < $log" \
	"   (as vm:archive)"
helio logger pipe --subject vm.archive.audit -c "$(as archive)" \
	<"$place/log" 2>"$place/pipe" &
piper=$!
started+=("$piper")
logger=$(pid_of helio-logger)
say "\$ kill -9 $logger    (helio-logger, meanwhile)"
kill -9 "$logger" || fail "there is no logger to be killed"
wait "$piper" || fail "not all lines were stored: $(<"$place/pipe")"
sed 's/^/  /' "$place/pipe"
{
	echo 'the audit begins'
	cat "$place/log"
} >"$place/said"
helio log archive -o cat >"$place/kept"
cmp -s "$place/said" "$place/kept" || fail "the log is not what was said"
say "helio-logger is back as process $(pid_of helio-logger), and of" \
	"$((lines + 1)) lines it has $(wc -l <"$place/kept"), each once."
say
say "\$ helio sub 'again.>'"
start '^helio: subscribed' "$place/again" helio sub 'again.>' \
	-n "$((lines + 1))"
try helio replay --log archive --into again
for ((i = 0; i < 200 && $(wc -l <"$place/again") < lines + 1; i++)); do
	sleep 0.05
done
cmp -s "$place/said" "$place/again" || fail "the replay is not complete"
say "What was heard again is what was said, byte for byte."

[[ -z $once ]] || exit 0
title "The bus stays up until ^C."
say "In another terminal:"
say "  export PATH=$(dirname "$(command -v helio)"):\$PATH"
say "  export HELIOGRAPH_ADDRESS=$HELIOGRAPH_ADDRESS"
say "  helio sub '>' -t"
say "  helio pub hello.world 'good morning'"
say "  helio top"
trap 'exit 0' INT TERM
wait "${started[0]}"
