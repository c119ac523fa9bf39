#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh [--vm] [--kernel 6.1|6.12] [--arch amd64|arm64]
#
# Records a real dma-buf pipeline and draws it. Installs what it needs (Debian
# bookworm; as root, or with a sudo that asks nothing), builds, records, prints the
# table of buffers, and leaves traces and pictures in build/demo.
#
# It records on this machine when its kernel can be traced and has an exporter that
# a program can use (udmabuf, a dma-heap, vgem). Otherwise, and with --vm, --kernel
# or --arch, it boots a stock Debian kernel under QEMU and records in there, with
# the same static binary that a board would run.
set -u
cd "$(dirname "$0")/.." || exit 1

OUT=build/demo
LOGS=$OUT/logs
vm=no
kernel=6.12
arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)

usage()
{
	sed -n '4,15s/^# \{0,1\}//p' "$0"
	exit "$1"
}

die()
{
	progress ''
	printf 'demo.sh: %s\n' "$*" >&2
	exit 1
}

# A line that the next one overwrites, for people who watch.
progress()
{
	[ -t 2 ] && printf '\r\033[K%s' "$*" >&2
	return 0
}

# step SENTENCE COMMAND...: with its output in a log that is shown when it fails
step()
{
	local what=$1 log
	shift
	log=$LOGS/$(printf '%s' "$what" | tr -cs 'a-zA-Z0-9.' '-').log
	progress "$what ..."
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 15 "$log" >&2
		die "$what failed; all of its output is in $log."
	fi
}

while [ $# -gt 0 ]; do
	case $1 in
	--vm) vm=yes ;;
	--kernel | --arch)
		[ $# -ge 2 ] || usage 2 >&2
		vm=yes
		[ "$1" = --kernel ] && kernel=$2 || arch=$2
		shift
		;;
	-h | --help) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
	shift
done
case $kernel in 6.1 | 6.12) ;; *) die "there is no guest with kernel $kernel: 6.1 and 6.12 are to be had." ;; esac
case $arch in amd64 | arm64) ;; *) die "there is no guest for $arch: amd64 and arm64 are to be had." ;; esac

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)

# build PRESET: its binary in $binary
build()
{
	step "configuring preset $1" cmake --preset "$1" -DBUILD_TESTING=OFF -DENABLE_MAN=OFF \
		-B "build/demo-$1"
	step "building preset $1" cmake --build "build/demo-$1"
	binary=$PWD/build/demo-$1/src/cmd/dmaseq
}

# Can this kernel be traced, and does it have an exporter for us?
can_record_here()
{
	[ -e /dev/udmabuf ] || compgen -G '/dev/dma_heap/*' >/dev/null ||
		grep -qs '^vgem ' /proc/modules || return 1
	"${as_root[@]}" "$binary" doctor >"$LOGS/doctor.log" 2>&1
}

# Whatever story this machine has the devices for; dqload says 77 for the others.
record_here()
{
	local story status
	for story in device-dma cpu-access sync; do
		progress "recording $story ..."
		"${as_root[@]}" "$binary" record -qfo "$OUT/$story.dmaseq" -- \
			"$dqload" "$story" >"$LOGS/$story.log" 2>&1
		status=$?
		[ $status -eq 77 ] && rm -f "$OUT/$story.dmaseq"
		[ $status -eq 0 ] || [ $status -eq 77 ] ||
			die "recording $story failed: $(tail -n 1 "$LOGS/$story.log")"
	done
	compgen -G "$OUT/*.dmaseq" >/dev/null
}

record_in_vm()
{
	local guest=$kernel-$arch guest_binary=$binary
	if [ "$arch" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
		step 'unpacking libraries for arm64' tests/vm/sysroot.sh arm64 build/sysroot-arm64
		build arm64-static
		guest_binary=$binary
		binary=$host_binary
	fi
	progress "fetching the kernel $guest, once ..."
	tests/vm/fetch-kernel.sh "$guest" >"$LOGS/fetch.log" || die "kernel $guest cannot be had, see above."
	# one processor: see run.sh about --smp
	step "recording in a virtual machine with kernel $guest" tests/vm/run.sh --kernel "$guest" \
		--smp 1 --share "$OUT" --file "$guest_binary:/bin/dmaseq" -- examples/demo-guest.sh
	mv "$OUT"/*.log "$LOGS" 2>/dev/null
	rm -f "$OUT/guest.sh" "$OUT/status"
}

# draw STORY: the source, and what msc-gen makes of it, in two looks
draw()
{
	local ext look
	for look in light post; do
		for ext in signalling svg png; do
			step "drawing $1, $look.$ext" "$binary" diagram "$OUT/$1.dmaseq" \
				--template $look -o "$OUT/$1-$look.$ext"
		done
	done
}

mkdir -p $LOGS || exit 1
rm -f $OUT/*.dmaseq $OUT/*.signalling $OUT/*.svg $OUT/*.png
progress 'looking for what is missing ...'
tests/install.sh examples/packages || die 'packages are missing, see above.'
build static
host_binary=$binary
if [ $vm = no ] && can_record_here; then
	tests/install.sh tests/vm/packages || die 'packages are missing, see above.'
	dqload=$(tests/vm/workloads/build.sh "$arch") || die 'the workload cannot be built, see above.'
	record_here || vm=yes
else
	vm=yes
fi
if [ $vm = yes ]; then
	tests/install.sh tests/vm/packages || die 'packages are missing, see above.'
	record_in_vm
fi
for trace in "$OUT"/*.dmaseq; do
	story=$(basename "$trace" .dmaseq)
	draw "$story"
	progress ''
	printf '\n%s\n' "$trace"
	"$binary" list "$trace" || die "dmaseq cannot list $trace."
done
printf '\nTraces, sources and pictures:\n'
ls -1 $OUT/*.dmaseq $OUT/*.signalling $OUT/*.svg $OUT/*.png
