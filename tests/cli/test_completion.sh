#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The bash completion, called as bash would call it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../../docs/dmaseq.bash
. "$TOP/docs/dmaseq.bash"

# The program may be more than one word (an emulator); completion gets one.
printf '#!/bin/sh\nexec %s "$@"\n' "${DMASEQ_CMD[*]}" >bin
chmod +x bin

# completes EXPECTED WORD...: the last word is being typed
completes()
{
	local want=$1 what got
	shift
	what="completion of '$*'"
	COMP_WORDS=("$T/bin" "$@")
	COMP_CWORD=$#
	_dmaseq
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sed 's/ $//' | sort | tr '\n' ' ')
	if [ "$got" = "$want " ] || [ "$got$want" = ' ' ]; then
		pass
	else
		echo "expected: $want"$'\n'"got:      $got" | fail "$what"
	fi
}

completes "--help --version anonymize baseline check diagram diff doctor dump export graph help list record" ''
completes "diagram" dia
completes "anonymize baseline check diagram diff doctor dump export graph list record" help ''
completes "--help" list --h
completes "--color" list --co
completes "--quiet" -v list x --q
completes "always auto never" list --color = ''
completes "always auto never" list --color =
completes "never" list --color = n
completes "" list --color ''	# its value is optional: a file may follow
completes "" list ''
completes "" list --verbose ''
completes "" nonsense --co

# an option whose value has choices, when there is one
while IFS=$'\t' read -r name letter arg choices; do
	[[ $choices == - || $arg == \[* ]] && continue
	sorted=$(tr ' ' '\n' <<<"$choices" | sort | paste -sd ' ')
	completes "$sorted" diagram "--$name" = ''
	completes "$sorted" diagram "--$name" ''
	[ "$letter" = - ] || completes "$sorted" diagram "-$letter" ''
done < <(dmaseq --list-opts diagram)

summary
