#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a fuzz target begins with: real recordings and what was made from them. Copies, in a
# directory that is removed.
#
#	seeds.sh TARGET PROGRAM -n		ctest: PROGRAM -n MUTATIONS SEED...
#	. seeds.sh; seeds TARGET DIR		the functions alone
set -u
FUZZ_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FUZZ_TOP=$(cd "$FUZZ_DIR/../.." && pwd)

# seeds TARGET DIR: fills DIR
seeds()
{
	local f n=0
	case $1 in
	trace | render | analyse)
		set -- "$1" "$2" "$FUZZ_TOP"/tests/golden/*.txt "$FUZZ_TOP"/examples/*/*.dmaseq \
			"$FUZZ_TOP"/tests/golden/trace/v* "$FUZZ_DIR"/corpus/*.dmaseq "$FUZZ_DIR"/corpus/*.txt
		[ "$1" = analyse ] && set -- "$@" "$FUZZ_TOP"/tests/golden/check/*.bad.txt
		;;
	template) set -- "$1" "$2" "$FUZZ_TOP"/msc-templates/*.signalling ;;
	baseline) set -- "$1" "$2" "$FUZZ_TOP"/tests/golden/*.baseline.expected ;;
	*) ;;
	esac
	set -- "$@" "$FUZZ_DIR/corpus/$1"-*
	local dir=$2
	shift 2
	for f; do
		# big ones cost more than they tell
		[ -f "$f" ] && [ "$(stat -c %s "$f")" -lt 60000 ] || continue
		n=$((n + 1))
		cp "$f" "$dir/$n-${f##*/}" || return 1
	done
	[ $n -gt 0 ]
}

# How long an input may become: rules are read line by line, and a file of many says no more than one
# of few.
longest()
{
	case $1 in
	ignore | suppress) echo 2048 ;;
	baseline | template) echo 8192 ;;
	*) echo 32768 ;;
	esac
}

# How many mutations of each seed: what takes some seconds.
mutations()
{
	case $1 in
	trace) echo 40 ;;
	render | analyse) echo 1 ;;
	*) echo 20 ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	[ $# -ge 2 ] || exit 2
	T=$(mktemp -d) || exit 1
	trap 'rm -rf "$T"' EXIT
	seeds "$1" "$T" || exit 1
	"$2" -n "$(mutations "$1")" "$T"/*
fi
