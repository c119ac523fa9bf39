#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# report.sh [DIR]
#
# What it costs to read a recording, next to trace-cmd report, in instructions under callgrind: a
# guest of 6.12 on amd64 records the same SYNC pairs once with trace-cmd record -p function_graph
# and once with dmaseq record, fewer and more of them; the difference of the two is divided by that of
# the numbers of events. DIR keeps the files (a temporary one otherwise); with files in it no guest
# is started.
#
# Needs valgrind, and the presets static (for the guest) and release (here).
set -eu
cd "$(dirname "$0")/../.."
FEW=500
MANY=5000

dir=${1:-}
if [ -z "$dir" ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir"
command -v valgrind >/dev/null || {
	echo "report.sh: valgrind is missing. Try: apt install valgrind" >&2
	exit 1
}
[ -e "$dir/kept.$MANY.dat" ] ||
	tests/bench/run.sh --work sync:$FEW --work sync:$MANY --keep "$dir" files >"$dir/run.log"
cmake -S . -B "$dir/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DENABLE_RECORD=OFF -DENABLE_MAN=OFF \
	-DDQ_UNIT_TESTS=OFF >"$dir/build.log"
cmake --build "$dir/release" --target dmaseq >>"$dir/build.log"
dmaseq=$dir/release/src/cmd/dmaseq
trace_cmd=("$dir/tools/ld.so" --library-path "$dir/tools/lib" "$dir/tools/bin/trace-cmd")

# instructions COMMAND...
instructions()
{
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
		sed -n 's/.*Collected : //p'
}

# events N: of the file of N pairs: entries and returns for trace-cmd, calls for dmaseq
graph_events()
{
	"${trace_cmd[@]}" report -i "$dir/kept.$1.dat" 2>/dev/null | grep -c 'funcgraph_e'
}

calls()
{
	"$dmaseq" -q dump "$dir/kept.$1.dmaseq" | grep -c '^call'
}

# row NAME FEW MANY COMMAND...: %N% is the number of pairs
row()
{
	local name=$1 few=$2 many=$3 a b
	shift 3
	a=$(instructions "${@//%N%/$FEW}") b=$(instructions "${@//%N%/$MANY}")
	printf '%-24s %8d %12d\n' "$name" "$many" $(((b - a) / (many - few)))
}

export DMASEQ_HASH_SEED=1
printf '%-24s %8s %12s\n' '' events 'instr./event'
row 'trace-cmd report' "$(graph_events $FEW)" "$(graph_events $MANY)" \
	"${trace_cmd[@]}" report -i "$dir/kept.%N%.dat"
few=$(calls $FEW) many=$(calls $MANY)
for cmd in list check graph diagram dump 'export -f jsonl'; do
	# shellcheck disable=SC2086 # words
	row "dmaseq $cmd" "$few" "$many" "$dmaseq" -q $cmd "$dir/kept.%N%.dmaseq"
done
