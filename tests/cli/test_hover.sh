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
check "a name is whole" grep -Fq 'title dma_buf_attach({};#")' hostile-names.said
check "well-formed with hostile names" xmllint --noout hostile-names.svg
summary
