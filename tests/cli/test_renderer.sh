#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What draws is kept at a distance: whatever msc-gen does, dmaseq says so in a sentence, ends, and
# leaves nothing behind.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

mkdir bin tmp home
trace=$TOP/tests/golden/dup2.txt
export PATH=$T/bin:$PATH TMPDIR=$T/tmp HOME=$T/home
unset XDG_CACHE_HOME

# fake NAME: an msc-gen that does what comes on stdin
fake()
{
	rm -rf bin/* tmp/* x.svg seen
	{ printf '#!/bin/bash\nSEEN=%q\n' "$T/seen" && cat; } >bin/msc-gen
	chmod +x bin/msc-gen
	echo "$1" >name
}
# says STATUS SENTENCE
says()
{
	printf '%s\n' "dmaseq: $2" >want
	local got
	dmaseq -q diagram -o x.svg "$trace" >out 2>err </dev/null
	got=$?
	check "$(cat name): status" test $got -eq "$1"
	check "$(cat name): what is said" diff want err
	check "$(cat name): nothing on stdout" test ! -s out
	check "$(cat name): nothing left in TMPDIR" test -z "$(ls -A tmp)"
}

fake 'one that hangs' <<'EOF2'
sleep 1000 &
echo $! >"$SEEN"
sleep 1000
EOF2
export DMASEQ_RENDER_LIMIT=1
says 2 'msc-gen took longer than 1 s and was ended (DMASEQ_RENDER_LIMIT is that limit)'
# Killed is killed at once; who has inherited it may take its time to bury it.
gone()
{
	local tries=200

	while [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
check "it is gone, with what it started" gone "$(cat seen)"

fake 'one that does not end its output' <<'EOF2'
sleep 1000 >/dev/null 2>&1 &
while :; do :; done
EOF2
says 2 'msc-gen took longer than 1 s and was ended (DMASEQ_RENDER_LIMIT is that limit)'

export DMASEQ_RENDER_LIMIT=100
fake 'one that wants memory' <<'EOF2'
ulimit -v >"$SEEN"
exec python3 -c 'x = bytearray(8 << 30)'
EOF2
dmaseq -q diagram -o x.svg "$trace" >out 2>err </dev/null
check "it does not get it" test $? -eq 2
check "and says so" grep -q '^dmaseq: msc-gen could not draw the chart: Traceback' err
check "its limit" test "$(cat seen)" = $((4 << 20))

fake 'one that floods' <<'EOF2'
exec yes
EOF2
says 2 'msc-gen gave more than 256 MB and was ended'

fake 'one that prints escapes' <<'EOF2'
printf '\033]0;owned\007\033[2J\xe2\x80\xaeevil\n' >&2
EOF2
says 2 'msc-gen could not draw the chart: \\x1b]0;owned\\x07\\x1b[2J\\u{202e}evil'

fake 'one that dies' <<'EOF2'
kill -SEGV $$
EOF2
says 2 'msc-gen was killed by signal 11'

fake 'one that writes where it should not' <<'EOF2'
echo "$HOME $TMPDIR ${XDG_CONFIG_HOME:-} $(ls -A "$HOME")" >"$SEEN"
ls -l /proc/self/fd | awk '/ -> / { print $9 }' >>"$SEEN"
mkdir -p "$HOME/deep/er"
echo x >"$HOME/deep/er/file"
ln -s / "$HOME/link"
echo no >&2
EOF2
exec 7<"$trace" # nothing of ours gets there
says 2 'msc-gen could not draw the chart: no'
exec 7<&-
read -r its_home its_tmp more <seen
check "a HOME of its own, empty" test "$its_home" != "$T/home" -a -z "$more"
check "which is also its TMPDIR" test "$its_home" = "$its_tmp"
check "and is gone" test ! -e "$its_home"
check "ours is as it was" test -z "$(ls -A home)"
# 3 is ls's own, on the directory; bash keeps 255
check "no descriptors but three" test "$(sed 1d seen | grep -cvxE '[0123]|255')" -eq 0

fake 'one whose name is no word' <<'EOF2'
echo "$0 $*" >"$SEEN"
echo no >&2
EOF2
dmaseq -q diagram -o '$(touch pwned); .svg' "$trace" >out 2>err
check "no shell sees a name" test ! -e pwned
check "the source comes through a pipe" grep -q -- '-T svg -o - -$' seen

# Where there is none: the command that is proposed is one.
rm bin/msc-gen
for cmd in bash env sed cat; do
	ln -s "$(command -v $cmd)" bin/ 2>/dev/null
done
name="a b'\$(touch pwned).svg"
PATH=$T/bin dmaseq -q diagram -o "$name" "$trace" >out 2>err
printf '#!/bin/bash\nprintf "%%s\\n" "$@" >seen\n' >bin/msc-gen
chmod +x bin/msc-gen
sed 's/.*to render it: //' err >proposed
bash proposed
check "a proposed command, read by a shell" \
	diff <(printf '%s\n' -T svg -o "$name" "${name%svg}signalling") seen
check "and nothing else is run" test ! -e pwned
summary
