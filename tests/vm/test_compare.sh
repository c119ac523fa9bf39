#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# compare.c with small made-up inputs: one pair that agrees, and what it says
# when one thing of it is otherwise.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
compare=$BUILD/tests/vm/compare
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
cases=0

cat >witness.good <<'END'
# kernel 6.12 functions 9 events 18
COUNT dma_buf_export 1 1
EV 0 71 dqload E dma_buf_export 0xffff888000000aa0
EV 1 71 dqload R dma_buf_export 0xffff888000001000 4096
EV 2 71 dqload E dma_buf_fd 0xffff888000001000
EV 3 71 dqload E fd_install 0x3
EV 4 71 dqload R dma_buf_fd 0x3 3
EV 5 71 dqload E dma_buf_ioctl 0xffff888000002000
EV 6 71 dqload E dma_buf_begin_cpu_access 0xffff888000001000
EV 7 71 dqload E begin_cpu_udmabuf 0xffff888000001000
EV 8 71 dqload R begin_cpu_udmabuf 0xffffffea -22
EV 9 71 dqload R dma_buf_begin_cpu_access 0xffffffea -22
EV 10 71 dqload R dma_buf_ioctl 0xffffffffffffffea -22
EV 11 71 dqload E dma_buf_get 0x9
EV 12 71 dqload R dma_buf_get 0xfffffffffffffff7 -9
EV 13 71 dqload E fd_close 0xffff888000002000
EV 14 90 kworker/0:1 E dma_buf_release 0xffff888000003000
EV 15 90 kworker/0:1 E release_udmabuf 0xffff888000001000
EV 16 90 kworker/0:1 R release_udmabuf - -
EV 17 90 kworker/0:1 R dma_buf_release - -
END
cat >trace.good <<'END'
dmaseq-text 1
meta cmdline value="sh -c 'task id=9 call fd=77'"
task id=1 tid=71 tgid=71 comm="dqload" process="dqload"
buf id=1 size=4096 exp_name="udmabuf" name="a \" buf=7 depth=3"
call dma_buf_export t=1.0 task=1 seq=1 buf=1 caller="udmabuf_create"
call fd_install depth=1 t=1.2 task=1 seq=3 buf=1 fd=3
call dma_buf_fd t=1.1 task=1 seq=2 buf=1 ret=3
call ops->begin_cpu_access depth=2 t=1.5 task=1 seq=6 buf=1 dir=BIDIRECTIONAL ret=-EINVAL
call dma_buf_begin_cpu_access depth=1 t=1.4 task=1 seq=5 buf=1 dir=BIDIRECTIONAL ret=-EINVAL
call dma_buf_ioctl t=1.3 task=1 seq=4 buf=1 cmd=DMA_BUF_IOCTL_SYNC ret=-EINVAL
call dma_buf_get t=1.6 task=1 seq=7 fd=9 ret=-EBADF
call filp_flush t=1.7 task=1 seq=8 buf=1
task id=2 tid=90 tgid=90 flags=KTHREAD comm="kworker/0:1"
call ops->release depth=1 t=2.0 task=2 seq=2 buf=1
call dma_buf_release t=1.9 task=2 seq=1 buf=1
end t=2.1 reason="command exited with status 0" calls=10
END
echo "dqload tiny ioctls=1 expect:dma_buf_export=1 expect:fd_close=1 expect:begin_cpu_udmabuf=1" >ledger.good

# expect WHAT STATUS: compares the files, whose outcome must be what stdin says.
expect()
{
	local status
	cases=$((cases + 1))
	ASAN_OPTIONS=detect_leaks=0:exitcode=99 "$compare" trace tiny witness "${ledger:-ledger}" >got 2>&1
	status=$?
	cat >want
	if [ $status != "$2" ] || ! grep -v '^    ' got | cmp -s want -; then
		bad "$1: status $status, $2 expected (- expected, + got)"
		diff -u want got
	fi
}

# change FILE SED-SCRIPT: otherwise all is good.
change()
{
	cp trace.good trace
	cp witness.good witness
	cp ledger.good ledger
	[ $# -eq 0 ] || {
		sed "$2" "$1.good" >"$1"
		! cmp -s "$1" "$1.good" || bad "the change '$2' changes nothing"
	}
}

good='tiny: 10 entries, 8 returns, 10 functions, 2 threads, 8 identities'

change
expect agreement 0 <<END
$good: they agree
END

rm ledger
ledger=-
expect "a story that could not be run" 0 <<END
$good: they agree
END
ledger=

change trace '/^call dma_buf_fd/{p;s/.*/call vm_area_dup t=1.25 task=1 seq=20 buf=1/}; s/calls=10/calls=11/'
expect "a call that is not watched" 0 <<END
$good: they agree
END

change trace '/ops->begin_cpu/d; s/calls=10/calls=9/; s/^buf id=1/& ops=4/; /^task id=1/s/^/ops id=4 t=1.6 armed=begin_cpu_access\n/'
expect "a callback before its table was armed" 0 <<END
tiny: 1 calls are missing for a reason that the trace tells
${good/8 identities/7 identities}: they agree
END

change trace '/ops->begin_cpu/d; s/calls=10/calls=9/; s/^buf id=1/& ops=4/; /^task id=1/s/^/ops id=4 t=1.3 armed=begin_cpu_access\n/'
expect "a callback after its table was armed" 1 <<END
tiny: thread dqload (71): call 6 must be ops->begin_cpu_access of udmabuf, but is dma_buf_get
tiny: ops->begin_cpu_access of udmabuf: 1 entries expected, 0 in the trace
tiny: ops->begin_cpu_access of udmabuf: 1 returns expected, 0 in the trace
tiny: ledger: begin_cpu_udmabuf: 1 expected, 0 in the trace
${good/8 identities/6 identities}: they do not agree
END

change witness '/R dma_buf_get/s/0xffff*f7/0xfffffff7/'
expect "an error of 32 bits" 0 <<END
$good: they agree
END

change trace '/^call fd_install/d; s/seq=\([4-8]\) buf=1/seq=\1 buf=1/; s/calls=10/calls=9/'
expect "a call is missing" 1 <<END
tiny: thread dqload (71): call 3 must be fd_install, but is dma_buf_ioctl
tiny: fd_install: 1 entries expected, 0 in the trace
${good/8 identities/4 identities}: they do not agree
END
cases=$((cases + 1))
grep -qx '    expected  dma_buf_export dma_buf_fd \[fd_install\] dma_buf_ioctl dma_buf_begin_cpu_access ops->begin_cpu_access of udmabuf ...' got ||
	bad "a call is missing: not shown where: $(cat got)"

change trace '/^call dma_buf_get/{p;s/t=1.6/t=1.65/;s/seq=7/seq=9/}; s/calls=10/calls=11/'
expect "a call too many" 1 <<END
tiny: thread dqload (71): call 9 must be the end, but is dma_buf_get
tiny: dma_buf_get: 1 entries expected, 2 in the trace
tiny: dma_buf_get: 1 returns expected, 2 in the trace
$good: they do not agree
END

change trace '/^call ops->release/d; /^call dma_buf_release/d; s/calls=10/calls=8/'
expect "a thread is missing" 1 <<END
tiny: thread kworker/0:1 (90): call 1 must be dma_buf_release, but is the end
tiny: dma_buf_release: 1 entries expected, 0 in the trace
tiny: dma_buf_release: 1 returns expected, 0 in the trace
tiny: ops->release of udmabuf: 1 entries expected, 0 in the trace
tiny: ops->release of udmabuf: 1 returns expected, 0 in the trace
${good/8 identities/6 identities}: they do not agree
END

change trace 's/seq=7/seq=70/; s/seq=8/seq=7/'
expect "another order" 1 <<END
tiny: thread dqload (71): call 7 must be dma_buf_get, but is fd_close
${good/8 identities/7 identities}: they do not agree
END

change trace '/^call dma_buf_ioctl/s/ret=-EINVAL/ret=-EBUSY/'
expect "another error" 1 <<END
tiny: thread dqload (71): call 4, dma_buf_ioctl: returned -EINVAL, the trace has -EBUSY
$good: they do not agree
END

change trace '/^call dma_buf_fd/s/ret=3/ret=4/'
expect "another descriptor" 1 <<END
tiny: thread dqload (71): call 2, dma_buf_fd: returned 3, the trace has 4
$good: they do not agree
END

change trace '/^call fd_install/s/fd=3/fd=5/'
expect "another descriptor as argument" 1 <<END
tiny: thread dqload (71): call 3, fd_install: fd 3 expected, 5 in the trace
$good: they do not agree
END

change trace '/^call dma_buf_export/s/buf=1/ret=-ENOMEM/'
expect "an error where there was none" 1 <<END
tiny: thread dqload (71): call 1, dma_buf_export: returned a pointer, the trace has -ENOMEM
${good/8 identities/7 identities}: they do not agree
END

change trace '/^call dma_buf_ioctl/s/ret=-EINVAL/state=MISSED/'
expect "a return is missing" 1 <<END
tiny: dma_buf_ioctl: 1 returns expected, 0 in the trace
$good: they do not agree
END

change trace 's/depth=2 t=1.5/depth=1 t=1.5/'
expect "another nesting" 1 <<END
tiny: thread dqload (71): call 6, ops->begin_cpu_access of udmabuf: depth 2 expected, 1 in the trace
$good: they do not agree
END

change trace '/^call dma_buf_begin/s/buf=1/buf=2/'
expect "another buffer" 1 <<END
tiny: thread dqload (71): call 5, dma_buf_begin_cpu_access: on the buffer that was number 1 before, now 2
tiny: thread dqload (71): call 6, ops->begin_cpu_access of udmabuf: on the buffer that was number 2 before, now 1
$good: they do not agree
END

change witness 's/E dma_buf_begin_cpu_access 0xffff888000001000/E dma_buf_begin_cpu_access 0xffff888000009000/'
expect "two buffers under one number" 1 <<END
tiny: thread dqload (71): call 5, dma_buf_begin_cpu_access: on another buffer than before, but it is number 1 again
tiny: thread dqload (71): call 6, ops->begin_cpu_access of udmabuf: on another buffer than before, but it is number 1 again
$good: they do not agree
END

change trace '/^call dma_buf_begin/s/buf=1 //'
expect "no buffer" 1 <<END
tiny: thread dqload (71): call 5, dma_buf_begin_cpu_access: the trace does not say of which buffer
${good/8 identities/7 identities}: they do not agree
END

change trace 's/exp_name="udmabuf"/exp_name="system"/'
expect "another exporter's callback" 1 <<END
tiny: thread dqload (71): call 6 must be ops->begin_cpu_access of udmabuf, but is ops->begin_cpu_access of system
tiny: thread kworker/0:1 (90): call 2 must be ops->release of udmabuf, but is ops->release of system
tiny: ops->begin_cpu_access of udmabuf: 1 entries expected, 0 in the trace
tiny: ops->begin_cpu_access of udmabuf: 1 returns expected, 0 in the trace
tiny: ops->release of udmabuf: 1 entries expected, 0 in the trace
tiny: ops->release of udmabuf: 1 returns expected, 0 in the trace
tiny: ops->begin_cpu_access of system: 0 entries expected, 1 in the trace
tiny: ops->begin_cpu_access of system: 0 returns expected, 1 in the trace
tiny: ops->release of system: 0 entries expected, 1 in the trace
tiny: ops->release of system: 0 returns expected, 1 in the trace
tiny: ledger: begin_cpu_udmabuf: 1 expected, 0 in the trace
tiny: 10 entries, 8 returns, 12 functions, 2 threads, 5 identities: they do not agree
END

change ledger 's/export=1/export=2/'
expect "the ledger says otherwise" 1 <<END
tiny: ledger: dma_buf_export: 2 expected, 1 in the trace
$good: they do not agree
END

change trace 's/^end .*/loss ring cpu=0 count=3\n&/'
expect "a loss" 1 <<END
tiny: the trace has losses: loss ring cpu=0 count=3
$good: they do not agree
END

change trace '/^call filp_flush/d; s/calls=10/calls=9 lost=1/; s/^end .*/loss recursion hook=filp_flush count=1 from=1.0 to=2.1\n&/'
expect "a call that the kernel kept from the probe" 0 <<END
tiny: the kernel kept 1 calls from the probe of filp_flush
tiny: 1 calls are missing for a reason that the trace tells
${good/8 identities/7 identities}: they agree
END

change trace '/^call dma_buf_get/d; s/calls=10/calls=9 lost=1/; s/^end .*/loss recursion hook=filp_flush count=1 from=1.0 to=2.1\n&/'
expect "another call than the one that the kernel kept" 1 <<END
tiny: the kernel kept 1 calls from the probe of filp_flush
tiny: thread dqload (71): call 7 must be dma_buf_get, but is fd_close
tiny: dma_buf_get: 1 entries expected, 0 in the trace
tiny: dma_buf_get: 1 returns expected, 0 in the trace
${good/8 identities/7 identities}: they do not agree
END

change trace 's/calls=10/calls=11/'
expect "the end counts otherwise" 1 <<END
tiny: the trace says 11 calls and has 10
$good: they do not agree
END

change trace '/^end/d'
expect "no end" 1 <<END
tiny: the trace has no end
$good: they do not agree
END

# What would make agreement worthless.
change witness '/^EV 13 /d'
expect "a witness with a hole" 2 <<END
compare: tiny: event 13 of the witness is not what it should be
END

change witness '/^EV/d; s/events 18/events 0/'
expect "a witness that saw nothing" 2 <<END
compare: witness: 0 events where 0 should be
END

change witness 's/^EV 16 .*/EV 16 90 kworker E dma_buf_put 0xffff888000001000/'
expect "a witness that missed a return" 2 <<END
compare: witness: the witness did not see ops->release of udmabuf return
END

change witness 's/begin_cpu_udmabuf/begin_cpu_anything/'
expect "a function of nobody's" 2 <<END
compare: begin_cpu_anything is neither a hook nor a callback that this program knows (see callbacks[])
END

change ledger 's/expect/expected/g'
expect "no ledger" 2 <<END
compare: ledger: there is no ledger in it
END

say "$cases cases"
finish
