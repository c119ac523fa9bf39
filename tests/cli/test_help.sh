#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Help, version and the lists for the completion: where they go, that they agree
# with each other, that they fit on a terminal.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^set(DQ_VERSION \(.*\))$/\1/p' "$TOP/CMakeLists.txt")
check "version starts with $version" grep -Eq "^dmaseq ${version//./\\.}( \(git [^ ]*\))?$" <(dmaseq --version)
ok "$(dmaseq --version)" -- -V

help=$(dmaseq help)
ok "$help" -- help
ok "$help" -- --help
ok "$help" -- -h
check "help names the commands" grep -q '^Commands:' <<<"$help"

for cmd in $(commands); do
	text=$(dmaseq help "$cmd")
	ok "$text" -- help "$cmd"
	ok "$text" -- "$cmd" --help
	ok "$text" -- "$cmd" -h
	check "help of $cmd starts with its usage" grep -q "^Usage: dmaseq $cmd " <<<"$text"
	check "help of $cmd fits into 80 columns" awk 'length > 79 { print; bad = 1 } END { exit bad }' <<<"$text"
	check "help names $cmd" grep -q "^  $cmd " <<<"$help"
	case $cmd in
	record | doctor) can_record || continue ;;
	esac
	while IFS=$'\t' read -r name letter arg choices; do
		line="      --$name"
		[ "$letter" = - ] || line="  -$letter, --$name"
		case $arg in
		-) ;;
		\[*) line+="[=${arg#[}" ;;
		*) line+="=$arg" ;;
		esac
		check "help of $cmd has '$line'" grep -Fq -- "$line" <<<"$text"
		: "$choices"
	done < <(dmaseq --list-opts "$cmd")
done

# output that does not arrive is a failure
dmaseq help >/dev/full 2>err
check "help > /dev/full has status 2" test $? -eq 2
check "help > /dev/full says why" grep -Fxq "dmaseq: cannot write to standard output: No space left on device" err

summary
