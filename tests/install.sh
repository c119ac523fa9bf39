#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# install.sh [--check] LIST...
#
# Installs the Debian packages that the lists name and that are missing: as root,
# or with a sudo that asks nothing. A list has a package and its reason a line.
# --check installs nothing. One sentence on stderr, and status 1, when something
# stays missing. It says nothing when nothing was missing.
set -u

check=no
if [ "${1:-}" = --check ]; then
	check=yes
	shift
fi

give_up()
{
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}

mapfile -t missing < <(awk '!/^#/ && NF { print $1 }' "$@" | sort -u | while read -r name; do
	dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
done)
[ ${#missing[@]} -eq 0 ] && exit 0

echo "needed and not installed: ${missing[*]}"
[ $check = no ] || give_up "apt install ${missing[*]}"
command -v apt-get >/dev/null || give_up "no apt-get here, install them by hand: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	sudo -n true 2>/dev/null || give_up "installing them needs root: sudo apt install ${missing[*]}"
	as_root=(sudo -n)
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
log=$(mktemp) || exit 1
for what in update "install -y --no-install-recommends ${missing[*]}"; do
	# shellcheck disable=SC2086 # words
	if ! "${as_root[@]}" $what >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		give_up "apt-get ${what%% *} failed; all of its output is in $log"
	fi
done
rm -f "$log"
