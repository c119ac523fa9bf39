#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What holds for every file of the tree: it says its licence, it names no package
# mirror and no place of one particular machine, its lines are clean.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

files()
{
	if git -C "$TOP" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$TOP" ls-files -z
	else
		(cd "$TOP" && find . \( -name .git -o -name build -o -name 'build-*' \) -prune -o -type f -printf '%P\0')
	fi
}

# Recorded data and the expected output of a test are no source, and the licence
# is itself.
is_source()
{
	case $1 in
	LICENSE | .gitignore) return 1 ;;
	*.png | *.svg | *.dmaseq | *.signalling | *.chart | *.pdf) return 1 ;;
	tests/golden/*.expected | tests/bench/*.expected | tests/golden/trace/*.txt | tests/vm/expected/* | tests/fuzz/corpus/* | examples/*.txt | examples/*.dot | examples/*.expected) return 1 ;;
	esac
}

sources=()
while IFS= read -r -d '' f; do
	[ -f "$TOP/$f" ] && is_source "$f" && sources+=("$f")
done < <(files)

# licence FILE
licence()
{
	case $1 in
	bpf/*) want='GPL-2.0-only OR BSD-2-Clause' ;;
	tests/vm/lab/dqlab.c | tests/vm/lab/Kbuild) want='GPL-2.0-only' ;; # a module of the kernel
	*) want='BSD-2-Clause' ;;
	esac
	head -n 6 "$TOP/$1" | grep -Eq "SPDX-License-Identifier\"?: \"?$want"
}

absent()
{
	! (cd "$TOP" && grep -nE "$1" -- "${sources[@]}")
}

check "there are files" test ${#sources[@]} -gt 20
for f in "${sources[@]}"; do
	check "$f has its SPDX line" licence "$f"
done
# links FILE: what a page points to in the tree is there
links()
{
	local target bad=0
	for target in $(grep -Eo '\]\([^)#]+' "$TOP/$1" | sed 's/^](//' | grep -v '^https\?:'); do
		[ -e "$TOP/$(dirname "$1")/$target" ] && continue
		echo "$1: there is no $target"
		bad=1
	done
	return $bad
}
for f in "${sources[@]}"; do
	[[ $f != *.md ]] || check "links of $f" links "$f"
done
check "no place of one machine" absent '(^|[^[:alnum:]$])/(work|home|root)/'
check "no package mirror" absent '(deb|ftp|snapshot|security|cloudfront|archive)[a-z.]*[.](debian|ubuntu)[.](org|com)'
check "no blank at the end of a line" absent '[ 	]+$'
check "no conflict marker" absent '^(<<<<<<<|>>>>>>>) '
if command -v shellcheck >/dev/null; then
	# a script in a page is a page's
	mapfile -t scripts < <(cd "$TOP" && awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME }' "${sources[@]}")
	(cd "$TOP" && shellcheck -x -S warning "${scripts[@]}") >shellcheck.out 2>&1
	check "shellcheck" test ! -s shellcheck.out
	head -n 60 shellcheck.out
fi
summary
