#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# sequence.sh < TEXT
#
# Each thread's calls of a trace in its text form, in the order of their entry, nested, with
# errors and exporters but without numbers, times and identities.

tab=$(printf '\t')
awk -f "$(dirname "$0")/sequence.awk" | sort -t "$tab" -k1,1n -k2,2n -k3,3n |
	awk -F '\t' '$2 != last { print (NR > 1 ? "\n" : "") $4 ":" } { last = $2; print "  " $5 }'
