#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the build says when something is missing, and what kind of binaries it makes.
# Builds in a directory of its own.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# says SENTENCE PRESET ARG...: configuring fails, with this sentence (cmake wraps lines)
says()
{
	local sentence=$1 preset=$2
	shift 2
	rm -rf "$T/b"
	if (cd "$TOP" && cmake --preset "$preset" -B "$T/b" "$@") >cmake.out 2>&1; then
		echo "no failure" | fail "cmake --preset $preset $*"
	elif tr -s ' \n' '  ' <cmake.out | grep -Fq -- "$sentence"; then
		pass
	else
		cat - cmake.out <<<"expected: $sentence" | fail "cmake --preset $preset $*"
	fi
}

# Only what is on PATH is found, which is enough for a compiler; libraries are not.
mkdir bin
for tool in cmake ninja cc gcc as ld ar ranlib strip sh uname git nproc; do
	path=$(command -v $tool) && ln -s "$path" bin/
done
full=$PATH
PATH=$T/bin:$PATH
blind=(-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF
	-DCMAKE_MAKE_PROGRAM="$T/bin/ninja" -DCMAKE_C_COMPILER="$T/bin/cc" -DCMAKE_AR="$T/bin/ar" -DCMAKE_RANLIB="$T/bin/ranlib")
z=(-DDQ_Z_INCLUDE=/usr/include -DDQ_Z_LIBRARY=/usr/lib/libz.a)
bpf=(-DDQ_BPF_INCLUDE=/usr/include -DDQ_BPF_LIBRARY=/usr/lib/libbpf.a)
elf=(-DDQ_ELF_INCLUDE=/usr/include -DDQ_ELF_LIBRARY=/usr/lib/libelf.a)
says 'libz not found: apt install zlib1g-dev' host-only "${blind[@]}"
if can_record; then
	says 'libbpf not found: apt install libbpf-dev' release "${blind[@]}" "${z[@]}"
	says 'libelf not found: apt install libelf-dev' release "${blind[@]}" "${z[@]}" "${bpf[@]}"
	says 'clang not found: apt install clang (or leave recording out: -DENABLE_RECORD=OFF)' \
		release "${blind[@]}" "${z[@]}" "${bpf[@]}" "${elf[@]}"
fi
says 'scdoc not found: apt install scdoc (or leave the man pages out: -DENABLE_MAN=OFF)' \
	host-only "${blind[@]}" "${z[@]}" -DDQ_UNIT_TESTS=OFF
says 'cmocka not found: apt install libcmocka-dev' host-only "${blind[@]}" "${z[@]}" -DDQ_UNIT_TESTS=ON
PATH=$full

if command -v aarch64-linux-gnu-gcc >/dev/null; then
	says "No arm64 sysroot in $T/none: make one with 'tests/vm/sysroot.sh arm64 $T/none'" \
		arm64-static -DDQ_SYSROOT="$T/none"
else
	says 'aarch64-linux-gnu-gcc not found: apt install gcc-aarch64-linux-gnu' arm64-static
fi

if can_record; then
	static()
	{
		(cd "$TOP" && cmake --preset static -B "$T/static" -DDQ_WERROR=ON -DENABLE_MAN=OFF &&
			cmake --build "$T/static")
	}
	check "build static" static
	check "static is a stripped static-pie" grep -Eq 'static-pie linked.*, stripped' <(file "$T/static/src/cmd/dmaseq")
	check "static runs" test "$("$T/static/src/cmd/dmaseq" --version)" = "$(dmaseq --version)"
	check "static has no trace of where it was built" test "$(grep -c -aF -e "$TOP/" -e "$T/" "$T/static/src/cmd/dmaseq")" = 0
	"$T/static/src/cmd/dmaseq" graph -o "$T/g.png" "$TOP/tests/golden/leak.txt" 2>graph.err
	check "static draws no graphs: status 2" test $? -eq 2
	check "static says how to draw a graph" diff graph.err - <<<"dmaseq: this build has no Graphviz \
and makes no pictures; the source is in $T/g.dot, to draw it: dot -Tpng -o $T/g.png $T/g.dot"
	check "static writes the graph's source" cmp "$T/g.dot" <(dmaseq graph "$TOP/tests/golden/leak.txt")
	again()
	{
		cmake --build "$T/static" | tee again.out
		! grep -Eq 'Building|Linking|Generating' again.out
	}
	check "a second build does nothing" again
fi
summary
