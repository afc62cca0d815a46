#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docs.sh ROOT: every file that a page links to, or names in backquotes in
# one of our folders, exists.
set -euo pipefail

cd "$1"
broken=0
folders='base|proto|schema|generate|transports|rpc|switch|daemon|registry|logger|storage|cli|vm|xenstore|bench|tests|docs|examples|packaging|cmake'

complain() {
	echo "$1: $2 does not exist"
	broken=1
}

pages() {
	find . -path ./build -prune -o -path ./.git -prune -o \
		-name '*.md' -print | sed 's|^\./||' | sort
}

links() {
	grep -oE '\]\([^)#: ]+' "$1" | sed 's|^](||' || true
}

# Only files: a folder may be named before there is anything in it.
named_paths() {
	grep -oE "\`($folders)/[a-z0-9_./-]*[.][a-z]+\`" "$1" | tr -d '`' || true
}

while IFS= read -r page; do
	while IFS= read -r link; do
		[[ -z $link || -e $(dirname "$page")/$link ]] ||
			complain "$page" "$link"
	done < <(links "$page")
	while IFS= read -r path; do
		[[ -z $path || -e $path ]] || complain "$page" "$path"
	done < <(named_paths "$page")
done < <(pages)

exit "$broken"
