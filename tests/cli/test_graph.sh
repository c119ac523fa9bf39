#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dmaseq graph: what is chosen, where it goes, and that a graph of 300 buffers can be
# drawn. What graphs look like is in the golden ring.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

golden=$TOP/tests/golden
leak=$golden/leak.txt

usage graph "'x.jpg' ends in none of .dot, .gv, .svg, .png, .pdf" -o x.jpg "$leak"
usage graph "'x.svg' is no name for what -f dot makes" -f dot -o x.svg "$leak"
usage graph "--at reads the trace twice: it must be a file" --at 1s -
expect 2 "dmaseq: there is no buffer '7' in the trace; dmaseq list shows those that are" '' -- graph -b 7 "$leak"
expect 2 "dmaseq: no process 'nobody' uses a buffer in the trace; dmaseq list --holders, and a graph without \
--process, show those that do" '' -- graph --process nobody "$leak"
expect 2 "dmaseq: there are no buffers in the trace: nothing to draw" '' -- graph "$golden/no-buffers.txt"
expect 2 "dmaseq: no/x.dot: No such file or directory" '' -- graph -o no/x.dot "$leak"

# nodes ARG...: the ids of the cylinders
nodes()
{
	dmaseq graph "$@" | sed -n 's/^ *b[0-9]* \[label="\(#[0-9]*\).*cylinder.*/\1/p' | tr '\n' ' '
}
check "all buffers" test "$(nodes "$leak")" = "#1 #2 #3 "
check "a buffer" test "$(nodes -b '#2' "$leak")" = "#2 "
check "two buffers" test "$(nodes -b 3 -b 1 "$leak")" = "#1 #3 "
check "alive at a time" test "$(nodes --at 500ms "$leak")" = "#1 "
check "a process by pid" test "$(nodes --process 900 "$golden/before.txt")" = "#1 "
check "a process by name" test "$(nodes --process viewer "$golden/before.txt")" = "#1 "
check "a process and a buffer" test -z "$(nodes --process viewer -b 2 "$golden/before.txt")"

awk -f "$golden/many.awk" >many.txt
check "300 buffers in few nodes" test "$(nodes many.txt | tr -cd '#' | wc -c)" -gt 0
dmaseq graph many.txt >many.dot
awk -f "$golden/crowd.awk" >crowd.txt
dmaseq graph crowd.txt >crowd.dot
for t in many crowd; do
	check "$t: no more than 30" test "$(grep -c 'shape=cylinder' $t.dot)" -le 30
	check "$t: all of them" test "$(sed -n 's/.*label="[^"]*\\n\([0-9]*\) \(×\|buffers\).*shape=cylinder.*/\1/p; t; s/.*shape=cylinder.*/1/p' $t.dot | awk '{ n += $1 } END { print n }')" -eq 300
	# a page that can be looked at: width and height are its third and fourth word
	check "$t: not a tower" awk 'NR == 1 && $4 < 3 * $3 { ok = 1 } END { exit !ok }' <(dot -Tplain $t.dot)
	check "$t: says what was put together" grep -q 'one cylinder may stand for buffers of different sizes' $t.dot
done
check "troubles are not mixed" test "$(grep -c 'leak? no fd' crowd.dot)" -eq 3
check "each by itself" test "$(dmaseq graph --no-group many.txt | grep -c 'shape=cylinder')" -eq 300
check "through a pipe it is the same" cmp many.dot <(dmaseq graph - <many.txt)

if grep -q '^DQ_GVC_LIBRARY:.*=/' "$DQ_BINARY_DIR/CMakeCache.txt"; then
	for f in svg png pdf; do
		check "a $f" dmaseq graph -o "x.$f" many.txt
	done
	check "an SVG" grep -q '<svg' x.svg
	check "a PNG" test "$(head -c 4 x.png | tail -c 3)" = PNG
	check "a PDF" test "$(head -c 4 x.pdf)" = %PDF
	dmaseq graph -f svg many.txt >y.svg
	check "same trace, same bytes" cmp x.svg y.svg
	check "hostile names cannot leave their label" dmaseq graph -o h.svg "$golden/hostile-names.txt"
	check "SVG is well-formed" xmllint --noout h.svg x.svg
fi
summary
