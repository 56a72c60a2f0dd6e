#!/usr/bin/env node
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkprices.js - bring data/prices.tsv up to date; for maintainers, needs npm
 *
 *   tools/mkprices.js [--accept] [FILE]     FILE: default data/prices.tsv
 *
 * Takes the package named below from the npm registry that this machine is set
 * up for, checks it, and writes FILE anew. Nothing is written and the exit code
 * is 1 when a price changed by more than 5 times, or a model that had a price
 * has none any more: read the list, then say --accept. To take a newer package
 * change VERSION, SHA512 and DATE here, so that the change is in the history.
 */
"use strict";
const { execFileSync } = require("child_process");
const crypto = require("crypto");
const fs = require("fs");
const os = require("os");
const path = require("path");
const vm = require("vm");

const PACKAGE = "@pydantic/genai-prices";
const VERSION = "0.1.8";
const SPEC = `${PACKAGE}@${VERSION}`;
const SHA512 = "h7CYw6qTyflG2zUndO8tXyL8Xopf+tX9JZu13h0ZFgey" +
	"Yj+J2gm1edR4+R+mbQ2vPdkFjtTmmmu1cYQPM5/KTA==";
const DATE = "2026-09-23";
const JUMP = 5;

/* Columns behind provider, model, from, hours, over; see prices.h. */
const UNITS = {
	in: "input_mtok",
	cached: "cache_read_mtok",
	write: "cache_write_mtok",
	write_1h: "cache_write_1h_mtok",
	out: "output_mtok",
	audio_in: "input_audio_mtok",
	audio_out: "output_audio_mtok",
	request: "requests_kcount",
	search: "web_searches_kcount",
};
/* Units that may stand beside them: the fee is not per token of a chat, or (a
 * cached audio token) our usage cannot tell it apart. The tokens of a model
 * with any other unit have no single price: its row has none, so it is unknown,
 * and a wider pattern of another row cannot claim it. */
const IGNORED = new Set(["storage_searches_kcount", "cache_audio_read_mtok"]);

function die(text)
{
	process.stderr.write(`mkprices: ${text}\n`);
	process.exit(1);
}

function fetch_package()
{
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), "mkprices-"));
	try {
		const name = execFileSync("npm", ["pack", "--silent", SPEC],
			{ cwd: dir, encoding: "utf8" });
		const tgz = fs.readFileSync(path.join(dir, name.trim()));
		const sum = crypto.createHash("sha512").update(tgz);
		if (sum.digest("base64") !== SHA512)
			die(`${SPEC}: SHA-512 is not the pinned one`);
		return execFileSync("tar", ["xzOf", "-",
			"package/dist/index.cjs"], { input: tgz,
			encoding: "utf8", maxBuffer: 1 << 26 });
	} finally {
		fs.rmSync(dir, { recursive: true });
	}
}

/* The table is a constant inside the module: run it with nothing in reach. */
function read_table(code)
{
	const m = code.match(/const (\w+)=\[\{id:"/);
	if (!m)
		die("the package holds no table of the known shape");
	const json = vm.runInNewContext(
		`const exports={},module={};${code};JSON.stringify(${m[1]})`,
		{}, { timeout: 5000 });
	return JSON.parse(json);
}

/*
 * A match rule as patterns: "*" is any run of characters, "#" one digit. Only
 * the regular expressions that say no more than this are taken.
 */
function globs(rule, where)
{
	if (rule.or)
		return rule.or.flatMap((r) => globs(r, where));
	if (rule.and) /* "x, but not *-tts*": the longer pattern wins anyway */
		return globs(rule.and.find((r) => !r.regex), where);
	const [kind, text] = Object.entries(rule)[0];
	const t = text.toLowerCase();
	if (kind === "regex") {
		const g = t.replace(/^\^/, "").replace(/\\d\{(\d)\}/g,
			(_, n) => "#".repeat(n)).replace(/\\d/g, "#")
			.replace(/\\([.[\]])/g, "$1");
		return [g.endsWith("$") ? g.slice(0, -1) : g + "*"];
	}
	if (/[*# \t]/.test(t))
		die(`${where}: ${kind} has a character of ours: ${t}`);
	switch (kind) {
	case "equals": return [t];
	case "starts_with": return [t + "*"];
	case "ends_with": return ["*" + t];
	case "contains": return ["*" + t + "*"];
	}
	die(`${where}: unknown match rule ${kind}`);
}

/* The finest price that is whole pico-dollars a token has 6 decimals; what is
 * finer (a third of a cent) is rounded up. */
function decimal(n, where)
{
	if (typeof n !== "number" || !(n >= 0 && n < 1e6))
		die(`${where}: not a price: ${n}`);
	const near = Math.round(n * 1e6);
	const micro = Math.abs(near - n * 1e6) < 1e-6 ? near :
		Math.ceil(n * 1e6);
	return (micro / 1e6).toFixed(6).replace(/\.?0+$/, "");
}

function at(price, over)
{
	if (typeof price !== "object")
		return price;
	let now = price.base;
	for (const t of [...price.tiers].sort((a, b) => a.start - b.start))
		if (t.start <= over)
			now = t.price;
	return now;
}

/* One row for each tier of one set of prices. */
function tiers(prices, where)
{
	const starts = new Set([0]);
	for (const v of Object.values(prices))
		if (typeof v === "object")
			v.tiers.forEach((t) => starts.add(t.start));
	return [...starts].sort((a, b) => a - b).map((over) => {
		const row = { over: String(over) };
		for (const [col, key] of Object.entries(UNITS))
			row[col] = key in prices ?
				decimal(at(prices[key], over), where) : "-";
		return row;
	});
}

/* A window of the day holds from the latest date on that the list names. */
function model_rows(provider, x)
{
	const where = `${provider}/${x.id}`;
	const list = Array.isArray(x.prices) ? x.prices :
		[{ prices: x.prices }];
	const latest = list.map((p) => (p.constraint || {}).start_date || "-")
		.sort().pop();
	return list.flatMap(({ constraint: c, prices }) => {
		const hours = c && c.type === "time_of_date" ?
			[c.start_time, c.end_time].map((t) => t.slice(0, 5))
				.join("-") : "-";
		return tiers(prices, where).map((t) => ({
			...t, provider, hours, model: x.id.toLowerCase(),
			from: hours !== "-" ? latest :
				(c && c.start_date) || "-",
			context: String(x.context_window || "-"),
		}));
	});
}

function priced(x)
{
	const list = Array.isArray(x.prices) ? x.prices :
		[{ prices: x.prices }];
	const known = new Set(Object.values(UNITS));
	return list.every(({ prices }) => "input_mtok" in prices &&
		Object.keys(prices).every((k) => known.has(k) ||
			IGNORED.has(k)));
}

/* Does pattern `a` fit whatever `b`, of the same characters, fits? */
function covers(a, b)
{
	return a.replace(/\*/g, "") === b.replace(/\*/g, "") &&
		(a[0] === "*" || b[0] !== "*") &&
		(a.endsWith("*") || !b.endsWith("*"));
}

/*
 * The rows of a provider, then of those it resells. A pattern that says no more
 * than one of an earlier model is taken from the later one: so the order of the
 * source, where the first match wins, needs no place in the table.
 */
function provider_rows(p, all)
{
	const seen = [];
	const models = new Set();
	const rows = [];
	const sources = [p, ...(p.fallback_model_providers || [])
		.map((id) => all.find((q) => q.id === id))];
	const pairs = sources.flatMap((q) => q.models.map((x) => [q, x]));
	for (const [q, x] of pairs) {
		const match = [...new Set(globs(x.match, `${p.id}/${x.id}`))]
			.filter((g) => !seen.some((s) => covers(s, g))).sort();
		seen.push(...match);
		if (!match.length)
			continue;
		const id = models.has(x.id) ? `${q.id}/${x.id}` : x.id;
		const prices = priced(x) ? x.prices : {};
		models.add(id);
		for (const row of model_rows(p.id, { ...x, id, prices }))
			rows.push({ ...row, match: match.join(" ") });
	}
	return rows;
}

const COLUMNS = ["provider", "model", "from", "hours", "over",
	...Object.keys(UNITS), "context", "match"];

function print(rows)
{
	return `# What models cost: USD per million tokens; request and search per \
thousand.
# From npm ${PACKAGE} ${VERSION} of ${DATE}, MIT licence,
# Copyright (c) Pydantic Services Inc. 2025 to present.
# Written by tools/mkprices.js: do not edit, see aigw-count(1) for --prices.
# ${COLUMNS.join("\t")}
` + rows.map((r) => COLUMNS.map((c) => r[c]).join("\t") + "\n").join("");
}

function parse(text)
{
	return text.split("\n").filter((l) => l && l[0] !== "#").map((l) => {
		const f = l.split("\t");
		return Object.fromEntries(COLUMNS.map((c, i) => [c, f[i]]));
	});
}

/* What a person must look at before the new table may replace the old one. */
function compare(before, after)
{
	const key = (r) => COLUMNS.slice(0, 5).map((c) => r[c]).join(" ");
	const now = new Map(after.map((r) => [key(r), r]));
	const bad = [];
	for (const old of before) {
		const r = now.get(key(old));
		if (!r) {
			bad.push(`${key(old)}: vanished`);
			continue;
		}
		for (const c of Object.keys(UNITS)) {
			const a = Number(old[c]), b = Number(r[c]);
			if (old[c] !== "-" && r[c] === "-")
				bad.push(`${key(old)}: ${c} vanished`);
			else if (a !== b && (a > b * JUMP || b > a * JUMP))
				bad.push(`${key(old)}: ${c} ${a} -> ${b}`);
		}
	}
	return bad;
}

function main()
{
	const args = process.argv.slice(2);
	const accept = args[0] === "--accept" && args.shift();
	const file = args[0] ||
		path.join(__dirname, "..", "data", "prices.tsv");
	const table = read_table(fetch_package());
	const order = (r) => COLUMNS.slice(0, 4).map((c) => r[c]).join("\0");
	const rows = table.flatMap((p) => provider_rows(p, table))
		.sort((a, b) => order(a) < order(b) ? -1 :
			order(a) > order(b) ? 1 : a.over - b.over);
	if (rows.length < 500)
		die(`only ${rows.length} rows: the package changed its shape`);
	const old = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
	const bad = compare(parse(old), rows);
	bad.forEach((b) => process.stderr.write(`mkprices: ${b}\n`));
	if (bad.length && !accept)
		die("nothing written; --accept takes it as it is");
	fs.writeFileSync(file + ".new", print(rows));
	fs.renameSync(file + ".new", file);
	process.stdout.write(`${file}: ${rows.length} rows\n`);
}

main();
