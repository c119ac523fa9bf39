#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What every command says about a file that is not what it should be: missing, empty,
# foreign, newer, damaged, cut off, with losses. What is left of a damaged one is shown.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# ---- files to try ----

cat >whole.txt <<'END'
dmaseq-text 1
meta key="tool" value="dmaseq 0.1.0"
meta key="kernel.release" value="6.12.0"
meta key="arch" value="x86_64"
task 1 tid=8 tgid=8 comm="app" process="app"
buf 1 t=1s ino=5 size=4096 exp_name="udmabuf"
call dma_buf_export t=0.5s dur=400000000 task=1 cpu=0 seq=1 buf=1 size=4096 flags=O_CLOEXEC ret=0
end t=2s reason="SIGINT" calls=1 lost=0
END
ok '' -- dump -o whole.dmaseq whole.txt
size=$(stat -c %s whole.dmaseq)

# put FILE OFFSET BYTES: overwrites, bytes as for printf
put()
{
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# crc32c OFFSET LENGTH <FILE: as four bytes for put, least significant first
crc32c()
{
	local crc=$((0xffffffff)) byte i
	for byte in $(od -An -v -tu1 -w1 -j "$1" -N "$2"); do
		crc=$((crc ^ byte))
		for ((i = 0; i < 8; i++)); do
			crc=$((crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1))
		done
	done
	crc=$((crc ^ 0xffffffff))
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((crc & 255)) $((crc >> 8 & 255)) $((crc >> 16 & 255)) $((crc >> 24))
}

# header NAME OFFSET BYTES: whole.dmaseq with another, valid header
header()
{
	cp whole.dmaseq "$1"
	put "$1" "$2" "$3"
	put "$1" 60 "$(crc32c 0 60 <"$1")"
}

# chunk NAME TYPE FLAGS: whole.dmaseq with one more, empty chunk
chunk()
{
	printf '%b' "\xc3\x5a\xc4\xd5$2\0$3\0\0\0\0\0\0\0\0\0\x03\0\0\0" >"$1.new"
	printf '%b' "$(crc32c 0 20 <"$1.new")" >>"$1.new"
	cat whole.dmaseq "$1.new" >"$1"
}
check "our own checksum is the program's" test "$(crc32c 0 60 <whole.dmaseq)" = \
	"$(od -An -v -tx1 -j 60 -N 4 whole.dmaseq | sed 's/ /\\x/g')"

# ---- files that are refused, with the same sentence by each command ----

# refused FILE SENTENCE
refused()
{
	local cmd
	for cmd in list diagram graph dump export 'dump --validate' 'dump --chunks' 'dump -o out' 'list --format=json' 'list -q'; do
		# shellcheck disable=SC2086 # words
		expect 2 "dmaseq: $1: $2" '' -- $cmd "$1"
	done
}

refused nothing 'no such file'
mkdir dir
refused dir 'is a directory'
: >empty
refused empty 'empty file'
expect 2 'dmaseq: standard input: empty file' '' -- list -
printf '\x7fELF\x02\x01\x01' >elf
refused elf 'not a dmaseq trace (an ELF file?)'
gzip -c whole.dmaseq >whole.gz
refused whole.gz 'not a dmaseq trace (gzip-compressed data?)'
printf 'PERFILE2xxxxxxxxxxxx' >perf.data
refused perf.data 'not a dmaseq trace (a perf.data file?)'
printf '\x17\x08Dtracing6\0' >trace.dat
refused trace.dat 'not a dmaseq trace (a trace.dat file of trace-cmd?)'
printf '# tracer: nop\n#\n' >ftrace.txt
refused ftrace.txt 'not a dmaseq trace (the text of an ftrace buffer?)'
printf '\x89PNG\r\n\x1a\n' >x.png
refused x.png 'not a dmaseq trace (a PNG picture?)'
echo hello >hello
refused hello 'not a dmaseq trace (a text file?)'
printf 'a\0b\xff\xfe' >bytes
refused bytes 'not a dmaseq trace'
refused /dev/null 'empty file'
sed 's/\r$//' whole.dmaseq >unix.dmaseq
refused unix.dmaseq 'damaged by a transfer as text (the line ends were changed)'
printf 'x' >$'\033[31mred'
expect 2 'dmaseq: \x1b[31mred: not a dmaseq trace (a text file?)' '' -- list $'\033[31mred'

head -c 30 whole.dmaseq >short
refused short 'cut off inside the file header (30 of 64 bytes)'
cp whole.dmaseq bit
put bit 20 '\x01'
refused bit 'the file header is damaged (its checksum is wrong)'
header major 12 '\x02'
refused major 'written by a newer dmaseq (format 2.1; this one reads 1.x)'
header zero 12 '\0'
refused zero 'format 0.1 was never released'
header incompat 20 '\x04'
refused incompat 'written by a newer dmaseq (format 1.1 with features 0x4; this one reads 1.1)'
header length 8 '\xff\xff'
refused length 'the file header is damaged (its length is 65535)'

printf 'dmaseq-text 2\n' >newer.txt
refused newer.txt 'written by a newer dmaseq (text form 2; this one reads 1)'
printf 'dmaseq-text one\n' >version.txt
refused version.txt "line 1: bad version 'one' of the text form"

if [ "$(id -u)" -ne 0 ]; then
	cp whole.dmaseq secret
	chmod 0 secret
	refused secret 'permission denied'
fi

# ---- files that are wrong further in ----

# bad LINE SENTENCE: in line 9 of a text trace
bad()
{
	{
		head -n 8 whole.txt
		printf '%s\n' "$1"
	} >bad.txt
	expect 2 "dmaseq: bad.txt: line 9: $2" '*' -- dump bad.txt
	expect 2 "dmaseq: bad.txt: line 9: $2" '' -- list bad.txt
}
bad 'frob 1' "unknown kind 'frob'"
bad 'meta frob="x"' "unknown field 'frob' of meta"
bad 'task 1 tid=x' "bad value 'x' of field 'tid'"
bad 'task 1 tid=1 tid=2' "field 'tid' is given twice"
bad 'task 1 comm="a' "bad string in field 'comm'"
bad 'call frob t=1' "unknown hook 'frob'"
bad 'call dma_buf_put fd=1' "dma_buf_put has no argument 'fd'"

chunk critical '\x63' '\x01'
expect 2 'dmaseq: critical: written by a newer dmaseq (format 1.1 with chunks of type 99; this one reads 1.1)' '' -- list critical
chunk optional '\x63' '\0'
ok "$(dmaseq list whole.dmaseq)" -- list optional
expect 0 'dmaseq: optional: 1 chunk of an unknown type skipped (written by a newer dmaseq)' '*' -- list -v optional
header minor 14 '\x07'
ok "$(dmaseq list whole.dmaseq)" -- list minor

# ---- files of which something is missing: shown, said, and --strict has status 3 ----

# partly FILE SENTENCE
partly()
{
	expect 0 "dmaseq: $1: $2" '*' -- list "$1"
	expect 0 "dmaseq: $1: $2" '*' -- dump "$1"
	expect 0 '' '*' -- list -q "$1"
	expect 3 "dmaseq: $1: $2" '*' -- list --strict "$1"
	expect 3 "dmaseq: $1: $2" '*' -- dump --strict "$1"
	expect 1 "dmaseq: $1: $2" '*' -- dump --validate "$1"
}

head -c $((size - 1)) whole.dmaseq >cut1
partly cut1 'trace is cut off inside chunk 3 (at 1 s): the file was cut or the recorder was killed'
head -c 64 whole.dmaseq >cut64
partly cut64 'trace is cut off after 0 chunks (at 0 ns): the recorder was killed or could not write'
sed '$d' whole.txt >noend.txt
partly noend.txt 'trace has no end line: it is not complete'
{
	head -n 7 whole.txt
	echo 'loss source="ring" count=17 cpu=1 from=1s to=2s'
	tail -n 1 whole.txt | sed 's/lost=0/lost=17/'
} >loss.txt
for cmd in list diagram graph dump export; do
	expect 0 'dmaseq: loss.txt: 17 events lost while recording' '*' -- $cmd loss.txt
	expect 3 'dmaseq: loss.txt: 17 events lost while recording' '*' -- $cmd --strict loss.txt
	expect 0 '' '*' -- $cmd -q loss.txt
	# what is whole is whole
	expect 0 '' '*' -- $cmd --strict whole.dmaseq
	expect 0 '' "$(dmaseq $cmd whole.dmaseq)" -- $cmd whole.txt
done

# returns that were missed are losses too: the same words and status everywhere
sed '/^end /i loss source="return" cpu=0 count=2' whole.txt | sed 's/lost=0/lost=2/' >returns.txt
returns='dmaseq: returns.txt: 2 returns missed while recording'
for cmd in list dump diagram; do
	expect 0 "$returns" '*' -- $cmd returns.txt
	expect 3 "$returns" '*' -- $cmd --strict returns.txt
done
expect 3 "$returns" '*' -- dump --validate --strict returns.txt
check "list counts them" grep -q '; 2 returns missed$' <(dmaseq -q list returns.txt)
check "diagram counts them" grep -q '2 returns missed' <(dmaseq -q diagram returns.txt)
sed -i 's/^end /loss source="ring" count=1\n&/; s/lost=2/lost=3/' returns.txt
expect 3 'dmaseq: returns.txt: 1 event lost, 2 returns missed while recording' '*' -- list --strict returns.txt
check "list says both" grep -q '; 1 event lost, 2 returns missed$' <(dmaseq -q list returns.txt)

# what a full disk did not take, alone and with losses of another kind
sed 's/source="ring"/source="disk"/' loss.txt >disk.txt
partly_lost='dmaseq: disk.txt: the last 17 events are missing: they could not be written (a full disk?)'
expect 0 "$partly_lost" '*' -- list disk.txt
expect 3 "$partly_lost" '*' -- list --strict disk.txt
sed -i 's/^end /loss source="ring" count=1\n&/; s/lost=17/lost=18/' disk.txt
expect 3 "dmaseq: disk.txt: 1 event lost while recording"$'\n'"$partly_lost" '*' -- list --strict disk.txt

# garbage, damage, a hole: the rest is there, and the diagram too
{
	cat whole.dmaseq
	printf '0123456789'
} >garbage
expect 0 'dmaseq: garbage: 10 bytes of garbage between chunks skipped' "$(dmaseq list whole.dmaseq)" -- list garbage
expect 3 'dmaseq: garbage: 10 bytes of garbage between chunks skipped' '*' -- diagram --strict garbage
cp whole.dmaseq damaged
put damaged 100 '!!'	# in the strings: names are gone
expect 0 'dmaseq: damaged: 1 damaged chunk left out' '*' -- list damaged
expect 3 'dmaseq: damaged: 1 damaged chunk left out' '*' -- diagram --strict damaged

# ---- output that cannot be written ----

for args in 'list' 'list -f json' 'diagram' 'graph' 'dump' 'dump --chunks' 'dump --validate'; do
	# shellcheck disable=SC2086 # words
	dmaseq $args whole.dmaseq >/dev/full 2>err
	check "$args > /dev/full has status 2" test $? -eq 2
	check "$args > /dev/full says why" diff err - \
		<<<'dmaseq: cannot write to standard output: No space left on device'
	# a reader that goes away is no error to speak of
	# shellcheck disable=SC2086
	check "$args | true" test -z "$({ dmaseq $args whole.dmaseq | true; } 2>&1)"
done
expect 2 'dmaseq: dir: cannot create: Is a directory' '' -- dump -o dir whole.dmaseq
expect 2 'dmaseq: no/x: cannot create: No such file or directory' '' -- dump -o no/x whole.dmaseq
expect 2 'dmaseq: whole.dmaseq: is the input' '' -- dump -o whole.dmaseq whole.dmaseq
expect 2 'dmaseq: /dev/full: cannot write: No space left on device' '' -- dump -o /dev/full whole.dmaseq
expect 2 'dmaseq: no/x.signalling: No such file or directory' '' -- diagram -o no/x.signalling whole.dmaseq
check "a chart of what comes through a pipe is that of the file" \
	cmp <(cat whole.dmaseq | dmaseq -q diagram -) <(dmaseq -q diagram whole.dmaseq)
(TMPDIR=/nonexistent "${DMASEQ_CMD[@]}" diagram - <whole.dmaseq >/dev/null) 2>err
check "a pipe cannot be put aside" grep -qx 'dmaseq: standard input: it is read twice, and cannot be put aside: ENOENT; put it into a file, or TMPDIR elsewhere' err
(PATH=/nonexistent "${DMASEQ_CMD[@]}" diagram -o y.svg whole.dmaseq) 2>err
check "without msc-gen a picture has status 2" test $? -eq 2
check "without msc-gen it says what to do" diff err - <<<"dmaseq: there is no msc-gen here (Debian: msc-generator-nox); \
the source is in y.signalling, to render it: msc-gen -T svg -o y.svg y.signalling"
check "without msc-gen the source is written" cmp y.signalling <(dmaseq diagram whole.dmaseq)
usage diagram "'x.jpg' ends in none of .svg, .png, .pdf, .signalling, .txt, .puml, .mmd" -o x.jpg whole.dmaseq
usage diagram "'x.svg' is no name for what -f text makes" -f text -o x.svg whole.dmaseq
usage diagram "--template is for -f msc, not for -f text" -f text --template post whole.dmaseq
usage diagram "--charset is for -f text" --charset utf-8 whole.dmaseq
usage diagram "--width is between 60 and 1000 columns" -f text --width 59 whole.dmaseq
dmaseq diagram -o ladder.txt whole.dmaseq
check "a name decides the format" cmp ladder.txt <(dmaseq diagram -f text whole.dmaseq)
dmaseq diagram -f text -o ladder.mail whole.dmaseq
check "with -f any name will do" cmp ladder.txt ladder.mail
for ext in puml mmd; do
	dmaseq diagram -o "chart.$ext" whole.dmaseq
	check "$ext is ASCII" test -z "$(LC_ALL=C tr -d ' -~\n' <chart.$ext)"
done
check "puml: PlantUML" grep -qx @startuml chart.puml
check "mmd: Mermaid" grep -qx sequenceDiagram chart.mmd
check "text is ASCII" test -z "$(LC_ALL=C tr -d ' -~\n' <ladder.txt)"
expect 2 "dmaseq: there is no buffer '7' in the trace; dmaseq list shows those that are" '' -- diagram -b 7 whole.dmaseq
# an overview and its pages
usage diagram "--overview is of all buffers, -b of some" --overview -b 1 whole.dmaseq
usage diagram "--overview is of the whole trace, without --from and --to" --overview --from 1s whole.dmaseq
expect 2 "dmaseq: there is no page 99: the overview has 4 pages" '' -- diagram --overview --page 99 "$TOP/examples/6.12-amd64/failing-import.dmaseq"
dmaseq diagram --overview -o over.signalling "$TOP/examples/6.12-amd64/failing-import.dmaseq"
check "an overview has a page for each shape" cmp over-4.signalling <(dmaseq diagram -b 4 "$TOP/examples/6.12-amd64/failing-import.dmaseq")
check "one page of it" cmp over-2.signalling <(dmaseq diagram --overview --page 2 "$TOP/examples/6.12-amd64/failing-import.dmaseq")
check "from a pipe, too" cmp over.signalling <(dmaseq diagram --overview - <"$TOP/examples/6.12-amd64/failing-import.dmaseq")

# an msc-gen that dies of a PNG, but not at another scale
mkdir fake
printf '%s\n' '#!/bin/sh' 'cat >/dev/null' 'case "$*" in *-s=1.01*) echo picture ;; *) kill -ABRT $$ ;; esac' >fake/msc-gen
chmod +x fake/msc-gen
(PATH=$PWD/fake:$PATH "${DMASEQ_CMD[@]}" diagram -qo z.png whole.dmaseq)
check "a PNG is tried at another scale" grep -qx picture z.png
(PATH=$PWD/fake:$PATH "${DMASEQ_CMD[@]}" diagram -qo z.svg whole.dmaseq) 2>err
check "a dead renderer is told" diff err - <<<'dmaseq: msc-gen was killed by signal 6'
usage dump '--validate, --chunks and --output exclude one another' --validate --chunks whole.dmaseq
summary
