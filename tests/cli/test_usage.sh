#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every sentence about a wrong command line, byte for byte, with its status.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# before the command
usage - "no command given"
usage - "no command given" -v
usage - "unknown command 'recrod' (did you mean 'record'?)" recrod
usage - "unknown command 'diag' (did you mean 'diagram'?)" diag
usage - "unknown command 'hlep' (did you mean 'help'?)" hlep
usage - "unknown command 'frobnicate'" frobnicate
usage - "unknown command '\\x1b[31m'" $'\033[31m'
usage - "unknown command ''" ''
usage - "unknown option '--foo'" --foo list
usage - "unknown option '--versoin' (did you mean '--version'?)" --versoin
usage - "unknown option '-x'" -x
usage - "option '--version' takes no value" --version=1
usage - "invalid value 'red' for '--color': use always, auto or never" --color=red list
usage - "unknown command 'lst' (did you mean 'list'?)" help lst
usage - "option '--list-opts' requires a value: CMD" --list-opts
usage - "unknown command 'x'" --list-opts x
usage list '--limit is for the list of buffers' --limit 3 --shapes x
usage list '--limit is for the list of buffers' --limit 3 --holders x

# what all commands have in common
for cmd in $(commands); do
	case $cmd in
	record | doctor) can_record || continue ;;
	esac
	usage "$cmd" "unknown option '--foobar'" --foobar
	usage "$cmd" "unknown option '--verbos' (did you mean '--verbose'?)" --verbos
	usage "$cmd" "unknown option '-?'" '-?'
	usage "$cmd" "option '--quiet' takes no value" --quiet=yes
	usage "$cmd" "invalid value 'blue' for '--color': use always, auto or never" --color=blue
	# every option that takes a value says so, by both of its names
	while IFS=$'\t' read -r name letter arg _; do
		case $arg in
		- | \[*) continue ;;
		esac
		usage "$cmd" "option '--$name' requires a value: $arg" "--$name"
		usage "$cmd" "option '--$name' requires a value: $arg" "--$name="
		[ "$letter" = - ] && continue
		usage "$cmd" "option '-$letter' requires a value: $arg" "-$letter"
		usage "$cmd" "option '-$letter' requires a value: $arg" "-v$letter"
		usage "$cmd" "option '-$letter' requires a value: $arg" "-$letter" ''
	done < <(dmaseq --list-opts "$cmd")
done

summary
