// SPDX-License-Identifier: Apache-2.0
// CPU time of one decision by cedar-wasm: a question as bench_policy --question prints it
// on standard input, one JSON object on standard output. The policies are parsed once, before;
// request and entities go with every call, as the package has it.
//   cd DIR-WITH-node_modules && node bench.mjs < QUESTION
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(path.join(process.cwd(), 'index.js'));
const cedar = require('@cedar-policy/cedar-wasm/nodejs');
const q = JSON.parse(fs.readFileSync(0, 'utf8'));
const call = { ...q.request, preparsedPolicySetId: 'bench', entities: q.entities };
const cpuMs = (since) => {
  const used = process.cpuUsage(since);
  return (used.user + used.system) / 1000;
};

function must(answer) {
  if (answer.type !== 'success') {
    console.error(JSON.stringify(answer).slice(0, 500));
    process.exit(2);
  }
  return answer;
}

let start = process.cpuUsage();
must(cedar.preparsePolicySet('bench', { staticPolicies: q.policies }));
const load = cpuMs(start);
const first = must(cedar.statefulIsAuthorized(call)).response;
let rounds = 1;
let spent = 0;
while (spent < 500) {
  start = process.cpuUsage();
  for (let i = 0; i < rounds; i++) {
    cedar.statefulIsAuthorized(call);
  }
  spent = cpuMs(start);
  rounds = spent < 500 ? Math.ceil(rounds * Math.min(10, 600 / Math.max(spent, 1))) : rounds;
}
console.log(JSON.stringify({
  version: cedar.getCedarVersion(), load_ms: load, decide_ns: spent * 1e6 / rounds,
  decision: first.decision, reasons: first.diagnostics.reason.length,
}));
