#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# holders.sh RUNG...
#
# Who holds what: a recording for each rung (what record --attach takes, or
# "default"), begun while buffers are held already, and ended while buffers are
# held in every way that there is. Left in /host/RUNG:
#
#	trace.dmaseq record.err record.status
#	STORY.account	what the workloads know themselves (workloads/account.h)
#	STORY.out, STORY.status
#
# Comparing is the host's business (test_holders.sh).

set -u
me=holders
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

# begin STORY COMMAND...: it holds buffers and waits when this returns.
begin()
{
	story=$1
	shift
	rm -f /tmp/"$story" /tmp/"$story".waits
	mkfifo /tmp/"$story"
	"$@" --account "$dir/$story.account" --wait /tmp/"$story" >"$dir/$story.out" 2>&1 &
	eval "pid_$story=\$!"
	waits "$story"
}

# waits STORY: or says why it does not, where the kernel has no devices for it.
paused()
{
	[ -e /tmp/"$1".waits ] || [ -s "$dir/$1.out" ]
}

waits()
{
	wait_until "$1 paused" paused "$1"
}

go()
{
	[ ! -e /tmp/"$1".waits ] || {
		rm -f /tmp/"$1".waits
		echo >/tmp/"$1"
	}
}

ended()
{
	go "$1"
	eval "wait \$pid_$1"
	echo $? >"$dir/$1.status"
}

recording()
{
	dir=/host/$1
	rm -rf "$dir"
	mkdir -p "$dir"
	attach=
	[ "$1" = default ] || attach="--attach $1"
	begin hold dqload hold --count 2
	rm -f /tmp/ready
	# shellcheck disable=SC2086 # words
	dmaseq record $attach --ready-file /tmp/ready -o "$dir/trace.dmaseq" 2>"$dir/record.err" &
	recorder=$!
	wait_until "record was armed" [ -e /tmp/ready ]
	go hold
	waits hold
	begin routes dqload routes
	begin leak dqload leak
	begin binder dqbinder --keep
	for story in poll kworker; do
		dqload $story --account "$dir/$story.account" >"$dir/$story.out" 2>&1
		echo $? >"$dir/$story.status"
	done
	kill -INT $recorder
	wait $recorder
	echo $? >"$dir/record.status"
	for story in binder leak routes hold; do
		ended $story
	done
	stage "$1: done"
}

for rung; do
	recording "$rung"
done
