#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Runs every story of dqload without the tool, watched by ftrace-count.sh, and
# holds the kernel's calls to what the story says.  With it green, what the
# tool gets wrong is the tool's fault.
#
# smoke.sh [STORY...]: left in the share for each story: STORY.out (what
# dqload said), STORY.witness (what ftrace saw).

set -u

stories=${*:-device-dma sync attach buffers errors fds fence cpu-access}
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
	ftrace-count.sh start || exit 1
	dqload "$story" >"/host/$story.out" 2>"/host/$story.err"
	status=$?
	ftrace-count.sh stop "/host/$story.witness" || exit 1
	cat "/host/$story.out" "/host/$story.err"
	case $status in
	0)
		check "$story"
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
