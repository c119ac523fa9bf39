#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# All scripts of the lab (/host/scripts) under one recording: to attach takes longer than any of them.
# Left in the share: lab.dmaseq, NAME.err, and in results a line for each, "PROCESS NAME STATUS", where
# PROCESS is what its process is called.

set -u
insmod /lib/dqlab.ko || exit 1
cat >/tmp/lab.sh <<'END'
n=0
for script in /host/scripts/*.lab; do
	name=$(basename $script .lab)
	dqlab-run --as lab.$n $script 2>/host/$name.err
	echo "lab.$n $name $?"
	n=$((n + 1))
done >/host/results
END
dmaseq record --quiet --force -o /host/lab.dmaseq -- sh /tmp/lab.sh 2>/host/record.err || { cat /host/record.err; exit 1; }
# A script that leaks a reference of a buffer of the module keeps the module.
rmmod dqlab || exit 1
[ ! -s /sys/kernel/debug/kprobes/list ] || { echo "lab: probes are left"; exit 1; }
