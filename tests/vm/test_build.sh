#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_build.sh KERNEL...
#
# Makes what the tests of the vm ring run, so that none of them has to: the
# static binaries of the presets static, arm64-static ... (as a board would get
# them), the kernels, the workloads.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
set -e
cd "$TOP"

# step WHAT COMMAND...: what it says is shown when it fails.
step()
{
	local what=$1 began=$SECONDS
	shift
	mkdir -p "$RESULTS"
	"$@" >"$RESULTS/build.log" 2>&1 </dev/null || {
		cat "$RESULTS/build.log"
		bad "$what"
		finish
	}
	say "$what: $((SECONDS - began)) s"
}

presets=
for kernel; do
	guest_means "$kernel"
	case $(arch_of "$kernel") in
	amd64) preset=static ;;
	*) preset=$(arch_of "$kernel")-static ;;
	esac
	[[ " $presets " == *" $preset "* ]] || presets+=" $preset"
	step "kernel $kernel" "$VM_DIR/fetch-kernel.sh" "$kernel"
	step "workloads $(arch_of "$kernel")" "$VM_DIR/workloads/build.sh" "$(arch_of "$kernel")"
done
[ -z "${DMASEQ_VM_BUILD:-}" ] || presets=
for preset in $presets; do
	case $preset in
	*-static)
		arch=${preset%-static}
		step "sysroot $arch" "$VM_DIR/sysroot.sh" "$arch" "build/sysroot-$arch"
		;;
	esac
	step "configure $preset" cmake --preset "$preset"
	step "build $preset" cmake --build --preset "$preset" --target dmaseq
done
# What a board has to have room for, stripped. docs/cost.md says what it is made of.
most_arm64=1600000
if [[ " $presets " == *' arm64-static '* ]]; then
	size=$(stat -c %s build/arm64-static/src/cmd/dmaseq)
	say "arm64 binary: $size bytes of at most $most_arm64"
	[ "$size" -le $most_arm64 ] || bad "the arm64 binary has $size bytes, at most $most_arm64 are wanted"
fi
for kernel; do
	[ -x "$(guest_dmaseq "$kernel")" ] || bad "there is no $(guest_dmaseq "$kernel")"
done
finish
