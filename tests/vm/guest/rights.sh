#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# rights.sh KERNEL
#
# What a recorder can do with which capabilities (docs/SECURITY.md has the table), as an ordinary
# user whose dmaseq has them as file capabilities, under Debian's own settings. The case `enough`
# has what the table asks for; of each of the others one is missing, or something else differs.
# Each leaves in /host/cases what recorders.sh says, and NAME.dmaseq.

set -u
me=rights
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

# Their numbers: include/uapi/linux/capability.h
bpf=39 perfmon=38 syslog=34 resource=24 admin=21 search=2
case $1 in
5.10-*) enough="$bpf $perfmon $syslog $resource $admin" ;;
6.1-*) enough="$bpf $perfmon $syslog $admin" ;;
*) enough="$bpf $perfmon $syslog" ;;
esac
mkdir -m 777 /tmp/user
# its modules are loaded by root, who lets the user use them
dqload device-dma >/dev/null || exit 1
chmod -R a+rwX /dev/dri /dev/video* /dev/media* /dev/udmabuf /dev/dma_heap 2>/dev/null

# with NAME OPTION CAP...: a recording of user 1000 with these
with()
{
	name=$1 rung=$2
	shift 2
	cp /bin/dmaseq "/tmp/dmaseq.$name"
	chmod 755 "/tmp/dmaseq.$name"
	dqexec setcap "/tmp/dmaseq.$name" "$@"
	# shellcheck disable=SC2086,SC2154 # no option, no word; recorders.sh sets $cases
	run "$name" dqexec as 1000 "/tmp/dmaseq.$name" record $rung -o "/tmp/user/$name.dmaseq" -- dqload device-dma >>$cases/out
	rm "/tmp/dmaseq.$name"
	[ ! -e "/tmp/user/$name.dmaseq" ] || mv "/tmp/user/$name.dmaseq" "$cases/"
}

# without CAP: what is enough, less this one
without()
{
	rest=
	for one in $enough; do
		[ "$one" = "$1" ] || rest="$rest $one"
	done
	echo "$rest"
}

stage "$(grep -H . /proc/sys/kernel/kptr_restrict /proc/sys/kernel/perf_event_paranoid \
	/proc/sys/kernel/unprivileged_bpf_disabled | tr '\n' ' ')"
# shellcheck disable=SC2086 # words
with enough "" $enough
# shellcheck disable=SC2086 # words
with kprobe --attach=kprobe $enough
for name in bpf perfmon syslog resource admin; do
	eval "cap=\$$name"
	# shellcheck disable=SC2154 # eval sets it
	case " $enough " in
	*" $cap "*)
		stage "without $name"
		# shellcheck disable=SC2046 # words
		with "no-$name" --attach=kprobe $(without "$cap")
		;;
	esac
done
stage "tracepoints"
# shellcheck disable=SC2086 # words
with tracepoints --attach=kprobe $enough $admin $search
# shellcheck disable=SC2086 # words
with only-search --attach=kprobe $enough $search
stage "settings"
echo 2 >/proc/sys/kernel/perf_event_paranoid
# shellcheck disable=SC2046 # words
with paranoid-2 --attach=kprobe $(without $admin)
stage "done"
