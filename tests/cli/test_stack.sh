#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The stack of the BPF programs: all frames of a chain of calls have 512 bytes together, and there are
# eight of them. Some is left free, because compilers differ, and so that the next line of code does
# not stop a kernel from loading the probes. For all architectures, whatever this build is for.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

STACK=512	# MAX_BPF_STACK of the kernel
FREE=64		# what we leave of it
FRAMES=8	# MAX_CALL_FRAMES

if ! can_record; then
	echo "skipped: this build has no probes"
	exit 77
fi

# object ARCH SOURCE: as cmake/DqBpf.cmake does
object()
{
	clang -target bpf -mcpu=v2 -O2 -g -D__TARGET_ARCH_"$1" -I "$TOP/bpf" -I "$TOP/src" -c "$2" -o object.o &&
		llvm-strip -g object.o
}

# stack ARCH SOURCE: a line for each program, the deepest first
stack()
{
	object "$1" "$2" && llvm-objdump -dr --no-show-raw-insn object.o >object.txt &&
		awk -f "$LIB_DIR/bpf_stack.awk" object.txt | sort -k1,1nr
}

is_enough()
{
	awk -v most=$((STACK - FREE)) -v frames="$FRAMES" '
		$1 > most { print "more than " most " bytes:", $0; bad = 1 }
		$2 > frames { print "more than " frames " calls:", $0; bad = 1 }
		END { exit bad || !NR }' "$1"
}

# What the script makes of functions whose frames are known, global and static, and of spilled registers.
cat >known.c <<'END'
static long (*use)(void *p, unsigned n, const void *from) = (void *)113;
__attribute__((noinline)) int low(unsigned long x)
{
	char a[200];

	use(a, sizeof(a), (void *)x);
	return a[7];
}
static __attribute__((noinline)) int middle(unsigned long x)
{
	return low(x) + low(x + 1);
}
__attribute__((section("kprobe"))) int prog(unsigned long *ctx)
{
	char b[40];

	use(b, sizeof(b), ctx);
	return middle(ctx[0]) + b[3];
}
__attribute__((section("kprobe"))) int flat(unsigned long *ctx)
{
	return ctx[0];
}
END
stack x86 known.c >known.out
check "a chain is added up" diff -u - known.out <<'END'
320 3 prog(64) middle(32) low(224)
32 1 flat(32)
END

for arch in x86 arm64 arm; do
	stack "$arch" "$TOP/bpf/dmaseq.bpf.c" >"$arch.stack"
	check "dmaseq.bpf.c leaves $FREE bytes of stack on $arch" is_enough "$arch.stack"
	stack "$arch" "$TOP/bpf/peek.bpf.c" >"$arch.stack"
	check "peek.bpf.c leaves $FREE bytes of stack on $arch" is_enough "$arch.stack"
done
summary
