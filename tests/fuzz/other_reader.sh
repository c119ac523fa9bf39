#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Do dmaseq and a reader written from docs/trace-format.md read the same? Skipped where
# there is no Python.
#
#	other_reader.sh PRINT_ITEMS TRACE-FORMAT.MD FILE...
command -v python3 >/dev/null || exit 77
print=$1 doc=$2
shift 2
here=$(dirname "$0")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
status=0
for file; do
	"$print" "$file" >"$dir/ours" && python3 "$here/other_reader.py" "$doc" "$file" >"$dir/other" &&
		cmp "$dir/ours" "$dir/other" || { echo "FAILED: $file"; status=1; }
done
exit $status
