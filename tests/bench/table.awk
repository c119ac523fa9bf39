# SPDX-License-Identifier: BSD-2-Clause
#
# What guest.sh says, as the table of run.sh. Instructions per operation: everything
# from the first to the last, and what the recorder still had to do afterwards.
function value(key)
{
	return match($0, " " key "=[0-9]+") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) + 0 : ""
}

function row(work, name,    k, each)
{
	k = work " " name
	if (k in why) {
		printf "  %-24s %s\n", name, why[k]
		return
	}
	each = total[k] - total[work " untraced"]
	printf "  %-24s %10.0f %10.0f %10s %10s %8s %8s\n", name, total[k], each,
		calls[work] && name != "untraced" ? sprintf("%.0f", each / calls[work]) : "-",
		has[k] ? sprintf("%.0f", recorder[k]) : "-",
		has[k] && bytes[k] ? sprintf("%.2f", bytes[k]) : "-", rss[k] ? rss[k] : "-"
	if (k in said)
		printf "  %-24s %s\n", "", said[k]
}

{
	k = $1 " " $2
	if (!($1 in seen)) {
		seen[$1] = 1
		works[++nworks] = $1
	}
	order[$1] = order[$1] " " $2
	ops = value("ops")
	if (!ops) {
		why[k] = "not possible: " substr($0, length(k) + 4)
		next
	}
	total[k] = (value("all") + value("later")) / ops
	recorder[k] = (value("recorder") + value("later")) / ops
	has[k] = recorder[k] > 0
	if (value("calls") > 1000) {
		bytes[k] = value("bytes") / value("calls")
		if (!calls[$1])
			calls[$1] = value("calls") / (ops + 64) # dqbench warms up with 64
	}
	rss[k] = value("rss")
	if (value("lines") != "")
		said[k] = value("lines") " lines written, " value("lost") " said to be lost"
}

END {
	for (i = 1; i <= nworks; i++) {
		w = works[i]
		printf "%s%s: %.1f recorded calls per operation\n", (i > 1 ? "\n" : ""), w, calls[w]
		printf "  %-24s %10s %10s %10s %10s %8s %8s\n", "", "per op", "tracing", "per call", "collector", "B/call", "KiB"
		n = split(order[w], names, " ")
		for (j = 1; j <= n; j++)
			row(w, names[j])
	}
}
