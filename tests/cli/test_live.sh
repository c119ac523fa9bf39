#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A trace that is read while it is written: what is in it so far has been shown before more comes.
. "$(dirname "$0")/lib.sh"

# A trace of several chunks. The first half ends behind a chunk of events; who writes goes on when all
# of it was shown.
dmaseq -q dump "$TOP/tests/bench/mixed.dmaseq" | awk '!/^end/ { line[++n] = $0 } { print }
	END { for (k = 0; k < 20; k++) for (i = 1; i <= n; i++) if (line[i] ~ /^(call|sys)/) print line[i] }' >long.txt
dmaseq -q dump -o long.dmaseq long.txt
dmaseq -q dump --chunks long.dmaseq >chunks
half=$(awk 'n { print $1; exit } $3 == "EVENTS" { n = 1 }' chunks)
check "there are two halves" test "${half:-0}" -gt 64 -a "${half:-0}" -lt "$(stat -c %s long.dmaseq)"
head -c "$half" long.dmaseq >first
tail -c +$((half + 1)) long.dmaseq >second

# live FORM ARG...: whole is what it writes of a file, and is the same as what it shows
live()
{
	local form=$1 line
	shift
	dmaseq -q "$@" long.dmaseq >"$form.whole"
	dmaseq -q "$@" - <first >"$form.first" 2>/dev/null
	rm -f "$form.shown" go in
	mkfifo go in
	(
		cat first
		read -r -t 300 line <go
		cat second
	) >in &
	dmaseq -q "$@" - <in | {
		n=$(wc -l <"$form.first")
		while [ "$n" -gt 0 ] && read -r -t 300 line; do
			printf '%s\n' "$line"
			n=$((n - 1))
		done >"$form.shown"
		echo >go	# all of the first half is here, and none of the second one written
		cat >>"$form.shown"
	}
	wait
	check "$form: shown as it comes" cmp "$form.shown" "$form.whole"
}

live text dump
live jsonl export -f jsonl
summary
