# SPDX-License-Identifier: BSD-2-Clause
#
# many.awk: writes a text trace of a phone with 300 buffers of many sizes, shared by
# eight processes and five devices. Most existed before the recording, a third of them
# is used in it: as much as a graph has to bear. Without any chance in it.
function at(us) { return sprintf("%d.%06d000s", 100 + int(us / 1000000), us % 1000000) }
function call(task, name, rest) {
	seq[task]++
	printf "call %s t=%s dur=4000 task=%d cpu=0 seq=%d %s\n", name, at(now), task, seq[task], rest
	now += 10
}
BEGIN {
	np = split("surfaceflinger composer@2.4 camera-provider media.codec com.game.one launcher systemui audio-hal", proc, " ")
	nd = split("mali.0:mali drmdev:exynos-drm mfc0:s5p_mfc fimc-is:fimc-is lwis-top:lwis", dev, " ")
	print "dmaseq-text 1"
	print "meta key=\"kernel.release\" value=\"6.1.99-android14\""
	print "meta key=\"arch\" value=\"arm64\""
	print "meta key=\"rung\" value=\"kprobe\""
	print "clock mono=100.000000000s real=1700000000s"
	for (i = 1; i <= np; i++)
		printf "task %d tid=%d tgid=%d comm=\"%s\" process=\"%s\"\n", i, 1000 + i, 1000 + i, proc[i], proc[i]
	print "ops 1 t=100.000000000s exporter=\"system\" module=\"vmlinux\" has=attach|map_dma_buf armed=attach|map_dma_buf"
	print "ops 2 t=100.000000000s exporter=\"vframe\" module=\"vmlinux\" has=attach|map_dma_buf armed=attach|map_dma_buf"
	for (b = 1; b <= 300; b++) {
		secure = b % 17 == 0
		size[b] = secure ? 33554432 : 4096 * (1 + (b * b) % 31) * (b % 3 + 1)
		printf "buf %d flags=PREEXISTING t=100.000000000s ino=%d size=%d exp_name=\"%s\" ops=%d\n", b, 500 + b, size[b], secure ? "vframe" : "system", secure ? 2 : 1
	}
	print "snap 1 what=BEGIN flags=COMPLETE t=100.000000000s sources=\"task_file task_vma dmabuf\""
	for (b = 1; b <= 300; b++) {
		owner[b] = b % 5 == 0 ? 3 : b % 3 == 0 ? 5 : b % 2 ? 6 : 4
		printf "hold FD t=100.000000000s snap=1 buf=%d task=%d table=%d fd=%d n=1\n", b, owner[b], owner[b], 10 + b
		if (b % 5 < 2)	# shown on the screen
			printf "hold FD t=100.000000000s snap=1 buf=%d task=1 table=1 fd=%d n=1\n", b, 400 + b
		if (b % 10 == 1)
			printf "hold FD t=100.000000000s snap=1 buf=%d task=2 table=2 fd=%d n=1\n", b, 20 + b
	}
	print "snap 1 what=BEGIN flags=COMPLETE t=100.000000000s end=100.000100000s sources=\"task_file task_vma dmabuf\" bufs=300"
	now = 1000
	for (b = 1; b <= 300; b += 3) {
		d = b % nd + 1
		split(dev[d], name, ":")
		printf "att %d t=%s buf=%d dev=\"%s\" driver=\"%s\" bus=\"platform\"\n", b, at(now), b, name[1], name[2]
		call(owner[b], "dma_buf_attach", sprintf("buf=%d att=%d ret=%s caller=\"import [%s]\"", b, b, "0", name[2]))
		fails = b % 50 == 7
		call(owner[b], "dma_buf_map_attachment", sprintf("buf=%d att=%d dir=BIDIRECTIONAL ret=%s caller=\"import [%s]\"", b, b, fails ? "-ENOMEM" : "1", name[2]))
		if (b % 2)
			call(owner[b], "dma_buf_unmap_attachment", sprintf("buf=%d att=%d dir=BIDIRECTIONAL caller=\"import [%s]\"", b, b, name[2]))
	}
	printf "end t=%s reason=\"-t 10\"\n", at(now + 1000)
}
