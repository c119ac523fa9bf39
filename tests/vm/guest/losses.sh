#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Work at full speed on two processors, recorded with a ring that is large
# enough, with one that is not, and by a recorder that is stopped meanwhile.
# Each case leaves in /host/cases:
#
#	NAME.dmaseq NAME.err NAME.status   the recording
#	NAME.hits	FUNCTION N: how often ftrace says that it was called
#	NAME.N.out	what each dqload said; its status is in NAME.N.status
#	NAME.pids	their process ids
#
# A recorder looks at the whole machine, and nothing but the work below moves
# buffers.  Each dqload pauses after its first round, so that all of them are
# known when the race begins.  ftrace only counts (kprobe_profile): its buffer is
# off and cannot overflow.  Comparing is the host's business (test_losses.sh).

set -u
me=losses
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

pairs=${1:-20000}
rounds=${2:-1500}
TRACEFS=/sys/kernel/tracing
FUNCTIONS='dma_buf_export dma_buf_get dma_buf_put dma_buf_attach
dma_buf_dynamic_attach dma_buf_detach dma_buf_map_attachment
dma_buf_map_attachment_unlocked dma_buf_unmap_attachment
dma_buf_unmap_attachment_unlocked dma_buf_begin_cpu_access
dma_buf_end_cpu_access dma_buf_mmap_internal dma_buf_ioctl
dma_buf_file_release dma_buf_release begin_cpu_udmabuf end_cpu_udmabuf'

# The functions that this kernel has exactly once.
witness()
{
	# shellcheck disable=SC2086 # words
	printf '%s\n' $FUNCTIONS >/tmp/functions
	awk 'NR == FNR { want[$1] = 1; next }
		$2 ~ /^[tT]$/ && $3 in want { n[$3]++ }
		END { for (f in n) if (n[f] == 1) print "p:witness/e_" f, f }' \
		/tmp/functions /proc/kallsyms >/tmp/probes
	while read -r probe; do
		echo "$probe" >>$TRACEFS/kprobe_events || exit 1
	done </tmp/probes
	echo 0 >$TRACEFS/tracing_on
	echo 1 >$TRACEFS/events/witness/enable || exit 1
}

hits()
{
	sed -n 's/^  *e_\([^ ]*\)  *\([0-9]*\).*/\1 \2/p' $TRACEFS/kprobe_profile
}

# recorder NAME ARG...: ready when this returns.
recorder()
{
	begin "$@" -o $cases/"$1".dmaseq
	armed "$1"
	hits >/tmp/hits.before
	: >$cases/"$name".pids
	n=0
}

# load STORY ARG...: has warmed up and waits when this returns.
load()
{
	n=$((n + 1))
	rm -f /tmp/go.$n /tmp/go.$n.waits
	mkfifo /tmp/go.$n
	dqload "$@" --wait /tmp/go.$n >$cases/"$name".$n.out 2>&1 &
	eval "load_$n=\$!"
	echo $! >>$cases/"$name".pids
	wait_until "dqload $* was warm" [ -e /tmp/go.$n.waits ]
}

# start: lets all of them run at once.
start()
{
	i=0
	while [ $i -lt $n ]; do
		i=$((i + 1))
		echo >/tmp/go.$i
	done
}

loads_end()
{
	i=0
	while [ $i -lt $n ]; do
		i=$((i + 1))
		eval "wait \$load_$i"
		echo $? >$cases/"$name".$i.status
	done
}

recorded()
{
	stopped "$name" INT
	hits | awk 'NR == FNR { before[$1] = $2; next } { print $1, $2 - before[$1] }' \
		/tmp/hits.before - >$cases/"$name".hits
}

# the rungs that a recorder takes by itself
attach=
witness

# What a dqload of so many pairs is, from two of them.
stage "measure"
recorder measure
load sync --pairs 100
load sync --pairs 300
start
loads_end
recorded

# A load for each processor: the recorder has to get its share between them.
stage "large"
recorder large --strict
load sync --pairs "$pairs"
load attach --rounds "$rounds"
start
loads_end
recorded

stage "small"
recorder small --strict --ring 64K
load sync --pairs "$pairs"
load sync --pairs "$pairs"
load sync --pairs "$pairs"
start
loads_end
recorded

# Stopped when the work begins, and goes on when it is done: the ring takes what
# it can. What comes afterwards is recorded again.
stage "stopped"
recorder stopped --ring 256K
load sync --pairs 5000
load sync --pairs 5000
# shellcheck disable=SC2154 # eval in begin sets it
kill -STOP "$pid_stopped"
size=$(stat -c %s $cases/stopped.dmaseq)
start
loads_end
kill -CONT "$pid_stopped"
grown()
{
	[ "$(stat -c %s $cases/stopped.dmaseq)" -gt "$size" ]
}
wait_until "the recorder had emptied the ring" grown
load sync --pairs 100
echo >/tmp/go.$n
eval "wait \$load_$n"
echo $? >$cases/stopped.$n.status
recorded

echo 0 >$TRACEFS/events/witness/enable
echo >$TRACEFS/kprobe_events
stage "done"
