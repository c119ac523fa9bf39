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

cases=/host/cases
rm -rf $cases
mkdir -p $cases

wait_until()
{
	what=$1
	shift
	tries=1000
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "disturb: waited in vain until $what"
			exit 1
		fi
		sleep 0.2
	done
}

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

# begin NAME ARG...
begin()
{
	name=$1
	shift
	dmaseq record --ready-file /tmp/"$name".ready -o $cases/"$name".dmaseq "$@" 2>$cases/"$name".err &
	eval "pid_$name=\$!"
	wait_until "$name was armed" [ -e /tmp/"$name".ready ]
}

# ended NAME SIGNAL
ended()
{
	eval "pid=\$pid_$1"
	# shellcheck disable=SC2154 # eval sets it
	kill -"$2" "$pid"
	wait "$pid"
	echo $? >$cases/"$1".status
}

left >$cases/left.before
cat $cases/left.before

# Two at once, the second while the work of the first has been going on, both of
# them see all of the second work.
begin first
mkfifo /tmp/go
dqload sync --pairs 2000 --wait /tmp/go >$cases/long.out 2>&1 &
long=$!
wait_until "the work was warm" [ -e /tmp/go.waits ]
echo >/tmp/go
begin second --attach kprobe
for story in sync attach buffers fds routes; do
	dqload $story >$cases/$story.out 2>&1
	echo $? >$cases/$story.status
done
wait $long
echo $? >$cases/long.status
left >$cases/left.two
ended second INT
dqload sync --pairs 17 >$cases/alone.out 2>&1
echo $? >$cases/alone.status
ended first INT
wait_until "the two had taken away their probes" as_before

# Killed in the middle of it.
begin killed
rm -f /tmp/go.waits
dqload sync --pairs 4000 --wait /tmp/go >$cases/through.out 2>&1 &
through=$!
wait_until "the work was warm" [ -e /tmp/go.waits ]
echo >/tmp/go
sleep 0.3
ended killed KILL
wait $through
echo $? >$cases/through.status
wait_until "the kernel had taken away the killed one's probes" as_before
cat $cases/left.two
read -r up _ </proc/uptime
echo "disturb: done at $up s"
