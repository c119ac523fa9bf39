# SPDX-License-Identifier: BSD-2-Clause
#
# The text form of a trace as lines "time of the task's first call, its number, number of
# entry, name, what was called", without numbers, times and identities, for a sort that
# brings each thread's calls into the order of their entry (sequence.sh).

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
	t = field("t") + 0
	seq[n] = field("seq")
	# which of several kworkers does something is chance: they are one
	if (comm[task] ~ /^kworker/) {
		comm[task] = "kworker"
		task = kworkers = kworkers ? kworkers : task
		seq[n] = field("t")
	}
	of[n] = task
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
		printf "%.9f\t%d\t%s\t%s\t%s\n", first[of[i]], of[i], seq[i], comm[of[i]], what[i]
}