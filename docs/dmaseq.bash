# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Bash completion of dmaseq. It knows no command and no option: the binary that is
# being completed is asked (--list-cmds, --list-opts), so it is right for any version.

# _dmaseq_option BIN CMD WORD: sets arg and choices of the option that WORD ends with
# waiting for a value; false when it does not.
_dmaseq_option()
{
	local name letter
	while IFS=$'\t' read -r name letter arg choices; do
		[ "$arg" = - ] && continue
		case $3 in
		"--$name") return 0 ;;
		--*) ;;
		-*"$letter") [ "$letter" != - ] && return 0 ;;
		esac
	done < <("$1" --list-opts "$2" 2>/dev/null)
	return 1
}

# _dmaseq_value CUR: what may stand for the value; files are left to bash.
_dmaseq_value()
{
	if [ "$choices" != - ]; then
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$1")
	else
		case $arg in
		N | PID | SIZE | TIME | BUFFER) compopt +o default 2>/dev/null ;;
		esac
	fi
}

_dmaseq_options()
{
	local name letter words=()
	while IFS=$'\t' read -r name letter arg choices; do
		case $arg in
		- | \[*) words+=("--$name ") ;;
		*) words+=("--$name=") ;;
		esac
	done < <("$1" --list-opts "$2" 2>/dev/null)
	compopt -o nospace 2>/dev/null
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$3")
}

_dmaseq()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local bin=${COMP_WORDS[0]/#\~/$HOME} cmd='' operand='' arg choices i
	COMPREPLY=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-* | =) ;;
		*) [ -z "$cmd" ] && cmd=${COMP_WORDS[i]} ;;
		esac
		[ "${COMP_WORDS[i]}" = -- ] && operand=$((i + 1)) && break
	done
	if [ -z "$cmd" ] || [ "$cmd" = help ]; then
		[ -z "$cmd" ] && choices='help --help --version' || choices=''
		mapfile -t COMPREPLY < <(compgen -W "$choices $("$bin" --list-cmds 2>/dev/null | cut -f 1)" -- "$cur")
		return
	fi
	# The command line of record -- CMD...: bash-completion can do it, when it is there.
	if [ -n "$operand" ]; then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$operand"
		elif [ "$COMP_CWORD" -eq "$operand" ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		return
	fi
	# bash splits "--format=m" into three words.
	if [ "$cur" = = ]; then
		cur=''
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $prev == -* ]] && _dmaseq_option "$bin" "$cmd" "$prev" &&
		{ [[ $arg != \[* ]] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ] || [ "${COMP_WORDS[COMP_CWORD]}" = = ]; }; then
		_dmaseq_value "$cur"
	elif [[ $cur == -* ]]; then
		_dmaseq_options "$bin" "$cmd" "$cur"
	fi
}
complete -o default -F _dmaseq dmaseq
