#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [options] -- SCRIPT [ARG...]
#
# Boots a guest of kernels.list, runs SCRIPT in it (busybox sh, as root) and
# ends with SCRIPT's exit status.
#
#	--kernel NAME    which guest (default 6.12-amd64)
#	--share DIR      /host of the guest; a temporary one otherwise, which is
#	                 removed after a success
#	--file F[:PATH]  put F into the guest, at PATH or in /bin (repeatable)
#	--timeout S      give up after S seconds of wall time (default 600)
#	--append "..."   more kernel command line; guest/init tells what it reads
#	--smp N          processors (default 2).  1 for work that runs while probes
#	                 come and go: QEMU before 8.1 may keep a translated int3
#	                 that another processor has taken back, and then the
#	                 kernel jumps to 0, with ftrace alone as well
#	--memory SIZE    (default 1G)
#	--qemu "..."     more QEMU options
#	--tcg            do not use KVM even where it works
#	--one-thread     all processors in one thread of TCG, which has not that
#	                 trouble with int3, for work that needs two of them
#	--icount         one processor whose clock counts its instructions, a
#	                 nanosecond each: to measure what something costs, on any
#	                 machine and however busy it is
#	--allow-warn     a kernel warning, bug or oops does not fail the run
#	--expect RE      one that matches RE (extended regular expression) does not
#	-v               show the console while it happens
#
# Left in the share: console.log, output.log (what SCRIPT said), dmesg.log,
# status, guest.sh.  Exit status: SCRIPT's; 124 the time was up; 125 the guest
# or the kernel misbehaved; 1 it could not be started.  One sentence on stderr
# says which, with the end of the console below it.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

kernel=6.12-amd64
share=
files=()
limit=600
append=
smp=2
memory=1G
more=
tcg=
one_thread=
icount=
allow_warn=
expected=
verbose=

usage()
{
	sed -n '4,36s/^# \{0,1\}//p' "$0"
	exit "$1"
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel|--share|--file|--timeout|--append|--smp|--memory|--qemu|--expect)
		[ $# -ge 2 ] || die "$1 needs a value."
		;;
	esac
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--share) share=$2; shift 2 ;;
	--file) files+=("$2"); shift 2 ;;
	--timeout) limit=$2; shift 2 ;;
	--append) append="$append $2"; shift 2 ;;
	--smp) smp=$2; shift 2 ;;
	--memory) memory=$2; shift 2 ;;
	--qemu) more=$2; shift 2 ;;
	--tcg) tcg=1; shift ;;
	--one-thread) one_thread=1; shift ;;
	--icount) icount=1; shift ;;
	--allow-warn) allow_warn=1; shift ;;
	--expect) expected=$2; shift 2 ;;
	-v) verbose=1; shift ;;
	-h|--help) usage 0 ;;
	--) shift; break ;;
	*) die "unknown option $1 (see --help)." ;;
	esac
done
[ $# -ge 1 ] || die "no script given (see --help)."
script=$1
shift
[ -r "$script" ] || die "$script cannot be read."

kernel_line "$kernel"
image=$("$VM_DIR/fetch-kernel.sh" "$kernel")/vmlinuz
work=$(mktemp -d)
keep_share=1
if [ -z "$share" ]; then
	share=$(mktemp -d)
	keep_share=
fi
trap 'rm -rf "$work"' EXIT
mkdir -p "$share"
rm -f "$share/status" "$share/output.log" "$share/dmesg.log" "$share/console.log"
# The guest's script is the caller's, with the arguments put in front of it:
# there is no other way to hand them over.
{
	printf 'set --'
	[ $# -eq 0 ] || printf ' %q' "$@"
	printf '\n'
	cat "$script"
} >"$share/guest.sh"
"$VM_DIR/mkinitramfs.sh" "$kernel" "$work/initramfs.gz" "${files[@]}"

case $K_ARCH in
amd64)
	qemu='qemu-system-x86_64'
	machine=(-M pc)
	cpu=max
	console=ttyS0
	host_arch=x86_64
	;;
arm64)
	qemu='qemu-system-aarch64'
	machine=(-M virt)
	# Signing pointers with the architected algorithm is most of the time
	# spent under TCG; the implementation-defined one is cheap.
	cpu=max,pauth-impdef=on
	console=ttyAMA0
	host_arch=aarch64
	;;
armhf)
	qemu='qemu-system-arm'
	# A kernel without LPAE sees no PCI above 4 GiB.
	machine=(-M 'virt,highmem=off')
	cpu=max
	console=ttyAMA0
	host_arch=armv7l
	;;
*)
	die "no machine is known for architecture $K_ARCH."
	;;
esac
need "$qemu" timeout
# What a guest need not do: copy and clear with `rep movsb` (ERMS), which TCG does byte by byte,
# and clear all memory that it hands out, as Debian's kernels do and verifying BPF makes them do
# a lot. Not where instructions are counted: tests/bench/figures are those of a kernel as it is.
if [ -z "$icount" ]; then
	[ "$K_ARCH" != amd64 ] || cpu+=,-erms,-fsrm
	append+=' init_on_alloc=0'
fi
accel=(-accel 'tcg,thread=multi')
if [ -n "$icount" ]; then
	# sleep=off: when there is nothing to do, time goes on at once.
	accel=(-accel 'tcg,thread=single' -icount 'shift=0,sleep=off')
	smp=1
elif [ -n "$one_thread" ]; then
	accel=(-accel 'tcg,thread=single')
elif [ -z "$tcg" ] && [ "${DMASEQ_VM_ACCEL:-}" != tcg ] &&
   [ "$(uname -m)" = $host_arch ] && [ -w /dev/kvm ]; then
	# -w is not enough: a container may show a device that does not work.
	if (echo quit | timeout 20 "$qemu" -accel kvm "${machine[@]}" -cpu host \
		-nodefaults -display none -S -monitor stdio; exit $?) >/dev/null 2>&1; then
		accel=(-accel kvm)
		cpu=host
	fi
fi

# cma: contiguous memory for vivid.  loglevel=5: warnings reach the console,
# chatter does not.  mitigations=off: several times faster under TCG.
# no_timer_check: on a busy machine the timer of a guest may look broken (x86).
cmdline="console=$console loglevel=5 panic=-1 mitigations=off no_timer_check cma=64M$append"
# shellcheck disable=SC2206 # --qemu is words
command=("$qemu" "${accel[@]}" "${machine[@]}" -cpu "$cpu" -smp "$smp" -m "$memory"
	-nodefaults -no-user-config -display none -no-reboot -nic none
	-serial stdio -monitor none
	-kernel "$image" -initrd "$work/initramfs.gz" -append "$cmdline"
	-device virtio-gpu-pci
	-virtfs "local,path=$share,mount_tag=host,security_model=none,multidevs=remap"
	$more)

# fail STATUS SENTENCE: the sentence, then the end of what the guest said.
fail()
{
	printf 'run.sh: %s: %s\n' "$kernel" "$2" >&2
	if [ -z "$verbose" ] && [ -s "$share/console.log" ]; then
		printf 'run.sh: the last of %s:\n' "$share/console.log" >&2
		tail -n 40 "$share/console.log" | tr -d '\r' | sed 's/^/    /' >&2
	fi
	exit "$1"
}

# In the background, so that a signal ends the wait and QEMU with it (timeout
# is in a process group of its own, which a terminal's ^C does not reach).
began=$(date +%s)
if [ -n "$verbose" ]; then
	exec 8> >(tee "$share/console.log")
	tee=$!
else
	exec 8>"$share/console.log"
	tee=
fi
timeout -k 5 "$limit" "${command[@]}" </dev/null >&8 2>&1 8>&- &
guest=$!
trap 'kill "$guest" 2>/dev/null; exit 143' TERM INT HUP
ended=0
wait "$guest" || ended=$?
exec 8>&-
[ -z "$tee" ] || wait "$tee"
took=$(($(date +%s) - began))

if [ "$ended" = 124 ] || [ "$ended" = 137 ]; then
	fail 124 "not finished after $limit s."
fi
# Only what the kernel printed counts (it has a time stamp), not what a
# script says about warnings; and nothing after the guest was done: 6.1's
# virtio-gpu warns when a frame buffer's update meets the power-off.
trouble='^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\].*(Kernel panic|BUG:|WARNING:|Oops|Unable to handle|general protection|refcount_t:|UBSAN:|KASAN:)'
if [ -z "$allow_warn" ]; then
	line=$({
		sed '/^dmaseq-guest: done/q' "$share/console.log"
		cat "$share/dmesg.log" 2>/dev/null
	} | tr -d '\r' | grep -a -E "$trouble" | grep -v -E "${expected:-^$}" | head -n 1 || :)
	[ -z "$line" ] || fail 125 "the kernel complained: $line"
fi
if [ ! -s "$share/status" ]; then
	fail 125 "the guest ended without a status (QEMU's was $ended)."
fi
status=$(cat "$share/status")
if [ "$status" != 0 ]; then
	fail "$status" "$(basename "$script") ended with status $status."
fi
progress "$kernel: $(basename "$script") done in $took s (${accel[1]})"
if [ -z "$keep_share" ]; then
	rm -rf "$share"
fi
exit 0
