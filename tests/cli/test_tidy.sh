#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What clang-tidy says of each C file of src/ that this build compiles (.clang-tidy names what is
# asked, and why not more): nothing. What it is told to leave alone says so at the line: NOLINT.
#
# A path through a function may have as many steps as takes a second or two; all of the tree takes
# two minutes of a processor. What was clean is remembered in build/.../tests/cli/tidy by what went
# into it: the file, every header of the tree, the build's options, and what is asked.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v clang-tidy >/dev/null || { echo 'skipped: no clang-tidy'; exit 77; }
build=${DQ_BINARY_DIR:-$TOP/build/dev}
db=$build/compile_commands.json
clean=$build/tests/cli/tidy
options=(-p "$build" --quiet)
for word in -Xclang -analyzer-config -Xclang max-nodes=40000; do
	options+=("--extra-arg=$word")
done
[ -f "$db" ] || { echo "skipped: no $db"; exit 77; }
mkdir -p "$clean"

# The options of a file in the database, without the place of the tree.
compiled()
{
	python3 - "$db" "$TOP" <<'END'
import json, sys
top = sys.argv[2] + "/"
seen = set()
for e in json.load(open(sys.argv[1])):
    f = e["file"]
    if f.startswith(top + "src/") and f not in seen:
        seen.add(f)
        print(f[len(top):])
END
}

all_of_it=$( (cd "$TOP" && cat .clang-tidy src/*/*.h bpf/*.h && clang-tidy --version &&
	grep -o '"command": "[^"]*' "$db" | sed 's/ -o .*//' | sort -u && echo "${options[*]}") | sha256sum)

# look FILE: what it says, on stdout; of generated headers nothing
look()
{
	local stamp
	stamp=$clean/$( (echo "$all_of_it"; cat "$TOP/$1") | sha256sum | cut -c 1-32)
	[ ! -e "$stamp" ] || return 0
	clang-tidy "${options[@]}" "$TOP/$1" >"$T/${1//\//_}" 2>"$T/${1//\//_}.err"
	if grep -E "^[^ ]*: (warning|error): " "$T/${1//\//_}" | grep -v "^$build/"; then
		return 1
	elif ! grep -qE '^Error|error: ' "$T/${1//\//_}.err"; then
		: >"$stamp"
	else
		cat "$T/${1//\//_}.err"
	fi
}
export -f look
export T TOP clean all_of_it build
mapfile -t files < <(compiled)
check "there are files" test ${#files[@]} -gt 50
printf '%s\n' "${files[@]}" | xargs -P 2 -I {} bash -c "options=(${options[*]@Q}); look {}" >found
check "clang-tidy has nothing to say" test ! -s found
head -n 60 found
# those of what is no longer so
find "$clean" -type f -mtime +7 -delete
summary
