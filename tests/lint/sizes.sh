#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# sizes.sh ROOT: report how long the functions and files of the product are.
# A report, not a verdict: clang-tidy refuses functions of more than 80 lines.
set -euo pipefail

cd "$1"

# A function's body stands between a brace alone at the beginning of a line
# and the next one that closes there; its length is that of what is between.
function_lengths() {
	awk '
	FNR == 1 { start = 0 }
	/^{$/ { start = FNR; name = previous }
	/^}$/ && start {
		print FNR - start - 1, FILENAME ":" start, name
		start = 0
	}
	/^[a-z]/ { previous = $0 }' "$@"
}

mapfile -t files < <(find base proto schema transports rpc switch cli vm registry \
	daemon logger storage generate xenstore -name '*.c' 2>/dev/null | sort)

function_lengths "${files[@]}" | sort -n | awk '
	{ length_of[NR] = $1 }
	$1 > 60 { long = long "\n  " $0 }
	END {
		if (!NR)
			exit
		printf "functions: %d, median %d, 95th %d, longest %d lines\n",
			NR, length_of[int((NR + 1) / 2)],
			length_of[int(NR * 0.95 + 0.5)], length_of[NR]
		if (long)
			print "longer than 60 lines:" long
	}'
wc -l "${files[@]}" | awk '
	$2 != "total" && $1 > 400 { print "long file:", $1, $2 }'
