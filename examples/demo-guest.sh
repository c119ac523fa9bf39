#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# What demo.sh runs inside the guest: one recording per story, into the shared
# directory. The second story is told by the same driver, vivid, when it takes
# buffers with vmap instead of attaching to them.
set -eu

dmaseq record -qo device-dma.dmaseq -- dqload device-dma --rounds 1 >device-dma.log 2>&1
rmmod vivid
insmod /modules/*-vivid.ko n_devs=1 node_types=0x1 allocators=0
dmaseq record -qo cpu-access.dmaseq -- dqload cpu-access --rounds 1 >cpu-access.log 2>&1
