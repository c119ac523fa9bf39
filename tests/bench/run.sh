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
#			   sync:20000 import:2000 stream:300): see dqbench.c
#	--dmaseq FILE      a static dmaseq (default build/static/src/cmd/dmaseq)
#	--raw FILE         leaves what the guest said in FILE as well
#
# CASE: untraced, empty-RUNG (programs that do nothing), dmaseq, dmaseq-RUNG,
# dmaseq-filtered-RUNG (nothing passes the filter), function-graph, kprobe-events,
# trace-cmd, bpftrace; RUNG: fentry, multi, kprobe. All of them by default.
#
# Columns: what is executed per operation, with everything; beyond untraced per call
# of a kernel function that dmaseq records; of the first the part of the process that
# collects, and what it left for afterwards.

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

usage()
{
	sed -n '4,25s/^# \{0,1\}//p' $HERE/run.sh
	exit "$1"
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--work) works+=("$2"); shift 2 ;;
	--dmaseq) dmaseq=$2; shift 2 ;;
	--raw) raw=$2; shift 2 ;;
	-h|--help) usage 0 ;;
	-*) usage 2 ;;
	*) break ;;
	esac
done
[ ${#works[@]} -gt 0 ] || works=(sync:20000 import:2000 stream:300)
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
case " ${cases[*]} " in
*' trace-cmd '*|*' bpftrace '*) $HERE/tools.sh "$share/tools" ;;
esac

tests/vm/run.sh --icount --kernel "$kernel" --share "$share" --memory 2G --timeout 3000 \
	--file "$dmaseq:/bin/dmaseq" --file "$share/dqbench:/bin/dqbench" \
	--file "$share/dqempty:/bin/dqempty" -- $HERE/guest.sh "${works[@]}" -- "${cases[@]}"
grep -E "^($(IFS='|'; echo "${works[*]%%:*}")) " "$share/output.log" >"$share/raw"
[ -z "$raw" ] || cp "$share/raw" "$raw"
awk -f $HERE/table.awk "$share/raw"
