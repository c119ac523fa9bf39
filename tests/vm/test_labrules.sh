#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_labrules.sh KERNEL
#
# For each rule of check a script that breaks it and one that nearly does (lab/rules), all in one
# recording of a real kernel; and those that make the kernel stop with a BUG (lab/bug) in another,
# which is whole up to there. What check finds in each is what the script's
# line "# finds:" says, or "# finds on KERNEL:", no rule more and none less. The guest is thrown
# away: the kernel warns of half of what is done to it.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/labrules.$kernel
guest_means "$kernel"
means make x86_64-linux-gnu-gcc

rm -rf "$dir"
mkdir -p "$dir/rules" "$dir/bug"
cp "$VM_DIR"/lab/rules/*.lab "$dir/rules"
cp "$VM_DIR"/lab/bug/*.lab "$dir/bug"
cp "$VM_DIR/lab/warm.lab" "$dir"
module=$("$VM_DIR/lab/build.sh" "$kernel") || { bad "the lab module cannot be built"; finish; }
guest "$kernel" "$dir" --allow-warn --smp 1 --file "$module:/lib/dqlab.ko" \
	--file "$(dirname "$module")/dqlab-run:/bin/dqlab-run" -- "$VM_DIR/guest/labrules.sh" || {
	bad "the guest $kernel failed"
	finish
}

# finds SCRIPT: what it says of itself
finds()
{
	local want
	want=$(sed -n "s/^# finds on ${kernel%%-*}: //p" "$1")
	[ -n "$want" ] || want=$(sed -n 's/^# finds: //p' "$1")
	[ "$want" = nothing ] || printf '%s\n' "$want"
}

judged_rules()
{
	local process name status want got
	dmaseq dump --strict "$dir/rules.dmaseq" >"$dir/rules.txt" || bad "the trace of the rules is not complete"
	dmaseq dump --validate "$dir/rules.dmaseq" >"$dir/validated" || { bad "dump --validate:"; cat "$dir/validated"; }
	found "$dir/rules.dmaseq" >"$dir/found"
	# each finding is of a script
	! grep -v '^lab\.[0-9]* ' "$dir/found" || bad "of no script"
	found "$dir/rules.dmaseq" --rules all=off,vmap-without-begin,map-bidirectional,attached-twice >"$dir/found.off"
	while read -r process name status; do
		if [ "$status" != 0 ]; then
			bad "rules/$name ended with $status: $(cat "$dir/rules.err")"
			continue
		fi
		[ "$name" != warm ] || continue
		want=$(finds "$dir/rules/$name.lab")
		if grep -q '^# rules: ' "$dir/rules/$name.lab"; then
			got=$(sed -n "s/^$process //p" "$dir/found.off" | grep -Fx "${name%.*}")
		else
			got=$(sed -n "s/^$process //p" "$dir/found" | xargs)
		fi
		[ "$got" = "$want" ] || bad "check finds in rules/$name: ${got:-nothing}; expected: ${want:-nothing}"
	done <"$dir/rules.results"
	[ "$(wc -l <"$dir/rules.results")" -eq $(($(find "$dir/rules" -name "*.lab" | wc -l) + 1)) ] || bad "not all of the rules were run"
}

# The last calls of a task that died in one did not return.
judged_bugs()
{
	local process name status want got
	found "$dir/bug.dmaseq" --rules all=off,kernel >"$dir/found.bug"
	while read -r process name status; do
		[ "$status" != 0 ] || bad "bug/$name: its process did not die"
		want=$(finds "$dir/bug/$name.lab")
		got=$(sed -n "s/^$process //p" "$dir/found.bug" | xargs)
		[ "$got" = "$want" ] || bad "check finds in bug/$name: ${got:-nothing}; expected: ${want:-nothing}"
	done <"$dir/bug.results"
	[ "$(wc -l <"$dir/bug.results")" -eq "$(find "$dir/bug" -name "*.lab" | wc -l)" ] || bad "not all of the bugs were run"
	[ "$(tr -d '\r' <"$dir/console.log" | grep -a -c 'kernel BUG at .*dma-buf')" -eq "$(wc -l <"$dir/bug.results")" ] ||
		bad "the kernel did not stop once for each"
}

judged_rules
judged_bugs
finish
