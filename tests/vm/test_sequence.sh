#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_sequence.sh KERNEL
#
# What the kernel does in the shortest form of each story is expected/sequence.KERNEL:
# each thread's calls in the order of their entry, nested, with errors and
# exporters but without numbers, times and identities.  Read next to another
# kernel's it says what is different there.  UPDATE_GOLDEN=1 writes it anew; then
# it wants an eye.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/$kernel
want=$VM_DIR/expected/sequence.$kernel.txt

[ "$(cat "$dir/sequence.status")" = 0 ] || { bad "record ended with: $(cat "$dir/sequence.err")"; finish; }
dmaseq dump --strict "$dir/sequence.dmaseq" >"$dir/sequence.txt" || bad "the trace is not complete"

# Lines "time of the task's first call, its name, number of entry, text", which are
# then sorted; the first three go.
awk '
function field(name,  v) {
	if (!match($0, " " name "=(\"[^\"]*\"|[^ ]*)")) return ""
	v = substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2)
	gsub(/"/, "", v)
	return v
}
/^task / {
	id = field("id")
	comm[id] = field("comm")
	sub(/\/[0-9u].*/, "", comm[id])
}
/^snap / && !begin { begin = field("t") + 0 }
# A table that was armed while it was used: which of its callbacks came too early is chance.
/^ops / && field("t") + 0 > begin { late[field("id")] = 1 }
/^buf / {
	exporter[field("id")] = field("exp_name")
	table[field("id")] = field("ops")
}
/^call ops->/ && table[field("buf")] in late { next }
/^call / {
	task = field("task")
	n++
	of[n] = task
	seq[n] = field("seq")
	t = field("t") + 0
	if (!(task in first) || t < first[task]) first[task] = t
	text = ""
	for (i = field("depth") + 0; i > 0; i--) text = text "  "
	text = text $2
	if ($2 ~ /^ops->/) text = text " of " exporter[field("buf")]
	if (field("cmd") != "") text = text " " field("cmd")
	if (field("cmd") ~ /_SYNC/) text = text " " field("sync")
	if (field("ret") ~ /^-/) text = text " = " field("ret")
	if (field("state") != "") text = text " " field("state")
	what[n] = text
}
END {
	for (i = 1; i <= n; i++)
		printf "%.9f\t%d\t%d\t%s\t%s\n", first[of[i]], of[i], seq[i], comm[of[i]], what[i]
}' "$dir/sequence.txt" | sort -t "$(printf '\t')" -k1,1n -k2,2n -k3,3n |
	awk -F '\t' '$2 != last { print (NR > 1 ? "\n" : "") $4 ":" } { last = $2; print "  " $5 }' >"$dir/sequence.got"
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$dir/sequence.got" "$want"
diff -u "$want" "$dir/sequence.got" || bad "the sequence of $kernel (- expected, + got)"
finish
