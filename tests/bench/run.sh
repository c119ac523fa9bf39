#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [options] [CASE...]
#
# What tracing DMA-BUFs costs, as a table: instructions for an operation, measured in
# a guest whose clock counts them (tests/vm/run.sh --icount), all cases in one run. The
# numbers are the same on every machine, to a percent.
#
#	--kernel NAME      of tests/vm/kernels.list, an amd64 one (default 6.12-amd64)
#	--work WORK:N      what is measured, N times (repeatable; default
#			   sync:5000 import:500 stream:60): see dqbench.c
#	--dmaseq FILE      a static dmaseq (default build/static/src/cmd/dmaseq)
#	--raw FILE         leaves what the guest said in FILE as well
#	--markdown         the table as in docs/cost.md
#	--keep DIR         leaves the files of the case `files` there
#
# CASE: untraced, empty-RUNG (programs that do nothing), dmaseq, dmaseq-RUNG,
# dmaseq-filtered-RUNG (nothing passes the filter), function-graph, kprobe-events,
# trace-cmd, bpftrace; RUNG: fentry, multi, kprobe. All of these by default. And live: into a
# pipe, how late dmaseq dump shows it; and files: a recording of dmaseq and one of trace-cmd, to be
# read on the host (report.sh). CASE:WORK is of that WORK only: untraced:sync dmaseq:sync.
#
# Columns: what is executed per operation, with everything; of that while the operations
# run, and what the recorder left for afterwards; beyond untraced per call of a kernel
# function that dmaseq records; of the first the part of the process that collects; bytes of
# the trace file per call; memory of the recorder beyond the ring.

set -eu
cd "$(dirname "$0")/../.."
HERE=tests/bench
ALL_CASES='untraced empty-fentry empty-multi empty-kprobe dmaseq-fentry dmaseq-multi
	dmaseq-kprobe dmaseq dmaseq-filtered-fentry dmaseq-filtered-multi
	dmaseq-filtered-kprobe function-graph kprobe-events trace-cmd bpftrace'

kernel=6.12-amd64
works=()
dmaseq=build/static/src/cmd/dmaseq
raw=
keep=
md=

usage()
{
	sed -n '4,30s/^# \{0,1\}//p' $HERE/run.sh
	exit "$1"
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--work) works+=("$2"); shift 2 ;;
	--dmaseq) dmaseq=$2; shift 2 ;;
	--raw) raw=$2; shift 2 ;;
	--keep) keep=$2; shift 2 ;;
	--markdown) md=1; shift ;;
	-h|--help) usage 0 ;;
	-*) usage 2 ;;
	*) break ;;
	esac
done
[ ${#works[@]} -gt 0 ] || works=(sync:5000 import:500 stream:60)
# shellcheck disable=SC2206 # words
cases=(${@:-$ALL_CASES})
[ -x "$dmaseq" ] || {
	echo "run.sh: no $dmaseq. Try: cmake --preset static && cmake --build --preset static" >&2
	exit 1
}

share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
cc=${CC_AMD64:-x86_64-linux-gnu-gcc}
flags=(-std=gnu11 -Wall -Wextra -Werror -O2 -static)
"$cc" "${flags[@]}" -o "$share/dqbench" $HERE/dqbench.c tests/vm/workloads/{abi,account}.c
"$cc" "${flags[@]}" -o "$share/dqempty" $HERE/dqempty.c -lbpf -lelf -lz
"$cc" "${flags[@]}" -o "$share/dqlate" $HERE/dqlate.c
case " ${cases[*]} " in
*' trace-cmd'*|*' bpftrace'*|*' files'*) $HERE/tools.sh "$share/tools" ;;
esac

tests/vm/run.sh --icount --kernel "$kernel" --share "$share" --memory 2G --timeout 7200 \
	--file "$dmaseq:/bin/dmaseq" --file "$share/dqbench:/bin/dqbench" \
	--file "$share/dqempty:/bin/dqempty" --file "$share/dqlate:/bin/dqlate" -- $HERE/guest.sh "${works[@]}" -- "${cases[@]}"
grep -E "^($(IFS='|'; echo "${works[*]}")) " "$share/output.log" >"$share/raw"
[ -z "$raw" ] || cp "$share/raw" "$raw"
[ -z "$keep" ] || mv "$share"/kept.* "$share/tools" "$keep/"
awk -v md="$md" -f $HERE/table.awk "$share/raw"
