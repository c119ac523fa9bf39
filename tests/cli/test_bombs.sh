#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Small files that say that they are huge (make_bombs.py), and files that nest without end: each
# command ends, in the memory and the time that it is given, with a sentence that says what is
# wrong, and never for want of memory. What is sound and huge in that way, dmaseq does not write.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
plain_build
DMASEQ_CMD=("$PLAIN")
mkdir bombs
python3 "$LIB_DIR/make_bombs.py" bombs || exit 1

# bounded MB STATUS WANT ARG...: stderr has WANT; a minute of a processor
bounded()
{
	local mb=$1 want=$2 text=$3 got
	shift 3
	(
		ulimit -v $((mb * 1024)) -t 60
		exec "$PLAIN" "$@"
	) >stdout 2>stderr </dev/null
	got=$?
	{
		echo "status $got, expected $want; stderr, expected '$text':"
		cat stderr
		tail -n 3 stdout
	} >report
	if [ $got -eq "$want" ] && grep -qF -- "$text" stderr && ! grep -q 'ENOMEM\|memory' stderr; then
		pass
	else
		fail "$*" <report
	fi
}

for f in strings-count strings-first string-length rows rows-2-32 rows-one-more column-length kinds columns \
	kind-number sparse-run stored raw raw-16m inflates-64m inflates-too-little says-64m buffers-1m; do
	bounded 300 3 "$f.dmaseq: 1 damaged chunk left out" list --strict bombs/$f.dmaseq
	bounded 300 1 '' dump --validate bombs/$f.dmaseq
	check "$f: what is wrong" grep -qE '^chunk|^[0-9]+ problems$' stdout
done
bounded 300 3 '40 damaged chunks left out' list --strict bombs/zeros-40-times.dmaseq
bounded 500 3 '8 damaged chunks left out' list --strict bombs/strings-370m.dmaseq
for command in 'list --holders' graph export baseline; do
	# shellcheck disable=SC2086 # words
	bounded 300 0 'trace is cut off' $command bombs/calls-4m.dmaseq
done
bounded 300 1 'trace is cut off' check bombs/calls-4m.dmaseq
bounded 2500 0 'calls between' diagram bombs/calls-4m.dmaseq

# ---- nests without end ----
nested()
{
	awk -v n="$1" 'BEGIN {
		print "dmaseq-text 1"
		print "task id=1 tid=1 tgid=1 comm=\"a\""
		print "buf id=1 t=1 size=4096"
		for (i = n; i > 0; i--)
			printf "call dma_buf_get t=%d dur=%d depth=%d task=1 seq=%d buf=1\n", i, 2 * (n - i) + 1, i - 1, i
	}'
}
nested 20000 >nested.txt
for command in list check diagram 'diagram -f text --level ops' graph export baseline; do
	# shellcheck disable=SC2086
	bounded 1200 0 '' $command nested.txt
done

# ---- what is sound ----
awk 'BEGIN { print "dmaseq-text 1"; for (i = 1; i <= 300000; i++) printf "buf id=%d t=%d size=4096\n", i, i * 1000 }' >many.txt
bounded 300 0 '' dump -o many.dmaseq many.txt
bounded 300 0 '' dump many.dmaseq
check "300000 buffers come back" test "$(grep -c '^buf ' stdout)" = 300000
check "their chunks are not smaller than they" test "$(stat -c %s many.dmaseq)" -gt 300000
summary
