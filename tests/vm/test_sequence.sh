#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_sequence.sh KERNEL
#
# What the kernel does in the shortest form of each story is expected/sequence.KERNEL:
# each thread's calls in the order of their entry, nested, with errors and
# exporters but without numbers, times and identities.  Read next to another
# kernel's it says what is different there.  UPDATE_GOLDEN=1 writes it anew; then
# it wants an eye.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/$kernel
want=$VM_DIR/expected/sequence.$kernel.txt

[ "$(cat "$dir/sequence.status")" = 0 ] || { bad "record ended with: $(cat "$dir/sequence.err")"; finish; }
dmaseq dump --strict "$dir/sequence.dmaseq" >"$dir/sequence.txt" || bad "the trace is not complete"

"$VM_DIR/sequence.sh" <"$dir/sequence.txt" >"$dir/sequence.got"
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$dir/sequence.got" "$want"
diff -u "$want" "$dir/sequence.got" || bad "the sequence of $kernel (- expected, + got)"
finish
