#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_losses.sh KERNEL
#
# Work at full speed (guest/losses.sh): with the default ring nothing is lost,
# with a small one, or a recorder that is stopped, what was recorded and what is
# said to be lost are together all that ftrace counted; and the loss is told by
# everything that reads the trace.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/losses-$kernel
rm -rf "$dir"

if ! guest "$kernel" "$dir" -- "$VM_DIR/guest/losses.sh"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1

# ended CASE STATUS: how the recorder and all of the work ended.
ended()
{
	local status
	[ "$(cat "$1.status")" = "$2" ] || bad "$1: record ended with $(cat "$1.status"), not $2: $(cat "$1.err")"
	for status in "$1".[0-9].status; do
		[ "$(cat "$status")" = 0 ] || bad "$1: the work ended with $(cat "$status"): $(cat "${status%.status}.out")"
	done
	dmaseq dump "$1.dmaseq" >"$1.txt" 2>"$1.said"
	dmaseq dump --validate "$1.dmaseq" >"$1.validated" 2>&1 || bad "$1: dump --validate: $(cat "$1.validated")"
}

# as_counted CASE: each probe fired as often as ftrace says that its function was
# called, lost or not. Callbacks: the only exporter of the work is udmabuf.
as_counted()
{
	awk -v name="$1" '
		NR == FNR { want[$1] = $2; next }
		/^hook / && match($0, / hits=[0-9]+/) { got[$2] = substr($0, RSTART + 6, RLENGTH - 6) }
		/^hook / { known[$2] = 1 }
		END {
			hook["begin_cpu_udmabuf"] = "ops->begin_cpu_access"
			hook["end_cpu_udmabuf"] = "ops->end_cpu_access"
			for (f in want) {
				h = f in hook ? hook[f] : f
				n += want[f]
				if (got[h] + 0 != want[f]) {
					print name ": " f ": " want[f] " counted by ftrace, " got[h] + 0 " by the probe"
					bad = 1
				}
			}
			if (n < 100) { print name ": hardly anything was counted"; bad = 1 }
			else print name ": " n " calls, as ftrace counted"
			exit bad
		}' "$1.hits" "$1.txt" || bad "$1: not what ftrace counted"
}

# items CASE: calls and contexts of all tasks; losses
items()
{
	awk '/^(call|sys|taskev) / { n++ }
		$1 == "loss" && $2 == "ring" && match($0, /count=[0-9]+/) { lost += substr($0, RSTART + 6, RLENGTH - 6) }
		$1 == "loss" && $2 != "ring" { other++ }
		END { print n + 0, lost + 0, other + 0 }' "$1.txt"
}

# of_pid CASE PID: the items of one dqload
of_pid()
{
	awk -v pid="$2" '
		function value(key)
		{
			return match($0, " " key "=[0-9]+") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : ""
		}
		$1 == "task" && value("tgid") == pid { mine[value("id")] = 1 }
		$1 ~ /^(call|sys|taskev)$/ && value("task") in mine { n++ }
		END { print n + 0 }' "$1.txt"
}

# accounted CASE PAIRS...: what is recorded and what is lost are together what
# so many pairs are.
accounted()
{
	local name=$1 want=0 pairs n lost other
	shift
	for pairs; do
		want=$((want + fixed + per_pair * pairs))
	done
	read -r n lost other < <(items "$name")
	say "$name: $n recorded, $lost lost, of $want"
	[ $((n + lost)) = $want ] || bad "$name: recorded and lost are $((n + lost)), not $want"
	[ "$lost" -gt 0 ] || bad "$name: nothing was lost, so nothing is proven"
	[ "$other" = 0 ] || bad "$name: losses of another source: $(grep '^loss ' "$name.txt" | grep -v '^loss ring ')"
	grep -q "^end .* lost=$lost\$" "$name.txt" || bad "$name: the end of the trace says something else"
	told "$name" "$lost"
}

# told CASE LOST: by everybody
told()
{
	local name=$1 lost=$2
	grep -q ": $lost events were lost" "$name.err" || bad "$name: record did not say so: $(cat "$name.err")"
	grep -q ": $lost events lost" "$name.said" || bad "$name: dump did not say so: $(cat "$name.said")"
	dmaseq list "$name.dmaseq" 2>/dev/null | grep -q "; $lost events lost" || bad "$name: list does not say so"
	dmaseq diagram "$name.dmaseq" 2>/dev/null | grep -q "$lost events lost" || bad "$name: the chart does not say so"
	dmaseq dump --strict "$name.dmaseq" >/dev/null 2>&1
	[ $? = 3 ] || bad "$name: dump --strict does not mind"
	# each with its processor and the time
	grep '^loss ' "$name.txt" | grep -v ' cpu=[01] count=[0-9]* from=[0-9.]* to=[0-9.]*$' &&
		bad "$name: a loss without a place"
}

ended measure 0
as_counted measure
{ read -r a; read -r b; } <measure.pids
a=$(of_pid measure "$a")
b=$(of_pid measure "$b")
per_pair=$(((b - a) / 200))
fixed=$((a - 100 * per_pair))
say "measure: a pair is $per_pair records, all else $fixed"
{ [ $per_pair -ge 4 ] && [ $((a + b)) = "$(items measure | cut -d' ' -f1)" ]; } ||
	bad "measure: dqload sync is $a and $b records"

ended large 0
as_counted large
read -r n lost other < <(items large)
[ "$lost$other" = 00 ] || bad "large: $lost events were lost, and $other others"
grep -q ', no losses, ' large.err || bad "large: record says something else: $(cat large.err)"
dmaseq dump --strict large.dmaseq >/dev/null || bad "large: dump --strict minds"
say "large: $n recorded, nothing lost"

ended small 3
as_counted small
# shellcheck disable=SC2046 # words
accounted small $(sed -n 's/.* pairs=\([0-9]*\).*/\1/p' small.[0-9].out)

ended stopped 0
as_counted stopped
# shellcheck disable=SC2046 # words
accounted stopped $(sed -n 's/.* pairs=\([0-9]*\).*/\1/p' stopped.[0-9].out)
# What came after the stop is there without a gap.
last=$(of_pid stopped "$(tail -n 1 stopped.pids)")
[ "$last" = $((fixed + 100 * per_pair)) ] || bad "stopped: of the work after it $last records are there"
finish
