# SPDX-License-Identifier: Apache-2.0
"""`./bench models`: chat completions, whole and streamed, through authentication, policy, budget and ledger, beside plain
proxies to the same scripted back end."""
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

import machine
import serve
from builder import Failed, build
from targets import Haproxy, Nginx, Writ, answers

UPSTREAM_PORT, STREAMS, EVENTS = 18890, 10000, 18
SPARE_FILES = 200  # of a proxy, beside two for each stream
PATH, KEY = "/v1/chat/completions", "bench-key-0123456789abcdef0123456789abcdef"
KEY_SHA256 = "66f3f8da3e580459bdb225813f90ac5503b66546331698c87fc1ad431d4005a2"

# name, what, limit, unit
FIGURES = [
    ("cpu_ratio", "CPU per chat completion of 512 B, of nginx's", 1.4, "x"),
    ("p50_ratio", "added p50 of a chat completion, of nginx's", 1.3, "x"),
    ("event_us", "CPU per event of a stream", 9, "us"),
    ("first_us", "added time to the first token", 20, "us"),
    ("streams_mb", "memory with 10,000 open streams (PSS)", 24, "MB"),
]
RELAYED = "writ-relay"
OURS = ("writ", RELAYED)
RELAY_FIGURES = [
    ("cpu_ratio", "CPU per chat completion of 512 B, of nginx's", 2.3, "x"),
    ("p50_ratio", "added p50 of a chat completion, of nginx's", 2.2, "x"),
    ("event_us", "CPU per event of a stream", 18, "us"),
]


class Direct:
    """The back end itself: what is there without any proxy."""
    name, path, calls = "direct", PATH, 0

    def __init__(self, process):
        self.process, self.port = process, UPSTREAM_PORT

    def describe(self):
        return "the scripted back end"

    def stop(self):
        pass


class Gateway(Writ):
    """Writ with a model, a key, a budget and a hundred policies."""

    def command(self):
        argv = super().command()
        (self.dir / "policies" / "40-models.cedar").write_text(
            '@id("bench.infer") permit (principal == Writ::Agent::"keyed", action == Writ::Action::"infer", resource)\n'
            'when { resource.site in Writ::Jurisdiction::"EU" && context.input.tokens < 100000 };\n')
        config = self.dir / "writ.yaml"
        config.write_text(config.read_text().replace("  anonymous: bench\n", f"""  anonymous: bench
  api_keys:
    - {{agent: keyed, key_sha256: {KEY_SHA256}}}
""") + f"""
sites:
  here: {{operator: Bench, country: DE, jurisdictions: [DE, EU]}}
models:
  bench: {{url: 'http://127.0.0.1:{self.upstream}/v1', site: here{self.more()}}}
budgets:
  day: {{per: agent, tokens: 200000000000}}
""")
        return argv

    def more(self):
        return ""


class Relayed(Gateway):
    """The same with a credential, so a relay stands in between."""

    def more(self):
        key = self.dir / "model.key"
        key.touch(0o600)
        key.write_text("of-the-back-end\n")
        return f", api_key_file: {key}"


def load(tool, target, **settings):
    return serve.load(tool, target, header=f"Authorization: Bearer {KEY}", **{"path": PATH, **settings})


def hold_streams(tool, target):
    """Memory with STREAMS open streams. Where descriptors are limited to fewer: of so many, counted up."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(STREAMS, (files - SPARE_FILES) // 2)
    idle, _ = serve.memory(target)
    argv = ["timeout", "300", tool, f"127.0.0.1:{target.port}", f"path={PATH}", "mode=open",
            f"connections={count}", "body=512", f"header=Authorization: Bearer {KEY}"]
    p = machine.start(argv, machine.LOAD_CPU, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    line = p.stdout.readline()
    if line.strip() != "ready":
        _, err = p.communicate()
        raise Failed(f"{target.name}, {count} streams: {err.strip() or line}\n{target.describe()}")
    target.calls += count
    time.sleep(3)
    total, by_role = serve.memory(target)
    p.communicate()
    return {"streams": count, "stream_kb": (total - idle) * 1024 / count,
            "streams_mb": idle + (total - idle) * STREAMS / count, "streams_mb_by_role": by_role}


def rounds(tool, targets, options, results):
    """Alternating, so that what the machine does besides hits all alike."""
    count, seconds = (2, 2) if options.quick else (5, 4)
    runs = {"chat": {"mode": "chat", "connections": 64}, "one": {"mode": "chat", "connections": 1},
            "paced": {"mode": "paced", "connections": 64}, "first": {"mode": "stream", "connections": 1}}
    for i in range(count):
        for target in targets[i % len(targets):] + targets[:i % len(targets)]:
            for name, settings in runs.items():
                r = load(tool, target, seconds=seconds, warmup=1, **settings)
                results[target.name].setdefault(name, []).append(r)
            mine = results[target.name]
            serve.say(options, f"  round {i + 1}  {target.name:8} {mine['chat'][-1]['rps']:8.0f} requests/s  "
                               f"{mine['chat'][-1]['cpu_us']:6.2f} us CPU  p50 {mine['one'][-1]['p50_us']:6.1f} us  "
                               f"{mine['paced'][-1]['cpu_us'] / EVENTS:6.2f} us an event  "
                               f"first token {mine['first'][-1]['first_us']:6.1f} us, "
                               f"stream {mine['first'][-1]['p50_us']:6.1f} us")
    for target in targets:
        mine = results[target.name]
        mid = lambda run, key: statistics.median(r[key] for r in mine[run])  # noqa: E731
        mine |= {"rps": mid("chat", "rps"), "cpu_us": mid("chat", "cpu_us"), "p50_us": mid("one", "p50_us"),
                 "event_us": mid("paced", "cpu_us") / EVENTS, "first_token_us": mid("first", "first_us"),
                 "stream_us": mid("first", "p50_us")}


def measure(options, upstream, tool, program, directory):
    server = machine.start([upstream, f"127.0.0.1:{UPSTREAM_PORT}"], machine.LOAD_CPU)
    kinds = {"nginx": Nginx, "haproxy": Haproxy}
    targets = [Direct(server)]
    try:
        while not answers(UPSTREAM_PORT, "/mcp"):
            if server.poll() is not None:
                raise Failed("the upstream does not start: is its port taken?")
            time.sleep(0.01)
        for i, name in enumerate(options.only):
            port = UPSTREAM_PORT + 1 + i
            targets.append({"writ": Gateway, RELAYED: Relayed}[name](name, directory / name, port, UPSTREAM_PORT, program)
                           if name in OURS else kinds[name](name, directory / name, port, UPSTREAM_PORT))
            targets[-1].start()
        results = {t.name: {} for t in targets}
        rounds(tool, targets, options, results)
        for target in targets[1:]:
            r = results[target.name]
            try:
                r |= hold_streams(tool, target)
            except Failed as e:
                r["problem"] = str(e)
            target.stop()
            if target.name in OURS:
                r["ledger"] = serve.check_ledger(program, target)
    finally:
        for target in targets:
            target.stop()
        machine.stop(server)
    return results


def judge(results):
    writ, nginx, direct = results.get("writ"), results.get("nginx"), results["direct"]
    if not writ:
        return []
    relayed = results.get(RELAYED, {})
    for ours in (writ, relayed) if nginx else ():
        if ours:
            ours["cpu_ratio"] = ours["cpu_us"] / nginx["cpu_us"]
            ours["p50_ratio"] = (ours["p50_us"] - direct["p50_us"]) / max(nginx["p50_us"] - direct["p50_us"], 0.1)
    writ["first_us"] = writ["first_token_us"] - direct["first_token_us"]
    judged = [(key, what, writ.get(key), limit, unit, writ.get(key) is not None and writ[key] <= limit, False)
              for key, what, limit, unit in FIGURES]
    judged += [(f"relay_{key}", f"{what}, by way of a relay", relayed[key], limit, unit, relayed[key] <= limit, False)
               for key, what, limit, unit in RELAY_FIGURES if key in relayed]
    ledger = writ["ledger"]
    judged.append(("ledger", "requests whose decision and outcome the ledger proves", ledger["records"] / 2,
                   ledger["calls"], "calls", ledger["complete"], True))
    return judged


def table(results):
    rows = [("requests/s", "rps", "{:.0f}"), ("CPU us/request", "cpu_us", "{:.2f}"), ("p50 us", "p50_us", "{:.1f}"),
            ("CPU us/event", "event_us", "{:.2f}"), ("first token us", "first_token_us", "{:.1f}"),
            ("whole stream us", "stream_us", "{:.1f}"), ("KB/open stream", "stream_kb", "{:.2f}"),
            ("10,000 streams MB", "streams_mb", "{:.1f}")]
    print(f"\n{'':20}" + "".join(f"{n:>12}" for n in results))
    for title, key, form in rows:
        print(f"{title:20}" + "".join(f"{form.format(r[key]) if key in r else '-':>12}" for r in results.values()))
    for name, r in results.items():
        if "problem" in r:
            print(f"no figure: {r['problem']}")
        elif r.get("streams", STREAMS) < STREAMS:
            print(f"{name}: {r['streams']} streams were open, as many as the limit of descriptors lets it have")


def run(root, options):
    options.only = [n for n in options.only.split(",") if n and n != "writ-h2"]  # all call the back end over HTTP/1.1
    if "writ" in options.only:
        options.only.append(RELAYED)
    missing = [n for n in options.only if n not in OURS and not shutil.which(n)]
    if missing or os.cpu_count() < 2:
        print(f"bench: not installed: {', '.join(missing)}" if missing else "bench: needs two CPUs")
        return 2
    directory = None
    try:
        serve.say(options, f"load average {os.getloadavg()[0]:.2f}")
        own = ["writ"] if "writ" in options.only and not options.writ else []
        upstream, tool, *program = build(root, options, "tests/bench/bench_upstream", "tests/bench/bench_load", *own)
        program = pathlib.Path(options.writ).resolve() if options.writ else program[0] if own else None
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.build))
        results = measure(options, upstream, tool, program, directory)
    except (Failed, subprocess.CalledProcessError) as e:
        print(f"bench: {e}")
        return 2
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
    judged = judge(results)
    if options.json:
        print(json.dumps({"results": results, "figures": [
            dict(zip(("key", "what", "value", "limit", "unit", "met"), j)) for j in judged]}))
    else:
        table(results)
        serve.verdict(judged)
    return 0 if all(j[5] for j in judged) else 1
