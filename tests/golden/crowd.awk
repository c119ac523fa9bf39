# SPDX-License-Identifier: BSD-2-Clause
#
# crowd.awk: writes a text trace of a phone where 300 buffers of five exporters are shared
# in nearly 300 ways by 20 processes and nine devices, some fail and some leak: the worst
# that a graph has to bear. Its chance is a sequence that is the same everywhere.
function at(us) { return sprintf("%d.%06d000s", 100 + int(us / 1000000), us % 1000000) }
function chance(n) { seed = (seed * 1103 + 12345) % 65536; return int(seed / 16) % n }
function call(task, name, rest) {
	seq[task]++
	printf "call %s t=%s dur=4000 task=%d cpu=0 seq=%d %s\n", name, at(now), task, seq[task], rest
	now += 10
}
function hold(b, task) {
	if ((b, task) in held)
		return
	held[b, task] = 1
	printf "hold FD t=100.000000000s snap=1 buf=%d task=%d table=%d fd=%d n=1\n", b, task, task, 10 + b
}
BEGIN {
	np = split("surfaceflinger composer@2.4 camera-provider media.codec com.game.one launcher systemui audio-hal " \
		"system_server com.maps com.mail com.chat com.photos keyboard wallpaper media.extractor " \
		"sensors nnapi-hal drm-hal bootanimation", proc, " ")
	nd = split("mali.0:mali drmdev:exynos-drm mfc0:s5p_mfc fimc-is:fimc-is lwis-top:lwis " \
		"g2d:g2d jpeg0:smfc edgetpu:abrolhos aoc:aoc", dev, " ")
	ne = split("system system-uncached vframe vstream aoc-heap", heap, " ")
	seed = 1
	print "dmaseq-text 1"
	print "meta key=\"kernel.release\" value=\"6.1.99-android14\""
	print "meta key=\"arch\" value=\"arm64\""
	print "meta key=\"rung\" value=\"kprobe\""
	print "clock mono=100.000000000s real=1700000000s"
	for (i = 1; i <= np; i++)
		printf "task %d tid=%d tgid=%d comm=\"%s\" process=\"%s\"\n", i, 1000 + i, 1000 + i, proc[i], proc[i]
	for (i = 1; i <= ne; i++)
		printf "ops %d t=100.000000000s exporter=\"%s\" module=\"vmlinux\" has=attach|map_dma_buf armed=attach|map_dma_buf\n", i, heap[i]
	for (b = 1; b <= 300; b++) {
		e = chance(3) ? 1 : 1 + chance(ne)
		printf "buf %d flags=PREEXISTING t=100.000000000s ino=%d size=%d exp_name=\"%s\" ops=%d\n", b, 500 + b, 4096 * (1 + chance(2000)), heap[e], e
	}
	print "snap 1 what=BEGIN flags=COMPLETE t=100.000000000s sources=\"task_file task_vma dmabuf\""
	for (b = 1; b <= 300; b++) {
		owner[b] = 3 + chance(np - 2)
		hold(b, owner[b])
		if (chance(3) == 0)
			hold(b, 1)
		if (chance(4) == 0)
			hold(b, 1 + chance(np))
	}
	print "snap 1 what=BEGIN flags=COMPLETE t=100.000000000s end=100.000100000s sources=\"task_file task_vma dmabuf\" bufs=300"
	now = 1000
	for (b = 1; b <= 300; b++) {
		if (chance(3) == 0)
			continue
		d = 1 + chance(nd)
		split(dev[d], name, ":")
		printf "att %d t=%s buf=%d dev=\"%s\" driver=\"%s\" bus=\"platform\"\n", b, at(now), b, name[1], name[2]
		call(owner[b], "dma_buf_attach", sprintf("buf=%d att=%d ret=0 caller=\"import [%s]\"", b, b, name[2]))
		fails = chance(40) == 0
		call(owner[b], "dma_buf_map_attachment", sprintf("buf=%d att=%d dir=BIDIRECTIONAL ret=%s caller=\"import [%s]\"", b, b, fails ? "-ENOMEM" : "1", name[2]))
		if (b % 60)
			continue
		for (p = 1; p <= np; p++)	# all have closed it, the device has not
			if ((b, p) in held)
				call(p, "filp_flush", sprintf("buf=%d table=%d fdno=%d", b, p, 11 + b))
	}
	printf "end t=%s reason=\"-t 10\"\n", at(now + 1000)
}
