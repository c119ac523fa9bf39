#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The job of docs/ci.md, as it stands there, with recordings that were made before.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

golden=$TOP/tests/golden
awk '/^<!-- this block is run/ { on = 1; next } on && /^```sh$/ { take = 1; next }
	take && /^```$/ { exit } take' "$TOP/docs/ci.md" >job
check "the job is there" grep -q '^# dma-buf-job' job
mkdir bin
printf '#!/bin/sh\nexec %s "$@"\n' "${DMASEQ:-$TOP/build/dev/src/cmd/dmaseq}" >bin/dmaseq
chmod +x bin/dmaseq
PATH=$PWD/bin:$PATH

dmaseq dump "$golden/recorded-device-dma.txt" -o good.dmaseq
sed '/ops->vmap .* buf=3$/d' "$golden/recorded-device-dma.txt" >bad.txt
dmaseq dump bad.txt -o bad.dmaseq
dmaseq baseline good.dmaseq -o camera.baseline

# job WANTED-STATUS RECORDING
job()
{
	local got
	rm -f diff.*
	RECORDING=$2 sh ./job camera.baseline true >tap 2>.out/e
	got=$?
	if [ "$got" = "$1" ]; then pass; else fail "the job ends with $got and not $1" <.out/e; fi
}

job 0 good.dmaseq
check "all is well" grep -qx 'ok 2 - buffers' tap
check "and JUnit says so" grep -q 'failures="0"' diff.xml
job 1 bad.dmaseq
check "a failed test" grep -qx 'not ok 2 - buffers' tap
check "that says what is missing" grep -qx '# -   ops->vmap' tap
check "JUnit, too" grep -q 'failures="1"' diff.xml
if command -v msc-gen >/dev/null; then
	check "a picture" test -s diff.svg
fi
check "a plan of TAP" grep -qx '1\.\.2' tap
head -c 3000 bad.dmaseq >cut.dmaseq
job 3 cut.dmaseq
check "an incomplete recording" grep -q '^not ok 2 - buffers # the recording is incomplete' tap
# on a board of LAVA
printf '#!/bin/sh\necho "lava: $*"\n' >bin/lava-test-case
chmod +x bin/lava-test-case
job 1 bad.dmaseq
check "LAVA is told" grep -qx 'lava: dma-buf-buffers --result fail' tap
rm bin/lava-test-case
# a command that fails: its recording is not compared
rm -f diff.*
sed 's/^	dmaseq record .*/	false/' job >failing-job
sh ./failing-job camera.baseline true >tap 2>.out/e
check "no recording" grep -qx 'not ok 1 - record # status 1, see command.log' tap
check "nothing to compare" grep -qx 'ok 2 - buffers # SKIP no recording' tap
printf 'removed ops->vmap -- known\n' >dma-buf.ignore
job 0 bad.dmaseq
check "a known difference" grep -q 'ignored: known' tap

summary
