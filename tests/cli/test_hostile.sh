#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Names that attack whoever shows them: terminals, charts, markup, preprocessors, shells. One trace
# in which every name is an attack, through every command and format.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo 'skipped: no python3'; exit 77; }

# ---- the trace: a recording whose names are replaced, each field by another attack ----
cat >make.py <<'EOF2'
import re, sys
attacks = [
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil/\x1b\\", "\x9b31mc1\x9d0;x\x9c", "two\nlines\r\x08\x7f",
    "\u202egnp.exe\u2066\u200b\ufeff\u2028\u00ad\u061c", "\"];};-->\"; quit; #\\", "\\\\\\",
    "!include /etc/passwd", "!$x = %getenv(\"HOME\")", "@enduml", "%%{init: {'x': 1}}%%", "click a href \"javascript:x\"",
    "</title><script>alert(1)</script>", "]]>&amp;&#x1b;<!--", "' onload='x", "$(touch pwned)`touch pwned`;touch pwned",
    "=cmd|' /C calc'!A0", "{\"a\": 1}, //", "[[http://evil x]]<img:x><&key>", "\udcff\udcfe\udced\udca0\udc80",
    "--output=pwned", "../../etc/passwd", "a" * 3000, "\U000e0041\U0001f600\u0300" * 40, "title: x;\nhscale=9;",
]
start = int(sys.argv[2])
n = start
def quote(s):
    out = ""
    for b in s.encode("utf-8", "surrogateescape"):
        out += chr(b) if 32 <= b < 127 and b not in (34, 92) else "\\x%02x" % b
    return '"%s"' % out
fields = r'\b(comm|process|path|driver|subsystem|exp_name|owner|name|dev|bus|caller|exporter|module|reason|symbol|state|rung)='
def sub(m):
    global n
    n += 1
    return m.group(1) + "=" + quote(attacks[n % len(attacks)])
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("#") or line.startswith("dmaseq-text"):
        print(line, end="")
        continue
    if line.startswith("meta") and "arch" not in line:
        line = re.sub(r'value="(?:[^"\\]|\\.)*"', lambda m: "value=" + quote(attacks[(start + len(line)) % len(attacks)]), line)
    print(re.sub(fields + r'"(?:[^"\\]|\\.)*"', sub, line), end="")
print('meta cmdline value=' + quote(attacks[start % len(attacks)]))
EOF2

# ---- what nothing may have in it ----
cat >look.py <<'EOF2'
import sys, unicodedata
bad = 0
for name in sys.argv[1:]:
    data = open(name, "rb").read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        print(name, "is no UTF-8:", e)
        bad = 1
        continue
    for i, c in enumerate(text):
        if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
            print("%s: U+%04X at %d: %r" % (name, ord(c), i, text[max(0, i - 40):i + 40]))
            bad = 1
            break
sys.exit(bad)
EOF2

# out NAME ARG...: the output of a command, and what it says
out()
{
	local name=$1
	shift
	dmaseq "$@" >"o/$name" 2>"o/$name.err" </dev/null
	local got=$?
	# a trace like that has findings and is different; it is no failure
	[ $got -le 1 ] || fail "$*: status $got" <"o/$name.err"
}

mkdir o
for i in 0 7; do
	python3 make.py "$TOP/tests/golden/failing-import.txt" $i >h$i.txt
	out $i.dump dump h$i.txt
	out $i.validate dump --validate h$i.txt
	out $i.list list h$i.txt
	out $i.list.json list -f json h$i.txt
	out $i.holders list --holders h$i.txt
	out $i.shapes list --shapes h$i.txt
	out $i.shapes.json list --shapes -f json h$i.txt
	out $i.check check h$i.txt
	out $i.check.json check -f json h$i.txt
	out $i.sarif.json check -f sarif h$i.txt
	out $i.junit.xml check -f junit h$i.txt
	out $i.jsonl export h$i.txt
	out $i.baseline baseline h$i.txt
	out $i.diff diff --full "$TOP/tests/golden/failing-import.txt" h$i.txt
	out $i.diff.json diff -f json h$i.txt "$TOP/tests/golden/failing-import.txt"
	out $i.diff.xml diff -f junit h$i.txt "$TOP/tests/golden/failing-import.txt"
	out $i.diff.msc diff -f msc h$i.txt "$TOP/tests/golden/failing-import.txt"
	out $i.msc diagram h$i.txt
	out $i.ops.msc diagram --level ops --no-fold h$i.txt
	out $i.text diagram -f text h$i.txt
	out $i.utf8 diagram -f text --charset utf-8 h$i.txt
	out $i.puml diagram -f plantuml h$i.txt
	out $i.mmd diagram -f mermaid h$i.txt
	out $i.dot graph h$i.txt
	out $i.anonymize anonymize -o a$i.dmaseq h$i.txt
	dmaseq dump a$i.dmaseq >o/$i.anonymized
done
check "nothing is obeyed, anywhere" python3 look.py o/*
check "nothing has run" test ! -e pwned

# ---- the form of each ----
for f in o/*.json; do
	check "$f is JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1], encoding="utf-8"))' "$f"
done
for f in o/*.xml; do
	check "$f is XML" python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$f"
done
# What was anybody's is gone, and the trace reads.
check "no attack is left in what was anonymized" \
	test "$(grep -cE 'owned|onload|javascript|pwned|evil|calc|getenv|passwd' o/0.anonymized)" -eq "$(grep -cE '^meta (version|kernel|tool|rung|clock|calibration).*(owned|onload|javascript|pwned|evil|calc|getenv|passwd)|^hook .*(state|rung)=.*(owned|onload|javascript|pwned|evil|calc|getenv|passwd)' o/0.anonymized)"
check "no line of a chart is a directive" test "$(grep -hcE '^[[:space:]]*(!|@(start|end)[^u])' o/0.puml)" = 0
check "one begin and one end" test "$(grep -c '^@' o/0.puml)" = 2
check "no directive of Mermaid" test "$(grep -cE '%%\{|^[[:space:]]*click' o/0.mmd)" = 0
check "a line is a line" test "$(sed 1d o/0.baseline | grep -c '^hscale')" = 0

# The names come back as they were.
cat >back.py <<'EOF2'
import json, re, sys
def unquote(s):
    raw = re.sub(rb'\\x(..)|\\(.)', lambda m: bytes([int(m.group(1), 16)]) if m.group(1) else m.group(2), s)
    return raw
want = [unquote(m) for m in re.findall(rb'\bcomm="((?:[^"\\]|\\.)*)"', open(sys.argv[1], "rb").read())]
got = [json.loads(l).get("comm") for l in open(sys.argv[2], encoding="utf-8") if '"kind":"task"' in l]
for w, g in zip(want, got):
    if w.decode("utf-8", "replace") != g:
        try:
            w.decode("utf-8")
        except UnicodeDecodeError:
            continue	# its bad bytes are U+FFFD, one by one
        sys.exit("%r came back as %r" % (w, g))
sys.exit(len(want) != len(got) or not want)
EOF2
check "names come back from JSON" python3 back.py h0.txt o/0.jsonl
for tool in dot msc-gen; do
	command -v $tool >/dev/null || continue
	case $tool in
	dot) dot -Tplain o/0.dot >plain 2>said ;;
	*) HOME=$T MSC_GEN_RC=$T msc-gen -q --nopaths --nocopyright -S signalling -T lmap -o - - <o/0.msc >map 2>said ;;
	esac
	check "$tool has nothing to say" test ! -s said
done

# ---- names of files ----
mkdir f
evil=$'f/\x1b]0;owned\x07$(touch pwned)\n\xe2\x80\xae\xff.dmaseq'
cp h0.txt "$evil"
n=0
for cmd in list check diagram graph dump export baseline 'diff h7.txt'; do
	n=$((n + 1))
	read -ra words <<<"$cmd"
	dmaseq "${words[@]}" "$evil" >f/o$n.out 2>f/o$n.err
	dmaseq "${words[@]}" "$evil.not" >f/o$n.no 2>f/o$n.noerr
	head -c 700 h0.txt >f/cut && mv f/cut "$evil.cut"
	dmaseq "${words[@]}" "$evil.cut" >f/o$n.cut 2>f/o$n.cuterr
done
dmaseq check -f sarif "$evil" >f/o.sarif 2>f/o.sariferr
dmaseq check --suppress "$evil" h0.txt >f/o.sup 2>f/o.superr
dmaseq diagram --template "$evil" h0.txt >f/o.tmpl 2>f/o.tmplerr
dmaseq "$evil" >f/o.cmd 2>f/o.cmderr
dmaseq list "--$evil" >f/o.opt 2>f/o.opterr
check "nor in names of files" python3 look.py f/o*
check "nothing has run" test ! -e pwned
summary
