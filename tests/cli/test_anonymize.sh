#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# anonymize: no name is left, the story is the same.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Every string that a machine or its owner chooses has "zq" in it.
cat >secret.txt <<'EOF'
dmaseq-text 1 boot_id=39061537724148c785fc1dbaec930654 mono=26.790588724 real=1795418646.533406170
meta tool value="dmaseq"
meta kernel.release value="6.12.0"
meta arch value="x86_64"
meta cmdline value="zqcamera --key zqkey"
meta filter value="comm=zq filter exporter=zqexp"
meta host value="zqhost"
meta raw_addresses value="yes"
hook dma_buf_export id=1 symbol="dma_buf_export" rung="kprobe" state="attached"
hook ops->release id=70 symbol="zq_release [zqisp]" rung="kprobe" state="attached"
clock mono=26.913342246 real=1795418646.656138991
task id=1 tid=4711 tgid=4711 comm="zqcamera" process="zqcamera"
task id=2 tid=4712 tgid=4711 comm="zqthread" process="zqcamera"
task id=3 tid=55 tgid=55 flags=KTHREAD comm="irq/45-zqisp" process="irq/45-zqisp"
task id=4 tid=56 tgid=56 flags=KTHREAD comm="kworker/0:1" process="kworker/0:1"
dev id=1 kind="chr" major=241 path="/dev/zqisp0" driver="zq-isp" subsystem="zqclass"
dev id=2 kind="chr" major=81 path="/dev/video0" driver="vivid" subsystem="video4linux"
dev id=3 kind="reg" path="/srv/zquser/zqfile"
ops id=1 t=27.000000000 exporter="zqexp" module="zq_isp" has=release armed=release
buf id=1 t=27.100000000 ino=987654 size=4096 exp_name="zqexp" owner="zq_isp" name="zqname" ops=1 raw=0xffff888012345678
stack id=1 frames="zq_export [zq_isp]\ndma_buf_export\nzq_builtin"
call dma_buf_export t=27.100000000 dur=1000 task=1 seq=1 sys=1 buf=1 size=4096 flags=O_RDWR caller="zq_export [zq_isp]" stack=1
sys ioctl t=27.100000000 end=27.200000000 task=1 sys=1 nr=16 fd=3 dev=1 a0=0x3 a1=0x40187542 ret=5
name t=27.300000000 buf=1 name="zqsecond"
att id=1 t=27.400000000 buf=1 dev="fe800000.zqisp" driver="zq-isp" bus="zqbus" raw=0xffff888012345600
call dma_buf_attach t=27.400000000 dur=100 task=2 seq=1 buf=1 att=1 caller="zq_builtin"
call dma_buf_detach t=27.500000000 dur=100 task=2 seq=2 buf=1 att=1 caller="vb2_dc_detach_dmabuf [videobuf2_dma_contig]"
timeline id=1 context=7 driver="zqgpu" name="zqring"
sys clone t=27.600000000 end=27.700000000 task=1 sys=2 nr=56 ret=4712
end t=28.000000000 reason="zq did it" calls=3
EOF
expect 0 '' '' -- anonymize -o out.dmaseq secret.txt
dmaseq dump out.dmaseq >out.txt
check "no name is left" test "$(grep -c zq out.txt)" = 0
check "nor in the bytes" test "$(grep -ac zq out.dmaseq)" = 0
check "nor an address" test "$(grep -c '888012345' out.txt)" = 0
check "nor a pid, an inode number, the boot or the date" \
	test "$(grep -cE '\b(4711|4712|987654|39061537724148c785fc1dbaec930654|17954186..)\b' out.txt)" = 0

# What it is, line by line: the same name is the same word, in both of its spellings.
cat >want.txt <<'EOF'
dmaseq-text 1 mono=26.790588724 real=946684800.000000000
meta anonymized value="yes"
meta tool value="dmaseq"
meta kernel.release value="6.12.0"
meta arch value="x86_64"
meta cmdline value="..."
meta filter value="comm=... exporter=..."
hook dma_buf_export id=1 symbol="dma_buf_export" rung="kprobe" state="attached"
hook ops->release id=70 symbol="functionA [driverA]" rung="kprobe" state="attached"
clock mono=26.913342246 real=946684800.122732821
task id=1 tid=1001 tgid=1001 comm="processA" process="processA"
task id=2 tid=1002 tgid=1001 comm="processB" process="processA"
task id=3 tid=1003 tgid=1003 flags=KTHREAD comm="irq/45-driverA" process="irq/45-driverA"
task id=4 tid=1004 tgid=1004 flags=KTHREAD comm="kworker/0:1" process="kworker/0:1"
dev id=1 kind="chr" major=241 path="/dev/deviceA1" driver="driverB" subsystem="subsystemC"
dev id=2 kind="chr" major=81 path="/dev/video0" driver="vivid" subsystem="video4linux"
dev id=3 kind="reg" path="/dev/deviceD"
ops id=1 t=27.000000000 exporter="driverE" module="driverB" has=release armed=release
buf id=1 t=27.100000000 ino=1 size=4096 exp_name="driverE" owner="driverB" name="bufferA" ops=1
stack id=1 frames="functionB [driverB]\ndma_buf_export\nfunctionC"
call dma_buf_export t=27.100000000 dur=1000 task=1 seq=1 sys=1 buf=1 size=4096 flags=O_RDWR caller="functionB [driverB]" stack=1
sys ioctl t=27.100000000 end=27.200000000 task=1 sys=1 nr=16 fd=3 dev=1 a0=0x3 a1=0x40187542 ret=5
name t=27.300000000 buf=1 name="bufferB"
att id=1 t=27.400000000 buf=1 dev="deviceF" driver="driverB" bus="busG"
call dma_buf_attach t=27.400000000 dur=100 task=2 seq=1 buf=1 att=1 caller="functionC"
call dma_buf_detach t=27.500000000 dur=100 task=2 seq=2 buf=1 att=1 caller="vb2_dc_detach_dmabuf [videobuf2_dma_contig]"
timeline id=1 context=7 driver="driverH" name="timelineA"
sys clone t=27.600000000 end=27.700000000 task=1 sys=2 nr=56 ret=1002
end t=28.000000000 reason="..." calls=3
EOF
check "the whole of it" diff -u want.txt out.txt

# What is kept by request; both ways to say more than one.
expect 0 '' '' -- anonymize --keep "processes,drivers,devices" --keep "buffers,functions" --keep "ids,time" -o kept.dmaseq secret.txt
grep -vE '^dmaseq-text|^meta (filter|host|raw)|^end' secret.txt | sed 's/ raw=0x[0-9a-f]*//' >want.txt
dmaseq dump kept.dmaseq | grep -vE '^dmaseq-text|^meta (filter|anonymized)|^end' >got.txt
check "--keep of everything" diff -u want.txt got.txt
expect 0 '' '' -- anonymize --keep drivers -o kept.dmaseq secret.txt
dmaseq dump kept.dmaseq | grep -o 'zq[^"\]*' | sort -u >got.txt
printf '%s\n' zq-isp zq_isp 'zq_isp]' zqbus zqclass zqexp zqgpu 'zqisp]' zqring | sort >want.txt
check "--keep drivers" diff -u want.txt got.txt

# The same bytes again, also through a pipe.
dmaseq anonymize secret.txt >again.dmaseq
check "deterministic" cmp out.dmaseq again.dmaseq
dmaseq anonymize - <secret.txt >again.dmaseq
check "from a pipe" cmp out.dmaseq again.dmaseq

# The story: what calls, findings and shapes say without the names, for every trace there is.
story()
{
	dmaseq export "$1" 2>/dev/null | grep '"kind":"\(call\|sys\|taskev\|hold\|loss\|snap\)"' |
		sed -E 's/"caller":"[^"]*"//; /"name":"(clone|fork|vfork|kcmp)/d'
	dmaseq check -f json "$1" 2>/dev/null | grep -oE '"(rule|severity|calls|confidence)": *[^,]*'
	dmaseq list "$1" 2>/dev/null | wc -l
	dmaseq list --shapes "$1" 2>/dev/null | grep -c '^[^ ]'
}
for f in "$TOP"/tests/golden/[!C]*.txt "$TOP"/examples/*/*.dmaseq; do
	[ "${f##*/}" = hostile-names.txt ] && continue # a system call of it has a name that is none
	dmaseq anonymize -q "$f" >a.dmaseq
	check "${f#"$TOP"/}: the same story" diff <(story "$f") <(story a.dmaseq)
done

# Mistakes.
usage anonymize "--keep: 'names' is none of processes, drivers, devices, buffers, functions, ids, time" \
	--keep drivers,names -o x.dmaseq secret.txt
usage anonymize 'missing operand: FILE'
expect 2 'dmaseq: nowhere.dmaseq: no such file' '' -- anonymize -o x.dmaseq nowhere.dmaseq
cp out.dmaseq same.dmaseq
expect 2 'dmaseq: same.dmaseq: is the input' '' -- anonymize -o same.dmaseq same.dmaseq
head -c 300 out.dmaseq >cut.dmaseq
expect 3 '*' '*' -- anonymize --strict -o x.dmaseq cut.dmaseq
summary
