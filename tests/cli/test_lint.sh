#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cppcheck says of the rooms: nothing. What it is told to leave alone says so at the line
# (cppcheck-suppress). Scripts are shellcheck's: test_tree.sh; clang-tidy's part is test_tidy.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v cppcheck >/dev/null || { echo 'skipped: no cppcheck'; exit 77; }

known=(
	--suppress=missingIncludeSystem		# it needs no headers of others
	'-DLIBBPF_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }'	# of those, libbpf's
)
cd "$TOP" || exit 1
cppcheck -j2 -q --std=c11 --enable=warning,portability --inline-suppr -D__GNUC__=12 -I src "${known[@]}" \
	--error-exitcode=1 src >"$T/said" 2>&1
got=$?
cd "$T" || exit 1
check "cppcheck ends well" test $got -eq 0
check "cppcheck has nothing to say" test ! -s said
head -n 40 said
summary
