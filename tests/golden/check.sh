#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# check.sh RULE: check/RULE.bad.txt breaks this rule and no other, and what is said of it is
# check/RULE.expected; check/RULE.good.txt nearly does and breaks none.
# check.sh --all: each rule has its two traces, and each trace its rule; and each has its two scripts of
# the lab (tests/vm/lab), or lab/no-kernel says why no kernel can be made to do it.
# check.sh --table: which rule has what.
# UPDATE_GOLDEN=1 writes the expected file instead; look at it before you commit it.
set -u
cd "$DQ_SOURCE_DIR/tests/golden/check" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

lab=../../vm/lab

# script RULE bad|good: the one of the lab, which has to say that it finds, or does not find, the rule
script()
{
	for f in $lab/rules/"$1.$2.lab" $lab/bug/"$1.$2.lab"; do
		[ -f "$f" ] || continue
		case " $(sed -n 's/^# finds: //p' "$f") " in
		*" $1 "*) [ "$2" = bad ] ;;
		*) [ "$2" = good ] ;;
		esac && echo "${f#"$lab"/}" && return
	done
	return 1
}

if [ "$1" = --table ]; then
	for rule in $($DMASEQ check --explain=all | cut -d ' ' -f 1); do
		bad=$(script "$rule" bad) || bad=-
		good=$(script "$rule" good) || good=-
		printf '%-28s %-40s %-40s %s\n' "$rule" "$bad" "$good" "$(echo "$rule".*.txt)"
	done
	exit 0
fi

if [ "$1" = --all ]; then
	$DMASEQ check --explain=all | cut -d ' ' -f 1 | sort >"$tmp/rules"
	[ -s "$tmp/rules" ] || exit 1
	for kind in bad good; do
		for f in *.$kind.txt; do echo "${f%."$kind".txt}"; done | sort >"$tmp/$kind"
		diff -u "$tmp/rules" "$tmp/$kind" || exit 1
		while read -r rule; do
			grep -q "^$rule $kind: ." $lab/no-kernel && none=yes || none=
			script "$rule" $kind >/dev/null && has=yes || has=
			[ "$none" != "$has" ] && continue
			echo "$rule: a $kind script of the lab: ${has:-none}; a reason that there is none: ${none:-none}"
			exit 1
		done <"$tmp/rules"
	done
	for f in $lab/rules/*.lab $lab/bug/*.lab; do
		rule=${f##*/}
		grep -qx "${rule%.*.lab}" "$tmp/rules" || { echo "$f is of no rule"; exit 1; }
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
