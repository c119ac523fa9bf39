# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that read this file use the variables
#
# Shared by the scripts of tests/vm: the cache, the list of guests, and how a
# Debian package of another suite or architecture is had.
#
# Packages are fetched by apt itself, with a private state directory, so that
# the archive's signature, the index's and the package's hashes are checked by
# the code that everybody trusts for it, and nothing of the machine's own apt
# state is touched.  Where from: the mirror that the machine's apt is
# configured with already.  No host is named here.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${DMASEQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmaseq}
KERNELS_LIST=${DMASEQ_KERNELS_LIST:-$VM_DIR/kernels.list}
KEYRING=${DMASEQ_APT_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# What a guest may want to load, most of it absent somewhere.  Changing this
# list makes the cached kernels stale: they remember what they were made with.
GUEST_MODULES='virtio_pci 9pnet_virtio 9p vgem vivid virtio-gpu binder_linux'

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# For a person who waits; a log needs none of it.
progress()
{
	if [ -t 2 ]; then
		printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	fi
}

need()
{
	local tool
	for tool; do
		command -v "$tool" >/dev/null ||
			die "$tool is needed; tests/vm/packages says which Debian package has it."
	done
}

# One lock for all of the cache: two runs that both miss would otherwise
# download the same hundred megabytes, and one would see the other's half.
cache_lock()
{
	mkdir -p "$CACHE" || die "cannot make the cache directory $CACHE."
	exec 9>"$CACHE/lock"
	if ! flock -n 9; then
		progress "waiting for another run to finish fetching"
		flock 9
	fi
}

cache_unlock()
{
	exec 9>&-
}

# kernel_line NAME: sets K_NAME K_ARCH K_SUITES K_PATTERN K_RUNGS K_TESTS from
# kernels.list.
kernel_line()
{
	local notes
	while read -r K_NAME K_ARCH K_SUITES K_PATTERN K_RUNGS K_TESTS notes; do
		case $K_NAME in
		''|'#'*) continue ;;
		esac
		if [ "$K_NAME" = "$1" ]; then
			: "$notes"
			return 0
		fi
	done <"$KERNELS_LIST"
	die "no kernel called '$1'; $KERNELS_LIST has: $(kernel_names | tr '\n' ' ')"
}

kernel_names()
{
	awk '!/^#/ && NF { print $1 }' "$KERNELS_LIST"
}

# The archive bases that the machine's apt knows, as "suite base-URI" lines.
# --print-uris tells it without the network and without downloaded lists.
apt_bases()
{
	local tmp
	if [ -n "${DMASEQ_APT_URI:-}" ]; then
		printf 'stable %s\n' "$DMASEQ_APT_URI"
		printf 'stable-security %s\n' "${DMASEQ_APT_SECURITY_URI:-$DMASEQ_APT_URI}"
		return
	fi
	tmp=$(mktemp -d)
	mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
	: >"$tmp/status"
	apt-get update --print-uris -o Dir::State::lists="$tmp/lists" \
		-o Dir::State::status="$tmp/status" -o Dir::Cache="$tmp/cache" 2>/dev/null |
		sed -n "s|^'\\(.*\\)/dists/\\(.*\\)/InRelease' .*|\\2 \\1|p"
	rm -rf "$tmp"
}

# Of apt's log the line that says why.
apt_why()
{
	grep -m 1 -E '^[EW]: Failed|^[EW]: .*(GPG|signed|NO_PUBKEY)|^E: ' "$1" 2>/dev/null ||
		echo 'no Debian source configured (set DMASEQ_APT_URI)'
}

# apt_candidates SUITE: base URIs that may carry SUITE, likeliest first.  Other
# archives (a vendor's) may use Debian's suite names too; they fail the
# signature check and the next one is tried.
apt_candidates()
{
	local security=no
	case $1 in
	*-security) security=yes ;;
	esac
	apt_bases | awk -v want="$1" -v security=$security '
		{ is = ($1 ~ /-security$/) ? "yes" : "no" }
		is == security { if ($1 == want) first[++n] = $2; else rest[++m] = $2 }
		END {
			for (i = 1; i <= n; i++) if (!seen[first[i]]++) print first[i]
			for (i = 1; i <= m; i++) if (!seen[rest[i]]++) print rest[i]
		}'
}

# apt_open ARCH SUITES: makes APT_CONFIG point at a private apt that knows
# these suites, with an index at most a day old (or whatever we have, when
# the mirror cannot be reached).
apt_open()
{
	local arch=$1 suites=$2 suite base ok why=
	local dir=$CACHE/apt/$arch-$suites

	need apt-get apt-cache apt-config dpkg-deb
	[ -r "$KEYRING" ] ||
		die "cannot check Debian's signatures: $KEYRING is missing (package debian-archive-keyring)."
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	# Of the machine's configuration only what concerns the transport is
	# kept (proxies, certificates): its hooks must not run for us.
	{
		apt-config dump | grep '^Acquire::' || :
		cat <<EOF
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
APT::Sandbox::User "root";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
EOF
	} >"$dir/apt.conf"
	export APT_CONFIG="$dir/apt.conf"

	if [ -n "$(find "$dir/fresh" -mtime -1 2>/dev/null)" ]; then
		return
	fi
	progress "reading the index of $suites ($arch)"
	: >"$dir/sources.new"
	for suite in ${suites//,/ }; do
		ok=no
		: >"$dir/update.log"
		for base in $(unset APT_CONFIG; apt_candidates "$suite"); do
			printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$base" "$suite" \
				>"$dir/sources.list"
			if apt-get -qq --error-on=any update >"$dir/update.log" 2>&1; then
				ok=yes
				break
			fi
		done
		if [ $ok = no ]; then
			if [ -e "$dir/fresh" ]; then
				mv "$dir/sources.kept" "$dir/sources.list"
				return
			fi
			why="no mirror in apt's configuration gives suite $suite for $arch: $(apt_why "$dir/update.log")"
			continue
		fi
		cat "$dir/sources.list" >>"$dir/sources.new"
	done
	# Of several suites one will do (a mirror's copy of the other may be half
	# renewed), but somebody should know.
	[ -s "$dir/sources.new" ] || die "$why"
	[ -z "$why" ] || echo "$(basename "$0"): going on without it: $why" >&2
	cp "$dir/sources.new" "$dir/sources.kept"
	mv "$dir/sources.new" "$dir/sources.list"
	apt-get -qq --error-on=any update >"$dir/update.log" 2>&1 ||
		die "reading the index of $suites failed: $(apt_why "$dir/update.log")"
	: >"$dir/fresh"
}

# apt_newest PATTERN: the package whose name matches and whose version is
# the newest; prints "name version".  apt_open comes first.
apt_newest()
{
	local prefix names name version best='' best_version=''

	# pkgnames takes a literal prefix only: the pattern up to its first
	# special character.
	prefix=$(printf '%s' "$1" | sed 's/\\\././g; s/[][\\+*?(){}|^$].*//')
	names=$(apt-cache pkgnames "$prefix" | grep -Ex "$1") || return 1
	while read -r name version; do
		if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best_version"; then
			best=$name
			best_version=$version
		fi
	done <<EOF
$(# shellcheck disable=SC2086 # a list of names
	apt-cache show $names | awk '/^Package:/ { p = $2 } /^Version:/ { print p, $2 }')
EOF
	[ -n "$best" ] || return 1
	printf '%s %s\n' "$best" "$best_version"
}

# apt_depends NAME: the names NAME depends on, alternatives and versions off.
apt_depends()
{
	apt-cache show --no-all-versions "$1" | sed -n 's/^\(Pre-\)\?Depends: //p' |
		tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/ //g'
}

# apt_fetch DIR NAME...: the packages as files in DIR, checked by apt.  Prints
# nothing; apt_file tells the names.
apt_fetch()
{
	local dir=$1 log
	shift
	mkdir -p "$dir"
	log=$(mktemp)
	if ! (cd "$dir" && apt-get -qq download "$@") >"$log" 2>&1; then
		tail -n 1 "$log" >&2
		rm -f "$log"
		die "could not download $*."
	fi
	rm -f "$log"
}

# relink TREE: absolute symbolic links of TREE become relative, so that they
# stay inside it.
relink()
{
	local link target depth up
	while IFS= read -r link; do
		[ -n "$link" ] || continue
		target=$(readlink "$link")
		depth=${link#"$1"/}
		depth=${depth//[!\/]/}
		up=${depth//\//../}
		ln -sfn "${up}${target#/}" "$link"
	done <<EOF
$(find "$1" -type l -lname '/*')
EOF
}

# busybox_static ARCH: prints the path of a static busybox of ARCH.  The
# machine's own is used for its own architecture, the archive's for others.
busybox_static()
{
	local arch=$1 out=$CACHE/busybox/$1/busybox tmp

	if [ "$arch" = "$(dpkg --print-architecture)" ] && [ -x /bin/busybox ] &&
	   file_is_static /bin/busybox; then
		printf '/bin/busybox\n'
		return
	fi
	cache_lock
	if [ ! -x "$out" ]; then
		apt_open "$arch" bookworm
		progress "fetching busybox-static ($arch)"
		tmp=$CACHE/busybox/.$arch.$$
		rm -rf "$tmp"
		apt_fetch "$tmp/deb" busybox-static
		unpack_all "$tmp/deb" "$tmp/tree"
		mkdir -p "$CACHE/busybox/$arch"
		cp "$tmp/tree/bin/busybox" "$out.new" 2>/dev/null ||
			cp "$tmp/tree/usr/bin/busybox" "$out.new"
		mv "$out.new" "$out"
		rm -rf "$tmp"
	fi
	cache_unlock
	printf '%s\n' "$out"
}

# No interpreter asked for: static.
file_is_static()
{
	! LC_ALL=C grep -q -a -m 1 -e 'ld-linux' -e 'ld-musl' "$1"
}

# unpack_all DIR TREE: every .deb of DIR into TREE, nothing run or installed.
unpack_all()
{
	local deb
	mkdir -p "$2"
	for deb in "$1"/*.deb; do
		dpkg-deb -x "$deb" "$2" || die "$deb cannot be unpacked."
	done
}
