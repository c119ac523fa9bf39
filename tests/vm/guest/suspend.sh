#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# A recording while the machine is suspended. The kernel goes all the way but for the last step,
# where the firmware would take over, and comes back after a while (pm_test, "core"): clocks stop as
# they do else. The devices of the share do not come back, so it is done before there is one
# (init: early=), and the second time this script leaves in /host/cases what there is:
#
#	suspend.dmaseq, suspend.err, suspend.status, early.log

set -u
if [ -e /tmp/suspend.status ]; then
	mkdir -p /host/cases
	cp /tmp/suspend.* /tmp/early.log /host/cases/
	exit
fi

dmaseq record --attach kprobe --ready-file /tmp/ready -o /tmp/suspend.dmaseq 2>/tmp/suspend.err &
recorder=$!
tries=1000
until [ -e /tmp/ready ] || [ $tries = 0 ]; do
	sleep 0.3
	tries=$((tries - 1))
done
dqload sync
# the recorder looks at the clocks once a second
sleep 3
echo core >/sys/power/pm_test
if echo mem >/sys/power/state; then
	echo "suspend: done"
else
	echo "suspend: refused"
fi
sleep 3
dqload sync
kill -INT $recorder
wait $recorder
echo $? >/tmp/suspend.status
