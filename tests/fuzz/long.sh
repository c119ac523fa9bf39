#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzing that is left alone: each target for a time (default: an hour), one after the other at
# a low priority (default: the lowest), with what it learns kept in a directory, from where it goes on the next time.
# Needs the preset fuzz: cmake --preset fuzz && cmake --build --preset fuzz
#
#	long.sh [-t SECONDS] [-j JOBS] [-n NICE] [-d DIR] [TARGET]...
# shellcheck source-path=SCRIPTDIR source=seeds.sh
. "$(dirname "$0")/seeds.sh"
seconds=3600 dir=$FUZZ_TOP/build/fuzz/long jobs=1 nice=19
while getopts t:j:n:d: o; do
	case $o in
	t) seconds=$OPTARG ;;
	j) jobs=$OPTARG ;;
	n) nice=$OPTARG ;;
	d) dir=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- trace render analyse baseline ignore suppress template
status=0
for target; do
	mkdir -p "$dir/$target/new" "$dir/$target/seeds" "$dir/$target/found" || exit 1
	rm -f "$dir/$target/seeds"/*
	seeds "$target" "$dir/$target/seeds" || exit 1
	more=()
	[ "$jobs" -gt 1 ] && more=(-fork="$jobs")
	DQ_SOURCE_DIR=$FUZZ_TOP ASAN_OPTIONS=exitcode=99:detect_leaks=1:allocator_may_return_null=1 \
		nice -n "$nice" "$FUZZ_TOP/build/fuzz/tests/fuzz/fuzz_$target" "${more[@]}" \
		-max_total_time="$seconds" -max_len="$(longest "$target")" -len_control=0 -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
		-dict="$FUZZ_DIR/text.dict" -artifact_prefix="$dir/$target/found/" \
		"$dir/$target/new" "$dir/$target/seeds" >"$dir/$target/log" 2>&1 || status=1
	printf '%-10s ' "$target"
	grep -E '^#[0-9]+.*cov:' "$dir/$target/log" | tail -n 1
	ls "$dir/$target/found"
done
exit $status
