#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the fuzz targets reach: lines and regions of src/ that were run, of all that the targets are
# linked with, as a table. An input is run as libFuzzer runs it, in one way. Inputs are the seeds
# and what long.sh has learnt.
# Needs the preset coverage: cmake --preset coverage && cmake --build --preset coverage
#
#	coverage.sh [-d DIR] [-s] [-f] [TARGET]...
#		-d DIR	where long.sh has kept what it learnt
#		-s	seeds only
#		-f	in place of the table: each file, by all targets
# shellcheck source-path=SCRIPTDIR source=seeds.sh
. "$(dirname "$0")/seeds.sh"
dir=$FUZZ_TOP/build/fuzz/long bin=$FUZZ_TOP/build/coverage/tests/fuzz learnt=yes files=no
while getopts d:sf o; do
	case $o in
	d) dir=$OPTARG ;;
	s) learnt=no ;;
	f) files=yes ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- trace render analyse baseline ignore suppress template
# tool NAME: Debian has them with their version, in llvm-14 as in llvm
tool()
{
	command -v "$1" || command -v "$1-14" || { echo "$1 is not installed (apt install llvm)" >&2; exit 1; }
}
profdata=$(tool llvm-profdata) && cov=$(tool llvm-cov) || exit 1
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT

# rooms NAME INPUTS PROFILE OBJECT...: a line of the table
rooms()
{
	local name=$1 inputs=$2 profile=$3 more=() o
	shift 3
	for o in "${@:2}"; do
		more+=(-object "$o")
	done
	"$cov" export -summary-only -instr-profile="$profile" "$1" "${more[@]}" \
		-ignore-filename-regex='/tests/' 2>/dev/null >"$T/summary" || return 1
	python3 - "$T/summary" "$name" "$inputs" "$files" <<'END'
import json, re, sys
path, name, inputs, files = sys.argv[1:]
rooms = {}
for f in json.load(open(path))["data"][0]["files"]:
    m = re.search(r"/src/((\w+)/[^/]*)$", f["filename"])
    if not m:
        continue
    for key in (m[1],) if files == "yes" else (m[2], "all"):
        r = rooms.setdefault(key, [0, 0, 0, 0])
        for i, what in enumerate(("lines", "regions")):
            r[2 * i] += f["summary"][what]["covered"]
            r[2 * i + 1] += f["summary"][what]["count"]
def share(a, b):
    return "%.1f%%" % (100 * a / b) if b else "-"
if files == "yes":
    for key, (l, ln, r, rn) in sorted(rooms.items()):
        print("%-28s lines %5d of %5d %7s  regions %5d of %5d %7s" % (key, l, ln, share(l, ln), r, rn, share(r, rn)))
else:
    cells = [rooms.get(room, [0, 0, 0, 0]) for room in ("util", "trace", "model", "render", "cmd", "all")]
    print("%-9s %7s " % (name, inputs) + " ".join("%6s/%-6s" % (share(*c[:2]), share(*c[2:])) for c in cells))
END
}

[ $files = yes ] || printf '%-9s %7s %s\n' target inputs \
	' lines/regions of util, trace, model, render, cmd, all five'
objects=() profiles=() all=0
for target; do
	mkdir "$T/$target"
	seeds "$target" "$T/$target" || exit 1
	from=("$T/$target")
	[ $learnt = yes ] && [ -d "$dir/$target/new" ] && from+=("$dir/$target/new")
	inputs=$(find "${from[@]}" -type f | wc -l)
	all=$((all + inputs))
	DQ_SOURCE_DIR=$FUZZ_TOP LLVM_PROFILE_FILE=$T/$target.raw "$bin/fuzz_$target" -runs=0 \
		-timeout=60 -rss_limit_mb=2048 "${from[@]}" >"$T/log" 2>&1 || { tail -n 20 "$T/log"; exit 1; }
	"$profdata" merge -sparse -o "$T/$target.data" "$T/$target.raw" || exit 1
	objects+=("$bin/fuzz_$target")
	profiles+=("$T/$target.data")
	[ $files = yes ] || rooms "$target" "$inputs" "$T/$target.data" "$bin/fuzz_$target" || exit 1
done
"$profdata" merge -sparse -o "$T/all.data" "${profiles[@]}" || exit 1
rooms all $all "$T/all.data" "${objects[@]}"
