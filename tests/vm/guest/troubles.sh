#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# How a recording ends, and how it does not begin.  Each case leaves in
# /host/cases NAME.status and NAME.err, and NAME.dmaseq where there is a trace.
# What they must be is in expected/troubles.txt; test_troubles.sh looks.
#
# Most use --attach kprobe: the rung does not matter here, and it is armed
# soonest.  Where cases do not disturb one another they run side by side,
# because most of the time of a recorder's start is waiting.

set -u
me=troubles
# shellcheck source-path=SCRIPTDIR source=recorders.sh
. /lib/recorders.sh

no_probe_is_left()
{
	[ ! -s /sys/kernel/debug/kprobes/list ]
}

stage "signals"
begin sigint -o $cases/sigint.dmaseq
begin sigterm -o $cases/sigterm.dmaseq
begin sighup -a -o $cases/sighup.dmaseq
armed sigint sigterm sighup
dqload sync >$cases/signals.out || exit 1
# shellcheck disable=SC2154 # eval in begin sets them
kill -INT "$pid_sigint" && kill -TERM "$pid_sigterm" && kill -HUP "$pid_sighup"
ended sigint
ended sigterm
ended sighup

stage "ends of the command"
# Passed on to the command, whose end is the end.
begin forwarded -o $cases/forwarded.dmaseq -- sleep 100000
mkfifo /tmp/all.go
# The whole machine, but as long as the command; what is not its own is below.
begin all -a -o $cases/all.dmaseq -- sh -c 'read -r _ </tmp/all.go; exit 7'
begin time -t 1s -o $cases/time.dmaseq
armed forwarded all
# shellcheck disable=SC2154 # eval in begin sets it
kill -TERM "$pid_forwarded"
ended forwarded
dqload sync >/dev/null || exit 1
echo >/tmp/all.go
ended all
ended time
# Time is up: the command is asked to end, and made to when it does not. It says
# goodbye, so that this is after its end.
begin timeup -t 1s -o $cases/timeup.dmaseq -- sh -c 'trap "echo bye >/tmp/bye; exit 3" TERM; while :; do sleep 0.1; done'
begin stubborn -t 1s -o $cases/stubborn.dmaseq -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'
# SIGUSR2 ends the recording and not the command, whose status is waited for.
mkfifo /tmp/usr2.go
begin usr2 -o $cases/usr2.dmaseq -- sh -c 'read -r _ </tmp/usr2.go; exit 9'
# The second signal ends the recorder; the command ignores both.
begin twice -o $cases/twice.dmaseq -- sh -c 'trap "" TERM; echo $$ >/tmp/twice.pid; while :; do sleep 0.1; done'
armed usr2 twice
wait_until "the command had started" [ -s /tmp/twice.pid ]
# shellcheck disable=SC2154 # eval in begin sets them
kill -USR2 "$pid_usr2"
# shellcheck disable=SC2154
kill -TERM "$pid_twice"
wait_until "the recording was written" closed $cases/usr2.dmaseq
echo >/tmp/usr2.go
ended usr2
kill -TERM "$pid_twice"
ended twice
kill -0 "$(cat /tmp/twice.pid)" || echo "the command of two signals is gone" >>$cases/log
sed -i "s/$(cat /tmp/twice.pid)/PID/g" $cases/twice.err
kill -KILL "$(cat /tmp/twice.pid)"
ended timeup
[ -e /tmp/bye ] || echo "the command was not asked to end" >>$cases/log
ended stubborn
: >/tmp/not-executable
begin notfound -o $cases/notfound.dmaseq -- /tmp/there-is-no-such-command
begin notinpath -o $cases/notinpath.dmaseq -- there-is-no-such-command
begin notexec -o $cases/notexec.dmaseq -- /tmp/not-executable
ended notfound
ended notinpath
ended notexec

stage "names"
run anonymize dmaseq record --attach kprobe --anonymize -o $cases/anonymize.dmaseq -- dqload sync
run named dmaseq record --attach kprobe -o $cases/named.dmaseq -- dqload sync

stage "outputs that cannot be"
echo "something dear" >/tmp/exists.dmaseq
echo "something else" >/tmp/force.dmaseq
mkdir /tmp/readonly
mount -t tmpfs -o ro readonly /tmp/readonly
begin nodir -o /tmp/no/such/directory/x.dmaseq -- touch /tmp/ran
begin readonly -o /tmp/readonly/x.dmaseq -- touch /tmp/ran
begin exists -o /tmp/exists.dmaseq -- touch /tmp/ran
begin force --force -o /tmp/force.dmaseq -- dqload sync
ended nodir
ended readonly
ended exists
ended force >/dev/null
cp /tmp/force.dmaseq $cases/
[ ! -e /tmp/ran ] || echo "the command of a refused recording was run" >>$cases/log
[ "$(cat /tmp/exists.dmaseq)" = "something dear" ] ||
	echo "an existing file was overwritten" >>$cases/log

stage "outputs that end"
mkdir /tmp/small
mount -t tmpfs -o size=64k small /tmp/small
mkfifo /tmp/pipe
# Reads the first hundred bytes and goes away.
head -c 100 </tmp/pipe >/dev/null &
begin full -o /tmp/small/full.dmaseq
dmaseq record --attach kprobe --ready-file /tmp/pipe.ready -o - >/tmp/pipe 2>$cases/pipe.err &
# shellcheck disable=SC2034 # ended reads it
pid_pipe=$!
armed full pipe
work
ended full
ended pipe
work_ends
cp /tmp/small/full.dmaseq $cases/

stage "kill -9"
begin sigkill -o $cases/sigkill.dmaseq
armed sigkill
work
wait_until "the trace had 60000 bytes" larger $cases/sigkill.dmaseq 60000
read -r up _ </proc/uptime
# shellcheck disable=SC2154 # eval in begin sets it
kill -KILL "$pid_sigkill"
echo "$up" >$cases/sigkill.uptime
ended sigkill
work_ends
wait_until "the kernel had taken away the probes" no_probe_is_left

stage "kernels that cannot"
run rights dqexec as 65534 dmaseq record -o /tmp/x.dmaseq -- touch /tmp/ran
run nobpf dqexec nobpf dmaseq record -o /tmp/x.dmaseq -- touch /tmp/ran
mkdir /tmp/empty
mount --bind /tmp/empty /sys/bus/event_source/devices
run nokprobes dmaseq record -o /tmp/x.dmaseq -- touch /tmp/ran
umount /sys/bus/event_source/devices
[ ! -e /tmp/ran ] || echo "the command of a refused recording was run" >>$cases/log
[ ! -e /tmp/x.dmaseq ] || echo "a refused recording left a file" >>$cases/log
# What the command is, and what its recorder is.
cat >/tmp/look <<'EOF'
#!/bin/sh
for of in self $PPID; do
	grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):' /proc/$of/status
done >&2
# what is open beside 0, 1, 2 (and the directory that ls reads)
ls /proc/self/fd | grep -cv '^[0123]$' >&2
[ ! -e "$1" ] || stat -c '%a %u' "$1" >&2
EOF
chmod 755 /tmp/look
mkdir -m 777 /tmp/user
# user NAME FILE: a recording of user 1000 with this copy of dmaseq
user()
{
	trace=/tmp/user/$1.dmaseq
	run "$1" dqexec as 1000 "/tmp/$2" record --attach kprobe -o "$trace" -- /tmp/look "$trace"
	[ ! -e "$trace" ] || cp "$trace" $cases/
}

stage "few rights"
# CAP_BPF CAP_PERFMON, then with CAP_SYSLOG and CAP_DAC_READ_SEARCH
for file in nosyslog fewcaps setuid; do
	cp /bin/dmaseq /tmp/$file
	chmod 755 /tmp/$file
done
dqexec setcap /tmp/nosyslog 39 38
dqexec setcap /tmp/fewcaps 39 38 34 2
chmod 4755 /tmp/setuid
user nosyslog nosyslog
user paranoid fewcaps
echo 2 >/proc/sys/kernel/perf_event_paranoid
user fewcaps fewcaps
echo 3 >/proc/sys/kernel/perf_event_paranoid
user setuid setuid
run asroot dmaseq record --attach kprobe -o $cases/asroot.dmaseq -- /tmp/look $cases/asroot.dmaseq

stage "traps"
for protected in /proc/sys/fs/protected_*; do
	echo 0 >"$protected"
done
echo "something dear" >/tmp/victim
ln -s /tmp/victim /tmp/trap
echo "not ours" >/tmp/foreign
chown -h 1000 /tmp/trap /tmp/foreign
run trap dmaseq record --force -o /tmp/trap -- touch /tmp/ran
run foreign dmaseq record --force -o /tmp/foreign -- touch /tmp/ran
[ "$(cat /tmp/victim)" = "something dear" ] || echo "a link was followed" >>$cases/log
[ "$(cat /tmp/foreign)" = "not ours" ] || echo "another user's file was overwritten" >>$cases/log
[ ! -e /tmp/ran ] || echo "the command of a refused recording was run" >>$cases/log

stage "a limit, a recorder that is stopped, many files, another date"
(
	ulimit -f 100
	# shellcheck disable=SC2086 # words
	exec dmaseq record $attach --ready-file /tmp/limit.ready -o /tmp/limit.dmaseq 2>$cases/limit.err
) &
# shellcheck disable=SC2034 # ended reads it
pid_limit=$!
armed limit
work
ended limit
work_ends
cp /tmp/limit.dmaseq $cases/
begin sigstop --ring 64K -o $cases/sigstop.dmaseq
armed sigstop
# shellcheck disable=SC2154 # eval in begin sets it
kill -STOP "$pid_sigstop"
dqload sync --pairs 5000 >/dev/null || exit 1
kill -CONT "$pid_sigstop"
dqload sync --pairs 3 >/dev/null || exit 1
stopped sigstop INT
begin rotate --rotate 256K --rotate-files 3 -o $cases/rotate.dmaseq
armed rotate
work
wait_until "there were three files" [ -e $cases/rotate.dmaseq.2 ]
stopped rotate INT
work_ends
begin dates -o $cases/dates.dmaseq
armed dates
date -s @2000000000 >/dev/null
stopped dates INT
stage "done"
