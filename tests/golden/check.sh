#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# check.sh RULE: check/RULE.bad.txt breaks this rule and no other, and what is said of it is
# check/RULE.expected; check/RULE.good.txt nearly does and breaks none.
# check.sh --all: each rule has its two traces, and each trace its rule.
# UPDATE_GOLDEN=1 writes the expected file instead; look at it before you commit it.
set -u
cd "$DQ_SOURCE_DIR/tests/golden/check" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

if [ "$1" = --all ]; then
	$DMASEQ check --explain=all | cut -d ' ' -f 1 | sort >"$tmp/rules"
	[ -s "$tmp/rules" ] || exit 1
	for kind in bad good; do
		for f in *.$kind.txt; do echo "${f%."$kind".txt}"; done | sort >"$tmp/$kind"
		diff -u "$tmp/rules" "$tmp/$kind" || exit 1
	done
	exit 0
fi

rule=$1
# those that are off are judged alone
words=''
$DMASEQ check --explain="$rule" | grep -q '^severity: off' && words="--rules $rule"

# check KIND: sets found to the rules that it breaks
check()
{
	# shellcheck disable=SC2086 # words
	$DMASEQ check --fail-on=note $words "$rule.$1.txt" >"$tmp/$1" 2>"$tmp/err"
	status=$?
	[ -s "$tmp/err" ] && cat "$tmp/err" && exit 1
	found=$(sed -n 's/^#[0-9].*\[\(.*\)\]$/\1/p' "$tmp/$1" | sort -u)
}

check bad
if [ "$found" != "$rule" ] || [ $status -ne 1 ]; then
	echo "$rule.bad.txt breaks '$found', status $status"
	cat "$tmp/bad"
	exit 1
fi
if [ "${UPDATE_GOLDEN:-}" = 1 ]; then
	cp "$tmp/bad" "$rule.expected"
else
	diff -u "$rule.expected" "$tmp/bad" || exit 1
fi
check good
[ -z "$found" ] && [ $status -eq 0 ] && exit 0
echo "$rule.good.txt breaks '$found', status $status"
cat "$tmp/good"
exit 1
