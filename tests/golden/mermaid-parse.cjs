// SPDX-License-Identifier: BSD-2-Clause
//
// mermaid-parse.cjs MERMAID.JS FILE...: parses each file with the real Mermaid and
// prints, a line each, what it understood: participants, messages and notes, decoded.
// Status 1, and Mermaid's words on stderr, when it does not understand a file.
'use strict';
const fs = require('fs');

// Just enough of a browser for the parser: its purifier then lets every text pass.
globalThis.window = {
	document: { nodeType: 9, implementation: {}, createElement: () => ({}) },
	Element: class {},
	Node: class {},
	CSS: { supports: () => true },
};
require('vm').runInThisContext(fs.readFileSync(process.argv[2], 'utf8'));
const mermaid = globalThis.mermaid;

// Mermaid writes #NNN; as a mark of its own until it draws.
function decode(text)
{
	return String(text).replace(/ﬂ°°(\d+)¶ß/g, (all, n) => String.fromCodePoint(Number(n)));
}

async function show(file)
{
	const source = fs.readFileSync(file, 'utf8');
	const kind = await mermaid.parse(source);
	const db = (await mermaid.mermaidAPI.getDiagramFromText(source)).db;

	console.log(`${file}: ${kind.diagramType}`);
	for (const [id, actor] of db.getActors())
		console.log(`participant ${id} ${decode(actor.description)}`);
	for (const m of db.getMessages())
		if (m.message)
			console.log(`${m.from || ''} ${m.to || ''} ${decode(m.message)}`.trim());
}

(async () => {
	for (const file of process.argv.slice(3)) {
		try {
			await show(file);
		} catch (e) {
			console.error(`${file}: ${e.message}`);
			process.exitCode = 1;
		}
	}
})();
