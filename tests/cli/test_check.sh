#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dmaseq check: statuses, selection of rules, suppressions, and that what is meant for programs is
# what it says it is. What the rules find is tests/golden/check.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
C=$TOP/tests/golden/check
cp "$C/detach-while-mapped.bad.txt" bad.txt
cp "$C/detach-while-mapped.good.txt" good.txt
cp "$C/fence-wait.bad.txt" slow.txt

# rules ARG...: the rules that are found, and the status
rules()
{
	local status
	dmaseq check "$@" >.out/text 2>.out/err
	status=$?
	echo "$(sed -n 's/^#[0-9].*\[\(.*\)\]$/\1/p' .out/text | paste -sd ' ') $status"
}

is()
{
	[ "$1" = "$2" ] || { echo "got '$1', expected '$2'"; return 1; }
}

# ---- status ----
check "a finding" is "$(rules bad.txt)" "detach-while-mapped 1"
check "none" is "$(rules good.txt)" " 0"
check "a hint is no failure" is "$(rules slow.txt)" "fence-wait 0"
check "--fail-on=hint" is "$(rules --fail-on=hint slow.txt)" "fence-wait 1"
check "--fail-on=error" is "$(rules --fail-on=error --rules detach-while-mapped=warning bad.txt)" "detach-while-mapped 0"
check "--fail-on=never" is "$(rules --fail-on never bad.txt)" "detach-while-mapped 0"
check "standard input" is "$(rules - <bad.txt)" "detach-while-mapped 1"
grep -v '^end' good.txt >cut.txt
check "incomplete" is "$(rules cut.txt)" " 0"
check "incomplete --strict" is "$(rules --strict cut.txt)" " 3"
grep -v '^end' bad.txt >cutbad.txt
check "found in an incomplete one" is "$(rules --strict cutbad.txt)" "detach-while-mapped 1"
expect 2 'dmaseq: none.txt: no such file' '' -- check none.txt
usage check "missing operand: FILE"
usage check "there is no rule 'x' (--explain=all lists them)" --explain x
usage check "--rules: 'x' is no rule, class or severity (--explain=all lists them)" --rules all,x good.txt
usage check "--rules: 'all=x' is no rule, class or severity (--explain=all lists them)" --rules all=x good.txt

# ---- rules ----
check "all off" is "$(rules --rules all=off bad.txt)" " 0"
check "one on" is "$(rules --rules all=off,detach-while-mapped bad.txt)" "detach-while-mapped 1"
check "a class" is "$(rules --rules all=off --rules driver bad.txt)" "detach-while-mapped 1"
check "another class" is "$(rules --rules all=off,application bad.txt)" " 0"
check "one that is off" is "$(rules "$C/map-bidirectional.bad.txt")" " 0"
check "the same, on" is "$(rules --rules map-bidirectional --fail-on note "$C/map-bidirectional.bad.txt")" "map-bidirectional 1"
n=$(dmaseq check --explain=all | wc -l)
while read -r rule severity class _; do
	dmaseq check --explain="$rule" >.out/rule
	check "$rule: explained" grep -q "^$rule: ." .out/rule
	check "$rule: severity" grep -Eq "^severity: $severity( |$)" .out/rule
	check "$rule: class" grep -q "^class: $class " .out/rule
	check "$rule: source" grep -q "^source: ." .out/rule
done < <(dmaseq check --explain=all)
check "there are rules" test "$n" -gt 40

# ---- what losses do ----
awk '/^call dma_buf_detach/ { print "loss source=\"ring\" count=3 from=100.000010s to=100.000020s" } { print }' bad.txt >lost.txt
check "lost calls" is "$(rules lost.txt)" " 0"
check "they are said" grep -q '^undecided for 1 buffer, all rules: events were lost while it lived$' .out/text
awk '/^call dma_buf_detach/ { print "loss source=\"ring\" hook=dma_fence_wait count=3 from=100.000010s to=100.000020s" } { print }' bad.txt >fences.txt
check "lost waits do not matter" is "$(rules fences.txt)" "detach-while-mapped 1"
awk '/^end/ { print "loss source=\"ring\" count=3 from=100.000010s to=100.000020s" } { print }' bad.txt >late.txt
check "losses that are told late" is "$(rules late.txt)" " 0"
awk '/^end/ { print "hook dma_buf_unmap_attachment id=13 symbol=\"x\" state=\"attached\" missed=1" } { print }' bad.txt >missed.txt
check "missed calls" is "$(rules missed.txt)" " 0"
sed 's/^buf 1 /buf 1 flags=PREEXISTING /; s/^call dma_buf_export.*//' "$C/unmap-without-map.bad.txt" |
	sed 's/^att 1 /att 1 flags=PREEXISTING /; s/^call dma_buf_attach .*//' >before.txt
check "from before" is "$(rules before.txt)" " 0"
check "it is said" grep -q 'unmap-without-map: 1 time it began before the recording' .out/text
sed 's/^ops 1 t=100.000000000s/ops 1 t=101s/' "$C/callback-unpaired.bad.txt" >dark.txt
check "callbacks that were not recorded" is "$(rules dark.txt)" " 0"
check "it is said, too" grep -q 'callback-unpaired: 1 time callbacks were not recorded' .out/text
sed '/^call dma_buf_release\|^call ops->release\|^call dma_buf_file_release/d' "$C/sync-start-without-end.bad.txt" >open.txt
check "the recording ended" is "$(rules open.txt)" " 0"
check "and that" grep -q 'sync-start-without-end: 1 time the recording ended first' .out/text

# ---- as recorders see it ----
# the kernel's own code of what a signal interrupts, which no program sees
sed '/^call/s/ret=-EINTR/ret=-ERESTARTSYS/' "$C/sync-interrupted.bad.txt" >restart.txt
check "a START that is to be restarted" is "$(rules restart.txt)" "sync-interrupted 1"
# under the address of a freed attachment there is a new one, that nobody attached
awk '/^call dma_buf_detach/ && ++n == 2 {
	print "att 2 buf=1 t=100.000031600s flags=PREEXISTING dev=\"vivid.0\" driver=\"vivid\" bus=\"platform\""
	sub(/att=1/, "att=2")
} { print }' "$C/use-after-detach.bad.txt" >freed.txt
check "a freed attachment" is "$(rules freed.txt)" "use-after-detach 1"
# where the kernel stops with a BUG the call does not return
sed '/seq=1[12] /s/ buf=1/ state=OPEN buf=1/; /seq=1[3-9] /d; /^sys.*sys=3 /d' "$C/vunmap-without-vmap.bad.txt" >stopped.txt
check "a call that never returned" is "$(rules --rules all=off,kernel stopped.txt)" "vunmap-without-vmap 1"
check "it is said so" grep -q 'dma_buf_vunmap_unlocked(), which never returned' .out/text

# ---- suppressions ----
cat >known.txt <<'END'
# for a test
detach-while-mapped device=vivid.* process="c?m" : we know
map-again : never seen
END
check "suppressed" is "$(rules --suppress known.txt bad.txt)" " 0"
check "counted" grep -q '^0 findings, 1 suppressed in' .out/text
check "unused" is "$(cat .out/err)" "dmaseq: known.txt: line 3 suppresses nothing (map-again)"
echo 'detach-while-mapped device=other : no' >other.txt
check "another device" is "$(rules --suppress other.txt bad.txt)" "detach-while-mapped 1"
sup()
{
	printf '%s\n' "$1" >wrong.txt
	expect 2 "dmaseq: wrong.txt: line 1: $2" '' -- check --suppress wrong.txt bad.txt
}
sup 'detach-while-mapped' "the reason is missing (': REASON' at the end)"
sup 'detach-while-mapped :' "the reason is missing (': REASON' at the end)"
sup 'nothing : why' 'there is no such rule (dmaseq check --explain=all lists them)'
sup 'map-again foo=bar : why' "expected buffer=, exporter=, device=, driver=, process=, caller= or ': REASON'"
sup 'map-again process="x : why' 'a quote is not closed'
expect 2 'dmaseq: no.txt: cannot open: ENOENT' '' -- check --suppress no.txt bad.txt

# ---- in charts ----
usage diagram "--finding says which buffer: -b does not go with it" --finding 1 -b 1 bad.txt
usage diagram "--finding and --no-findings contradict each other" --finding 1 --no-findings bad.txt
for opt in finding page max-arrows width; do
	usage diagram "invalid value '0' for '--$opt': use a number from 1 on" --$opt 0 bad.txt
done
expect 2 "dmaseq: there is no finding 2: dmaseq check finds 1" '' -- diagram --finding 2 bad.txt
expect 2 "dmaseq: finding 1 is about no buffer that could be drawn; dmaseq check tells it" '' -- \
	diagram --finding 1 "$C/export-failed.bad.txt"
for f in msc text plantuml mermaid; do
	dmaseq diagram -f $f bad.txt >chart.$f
	check "$f: at the arrow" grep -q 'detach-while-mapped' chart.$f
	dmaseq diagram -f $f --no-findings bad.txt >chart.$f
	check "$f: not wanted" test "$(grep -c 'detach-while-mapped' chart.$f)" = 0
done
dmaseq -q diagram -b 3 "$TOP/tests/golden/leak.txt" >other.msc
check "what the first of its kind shows" grep -q 'endnote: .*reference-unexplained: here, too, and in the chart of buffer 2' other.msc
check "a loop of what is slow stays one" test \
	"$(dmaseq diagram -f text "$C/attach-per-frame.bad.txt" | grep -c '\[ loop ')" = 1

# ---- for programs ----
cp "$TOP/tests/golden/hostile-names.txt" hostile.txt
if command -v python3 >/dev/null; then
	for t in bad good slow lost hostile; do
		for f in json sarif; do
			dmaseq -q check -f $f --suppress known.txt $t.txt >$t.$f 2>/dev/null
			check "$t: $f" python3 "$LIB_DIR/check_formats.py" $f $t.$f
		done
		dmaseq -q check -f junit --suppress known.txt $t.txt >$t.junit 2>/dev/null
		check "$t: junit" python3 "$LIB_DIR/check_formats.py" junit $t.junit
	done
fi
# the same trace, the same bytes
dmaseq -q check "$C/descriptors-grow.bad.txt" >once
dmaseq -q check "$C/descriptors-grow.bad.txt" >twice
check "twice the same" cmp once twice
summary
