#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A man page for each command, which documents each option of its table and no
# other, with the same letter, argument and choices.
#
# An option's entry in the page is a line like these, and its text:
#	*-o*, *--out*=_FILE_
#	*--no-fold*
#	*--color*[=_WHEN_]
# The options that every command has are one entry, explained in dmaseq(1).
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
common='*-v*, *--verbose*, *-q*, *--quiet*, *--color*[=_WHEN_], *-h*, *--help*'

# entries CMD: the lines that its page must have, by the table
entries()
{
	local name letter arg choices line
	while IFS=$'\t' read -r name letter arg choices; do
		case $name in
		verbose | quiet | color | help) continue ;;
		esac
		line="*--$name*"
		[ "$letter" = - ] || line="*-$letter*, $line"
		case $arg in
		-) ;;
		\[*) line+="[=_${arg:1:-1}_]" ;;
		*) line+="=_${arg}_" ;;
		esac
		printf '%s\n' "$line"
		: "$choices"
	done < <(dmaseq --list-opts "$1")
	printf '%s\n' "$common"
}

# mentions PAGE: each choice of each option stands in the page
mentions()
{
	local name letter arg choices c bad=0
	while IFS=$'\t' read -r name letter arg choices; do
		case $name:$choices in
		color:* | *:-) continue ;;
		esac
		for c in $choices; do
			grep -Eq "[*_]${c}[*_]" "$2" && continue
			echo "--$name=$c is not explained"
			bad=1
		done
	done < <(dmaseq --list-opts "$1")
	return $bad
}

for cmd in $(commands); do
	page=$TOP/docs/dmaseq-$cmd.1.scd
	check "there is a page docs/dmaseq-$cmd.1.scd" test -s "$page" || continue
	[ -s "$page" ] || continue
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		check "$cmd: section $section" grep -Fxq "# $section" "$page"
	done
	check "dmaseq(1) names $cmd" grep -Fq "*dmaseq-$cmd*(1)" "$TOP/docs/dmaseq.1.scd"
	case $cmd in
	record | doctor) can_record || continue ;;
	esac
	entries "$cmd" | sort >want
	awk '/^# / { in_options = $2 == "OPTIONS" } in_options && /^\*-/' "$page" | sort >got
	check "$cmd: entries of the page (+) are those of the table (-)" diff -u want got
	check "$cmd: choices" mentions "$cmd" "$page"
done

# The page of the program explains the common ones.
# shellcheck disable=SC2063 # literal
for line in '*-v*, *--verbose*' '*-q*, *--quiet*' '*--color*[=_WHEN_]' '*-h*, *--help*' '*-V*, *--version*'; do
	check "dmaseq(1): $line" grep -Fxq -- "$line" "$TOP/docs/dmaseq.1.scd"
done
summary
