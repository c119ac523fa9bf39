# SPDX-License-Identifier: BSD-2-Clause
#
# What guest.sh says, as the table of run.sh, with -v md=1 as that of docs/cost.md. Instructions per operation: everything
# from the first to the last, and what the recorder still had to do afterwards.
function value(key)
{
	return match($0, " " key "=[0-9]+") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) + 0 : ""
}

# 12345 -> 12,345; what is no number is nothing.
function commas(x,    s)
{
	if (x !~ /^-?[0-9]+$/)
		return x == "-" ? "" : x
	for (; match(x, /[0-9][0-9][0-9][0-9]+$/) && length(x) > 3; x = substr(x, 1, length(x) - 3))
		s = "," substr(x, length(x) - 2) s
	return x s
}

# A line of the table: eight cells.
function line(a, b, c, d, e, f, g, h)
{
	if (md)
		printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", a, commas(b), commas(c), commas(d),
			commas(e), commas(f), commas(g), commas(h)
	else
		printf "  %-24s %10s %10s %10s %10s %10s %8s %8s\n", a, b, c, d, e, f, g, h
}

function row(work, name,    k, each)
{
	k = work " " name
	if (k in why) {
		printf "  %-24s %s\n", name, why[k]
		return
	}
	each = total[k] - total[work " untraced"]
	line(name, sprintf("%.0f", total[k]), sprintf("%.0f", load[k]),
		later[k] ? sprintf("%.0f", later[k]) : "-",
		calls[work] && name != "untraced" ? sprintf("%.0f", each / calls[work]) : "-",
		has[k] ? sprintf("%.0f", recorder[k]) : "-",
		has[k] && bytes[k] ? sprintf("%.2f", bytes[k]) : "-", rss[k] ? rss[k] : "-")
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
	load[k] = value("all") / ops
	later[k] = value("later") / ops
	total[k] = load[k] + later[k]
	recorder[k] = (value("recorder") + value("later")) / ops
	has[k] = recorder[k] > 0
	if (value("calls") > ops / 2) { # not filtered
		bytes[k] = value("bytes") / value("calls")
		if (!calls[$1])
			calls[$1] = value("calls") / (ops + 64) # dqbench warms up with 64
	}
	rss[k] = value("rss")
	if (value("late") != "")
		said[k] = "seen after " value("late") " ms at most, " value("mean") " in the mean; the recorder slept " value("sleeps") " times"
	else if (value("lines") != "")
		said[k] = value("lines") " lines written, " value("lost") " said to be lost"
}

END {
	for (i = 1; i <= nworks; i++) {
		w = works[i]
		split(w, wn, ":")
		printf "%s%s, %d operations, %.1f recorded calls in each\n", (i > 1 ? "\n" : ""), wn[1], wn[2], calls[w]
		if (md)
			print ""
		line("", "per op", "in load", "afterwards", "per call", "collector", "B/call", "KiB")
		if (md)
			print "|---|---|---|---|---|---|---|---|"
		n = split(order[w], names, " ")
		for (j = 1; j <= n; j++)
			row(w, names[j])
	}
}
