#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# sources.sh ROOT: every source begins with its license, holds no reminder to
# its author, and calls no function that cannot be used safely.
set -euo pipefail

cd "$1"
broken=0

complain() {
	echo "$1: $2"
	broken=1
}

# sources PATTERN...: the files of these names, paths from the root.
sources() {
	local pattern names=()

	for pattern; do
		names+=(-o -name "$pattern")
	done
	find . -path ./build -prune -o -path ./.git -prune -o \
		-type f '(' "${names[@]:1}" ')' -print | sed 's|^\./||' | sort
}

all=('*.[ch]' '*.sh' '*.py' '*.proto' '*.cmake' '*.bats' CMakeLists.txt dev
	run Dockerfile)

# After a line that names an interpreter the license is the second line.
while IFS= read -r file; do
	complain "$file" "no license on its first line"
done < <(sources "${all[@]}" | xargs awk '
	FNR <= 2 && /SPDX-License-Identifier: MIT/ { licensed[FILENAME] = 1 }
	END {
		for (i = 1; i < ARGC; i++)
			if (!(ARGV[i] in licensed))
				print ARGV[i]
	}')

# The words are spelt so that this file does not find itself.
reminders='TO[D]O|FIX[M]E|XX[X]|HAC[K]'
while IFS= read -r line; do
	complain "$line" "a reminder: do it or file it"
done < <(sources "${all[@]}" '*.md' |
	xargs grep -nowE "\b($reminders)\b" /dev/null)

banned='strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof'
banned+='|alloca|strdupa|tmpnam|mktemp|rand|srand|usleep'
while IFS= read -r line; do
	complain "$line" "cannot be used safely"
done < <(sources '*.[ch]' |
	xargs grep -noE "(^|[^[:alnum:]_>.])($banned)[[:space:]]?\(" /dev/null)

exit "$broken"
