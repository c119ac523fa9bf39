#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_counts.sh KERNEL
#
# Holds every recording that test_record.sh made to what ftrace saw meanwhile,
# call by call (compare.c says what agreement is), and to the rules of the
# format. A story that this kernel cannot run is in expected/skipped.txt, and what
# it called until it knew that is compared too.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
compare=$BUILD/tests/vm/compare

# rungs WANT DIR: each hook that is attached must be on the rung that was asked
# for, and by default the recording on those that doctor says.  Callbacks are
# kprobes, where fentry is taken some of them not, and some hooks tracepoints.
rungs()
{
	awk -v want="$1" -v said="$(sed -n 's/^ok  recording *//p' "$RESULTS/$kernel/doctor.out")" '
		BEGIN { n = split(said, words, "+"); for (i = 1; i <= n; i++) doctor[words[i]] = 1; n = 0 }
		/^hook / && match($0, /rung="[a-z]+"/) {
			rung = substr($0, RSTART + 6, RLENGTH - 7)
			if (rung == "tracepoint") next
			if ($2 ~ /ops->/) ok = rung == "kprobe" || (rung == "fentry" && want ~ /^(default|fentry)$/)
			else ok = want == "default" || rung == want
			if (!ok) { print $2 " is on " rung; n++ }
			seen[rung] = 1
		}
		END {
			if (want == "default") {
				for (rung in doctor) if (!(rung in seen)) { print "no hook is on " rung; n++ }
				for (rung in seen) if (!(rung in doctor)) { print "doctor says no " rung; n++ }
			}
			exit n > 0
		}' "$2/trace.txt" || bad "${2##*/}: not all hooks are on the rung $1"
}

# recording RUNG STORIES
recording()
{
	local rung=$1 stories=$2 dir=$RESULTS/$kernel/$1.${2//,/+} story n=0 args=() ledger strict
	local began=$failed words

	if [ "$(cat "$dir/record.status" 2>/dev/null)" != 0 ]; then
		bad "$rung: $stories: record ended with $(cat "$dir/record.status" 2>/dev/null || echo nothing): $(cat "$dir/record.err")"
		return
	fi
	for story in ${stories//,/ }; do
		n=$((n + 1))
		ran "$kernel" "$rung: $story" "$story" "$dir/$n-$story.status" "$dir/$n-$story.err" || return
		ledger=$dir/$n-$story.out
		[ "$(cat "$dir/$n-$story.status")" = 0 ] || ledger=-
		args+=("$story" "$dir/$n-$story.witness" "$ledger")
	done
	# a loss that the kernel counts itself is put against what is missing by compare
	dmaseq dump --strict "$dir/trace.dmaseq" >"$dir/trace.txt"
	strict=$?
	if [ $strict != 0 ] && ! { [ $strict = 3 ] && grep -q '^loss recursion ' "$dir/trace.txt"; }; then
		bad "$rung: $stories: dump finds the trace incomplete"
		return
	fi
	"$compare" "$dir/trace.txt" "${args[@]}" >"$dir/compared" 2>&1 || bad "$rung: $stories: not what ftrace saw"
	sed "s/^/$rung: /" "$dir/compared"
	dmaseq dump --validate "$dir/trace.dmaseq" >"$dir/validated" 2>&1 || {
		bad "$rung: $stories: dump --validate:"
		cat "$dir/validated"
	}
	# programs do wrong in the story of errors only, drivers and the kernel in none
	words=()
	[[ ,$stories, != *,errors,* ]] || words=(--rules application=off)
	dmaseq check "${words[@]}" "$dir/trace.dmaseq" >"$dir/checked" 2>&1 || {
		bad "$rung: $stories: check:"
		cat "$dir/checked"
	}
	rungs "$rung" "$dir"
	if [ $failed -eq $began ]; then
		good=$((good + 1))
	fi
}

good=0
[ -s "$RESULTS/$kernel/plan" ] || { bad "there are no recordings of $kernel"; finish; }
while IFS=: read -r rung stories; do
	recording "$rung" "$stories"
done <"$RESULTS/$kernel/plan"
awk -v good=$good '/ entries, / {
		for (i = 1; i < NF; i++) {
			if ($(i + 1) == "entries,") e += $i
			if ($(i + 1) == "returns,") r += $i
		}
		n++
	}
	END { printf "%d of %d recordings good; %d entries and %d returns compared\n", good, n, e, r }
' "$RESULTS/$kernel"/*/compared
finish
