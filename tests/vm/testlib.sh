# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that read this file use the variables
#
# Shared by the tests of the vm ring, which run on the host (test_*.sh):
# where things are, what has to be there, and how a test says what is wrong.
# They run under ctest, which gives DQ_SOURCE_DIR, DQ_BINARY_DIR and DMASEQ.
#
#	DMASEQ_VM_BUILD=DIR	the guests run DIR/static, DIR/arm64-static ...
#				instead of what vm.build has built

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=${DQ_SOURCE_DIR:-$(cd "$VM_DIR/../.." && pwd)}
BUILD=${DQ_BINARY_DIR:-$TOP/build/dev}
read -ra DMASEQ_CMD <<<"${DMASEQ:-$BUILD/src/cmd/dmaseq}"
BINARIES=${DMASEQ_VM_BUILD:-$TOP/build}
RESULTS=$BUILD/tests/vm
failed=0

say()
{
	printf '%s\n' "$*"
}

bad()
{
	failed=$((failed + 1))
	say "FAILED: $*"
}

dmaseq()
{
	"${DMASEQ_CMD[@]}" "$@"
}

# The end of a test that looked at something.
finish()
{
	[ $failed -eq 0 ]
	exit
}

# skip REASON: where everything has to be there that is a failure.
skip()
{
	if [ "${CI:-false}" = true ]; then
		say "FAILED: $*"
		exit 1
	fi
	say "skipped: $*"
	exit 77
}

# means TOOL...: skips when one is missing.
means()
{
	local tool missing=()
	PATH=$PATH:/usr/sbin:/sbin
	for tool; do
		command -v "$tool" >/dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} -eq 0 ] ||
		skip "not installed: ${missing[*]} (tests/vm/packages says which Debian package has them)"
}

# field_of KERNEL N: of its line in kernels.list
field_of()
{
	awk -v name="$1" -v n="$2" '$1 == name { print $n }' "$VM_DIR/kernels.list"
}

# arch_of KERNEL
arch_of()
{
	field_of "$1" 2
}

# rungs_of KERNEL: those that recordings are forced to take
rungs_of()
{
	field_of "$1" 5 | tr ',' ' ' | sed 's/^-$//'
}

# runs KERNEL TEST
runs()
{
	[[ ,$(field_of "$1" 6), == *,$2,* ]]
}

# ran KERNEL WHAT STORY STATUS ERR: how a story of dqload ended, by its files. It ran
# to its end, or said in the words of expected/skipped.txt why KERNEL cannot run it.
ran()
{
	local status want said
	status=$(cat "$4" 2>/dev/null || echo nothing)
	want=$(awk -v kernel="$1" -v story="$3" '$1 == kernel && $2 == story { sub(/^[^ ]+ +[^ ]+ +/, ""); print }' \
		"$VM_DIR/expected/skipped.txt")
	said=$(sed -n 's/^dq[a-z]*: skipped: //p' "$5" 2>/dev/null)
	case $status in
	0)
		[ -z "$want" ] && return
		bad "$2 ran, but expected/skipped.txt says that it cannot"
		;;
	77)
		say "$2: skipped: $said"
		[ -n "$want" ] && [ "$said" = "$want" ] && return
		bad "$2 was skipped, and expected/skipped.txt says ${want:-nothing of it}"
		;;
	*)
		bad "$2 ended with $status: $(cat "$5")"
		;;
	esac
	return 1
}

# found FILE WORD...: "PROCESS RULE" of each finding in it. Whose it is says the finding, or else the
# first call that proves it.
found()
{
	local file=$1
	shift
	dmaseq check --quiet --fail-on never "$@" "$file" | awk '
	function tell() {
		if (rule)
			print who, rule
		rule = who = ""
	}
	/^#[0-9]+ / { tell(); rule = $NF; gsub(/[][]/, "", rule) }
	rule && /^    process / { who = $2 }
	rule && !who && /^    (call [0-9]+ )?at [0-9.]+ s, / { sub(/.* s, /, ""); sub(/ \(.*/, ""); who = $0 }
	/^$/ { tell() }' | sort -u
}

guest_means()
{
	means cpio gzip xz zstd depmod modprobe flock timeout cmake ninja
	case $(arch_of "$1") in
	amd64) means qemu-system-x86_64 x86_64-linux-gnu-gcc ;;
	arm64) means qemu-system-aarch64 aarch64-linux-gnu-gcc ;;
	armhf) means qemu-system-arm arm-linux-gnueabihf-gcc ;;
	esac
}

# guest_dmaseq KERNEL: the static binary for it.
guest_dmaseq()
{
	local preset=static
	[ "$(arch_of "$1")" = amd64 ] || preset=$(arch_of "$1")-static
	printf '%s\n' "$BINARIES/$preset/src/cmd/dmaseq"
}

# guest KERNEL DIR OPTION... -- SCRIPT ARG...: runs it with DIR as the share and
# shows what it said; false when the guest or the script failed. A guest has nearly the time that
# ctest gives a test: on a busy machine it may take five times what it takes on an idle one.
guest()
{
	local kernel=$1 dir=$2 status=0
	shift 2
	mkdir -p "$dir"
	"$VM_DIR/run.sh" --kernel "$kernel" --share "$dir" --timeout 1700 --file "$(guest_dmaseq "$kernel")" \
		--file "$VM_DIR/guest/recorders.sh:/lib/recorders.sh" "$@" ||
		status=$?
	[ ! -s "$dir/output.log" ] || cat "$dir/output.log"
	return $status
}

# release_pattern KERNEL: its release, as an extended regular expression
release_pattern()
{
	sed 's/[][\\.*^$+?(){}|]/\\&/g' "$("$VM_DIR/fetch-kernel.sh" "$1")/release"
}
