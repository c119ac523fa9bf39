#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dmaseq diff and dmaseq baseline: statuses, formats, rules, updates, and what they say about
# files that are none. What diff finds is tests/diff.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

golden=$TOP/tests/golden
cp "$golden/recorded-device-dma.txt" good.txt
# buffer 3 is not attached any more, and the device is another one for buffer 5
sed -e '/ops->vmap .* buf=3$/d' "$golden/recorded-device-dma.txt" >bad.txt

# status DIFFERENT ARGS...
status()
{
	local want=$1 got
	shift
	dmaseq "$@" >.out/o 2>.out/e
	got=$?
	if [ "$got" = "$want" ]; then pass; else fail "status of dmaseq $*: $got and not $want" <.out/e; fi
}

status 0 diff good.txt good.txt
status 1 diff good.txt bad.txt
check "one step is missing" grep -q '^ 1 of 10 buffers differs: 1 removed; ' .out/o
check "of which buffer" grep -q '^ system -> vivid, 2.1 MB, by dqload  1 buffer  | 1 removed  877dc9df => ' .out/o
check "which one" grep -q '^-   ops->vmap$' .out/o
status 2 diff good.txt nothing.txt
status 2 diff good.txt /dev/null
status 2 diff - -
status 0 diff --counts exact good.txt good.txt
status 0 diff --full good.txt good.txt

# a trace that is not complete
status 0 diff "$golden/losses-open.txt" "$golden/losses-open.txt"
status 3 diff --strict "$golden/losses-open.txt" "$golden/losses-open.txt"
status 3 diff --strict "$golden/losses-open.txt" good.txt

# baselines on either side, also through a pipe
status 0 baseline good.txt -o good.baseline
status 0 diff good.baseline good.txt
status 1 diff good.baseline bad.txt
status 1 diff bad.txt good.baseline
ok '*' -- diff good.baseline good.baseline
dmaseq diff - good.txt <good.baseline >/dev/null 2>.out/e && pass || fail "a baseline from a pipe" <.out/e
dmaseq diff good.baseline - <good.txt >/dev/null 2>.out/e && pass || fail "a recording from a pipe" <.out/e
check "reading and writing gives the same" cmp good.baseline <(dmaseq baseline good.baseline)
status 3 baseline --strict "$golden/losses-open.txt" -o never
check "with --strict nothing is written" test ! -e never

# comments and counts survive an update, new shapes come behind
sed -e '1a # about all of it' -e 's/^shape /# the camera\n&/' -e 's/^  thread /  # who\n&/' \
	-e 's/repeat 3-4/repeat 3-5/' good.baseline >old.baseline
cp old.baseline new.baseline
status 0 baseline --update new.baseline good.txt
check "what did not change stays as it is" cmp old.baseline new.baseline
status 0 baseline --update new.baseline bad.txt
for line in '# about all of it' '# the camera' '  # who'; do
	check "'$line' stays" test "$(grep -cx "$line" new.baseline)" = 1
done
check "the other shape is there" test "$(grep -c '^shape ' new.baseline)" = 2
status 0 diff new.baseline bad.txt
status 2 baseline --update good.txt bad.txt
check "a recording is not overwritten" cmp good.txt "$golden/recorded-device-dma.txt"

# rules
cat >rules <<-'END'
	# known
	removed ops->vmap -- the driver keeps it mapped
	added   *         -- never used
END
status 0 diff --ignore rules good.txt bad.txt
check "the reason is shown" grep -q 'ignored: the driver keeps it mapped' .out/o
check "the unused rule is, too" grep -q '^ignore rule of line 3 was not used$' .out/o
echo 'removed ops->vmap' >rules
expect 2 "dmaseq: rules: line 1: no reason; a rule is VERDICT PATTERN -- REASON" '' -- \
	diff --ignore rules good.txt bad.txt
echo 'gone ops->vmap -- so' >rules
status 2 diff --ignore rules good.txt bad.txt

# what check finds, and who holds what at the end, on each side
cp "$golden/udmabuf-sync.txt" sync.txt
sed '/^call dma_buf_ioctl .*sync="\?END/d' sync.txt >forgets.txt
status 1 diff sync.txt forgets.txt
check "a finding came" grep -q '^+ warning sync-start-without-end: exporter udmabuf, process dqload$' .out/o
check "one went" grep -q '^- warning sync-end-without-start: ' .out/o
dmaseq baseline sync.txt -o sync.baseline
status 1 diff sync.baseline forgets.txt
check "a baseline has findings, too" grep -q '^+ warning sync-start-without-end: ' .out/o
sed -e 's/^  warning /  # the next version\n&/' -e 's/^findings$/# of check\n&/' sync.baseline >commented.baseline
cp commented.baseline new.baseline
status 0 baseline --update new.baseline sync.txt
check "comments at findings stay" cmp commented.baseline new.baseline
status 0 baseline --update new.baseline forgets.txt
check "also when the finding is gone" grep -qx '  # the next version' new.baseline
sed '/^findings$/,/^$/d' sync.baseline >old.baseline
status 0 diff old.baseline sync.txt
check "or it has not, and that is said" grep -q '^Findings are not compared: BASE has none recorded.$' .out/o
printf '%s\n' 'gained warning* -- known' 'lost * -- fixed' 'any * -- the rest' >rules
status 0 diff --ignore rules sync.txt forgets.txt
status 1 diff good.txt "$golden/leak.txt"
check "who holds what" grep -q '^+ descriptor of cam: 0 => 1 buffers$' .out/o

# durations
usage diff '--timing needs a percentage, like 20%' --timing fast good.txt bad.txt
expect 0 'dmaseq: durations are not compared: a baseline has none' '*' -- diff --timing 20% good.baseline good.txt

# for programs
echo 'removed ops->vmap -- known' >known
status 1 diff -f json good.txt bad.txt
if command -v python3 >/dev/null; then
	check "JSON is JSON" python3 -c 'import json, sys; d = json.load(sys.stdin)
assert d["schema"] == "dmaseq-diff 1" and d["differs"] and d["differences"]["removed"] == 1' <.out/o
	for new in good.txt bad.txt good.baseline "$golden/leak.txt" "$golden/hostile-names.txt" "$golden/losses-open.txt"; do
		dmaseq diff -q -f json --timing 20% --ignore known good.txt "$new" >.out/o 2>/dev/null
		check "JSON of $new is as documented" python3 "$TOP/tests/diff/schema.py" "$TOP/docs/diff.schema.json" .out/o
	done
	status 1 diff -f junit good.txt bad.txt
	check "JUnit is XML" python3 -c 'import sys, xml.etree.ElementTree as e
t = e.parse(sys.stdin).getroot(); assert (t.get("tests"), t.get("failures")) == ("3", "1")' <.out/o
	status 1 diff -f junit good.txt "$golden/hostile-names.txt"
	check "... also with hostile names" python3 -c 'import sys, xml.etree.ElementTree as e
e.parse(sys.stdin)' <.out/o
fi
# the chart of both sides, by the real renderer
if command -v msc-gen >/dev/null; then
	mkdir home
	for new in bad.txt "$golden/hostile-names.txt" "$golden/udmabuf-sync.txt" "$golden/leak.txt" good.txt; do
		dmaseq diff -q -f msc good.txt "$new" >chart.signalling
		HOME=$PWD/home MSC_GEN_RC=$PWD/home msc-gen -q --nopaths --nocopyright -S signalling -T lmap \
			-o map chart.signalling 2>said
		check "msc-gen has nothing to say about the chart of $new" test ! -s said -a -s map
	done
	for new in bad.txt "$golden/hostile-names.txt" "$golden/leak.txt" good.txt; do
		dmaseq diff -q -f msc --side-by-side good.txt "$new" >chart.signalling
		HOME=$PWD/home MSC_GEN_RC=$PWD/home msc-gen -q --nopaths --nocopyright -S signalling -T lmap \
			-o map chart.signalling 2>said
		check "nor about that of $new side by side" test ! -e said -o ! -s said -a -s map
	done
	status 1 diff good.txt bad.txt -o diff.svg
	check "a picture" grep -q '<svg' diff.svg
fi
status 1 diff good.txt bad.txt -o diff.signalling
check "a source" grep -q 'ops->vmap \[removed\]' diff.signalling
status 1 diff good.txt bad.txt --side-by-side -f msc
check "BASE at the left, nothing at the right" grep -q '^{ acore->aexp1: ops->vmap \[removed\]; comment: .* } {  };$' .out/o
usage diff '--side-by-side is for charts: -f msc, or -o x.svg' --side-by-side good.txt bad.txt
usage diff "'x.png' is a picture; -f msc makes those" -f json -o x.png good.txt bad.txt

status 1 diff --color=always good.txt bad.txt
check "colour when it is asked for" grep -q $'\033' .out/o

# once here, a loop there, and one step more: in both directions
printf 'dmaseq-baseline 1\nshape x\n  buffers 1\n  exporter y\n  size 1\n  thread z\n' >once
cp once loop
printf '    a\n    b\n' >>once
printf '    repeat 5\n      a\n      b\n    c\n' >>loop
status 1 diff once loop
check "a loop for once" grep -q '^~ repeat 1 => 5$' .out/o
status 1 diff loop once
check "once for a loop" grep -q '^~ repeat 5 => 1$' .out/o

# what is no baseline
bad_baseline()
{
	printf 'dmaseq-baseline 1\n%b' "$2" >broken
	expect 2 "dmaseq: broken: $1" '' -- diff broken good.txt
}
bad_baseline "line 2: stands before the first 'shape'" '  thread x\n'
bad_baseline "line 2: 'shap x' is neither 'shape' nor 'kernel' nor 'findings'" 'shap x\n'
bad_baseline "line 4: is indented too far" 'shape x\n  thread x\n      a\n'
bad_baseline "line 3: is indented by 3 blanks; two are a level" 'shape x\n   thread x\n'
bad_baseline "line 3: 'threat x' is nothing that a shape has" 'shape x\n  threat x\n'
bad_baseline "line 4: 'repeat x' does not say how often" 'shape x\n  thread x\n    repeat x\n'
bad_baseline "line 4: has bytes that are no text" 'shape x\n  thread x\n    a\033\n'
bad_baseline "line 3: stands before any thread" 'shape x\n    a\n'
bad_baseline "line 3: 'fatal x' is no finding" 'findings\n  fatal x\n'
echo 'dmaseq-baseline 2' >broken
expect 2 "dmaseq: broken: line 1: this dmaseq reads 'dmaseq-baseline 1' only" '' -- diff broken good.txt

summary
