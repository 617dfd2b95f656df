# SPDX-License-Identifier: Apache-2.0
"""One scenario's world: its folder, its servers and models, and the `writ serve` in the middle."""
import ctypes
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from . import ledger
from .client import Client
from .page import Failed, Mistake, Skipped
from .runs import Runs

PACKAGES = {"filesystem": "server-filesystem/dist/index.js", "memory": "server-memory/dist/index.js",
            "everything": "server-everything/dist/index.js",
            "sequential-thinking": "server-sequential-thinking/dist/index.js"}
HERE = pathlib.Path(__file__).resolve().parent.parent
# A role that died of anything but our own kill -9 has a bug.
BUG = re.compile(r"AddressSanitizer|runtime error:|assertion failed|killed by signal (?!9\b)\d+", re.I)
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <sys/prctl.h>


def free_port():
    """Below the kernel's own range, so that no connection takes it between now and its use."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def children_of(pid):
    """Every process below pid, as {pid: command line}."""
    parents, lines = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                line = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue
            state, parent = stat.rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                parents[int(entry)] = int(parent)
                lines[int(entry)] = line.replace(b"\0", b" ").decode("utf-8", "replace").strip()
    found, more = {}, [pid]
    while more:
        at = more.pop()
        for child, parent in parents.items():
            if parent == at and child not in found:
                found[child] = lines[child]
                more.append(child)
    return found


class World:
    def __init__(self, page, writ, peers, patience):
        self.page, self.writ, self.peers, self.patience = page, writ, peers, patience
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="writ-scn-"))
        self.dir.chmod(0o755)
        self.user = None  # run Writ as this user
        self.servers, self.models, self.back_ends = {}, {}, {}
        self.config, self.clients = [], {}
        self.serving, self.log, self.was_served = None, None, False
        self.mounts, self.check_ledger = [], True
        self.config_changed = None
        self.runs = Runs(self)
        ports = {"port": free_port(), "port2": free_port(), "port3": free_port()}
        self.names = {**ports, "dir": str(self.dir), "ws": str(self.dir / "ws"), "peers": peers or "",
                      "host": f"127.0.0.1:{ports['port']}", "url": f"http://127.0.0.1:{ports['port']}",
                      "uid": os.getuid(), "writ": writ}
        for sub in ("ws", "policies", "heard", "state"):
            (self.dir / sub).mkdir()
        (self.dir / "state").chmod(0o700)
        (self.dir / "ear").mkdir()  # alone there: a script's folder is given to its jail
        shutil.copy(HERE / "ear.mjs", self.dir / "ear")
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)

    # ---- what stands around Writ

    def node(self):
        if not self.peers:
            raise Skipped("WRIT_PEERS is not set: tests/peers/install DIR makes such a folder")
        return os.path.realpath(os.path.join(self.peers, "node"))

    def add_stdio(self, server, script, args, notes):
        extra = {"read": [self.peers], "write": [str(self.dir / "heard")], "other": []}
        for _, note in notes:
            word, rest = note.split(None, 1)
            if word in ("read", "write"):
                extra[word].append(rest)
            else:
                extra["other"].append(note)
        command = [self.node(), str(self.dir / "ear/ear.mjs"), str(self.dir / "heard" / server), script, *args]
        lines = [f"  {server}:", f"    command: {json.dumps(command)}"]
        if not any(o.startswith("profile:") for o in extra["other"]):
            lines.append("    profile: node")
        lines.append(f"    files: {{read: {json.dumps(extra['read'])}, write: {json.dumps(extra['write'])}}}")
        self.servers[server] = {"kind": "stdio", "lines": lines + [f"    {o}" for o in extra["other"]]}

    def start_back_end(self, name, script, args):
        p = subprocess.Popen([self.node(), os.path.join(self.peers, script), *args], stdout=subprocess.PIPE, text=True)
        port = json.loads(p.stdout.readline())["port"]
        self.back_ends[name] = (p, port)
        self.names[f"port_{name}"] = port
        return port

    def seen(self, name):
        """What an HTTP server or a model received, as text of one JSON object a request."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.back_ends[name][1]}/seen", timeout=10) as r:
            return json.load(r)["seen"]

    def heard(self, server):
        """Everything a server received, as text."""
        if server in self.back_ends:
            return "\n".join(json.dumps(s, ensure_ascii=False) + s["body"] for s in self.seen(server))
        path = self.dir / "heard" / server
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- Writ

    def write_config(self):
        text = "".join(self.config)
        lines = ["version: 1", "node: scenario", "state: state", "policies: policies"]
        if not re.search(r"^listen:", text, re.M):
            lines += ["listen:", f"  - address: 127.0.0.1:{self.names['port']}"]
        for head, members in (("servers", self.servers), ("models", self.models)):
            if members:
                lines.append(f"{head}:")
                for m in members.values():
                    lines += m["lines"]
        (self.dir / "writ.yaml").write_text("\n".join(lines) + "\n" + text)

    def as_user(self, command):
        if self.user is None:
            return command
        subprocess.run(["chown", "-R", f"{self.user}:{self.user}", str(self.dir)], check=True)
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command]

    def spawn(self):
        self.write_config()
        self.log = open(self.dir / "log", "ab")
        env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:symbolize=0", "UBSAN_OPTIONS": "symbolize=0"}
        self.serving = subprocess.Popen(self.as_user([self.writ, "serve", "--config", "writ.yaml"]), cwd=self.dir,
                                        stdout=self.log, stderr=self.log, env=env)
        self.was_served = True
        self.names["pid"] = self.serving.pid

    def serve(self):
        before = self.log_text().count("serves ")
        self.spawn()
        end = time.monotonic() + 15 * self.patience
        while time.monotonic() < end:
            if self.serving.poll() is not None:
                raise Failed(f"writ serve ended with {self.serving.returncode}:\n{self.log_text()}")
            if self.log_text().count("serves ") > before:
                return
            time.sleep(0.02)
        raise Failed(f"writ serve does not serve:\n{self.log_text()}")

    def log_text(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def run_writ(self, args):
        return subprocess.run([self.writ, *args], cwd=self.dir, capture_output=True, text=True, errors="replace",
                              timeout=60 * self.patience,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "HOME": str(self.dir / "home"),
                                   "XDG_STATE_HOME": ""})

    def records(self):
        p = self.run_writ(["ledger", "show", "state/ledger", "--json"])
        if p.returncode != 0:
            raise Failed(f"writ ledger show: exit status {p.returncode}: {p.stdout}{p.stderr}")
        return json.loads(p.stdout)["records"]

    def role(self, name):
        """Process ids of a role: 'gate' is every gate, 'gate.1' one of them; 'relay.home' the relay of that site."""
        kind, _, which = name.partition(".")
        wanted = re.compile(rf"--role {kind} " + (rf"(\d+ )?{re.escape(which)} " if which else ""))
        # Only the supervisor's own children: the runner's jails carry its name until they exec.
        found = []
        for pid, line in children_of(self.serving.pid).items():
            stat = pathlib.Path(f"/proc/{pid}/stat")
            if wanted.search(line + " ") and stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[1] == str(self.serving.pid):
                found.append(pid)
        return sorted(found)

    def client(self, name, url=None, options=()):
        if name not in self.clients:
            self.clients[name] = Client(self.node(), self.peers, url or f"{self.names['url']}/mcp", options, self.patience)
        return self.clients[name]

    def stop(self):
        """Graceful; returns (exit status, seconds)."""
        begin = time.monotonic()
        self.serving.send_signal(signal.SIGTERM)
        try:
            status = self.serving.wait(timeout=40 * self.patience)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"writ serve did not stop:\n{self.log_text()[-2000:]}") from e
        self.serving = None
        return status, time.monotonic() - begin

    # ---- the end

    def check_end(self):
        """What must hold after every scenario, whatever it was about."""
        for c in self.clients.values():
            c.stop()
        self.runs.stop_all()
        if not self.was_served:
            return
        if self.serving:
            status, _ = self.stop()
            if status != 0:
                raise Failed(f"writ serve ended with {status}:\n{self.log_text()[-2000:]}")
        bad = BUG.search(self.log_text())
        if bad:
            raise Failed(f"the log says {bad.group(0)!r}:\n{self.log_text()[-6000:]}")
        self.check_leftovers()
        if self.check_ledger:
            self.check_evidence()

    def check_leftovers(self):
        known = {p.pid for p, _ in self.back_ends.values()}
        end = time.monotonic() + 3 * self.patience
        while time.monotonic() < end:
            left = {pid: line for pid, line in children_of(os.getpid()).items() if pid not in known}
            if not left:
                return
            time.sleep(0.05)
        raise Failed(f"processes are left: {left}")

    def check_evidence(self):
        p = self.run_writ(["ledger", "verify", "state/ledger"])
        if p.returncode != 0:
            raise Failed(f"writ ledger verify: {p.stdout}{p.stderr}")
        records = self.records()
        ledger.check_always(records)
        allowed = ledger.allowed_calls(records)
        for server in self.servers:
            again = ledger.sent_again(records, server)
            for tool, n in self.effects(server).items():
                n -= again
                if n > allowed.get(f"{server}.{tool}", 0):
                    raise Failed(f"{server} got {n} calls of {tool}, the ledger allowed {allowed.get(f'{server}.{tool}', 0)}")
        chats = sum(s["url"].endswith("/chat/completions") for m in self.models if m in self.back_ends for s in self.seen(m))
        if chats > allowed.get("infer", 0):
            raise Failed(f"models got {chats} requests, the ledger allowed {allowed.get('infer', 0)}")

    def effects(self, server):
        """How often a server was asked to do each of its tools."""
        if server in self.back_ends:
            lines = [s["body"] for s in self.seen(server)]
        elif self.servers[server]["kind"] == "stdio":
            lines = self.heard(server).splitlines()
        else:
            return {}
        n = {}
        for line in lines:
            try:
                m = json.loads(line)
            except ValueError:
                continue
            if isinstance(m, dict) and m.get("method") == "tools/call":
                n[m["params"]["name"]] = n.get(m["params"]["name"], 0) + 1
        return n

    def clean(self, keep):
        for c in self.clients.values():
            c.stop()
        for pid in children_of(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for mount in reversed(self.mounts):
            subprocess.run(["umount", "-l", mount], check=False)
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def need_root(self):
        if os.getuid() != 0:
            raise Skipped("needs root")

    def need_cgroups(self):
        """Asked of the kernel: whether a group with a limit of memory can be made at all, by root."""
        self.need_root()
        for where in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
            group = pathlib.Path(where) / f"writ-scenario-{os.getpid()}"
            try:
                group.mkdir()
            except OSError:
                continue
            found = any((group / f).exists() for f in ("memory.limit_in_bytes", "memory.max"))
            group.rmdir()
            if found:
                return
        raise Skipped("needs control groups with the controller memory")

    def add_server(self, words, notes):
        """server ID npm PACKAGE ARGS | program SCRIPT ARGS | http SCRIPT ARGS | url URL"""
        server, kind, what, *args = words
        if kind in ("npm", "program"):
            script = (os.path.join(self.peers or "", "node_modules/@modelcontextprotocol", PACKAGES[what])
                      if kind == "npm" else os.path.join(self.peers or "", what))
            self.add_stdio(server, script, args, notes)
        elif kind in ("http", "url"):
            port = None if kind == "url" else self.start_back_end(server, what, args)
            url = f"http://127.0.0.1:{port}/mcp" if port else what
            notes = [(i, n.replace("$own_port", str(port))) for i, n in notes]
            self.servers[server] = {"kind": "url",
                                    "lines": [f"  {server}:", f"    url: {url}", *[f"    {n}" for _, n in notes]]}
        else:
            raise Mistake(f"server {server}: {kind!r} is none of npm, program, http, url")
