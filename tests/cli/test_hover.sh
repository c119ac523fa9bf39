#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The SVG of dmaseq diagram in a real browser: its text is found, what stands under the
# mouse is the right arrow with its details, and no name of a trace becomes more than
# text.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

for tool in msc-gen chromium xmllint; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing (see tests/packages)"
	exit 77
done
golden=$TOP/tests/golden

# what a page with the SVG in it says of it, a line each
cat >check.js <<'JS'
const said = [];
const steps = [...document.querySelectorAll('g.step')];
said.push('steps ' + steps.length);
const ids = steps.map(g => g.id);
said.push('ids ' + (new Set(ids).size === ids.length ? 'differ' : 'are the same'));
let wrong = 0;
for (const g of steps) {
	g.scrollIntoView({ block: 'center', inline: 'center' });
	const r = g.querySelector('rect').getBoundingClientRect();
	const under = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
	wrong += !under || under.closest('g.step') !== g;
}
said.push('not under the mouse ' + wrong);
said.push('found ' + (window.find('dma_buf_attach') && getSelection().toString()));
said.push('scripts ' + document.querySelectorAll('svg script, svg foreignObject, svg image').length);
let handlers = 0, links = 0;
for (const e of document.querySelectorAll('svg *'))
	for (const a of e.attributes) {
		handlers += a.name.startsWith('on');
		links += a.name.endsWith('href') && !a.value.startsWith('#');
	}
said.push('handlers ' + handlers, 'links out ' + links);
const attach = steps.find(g => g.querySelector('text').textContent.startsWith('dma_buf_attach'));
said.push(...attach.querySelector('title').textContent.split('\n').map(s => 'title ' + s));
const pre = document.createElement('pre');
pre.id = 'said';
pre.textContent = '\n' + said.join('\n') + '\n';
document.body.append(pre);
JS

# browse NAME TRACE: the SVG of the trace and what the browser says, in NAME.svg and NAME.said
browse()
{
	dmaseq -q diagram -o "$1.svg" "$2" || return
	{
		echo '<!doctype html><html><head><meta charset="utf-8"></head><body>'
		sed '1{/^<?xml/d}' "$1.svg"
		echo '<script src="check.js"></script></body></html>'
	} >"$1.html"
	HOME=$T timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$T/profile" \
		--window-size=1600,1200 --dump-dom "file://$PWD/$1.html" 2>browser.err |
		sed -n '/<pre id="said">/,/<\/pre>/p' | sed '1s/.*<pre id="said">//; s/<\/pre>.*//' |
		sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' | grep . >"$1.said"
	[ -s "$1.said" ] || cat browser.err
}

# with a stack, which a recording has with --stacks
sed -e 's/^call dma_buf_attach .* seq=4 .*/& stack=1/' -e '/^task 1 /i stack 1 frames="<b>dma_buf_attach</b>\\ndrm_gem_prime_import_dev [drm]"' \
	"$golden/failing-import.txt" >stack.txt
browse failing-import stack.txt
check "well-formed" xmllint --noout failing-import.svg
check "what the browser says" diff failing-import.said - <<'SAID'
steps 30
ids differ
not under the mouse 0
found dma_buf_attach
scripts 0
handlers 0
links out 0
title dma_buf_attach(0000:00:02.0)
title at 0.013107750 s
title thread dqload (640) of dqload (640)
title call dma_buf_attach t=100.013107750 dur=6750 task=1 seq=4 sys=2 buf=1 att=1 caller="drm_gem_prime_import_dev [drm]" stack=1
title <b>dma_buf_attach</b>
title drm_gem_prime_import_dev [drm]
title sys ioctl t=100.013105500 end=100.013163500 task=1 sys=2 nr=16 fd=4 dev=3 a0=0x4 a1=0xc00c642e ret=-ENODEV
SAID

# an index and an overview lead to their pages
mkdir "a&b"
dmaseq -q diagram --max-arrows 20 -o 'a&b/index #1.svg' "$golden/heap-stream.txt"
check "the index leads to its pages" diff <(grep -o '<a class="page" href="[^"]*"' 'a&b/index #1.svg') - <<'SAID'
<a class="page" href="./index%20%231-1.svg"
<a class="page" href="./index%20%231-2.svg"
<a class="page" href="./index%20%231-3.svg"
SAID
check "which are there" test -s 'a&b/index #1-3.svg'
check "and lead to none" test "$(grep -c 'class="page"' 'a&b/index #1-3.svg')" = 0
check "well-formed index" xmllint --noout 'a&b/index #1.svg'
dmaseq -q diagram --overview -o over.svg "$TOP/examples/6.12-amd64/failing-import.dmaseq"
check "the overview leads to its pages" test "$(grep -c '<a class="page" href="./over-[1-4].svg"' over.svg)" = 4
check "its arrows have details" test "$(grep -c "<g class=\"step\"" over.svg)" = 28
check "well-formed overview" xmllint --noout over.svg

# clicked: a step's own address marks it, and a box of an index leads to its page
cat >click.js <<'JS'
const said = [];
const wait = n => new Promise(done => setTimeout(done, n));
async function inside(frame, name) {
	frame.src = name;
	await new Promise(done => frame.onload = done);
	return frame.contentDocument;
}
(async () => {
	const frame = document.querySelector('iframe');
	let svg = await inside(frame, 'failing-import.svg');
	const step = svg.getElementById('step-20'), rect = step.querySelector('rect');
	const before = frame.contentWindow.getComputedStyle(rect).fill;
	step.querySelector('a').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, view: frame.contentWindow }));
	while (frame.contentWindow.location.hash === '')
		await wait(10);
	said.push('address ' + frame.contentWindow.location.hash);
	said.push('target ' + svg.querySelector(':target').id);
	said.push('marked ' + before + ' ' + frame.contentWindow.getComputedStyle(rect).fill);
	svg = await inside(frame, 'a&b/index #1.svg'.split('/').map(encodeURIComponent).join('/'));
	const links = svg.querySelectorAll('a.page');
	said.push('links ' + links.length);
	const loaded = new Promise(done => frame.onload = done);
	links[1].dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, view: frame.contentWindow }));
	await loaded;
	svg = frame.contentDocument;
	said.push('at ' + decodeURIComponent(frame.contentWindow.location.pathname.split('/').pop()));
	said.push('steps ' + (svg.querySelectorAll('g.step').length > 0));
	said.push('page ' + [...svg.querySelectorAll('text')].some(t => t.textContent.includes('page 2 of 3')));
	const pre = document.createElement('pre');
	pre.id = 'said';
	pre.textContent = '\n' + said.join('\n') + '\n';
	document.body.append(pre);
})();
JS
echo '<!doctype html><html><body><iframe width="1500" height="500"></iframe><script src="click.js"></script></body></html>' >click.html
HOME=$T timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$T/profile" \
	--allow-file-access-from-files --virtual-time-budget=60000 --window-size=1600,1200 --dump-dom "file://$PWD/click.html" 2>browser.err |
	sed -n '/<pre id="said">/,/<\/pre>/p' | sed '1s/.*<pre id="said">//; s/<\/pre>.*//' | grep . >click.said
check "what a click does" diff click.said - <<'SAID'
address #step-20
target step-20
marked rgba(0, 0, 0, 0) rgb(255, 193, 7)
links 3
at index #1-2.svg
steps true
page true
SAID

browse hostile-names "$golden/hostile-names.txt"
check "names are text" diff <(head -n 7 hostile-names.said) - <<'SAID'
steps 18
ids differ
not under the mouse 0
found dma_buf_attach
scripts 0
handlers 0
links out 0
SAID
cp "$TOP/tests/golden/check/detach-while-mapped.bad.txt" found.txt
dmaseq -q diagram found.txt -o found.svg
check "a finding is in the details" grep -q 'finding #1, error: detach-while-mapped: detached with one mapping left' found.svg
check "a name is whole" grep -Fq 'title dma_buf_attach({};#")' hostile-names.said
check "well-formed with hostile names" xmllint --noout hostile-names.svg

# What is higher than a PNG can be: a sentence and no file. Other formats have room, and so have pages.
awk 'BEGIN {
	print "dmaseq-text 1\ntask 1 tid=1 tgid=1 comm=\"app\" process=\"app\""
	print "ops 1 t=0s exporter=\"system\" module=\"vmlinux\" has=vmap armed=vmap"
	print "buf 1 flags=PREEXISTING t=0s ino=1 size=4096 exp_name=\"system\" ops=1"
	for (i = 1; i <= 420; i++)
		printf "call dma_buf_%s t=0.%06ds dur=10 task=1 seq=%d buf=1 caller=\"f [m]\"\n", i % 2 ? "vmap" : "vunmap", 20 * i, i
	print "end t=1s calls=420"
}' >long.txt
long="-q diagram --no-fold --max-arrows 5000"
# shellcheck disable=SC2086 # words
dmaseq $long -o x.png long.txt >out 2>err
check "a PNG that would be too high: status" test $? -eq 2
check "what is said" grep -qxE "dmaseq: the chart is too large for a PNG, it would be [0-9]+ x [0-9]{5} pixels: at most \
32767 each way are possible; take .svg or .pdf, or a smaller --max-arrows and so more pages" err
check "and no file" test ! -e x.png
# shellcheck disable=SC2086
check "as SVG" dmaseq $long -o x.svg long.txt
check "all of it" test "$(grep -c '<g class="step"' x.svg)" -eq 630
# shellcheck disable=SC2086
check "as text" dmaseq $long -o x.txt long.txt
check "all of that" test "$(grep -c 'vmap\|vunmap' x.txt)" -gt 420
check "pages fit" dmaseq -q diagram --no-fold --page 1 -o x.png long.txt
check "and are pictures" test -s x.png
summary
