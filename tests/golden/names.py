# SPDX-License-Identifier: BSD-2-Clause
"""names.py: hostile names in every place of a trace, through every chart language and its real renderer.

Each name is that of a process, an exporter, an importing driver, its device and a buffer; what the
renderer shows is read back (layout map, text of SVG, parse of Mermaid) and must be the name with control
bytes and the like made visible, in every place. Run by golden.sh --names, which says where Mermaid is:
without it ("") all others are read, and the status is 77.
"""
import html
import os
import re
import subprocess
import sys
import tempfile

PRINTABLE = bytes(range(0x20, 0x7f))
NAMES = [bytes(c for c in PRINTABLE[i:i + 24]).strip() for i in range(0, len(PRINTABLE), 24)]
NAMES += [bytes(range(1, 25)), bytes([0x7f, 0xc2, 0x80, 0xc2, 0x9f, 0x1b]) + b"[31mred",
          b"\xff\xfe\xc3(\xed\xa0\x80\xc0\xaf", "\u202eevil\u2066x\u200f".encode(), b"hide", b"end", b"msc",
          b"};};]]>>", b"-->*/end note", b"@enduml", b"%%{init}%%", b"<script>x</script>", b"\\n\\L(x)\\", b"$(id)`id`",
          "\u65e5\u672c\u8a9e".encode(), b"];x" * 1364, b"}\\" * 2000]
MAX = 32  # code points of a lane's name in a chart


def quote(name):
    return '"' + "".join(chr(c) if 0x20 <= c < 0x7f and c not in b'"\\' else "\\x%02x" % c for c in name) + '"'


def trace(name):
    q = quote(name)
    calls = "attach|detach|map_dma_buf|unmap_dma_buf|release"
    return "\n".join([
        "dmaseq-text 1", 'meta key="kernel.release" value=%s' % q, "clock mono=100.000000000s real=1700000000s",
        "task 1 tid=66 tgid=66 comm=%s process=%s" % (q, q),
        'ops 1 t=100.000000000s exporter=%s module="vmlinux" has=%s armed=%s' % (q, calls, calls),
        "buf 1 t=100.000101500s ino=1 size=4096 exp_name=%s name=%s ops=1" % (q, q),
        "call dma_buf_export t=100.000100000s dur=2250 task=1 cpu=0 seq=1 sys=1 buf=1 size=1 flags=O_RDWR ret=0",
        "sys ioctl t=100.000100000s end=100.000107750s task=1 sys=1 nr=16 fd=3 a0=3 a1=0xc0184800 ret=0",
        "att 1 t=100.000311500s buf=1 dev=%s driver=%s" % (q, q),
        "call dma_buf_attach t=100.000310000s dur=2250 task=1 cpu=0 seq=2 sys=2 buf=1 att=1 ret=0 caller=%s" %
        quote(b"f [" + name.replace(b"[", b"").replace(b"]", b"") + b"]"),
        "sys ioctl t=100.000310000s end=100.000317750s task=1 sys=2 nr=16 fd=5 a0=5 a1=0xdeadbeef ret=0",
        'end t=100.000321000s reason="x" calls=2', ""])


def visible(name):
    """As it is to be read: what cannot be seen has its code, a backslash is two; lower case, as codes are both."""
    text = name.decode("utf-8", "surrogateescape")
    cut = len(text) > MAX
    out = ""
    for c in text[:20 if cut else None]:
        n = ord(c)
        if 0xdc80 <= n <= 0xdcff:
            out += "\\x%02x" % (n - 0xdc00)
        elif c == "\\":
            out += "\\\\"
        elif n == 10:
            out += "\\n"
        elif n < 0x20 or 0x7f <= n < 0xa0:
            out += "\\x%02x" % n
        elif 0x200b <= n <= 0x200f or 0x2028 <= n <= 0x202e or 0x2060 <= n <= 0x206f:
            out += "\\u{%04x}" % n
        else:
            out += c
    return out.lower()


def normal(shown):
    """Blanks that do not break are blanks, short codes are codes."""
    shown = shown.replace("\u00a0", " ").lower()
    for word, code in (("\\t", 9), ("\\r", 13)):
        shown = re.sub(r"(?<=\\x[0-9a-f]{2})" + re.escape(word) + r"(?=\\[xn])", "\\\\x%02x" % code, shown)
    return shown


def run(*argv, **kw):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
    return r.returncode, r.stdout.decode("utf-8", "replace"), r.stderr.decode("utf-8", "replace")


def svg_text(svg):
    return " ".join(html.unescape(re.sub("<[^>]*>", "", t)) for t in re.findall(r"(?s)<text[^>]*>.*?</text>", svg))


wrong = 0


def need(what, name, shown):
    global wrong
    if visible(name) in normal(shown):
        return
    wrong += 1
    print("%s does not show %r:\n  %r\n  in %r" % (what, name[:60], visible(name)[:200], normal(shown)[:600]))


def main():
    dmaseq = os.environ["DMASEQ"].split()
    mermaid = sys.argv[1]
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(os.environ, HOME=tmp, MSC_GEN_RC=tmp, LC_ALL="C.UTF-8")

        def at(i, ext):
            return "%s/n%d.%s" % (tmp, i, ext)

        for i, name in enumerate(NAMES):
            with open(at(i, "txt"), "w", encoding="ascii") as f:
                f.write(trace(name))
            for ext, words in (("signalling", ["diagram"]), ("svg", ["diagram"]), ("puml", ["diagram"]),
                               ("mmd", ["diagram"]), ("dot", ["graph"]), ("over.signalling", ["diagram", "--overview"])):
                status, _, err = run(*dmaseq, *words, "-q", "-o", at(i, ext), at(i, "txt"))
                if status:
                    sys.exit("%s of %r: %s" % (ext, name[:60], err))
            for ext in ("signalling", "over.signalling"):
                _, shown, err = run("msc-gen", "-q", "--nopaths", "--nocopyright", "-S", "signalling", "-T", "lmap",
                                    "-o", "-", at(i, ext), env=env)
                if err:
                    sys.exit("msc-gen of %r: %s" % (name[:60], err))
                heads = [line for line in shown.split("\n") if line.startswith("E ")]
                lanes = [h for h in heads if visible(name) in normal(h)]
                if len(lanes) < 3:  # process, importer, exporter
                    need("msc (of three lanes not all)", name, "")
                    print("\n".join(heads))
            with open(at(i, "svg"), encoding="utf-8") as f:
                need("svg", name, svg_text(f.read()))
            status, shown, err = run("dot", "-Tsvg", at(i, "dot"))
            if status or err:
                sys.exit("dot of %r: %s" % (name[:60], err))
            need("dot", name, svg_text(shown))
            _, shown, _ = run(*dmaseq, "diagram", "-q", "-f", "text", "--charset", "utf-8", "--width", "200", at(i, "txt"))
            if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown):
                sys.exit("text of %r: a raw control" % name[:60])
            need("text", name, shown)
        last = range(len(NAMES))
        status, _, err = run("plantuml", "-failfast2", "-tsvg", "-o", tmp + "/puml", *(at(i, "puml") for i in last),
                             env=dict(env, JAVA_TOOL_OPTIONS=""))
        if status:
            sys.exit("plantuml: " + err)
        for i in last:
            with open("%s/puml/n%d.svg" % (tmp, i), encoding="utf-8") as f:
                need("plantuml", NAMES[i], svg_text(f.read()).replace("\u00a0", " "))
        if not mermaid:
            sys.exit(1 if wrong else 77)
        here = os.path.dirname(os.path.abspath(__file__))
        status, shown, err = run("node", here + "/mermaid-parse.cjs", mermaid, *(at(i, "mmd") for i in last))
        if status or err:
            sys.exit("mermaid: " + err[:500])
        parts = re.split(r"(?m)^%s/n\d+\.mmd: .*\n" % re.escape(tmp), shown)[1:]
        for i in last:
            need("mermaid", NAMES[i], parts[i])
    print("%d names" % len(NAMES))
    sys.exit(1 if wrong else 0)


main()
