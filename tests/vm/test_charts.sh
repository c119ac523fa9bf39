#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_charts.sh KERNEL
#
# The two stories of the charts, recorded live in the guest of test_record.sh,
# go through the real msc-gen in the default and in the post template, without
# a word on stderr (of several buffers, -b says which: not to say it would be a
# word).  The pictures stay in RESULTS/KERNEL/charts, for looking at.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
means msc-gen
charts=$RESULTS/$kernel/charts
rm -rf "$charts"
mkdir -p "$charts"

# is_picture FILE: not empty and what its name says.
is_picture()
{
	case $1 in
	*.png) [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' ')" = 89504e47 ] ;;
	*.svg) grep -q '<svg' "$1" ;;
	esac
}

for story in device-dma cpu-access; do
	trace=$RESULTS/$kernel/default.$story/trace.dmaseq
	for template in default post; do
		args=(-b 1)
		[ $template = default ] || args+=(--template "$template")
		for kind in signalling svg png; do
			picture=$charts/$story-$template.$kind
			if ! dmaseq diagram "$trace" "${args[@]}" -o "$picture" 2>"$charts/err"; then
				bad "no $picture: $(cat "$charts/err")"
			elif [ -s "$charts/err" ]; then
				bad "$picture: stderr is not empty: $(cat "$charts/err")"
			elif [ $kind != signalling ] && ! is_picture "$picture"; then
				bad "$picture is no picture"
			else
				say "$picture"
			fi
		done
	done
done
finish
