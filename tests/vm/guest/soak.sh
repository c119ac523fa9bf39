#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# soak.sh SECONDS
#
# Rounds of recordings for SECONDS, at least two, while modules go and come back, processes are
# born and die, memory is short and a processor is taken away and given back. Every
# second recorder is killed with SIGKILL. After each, nothing of it may be left: no
# program, map, link or BTF, as bpftool tells them and as the kernel counts them, no
# probe and no function in ftrace. What has ended in order must be a sound trace.
#
# Left in /host/cases: rounds (one line a round), figures, last.dmaseq, log (what went wrong).

set -u
me=soak
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh
seconds=$1

up()
{
	read -r now _ </proc/uptime
	echo "${now%%.*}"
}

# Everything that a recorder leaves behind as long as it lives.
left()
{
	dqexec bpfleft
	for what in prog map link btf; do
		echo "bpftool: $(bpftool $what show 2>/dev/null | grep -c '^[0-9]*:') $what"
	done
	echo "$(grep -c . /sys/kernel/debug/kprobes/list) probes"
	echo "$(grep -c . /sys/kernel/tracing/enabled_functions) functions"
	echo "$(grep -c . /sys/kernel/tracing/kprobe_events) kprobe events"
}

as_before()
{
	left >$cases/left.after
	cmp -s $cases/left.before $cases/left.after
}

# ---- what goes on meanwhile, each until /tmp/stop is there ------------------------------

count()
{
	echo $(($(cat "/tmp/n.$1" 2>/dev/null || echo 0) + 1)) >"/tmp/n.$1"
}

# A story that fails is told: the recorder must not be felt. The exporters of these are
# not modules that go.
use_buffers()
{
	while [ ! -e /tmp/stop ]; do
		for story in sync buffers fds routes; do
			[ ! -e /tmp/stop ] || break
			dqload $story --exporter "$exporter" >/tmp/story.out 2>&1
			status=$?
			[ $status = 0 ] || [ $status = 77 ] ||
				echo "$story ended with $status: $(tail -n 1 /tmp/story.out)" >>$cases/log
			count stories
			sleep 1
		done
	done
}

# While register_kprobe() works on a module's function, that module cannot go (EAGAIN).
unload()
{
	tries=100
	until rmmod "$1" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			echo "rmmod $1 failed" >>$cases/log
			return
		}
		count busy
		sleep 0.1
	done
}

change_modules()
{
	while [ ! -e /tmp/stop ]; do
		dqload device-dma --exporter vivid --rounds 2 >/tmp/modules.out 2>&1 ||
			echo "device-dma: $(tail -n 1 /tmp/modules.out)" >>$cases/log
		for module in vivid videobuf2_dma_contig videobuf2_vmalloc; do
			unload $module
		done
		for module in videobuf2-vmalloc videobuf2-dma-contig; do
			insmod /modules/*-$module.ko || echo "insmod $module failed" >>$cases/log
		done
		insmod /modules/*-vivid.ko n_devs=1 node_types=0x1 allocators=1 ||
			echo "insmod vivid failed" >>$cases/log
		count modules
		sleep 3
	done
}

churn()
{
	while [ ! -e /tmp/stop ]; do
		for _ in 1 2 3 4 5; do
			(exec /bin/true) &
		done
		wait
		count processes
		sleep 1
	done
}

available()
{
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# Down to 60 MB, and free again: page cache and everything that can be reclaimed is.
press_memory()
{
	while [ ! -e /tmp/stop ]; do
		n=0
		while [ "$(available)" -gt 60000 ] && [ ! -e /tmp/stop ]; do
			dd if=/dev/zero of=/dev/shm/hog.$n bs=1M count=24 2>/dev/null
			n=$((n + 1))
		done
		sleep 1
		rm -f /dev/shm/hog.*
		count pressures
		sleep 4
	done
}

plug()
{
	cpu=/sys/devices/system/cpu/cpu1/online
	while [ ! -e /tmp/stop ]; do
		echo 0 >$cpu || echo "cpu1 did not go" >>$cases/log
		sleep 2
		echo 1 >$cpu || echo "cpu1 did not come back" >>$cases/log
		count unplugs
		sleep 3
	done
}

# Two processes each: what they are and their own copy of the counter.
disturb()
{
	rm -f /tmp/stop
	use_buffers &
	buffers=$!
	change_modules &
	modules=$!
	churn &
	churn=$!
	press_memory &
	memory=$!
	plug &
	plug=$!
}

calm()
{
	: >/tmp/stop
	wait $buffers $modules $churn $memory $plug
	rm -f /dev/shm/hog.*
}

# ---- the rounds ----------------------------------------------------------------------------

# Of a trace that ended in order.
look_at()
{
	dmaseq dump --validate "$1" >/tmp/validated 2>&1 || {
		echo "round $round: dump --validate: $(tail -n 3 /tmp/validated)" >>$cases/log
		cp "$1" $cases/bad.$round.dmaseq
	}
	dmaseq dump "$1" 2>/dev/null | sed -n 's/^end .* \(calls=.*\)/\1/p'
}

one_round()
{
	case $((round % 4)) in
	0) attach='' ;;
	1) attach='--attach kprobe' ;;
	2) attach='--attach fentry' ;;
	3) attach='--attach multi' ;;
	esac
	begin soak --force -o /tmp/soak.dmaseq
	armed soak
	stage "round $round: armed"
	disturb
	sleep 20
	stage "round $round: to be ended"
	if [ $((round / 4 % 2)) = $((round % 2)) ]; then
		how=SIGKILL
		stopped soak KILL
	else
		how=SIGINT
		stopped soak INT
	fi
	calm
	stage "round $round: calm"
	rm -f /tmp/soak.ready
	status=$(cat $cases/soak.status)
	case $how,$status in
	SIGINT,0 | SIGKILL,137) ;;
	*) echo "round $round: $how: status $status: $(tail -n 3 $cases/soak.err)" >>$cases/log ;;
	esac
	tries=60
	until as_before; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			echo "round $round: left behind after $how (- before, + after):" >>$cases/log
			diff $cases/left.before $cases/left.after >>$cases/log
			cp $cases/left.after $cases/left.before
			break
		}
		sleep 0.5
	done
	figures=
	[ $how = SIGKILL ] || figures=$(look_at /tmp/soak.dmaseq)
	echo "round $round, at $(up) s: ${attach:-no --attach}, $how, $(stat -c %s /tmp/soak.dmaseq) bytes, $figures" |
		tee -a $cases/rounds
}

exporter=udmabuf
[ -e /dev/udmabuf ] || exporter=vgem
left >$cases/left.before
cat $cases/left.before
end=$(($(up) + seconds))
round=0
while [ $round -lt 2 ] || [ "$(up)" -lt $end ]; do
	round=$((round + 1))
	one_round
done
cp /tmp/soak.dmaseq $cases/last.dmaseq
for what in stories modules busy processes pressures unplugs; do
	echo "$what $(cat /tmp/n.$what 2>/dev/null || echo 0)"
done | tee $cases/figures
cat $cases/log
[ ! -s $cases/log ]
