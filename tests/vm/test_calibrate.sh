#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_calibrate.sh KERNEL
#
# A kernel without BTF, or one whose BTF is hidden: the places that calibration
# finds must be those that the kernel's BTF tells, the recording must say the
# same as one made with BTF of the same calls, and the BTF of something else
# must be refused. All that is read meanwhile must be the kernel's memory, never
# a device's (reads.py).
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/calibrate.$kernel
guest_means "$kernel"
means clang python3

# What is learnt later, at the first export, or not needed: never anything else.
UNKNOWN='dma_buf.exp_name dma_buf.name dma_buf.owner dma_buf_attachment.importer_ops'

rm -rf "$dir"
mkdir -p "$dir"
printf 'struct task_struct { int pid; char comm[16]; } t;\n' |
	clang -target bpf -g -O2 -x c -c - -o "$dir/wrong.btf" || exit 1
# one processor: probes come and go while calls are made, see run.sh
guest "$kernel" "$dir" --smp 1 --file "$dir/wrong.btf" -- "$VM_DIR/guest/calibrate.sh" ||
	bad "the guest $kernel failed"

status()
{
	[ "$(cat "$dir/$1.status" 2>/dev/null)" = "$2" ] ||
		bad "$1 ended with $(cat "$dir/$1.status" 2>/dev/null || echo nothing), not $2: $(cat "$dir/$1.err")"
}

# same_calls A B: both traces have the same calls, with the same objects, names and results.
said()
{
	dmaseq dump "$dir/$1.dmaseq" >"$dir/$1.txt" || bad "$1: dump"
	# times, numbers of tasks and how far the recorder counted are its own
	grep -E '^(buf|att|dev|call|sys) ' "$dir/$1.txt" |
		sed -E 's/ (t|end|dur|task|cpu|seq|sys|table|stack|caller)=("[^"]*"|[^ ]*)//g' >"$dir/$1.said"
}

status doctor 0
read_what=$(python3 -B "$VM_DIR/reads.py" "$dir/kernel.kcore" "$dir/vmallocinfo" "$dir/reads.txt" 2>&1) ||
	bad "$kernel: what was read: $read_what"
status record 0
status wrong 125
grep -q "it is the BTF of another kernel" "$dir/wrong.err" || bad "a wrong BTF: $(cat "$dir/wrong.err")"
[ ! -e "$dir/wrong.dmaseq" ] || bad "a refused recording left a file"
unknown=$(sed -n 's/^ *calibrated .* not known: *//p' "$dir/doctor.out")
[ "$unknown" = "$UNKNOWN" ] || bad "not known: $unknown; $(grep -o 'calibrate: .*' "$dir/doctor.err")"
said blind
grep -q '^meta calibration value="found=' "$dir/blind.txt" || bad "the trace does not say that it was calibrated"
! grep -E '^buf .*exp_name=""' "$dir/blind.txt" || bad "a buffer without its exporter"
n=$(grep -c '^call ' "$dir/blind.said")
[ "$n" -ge 100 ] || bad "only $n calls"
if [ -e "$dir/seeing.dmaseq" ]; then
	grep -q '^ok  compared ' "$dir/doctor.out" || bad "doctor: $(grep compared -A9 "$dir/doctor.out")"
	said seeing
	diff -u "$dir/seeing.said" "$dir/blind.said" || bad "not the same (- with BTF, + without)"
	status file 0
	said file
	grep -q '^meta calibration value="btf file"' "$dir/file.txt" || bad "--btf FILE is not in the trace"
	[ "$(grep -c '^buf ' "$dir/file.said")" -eq "$(grep -c '^buf ' "$dir/blind.said")" ] ||
		bad "--btf FILE: other buffers"
fi
say "$kernel: $n calls; reads: $read_what; $(sed -n 's/^ *calibrated *//p' "$dir/doctor.out")"
finish
