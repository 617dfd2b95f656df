# SPDX-License-Identifier: Apache-2.0
"""Programs under `writ run`: as a command, in the background, at a terminal."""
import fcntl
import json
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import termios
import time

from .page import Failed
from .wire import Answer

CLEAN = {"ASAN_OPTIONS": "detect_leaks=0:symbolize=0"}


def clean_environment(**more):
    return {**os.environ, **CLEAN, **more}


class Runs:
    """What `writ run` a page has started."""

    def __init__(self, world):
        self.world, self.live = world, {}

    def environment(self, **more):
        """A home of the page's own: what `writ run` remembers is not the tester's."""
        return clean_environment(HOME=str(self.world.dir / "home"), XDG_STATE_HOME="", **more)

    def command(self, text):
        return self.world.as_user([self.world.writ, "run", *shlex.split(text)])

    def run(self, text, given):
        begin = time.monotonic()
        p = subprocess.run(self.command(text), cwd=self.world.dir / "ws", input=given or "", text=True, errors="replace",
                           capture_output=True, timeout=60 * self.world.patience,
                           env=self.environment(SECRET="of-the-caller", LD_PRELOAD="", NODE_OPTIONS="--no-deprecation"))
        return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr, seconds=time.monotonic() - begin)

    def start(self, name, text):
        out = open(self.world.dir / f"run.{name}", "w+b")
        p = subprocess.Popen(self.command(f"--agent {name} {text}"), cwd=self.world.dir / "ws", stdin=subprocess.DEVNULL,
                             stdout=out, stderr=out, env=self.environment())
        self.live[name] = p
        self.id_of(name)

    def output(self, name):
        return (self.world.dir / f"run.{name}").read_text(errors="replace")

    def listed(self):
        p = self.world.run_writ(["ps", "--config", "writ.yaml", "--json"])
        return json.loads(p.stdout)["runs"] if p.returncode == 0 else []

    def id_of(self, name):
        end = time.monotonic() + 10 * self.world.patience
        while time.monotonic() < end:
            for r in self.listed():
                if r["agent"] == name and r["state"] != "opening":
                    return r["run"]
            if self.live[name].poll() is not None:
                raise Failed(f"{name} ended with {self.live[name].returncode}: {self.output(name)}")
            time.sleep(0.02)
        raise Failed(f"{name} does not run: {self.listed()} {self.output(name)}")

    def lever(self, word, name):
        p = self.world.run_writ([word, "--config", "writ.yaml", "--json", str(self.id_of(name))])
        return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr)

    def end(self, name):
        p = self.live.pop(name)
        try:
            status = p.wait(timeout=20 * self.world.patience)
        except subprocess.TimeoutExpired as e:
            p.kill()
            p.wait()
            raise Failed(f"{name} does not end: {self.output(name)}") from e
        return Answer(ok=status == 0, exit=status if status >= 0 else 128 - status, text=self.output(name))

    def stop_all(self):
        for p in self.live.values():
            p.kill()
            p.wait()
        self.live = {}

    def typed(self, text, lines):
        """At a terminal of 40 rows and 100 columns: types each line once the program waits for it."""
        command = self.command(text)
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.world.dir / "ws")
            os.execvpe(command[0], command, clean_environment(TERM="dumb", PS1="> "))
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        heard, quiet = b"", 0.5 * self.world.patience
        todo = [line.encode().decode("unicode_escape").encode() for line in lines]
        while True:
            ready, _, _ = select.select([fd], [], [], quiet if todo else 20 * self.world.patience)
            try:
                more = os.read(fd, 65536) if ready else b""
            except OSError:
                break
            heard += more
            if ready and not more:
                break
            if not ready and not todo:
                os.kill(pid, signal.SIGKILL)
                break
            if not ready:
                line = todo.pop(0)
                os.write(fd, line if line[:1] < b" " else line + b"\n")
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        return Answer(ok=status == 0, exit=os.waitstatus_to_exitcode(status) & 255, text=heard.decode(errors="replace"))
