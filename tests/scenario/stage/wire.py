# SPDX-License-Identifier: Apache-2.0
"""Bytes to Writ over a socket of our own: nothing between the page and the wire."""
import contextlib
import json
import os
import selectors
import socket
import ssl
import threading
import time

from .page import Failed, Mistake


class Answer:
    """What came back. ok, text, status, headers, closed as far as they are known."""

    def __init__(self, **known):
        self.ok, self.text, self.status, self.headers, self.closed = None, "", None, {}, None
        self.json, self.exit, self.seconds, self.agent = None, None, 0.0, None
        self.__dict__.update(known)


def resolve(target):
    if target.startswith("unix:"):
        return socket.AF_UNIX, target[5:]
    host, port = target.rsplit(":", 1)
    host = host.strip("[]")
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))


@contextlib.contextmanager
def effective(uid):
    if uid is None:
        yield
        return
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def dial(target, tls=None, uid=None, timeout=10.0):
    """tls: (ca, cert, key); cert and key may be None."""
    family, address = resolve(target)
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    with effective(uid):
        s.connect(address)
    if tls:
        context = ssl.create_default_context(cafile=tls[0])
        if len(tls) > 2:
            context.load_cert_chain(tls[1], tls[2])
        s = context.wrap_socket(s, server_hostname="localhost")
    return s


def request(method, path, host, body, extra, without):
    head = {"Host": host}
    if body is not None:
        head |= {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                 "Content-Length": str(len(body))}
    for name, value in extra:
        head = {k: v for k, v in head.items() if k.lower() != name.lower()} | {name: value}
    lines = [f"{k}: {v}" for k, v in head.items() if k.lower() not in without]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + (body or b"")


class Reader:
    """Reads one answer after another from a socket."""

    def __init__(self, s):
        self.s, self.have, self.ended = s, b"", False

    def more(self):
        try:
            got = self.s.recv(65536)
        except socket.timeout as e:
            raise Failed(f"no answer in time; so far: {self.have[:300]!r}") from e
        except OSError:
            got = b""
        self.ended = not got
        self.have += got
        return bool(got)

    def until(self, mark):
        while mark not in self.have:
            if not self.more():
                return None
        part, self.have = self.have.split(mark, 1)
        return part

    def exactly(self, n):
        while len(self.have) < n and self.more():
            pass
        part, self.have = self.have[:n], self.have[n:]
        return part

    def rest(self):
        while self.more():
            pass
        part, self.have = self.have, b""
        return part

    def chunks(self):
        body = b""
        while True:
            size = self.until(b"\r\n")
            if size is None:
                return body
            n = int(size.split(b";")[0], 16)
            body += self.exactly(n)
            self.until(b"\r\n")
            if n == 0:
                return body

    def answer(self):
        head = self.until(b"\r\n\r\n")
        if head is None:
            return Answer(ok=False, closed=True, text=self.have.decode("utf-8", "replace"))
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        status = int(lines[0].split()[1])
        if status in (100, 204, 304) or 100 < status < 200:
            body = b""
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = self.chunks()
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            body = self.rest()
        a = Answer(ok=200 <= status < 300, status=status, headers=headers, text=body.decode("utf-8", "replace"))
        with contextlib.suppress(ValueError):
            a.json = json.loads(a.text)
        return a


def exchange(s, data, wants_close):
    """Sends all, reads one answer, and says whether the peer closes after it."""
    with contextlib.suppress(OSError):
        s.sendall(data)
    reader = Reader(s)
    answer = reader.answer()
    if wants_close and not answer.closed:
        s.settimeout(3.0)
        try:
            answer.closed = not reader.more()
        except Failed:
            answer.closed = False
    s.close()
    return answer


def drip(target, n, data, pause, limit):
    """n connections that send one byte each `pause`; how many were closed before `limit`."""
    choose = selectors.DefaultSelector()
    for _ in range(n):
        s = dial(target)
        s.setblocking(False)
        choose.register(s, selectors.EVENT_READ)
    begin, at, closed, statuses = time.monotonic(), 0, 0, {}
    while choose.get_map() and time.monotonic() - begin < limit:
        for key in [k for k, _ in choose.select(pause)]:
            s = key.fileobj
            try:
                got = s.recv(4096)
            except OSError:
                got = b""
            if got.startswith(b"HTTP/1.1 "):
                statuses[got[9:12].decode()] = statuses.get(got[9:12].decode(), 0) + 1
            else:
                choose.unregister(s)
                s.close()
                closed += 1
        if at < len(data):
            for key in list(choose.get_map().values()):
                with contextlib.suppress(OSError):
                    key.fileobj.send(data[at:at + 1])
            at += 1
        time.sleep(pause)
    left = len(choose.get_map())
    for key in list(choose.get_map().values()):
        key.fileobj.close()
    return Answer(ok=left == 0, text=f"{closed} of {n} were closed, answers {statuses}", seconds=time.monotonic() - begin)


INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}}


def post(s, host, path, message, session=None, extra=()):
    more = [("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Session-Id", session)] if session else []
    body = json.dumps(message).encode()
    s.sendall(request("POST", path, host, body, [*more, *extra], ()))
    return Reader(s).answer()


def open_session(s, host, path="/mcp", extra=(), revision="2025-11-25"):
    asks = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": revision}}
    a = post(s, host, path, asks, extra=extra)
    session = a.headers.get("mcp-session-id")
    if not session:
        raise Failed(f"no session: {a.status} {a.text[:300]}")
    post(s, host, path, {"jsonrpc": "2.0", "method": "notifications/initialized"}, session, extra)
    return session


def message_of(answer):
    """The JSON-RPC message of an answer, also when it came as an event."""
    if answer.json is not None:
        return answer.json
    for line in answer.text.splitlines():
        if line.startswith("data:") and '"id"' in line:
            return json.loads(line[5:])
    raise Mistake(f"no message in {answer.text[:300]!r}")


def tls_front(port, cert, key, to_port):
    """A TLS end in front of a plain port, for as long as this process lives."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", port))

    def carry(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def one(raw):
        try:
            inner = context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        outer = socket.create_connection(("127.0.0.1", to_port))
        threading.Thread(target=carry, args=(inner, outer), daemon=True).start()
        carry(outer, inner)

    def serve():
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=one, args=(raw,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
