#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_troubles.sh KERNEL
#
# How recordings end and how they are refused (guest/troubles.sh): statuses,
# sentences, and what the traces say about their end are expected/troubles.txt,
# with numbers that vary replaced. UPDATE_GOLDEN=1 writes it anew.
# shellcheck source-path=SCRIPTDIR source=testlib.sh
. "$(dirname "$0")/testlib.sh"
kernel=$1
guest_means "$kernel"
dir=$RESULTS/troubles-$kernel
want=$VM_DIR/expected/troubles.txt
rm -rf "$dir"

# Work goes on while probes come and go: see run.sh about --smp.
if ! guest "$kernel" "$dir" --smp 1 -- "$VM_DIR/guest/troubles.sh"; then
	bad "the guest $kernel failed"
	finish
fi
cd "$dir/cases" || exit 1
release=$(release_pattern "$kernel")

# What varies from run to run, from kernel to kernel.
vague()
{
	sed -E -e "s/$release/RELEASE/g" \
		-e 's/[0-9]+ calls?, [0-9]+ buffers?/N calls, N buffers/' \
		-e 's/[0-9]+ of [0-9]+ calls were written and [0-9]+ were not/N of N calls were written and N were not/' \
		-e 's/last [0-9]+ events are/last N events are/' \
		-e 's/\([0-9]+ buffers?, [0-9]+ fds?, [0-9]+ mappings?\)/(N buffers, N fds, N mappings)/' \
		-e 's/[0-9]+ (events?|returns?) (were|was|lost|missed)/N \1 \2/g' \
		-e 's/[0-9]+ files, of which/N files, of which/' \
		-e 's/[0-9.]+ (ns|us|ms|s|min)\b/TIME/g' \
		-e 's/[0-9.]+ (B|kB|MB)\b/SIZE/g' \
		-e 's/chunk [0-9]+ /chunk N /; s/after [0-9]+ chunks?/after N chunks/'
}

calls()
{
	dmaseq dump "$1" 2>/dev/null | grep -c "^call $2 "
}

# What is said of a trace that ended in order.
whole()
{
	dmaseq dump --validate "$1" >"$1.validated" 2>&1 || sed 's/^/NOT VALID: /' "$1.validated"
	dmaseq dump "$1" 2>/dev/null | sed -n 's/^end .*reason=/trace: ended by /p' | sed -E 's/ calls=.*//'
}

# One after the other, by age: each is valid, none is too large, and no call that a task made
# is in none of them.
files()
{
	local file seen
	for file in "$1.2" "$1.1" "$1"; do
		whole "$file"
		[ "$(stat -c %s "$file")" -le $((256 << 10)) ] || echo "NOT SO: $file is too large"
		dmaseq dump "$file" 2>/dev/null |
			sed -n 's/^call .* task=\([0-9]*\).* seq=\([0-9]*\).*/\1 \2/p' >"$file.seqs"
	done
	sort -k1,1n -k2,2n "$1.2.seqs" "$1.1.seqs" "$1.seqs" | awk '
		$1 == task && $2 != seq + 1 { print "NOT SO: task", task, "has no call between", seq, "and", $2; exit }
		{ task = $1; seq = $2 }'
	[ ! -e "$1.3" ] || echo "NOT SO: there is a fourth file"
	seen=$(cat "$1".*seqs | wc -l)
	[ "$seen" -gt 1000 ] || echo "NOT SO: only $seen calls"
}

# Is the command named, as process, thread or command line, and the machine's boot?
names()
{
	local command=no boot=no
	! dmaseq dump "$1" 2>/dev/null | grep -qF dqload || command=yes
	[ -z "$(od -An -tx1 -j24 -N16 "$1" | tr -d ' \n0')" ] || boot=yes
	echo "trace: the command's name: $command; a boot id: $boot"
}

# What is said of one of which something is missing.
partly()
{
	dmaseq list "$1" >"$1.list" 2>"$1.said" </dev/null
	echo "list: status $?"
	sed 's/^/list: /' "$1.said"
	[ "$(calls "$1" dma_buf_ioctl)" -gt 1000 ] || echo "NOT SO: hardly anything is in it"
	dmaseq dump --strict "$1" >/dev/null 2>&1
	echo "dump --strict: status $?"
}

# The number of chunks in the sentence must be how many there are.
cut_off()
{
	local there
	partly "$1"
	there=$(dmaseq dump --chunks "$1" 2>/dev/null | awk '$NF == "ok" { n++ } END { print n + 0 }')
	grep -Eq "after $there chunk|inside chunk $((there + 1)) " "$1.said" ||
		echo "NOT SO: $there chunks are whole"
	grep -q '; cut off$' "$1.list" || echo "NOT SO: the table does not say that it is cut off"
}

# The disk was full: the file has an end, which says how many calls are in it. The
# recorder says the same.
full()
{
	local in_file written missing lost
	whole "$1"
	partly "$1"
	in_file=$(dmaseq dump "$1" 2>/dev/null | sed -n 's/^end .* calls=\([0-9]*\).*/\1/p')
	written=$(sed -n 's/.*: \([0-9]*\) of [0-9]* calls were written.*/\1/p' "$2")
	missing=$(sed -n 's/.* and \([0-9]*\) were not.*/\1/p' "$2")
	lost=$(sed -n 's/.*last \([0-9]*\) events.*/\1/p' "$1.said")
	[ "$in_file" = "$written" ] || echo "NOT SO: $written calls were written, the end says $in_file"
	[ "$lost" -ge "$missing" ] || echo "NOT SO: $missing calls are missing, the trace says $lost events"
}

{
	for case in sigint sigterm sighup forwarded all time timeup stubborn usr2 twice \
		notfound notinpath notexec anonymize named \
		nodir readonly exists force full pipe sigkill rights nobpf nokprobes \
		nosyslog paranoid fewcaps setuid asroot trap foreign limit sigstop rotate dates; do
		echo "== $case: status $(cat $case.status)"
		cat $case.err
		case $case in
		full | limit) full $case.dmaseq $case.err ;;
		sigstop)
			whole $case.dmaseq
			dmaseq list $case.dmaseq 2>&1 >/dev/null | sed 's/^/list: /'
			dmaseq dump --strict $case.dmaseq >/dev/null 2>&1
			echo "dump --strict: status $?"
			;;
		rotate) files $case.dmaseq ;;
		anonymize | named)
			whole $case.dmaseq
			names $case.dmaseq
			;;
		dates)
			whole $case.dmaseq
			dmaseq list $case.dmaseq | grep 'the date was set'
			;;
		sigkill) cut_off $case.dmaseq ;;
		*) [ ! -e $case.dmaseq ] || whole $case.dmaseq ;;
		esac
		case $case in
		sigint | sigterm | sighup | all | force | anonymize | named)
			echo "trace: $(calls $case.dmaseq dma_buf_begin_cpu_access) times dma_buf_begin_cpu_access"
			;;
		esac
	done
} | vague >got
[ -z "${UPDATE_GOLDEN:-}" ] || cp got "$want"
diff -u "$want" got || bad "endings and refusals on $kernel (- expected, + got)"
[ ! -s log ] || bad "$(cat log)"

# A recorder that is killed may lose what it had in its hands: a second of it,
# and what it needed to get to the processor.
last=$(dmaseq dump sigkill.dmaseq 2>/dev/null | sed -n 's/^call .* t=\([0-9.]*\) .*/\1/p' | sort -n | tail -n 1)
say "kill -9 at $(cat sigkill.uptime) s, last call in the trace at $last s"
awk -v last="$last" -v killed="$(cat sigkill.uptime)" 'BEGIN { exit !(last > killed - 2) }' ||
	bad "kill -9 lost more than two seconds"
finish
