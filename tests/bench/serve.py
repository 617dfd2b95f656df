# SPDX-License-Identifier: Apache-2.0
"""`./bench serve`: tools/call through the whole path, beside plain proxies to the same upstream."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import machine
from builder import Failed, build
from targets import Haproxy, Nginx, Writ, answers

BODY, CONNECTIONS, SESSIONS = 512, 64, 10000
UPSTREAM_PORT = 18790
WRITS = ("writ", "writ-h2")  # the second calls the upstream over HTTP/2; all others over HTTP/1.1

# name, what it must be compared with, limit, unit; `higher` figures must be at least the limit
FIGURES = [
    ("cpu_ratio", "CPU per request, of nginx's", 1.3, "x", False),
    ("rps", "requests/s on one core, 64 connections", 60000, "/s", True),
    ("idle_mb", "memory idle, all roles (PSS)", 8, "MB", False),
    ("sessions_mb", "memory with 10,000 sessions (PSS)", 24, "MB", False),
    ("start_ms", "start to first answer", 20, "ms", False),
    ("growth_percent", "growth over the requests", 1, "%", False),
    ("binary_mb", "stripped binary", 3, "MB", False),
]


def say(options, text):
    print(text, file=sys.stderr if options.json else sys.stdout, flush=True)


def load(tool, target, **settings):
    """One run of the load generator; its JSON, with the CPU time that the target spent."""
    argv = ["timeout", "300", tool, f"127.0.0.1:{target.port}", f"path={target.path}",
            f"body={BODY}"] + [f"{k}={v}" for k, v in settings.items()]
    before, began = machine.cpu_ns(target.process.pid), time.monotonic()
    p = machine.start(argv, machine.LOAD_CPU, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = p.communicate()
    wall = time.monotonic() - began
    spent = machine.by_role(before, machine.cpu_ns(target.process.pid))
    if p.returncode:
        raise Failed(f"{target.name}: {err.strip() or out.strip() or 'the load generator failed'}\n{target.describe()}")
    result = json.loads(out)
    answered = max(result["answered"], 1)
    target.calls += result["answered"]
    result["cpu_us"] = sum(spent.values()) / answered / 1e3
    result["cpu_us_by_role"] = {name: ns / answered / 1e3 for name, ns in spent.items()}
    result["busy"] = sum(spent.values()) / 1e9 / wall
    return result


def memory(target):
    values = machine.pss_kb(target.process.pid)
    roles = {}
    for name, kb in values.values():
        roles[name] = roles.get(name, 0) + kb / 1024
    return machine.total(values) / 1024, roles


def measure_start(target, times):
    """Milliseconds from exec to the first answer, on all CPUs."""
    samples = []
    for _ in range(times):
        samples.append(target.start(cpu=None))
        target.stop()
    return statistics.median(samples)


def hold_sessions(tool, target):
    """Memory while SESSIONS sessions are open, each on its own connection, after one call each."""
    argv = ["timeout", "300", tool, f"127.0.0.1:{target.port}", f"path={target.path}", "mode=hold",
            f"connections={SESSIONS}", f"body={BODY}"]
    p = machine.start(argv, machine.LOAD_CPU, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    line = p.stdout.readline()
    if line.strip() != "ready":
        _, err = p.communicate()
        raise Failed(f"{target.name}, {SESSIONS} sessions: {err.strip() or line}\n{target.describe()}")
    target.calls += SESSIONS
    time.sleep(3)  # memory of the burst that opened them is given back after two seconds
    result = memory(target)
    out, err = p.communicate()
    if p.returncode:
        raise Failed(f"{target.name}, {SESSIONS} sessions: {err.strip()}")
    return result


def check_ledger(program, target):
    """A fast gateway that forgot to record would be worth nothing: the ledger, verified offline."""
    began = time.monotonic()
    done = subprocess.run([program, "ledger", "verify", "--json", target.dir / "state"],
                          capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"writ ledger verify: {done.stderr.strip() or done.stdout.strip()}")
    return {"intact": found["intact"], "records": found["records"], "calls": target.calls,
            "complete": found["intact"] and found["records"] >= 2 * target.calls,
            "verify_s": time.monotonic() - began}


def stripped_mb(program, directory):
    copy = directory / "stripped"
    subprocess.run(["strip", "-o", copy, program], check=True)
    return copy.stat().st_size / 1e6


def rounds(tool, targets, options, results):
    """Alternating rounds, so that what the machine does besides hits all alike."""
    count, seconds = (2, 3) if options.quick else (5, 6)
    for i in range(count):
        for target in targets[i % len(targets):] + targets[:i % len(targets)]:
            r = load(tool, target, connections=CONNECTIONS, seconds=seconds, warmup=1)
            results[target.name].setdefault("rounds", []).append(r)
            say(options, f"  round {i + 1}  {target.name:8} {r['rps']:8.0f} requests/s  "
                         f"{r['cpu_us']:6.2f} us CPU  p50 {r['p50_us']:6.0f} us  p99 {r['p99_us']:7.0f} us  "
                         f"busy {100 * r['busy']:.0f} %")
    for target in targets:
        mine = results[target.name]["rounds"]
        for key in ("rps", "cpu_us", "p50_us", "p99_us", "busy"):
            results[target.name][key] = statistics.median(r[key] for r in mine)
        results[target.name]["cpu_us_by_role"] = {
            role: statistics.median(r["cpu_us_by_role"].get(role, 0) for r in mine)
            for role in mine[-1]["cpu_us_by_role"]}


def growth(tool, target, options):
    """Percent more memory after many requests than before them, the target being warm."""
    before, _ = memory(target)
    load(tool, target, connections=CONNECTIONS, warmup=0, count=100_000 if options.quick else 1_000_000)
    time.sleep(1)
    after, _ = memory(target)
    return 100 * (after - before) / before


def measure_target(tool, target, options, results):
    """Everything about one target that needs it alone; leaves it running and warm."""
    r = results[target.name]
    r["start_ms"] = measure_start(target, 5 if options.quick else 11)
    target.start()
    time.sleep(1)
    r["idle_mb"], r["idle_mb_by_role"] = memory(target)
    load(tool, target, connections=CONNECTIONS, seconds=1, warmup=1)
    say(options, f"  {target.name:8} first answer after {r['start_ms']:.1f} ms, idle {r['idle_mb']:.1f} MB")


def measure(options, upstream, tool, program, directory):
    server = machine.start([upstream, f"127.0.0.1:{UPSTREAM_PORT}"], machine.LOAD_CPU)
    targets, results = [], {}
    kinds = {"nginx": Nginx, "haproxy": Haproxy}
    try:
        while not answers(UPSTREAM_PORT, "/mcp"):
            if server.poll() is not None:
                raise Failed("the upstream does not start: is its port taken?")
            time.sleep(0.01)
        for i, name in enumerate(options.only):
            port = UPSTREAM_PORT + 1 + i
            own = program
            if name == "writ-h2" and "writ" in options.only:
                own = directory / "writ-h2.copy"  # pages that two share would count half for each
                shutil.copy(program, own)
            targets.append(Writ(name, directory / name, port, UPSTREAM_PORT, own, name == "writ-h2")
                           if name in WRITS else kinds[name](name, directory / name, port, UPSTREAM_PORT))
            results[name] = {}
            measure_target(tool, targets[-1], options, results)
        rounds(tool, targets, options, results)
        for target in targets:
            r = results[target.name]
            if target.name in WRITS:
                r["growth_percent"] = growth(tool, target, options)
            try:
                r["sessions_mb"], r["sessions_mb_by_role"] = hold_sessions(tool, target)
            except Failed as e:
                r["sessions_problem"] = str(e)
            if target.name in WRITS:
                target.stop()
                r["binary_mb"] = stripped_mb(program, directory)
                r["ledger"] = check_ledger(program, target)
    finally:
        for target in targets:
            target.stop()
        machine.stop(server)
    return results


def judge(results):
    """[(key, what, value or None, limit, unit, met)] for Writ."""
    writ, nginx = results.get("writ"), results.get("nginx")
    if not writ:
        return judge_h2(results.get("writ-h2"), nginx)
    if nginx:
        writ["cpu_ratio"] = writ["cpu_us"] / nginx["cpu_us"]
    judged = []
    for key, what, limit, unit, higher in FIGURES:
        value = writ.get(key)
        met = value is not None and (value >= limit if higher else value <= limit)
        judged.append((key, what, value, limit, unit, met, higher))
    judged += judge_h2(results.get("writ-h2"), nginx)
    ledger = writ["ledger"]
    judged.append(("ledger", "calls whose decision and outcome the ledger proves", ledger["records"] / 2,
                   ledger["calls"], "calls", ledger["complete"], True))
    return judged


def judge_h2(writ, nginx):
    """The two figures that the way to the upstream decides; nginx can go it over HTTP/1.1 only."""
    if not writ:
        return []
    how = "upstream over HTTP/2: "
    ratio = writ["cpu_us"] / nginx["cpu_us"] if nginx else None
    return [("h2_cpu_ratio", how + "CPU per request, of nginx's over HTTP/1.1", ratio, 1.3, "x",
             ratio is not None and ratio <= 1.3, False),
            ("h2_rps", how + "requests/s on one core, 64 connections", writ["rps"], 60000, "/s",
             writ["rps"] >= 60000, True)]


def table(results):
    rows = [("requests/s", "rps", "{:.0f}"), ("CPU us/request", "cpu_us", "{:.2f}"),
            ("p50 us", "p50_us", "{:.0f}"), ("p99 us", "p99_us", "{:.0f}"), ("CPU 0 busy", "busy", "{:.0%}"),
            ("idle MB (PSS)", "idle_mb", "{:.1f}"), ("10,000 sessions MB", "sessions_mb", "{:.1f}"),
            ("first answer ms", "start_ms", "{:.1f}"), ("growth %", "growth_percent", "{:.2f}"),
            ("stripped MB", "binary_mb", "{:.2f}")]
    names = list(results)
    print(f"\n{'':20}" + "".join(f"{n:>12}" for n in names)
          + "".join(f"{'writ/' + n:>14}" for n in names if n != "writ" and "writ" in results))
    for title, key, form in rows:
        cells = "".join(f"{form.format(results[n][key]) if key in results[n] else '-':>12}" for n in names)
        for n in names:
            if n != "writ" and "writ" in results:
                both = results["writ"].get(key), results[n].get(key)
                cells += f"{both[0] / both[1]:>13.2f}x" if all(both) and both[1] > 0 else f"{'-':>14}"
        print(f"{title:20}{cells}")
    for kind, unit in (("cpu_us_by_role", "us/request"), ("idle_mb_by_role", "MB idle")):
        for name in WRITS:
            roles = results.get(name, {}).get(kind, {})
            if roles:
                print(f"{name}, {unit}: " + ", ".join(f"{k} {v:.2f}" for k, v in sorted(roles.items())))
    for n in names:
        if "sessions_problem" in results[n]:
            print(f"no figure: {results[n]['sessions_problem']}")


def verdict(judged):
    print()
    for _, what, value, limit, unit, met, higher in judged:
        shown = "not measured" if value is None else f"{value:.2f} {unit}" if value < 1000 else f"{value:.0f} {unit}"
        print(f"{'hit ' if met else 'MISS'}  {what}: {shown} ({'at least' if higher else 'at most'} {limit} {unit})")


def run(root, options):
    options.only = [n for n in options.only.split(",") if n]
    unknown = set(options.only) - {"nginx", "haproxy", *WRITS}
    missing = [n for n in options.only if n not in WRITS and not shutil.which(n)]
    if unknown or missing or os.cpu_count() < 2:
        print(f"bench: {'unknown: ' + ', '.join(unknown) if unknown else ''}"
              f"{'not installed: ' + ', '.join(missing) if missing else ''}"
              f"{'needs two CPUs' if os.cpu_count() < 2 else ''}", file=sys.stderr)
        return 2
    own = ["writ"] if set(WRITS) & set(options.only) and not options.writ else []
    directory = None
    try:
        say(options, f"load average {os.getloadavg()[0]:.2f}; the server runs on CPU {machine.SERVER_CPU}, "
                     f"load and upstream on CPU {machine.LOAD_CPU}")
        upstream, tool, *program = build(root, options, "tests/bench/bench_upstream",
                                         "tests/bench/bench_load", *own)
        program = pathlib.Path(options.writ).resolve() if options.writ else program[0] if own else None
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.build))
        results = measure(options, upstream, tool, program, directory)
    except (Failed, subprocess.CalledProcessError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
    judged = judge(results)
    if options.json:
        print(json.dumps({"results": results, "load_average": os.getloadavg()[0],
                          "figures": [dict(zip(("key", "what", "value", "limit", "unit", "met"), j)) for j in judged]}))
    else:
        table(results)
        verdict(judged)
    return 0 if all(j[5] for j in judged) else 1
