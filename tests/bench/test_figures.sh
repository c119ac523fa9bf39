#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_figures.sh
#
# What a SYNC pair costs, in instructions counted by the guest (run.sh), against the
# file figures: more than 5 % more fails, of the untraced loop and the floors as well
# (then the kernel is another one, and so should the figures be).
#
#	UPDATE_FIGURES=1	writes the file anew
# shellcheck source-path=SCRIPTDIR source=../vm/testlib.sh
. "$(dirname "$0")/../vm/testlib.sh"
HERE=$TOP/tests/bench
KERNEL=6.12-amd64
CASES='untraced empty-fentry empty-kprobe dmaseq-fentry dmaseq-kprobe dmaseq-filtered-fentry'

means qemu-system-x86_64 x86_64-linux-gnu-gcc cpio busybox
raw=$RESULTS/bench.raw
mkdir -p "$RESULTS"
# shellcheck disable=SC2086 # words
"$HERE/run.sh" --kernel $KERNEL --work sync:5000 --dmaseq "$BINARIES/static/src/cmd/dmaseq" \
	--raw "$raw" $CASES || { bad "run.sh failed"; finish; }

# WORK CASE INSTRUCTIONS
measured()
{
	awk '{ split("", v); for (i = 3; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
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
finish
