#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Recorders that are in each other's way, and one that is killed, next to work
# that must not notice. On one processor: probes go while the work is running.
# Left in /host/cases: NAME.dmaseq NAME.err NAME.status for the recorders first,
# second and killed; WORK.out and WORK.status for the work; left.before, left.after:
# what there was of BPF and of probes.

set -u
me=disturb
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

# Everything that a recorder leaves behind as long as it lives.
left()
{
	dqexec bpfleft
	echo "$(grep -c . /sys/kernel/debug/kprobes/list) probes"
	echo "$(grep -c . /sys/kernel/tracing/enabled_functions) functions"
}

as_before()
{
	left >$cases/left.after
	cmp -s $cases/left.before $cases/left.after
}

left >$cases/left.before
cat $cases/left.before

# Two at once, the second while the work of the first has been going on, both of
# them see all of the second work. The first is on the rungs that it takes by itself.
attach=
begin first -o $cases/first.dmaseq
armed first
mkfifo /tmp/go
dqload sync --pairs 2000 --wait /tmp/go >$cases/long.out 2>&1 &
long=$!
wait_until "the work was warm" [ -e /tmp/go.waits ]
echo >/tmp/go
attach='--attach kprobe'
begin second -o $cases/second.dmaseq
armed second
for story in sync attach buffers fds routes; do
	dqload $story >$cases/$story.out 2>&1
	echo $? >$cases/$story.status
done
wait $long
echo $? >$cases/long.status
left >$cases/left.two
stopped second INT
dqload sync --pairs 17 >$cases/alone.out 2>&1
echo $? >$cases/alone.status
stopped first INT
wait_until "the two had taken away their probes" as_before

# Killed in the middle of it.
attach=
begin killed -o $cases/killed.dmaseq
armed killed
rm -f /tmp/go.waits
dqload sync --pairs 4000 --wait /tmp/go >$cases/through.out 2>&1 &
through=$!
wait_until "the work was warm" [ -e /tmp/go.waits ]
echo >/tmp/go
sleep 0.3
stopped killed KILL
wait $through
echo $? >$cases/through.status
wait_until "the kernel had taken away the killed one's probes" as_before
cat $cases/left.two
stage "done"
