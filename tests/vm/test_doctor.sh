#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_doctor.sh KERNEL
#
# What doctor --self-test said in the guest of test_record.sh is
# expected/doctor.KERNEL, but for how often each probe was hit: there "some" is
# any number but 0. Where fentry is taken only when asked for, it is asked for.
# UPDATE_GOLDEN=1 writes the expected file anew.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
dir=$RESULTS/$kernel
want=$VM_DIR/expected/doctor.$kernel.txt

release=$(release_pattern "$kernel")
sed -E -e "s/$release/RELEASE/" -e 's/ +[1-9][0-9]*$/ some/' \
	"$dir/doctor.out" >"$dir/doctor.got"
[ "$(cat "$dir/doctor.status")" = 0 ] || bad "doctor ended with $(cat "$dir/doctor.status")"
[ ! -s "$dir/doctor.err" ] || bad "doctor said: $(cat "$dir/doctor.err")"
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$dir/doctor.got" "$want"
diff -u "$want" "$dir/doctor.got" || bad "doctor on $kernel (- expected, + got)"
! grep -q '<- required' "$dir/doctor.got" || bad "a required hook is not attached"
if grep -q 'no fentry: this kernel preempts' "$dir/doctor.got"; then
	[ "$(cat "$dir/doctor.fentry.status")" = 0 ] || bad "doctor --attach fentry ended with $(cat "$dir/doctor.fentry.status")"
	for line in 'ok  recording      fentry+kprobe' 'ok  self-test '; do
		grep -q "^$line" "$dir/doctor.fentry.out" || bad "doctor --attach fentry does not say: $line"
	done
fi
finish
