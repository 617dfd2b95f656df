# SPDX-License-Identifier: Apache-2.0
"""`./bench mcp`: sessions, a long list, and both eras through the gateway, each with policies, pins, schemas and ledger."""
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import machine
import serve
from builder import Failed, build
from targets import INITIALIZE, Writ, answers

UPSTREAM_PORT, SERVERS, TOOLS = 18990, 20, 1000

# name, what it is, limit, unit
FIGURES = [
    ("list_us", "tools/list of 1,000 tools of 20 servers, p50", 200, "us"),
    ("session_us", "a new session (initialize and notifications/initialized), CPU", 40, "us"),
    ("to_modern_us", "an older client's call bridged to a server of 2026-07-28, CPU added", 5, "us"),
    ("to_older_us", "a call by 2026-07-28 bridged to an older server, CPU added", 5, "us"),
]

# name: settings of the load. Bridging is judged against the same client at a server of its own era.
RUNS = {
    "older to older": {"mode": "mcp", "path": "/mcp/bench"},
    "older to modern": {"mode": "mcp", "path": "/mcp/modern"},
    "modern to modern": {"mode": "modern", "path": "/mcp/modern"},
    "modern to older": {"mode": "modern", "path": "/mcp/bench"},
}


class Gateway(Writ):
    more_policies = ('@id("bench.more")\npermit (principal is Writ::Agent, action == '
                     'Writ::Action::"modern.echo", resource);\n')

    def servers(self):
        return super().servers() | {"modern": {"url": f"http://127.0.0.1:{self.upstream}/mcp/modern"}}


class Many(Writ):
    path = "/mcp"
    more_policies = ('@id("bench.many")\npermit (principal is Writ::Agent, action in '
                     'Writ::Action::"call_tool", resource);\n')

    def servers(self):
        url = f"http://127.0.0.1:{self.upstream}/mcp/many"
        return {f"server{i:02}": {"url": url} for i in range(SERVERS)}


def listed(port):
    """How many tools a new session is shown."""
    fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    peer.request("POST", Many.path, INITIALIZE, fields)
    answer = peer.getresponse()
    answer.read()
    fields |= {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"], "MCP-Protocol-Version": "2025-11-25"}
    for message in ({"method": "notifications/initialized"}, {"id": 1, "method": "tools/list"}):
        peer.request("POST", Many.path, json.dumps({"jsonrpc": "2.0"} | message), fields)
        body = peer.getresponse().read()
    peer.close()
    return len(json.loads(body)["result"]["tools"])


def wait_for_list(target):
    """Until all servers have been heard."""
    until = time.monotonic() + 20
    while listed(target.port) != TOOLS:
        if time.monotonic() > until:
            raise Failed(f"{target.name}: the list does not become whole\n{target.describe()}")
        time.sleep(0.1)


def measure_calls(tool, target, options):
    count, seconds = (3, 2) if options.quick else (7, 4)
    figures = {name: [] for name in RUNS}
    for i in range(count):
        names = list(RUNS)[i % len(RUNS):] + list(RUNS)[:i % len(RUNS)]
        for name in names:
            figures[name].append(serve.load(tool, target, seconds=seconds, connections=64, **RUNS[name])["cpu_us"])
    found = {name: statistics.median(us) for name, us in figures.items()}
    for name, us in found.items():
        serve.say(options, f"  {name:18} {us:6.2f} us CPU a call")
    sessions = serve.load(tool, target, mode="sessions", connections=16, count=10000, warmup=0)
    serve.say(options, f"  {'new session':18} {sessions['cpu_us']:6.2f} us CPU, p50 of its second half "
                       f"{sessions['p50_us']:.0f} us with 16 at once")
    return {"calls": found, "session_us": sessions["cpu_us"],
            "to_modern_us": found["older to modern"] - found["older to older"],
            "to_older_us": found["modern to older"] - found["modern to modern"]}


def measure_list(tool, target, options):
    wait_for_list(target)
    r = serve.load(tool, target, mode="list", connections=1, seconds=2 if options.quick else 5)
    serve.say(options, f"  {'list':18} {r['cpu_us']:6.1f} us CPU, p50 {r['p50_us']:.0f} us, p99 {r['p99_us']:.0f} us")
    return {"list_us": r["p50_us"], "list_cpu_us": r["cpu_us"]}


def measure(options, upstream, tool, program, directory):
    server = machine.start([upstream, f"127.0.0.1:{UPSTREAM_PORT}"], machine.LOAD_CPU)
    results, target = {}, None
    try:
        while not answers(UPSTREAM_PORT, "/mcp"):
            if server.poll() is not None:
                raise Failed("the upstream does not start: is its port taken?")
            time.sleep(0.01)
        for i, (kind, measured) in enumerate(((Gateway, measure_calls), (Many, measure_list))):
            target = kind("writ", directory / str(i), UPSTREAM_PORT + 1 + i, UPSTREAM_PORT, program)
            target.start()
            results |= measured(tool, target, options)
            target.stop()
    finally:
        if target:
            target.stop()
        machine.stop(server)
    return results


def run(root, options):
    directory = None
    try:
        serve.say(options, f"load average {os.getloadavg()[0]:.2f}; the server runs on CPU {machine.SERVER_CPU}, "
                           f"load and upstream on CPU {machine.LOAD_CPU}")
        own = [] if options.writ else ["writ"]
        upstream, tool, *program = build(root, options, "tests/bench/bench_upstream", "tests/bench/bench_load", *own)
        program = pathlib.Path(options.writ).resolve() if options.writ else program[0]
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.build))
        results = measure(options, upstream, tool, program, directory)
    except (Failed, subprocess.CalledProcessError) as e:
        print(f"bench: {e}")
        return 2
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
    judged = [(key, what, results[key], limit, unit, results[key] <= limit, False) for key, what, limit, unit in FIGURES]
    if options.json:
        print(json.dumps({"results": results, "figures": [
            dict(zip(("key", "what", "value", "limit", "unit", "met"), j)) for j in judged]}))
    else:
        serve.verdict(judged)
    return 0 if all(j[5] for j in judged) else 1
