#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The tree as a packager gets it: no git, no libbpf, no clang. It configures
# (preset host-only), builds, installs, and what is installed works without the
# tree. Also what a build says when something is missing.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
mkdir tree
(cd "$TOP" && tar -c --exclude=./.git --exclude='./build' --exclude='./build-*' .) | tar -x -C tree
preset()
{
	(cd tree && cmake --preset "$@")
}

version=$(sed -n 's/^set(DQ_VERSION \(.*\))$/\1/p' tree/CMakeLists.txt)
# The compiler of BPF programs and bpftool must not even be looked for.
check "configure host-only" preset host-only -DBPF_CLANG=/nonexistent -DBPF_BPFTOOL=/nonexistent \
	-DDQ_UNIT_TESTS=OFF -DDQ_WERROR=ON -DCMAKE_INSTALL_PREFIX=/usr
check "build host-only" cmake --build tree/build/host-only
check "install" env DESTDIR="$T/root" cmake --install tree/build/host-only
rm -rf tree/src

DMASEQ_CMD=("$T/root/usr/bin/dmaseq")
ok "dmaseq $version" -- --version
check "links neither libbpf nor libelf" bash -c "! ldd '$T/root/usr/bin/dmaseq' | grep -E 'libbpf|libelf'"
cannot="dmaseq: this build reads traces and cannot record: build dmaseq with the preset 'static' or 'release' for that"
expect 125 "$cannot" '' -- record -o x --anything -- true
expect 2 "$cannot" '' -- doctor
check "record wrote nothing" test ! -e x

for f in bin/dmaseq share/bash-completion/completions/dmaseq share/man/man1/dmaseq.1; do
	check "installs $f" test -s "root/usr/$f"
done
for cmd in $(commands); do
	check "installs the page of $cmd" test -s "root/usr/share/man/man1/dmaseq-$cmd.1"
done
if [ -d "$TOP/msc-templates" ] && ls "$TOP"/msc-templates/*.signalling >/dev/null 2>&1; then
	check "installs the templates" test -d root/usr/share/dmaseq/msc-templates
fi
summary
