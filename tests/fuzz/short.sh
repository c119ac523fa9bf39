#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The part of fuzzing that every run of the tests does: from the seeds, always the same
# numbers of inputs, so that it is the same on every machine. About a minute each.
#
#	short.sh TARGET PROGRAM
# shellcheck source-path=SCRIPTDIR source=seeds.sh
. "$(dirname "$0")/seeds.sh"
[ $# -eq 2 ] || exit 2
case $1 in
trace) runs=16000 ;;
render) runs=5000 ;;
analyse | suppress) runs=8000 ;;
template) runs=7000 ;;
*) runs=12000 ;;
esac
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
mkdir "$T/new" "$T/seeds"
seeds "$1" "$T/seeds" || exit 1
cd "$T" || exit 1
DQ_SOURCE_DIR=$FUZZ_TOP ASAN_OPTIONS=exitcode=99:detect_leaks=1:allocator_may_return_null=1 \
	"$2" -seed=1 -runs=$runs -max_len=16384 -timeout=60 -rss_limit_mb=2048 -len_control=0 \
	-dict="$FUZZ_DIR/text.dict" "$T/new" "$T/seeds" >log 2>&1
status=$?
grep -E 'INITED|DONE|ERROR|SUMMARY|status|HERE' log
[ $status -eq 0 ] && exit
tail -n 60 log
for f in crash-* oom-* timeout-* leak-*; do
	# what was in the file is the bug report
	[ -f "$f" ] && echo "---- $f, in base64:" && base64 "$f" | head -n 200
done
exit 1
