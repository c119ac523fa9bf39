#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch-mermaid.sh: makes sure that the Mermaid that the tests are made with is in the
# cache (~/.cache/dmaseq), and prints the path of its one file. Fetched from the registry
# that npm is configured for (with node alone where there is no npm but npm_config_registry
# or ~/.npmrc names one), and compared with its checksum. Needs no network once it is there.
set -eu

VERSION=11.17.0
SHA256=d72c77f9ff0c37145a2839096eb365a17052db761bb953abd073707167bc10be

die() {
	echo "fetch-mermaid.sh: $*" >&2
	exit 1
}

dir=${DMASEQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmaseq}/mermaid-$VERSION-${SHA256%"${SHA256#????????}"}
file=$dir/mermaid.min.js
if [ -s "$file" ]; then
	echo "$file"
	exit 0
fi
command -v node >/dev/null || die "node is missing (Debian: nodejs)"
mkdir -p "$dir" || die "cannot make the directory $dir"
tmp=$(mktemp -d "$dir/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
registry=${npm_config_registry:-$(sed -n 's/^registry *= *//p' "$HOME/.npmrc" 2>/dev/null | tail -n 1)}
if command -v npm >/dev/null; then
	npm pack "mermaid@$VERSION" >npm.out 2>&1 || die "npm cannot fetch mermaid $VERSION from its registry: $(tail -n 1 npm.out)"
elif [ "$registry" ]; then
	node -e '
		const base = process.argv[1].replace(/\/*$/, "/"), name = "mermaid-" + process.argv[2] + ".tgz";
		fetch(new URL("mermaid/-/" + name, base)).then(async r => {
			if (!r.ok) throw new Error("status " + r.status);
			require("fs").writeFileSync(name, Buffer.from(await r.arrayBuffer()));
		}).catch(e => { console.error(e.message); process.exit(1); });
	' "$registry" "$VERSION" 2>node.out || die "node cannot fetch mermaid $VERSION: $(head -n 1 node.out)"
else
	die "mermaid $VERSION is not in $dir, and cannot be fetched: there is no npm (Debian: npm), and neither\
 npm_config_registry nor ~/.npmrc names a registry"
fi
echo "$SHA256  mermaid-$VERSION.tgz" | sha256sum -c --status || die "mermaid $VERSION is not what it was: wrong checksum"
tar -xzf "mermaid-$VERSION.tgz" package/dist/mermaid.min.js
mv package/dist/mermaid.min.js "$file"	# at once: two tests may fetch it
echo "$file"
