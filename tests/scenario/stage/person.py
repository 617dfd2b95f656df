# SPDX-License-Identifier: Apache-2.0
"""The person of `writ login`: opens the address that it prints, says yes, and is sent back to it."""
import os
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


BROWSER = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)


def opened(url):
    """Status and Location of an address; 0 when nobody answers."""
    try:
        with BROWSER.open(url, timeout=10) as r:
            return r.status, r.headers.get("Location")
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get("Location")
    except OSError:
        return 0, None


def changed(url, changes, without):
    parts = urllib.parse.urlsplit(url)
    query = [(k, v) for k, v in urllib.parse.parse_qsl(parts.query) if k not in without and k not in changes]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query + list(changes.items()))))


class Said(threading.Thread):
    """All that a command says on standard error, as it comes, and the first address on a line of its own."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.lines, self.address, self.known = stream, [], None, threading.Event()
        self.start()

    def run(self):
        for line in self.stream:
            self.lines.append(line)
            found = re.match(r"\s+(https?://\S+)$", line)
            if found and not self.address:
                self.address = found.group(1)
                self.known.set()
        self.known.set()


def log_in(command, cwd, changes=(), without=(), visits=(), timeout=60):
    """Runs `writ login ...` to its end: exit status, and all it said."""
    device = "--device" in command
    p = subprocess.Popen([*command, *([] if device else ["--no-browser"])], cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    killer = threading.Timer(timeout, p.kill)
    killer.start()
    said = Said(p.stderr)
    try:
        said.known.wait()
        for visit in visits:
            opened(visit)
        if said.address and not device:
            _, back = opened(said.address)
            if back and opened(changed(back, dict(changes), without))[0] == 0:
                p.terminate()  # it led to somebody else, so nobody comes back
        out = p.stdout.read()
        p.wait()
        said.join()
    finally:
        killer.cancel()
    return p.returncode, "".join(said.lines) + out
