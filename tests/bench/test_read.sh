#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_read.sh: what it costs to read a trace. Two recordings (stream.dmaseq: a camera's buffers in a
# loop; mixed.dmaseq: all stories of the vm ring's workload, both from a guest whose clock counts
# instructions) are made longer by expand, and read by a release build:
#	instructions per call, under callgrind, between two lengths: at most 5 % above read.expected
#	peak memory at two lengths: the same
#	bytes per call: at most 3 of the stream, at most 20 of the mixture
# UPDATE_BENCH=1 writes read.expected instead.
#
# Works in build/.../tests/bench; needs valgrind and GNU time.
set -u
export DMASEQ_HASH_SEED=1 # the same collisions in each run
here=$DQ_SOURCE_DIR/tests/bench
work=$DQ_BINARY_DIR/tests/bench/read
for tool in valgrind /usr/bin/time; do
	command -v $tool >/dev/null || {
		echo "$tool is missing (Debian: valgrind, time)"
		exit 77
	}
done
mkdir -p "$work" && cd "$work" || exit 1

# Sanitizers would be measured in the build under test.
build()
{
	cmake -S "$DQ_SOURCE_DIR" -B release -G Ninja -DCMAKE_BUILD_TYPE=Release -DENABLE_RECORD=OFF \
		-DENABLE_MAN=OFF -DDQ_UNIT_TESTS=OFF && cmake --build release --target dmaseq expand
}
build >build.log 2>&1 || {
	tail -n 20 build.log
	exit 1
}
dmaseq=$work/release/src/cmd/dmaseq
status=0

fail()
{
	echo "FAILED: $*"
	status=1
}

# expand NAME CALLS OUT: sets $calls to how many it made
expand()
{
	calls=$(release/tests/bench/expand --calls "$2" "$here/$1.dmaseq" "$3" 2>&1 | sed -n 's/^expand: \([0-9]*\) calls.*/\1/p')
	[ -n "$calls" ] && "$dmaseq" dump --validate "$3" >valid.log 2>&1 && return
	cat valid.log
	echo "$3 is not valid"
	exit 1
}

# instructions FILE WORD...: of one run
instructions()
{
	local file=$1
	shift
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$dmaseq" -q "$@" "$file" 2>&1 >/dev/null |
		sed -n 's/.*Collected : //p'
}

# memory FILE WORD...: kilobytes at the peak
memory()
{
	local file=$1
	shift
	# check ends with 1 when it finds something; time says so in a line before
	/usr/bin/time -f %M -o rss "$dmaseq" -q "$@" "$file" >/dev/null
	[ $? -le 1 ] && tail -n 1 rss
}

# per_call NAME COMMAND: what a further call costs
per_call()
{
	local a b
	# shellcheck disable=SC2086 # words
	a=$(instructions "$1.short" ${2/SELF/$1.short}) b=$(instructions "$1.long" ${2/SELF/$1.long})
	echo $(((b - a) / (long - short)))
}

compare()
{
	local key=$1 got=$2 want
	echo "$key: $got"
	printf '%s\t%s\n' "$key" "$got" >>read.got
	[ -n "${UPDATE_BENCH:-}" ] && return
	want=$(sed -n "s/^$key	//p" "$here/read.expected")
	[ -n "$want" ] || fail "read.expected has no '$key'"
	[ $((got * 100)) -le $((${want:-0} * 105)) ] ||
		fail "$key: $got instructions per call, $want were enough"
}

: >read.got
for name in stream mixed; do
	expand $name 10000 $name.short
	short=$calls
	expand $name 40000 $name.long
	long=$calls
	for cmd in list 'list --holders' check graph dump 'export -f jsonl' 'diff SELF'; do
		compare "$name: $cmd" "$(per_call $name "$cmd")"
	done
	# the begin and the end of the recording are in both
	bytes=$((($(stat -c %s $name.long) - $(stat -c %s $name.short)) * 100 / (long - short)))
	most=300
	[ $name = mixed ] && most=2000
	printf '%s: %d.%02d bytes per call\n' $name $((bytes / 100)) $((bytes % 100))
	[ $bytes -le $most ] || fail "$name: more than $((most / 100)) bytes per call"

	expand $name 100000 $name.short
	short=$calls
	expand $name 400000 $name.long
	long=$calls
	# of ten to forty thousand it does not step over whole chunks
	compare "$name: diagram" "$(per_call $name diagram)"
	for cmd in 'list --limit 100' 'list --holders' check diagram dump 'export -f jsonl' 'diff SELF'; do
		# shellcheck disable=SC2086 # words
		a=$(memory $name.short ${cmd/SELF/$name.short}) b=$(memory $name.long ${cmd/SELF/$name.long})
		echo "$name: $cmd: $a kB, of four times as many calls $b kB"
		# of each buffer that was, diff remembers the number and that it is done with, on both
		# sides; of those whose callbacks were not recorded, which the mixture has, more
		most=1024
		[ "$cmd" = 'diff SELF' ] && most=3072
		[ "$name $cmd" = 'mixed diff SELF' ] && continue
		[ "$b" -le $((a + most)) ] || fail "$name: the memory of $cmd grows with the trace"
	done
done
[ -z "${UPDATE_BENCH:-}" ] || {
	echo '# SPDX-License-Identifier: BSD-2-Clause'
	cat read.got
} >"$here/read.expected"
exit $status
