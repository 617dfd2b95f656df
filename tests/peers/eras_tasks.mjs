// SPDX-License-Identifier: Apache-2.0
// The tasks extension of 2026-07-28 for eras.mjs (--tasks): tools that the server goes on with, to the contract of the
// official conformance suite. A client that has not declared the extension gets the result itself, but for failing_job.
import { randomUUID } from 'node:crypto';

const EXTENSION = 'io.modelcontextprotocol/tasks';

export default ({ say, elicit, form, need, object, sleep, RpcError }) => {
  const tasks = new Map();
  const declares = (x) => x.capabilities?.extensions?.[EXTENSION] !== undefined;
  const missing = () => new RpcError(-32021, 'A required client capability is missing',
    { requiredCapabilities: { extensions: { [EXTENSION]: {} } } }, 400);
  const over = (t) => ['completed', 'failed', 'cancelled'].includes(t.status);
  const now = () => new Date().toISOString();
  const shown = (t) => {
    const { taskId, status, createdAt, lastUpdatedAt, result, error } = t;
    return {
      taskId, status, createdAt, lastUpdatedAt, ttlMs: 600000, pollIntervalMs: 50,
      ...(result && { result }), ...(error && { error }),
      ...(status === 'input_required' && { inputRequests: Object.fromEntries(Object.entries(t.asks).filter(([k]) => !t.answers[k])) }),
    };
  };
  const settle = (t, change) => { if (!over(t)) Object.assign(t, change, { lastUpdatedAt: now() }); };

  /** work(task) comes to a result, or fails. Its id is the argument `id`, if there is one: whoever tests may choose it. */
  const job = (work, id) => {
    const t = { taskId: id ?? randomUUID(), status: 'working', createdAt: now(), lastUpdatedAt: now(), answers: {} };
    tasks.set(t.taskId, t);
    work(t).then((result) => settle(t, { status: 'completed', result }),
      (e) => settle(t, { status: 'failed', error: { code: e.code ?? -32603, message: e.message } }));
    const { inputRequests, ...given } = shown(t); // tasks/get says what it asks
    return { resultType: 'task', ...given };
  };
  const asking = (t, asks) => new Promise((done) => { Object.assign(t, { asks, done }); settle(t, { status: 'input_required' }); });
  const either = (work) => (a, x) => (declares(x) ? job((t) => work(a, t), a.id) : work(a, {}));

  const tools = {
    greet: { inputSchema: object({ name: { type: 'string' } }), run: (a) => say(`Hello, ${a.name ?? 'you'}!`) },
    slow_compute: {
      inputSchema: object({ seconds: { type: 'number' }, label: { type: 'string' } }),
      run: either(async (a) => { await sleep((a.seconds ?? 0) * 1000); return say(`computed ${a.label ?? ''}`); }),
    },
    failing_job: {
      run: (a, x) => {
        if (!declares(x)) throw missing();
        return job(async () => { await sleep(100); return { ...say('the job failed'), isError: true }; });
      },
    },
    protocol_error_job: { run: either(async () => { throw new RpcError(-32603, 'the job broke'); }) },
    confirm_delete: {
      inputSchema: object({ filename: { type: 'string' } }),
      run: either(async (a, t) => {
        if (!t.taskId) return say('nobody confirmed');
        const { confirm } = await asking(t, { confirm: elicit(`Delete ${a.filename}?`, form('confirm', 'boolean')) });
        return say(`confirmed: ${JSON.stringify(confirm)}`);
      }),
    },
    multi_input: {
      run: either(async (a, t) => {
        if (!t.taskId) return say('nobody answered');
        return say(JSON.stringify(await asking(t, { one: elicit('Your name?', form('name')), two: elicit('Sure?', form('confirm', 'boolean')) })));
      }),
    },
    test_tool_with_task: {
      run: (a, x) => need(x, { user_name: elicit('What is your name?', form('name')) },
        ({ user_name: r }) => {
          const result = say(`Hello, ${r.content?.name}!`);
          return declares(x) ? job(async () => result) : result;
        }),
    },
    // what a server must not do
    task_for_everybody: { run: () => job(async () => say('for everybody')) },
  };
  const known = (p, x) => {
    if (!declares(x)) throw missing();
    const t = tasks.get(p.taskId);
    if (!t) throw new RpcError(-32602, 'Unknown task');
    return t;
  };
  const methods = {
    'tasks/get': (p, x) => ({ resultType: 'complete', ...shown(known(p, x)) }),
    'tasks/cancel': (p, x) => { settle(known(p, x), { status: 'cancelled' }); return {}; },
    'tasks/update': (p, x) => {
      const t = known(p, x);
      if (t.status !== 'input_required') return {};
      for (const [k, v] of Object.entries(x.responses ?? {})) if (t.asks[k]) t.answers[k] = v;
      if (Object.keys(t.asks).every((k) => t.answers[k])) { settle(t, { status: 'working' }); t.done(t.answers); }
      return {};
    },
  };
  return { tools, methods, capabilities: { extensions: { [EXTENSION]: {} } } };
};
