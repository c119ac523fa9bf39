#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# counts.sh WITNESSED... : each is RUNG:STORY[,STORY...]
#
# Runs the stories of dqload under dmaseq record, on the rung, while
# ftrace-count.sh counts the same functions by itself.  The stories of one
# argument share one recording; the witness is started anew for each story.
# RUNG is what record --attach takes, or "default".  Each recording leaves in
# the share, in /host/RUNG.NAME (NAME: the stories joined by +):
#
#	trace.dmaseq, record.err, record.status
#	N-STORY.out, .err, .status      what dqload said, N counts from 1
#	N-STORY.witness                 what ftrace saw
#
# and, while the witness looks away, in /host/sequence.dmaseq (.err, .status) the calls of
# the shortest form of each story.
#
# raw.dmaseq, stacks.dmaseq and kernel.kcore are for test_leaks.sh.
#
# cpu-access needs vivid allocating otherwise: its recordings come last.
# Comparing is the host's business (test_counts.sh).

set -u

# one DIR STORY...: the workload of a recording of several stories; runs
# inside the recording.
if [ "${1:-}" = --stories ]; then
	dir=$2
	shift 2
	n=0
	for story; do
		n=$((n + 1))
		ftrace-count.sh start || exit 1
		dqload "$story" >"$dir/$n-$story.out" 2>"$dir/$n-$story.err"
		echo $? >"$dir/$n-$story.status"
		ftrace-count.sh stop "$dir/$n-$story.witness" || exit 1
	done
	exit 0
fi

# The shortest form of each story, for its sequence.
if [ "${1:-}" = --sequence ]; then
	dqload device-dma --rounds 1 --frames 2 || exit 1
	dqload sync --pairs 1 || exit 1
	dqload attach --rounds 1 || exit 1
	dqload buffers --count 1 || exit 1
	dqload errors || exit 1
	dqload fds || exit 1
	dqload fence --rounds 1 || exit 1
	exit 0
fi

die()
{
	echo "counts: $*"
	exit 1
}

now()
{
	read -r up _ </proc/uptime
	echo "$up"
}

# recording RUNG STORIES
recording()
{
	rung=$1
	stories=$2
	dir=/host/$rung.$(echo "$stories" | tr ',' '+')
	attach=
	[ "$rung" = default ] || attach="--attach $rung"
	rm -rf "$dir"
	mkdir -p "$dir" || exit 1
	began=$(now)
	case $stories in
	*,*)
		# shellcheck disable=SC2086,SC2046 # words
		dmaseq record $attach -o "$dir/trace.dmaseq" -- \
			sh /tmp/counts.sh --stories "$dir" $(echo "$stories" | tr ',' ' ') \
			2>"$dir/record.err"
		status=$?
		;;
	*)
		ftrace-count.sh start || exit 1
		# shellcheck disable=SC2086 # words
		dmaseq record $attach -o "$dir/trace.dmaseq" -- dqload "$stories" \
			>"$dir/1-$stories.out" 2>"$dir/record.err"
		status=$?
		ftrace-count.sh stop "$dir/1-$stories.witness" || exit 1
		# the two share stderr, and record passes on what dqload says
		echo $status >"$dir/1-$stories.status"
		[ $status != 77 ] || status=0
		cp "$dir/record.err" "$dir/1-$stories.err"
		;;
	esac
	echo $status >"$dir/record.status"
	echo "counts: $rung: $stories: recorded from $began to $(now) s, status $status"
}

# The beginning of this script is what runs in the recordings of several stories.
cp /host/guest.sh /tmp/guest.sh
# run.sh has put "set -- ARGUMENTS" in front of it.
sed 1d /tmp/guest.sh >/tmp/counts.sh

ftrace-count.sh setup || die "no witness"
for recording; do
	case $recording in
	*:*cpu-access*) ;;
	*) recording "${recording%%:*}" "${recording#*:}" ;;
	esac
done

dmaseq record -o /host/sequence.dmaseq -- sh /tmp/counts.sh --sequence >/host/sequence.out 2>/host/sequence.err
echo $? >/host/sequence.status

# None of the witness's probes is in vivid itself.
rmmod vivid || die "vivid is in use"
insmod /modules/*-vivid.ko n_devs=1 node_types=0x1 allocators=0 || die "vivid does not load again"
for recording; do
	case $recording in
	*:*cpu-access*) recording "${recording%%:*}" "${recording#*:}" ;;
	esac
done
ftrace-count.sh remove

# For test_leaks.sh: where the kernel is, with its addresses, and with stacks instead.
head -c 8192 /proc/kcore >/host/kernel.kcore
dmaseq record --attach kprobe --raw-addresses -o /host/raw.dmaseq -- dqload cpu-access >/dev/null 2>&1
dmaseq record --attach kprobe --stacks -o /host/stacks.dmaseq -- dqload cpu-access >/dev/null 2>&1

dmaseq doctor --self-test >/host/doctor.out 2>/host/doctor.err
echo $? >/host/doctor.status
# Where fentry is only taken when asked for: the programs have to load all the same.
if grep -q 'no fentry: this kernel preempts' /host/doctor.out; then
	dmaseq doctor --self-test --attach fentry >/host/doctor.fentry.out 2>&1
	echo $? >/host/doctor.fentry.status
fi
