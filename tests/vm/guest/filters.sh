#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# The same work seen by a recorder of everything and, at the same time, by one for
# each filter. Left in /host/cases: NAME.dmaseq NAME.err NAME.status for each of them;
# inode (the one that was asked for), exporter, pids (of the processes that -p is
# about), WORK.out and WORK.status. What each must have is found from the recorder of
# everything (test_filters.sh).

set -u
me=filters
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

record()
{
	names="$names $1"
	begin "$@" -o $cases/"$1".dmaseq
}

# done_by NAME COMMAND...
done_by()
{
	name=$1
	shift
	"$@" >$cases/"$name".out 2>&1
	echo $? >$cases/"$name".status
}

# Buffers that are there before.
mkfifo /tmp/hold
dqload hold --account $cases/hold.account --wait /tmp/hold >$cases/hold.out 2>&1 &
hold=$!
wait_until "hold paused" [ -e /tmp/hold.waits ]
sed -n 's/^holds buf=\([0-9]*\) .*/\1/p' $cases/hold.account | head -n 1 >$cases/inode
exporter=vgem
[ ! -e /dev/udmabuf ] || exporter=udmabuf
echo $exporter >$cases/exporter

# The process that -p is about: it touches nothing itself, but its children do.
mkfifo /tmp/parent
cat >/tmp/parent.sh <<'END'
read -r _ </tmp/parent
for story in attach sync; do
	dqload $story >/host/cases/$story.out 2>&1 &
	echo $! >>/host/cases/pids
	wait $!
	echo $? >/host/cases/$story.status
done
END
sh /tmp/parent.sh &
parent=$!

names=
record everything
record pid -p $parent
record comm --comm dqclient
record exporter --exporter $exporter
record device --device vivid
record inode --inode "$(cat $cases/inode)"
record minsize --min-size 1M
record both --exporter vgem --min-size 1M
# shellcheck disable=SC2086 # words
armed $names

rm -f /tmp/hold.waits
echo >/tmp/hold
wait_until "hold paused again" [ -e /tmp/hold.waits ]
echo >/tmp/parent
wait $parent
# its buffers are the only small ones
done_by fence dqload fence --rounds 1
done_by errors dqload errors
done_by binder dqbinder
echo >/tmp/hold
wait $hold
echo $? >$cases/hold.status

for name in $names; do
	stopped "$name" INT
done
stage "done"
