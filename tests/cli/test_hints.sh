#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing tells the user to use an option or a command that does not exist: not the
# program's own sentences, not the pages, the README or the examples.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

declare -A known	# "CMD --name", "CMD -x", "--name" of any command
for cmd in $(commands); do
	while IFS=$'\t' read -r name letter _; do
		known["--$name"]=1
		known["$cmd --$name"]=1
		known["$cmd -$letter"]=1
	done < <(dmaseq --list-opts "$cmd")
done
for name in version list-cmds list-opts; do
	known["--$name"]=1
done

# Options of other programs that our sentences may name.
is_foreign()
{
	case $1 in
	--btf_encode_detached | --nopaths | --nocopyright) return 0 ;;
	esac
	return 1
}

# sentences: file and option of each long option in a string of the source
sentences()
{
	local file
	while IFS= read -r file; do
		# without its comments
		gcc -fpreprocessed -dD -E -P "$TOP/$file" 2>/dev/null | grep -Eo '"[^"]*"' |
			grep -Eo -e '--[a-z][a-z_-]+' | sed "s|^|$file |"
	done < <(cd "$TOP" && find src -name '*.c' -o -name '*.h')
}

unknown_in_sentences()
{
	local file opt bad=0
	while read -r file opt; do
		[ -n "${known[$opt]:-}" ] && continue
		is_foreign "$opt" && continue
		echo "$file: there is no option $opt"
		bad=1
	done < <(sentences)
	return $bad
}

# examples FILE: "CMD word word..." for each use of dmaseq in it. The text behind
# the program up to whatever ends a command in a shell or in prose.
examples()
{
	grep -Eo "\bdmaseq [a-z]+( +[^|;&\`')>]+)?" "$1" | sed 's/^dmaseq //; s/\\-/-/g; s/[*_]//g'
}

# is_option CMD WORD
is_option()
{
	local long=${2%%=*}
	case $2 in
	--*) [ -n "${known["$1 $long"]:-}" ] ;;
	*) [ -n "${known["$1 ${2:0:2}"]:-}" ] ;;
	esac
}

wrong_in_examples()
{
	local cmd words word bad=0
	while read -r cmd words; do
		[ -n "${known["$cmd --help"]:-}" ] || continue	# prose
		case $cmd in
		record | doctor) can_record || continue ;;
		esac
		for word in $words; do
			word=${word%%[].,:\"\\]*}
			word=${word#[}
			case $word in
			-- | \#*) break ;;
			-?*) ;;
			*) continue ;;
			esac
			is_option "$cmd" "$word" && continue
			echo "dmaseq $cmd $words: there is no option $word"
			bad=1
		done
	done < <(examples "$1")
	return $bad
}

if can_record; then
	check "options named in the program's sentences exist" unknown_in_sentences
fi
for f in "$TOP"/README.md "$TOP"/docs/*.md "$TOP"/docs/*.scd "$TOP"/examples/*.sh "$TOP"/src/cmd/*.c; do
	[ -f "$f" ] || continue
	check "commands and options in ${f#"$TOP"/} exist" wrong_in_examples "$f"
done
summary
