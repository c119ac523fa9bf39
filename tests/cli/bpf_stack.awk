# SPDX-License-Identifier: BSD-2-Clause
#
# bpf_stack.awk - how much stack the programs of a BPF object need, as the kernel's verifier counts:
# each frame is rounded up to 32 bytes, the frames of a chain of calls are added. Reads what
# `llvm-objdump -dr --no-show-raw-insn` says of the object, and prints a line for each program:
#
#	BYTES CALLS name(bytes) name(bytes) ...
#
# for the deepest of its chains, and how many frames the longest has. Counted is what the code could
# use; the verifier leaves out what a kernel's layout makes unreachable, so it finds as much or less.

function number(hex,	i, n)
{
	n = 0
	for (i = 1; i <= length(hex); i++)
		n = n * 16 + index("0123456789abcdef", tolower(substr(hex, i, 1))) - 1
	return n
}

function deep(n)
{
	if (n > frame[fn])
		frame[fn] = n
}

/^Disassembly of section / {
	text = $4 == ".text:"
	next
}

/^[0-9a-f]+ <.*>:$/ {
	name = substr($2, 2, length($2) - 3)
	if (name ~ /^LBB/)
		next
	fn = name
	frame[fn] = 1
	if (text)
		begins[number($1) / 8] = fn
	else
		program[++programs] = fn
	split("", on_stack)
	next
}

# The target of the call above: a symbol, or for static functions the section and a place in it.
/R_BPF_64_32/ {
	if (called != "")
		calls[fn] = calls[fn] " " ($NF == ".text" ? "@" (called + 1) : $NF)
	called = ""
	next
}

/^ +[0-9]+:\t/ {
	sub(/^ +[0-9]+:\t/, "")
	called = ""
	insn = $0
	while (match(insn, /\(r10 - [0-9]+\)/)) {
		deep(substr(insn, RSTART + 7, RLENGTH - 8) + 0)
		insn = substr(insn, RSTART + RLENGTH)
	}
	# what a helper is given: a copy of r10, moved
	reg = substr($0, 1, 2)
	if ($0 ~ /^r[0-9] = r10$/)
		on_stack[reg] = 1
	else if ($0 ~ /^r[0-9] \+= -[0-9]+$/ && on_stack[reg])
		deep(substr($0, 8) + 0)
	else if ($0 ~ /^r[0-9] = /)
		delete on_stack[reg]
	else if ($0 ~ /^call /)
		called = substr($0, 6) + 0
}

# The whole tree: functions that are known to be reached as deep as this are not looked at again.
function walk(f, sum, n, path,		i, k, callee, bytes)
{
	bytes = int((frame[f] + 31) / 32) * 32
	sum += bytes
	n++
	if (sum <= reached[top, f] && n <= nested[top, f])
		return
	if (sum > reached[top, f])
		reached[top, f] = sum
	if (n > nested[top, f])
		nested[top, f] = n
	path = path " " f "(" bytes ")"
	if (sum > most) {
		most = sum
		chain = path
	}
	if (n > longest)
		longest = n
	k = split(calls[f], callee, " ")
	for (i = 1; i <= k; i++)
		walk(callee[i] ~ /^@/ ? begins[substr(callee[i], 2)] : callee[i], sum, n, path)
}

END {
	for (p = 1; p <= programs; p++) {
		top = program[p]
		most = longest = 0
		walk(top, 0, 0, "")
		print most, longest chain
	}
}
