#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What valgrind's memcheck says of the commands that read recordings, in a build without
# sanitizers, which do not see what is not initialized:
# no error, and nothing that nobody points to any more. Every way of a command, each with another
# recording of examples/, and files that are damaged or no trace.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v valgrind >/dev/null || { echo 'skipped: no valgrind'; exit 77; }
plain_build
DMASEQ_CMD=(valgrind -q --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite
	--num-callers=20 --error-exitcode=99 --child-silent-after-fork=yes "--log-file=$T/said"
	"$PLAIN")

# clean STATUS ARG...: "@" is the next recording but the one that others are compared with
base=$TOP/examples/6.1-amd64/device-dma.dmaseq
recordings=()
for f in "$TOP"/examples/*/*.dmaseq; do
	[ "$f" = "$base" ] || recordings+=("$f")
done
at=0
clean()
{
	local want=$1 words=() w got
	shift
	for w; do
		[ "$w" != @ ] || { w=${recordings[at % ${#recordings[@]}]}; at=$((at + 1)); }
		words+=("$w")
	done
	: >said
	dmaseq "${words[@]}" >stdout 2>stderr </dev/null
	got=$?
	{
		echo "status $got, expected $want"
		head -n 5 stderr
		head -n 60 said
	} >report
	if [ ! -s said ] && [ $got -eq "$want" ]; then
		pass
	else
		fail "${words[*]}" <report
	fi
}

for f in '' '-f json' '--holders' '--holders -f json' '--shapes' '--shapes -f json'; do
	# shellcheck disable=SC2086 # words
	clean 0 list $f @
done
for f in '' --validate --chunks '-o text.dmaseq'; do
	# shellcheck disable=SC2086
	clean 0 dump $f @
done
for f in text json sarif junit; do
	clean 0 check -f $f @
done
for f in '' '--no-fold --level ops --template post' '--level app --template classic --max-arrows 12' \
	'-f text' '-f text --charset utf-8 --width 60 --level ops' '-f plantuml' '-f mermaid'; do
	# shellcheck disable=SC2086
	clean 0 diagram $f @
done
clean 0 graph @
clean 0 graph --no-group --at 0.1 "$base"
for f in '--full --timing 10' '-f json' '-f junit' '-f msc'; do
	# shellcheck disable=SC2086
	clean 1 diff $f "$base" @
	# shellcheck disable=SC2086
	clean 1 diff $f @ "$base"
done
clean 0 baseline -o b @
clean 1 diff b "$base"
clean 1 diff --ignore "$TOP/tests/fuzz/corpus/ignore-1" @ "$base"
clean 0 check --suppress "$TOP/tests/fuzz/corpus/suppress-1" @
clean 0 export @
clean 0 anonymize -o anon.dmaseq @
clean 0 list anon.dmaseq
clean 0 diff anon.dmaseq anon.dmaseq

# ---- what is wrong ----
head -c 1500 "$base" >cut.dmaseq
clean 3 list --strict cut.dmaseq
clean 3 export --strict cut.dmaseq
clean 0 diagram cut.dmaseq
printf 'nothing of the kind\n' >none
clean 2 list none
clean 2 check --suppress none @
clean 2 diff --ignore none "$base" "$base"
clean 2 diagram --template missing @
clean 2 list missing
clean 2 list --nonsense
: >empty
clean 2 list empty
clean 0 help
summary
