#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What record and doctor say where they cannot: wrong values, missing rights. Nothing is
# recorded here; that is for the vm ring.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
if ! can_record; then
	echo "this build cannot record"
	exit 77
fi

# values
usage record "invalid process id '0'" -p 0
usage record "invalid process id 'self'" -p self
usage record "invalid process id '-1'" --pid=-1
usage record "invalid process id '4294967296'" -p 1 -p 4294967296
usage record "invalid value 'tracepoint' for '--attach': use fentry, multi or kprobe" --attach tracepoint
usage record "invalid value '1X' for '--ring': use a number of bytes, or one with K, M or G, such as 8M" --ring 1X
usage record "invalid value 'forever' for '-t': use a number of seconds, or one with ns, us, ms, s, m or h, such as 1.5s" \
	-t forever
keep="use a size with K, M or G, 64K at least, such as 64M, or a time with ms, s or m, such as 10s"
for value in 10 -1s 0s 63K 1T xM s M 99999999999999999999G 5w; do
	usage record "invalid value '$value' for '--keep-last': $keep" --keep-last="$value"
done
usage record "'--rotate' needs 256K at least" --rotate 255K
usage record "'--rotate-files' needs '--rotate'" --rotate-files 3
for value in 1 1001 x -1; do
	usage record "invalid value '$value' for '--rotate-files': use a number from 2 to 1000" \
		--rotate 1M --rotate-files="$value"
done
usage record "'--rotate' and '--keep-last' exclude each other" --rotate 1M --keep-last 1M
usage record "'--anonymize' and '--raw-addresses' exclude each other" --anonymize --raw-addresses
usage record "invalid inode number '0'" --inode 0
usage record "invalid inode number 'x'" --inode=x
usage record "invalid value '-1' for '--min-size': use a number of bytes, or one with K, M or G, such as 8M" --min-size -1
expect 125 'dmaseq: record: no process 2147483647: ESRCH. Try: pidof NAME' '' -- record -p 2147483647
usage doctor "extra operand 'x'" x

# rights: a user without any, and a root without some
chmod 755 "$T"
cp "${DMASEQ_CMD[-1]}" "$T/.out/dmaseq"
chmod 755 "$T/.out" "$T/.out/dmaseq"
DMASEQ_CMD[-1]=$T/.out/dmaseq
plain=("${DMASEQ_CMD[@]}")
if [ "$(id -u)" -eq 0 ]; then
	DMASEQ_CMD=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "${plain[@]}")
	uid=65534
else
	uid=$(id -u)
fi
lacks()
{
	if [ ${#plain[@]} -gt 1 ]; then
		# qemu-user has no bpf(): a kernel without CONFIG_BPF_SYSCALL
		echo "cannot load probes: ENOSYS: kernel $(uname -r) has no bpf() system call, it was built without CONFIG_BPF_SYSCALL. Try a kernel with CONFIG_BPF_SYSCALL=y and CONFIG_KPROBE_EVENTS=y"
		return
	fi
	echo "cannot load probes: EPERM: this process (user $1) lacks $2. Try: sudo dmaseq record"
}
expect 125 "dmaseq: record: $(lacks "$uid" 'CAP_BPF and CAP_PERFMON')" '' -- record -o x.dmaseq -- touch ran
expect 125 "dmaseq: record: $(lacks "$uid" 'CAP_BPF and CAP_PERFMON')" '' -- record -t 1
expect 2 "dmaseq: doctor: $(lacks "$uid" 'CAP_BPF and CAP_PERFMON')" '*' -- doctor
check "doctor says which rights" grep -Fxq \
	'NO  rights         CAP_BPF and CAP_PERFMON are missing: run as root' .out/stdout
check "the command was not run" test ! -e ran
check "no trace was left" test ! -e x.dmaseq

if [ "$(id -u)" -eq 0 ] && setpriv --bounding-set=-sys_admin,-cap_38 true 2>/dev/null; then
	DMASEQ_CMD=(setpriv "--bounding-set=-sys_admin,-cap_38" "${plain[@]}")
	expect 125 "dmaseq: record: $(lacks 0 CAP_PERFMON)" '' -- record -- true
	DMASEQ_CMD=(setpriv "--bounding-set=-sys_admin,-cap_39" "${plain[@]}")
	expect 125 "dmaseq: record: $(lacks 0 CAP_BPF)" '' -- record -- true
fi
summary
