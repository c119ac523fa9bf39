#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# examples.sh TRACE
#
# A trace that examples/ shows still reads whole, and still gives the chart beside it:
# the reader keeps its promise to old files, and the pictures are what the tool draws; check finds
# nothing in it.
# UPDATE_GOLDEN=1 makes the source and the picture anew.
set -eu

trace=$1
source=${trace%.dmaseq}.signalling
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck disable=SC2086 # words: an emulator and the binary
$DMASEQ diagram "$trace" --strict -o "$tmp/chart.signalling" 2>"$tmp/err" || {
	cat "$tmp/err"
	exit 1
}
# nothing is wrong in it, and nothing too slow; or what is, if that is what it shows
findings=${trace%.dmaseq}.check.expected
# shellcheck disable=SC2086
if ! $DMASEQ check --strict --fail-on hint "$trace" >"$tmp/check" && [ ! -f "$findings" ]; then
	cat "$tmp/check"
	exit 1
fi
if [ "${UPDATE_GOLDEN:-}" = 1 ]; then
	cp "$tmp/chart.signalling" "$source"
	[ ! -f "$findings" ] || cp "$tmp/check" "$findings"
	# shellcheck disable=SC2086
	$DMASEQ diagram "$trace" -qo "${source%.signalling}.png"
fi
diff -u "$source" "$tmp/chart.signalling"
[ ! -f "$findings" ] || diff -u "$findings" "$tmp/check"
test -s "${source%.signalling}.png"

# what else is shown of it: NAME-all, NAME-overview: charts; NAME-graph
for kind in all overview graph; do
	case $kind in
	all) words="diagram -b all" ext=signalling ;;
	overview) words="diagram --overview" ext=signalling ;;
	graph) words=graph ext=dot ;;
	esac
	source=${trace%.dmaseq}-$kind.$ext
	[ -f "$source" ] || continue
	# shellcheck disable=SC2086 # words
	$DMASEQ $words -q --strict "$trace" >"$tmp/$kind"
	if [ "${UPDATE_GOLDEN:-}" = 1 ]; then
		cp "$tmp/$kind" "$source"
		# shellcheck disable=SC2086
		$DMASEQ $words "$trace" -qo "$tmp/$kind.png"
		cp "$tmp/$kind.png" "${source%."$ext"}.png"
	fi
	diff -u "$source" "$tmp/$kind"
	test -s "${source%."$ext"}.png"
done
