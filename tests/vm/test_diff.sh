#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_diff.sh KERNEL
#
# Ten recordings of one program on one kernel differ in nothing; a program that attaches for
# each frame, forgets SYNC END or leaks a descriptor differs in exactly that (guest/diff.sh
# records). Baselines say the same as the recordings that they are of.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/diff.$kernel
cases=$dir/cases
guest_means "$kernel"

rm -rf "$dir"
guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/diff.sh" || {
	bad "the guest $kernel failed"
	finish
}
for n in 1 2 3 4 5 6 7 8 9 10; do
	runs+=("$cases/run-$n.dmaseq")
done
for trace in "${runs[@]}" "$cases"/{attach-per-frame,no-sync-end,held-0,held-1}.dmaseq; do
	name=$(basename "$trace" .dmaseq)
	[ "$(cat "$cases/$name.status")" = 0 ] || bad "$name ended with $(cat "$cases/$name.status"): $(cat "$cases/$name.err")"
	dmaseq dump --strict "$trace" >/dev/null || bad "$name is not complete"
done

# differ STATUS BASE NEW OPTION...: what diff says is left in $dir/said
differ()
{
	local want=$1 got
	shift
	dmaseq diff --strict "$@" >"$dir/said" 2>&1
	got=$?
	[ "$got" = "$want" ] && return
	bad "diff $* ends with $got and not $want:"
	cat "$dir/said"
}

# says LINE...: lines of it, as they are
says()
{
	local line
	for line; do
		grep -qxF -e "$line" "$dir/said" || bad "diff does not say: $line"
	done
}

# numbers VERDICT=N...: these and no other differences, of any shape
numbers()
{
	local want got
	want=$(printf '%s\n' "$@" | sort | xargs)
	got=$(dmaseq diff -f json "${compared[@]}" | sed -n '/^  "differs"/,/^  "renamed"/ s/^  "differences": {\(.*\)},$/\1/p' |
		tr -d '" ' | tr ',' '\n' | sed 's/:/=/' | grep -v '=0$' | sort | xargs)
	[ "$got" = "$want" ] || { bad "diff ${compared[*]} finds $got and not $want"; cat "$dir/said"; }
}

# Each against each, ten times ten; and a baseline of one against all.
pairs=0
for base in "${runs[@]}"; do
	for new in "${runs[@]}"; do
		differ 0 "$base" "$new"
		pairs=$((pairs + 1))
	done
done
dmaseq baseline --strict "${runs[0]}" -o "$dir/run.baseline" || bad "no baseline"
for new in "${runs[@]}"; do
	differ 0 "$dir/run.baseline" "$new"
	cp "$dir/run.baseline" "$dir/updated.baseline"
	dmaseq baseline --update "$dir/updated.baseline" "$new"
	diff -u "$dir/run.baseline" "$dir/updated.baseline" || bad "the baseline is not stable under $new"
done
say "$pairs pairs of recordings compared"
# Those that had as many frames, to the last one.
for n in 6 9; do
	differ 0 --counts exact "$cases/run-3.dmaseq" "$cases/run-$n.dmaseq"
done
# The frames vary, and it is no mistake of the test that nothing is seen.
differ 1 --counts exact "$cases/run-1.dmaseq" "$cases/run-2.dmaseq"
compared=("$cases/run-3.dmaseq" "$cases/no-sync-end.dmaseq" --full)
differ 1 "${compared[@]}"
grep -q '^@@ threads 2 dqload/filter-#' "$dir/said" || grep -q '^@@ thread dqload/filter-#' "$dir/said" ||
	bad "the threads of the work are not there"

# Changed programs.
compared=("$cases/run-3.dmaseq" "$cases/attach-per-frame.dmaseq")
differ 1 "${compared[@]}"
numbers added=2
says '+   DRM_IOCTL_PRIME_FD_TO_HANDLE on vgem' '+     vgem: dma_buf_attach(vgem)' '+   DRM_IOCTL_GEM_CLOSE on vgem' \
	'+ hint attach-per-frame: exporter system, device vgem, process dqload'
compared=("$cases/run-3.dmaseq" "$cases/no-sync-end.dmaseq")
differ 1 "${compared[@]}"
numbers removed=1 gained=1
says '-     dma_buf_ioctl(DMA_BUF_IOCTL_SYNC END|WRITE)' \
	'+ warning sync-start-without-end: exporter system, process dqload'
differ 1 "$dir/run.baseline" "$cases/no-sync-end.dmaseq"
says '+ warning sync-start-without-end: exporter system, process dqload'
compared=("$cases/held-0.dmaseq" "$cases/held-1.dmaseq")
differ 1 "${compared[@]}"
numbers added=1 removed=2
says '- close' '-@ release' '+@ held at the end' '+ descriptor of dqload: 0 => 1 buffers'
finish
