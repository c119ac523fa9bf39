#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_lab.sh KERNEL
#
# What no stock driver does: the scripts of the lab (lab/scripts), one after the other in one
# recording. The calls of each of them are expected/lab.KERNEL.txt; UPDATE_GOLDEN=1 writes it
# anew, then it wants an eye. What check finds in each is what the script's line
# "# finds:" says, no rule more and none less.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/lab.$kernel
want=$VM_DIR/expected/lab.$kernel.txt
guest_means "$kernel"
means make x86_64-linux-gnu-gcc

rm -rf "$dir"
mkdir -p "$dir/scripts"
cp "$VM_DIR"/lab/scripts/*.lab "$dir/scripts"
module=$("$VM_DIR/lab/build.sh" "$kernel") || { bad "the lab module cannot be built"; finish; }
# That a buffer dies with an importer attached is what one of the scripts is for.
guest "$kernel" "$dir" --smp 1 --expect 'WARNING: .*dma_buf_release' \
	--file "$module:/lib/dqlab.ko" --file "$(dirname "$module")/dqlab-run:/bin/dqlab-run" \
	-- "$VM_DIR/guest/lab.sh" || {
	bad "the guest $kernel failed"
	finish
}

# judged NAME PROCESS
judged()
{
	local want got
	want=$(sed -n 's/^# finds: //p' "$dir/scripts/$1.lab")
	got=$(sed -n "s/^$2 //p" "$dir/found" | xargs)
	[ "${got:-nothing}" = "$want" ] || bad "check finds in $1: ${got:-nothing}; expected: $want"
}

# part PROCESS: of the recording, what was called from its begin to that of the next one
part()
{
	awk -v want="$1" '
	/^task / && match($0, /comm="lab\.[0-9]+"/) { now = substr($0, RSTART + 6, RLENGTH - 7) }
	/^call / && now != want { next }
	{ print }' "$dir/lab.txt" | sed 's/comm="lab\.[0-9]*"/comm="dqlab-run"/'
}

dmaseq dump --strict "$dir/lab.dmaseq" >"$dir/lab.txt" || bad "the trace is not complete"
dmaseq dump --validate "$dir/lab.dmaseq" >"$dir/validated" || { bad "dump --validate:"; cat "$dir/validated"; }
found "$dir/lab.dmaseq" >"$dir/found"
! grep -v '^lab\.[0-9]* ' "$dir/found" || bad "of no script"
while read -r process name status; do
	if [ "$status" != 0 ]; then
		bad "$name ended with $status: $(cat "$dir/$name.err")"
		continue
	fi
	judged "$name" "$process"
	part "$process" >"$dir/$name.txt"
	[ "$name" != moves ] || continue # see below
	# Which of an importer's callbacks come before its table is armed is chance.
	{
		printf '==== %s\n' "$name"
		grep -v '^call importer_ops->' "$dir/$name.txt" | "$VM_DIR/sequence.sh"
	} >>"$dir/got"
done <"$dir/results"
[ "$(wc -l <"$dir/results")" -eq "$(find "$dir/scripts" -name "*.lab" | wc -l)" ] || bad "not all of the scripts were run"
# Of moves: the first ones come before the table is armed, the last ones do not.
awk '
function field(name) {
	return match($0, " " name "=[0-9]+") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : 0
}
/^call importer_ops->/ { told[field("sys")]++ }
/^call dma_buf_(move_notify|invalidate_mappings) / { moved[field("sys")]++; last = field("sys"); n++ }
END {
	for (s in moved) all += told[s]
	printf "%d moves, the importer was told of %d, of the last: %d\n", n, all, told[last]
	exit n != 50 || told[last] != 1
}' "$dir/moves.txt" || bad "the importer's callback is not in the trace"
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$dir/got" "$want"
diff -u "$want" "$dir/got" || bad "the calls of the lab on $kernel (- expected, + got)"
finish
