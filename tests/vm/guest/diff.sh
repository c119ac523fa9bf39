#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Recordings for comparisons, all in one boot. Left in /host/cases, NAME.dmaseq, NAME.err and
# NAME.status:
#
#	run-1 ... run-10	the same work ten times; frames and pairs vary by one or two,
#				and all but the first three are on the rung that is armed soonest
#	attach-per-frame, no-sync-end
#				the same work by a program that does this worse
#	held-0, held-1		the recorder ends while the program still runs; the second
#				program has leaked its descriptor
#
# test_diff.sh compares.

set -u
me='diff'
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

# The work of one recording; $1: of how many frames more, $2: what is worse.
cat >/tmp/work.sh <<'END'
dqload device-dma --rounds 2 --frames $((12 + $1)) || exit
dqload threads --pairs $((25 + $1)) || exit
dqload frames --frames $((20 + $1)) --change $2 || exit
dqload fence || exit
dqload fds || exit
dqload errors || exit
END

for n in 1 2 3 4 5 6 7 8 9 10; do
	rung=
	[ $n -le 3 ] || rung=$attach
	# shellcheck disable=SC2086 # words
	run run-$n dmaseq record --quiet $rung -o $cases/run-$n.dmaseq -- sh /tmp/work.sh $((n % 3)) none >/dev/null
	# Numbers of processes, buffers and addresses are not those of the last time.
	dqload buffers --count $n >/dev/null || exit 1
done
stage "ten runs"
for change in attach-per-frame no-sync-end; do
	# shellcheck disable=SC2086 # words
	run $change dmaseq record --quiet $attach -o $cases/$change.dmaseq -- sh /tmp/work.sh 0 $change >/dev/null
done
stage "changed programs"

# held N CHANGE
held()
{
	mkfifo /tmp/held-"$1"
	begin held -o $cases/held-"$1".dmaseq
	armed held
	dqload frames --change "$2" --wait /tmp/held-"$1" >/dev/null 2>$cases/log &
	load=$!
	wait_until "the program paused" [ -e /tmp/held-"$1".waits ]
	# shellcheck disable=SC2154 # begin sets it
	kill -INT "$pid_held"
	ended held
	mv $cases/held.status $cases/held-"$1".status
	mv $cases/held.err $cases/held-"$1".err
	rm /tmp/held.ready
	echo >/tmp/held-"$1"
	wait $load || exit 1
}
held 0 none
held 1 leak
stage "a leak"
