#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Runs every story of dqload without the tool, watched by ftrace-count.sh, and
# holds the kernel's calls to what the story says.  With it green, what the
# tool gets wrong is the tool's fault.  Each story runs twice, and both must
# have made the same calls in the same order.
#
# smoke.sh [STORY...]: left in the share for each story: STORY.out (what
# dqload said), STORY.witness (what ftrace saw).

set -u

stories=${*:-device-dma sync attach buffers errors fds fence v4l2-drm poll leak routes cpu-access}
failed=0

# check STORY: each expect:FUNCTION=N against the witness.
check()
{
	tr ' ' '\n' <"/host/$1.out" | sed -n 's/^expect:\(.*\)=\(.*\)$/\1 \2/p' |
	while read -r function want; do
		got=$(awk -v f="$function" '$1 == "COUNT" && $2 == f { print $3 }' "/host/$1.witness")
		back=$(awk -v f="$function" '$1 == "COUNT" && $2 == f { print $4 }' "/host/$1.witness")
		if [ "${got:-0}" != "$want" ]; then
			echo "smoke: $1: $function: $want expected, ${got:-0} seen"
			echo x >/tmp/bad
		fi
		case $function in
		fd_*) ;;
		*)
			if [ "${back:-0}" != "${got:-0}" ]; then
				echo "smoke: $1: $function: ${got:-0} entries but ${back:-0} returns"
				echo x >/tmp/bad
			fi
			;;
		esac
	done
}

# calls WITNESS: the calls of each thread's name, in order.  Threads of
# different names may overtake each other: that is not the story's.
calls()
{
	awk '$1 == "EV" { print $4, $5, $6 }' "$1" | sort -s -k1,1
}

# once STORY SUFFIX: under the witness's eyes.
once()
{
	ftrace-count.sh start || exit 1
	dqload "$1" >"/host/$1.out$2" 2>"/host/$1.err$2"
	status=$?
	ftrace-count.sh stop "/host/$1.witness$2" || exit 1
}

ready()
{
	ftrace-count.sh setup || exit 1
}

ready
for story in $stories; do
	if [ "$story" = cpu-access ]; then
		# The same vivid, allocating differently: with its probes gone
		# first, they hold on to the module.
		ftrace-count.sh remove
		rmmod vivid && insmod /modules/*-vivid.ko n_devs=1 node_types=0x1 allocators=0 || exit 1
		ready
	fi
	rm -f /tmp/bad
	once "$story" ""
	cat "/host/$story.out" "/host/$story.err"
	case $status in
	0)
		check "$story"
		once "$story" .again
		calls "/host/$story.witness" >/tmp/first
		calls "/host/$story.witness.again" >/tmp/second
		if ! cmp -s /tmp/first /tmp/second; then
			echo "smoke: $story: the second run made other calls:"
			diff /tmp/first /tmp/second | head -n 20
			echo x >/tmp/bad
		fi
		if [ -e /tmp/bad ]; then
			failed=1
		else
			echo "smoke: $story: ok"
		fi
		;;
	77)
		echo "smoke: $story: skipped"
		;;
	*)
		echo "smoke: $story: ended with status $status"
		failed=1
		;;
	esac
done
ftrace-count.sh remove
exit $failed
