#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# An exporter's module goes and comes back while dmaseq records: vivid and the
# allocators of videobuf2, where its dma_buf_ops are.  The work is 3 rounds, the
# modules are unloaded and loaded, 1 round, 3 rounds.  Where kallsyms names the
# table it must be armed before the one round, elsewhere the one round shows it.
# Left in the share: modules.dmaseq, modules.err, modules.named (yes or no).

set -u

probes()
{
	grep -c 'videobuf2_dma_contig' /sys/kernel/debug/kprobes/list
}

# Minutes are far more than it takes.
armed_again()
{
	tries=300
	until [ "$(probes)" = "$before" ]; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "modules: $(probes) probes of videobuf2_dma_contig, $before before"; cat /sys/kernel/debug/kprobes/list
			exit 1
		fi
		sleep 0.3
	done
}

rounds()
{
	dqload device-dma --exporter vivid --rounds "$1" >/dev/null || exit 1
}

if [ "${1:-}" = --work ]; then
	named=$2
	rounds 3
	before=$(probes)
	[ "$before" -gt 0 ] || { echo "modules: no probes on videobuf2_dma_contig"; exit 1; }
	for module in vivid videobuf2_dma_contig videobuf2_vmalloc; do
		rmmod $module || exit 1
	done
	for module in videobuf2-vmalloc videobuf2-dma-contig; do
		insmod /modules/*-$module.ko || exit 1
	done
	insmod /modules/*-vivid.ko n_devs=1 node_types=0x1 allocators=1 || exit 1
	[ "$named" = no ] || armed_again
	rounds 1
	armed_again
	rounds 3
	exit 0
fi

# run.sh has put "set -- ARGUMENTS" in front of it.
sed 1d /host/guest.sh >/tmp/modules.sh
named=no
! grep -q ' vb2_dc_dmabuf_ops' /proc/kallsyms || named=yes
echo $named >/host/modules.named
dmaseq record --attach kprobe -a --force -o /host/modules.dmaseq -- \
	sh /tmp/modules.sh --work $named 2>/host/modules.err
status=$?
cat /host/modules.err
[ ! -s /sys/kernel/debug/kprobes/list ] || { echo "modules: probes are left"; status=1; }
exit $status
