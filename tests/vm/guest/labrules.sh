#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# All scripts of /host/rules under one recording, then those of /host/bug under another: they make the
# kernel stop with a BUG, and the task dies in the middle of the call, with whatever it has locked
# (vunmap-without-vmap the lab, so it has to be the last). Left in the share: rules.dmaseq and
# bug.dmaseq; results, "NAME STATUS" of each recorder; rules.results and bug.results, "PROCESS NAME
# STATUS" of each script, where PROCESS is what its process is called.

set -u
insmod /lib/dqlab.ko || exit 1
cat >/tmp/rules.sh <<'END'
n=0
for script in /host/warm.lab /host/rules/*.lab; do
	echo reset >/dev/dqlab
	dqlab-run --as lab.$n $script 2>>/host/rules.err
	echo "lab.$n $(basename $script .lab) $?"
	n=$((n + 1))
done >/host/rules.results
END
dmaseq record --quiet --force --attach kprobe -o /host/rules.dmaseq -- sh /tmp/rules.sh 2>/host/rules.record.err
echo "rules $?" >>/host/results
for comm in /proc/[0-9]*/comm; do
	case $(cat "$comm" 2>/dev/null) in
	lab.*) pid=${comm#/proc/}; kill -KILL "${pid%/comm}" ;;
	esac
done
cat >/tmp/bug.sh <<'END'
n=0
for script in /host/bug/*.lab; do
	timeout 60 dqlab-run --as bug.$n $script 2>>/host/bug.err
	echo "bug.$n $(basename $script .lab) $?"
	n=$((n + 1))
done >/host/bug.results
END
dmaseq record --quiet --force --attach kprobe -o /host/bug.dmaseq -- sh /tmp/bug.sh 2>/host/bug.record.err
echo "bug $?" >>/host/results
exit 0
