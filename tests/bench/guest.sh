#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# guest.sh WORK:N... [-- CASE...]
#
# In the guest: each CASE (a way to trace) with each WORK of dqbench, N operations. CASE:WORK: with that
# one only.
# A line for each on stdout, for run.sh of this directory:
#
#	WORK:N CASE ops=... all=... recorder=... later=... [calls=... bytes=... rss=...]
#
# calls: in the trace; bytes: of the trace file; rss: memory of the recorder
# beyond the ring, KiB; late, mean: of dqlate; sleeps: how often the recorder waited meanwhile; lines,
# lost: of bpftrace's output. A case that is not possible
# here says so: WORK:N CASE - WHY. Needs dmaseq, dqbench and dqempty in /bin, and
# /host/tools for trace-cmd and bpftrace.

set -u

TRACEFS=/sys/kernel/tracing
# What the loops call, and dmaseq watches; those that this kernel has exactly once.
# shellcheck disable=SC2034 # functions() names them
FUNCTIONS_sync='dma_buf_ioctl dma_buf_begin_cpu_access dma_buf_end_cpu_access
begin_cpu_udmabuf end_cpu_udmabuf'
# shellcheck disable=SC2034
FUNCTIONS_trickle=$FUNCTIONS_sync
# shellcheck disable=SC2034
FUNCTIONS_import='dma_buf_get dma_buf_put dma_buf_attach dma_buf_dynamic_attach dma_buf_detach
dma_buf_map_attachment dma_buf_map_attachment_unlocked dma_buf_unmap_attachment
dma_buf_unmap_attachment_unlocked'
# shellcheck disable=SC2034
FUNCTIONS_stream='dma_buf_get dma_buf_put'

works=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	works="$works $1"
	shift
done
[ $# -eq 0 ] || shift

wait_until()
{
	tries=10000
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.01
	done
}

# For what takes long to start, as LLVM does: looking is not free either, where one processor counts.
wait_slowly()
{
	tries=600
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 1
	done
}

# functions WORK: the names of those that are there
functions()
{
	if [ -e "/tmp/functions.$1" ]; then # what is 180,000 lines to busybox's awk
		cat "/tmp/functions.$1"
		return
	fi
	eval "printf '%s\n' \$FUNCTIONS_$1" >/tmp/functions
	awk 'NR == FNR { want[$1] = 1; next }
		$2 ~ /^[tT]$/ && $3 in want { n[$3]++ }
		END { for (f in n) if (n[f] == 1) print f }' /tmp/functions /proc/kallsyms |
		sort | tee "/tmp/functions.$1"
}

# measure WORK N [RECORDER]
measure()
{
	dqbench "$@" 2>&1 | tail -n 1
}

untraced()
{
	measure "$1" "$2"
}

# empty RUNG WORK N
empty()
{
	# shellcheck disable=SC2046 # words
	dqempty "$1" $(functions "$2") -- dqbench "$2" "$3" 2>&1 | tail -n 1
}

# Memory of a process, less what it sees of the ring, KiB.
memory()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status" >/tmp/rss
	awk '/^[0-9a-f]+-[0-9a-f]+ / { ring = /bpf-map/ || /bpf_map/ } ring && /^Rss:/ { n += $2 }
		END { print n + 0 }' "/proc/$1/smaps" >/tmp/ringrss
	echo $(($(cat /tmp/rss) - $(cat /tmp/ringrss)))
}

# dmaseq WORK N ARG...
dmaseq_record()
{
	work=$1
	n=$2
	shift 2
	rm -f /tmp/ready /tmp/bench.dmaseq
	dmaseq record --ready-file /tmp/ready -o /tmp/bench.dmaseq "$@" 2>/tmp/err &
	recorder=$!
	if ! wait_until [ -e /tmp/ready ]; then
		echo "- $(tail -n 1 /tmp/err)"
		kill $recorder
		return
	fi
	line=$(measure "$work" "$n" dmaseq)
	rss=$(memory $recorder)
	kill -INT $recorder
	wait $recorder
	grep -q 'no losses' /tmp/err || line="- $(tail -n 1 /tmp/err)"
	calls=$(sed -n 's/.*dmaseq: \([0-9]*\) calls.*/\1/p' /tmp/err)
	echo "$line calls=${calls:-0} bytes=$(stat -c %s /tmp/bench.dmaseq) rss=$rss"
}

sleeps()
{
	sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"
}

# Into a pipe, read by dump as it comes: how late what has happened is seen.
live()
{
	rm -f /tmp/ready /tmp/live
	mkfifo /tmp/live
	dmaseq dump /tmp/live 2>/tmp/dumperr | dqlate >/tmp/late &
	reader=$!
	dmaseq record --ready-file /tmp/ready -f -o /tmp/live 2>/tmp/err &
	recorder=$!
	if ! wait_until [ -e /tmp/ready ]; then
		echo "- $(tail -n 1 /tmp/err)"
		kill $recorder
		return
	fi
	before=$(sleeps $recorder)
	line=$(measure "$1" "$2" dmaseq)
	after=$(sleeps $recorder)
	kill -INT $recorder
	wait $recorder
	wait $reader
	grep -q 'no losses' /tmp/err || line="- $(tail -n 1 /tmp/err)"
	calls=$(sed -n 's/.*dmaseq: \([0-9]*\) calls.*/\1/p' /tmp/err)
	echo "$line calls=${calls:-0} sleeps=$((after - before)) $(cat /tmp/late)"
}

function_graph()
{
	functions "$1" >$TRACEFS/set_graph_function
	functions "$1" >$TRACEFS/set_ftrace_filter
	echo 20000 >$TRACEFS/buffer_size_kb
	echo function_graph >$TRACEFS/current_tracer
	measure "$1" "$2"
	echo nop >$TRACEFS/current_tracer
	echo >$TRACEFS/set_graph_function
	echo >$TRACEFS/set_ftrace_filter
}

# An event with two arguments at each entry, one with the result at each return.
kprobe_events()
{
	for f in $(functions "$1"); do
		echo "p:bench/e_$f $f a0=\$arg1:x64 a1=\$arg2:x64" >>$TRACEFS/kprobe_events
		# of one that returns nothing it takes no result
		echo "r:bench/r_$f $f ret=\$retval:s64" >>$TRACEFS/kprobe_events 2>/dev/null ||
			echo "r:bench/r_$f $f" >>$TRACEFS/kprobe_events
	done
	echo 20000 >$TRACEFS/buffer_size_kb
	echo 1 >$TRACEFS/events/bench/enable
	measure "$1" "$2"
	echo 0 >$TRACEFS/events/bench/enable
	echo >$TRACEFS/kprobe_events
	echo >$TRACEFS/trace
}

# Tools of a distribution and their libraries: tools.sh of this directory.
tool()
{
	(become "$@")
}

# In a subshell: it becomes the tool, so that a signal to it reaches the tool. From memory: LLVM,
# page by page from the share, took bpftrace 95 seconds of the guest.
become()
{
	mkdir -p /lib64
	[ -e /tmp/tools ] || cp -r /host/tools /tmp/tools
	ln -sf /tmp/tools/ld.so /lib64/ld-linux-x86-64.so.2
	t=$1
	shift
	export LD_LIBRARY_PATH=/tmp/tools/lib
	exec /tmp/tools/bin/"$t" "$@"
}

# graph_record WORK N KB [CASE]: with so much memory for each processor
graph_record()
{
	filter=
	for f in $(functions "$1"); do
		filter="$filter -l $f"
	done
	# shellcheck disable=SC2086 # words
	tool trace-cmd record -o /tmp/trace.dat -b "$3" -p function_graph $filter \
		dqbench "$1" "$2" ${4:+"$4"} >/tmp/out 2>&1
}

# What it does after the load (its file is made of the parts of each processor) is not
# in it.
trace_cmd()
{
	graph_record "$1" "$2" 20000 trace-cmd
	grep '^ops=' /tmp/out || echo "- $(tail -n 1 /tmp/out)"
	rm -f /tmp/trace.dat*
}

# A file of each for the host to read: /host/kept.N.dat and .dmaseq.
files()
{
	graph_record "$1" "$2" 50000 || tail -n 1 /tmp/out
	cp /tmp/trace.dat "/host/kept.$2.dat"
	rm -f /tmp/trace.dat*
	dmaseq_record "$1" "$2"
	cp /tmp/bench.dmaseq "/host/kept.$2.dmaseq"
}

# The same fields as a call of dmaseq has, a line at each entry and return. To stdout, which it
# flushes at each line; a file of -o it does not, and nobody would see that it is ready.
bpftrace()
{
	script='BEGIN { printf("ready\n"); }'
	for f in $(functions "$1"); do
		script="$script kprobe:$f { printf(\"%llu %d %d %s $f %lx %lx %lx\\n\", nsecs, pid, tid, comm, arg0, arg1, arg2); }"
		script="$script kretprobe:$f { printf(\"%llu %d $f = %ld\\n\", nsecs, tid, retval); }"
	done
	rm -f /tmp/bt.out
	# or else it loses most of them
	export BPFTRACE_PERF_RB_PAGES=4096
	become bpftrace -e "$script" >/tmp/bt.out 2>/tmp/err &
	if ! wait_slowly grep -q ready /tmp/bt.out; then
		echo "- $(tail -n 1 /tmp/err)"
		kill $!
		return
	fi
	line=$(measure "$1" "$2" bpftrace)
	kill -INT $!
	wait $!
	echo "$line lines=$(wc -l </tmp/bt.out) lost=$(sed -n 's/^Lost \([0-9]*\) events.*/\1/p' /tmp/bt.out /tmp/err | awk '{ n += $1 } END { print n + 0 }')"
	rm -f /tmp/bt.out
}

run_case()
{
	case $3 in
	untraced) untraced "$1" "$2" ;;
	empty-*) empty "${3#empty-}" "$1" "$2" ;;
	live) live "$1" "$2" ;;
	files) files "$1" "$2" ;;
	dmaseq) dmaseq_record "$1" "$2" ;;
	dmaseq-filtered-*) dmaseq_record "$1" "$2" --attach "${3#dmaseq-filtered-}" -p 1 ;;
	dmaseq-*) dmaseq_record "$1" "$2" --attach "${3#dmaseq-}" ;;
	function-graph) function_graph "$1" "$2" ;;
	kprobe-events) kprobe_events "$1" "$2" ;;
	trace-cmd) trace_cmd "$1" "$2" ;;
	bpftrace) bpftrace "$1" "$2" ;;
	*) echo "- unknown" ;;
	esac
}

for work in $works; do
	for case in "$@"; do
		case $case in
		*:*)
			[ "${case#*:}" = "${work%%:*}" ] || continue
			case=${case%:*}
			;;
		esac
		printf '%s %s %s\n' "$work" "$case" "$(run_case "${work%%:*}" "${work#*:}" "$case")"
	done
done
