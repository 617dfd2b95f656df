# SPDX-License-Identifier: Apache-2.0
"""`./bench sandbox`: what a sandbox costs, beside bwrap and a bare exec in the same run."""
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import machine
from builder import Failed, build

# name: (at most, unit); start is a multiple of a bare exec, and must be below bwrap too.
FIGURES = {"start": (2.2, "x"), "supervisor": (5.0, "MB"), "sandbox": (1.0, "MB"), "at once": (200, ""),
           "freeze": (10.0, "ms"), "kill": (10.0, "ms")}
POLICY = '@id("all") permit (principal, action, resource);\n'
BWRAP = ["--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
         "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]


class Node:
    """A `writ serve` of its own, and `writ run` under it."""

    def __init__(self, writ):
        self.writ, self.dir = str(writ), pathlib.Path(tempfile.mkdtemp(prefix="writ-bench-"))
        (self.dir / "policies").mkdir()
        (self.dir / "ws").mkdir()
        (self.dir / "policies" / "all.cedar").write_text(POLICY)
        self.config = self.dir / "writ.yaml"
        self.config.write_text(f"version: 1\ngates: 1\nlisten: [{{address: 'unix:{self.dir}/gate.sock'}}]\n")
        self.log = open(self.dir / "log", "wb")
        self.serve = subprocess.Popen([self.writ, "serve", "--config", self.config], cwd=self.dir, stdout=self.log,
                                      stderr=self.log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not (self.dir / "state" / "run.sock").exists():
            if self.serve.poll() is not None or time.monotonic() > end:
                raise Failed(f"writ serve does not serve: {(self.dir / 'log').read_text()}")
            time.sleep(0.01)
        time.sleep(0.2)

    def run(self, *program):
        return [self.writ, "run", "--config", str(self.config), "--workspace", str(self.dir / "ws"), "--", *program]

    def ask(self, *words):
        done = subprocess.run([self.writ, words[0], "--config", str(self.config), "--json", *words[1:]],
                              capture_output=True, text=True)
        return json.loads(done.stdout)

    def stop(self):
        self.serve.send_signal(signal.SIGTERM)
        self.serve.wait(30)
        shutil.rmtree(self.dir)


def once(argv):
    """(wall, CPU) of one start to its end, in microseconds."""
    null = os.open("/dev/null", os.O_RDWR)
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1)])
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    os.close(null)
    if status:
        raise Failed(f"{' '.join(argv)} ended with wait status {status}")
    return wall * 1e6, (used.ru_utime + used.ru_stime) * 1e6


def starts(node, rounds):
    commands = {"bare exec": ["/bin/true"], "writ --version": [node.writ, "--version"], "writ run": node.run("/bin/true")}
    bwrap = shutil.which("bwrap")
    if bwrap:
        commands["bwrap"] = [bwrap, *BWRAP, "/bin/true"]
    seen = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            seen[name].append(once(argv))
    return {name: {"p50_us": statistics.median(w for w, _ in v), "min_us": min(w for w, _ in v),
                   "cpu_us": statistics.median(c for _, c in v)} for name, v in seen.items()}


def many(node, n):
    """Starts n at once; how many ran, how long it took, and the memory of each further one."""
    before = machine.total(machine.pss_kb(node.serve.pid))
    began = time.monotonic()
    runs = [subprocess.Popen(node.run("/bin/sleep", "1000"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True) for _ in range(n)]
    running = 0
    while time.monotonic() - began < 60:
        running = sum(r["state"] == "running" for r in node.ask("ps")["runs"])
        if running == n:
            break
        time.sleep(0.05)
    took = time.monotonic() - began
    kb = machine.total(machine.pss_kb(node.serve.pid)) - before
    for r in runs:
        kb += machine.total(machine.pss_kb(r.pid))
    levers = pull(node)
    for r in runs:
        r.kill()
        r.wait()
    return {"ran": running, "seconds": took, "mb_each": kb / 1024 / max(running, 1), **levers}


def pull(node, rounds=20):
    """Medians and worst of freeze and kill, as the node's client sees them, in milliseconds."""
    runs = [r["run"] for r in node.ask("ps")["runs"]][:rounds]
    freeze, kill = [], []
    for run in runs:
        freeze.append(node.ask("freeze", str(run))["microseconds"] / 1000)
    for run in runs:
        kill.append(node.ask("kill", str(run))["microseconds"] / 1000)
    return {"freeze_ms": statistics.median(freeze), "freeze_worst_ms": max(freeze),
            "kill_ms": statistics.median(kill), "kill_worst_ms": max(kill)}


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(writ, options):
    node = Node(writ)
    try:
        result = {"start": starts(node, 50 if options.quick else 300), "supervisor_mb": resident_mb(node.serve.pid),
                  "supervisor_pss_mb": machine.pss_kb(node.serve.pid)[node.serve.pid][1] / 1024}
        result |= many(node, 200)
        return result
    finally:
        node.stop()


def judge(r):
    s = r["start"]
    return {"start": s["writ run"]["p50_us"] / s["bare exec"]["p50_us"], "supervisor": r["supervisor_pss_mb"],
            "sandbox": r["mb_each"], "at once": r["ran"], "freeze": r["freeze_worst_ms"], "kill": r["kill_worst_ms"]}


def hits(name, value, r):
    limit = FIGURES[name][0]
    if name == "at once":
        return value >= limit
    if name == "start" and "bwrap" in r["start"] and r["start"]["writ run"]["p50_us"] >= r["start"]["bwrap"]["p50_us"]:
        return False
    return value <= limit


def run(root, options):
    try:
        writ = options.writ or build(root, options, "writ")[0]
        r = measure(writ, options)
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    values = judge(r)
    met = all(hits(name, value, r) for name, value in values.items())
    if options.json:
        print(json.dumps({"results": r, "values": values, "figures": FIGURES, "met": met}))
        return 0 if met else 1
    print(f"{'start of /bin/true':20}{'p50 us':>10}{'min us':>10}{'CPU us':>10}")
    for name, v in r["start"].items():
        print(f"{name:20}{v['p50_us']:>10.0f}{v['min_us']:>10.0f}{v['cpu_us']:>10.0f}")
    print(f"\n{r['ran']} sandboxes at once after {r['seconds']:.1f} s; supervisor {r['supervisor_mb']:.1f} MB resident, "
          f"{r['supervisor_pss_mb']:.1f} MB its own share")
    print(f"freeze {r['freeze_ms']:.2f} ms (worst {r['freeze_worst_ms']:.2f}), kill {r['kill_ms']:.2f} ms "
          f"(worst {r['kill_worst_ms']:.2f})\n")
    for name, value in values.items():
        limit, unit = FIGURES[name]
        word = "at least" if name == "at once" else "at most"
        extra = ", and below bwrap" if name == "start" else ""
        print(f"{name:12}{value:>8.2f} {unit:3} {'hit ' if hits(name, value, r) else 'MISS'} ({word} {limit} {unit}{extra})")
    return 0 if met else 1
