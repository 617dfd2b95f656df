# SPDX-License-Identifier: Apache-2.0
"""What stands between the load and the upstream: nginx, haproxy, and Writ with its policies."""
import json
import os
import resource
import socket
import time

import machine
from builder import Failed

INITIALIZE = (b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
              b'"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}')


def answers(port, path):
    """True when an initialize is answered with 200."""
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
            f"Content-Length: {len(INITIALIZE)}\r\n\r\n").encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(head + INITIALIZE)
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Target:
    """One proxy. Its files live in self.dir."""

    path = "/mcp"

    def __init__(self, name, directory, port, upstream):
        self.name, self.dir, self.port, self.upstream = name, directory, port, upstream
        self.process = None
        self.calls = 0  # answered since the beginning
        self.dir.mkdir()

    def command(self):
        raise NotImplementedError

    def start(self, cpu=machine.SERVER_CPU, patience=10):
        """Starts it, on one CPU or (None) on all, and returns the milliseconds until it answered."""
        argv = self.command()
        with open(self.dir / "log", "ab") as log:
            began = time.monotonic()
            self.process = machine.start(argv, cpu, stdout=log, stderr=log, stdin=-3, cwd=self.dir)
        while not answers(self.port, self.path):
            if self.process.poll() is not None or time.monotonic() - began > patience:
                what = self.describe()
                self.stop()
                raise Failed(f"{self.name} does not answer; {what}")
            time.sleep(0.0002)
        return (time.monotonic() - began) * 1e3

    def describe(self):
        """For an error: whether it still runs, and the end of what it said."""
        code = self.process.poll() if self.process else None
        log = (self.dir / "log").read_text(errors="replace")[-1500:].strip()
        return f"{self.name} {'runs' if code is None else f'ended with {code}'}; its log:\n{log or '(empty)'}"

    def stop(self):
        if self.process:
            machine.stop(self.process)
            self.process = None


class Nginx(Target):
    def command(self):
        conf = self.dir / "nginx.conf"
        user = "user root root;" if os.geteuid() == 0 else ""
        temp = " ".join(f"{kind}_temp_path {self.dir}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf.write_text(f"""
{user} daemon off; worker_processes 1; worker_rlimit_nofile 50000; pid {self.dir}/pid;
error_log {self.dir}/error.log; events {{ worker_connections 40000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {temp}
  upstream u {{ server 127.0.0.1:{self.upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
""")
        return ["nginx", "-p", self.dir, "-e", self.dir / "error.log", "-c", conf]


class Haproxy(Target):
    def command(self):
        conf = self.dir / "haproxy.cfg"
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # two for each connection
        connections = min(12000, (files - 100) // 2)
        conf.write_text(f"""
global
  nbthread 1
  maxconn {connections}
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend f
  bind 127.0.0.1:{self.port} backlog 4096
  default_backend b
backend b
  http-reuse always
  server u 127.0.0.1:{self.upstream}
""")
        return ["haproxy", "-db", "-f", conf]


def policies(count):
    """A set of `count` policies as an operator might have them: {file: text}.

    One permits what is measured, ten forbid by looking at the arguments of every call (all are
    candidates for it), the rest is about other servers and tools.
    """
    candidates = [
        f'@id("arguments.no-{i}")\n@reason("the text holds something that must not leave")\n'
        f'forbid (principal, action in Writ::Action::"call_tool", resource)\n'
        f'when {{ context.input has text && context.input.text like "*{word}*" }};\n'
        for i, word in enumerate(["BEGIN*PRIVATE KEY", "sk-", "AKIA", "ghp_", "xoxb-", "password=",
                                  "DROP TABLE", "../../", "169.254.169.254", "<script"])]
    base = ['@id("list")\npermit (principal is Writ::Agent, action == Writ::Action::"list", resource);\n',
            '@id("bench.echo")\npermit (principal is Writ::Agent, action == Writ::Action::"bench.echo",'
            ' resource)\nwhen { context.input has text };\n']
    others = []
    for i in range(count - len(base) - len(candidates)):
        effect = "forbid" if i % 3 == 0 else "permit"
        others.append(f'@id("other.{i}")\n{effect} (principal == Writ::Agent::"agent-{i % 9}", action == '
                      f'Writ::Action::"server{i % 7}.tool_{i}", resource)\n'
                      f'when {{ context.input has path && context.input.path like "/data/{i}/*" }};\n')
    return {"10-bench.cedar": "\n".join(base), "20-arguments.cedar": "\n".join(candidates),
            "30-others.cedar": "\n".join(others)}


class Writ(Target):
    path = "/mcp/bench"
    more_policies = ""

    def __init__(self, name, directory, port, upstream, program, http2=False):
        super().__init__(name, directory, port, upstream)
        self.program, self.http2 = program, http2

    def servers(self):
        return {"bench": {"url": f"http://127.0.0.1:{self.upstream}/mcp", "http2": self.http2}}

    def command(self):
        folder = self.dir / "policies"
        if not folder.exists():
            folder.mkdir()
            for name, text in (policies(100) | {"40-more.cedar": self.more_policies}).items():
                (folder / name).write_text(text)
        config = self.dir / "writ.yaml"
        config.write_text(f"""
version: 1
node: bench
state: state
policies: policies
listen:
  - address: 127.0.0.1:{self.port}
identity:
  anonymous: bench
agents:
  bench: {{team: bench}}
servers: {json.dumps(self.servers())}
limits: {{connections: 16000, sessions: 16000}}
gates: 1
log: {{level: warn}}
""")
        return [self.program, "serve", "--config", config]
