#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_figures.sh
#
# What a SYNC pair costs, in instructions counted by the guest (run.sh), against the
# file figures: more than 5 % more fails, of the untraced loop and the floors as well
# (then the kernel is another one, and so should the figures be).
#
# And how late a live view is, by the clock of the guest: dmaseq dump reads from a pipe what
# is recorded into it, a SYNC pair every 10 ms; and that the recorder is not woken by each. And how much
# memory it takes.
#
#	UPDATE_FIGURES=1	writes the file anew
# shellcheck source-path=SCRIPTDIR source=../vm/testlib.sh
. "$(dirname "$0")/../vm/testlib.sh"
HERE=$TOP/tests/bench
KERNEL=6.12-amd64
CASES='untraced empty-fentry empty-kprobe dmaseq-fentry dmaseq-kprobe dmaseq-filtered-fentry'
PAIRS=200
LATE=100 # ms
MEMORY=$((8 << 20)) # bytes of the recorder beyond the ring

means qemu-system-x86_64 x86_64-linux-gnu-gcc cpio busybox
raw=$RESULTS/bench.raw
mkdir -p "$RESULTS"
# shellcheck disable=SC2086 # words
"$HERE/run.sh" --kernel $KERNEL --work sync:5000 --work trickle:$PAIRS \
	--dmaseq "$BINARIES/static/src/cmd/dmaseq" --raw "$raw" ${CASES// /:sync }:sync live:trickle ||
	{ bad "run.sh failed"; finish; }

# WORK CASE INSTRUCTIONS
measured()
{
	awk '/^sync/ { sub(/:[0-9]*/, ""); split("", v); for (i = 3; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		printf "%s %s %.0f\n", $1, $2, v["ops"] ? (v["all"] + v["later"]) / v["ops"] : 0 }' "$raw"
}

if [ -n "${UPDATE_FIGURES:-}" ]; then
	{
		sed -n '/^#/p' "$HERE/figures"
		measured
	} >"$RESULTS/figures.new"
	cp "$RESULTS/figures.new" "$HERE/figures"
	say "figures are new"
	exit 0
fi
while read -r work case now; do
	was=$(awk -v w="$work" -v c="$case" '$1 == w && $2 == c { print $3 }' "$HERE/figures")
	if [ "$now" = 0 ] || [ -z "$was" ]; then
		bad "$work $case: measured $now, the figures say '$was'"
	elif [ $((now * 100)) -gt $((was * 105)) ]; then
		bad "$work $case: $now instructions, $was before. UPDATE_FIGURES=1 makes them the figures"
	else
		say "$work $case: $now instructions, $was before"
	fi
done < <(measured)
[ "$(measured | wc -l)" = "$(wc -w <<<"$CASES")" ] || bad "some were not measured"

rss=$(sed -n 's/^sync:[0-9]* dmaseq-fentry .* rss=\([0-9]*\).*/\1/p' "$raw")
say "memory of the recorder beyond the ring: ${rss:-?} KiB"
[ $((${rss:-MEMORY} * 1024)) -le $MEMORY ] || bad "the recorder takes $((rss * 1024)) bytes beyond the ring, $MEMORY are allowed"

# of_live KEY: a number of the live view, or nothing
of_live()
{
	sed -n "s/^trickle:[0-9]* live .*\b$1=\([0-9]*\).*/\1/p" "$raw"
}

late=$(of_live late)
lines=$(of_live lines)
sleeps=$(of_live sleeps)
say "live: $lines calls and system calls were shown at most $late ms and on average $(of_live mean) ms after they ended; the recorder slept $sleeps times"
[ "${late:-$LATE}" -lt $LATE ] || bad "shown ${late:-never} ms after it ended, less than $LATE are wanted"
# two ioctls, each with two calls of the API, the first with one of the exporter
[ "${lines:-0}" -ge $((PAIRS * 7)) ] || bad "${lines:-no} lines of $PAIRS pairs were shown"
[ $((${sleeps:-lines} * 4)) -lt "${lines:-0}" ] || bad "the recorder was woken $sleeps times by $lines records"
finish
