#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# golden.sh NAME.CMD: runs the command CMD on the text trace NAME.txt and compares
# what it says with NAME.CMD.expected. What went to stderr and a status that is not 0
# are appended as comments. CMD is list, list-json, list-holders[-json|-at],
# list-shapes[-json], list-limit[-json], check, or diagram[-FORMAT][-TEMPLATE][-LEVEL].
# NAME.txt may also be made by NAME.awk. A graph goes through the real dot, too.
# UPDATE_GOLDEN=1 writes the expected file instead; look at what changed before you
# commit it.
#
# golden.sh --plantuml, golden.sh --mermaid: charts of all traces go through the real
# plantuml and the real Mermaid.
#
# golden.sh --names: hostile names in each of these languages, read back.
#
# golden.sh --msc NAME: every template and level of NAME.txt goes through the real
# msc-gen, which must find nothing to say.
set -u
here="$DQ_SOURCE_DIR/tests/golden"
cd "$here" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# words of the command for one CMD
words() {
	case $1 in
	list) echo "list" ;;
	baseline) echo "baseline" ;;
	list-shapes) echo "list --shapes" ;;
	list-shapes-json) echo "list --shapes -f json" ;;
	list-limit) echo "list --limit 1" ;;
	list-limit-json) echo "list --limit 1 -f json" ;;
	list-json) echo "list -f json" ;;
	list-holders) echo "list --holders" ;;
	list-holders-json) echo "list --holders -f json" ;;
	list-holders-at) echo "list --holders --at 3.5ms" ;;
	check) echo "check --fail-on note" ;;
	diagram) echo "diagram" ;;
	diagram-all-buffers) echo "diagram -b all" ;;
	diagram-all-buffers-api) echo "diagram -b all --level api" ;;
	diagram-finding) echo "diagram --finding 1" ;;
	diagram-finding2) echo "diagram --finding 2" ;;
	diagram-text-finding) echo "diagram -f text --finding 1" ;;
	diagram-no-findings) echo "diagram --no-findings" ;;
	diagram-overview) echo "diagram --overview" ;;
	diagram-overview-short) echo "diagram --overview --max-arrows 12" ;;
	diagram-overview-plantuml) echo "diagram --overview -f plantuml" ;;
	diagram-overview-mermaid) echo "diagram --overview -f mermaid" ;;
	diagram-overview-text) echo "diagram --overview -f text" ;;
	diagram-overview-page) echo "diagram --overview --page 2" ;;
	diagram-short) echo "diagram --max-arrows 20" ;;
	diagram-page2) echo "diagram --max-arrows 20 --page 2" ;;
	diagram-many-pages) echo "diagram -b all --no-fold --max-arrows 1" ;;
	diagram-nofold) echo "diagram --no-fold --max-arrows 60" ;;
	diagram-plantuml) echo "diagram -f plantuml" ;;
	diagram-mermaid) echo "diagram -f mermaid" ;;
	graph) echo "graph" ;;
	graph-no-group) echo "graph --no-group" ;;
	graph-at) echo "graph --at 450ms" ;;
	diagram-text) echo "diagram -f text" ;;
	diagram-text-utf8) echo "diagram -f text --charset utf-8" ;;
	diagram-text-narrow) echo "diagram -f text --width 60 -b all" ;;
	diagram-text-all-buffers) echo "diagram -f text -b all --level ops" ;;
	diagram-app | diagram-api | diagram-ops) echo "diagram --level ${1#diagram-}" ;;
	diagram-company) echo "diagram -b all --template ../../msc-templates/company.signalling" ;;
	diagram-include) echo "diagram --template ../../msc-templates/light.signalling --include" ;;
	diagram-dark | diagram-print) echo "diagram -b all --template ${1#diagram-}" ;;
	diagram-*) echo "diagram --template ${1#diagram-}" ;;
	*) return 1 ;;
	esac
}

msc() {
	command -v msc-gen >/dev/null || {
		echo "msc-gen is missing (Debian: msc-generator-nox)"
		exit 77
	}
	mkdir "$tmp/home"
	for args in "" "--template classic" "--template post" "--level app" "-b all --level api" \
		"--level ops" "--level ops --template post" "--no-fold --max-arrows 1000" \
		"--max-arrows 7 --template classic" "--max-arrows 1 --page 1" "-b all" \
		"--template dark" "--template print" \
		"-b all --template ../../msc-templates/company.signalling" \
		"--template $DQ_SOURCE_DIR/msc-templates/light.signalling --include" \
		"--overview" "--overview --max-arrows 9" "--overview --template classic" \
		"--overview --template post" "--max-arrows 9 --page 2" "--max-arrows 9 --page 3 --template post"; do
		# shellcheck disable=SC2086 # words
		$DMASEQ -q diagram $args "$1.txt" >"$tmp/c.signalling" 2>"$tmp/err"
		[ -s "$tmp/c.signalling" ] || {
			grep -qE "nothing to draw|there is no page" "$tmp/err" && continue
			cat "$tmp/err"
			exit 1
		}
		HOME="$tmp/home" MSC_GEN_RC="$tmp/home" msc-gen -q --nopaths --nocopyright \
			-S signalling -T lmap -o "$tmp/map" "$tmp/c.signalling" 2>"$tmp/said"
		if [ -s "$tmp/said" ] || ! [ -s "$tmp/map" ]; then
			echo "diagram $args $1.txt:"
			cat "$tmp/said"
			exit 1
		fi
		case $args in
		"" | "--level ops" | "--overview") ;;
		*) continue ;;
		esac
		# it may die of what it laid out well
		if ! HOME="$tmp/home" MSC_GEN_RC="$tmp/home" msc-gen -q --nopaths --nocopyright \
			-S signalling -T png -o "$tmp/png" "$tmp/c.signalling" 2>"$tmp/said" || [ -s "$tmp/said" ]; then
			echo "diagram $args $1.txt, as PNG:"
			cat "$tmp/said"
			exit 1
		fi
	done
}

# sources FORMAT EXTENSION: a chart of each trace at each of some levels
sources() {
	for trace in *.txt; do
		[ "$trace" != CMakeLists.txt ] || continue
		for args in "" "--overview" "--level ops -b all" "--level app --no-fold --max-arrows 60"; do
			out=$tmp/${trace%.txt}$(echo "$args" | tr -cd "[:lower:]").$2
			# shellcheck disable=SC2086 # words
			if ! $DMASEQ -q diagram -f "$1" $args -o "$out" "$trace" 2>"$tmp/err"; then
				grep -q "nothing to draw" "$tmp/err" && continue
				cat "$tmp/err"
				exit 1
			fi
		done
	done
}

# has FILE TEXT...: each of these names of hostile-names.txt came through whole
has() {
	file=$1
	shift
	for text; do
		grep -Fq -- "$text" "$file" && continue
		echo "not in $file: $text"
		exit 1
	done
}

plantuml_all() {
	command -v plantuml >/dev/null || {
		echo "plantuml is missing (Debian: plantuml)"
		exit 77
	}
	sources plantuml puml
	if ! JAVA_TOOL_OPTIONS='' plantuml -failfast2 -tsvg -o "$tmp/svg" "$tmp"/*.puml >"$tmp/said" 2>&1; then
		cat "$tmp/said"
		exit 1
	fi
	for puml in "$tmp"/*.puml; do
		svg=$tmp/svg/$(basename "$puml" .puml).svg
		[ -s "$svg" ] && ! grep -q 'Syntax Error' "$svg" && continue
		echo "no picture of $(basename "$puml")"
		exit 1
	done
	has "$tmp/svg/hostile-names.svg" '>dma_buf_attach({};#"' '\\vid];' '>prctl;}()<' '; }; activate<'
	has "$tmp/svg/hostile-namesoverview.svg" '>"\xc3("'
}

mermaid_all() {
	mermaid=$(sh ./fetch-mermaid.sh) || exit 77
	sources mermaid mmd
	if ! node mermaid-parse.cjs "$mermaid" "$tmp"/*.mmd >"$tmp/read" 2>"$tmp/said" || [ -s "$tmp/said" ]; then
		cut -c1-300 "$tmp/said"
		exit 1
	fi
	has "$tmp/read" 'imp2 core dma_buf_attach({};#")' 'participant imp1 vi\\vid];<br/>V4L2' 'prctl;}()' \
		'/dev/dma_heap/\xff\xfe; }; activate' 'made by "\"#e\\f: \\" · called "N\\N\\N'
}

case $1 in
--names)
	for tool in msc-gen dot plantuml node python3; do
		command -v $tool >/dev/null && continue
		echo "$tool is missing (see tests/packages)"
		exit 77
	done
	mermaid=$(sh ./fetch-mermaid.sh)	# or nothing: then Mermaid alone is left out
	exec python3 names.py "$mermaid"
	;;
--plantuml | --mermaid)
	"${1#--}_all"
	exit 0
	;;
esac
if [ "$1" = --msc ]; then
	msc "$2"
	exit 0
fi

name=${1%.*}
cmd=${1##*.}
args=$(words "$cmd") || {
	echo "golden.sh: what is '$cmd'?"
	exit 1
}
trace=$name.txt
if [ -f "$name.awk" ]; then
	trace=$tmp/$name.txt
	awk -f "$name.awk" >"$trace" || exit 1
fi
# shellcheck disable=SC2086 # words
$DMASEQ $args "$trace" >"$tmp/out" 2>"$tmp/err"
status=$?
case $cmd in
graph*)
	if [ $status -eq 0 ]; then
		command -v dot >/dev/null || {
			echo "dot is missing (Debian: graphviz)"
			exit 77
		}
		if ! dot -Tsvg -o "$tmp/svg" "$tmp/out" 2>"$tmp/said" || [ -s "$tmp/said" ]; then
			cat "$tmp/said"
			exit 1
		fi
	fi
	;;
esac
sed 's/^/#! stderr: /' "$tmp/err" >>"$tmp/out"
[ $status -eq 0 ] || echo "#! status: $status" >>"$tmp/out"
if [ "${UPDATE_GOLDEN:-}" = 1 ]; then
	cp "$tmp/out" "$1.expected"
	exit 0
fi
diff -u "$1.expected" "$tmp/out"
