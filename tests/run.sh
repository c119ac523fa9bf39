#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [-L RING]... [--no-vm] [--no-install]
#
# Installs what the tests need (Debian bookworm; as root, or with a sudo that asks
# nothing), builds the preset dev and runs the rings of tests:
#	unit	one room at a time
#	golden	a trace in, the committed output out
#	cli	every sentence and status of the command line
#	fuzz	what reads files against anything; with libFuzzer, in the preset fuzz
#	bench	what reading a trace costs, in instructions
#	vm	real kernels under QEMU
# and, only when asked for,
#	slow	more of them: what vm shows on one kernel, on another
# Outside of the tree it touches the package database (not with --no-install) and
# the cache of the vm ring (~/.cache/dmaseq).
#
# With CI=true a test that is skipped, and a ring without tests, is a failure, but for the
# tests of tests/may-skip: they are named below the table with their reason. The last line
# of output is "N passed, N failed"; the status is 0 when N is 0.
set -u
cd "$(dirname "$0")/.." || exit 1

DEFAULT_RINGS='unit golden cli fuzz bench vm'
ALL_RINGS="$DEFAULT_RINGS slow"
BUILD=build/dev
FUZZ_BUILD=build/fuzz
LOGS=build/test-logs
CI=${CI:-false}
rings=''
no_vm=no
install=yes

say()
{
	printf '%s\n' "$*"
}

# The end of a run that could not test anything.
give_up()
{
	say "run.sh: $*"
	say "0 passed, 1 failed"
	exit 1
}

usage()
{
	say "usage: tests/run.sh [-L RING]... [--no-vm] [--no-install]     rings: $ALL_RINGS"
	exit "$1"
}

options()
{
	while [ $# -gt 0 ]; do
		case $1 in
		-L)
			[ $# -gt 1 ] && [[ " $ALL_RINGS " == *" $2 "* ]] || usage 2
			rings+=" $2"
			shift
			;;
		--no-vm) no_vm=yes ;;
		--no-install) install=no ;;
		-h | --help) usage 0 ;;
		*) usage 2 ;;
		esac
		shift
	done
	rings=${rings:-$DEFAULT_RINGS}
	[ $no_vm = yes ] && rings=${rings/vm/}
}

wants()
{
	[[ " $rings " == *" $1 "* ]]
}

wants_guests()
{
	wants vm || wants slow
}

# step NAME COMMAND...: runs it with its output in a log that is shown when it fails
step()
{
	local name=$1 log=$LOGS/${1// /-}.log start=$SECONDS
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 60 "$log"
		give_up "$name failed; all of its output is in $log"
	fi
	say "$name: $((SECONDS - start)) s"
}

install_packages()
{
	local lists=(tests/packages)
	wants_guests && lists+=(tests/vm/packages)
	[ $install = yes ] || lists=(--check "${lists[@]}")
	tests/install.sh "${lists[@]}" || give_up "packages are missing"
}

# field NAME FILE: a number of the head of ctest's JUnit file
field()
{
	sed -n "s/^.*[[:space:]]$1=\"\\([0-9]*\\).*/\\1/p" "$2" 2>/dev/null | head -n 1
}

# skipped_by_right XML: sets $n_by_right and adds to $by_right the tests of may-skip that were skipped
skipped_by_right()
{
	local test reason
	n_by_right=0
	while read -r test reason; do
		grep -q "<testcase name=\"$test\".* status=\"notrun\"" "$1" || continue
		n_by_right=$((n_by_right + 1))
		by_right+="skipped: $test: $reason"$'\n'
	done < <(grep -v '^#' tests/may-skip)
}

# of_ring NAME LABEL DIR: runs the tests of a label; adds to $total, $failed, $skipped and $by_right
of_ring()
{
	local xml=$PWD/$LOGS/$2.xml jobs n
	local noise='^(Internal ctest|Test project|Label Time|Total Test|Created JUnit)|sec\*proc|^ +Start |^$|^No tests'
	jobs=$(nproc)
	# A guest is slow enough that one wants to see where it is; of the rest, what failed. It
	# keeps one processor busy for three quarters of its time, so one more of them is started.
	case $1 in
	vm | slow) jobs=$((jobs + 1)) ;;
	*) noise+='| Passed +[0-9.]+ sec$' ;;
	esac
	rm -f "$xml"
	ctest --test-dir "$3" -L "^$2\$" -j "$jobs" --output-on-failure --output-junit "$xml" 2>&1 |
		grep -Ev --line-buffered "$noise"
	n=$(field tests "$xml")
	if [ "${n:-0}" -eq 0 ]; then
		empty=yes
		return
	fi
	total=$((total + n))
	failed=$((failed + $(field failures "$xml")))
	skipped=$((skipped + $(field skipped "$xml")))
	skipped_by_right "$xml"
	all_by_right=$((all_by_right + n_by_right))
}

# ring NAME: runs it, adds a line to the table
ring()
{
	local name=$1 start=$SECONDS total=0 failed=0 skipped=0 all_by_right=0 empty=no note=''
	say ""
	say "==== ring $name"
	of_ring "$name" "$name" $BUILD
	[ "$name" = fuzz ] && of_ring fuzz libfuzzer $FUZZ_BUILD
	if [ $empty = yes ]; then
		note='there are no tests'
		[ "$CI" = true ] && failed=$((failed + 1)) total=$((total + 1))
	fi
	if [ "$CI" = true ] && [ "$skipped" -gt $all_by_right ]; then
		note="skipped tests are failures with CI=true"
		failed=$((failed + skipped - all_by_right))
		skipped=$all_by_right
	fi
	passed_all=$((passed_all + total - failed - skipped))
	failed_all=$((failed_all + failed))
	table+=$(printf '%-8s %7d %7d %8d %7d s  %s' "$name" $((total - failed - skipped)) \
		"$failed" "$skipped" $((SECONDS - start)) "$note")$'\n'
}

# What a board would get: the guests run these and not the development build.
build_for_guests()
{
	local arch preset
	for arch in $(awk '!/^#/ && NF { print $2 }' tests/vm/kernels.list | sort -u); do
		preset=$arch-static
		if [ "$arch" = amd64 ]; then
			preset=static
		else
			step "sysroot $arch" tests/vm/sysroot.sh "$arch" "build/sysroot-$arch"
		fi
		step "configure $preset" cmake --preset "$preset"
		step "build $preset" cmake --build --preset "$preset"
	done
}

options "$@"
mkdir -p $LOGS || exit 1
install_packages
step configure cmake --preset dev
step build cmake --build --preset dev
if wants fuzz; then
	step 'configure fuzz' cmake --preset fuzz
	step 'build fuzz' cmake --build --preset fuzz
fi
wants_guests && build_for_guests

passed_all=0
failed_all=0
table=''
by_right=''
for name in $ALL_RINGS; do
	wants "$name" && ring "$name"
done
say ""
printf '%-8s %7s %7s %8s %9s\n' ring passed failed skipped time
printf '%s\n' "$table$by_right"
say "$passed_all passed, $failed_all failed"
[ $failed_all -eq 0 ] && [ $passed_all -gt 0 ]
