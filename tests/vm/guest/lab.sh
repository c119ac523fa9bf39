#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Each script of the lab (/host/scripts) once under a recording of its own. Left in the
# share: NAME.dmaseq, NAME.err, and in results a line for each, "NAME STATUS".

set -u
insmod /lib/dqlab.ko || exit 1
for script in /host/scripts/*.lab; do
	name=$(basename "$script" .lab)
	dmaseq record --quiet --force -o "/host/$name.dmaseq" -- dqlab-run "$script" 2>"/host/$name.err"
	echo "$name $?"
done >/host/results
# A script that leaks a reference of a buffer of the module keeps the module.
rmmod dqlab || exit 1
[ ! -s /sys/kernel/debug/kprobes/list ] || { echo "lab: probes are left"; exit 1; }
