#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# Flight recorders: what record --keep-last and --until-error leave.  test_keep.sh
# looks at it; next to the kept part there is what an ordinary recorder saw.

set -u
me=keep
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

stage "a size: the last part of much"
mkfifo /tmp/hold.go
echo "something dear" >$cases/size.dmaseq.1
begin full -o $cases/full.dmaseq
begin size --keep-last 64K -o $cases/size.dmaseq
armed full size
# Buffers that are there before the kept part and after it.
dqload hold --wait /tmp/hold.go --account $cases/hold.account >$cases/hold.out 2>&1 &
hold=$!
wait_until "the buffers were held" grep -q before $cases/hold.account
dqload sync --pairs 5000 >/dev/null || exit 1
# shellcheck disable=SC2154 # eval in begin sets it
kill -USR1 "$pid_size"
wait_until "the first part was written" closed $cases/size.dmaseq.2
dqload sync --pairs 5000 >/dev/null || exit 1
dqload attach >/dev/null || exit 1
# shellcheck disable=SC2154
kill -INT "$pid_size" && kill -INT "$pid_full"
ended size
ended full
kill -KILL $hold
wait $hold 2>/dev/null

stage "a time"
begin time --ring 64M --keep-last 1s -t 4s -o $cases/time.dmaseq
armed time
work
ended time
work_ends

stage "all of it fits"
begin fits --keep-last 16M -o $cases/fits.dmaseq -- dqload sync
ended fits >/dev/null

stage "the first failed call"
begin error --until-error -o $cases/error.dmaseq
armed error
dqload sync >/dev/null || exit 1
dqload errors >/dev/null || exit 1
ended error
begin both --keep-last 10s --until-error -o $cases/both.dmaseq -- \
	sh -c 'dqload sync >/dev/null && dqload errors >/dev/null; exit 5'
ended both
begin noerror --until-error -o $cases/noerror.dmaseq -- dqload sync
ended noerror >/dev/null

stage "refused"
begin stdout --keep-last 1M -t 2s -o - >$cases/stdout.dmaseq
armed stdout
# shellcheck disable=SC2154
kill -USR1 "$pid_stdout"
ended stdout
stage "done"
