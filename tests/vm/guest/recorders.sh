# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Recorders that begin and end in a guest, for the scripts that watch them: their
# statuses and what they said go to $cases/NAME.status and NAME.err, and what went
# wrong to $cases/log. To be read with `.`; the script sets `set -u` and its name, $me,
# and may set $attach, what recorders are told about their rung.

cases=/host/cases
rm -rf $cases
mkdir -p $cases
: >$cases/log
# Which rung does not matter to most, and this one is armed soonest.
attach='--attach kprobe'

stage()
{
	read -r up _ </proc/uptime
	# shellcheck disable=SC2154 # the script sets it
	echo "$me: $up s: $*"
}

# wait_until WHAT COMMAND...: five minutes are far more than anything here
# takes.  It looks seldom, because looking costs the one processor as much as
# what is waited for.
wait_until()
{
	what=$1
	shift
	tries=1000
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "$me: waited in vain until $what"
			exit 1
		fi
		sleep 0.3
	done
}

# run NAME COMMAND...: a case, in the foreground.
run()
{
	name=$1
	shift
	"$@" 2>$cases/"$name".err
	echo $? >$cases/"$name".status
}

# begin NAME ARG...: a recorder in the background, see armed. Its process id is left
# in $pid_NAME.
begin()
{
	name=$1
	shift
	# shellcheck disable=SC2086 # words
	dmaseq record $attach --ready-file /tmp/"$name".ready "$@" 2>$cases/"$name".err &
	eval "pid_$name=\$!"
}

armed()
{
	for name; do
		wait_until "$name was armed" [ -e /tmp/"$name".ready ]
	done
}

# stopped NAME SIGNAL: by that
stopped()
{
	eval "pid=\$pid_$1"
	# shellcheck disable=SC2154 # eval sets it
	kill -"$2" "$pid"
	ended "$1"
}

# ended NAME: waits for it.
ended()
{
	eval "pid=\$pid_$1"
	# shellcheck disable=SC2154 # eval sets it
	wait "$pid"
	echo $? >$cases/"$1".status
}

# larger FILE BYTES
larger()
{
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

# Work without end, for what has to happen in the middle of it.
work()
{
	dqload sync --pairs 1000000000 >/dev/null 2>&1 &
	work=$!
}

# Killed, it says nothing about how many calls it made.
work_ends()
{
	kill -KILL "$work"
	wait "$work" 2>/dev/null
}

# closed TRACE: nothing is written to it any more
closed()
{
	dmaseq dump "$1" 2>/dev/null | grep -q '^end '
}
