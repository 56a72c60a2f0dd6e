#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// tokens-bench.js - the same texts through npm's tiktoken
//
// Usage: tokens-bench.js MODULES ENCODING FILE...
// MODULES is the node_modules that holds tiktoken. One line a file: name,
// bytes, tokens, MB/s of CPU time as the median of RUNS runs.
'use strict';
const fs = require('fs');
const path = require('path');

const RUNS = 5;
const [modules, encoding, ...files] = process.argv.slice(2);
const tiktoken = require(path.resolve(modules, 'tiktoken'));
const enc = tiktoken.get_encoding(encoding);

for (const file of files) {
	const text = fs.readFileSync(file, 'utf8');
	const bytes = fs.statSync(file).size;
	const took = [];
	let tokens = 0;
	for (let i = 0; i < RUNS; i++) {
		const start = process.cpuUsage();
		tokens = enc.encode_ordinary(text).length;
		const { user, system } = process.cpuUsage(start);
		took.push(user + system);
	}
	took.sort((a, b) => a - b);
	const speed = bytes / took[RUNS >> 1];
	console.log(path.basename(file), bytes, tokens, speed.toFixed(1));
}
