#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# ftrace-count.sh setup [FUNCTION...]     make the probes (the default list too)
# ftrace-count.sh start                   empty the buffer, begin
# ftrace-count.sh stop OUT                end, write OUT
# ftrace-count.sh remove                  take the probes away
# ftrace-count.sh run OUT [--] COMMAND... all of it around COMMAND
#
# An independent witness of what the kernel did with DMA-BUFs, for use inside
# a guest: ftrace's own probes on entry and return of each function, in an
# instance of their own with a buffer of their own.  It knows nothing of
# dmaseq, so the two can be compared.  OUT is lines of words:
#
#	# kernel 6.12.95+deb12-amd64 functions 61 events 412
#	COUNT dma_buf_export 1 1              function, entries, returns
#	EV 0 71 dqload E dma_buf_export 0xff...          number, tid, comm, entry, first argument
#	EV 1 71 dqload R dma_buf_export 0xff... 41       ... return, value, value as int;
#	                                      both "-" where the kernel knows it is void
#
# in the order in which they happened on all processors (the trace clock is a
# counter).  A function that this kernel has not, or has twice, is left out.
# fd_install and the close hook (filp_flush, else filp_close) see every file;
# what is not a DMA-BUF's is left out, and the close hook is called fd_close.
# The return value of a void function is "-" or noise.
#
# Exit status: 1 and a sentence when the witness is not complete (buffer
# overrun, return missed): a count that may be wrong is never printed.

set -eu

NAME=${FTRACE_COUNT_NAME:-dqcount}
TRACEFS=/sys/kernel/tracing
INSTANCE=$TRACEFS/instances/$NAME
# Per processor, in KiB: 16 MiB is more than 100,000 events.
BUFFER=${FTRACE_COUNT_KB:-16384}

# The API, the file operations, and what the wrappers call.
FUNCTIONS='dma_buf_export dma_buf_fd dma_buf_fd_install dma_buf_get dma_buf_put
dma_buf_attach dma_buf_dynamic_attach dma_buf_detach dma_buf_pin dma_buf_unpin
dma_buf_map_attachment dma_buf_map_attachment_unlocked
dma_buf_unmap_attachment dma_buf_unmap_attachment_unlocked
dma_buf_begin_cpu_access dma_buf_end_cpu_access dma_buf_mmap dma_buf_mmap_internal
dma_buf_vmap dma_buf_vunmap dma_buf_vmap_unlocked dma_buf_vunmap_unlocked
dma_buf_move_notify dma_buf_invalidate_mappings dma_buf_ioctl dma_buf_poll
dma_buf_poll_cb dma_buf_file_release dma_buf_release'

# The exporters' callbacks, by the shape of their names.
CALLBACKS='^(system|cma)_heap_(attach|detach|map_dma_buf|unmap_dma_buf|dma_buf_begin_cpu_access|dma_buf_end_cpu_access|mmap|vmap|vunmap|dma_buf_release)$
^(map|unmap|release|begin_cpu|end_cpu|mmap|vmap|vunmap)_udmabuf$
^drm_gem_(map_attach|map_detach|map_dma_buf|unmap_dma_buf|dmabuf_release|dmabuf_mmap|dmabuf_vmap|dmabuf_vunmap)$
^virtgpu_gem_(map_dma_buf|unmap_dma_buf|device_attach)$
^vb2_(dc|vmalloc|dma_sg)_dmabuf_ops_(attach|detach|map|unmap|begin_cpu_access|end_cpu_access|mmap|vmap|vunmap|release)$'

die()
{
	echo "ftrace-count.sh: $*" >&2
	exit 1
}

# The functions of the list that this kernel has exactly once, one a line.
present()
{
	# shellcheck disable=SC2086 # words
	printf '%s\n' $FUNCTIONS "$@" >"/tmp/$NAME.want"
	printf '%s\n' "$CALLBACKS" >"/tmp/$NAME.callbacks"
	awk '$2 ~ /^[tT]$/ { print $3 }' /proc/kallsyms >"/tmp/$NAME.text"
	{
		grep -Fx -f "/tmp/$NAME.want" "/tmp/$NAME.text"
		grep -E -f "/tmp/$NAME.callbacks" "/tmp/$NAME.text"
	} | sort | uniq -c | awk '$1 == 1 { print $2 }'
}

probe_add()
{
	(echo "$1" >>"$TRACEFS/kprobe_events") 2>/dev/null
}

# arg N: how ftrace names an argument; arm has no $argN
arg()
{
	case $(uname -m) in
	arm*) echo "%r$(($1 - 1))" ;;
	*) echo "\$arg$1" ;;
	esac
}

# llseek N: fetches f_op->llseek of the file that is argument N: data have no
# names in every kernel, functions have.  Where it is, is tried with /dev/null:
#	f_op	+40 (5.10 to 6.1), +16 (6.12), +8 (7.2); of 32 bits +20 (6.1), +12 (6.12)
#	llseek	+8, +16 since there are fop_flags (6.10); of 32 bits +4, +8
llseek()
{
	echo "f=+$place($(arg "$1"))):symbol"
}

# Once in a guest's life: it does not move.
learn_llseek()
{
	learnt=/tmp/ftrace-count.place
	if [ -e $learnt ]; then
		place=$(cat $learnt)
		return
	fi
	for place in '8(+40' '16(+16' '16(+8' '4(+20' '8(+12'; do
		try=$NAME/try_$(echo "$place" | tr -cd 0-9)
		echo >"$TRACEFS/trace"
		probe_add "p:$try fd_install $(llseek 2)" || continue
		echo 1 >"$TRACEFS/events/$try/enable"
		: </dev/null
		echo 0 >"$TRACEFS/events/$try/enable"
		# before the probe goes: what it left in the buffer may go with it
		! grep -q "null_lseek+0x0/" "$TRACEFS/trace" || echo "$place" >$learnt
		probe_add "-:$try" || die "the probe of a try does not go away."
		[ ! -e $learnt ] || return 0
	done
	die "the place of f_op->llseek in struct file is not among those that are known."
}

setup()
{
	[ -e "$TRACEFS/kprobe_events" ] || die "this kernel has no kprobe events."
	[ ! -e "$INSTANCE" ] || die "$INSTANCE exists already."
	present "$@" >"/tmp/$NAME.functions"
	# filp_close calls filp_flush where that exists; both would count twice.
	if grep -qx filp_flush "/tmp/$NAME.text"; then
		CLOSE=filp_flush
	else
		CLOSE=filp_close
	fi
	first=$(arg 1)
	learn_llseek
	{
		while read -r f; do
			echo "p:$NAME/e_$f $f a=$first:x64"
			# Enough instances for threads that sleep in one.
			echo "r64:$NAME/r_$f $f ret=\$retval:x64 i=\$retval:s32"
		done <"/tmp/$NAME.functions"
		echo "p:$NAME/e_fd_install fd_install a=$first:x64 $(llseek 2)"
		echo "p:$NAME/e_fd_close $CLOSE a=$first:x64 $(llseek 1)"
	} >"/tmp/$NAME.probes"
	while read -r probe; do
		# A kernel with BTF (6.6) refuses the value of a void function.
		probe_add "$probe" || probe_add "${probe%% ret=*}" ||
			die "the kernel does not take the probe '$probe'."
	done <"/tmp/$NAME.probes"
	mkdir "$INSTANCE"
	echo 0 >"$INSTANCE/tracing_on"
	# The order over all processors is what is wanted, not the time.
	echo counter >"$INSTANCE/trace_clock"
	echo "$BUFFER" >"$INSTANCE/buffer_size_kb"
	# Full means that later events are dropped and counted.
	echo 0 >"$INSTANCE/options/overwrite"
	echo 1 >"$INSTANCE/events/$NAME/enable"
}

# Missed returns so far.
missed()
{
	awk '$1 ~ /^[er]_/ { m += $3 } END { print m + 0 }' \
		"$TRACEFS/kprobe_profile"
}

start()
{
	[ -e "$INSTANCE" ] || die "setup comes first."
	echo >"$INSTANCE/trace"
	missed >"/tmp/$NAME.missed"
	echo 1 >"$INSTANCE/tracing_on"
}

stop()
{
	echo 0 >"$INSTANCE/tracing_on"
	lost=$(cat "$INSTANCE"/per_cpu/cpu*/stats |
		awk '/^(overrun|commit overrun|dropped events):/ { n += $NF } END { print n + 0 }')
	[ "$lost" = 0 ] || die "the trace buffer overran: $lost events lost."
	[ "$(missed)" = "$(cat "/tmp/$NAME.missed")" ] ||
		die "the kernel missed $(($(missed) - $(cat "/tmp/$NAME.missed"))) probes."
	# "  comm-tid  [cpu] flags  clock: e_function: (place) fields"; a comm may
	# hold blanks, so it is found backwards from the bracket.
	awk -v kernel="$(uname -r)" -v n="$(wc -l <"/tmp/$NAME.functions")" '
		/^#/ { next }
		{
			if (!match($0, /: [er]_[A-Za-z0-9_]+: \(/)) next
			what = substr($0, RSTART + 2, RLENGTH - 5)
			kind = substr(what, 1, 1)
			f = substr(what, 3)
			if ((f == "fd_install" || f == "fd_close") && $0 !~ /dma_buf_llseek\+0x0/)
				next
			match($0, / +\[[0-9]+\] /)
			task = substr($0, 1, RSTART - 1)
			sub(/^ +/, "", task)
			match(task, /-[0-9]+$/)
			tid = substr(task, RSTART + 1)
			comm = substr(task, 1, RSTART - 1)
			gsub(/ /, "_", comm)
			value = num = "-"
			for (i = NF; i > 1; i--) {
				if ($i ~ /^a=/ || $i ~ /^ret=/) { value = $i; sub(/^[a-z]+=/, "", value) }
				if ($i ~ /^i=/) num = substr($i, 3)
			}
			if (!(f in known)) { known[f] = 1; order[++m] = f }
			if (kind == "e") {
				entries[f]++
				ev[events++] = tid " " comm " E " f " " value
			} else {
				returns[f]++
				ev[events++] = tid " " comm " R " f " " value " " num
			}
		}
		END {
			print "# kernel", kernel, "functions", n, "events", events + 0
			for (i = 1; i <= m; i++)
				print "COUNT", order[i], entries[order[i]] + 0, returns[order[i]] + 0
			for (i = 0; i < events; i++)
				print "EV", i, ev[i]
		}' "$INSTANCE/trace" >"$1"
}

remove()
{
	[ ! -e "$INSTANCE" ] || {
		echo 0 >"$INSTANCE/events/$NAME/enable"
		rmdir "$INSTANCE"
	}
	while read -r probe; do
		probe=${probe%% *}
		echo "-:${probe#*:}" >>"$TRACEFS/kprobe_events" || :
	done <"/tmp/$NAME.probes"
	rm -f "/tmp/$NAME".*
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
setup) setup "$@" ;;
start) start ;;
stop)
	[ $# -eq 1 ] || die "stop needs a file."
	stop "$1"
	;;
remove) remove ;;
run)
	[ $# -ge 2 ] || die "run needs a file and a command."
	out=$1
	shift
	[ "$1" != -- ] || shift
	setup
	start
	status=0
	"$@" || status=$?
	stop "$out"
	remove
	exit "$status"
	;;
*) die "usage: ftrace-count.sh setup|start|stop OUT|remove|run OUT COMMAND..." ;;
esac
