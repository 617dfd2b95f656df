# SPDX-License-Identifier: Apache-2.0
"""The exit: what a connection, a tunnel and a request that is looked into cost, beside the same without Writ.

All peers are on this machine, at addresses of 127.0.0.0/8. A figure is the difference of two medians that were taken in
turns, so that what else the machine does hits both.
"""
import json
import multiprocessing
import os
import pathlib
import random
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import builder
from machine import start

POLICY = '@id("bench") permit (principal, action == Writ::Action::"connect", resource in Writ::Host::"test");\n'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"GET /x HTTP/1.1\r\nHost: api.test\r\n\r\n"
WANTED = (("connect", "us", 40, "a connection decided, recorded and made, beyond a bare one"),
          ("tunnel", "us", 25, "a round trip of 64 bytes through a tunnel, beyond a bare one"),
          ("inspected", "us", 150, "a request in a tunnel that is looked into, beyond one over TLS"))


def serve_echo(port, ready):
    """Echoes; after b'B' it sends without end."""
    s = socket.create_server(("127.0.0.1", port))
    ready.set()
    while True:
        c, _ = s.accept()
        if os.fork() == 0:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while b := c.recv(65536):
                if b == b"B":
                    block = bytes(1 << 20)
                    try:
                        while True:
                            c.sendall(block)
                    except OSError:
                        os._exit(0)
                c.sendall(b)
            os._exit(0)
        c.close()


def serve_tls(ip, folder, ready):
    s = socket.create_server((ip, 443))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "api.pem", folder / "api.key")
    ready.set()
    while True:
        c, _ = s.accept()
        if os.fork() == 0:
            try:
                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                t = context.wrap_socket(c, server_side=True)
                while t.recv(65536):
                    t.sendall(ANSWER)
            except OSError:
                pass
            os._exit(0)
        c.close()


def through(proxy, host, port):
    c = socket.create_connection(("127.0.0.1", proxy))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = c.recv(4096)
    if b" 200 " not in head:
        raise RuntimeError(f"the proxy says {head!r}")
    return c


def direct(address):
    c = socket.create_connection(address)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return c


def timed(f):
    before = time.perf_counter_ns()
    f()
    return (time.perf_counter_ns() - before) / 1000


def difference(rounds, bare, ours):
    """(median of ours - median of bare, both), taken in turns."""
    a, b = [], []
    for _ in range(rounds):
        a.append(timed(bare))
        b.append(timed(ours))
    return statistics.median(b) - statistics.median(a), statistics.median(a), statistics.median(b)


def connects(rounds, proxy, echo):
    """Both end with a byte that came back: a bare connection to an echo, and one to the proxy and through it."""
    def bare():
        with direct(("127.0.0.1", echo)) as c:
            c.sendall(b"x")
            c.recv(1)

    def ours():
        with through(proxy, "echo.test", echo) as c:
            c.sendall(b"x")
            c.recv(1)
    return difference(rounds, bare, ours)


def round_trips(rounds, proxy, echo):
    a, b, ping = direct(("127.0.0.1", echo)), through(proxy, "echo.test", echo), bytes(64)

    def on(c):
        def once():
            c.sendall(ping)
            c.recv(4096)
        return once
    return difference(rounds, on(a), on(b))


def bulk(seconds, c):
    c.sendall(b"B")
    room, got, end = bytearray(1 << 20), 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        got += c.recv_into(room)
    c.close()
    return got / seconds / 1e6


def inspected(rounds, proxy, ip, folder):
    def client(c, ca):
        context = ssl.create_default_context(cafile=ca)
        return context.wrap_socket(c, server_hostname="api.test")
    a = client(direct((ip, 443)), folder / "api.pem")
    b = client(through(proxy, "api.test", 443), folder / "state/exit-ca.pem")

    def on(c):
        def once():
            c.sendall(REQUEST)
            got = b""
            while not got.endswith(b"ok"):
                piece = c.recv(4096)
                if not piece:
                    raise RuntimeError(f"the connection ended after {got!r}")
                got += piece
        return once
    once = on(b)
    once()
    return difference(rounds, on(a), once)


def set_up(folder, proxy, ip):
    (folder / "policies").mkdir()
    (folder / "policies/10.cedar").write_text(POLICY)
    hosts = "{echo.test: [127.0.0.1], api.test: [" + ip + "]}"
    (folder / "writ.yaml").write_text(
        f"version: 1\ngates: 1\nlisten:\n  - {{address: '127.0.0.1:{proxy}', kind: proxy}}\n"
        f"egress:\n  hosts: {hosts}\n  inspect: [api.test]\n  ca_file: api.pem\nlog: {{level: error}}\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=api", "-addext", "subjectAltName=DNS:api.test", "-keyout", folder / "api.key",
                    "-out", folder / "api.pem"], check=True, capture_output=True)


def measure(options, folder, proxy, echo, ip):
    rounds = 500 if options.quick else 3000
    out = {"connect": connects(rounds, proxy, echo), "tunnel": round_trips(4 * rounds, proxy, echo)}
    ratios = []
    for _ in range(3):
        plain = bulk(1, direct(("127.0.0.1", echo)))
        ratios.append((bulk(1, through(proxy, "echo.test", echo)) / plain, plain))
    out["bulk"] = sorted(ratios)[1]
    out["inspected"] = inspected(rounds, proxy, ip, folder)
    return out


def show(out, options):
    ratio, plain = out["bulk"]
    rows = [(name, round(out[name][0], 1), limit, out[name][0] <= limit, text) for name, _, limit, text in WANTED]
    rows.append(("bulk", round(100 * ratio, 1), 80, ratio >= 0.8, f"per cent of plain loopback ({plain:.0f} MB/s) through a tunnel"))
    if options.json:
        print(json.dumps({n: {"value": v, "wanted": w, "met": m, "what": t} for n, v, w, m, t in rows}))
    else:
        for n, v, w, m, t in rows:
            print(f"{n:<10} {v:>8}  wanted {w:>4}  {'met' if m else 'MISSED'}  {t}")
    return 0 if all(m for *_, m, _ in rows) else 1


def run(root, options):
    if os.geteuid() != 0:
        print("bench exit: port 443 needs root", file=sys.stderr)
        return 2
    writ = options.writ or builder.build(root, options, "writ")[0]
    processes, serving = [], None
    with tempfile.TemporaryDirectory(prefix="writ-bench-") as d:
        folder, ip = pathlib.Path(d), f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.1"
        proxy, echo = random.randint(20000, 25000), random.randint(25001, 30000)
        set_up(folder, proxy, ip)
        try:
            for target, args in ((serve_echo, (echo,)), (serve_tls, (ip, folder))):
                ready = multiprocessing.Event()
                p = multiprocessing.Process(target=target, args=(*args, ready), daemon=True)
                p.start()
                processes.append(p)
                if not ready.wait(10):
                    raise RuntimeError("a peer does not listen")
            serving = start([os.path.abspath(writ), "serve", "--config", "writ.yaml"], None, cwd=folder)
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", proxy)).close()
                    break
                except OSError:
                    time.sleep(0.02)
            return show(measure(options, folder, proxy, echo, ip), options)
        finally:
            if serving:
                serving.terminate()
                serving.wait(20)
            for p in processes:
                p.terminate()
                p.join()
