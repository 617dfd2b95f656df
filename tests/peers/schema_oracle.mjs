// SPDX-License-Identifier: Apache-2.0
// Compares what Writ says of schemas and patterns with ajv and this engine's RegExp.
//
//   node schema_oracle.mjs PATH/TO/schema_lines [CASES] [SEED]
//
// Cases are generated: the same seed gives the same ones. Prints the first disagreements and a
// summary; exit status 1 when there is any.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv2020 = require("ajv/dist/2020.js").default;

const [program, casesText = "20000", seedText = "1"] = process.argv.slice(2);

// mulberry32: small, and the same everywhere
let state = Number(seedText) >>> 0;
const random = (n) => {
	state = (state + 0x6d2b79f5) >>> 0;
	let t = Math.imul(state ^ (state >>> 15), state | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) % n;
};
const pick = (list) => list[random(list.length)];
const some = (least, most, make) => Array.from({ length: least + random(most - least + 1) }, make);

const names = ["a", "b", "c", "x1", "x2", "é", "a/b", "~", "$ref"];
const texts = ["", "a", "b", "ab", "abc", "x1", "é", "😀😀", "2026-01-01", "a b", "\n"];
const numbers = [0, 1, 2, 3, 4, 5, 6, -1, -2, 0.5, 1.5, 2.5, 10, 100, 1e10];
const patterns = ["^a", "b$", "^x\\d$", "^.$", "^[a-z]*$", "é", "^(a|ab)(c|bcd)?$", "^(?!a)", "\\s", "^\\S+$"];
const types = ["null", "boolean", "number", "integer", "string", "array", "object"];

const value = (depth) => {
	const kind = random(depth > 0 ? 8 : 5);
	if (kind === 0) return pick([null, true, false]);
	if (kind <= 2) return pick(numbers);
	if (kind <= 4) return pick(texts);
	if (kind === 5) return some(0, 4, () => value(depth - 1));
	return Object.fromEntries(some(0, 4, () => [pick(names), value(depth - 1)]));
};
const members = (depth) => Object.fromEntries(some(1, 3, () => [pick(names), schema(depth - 1)]));
const list = (depth) => some(1, 3, () => schema(depth - 1));
const keywords = {
	type: () => (random(2) ? pick(types) : [...new Set(some(1, 3, () => pick(types)))]),
	enum: () => some(1, 4, () => value(1)),
	const: () => value(1),
	minimum: () => pick(numbers),
	maximum: () => pick(numbers),
	exclusiveMinimum: () => pick(numbers),
	exclusiveMaximum: () => pick(numbers),
	multipleOf: () => pick([0.5, 1, 2, 3]),
	minLength: () => random(4),
	maxLength: () => random(4),
	pattern: () => pick(patterns),
	prefixItems: list,
	items: (d) => schema(d - 1),
	contains: (d) => schema(d - 1),
	minItems: () => random(3),
	maxItems: () => random(4),
	uniqueItems: () => random(2) === 0,
	unevaluatedItems: (d) => schema(d - 1),
	properties: members,
	patternProperties: (d) => Object.fromEntries(some(1, 2, () => [pick(patterns), schema(d - 1)])),
	additionalProperties: (d) => schema(d - 1),
	propertyNames: () => ({ [pick(["pattern", "const"])]: pick(patterns) }),
	minProperties: () => random(3),
	maxProperties: () => random(4),
	required: () => [...new Set(some(0, 2, () => pick(names)))],
	dependentRequired: () => ({ [pick(names)]: [pick(names)] }),
	dependentSchemas: members,
	unevaluatedProperties: (d) => schema(d - 1),
	allOf: list,
	anyOf: list,
	oneOf: list,
	not: (d) => schema(d - 1),
	$ref: () => pick(["#/$defs/p", "#/$defs/q", "#q"]),
};
const all = Object.keys(keywords);
function schema(depth) {
	if (depth <= 0 || random(8) === 0) return random(4) === 0 ? random(2) === 0 : { type: pick(types) };
	const s = {};
	for (const k of some(1, 4, () => pick(all))) {
		s[k] = keywords[k](depth);
	}
	if (random(5) === 0) {
		s.if = schema(depth - 1);
		s.then = schema(depth - 1);
		s.else = schema(depth - 1);
	}
	if (s.contains !== undefined && random(3) === 0) {
		s.minContains = random(3);
		s.maxContains = random(4);
	}
	// Where ajv is known to be wrong it is not asked; what is right there stands in test_schema.c:
	// no element at all beside prefixItems, and what branches have evaluated.
	if (s.contains !== undefined) delete s.prefixItems;
	if (s.unevaluatedItems !== undefined || s.unevaluatedProperties !== undefined) {
		for (const k of ["anyOf", "oneOf", "if", "then", "else", "not", "contains", "dependentSchemas"]) delete s[k];
		if (s.allOf) s.allOf = [{ properties: { a: true }, prefixItems: [true] }, { patternProperties: { "^x": true } }];
	}
	return s;
}
function whole() {
	const s = schema(3);
	return typeof s === "boolean"
		? s
		: {
				...s,
				$defs: {
					p: { type: pick(types) },
					q: { $anchor: "q", properties: { a: true }, prefixItems: [true], minLength: 1 },
				},
			};
}

// A pattern of parts, some of which look ahead or behind.
function pattern(depth) {
	const atom = () => {
		switch (random(depth > 0 ? 10 : 6)) {
			case 0: return pick(["^", "$", "\\b"]);
			case 1: return pick(["[a-c]", "[^a]", "\\d", "\\w", "\\s", ".", "[\\d_]"]);
			case 6: return `(${pattern(depth - 1)})`;
			case 7: return `(?:${pattern(depth - 1)})`;
			case 8: return `(?${pick(["=", "!", "<=", "<!"])}${pattern(depth - 1)})`;
			default: return pick(["a", "b", "c", "1", "é", "\\u{1F600}"]);
		}
	};
	const term = () => {
		const a = atom();
		const fixed = /^(\^|\$|\\b|\\B|\(\?[=!<])/i.test(a);
		return a + (fixed ? "" : pick(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"]));
	};
	return some(1, 3, () => some(0, 3, term).join("")).join("|");
}
const text = () => some(0, 6, () => pick(["a", "b", "c", "1", "_", " ", "é", "😀", "\n"])).join("");

const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
const cases = [];
const expected = [];
while (cases.length < Number(casesText)) {
	if (random(4) === 0) {
		const c = { pattern: pattern(2), text: text() };
		cases.push(c);
		expected.push(new RegExp(c.pattern, "u").test(c.text));
		continue;
	}
	const s = whole();
	const validate = ajv.compile(s);
	for (let i = 0; i < 4; i++) {
		const c = { schema: s, value: value(3) };
		let fits;
		try {
			fits = validate(c.value);
		} catch {
			continue; // the code that ajv generates for unevaluated* sometimes throws
		}
		cases.push(c);
		expected.push(fits);
	}
}
const run = spawnSync(program, { input: cases.map((c) => JSON.stringify(c) + "\n").join(""), maxBuffer: 1 << 28 });
const got = run.stdout.toString().split("\n");
let wrong = 0;
let fits = 0;
cases.forEach((c, i) => {
	fits += expected[i];
	if (got[i] !== String(expected[i])) {
		if (++wrong <= 5) console.log(`${JSON.stringify(c)}: ${got[i]}, not ${expected[i]}`);
	}
});
console.log(`${cases.length} cases, ${fits} of them fit, ${wrong} told apart differently`);
process.exit(wrong || run.status !== 0 ? 1 : 0);
