#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dmaseq export: every line is JSON, nothing hostile gets through, and it says what the
# trace says.
. "$(dirname "$0")/lib.sh"
golden=$TOP/tests/golden

cat >small.txt <<'EOF'
dmaseq-text 1
buf 1 t=1.000000005 size=4096 exp_name="sys\"tem\x1b[31m\xff\xe2\x80\xae"
call dma_buf_map_attachment t=2s dur=10 task=1 buf=1 dir=BIDIRECTIONAL ret=-ENOMEM
call hook:99 t=2s a0=0xffffffffffffffff
clock mono=1s real=1700000000s
EOF
ok '{"kind":"dmaseq-jsonl","version":1}
{"kind":"buf","id":1,"t":1000000005,"size":4096,"exp_name":"sys\"tem\u001b[31m\ufffd\u202e"}
{"kind":"call","hook":"dma_buf_map_attachment","t":2000000000,"dur":10,"task":1,"buf":1,"dir":0,"ret":-12}
{"kind":"call","hook":99,"t":2000000000,"a0":"18446744073709551615"}
{"kind":"clock","mono":1000000000,"real":"1700000000000000000"}' -- -q export small.txt
dmaseq -q export -o out.jsonl small.txt
check "-o writes the same" cmp out.jsonl <(dmaseq -q export small.txt)
check "a pipe gives the same" cmp out.jsonl <(dmaseq -q export -f jsonl - <small.txt)
usage export "'small.txt' is the input" -o small.txt small.txt
expect 2 'dmaseq: no/x: cannot create: No such file or directory' '' -- export -o no/x small.txt
expect 2 'dmaseq: /dev/full: cannot write: No space left on device' '' -- -q export -o /dev/full small.txt

# As many objects as items, and all of them JSON.
if command -v python3 >/dev/null; then
	for f in "$golden"/[a-z]*.txt; do
		items=$(dmaseq -q dump "$f" | tail -n +2 | grep -vc "^#")
		dmaseq -q export "$f" >all.jsonl
		check "${f##*/}: $items objects" python3 -c '
import json, sys
lines = open("all.jsonl", "rb").read().decode().split("\n")
assert lines.pop() == "" and len(lines) == int(sys.argv[1]) + 1
assert all(isinstance(json.loads(l)["kind"], str) for l in lines)
assert not any(ord(c) < 32 or ord(c) == 127 for l in lines for c in l)' "$items"
	done
fi
summary
