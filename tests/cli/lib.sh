# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of tests/cli are written with. A test sources it, states what it
# expects, one line per case, and ends with `summary`. It runs in a directory of
# its own, $T, that is removed at the end. Touches nothing outside of that.
#
#	expect STATUS STDERR STDOUT -- ARG...	exact texts, without the last newline;
#						'*': not looked at
#	usage CMD 'sentence' ARG...		a usage error of a command, and nothing else
#	usage - 'sentence' ARG...		the same before any command
#	ok STDOUT -- ARG...			status 0 and a silent stderr
#	check 'what' COMMAND...			any other command that has to succeed
#
# DMASEQ (words: an emulator may stand in front) and DQ_SOURCE_DIR come from ctest.
set -u
LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=${DQ_SOURCE_DIR:-$(cd "$LIB_DIR/../.." && pwd)}
read -ra DMASEQ_CMD <<<"${DMASEQ:-$TOP/build/dev/src/cmd/dmaseq}"
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1 TERM=dumb COLUMNS=80
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99} UBSAN_OPTIONS=${UBSAN_OPTIONS:-exitcode=99}

T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
mkdir .out	# not seen by the cases' own names
passed=0
failed=0

dmaseq()
{
	"${DMASEQ_CMD[@]}" "$@"
}

pass()
{
	passed=$((passed + 1))
}

# fail WHAT: the details come on stdin
fail()
{
	failed=$((failed + 1))
	printf 'FAILED: %s\n' "$1"
	sed 's/^/    /'
}

# differs NAME WANT FILE: prints how, is true when it does
differs()
{
	[ "$2" = '*' ] && return 1
	if [ -n "$2" ]; then
		printf '%s\n' "$2" >.out/want
	else
		: >.out/want
	fi
	cmp -s .out/want "$3" && return 1
	printf '%s (- expected, + got):\n' "$1"
	diff -u .out/want "$3" | tail -n +3
	return 0
}

expect()
{
	local status=$1 err=$2 out=$3 got bad=no
	shift 4
	dmaseq "$@" >.out/stdout 2>.out/stderr </dev/null
	got=$?
	{
		if [ "$status" != '*' ] && [ $got -ne "$status" ]; then
			printf 'status %d, expected %d\n' $got "$status"
			bad=yes
		fi
		differs stderr "$err" .out/stderr && bad=yes
		differs stdout "$out" .out/stdout && bad=yes
	} >.out/report
	if [ $bad = no ]; then
		pass
	else
		fail "dmaseq $*" <.out/report
	fi
}

usage()
{
	local cmd=$1 sentence=$2 status=2
	shift 2
	[ "$cmd" = record ] && status=125
	if [ "$cmd" = - ]; then
		expect $status "dmaseq: $sentence"$'\n'"Try 'dmaseq help'." '' -- "$@"
	else
		expect $status "dmaseq $cmd: $sentence"$'\n'"Try 'dmaseq $cmd --help'." '' -- "$cmd" "$@"
	fi
}

ok()
{
	local out=$1
	shift 2
	expect 0 '' "$out" -- "$@"
}

check()
{
	local what=$1
	shift
	if "$@" >.out/report 2>&1; then
		pass
	else
		fail "$what" <.out/report
	fi
}

# The names of the commands that this build has.
commands()
{
	dmaseq --list-cmds | cut -f 1
}

# A build with ENABLE_RECORD=OFF has only a sentence for these.
can_record()
{
	! dmaseq --list-cmds | grep -q '^record.*not in this build'
}

# Builds dmaseq as it is installed, but for its debug information: without sanitizers, which neither
# valgrind nor a limit of memory gets along with. Sets $PLAIN to it. One directory for all tests.
plain_build()
{
	local work=${DQ_BINARY_DIR:-$TOP/build/dev}/tests/cli/plain
	mkdir -p "$work" || exit 1
	{
		flock 9
		cmake -S "$TOP" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DENABLE_RECORD=OFF \
			-DENABLE_MAN=OFF -DDQ_UNIT_TESTS=OFF -DDQ_GRAPHVIZ=OFF &&
			cmake --build "$work" --target dmaseq
	} >plain.log 2>&1 9>"$work/lock" || { tail -n 20 plain.log; exit 1; }
	PLAIN=$work/src/cmd/dmaseq
}

summary()
{
	printf '%d passed, %d failed\n' $passed $failed
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}
