# SPDX-License-Identifier: Apache-2.0
"""Plays a page: one method for each first word of a line."""
import asyncio
import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from . import expect, ledger, person, wire
from .client import WORDS, split_command
from .page import Failed, Item, Mistake, Skipped, fill, seconds, unquote
from .tamper import tamper
from .wire import Answer

PARAMETERS = ("with ", "without ", "to ", "over ", "as ", "vanish ", "at ")


class Play:
    def __init__(self, world, page):
        self.world, self.page = world, page
        self.last_client = "agent"

    def run(self):
        for item in self.page.items:
            try:
                self.step(item)
            except (Failed, Mistake, Skipped) as e:
                raise type(e)(f"{self.page.path.name}:{item.line}: {item.text}\n    {e}") from e
            except (OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as e:
                raise Failed(f"{self.page.path.name}:{item.line}: {item.text}\n    {type(e).__name__}: {e}") from e

    def step(self, raw):
        item = Item(raw.line, fill(raw.text, self.world.names))
        item.block = fill(raw.block, self.world.names) if raw.block is not None else None
        definition = item.verb() in ("server", "model")
        notes = [(n, fill(t, self.world.names)) for n, t in raw.notes] if item.verb() != "let" else raw.notes
        item.notes = notes if definition else [n for n in notes if n[1].startswith(PARAMETERS)]
        answer = self.dispatch(item)
        for n, note in [] if definition else notes:
            if not note.startswith(PARAMETERS):
                try:
                    expect.check(note, answer, self)
                except Failed as e:
                    raise Failed(f"line {n}: {e}") from e
        if not definition and answer is not None and answer.ok is False and len(notes) == len(item.notes):
            raise Failed(f"nothing is expected of this step, and it failed: {expect.tell(answer)}")

    def dispatch(self, item):
        words = item.text.split()
        if words[0].endswith(":") and words[1:]:
            self.last_client = words[0][:-1]
            return self.command(self.last_client, item.text.split(None, 1)[1])
        if words[0] in WORDS and words[0] != "wait":
            self.last_client = "agent"
            return self.command("agent", item.text)
        do = getattr(self, "do_" + words[0].replace("-", "_"), None)
        if do is None:
            raise Mistake(f"nothing is called {words[0]!r}")
        return do(item)

    def soon(self, good, why, limit=5.0):
        end = time.monotonic() + limit * self.world.patience
        while not good():
            if time.monotonic() > end:
                raise Failed(why())
            time.sleep(0.03)

    def params(self, item, word):
        return [t[len(word) + 1:] for _, t in item.notes if t.startswith(word + " ")]

    # ---- before Writ serves

    def do_needs(self, item):
        for need in item.rest().split():
            if need == "root":
                self.world.need_root()
            elif need == "peers":
                self.world.node()
            elif need == "limits":  # a sanitizer's shadow memory does not fit in a sandbox's
                if b"__asan_init" in pathlib.Path(self.world.writ).read_bytes():
                    raise Skipped("needs limits of memory, which no sanitizer can have")
            elif need == "cgroups":
                self.world.need_cgroups()
            elif need == "engine":
                self.world.node()
                if not os.path.exists(os.path.join(self.world.peers, "engine/model.gguf")):
                    raise Skipped("needs a real engine: tests/peers/install DIR --engine")
            elif need == "inspector":
                self.world.node()
                if not os.path.exists(os.path.join(self.world.peers, "inspector/.installed")):
                    raise Skipped("needs the MCP Inspector: tests/peers/install DIR --inspector")
            elif need == "python-sdk":
                self.world.node()
                if not os.path.exists(os.path.join(self.world.peers, "python/.installed")):
                    raise Skipped("needs the official Python SDK: tests/peers/install DIR --python")
            else:
                raise Mistake(f"needs {need}?")

    def do_let(self, item):
        """let NAME = TEXT | let NAME = sha256 of TEXT | let NAME = output of COMMAND"""
        name, _, value = item.rest().partition(" = ")
        if value.startswith("sha256 of "):
            value = hashlib.sha256(value[10:].encode()).hexdigest()
        elif value.startswith("output of "):
            p = subprocess.run(value[10:], shell=True, cwd=self.world.dir, capture_output=True, text=True)
            if p.returncode:
                raise Failed(f"exit status {p.returncode}: {p.stderr}")
            value = p.stdout.strip()
        self.world.names[name] = unquote(fill(value, self.world.names))

    def do_file(self, item):
        """file PATH [MODE], text below"""
        name, *mode = item.rest().split()
        path = self.world.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(item.block or "")
        path.chmod(int(mode[0], 8) if mode else 0o644)

    def do_policy(self, item):
        (self.world.dir / "policies" / item.rest()).write_text(item.block or "")

    def do_remove(self, item):
        (self.world.dir / item.rest()).unlink()

    def do_config(self, item):
        """More of writ.yaml; while Writ serves: instead of what was there before."""
        if self.world.was_served:
            self.world.config = [item.block or ""]
            self.world.write_config()
        else:
            self.world.config.append(item.block or "")

    def do_server(self, item):
        self.world.add_server(shlex.split(item.rest()), item.notes)

    def do_drop(self, item):
        """drop server ID, from the configuration that is written next"""
        del self.world.servers[item.rest().split()[1]]

    def do_model(self, item):
        """model NAME backend ARGS... | model NAME engine | model NAME url URL, YAML keys below"""
        name, kind, *args = shlex.split(item.rest())
        scripts = {"backend": ("model_backend.mjs", ["--model", name]), "engine": ("model_engine.mjs", [])}
        if kind in scripts:
            script, own = scripts[kind]
            url = f"http://127.0.0.1:{self.world.start_back_end(name, script, own + args)}/v1"
        else:
            url = args[0]
        self.world.models[name] = {"lines": [f"  {name}:", f"    url: '{url}'", *[f"    {t}" for _, t in item.notes]]}

    def do_user(self, item):
        self.world.need_root()
        self.world.user = int(item.rest())
        self.world.names["uid"] = self.world.user

    def do_disk(self, item):
        """disk SIZE: the state folder is a small disk of its own"""
        self.world.need_root()
        state = str(self.world.dir / "state")
        p = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={item.rest()},mode=0700", "writ-scenario", state],
                           capture_output=True, text=True)
        if p.returncode:
            raise Skipped(f"cannot mount a small disk: {p.stderr.strip()}")
        self.world.mounts.append(state)

    # ---- Writ itself

    def do_serve(self, item):
        self.world.serve()

    def do_refuses(self, item):
        """refuses to serve, expectations on what it says"""
        self.world.spawn()
        try:
            status = self.world.serving.wait(timeout=20 * self.world.patience)
        except subprocess.TimeoutExpired as e:
            raise Failed("it serves") from e
        self.world.serving, self.world.check_ledger = None, False
        return Answer(ok=status == 0, exit=status, text=self.world.log_text())

    def do_stop(self, item):
        status, took = self.world.stop()
        return Answer(ok=status == 0, exit=status, seconds=took, text=self.world.log_text())

    def do_reload(self, item):
        p = self.world.run_writ(["reload", "--config", "writ.yaml"])
        return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr)

    def do_writ(self, item):
        p = self.world.run_writ(shlex.split(item.rest()))
        return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr)

    def do_login(self, item):
        """login ARGS of writ login: a person says yes; `with PARAMETER=VALUE` and `without PARAMETER` change what
        comes back to Writ, `over URL` opens that while the person is waited for"""
        changes = dict(c.split("=", 1) for c in self.params(item, "with"))
        status, text = person.log_in([self.world.writ, "login", *shlex.split(item.rest())], self.world.dir, changes,
                                     self.params(item, "without"), self.params(item, "over"),
                                     60 * self.world.patience)
        return Answer(ok=status == 0, exit=status, text=text)

    # ---- programs in sandboxes

    def do_run(self, item):
        """run [OPTIONS] -- PROGRAM ARGS, the text below on its standard input"""
        return self.world.runs.run(item.rest(), item.block)

    def do_start(self, item):
        """start AGENT [OPTIONS] -- PROGRAM ARGS, without waiting for its end"""
        name, rest = item.rest().split(None, 1)
        self.world.runs.start(name, rest)

    def do_end(self, item):
        return self.world.runs.end(item.rest())

    def do_freeze(self, item):
        return self.world.runs.lever("freeze", item.rest())

    def do_thaw(self, item):
        return self.world.runs.lever("thaw", item.rest())

    def do_kill_run(self, item):
        return self.world.runs.lever("kill", item.rest())

    def do_kill_client(self, item):
        self.world.runs.live[item.rest()].kill()

    def do_type(self, item):
        """type [OPTIONS] -- PROGRAM ARGS: at a terminal, each line below when the program waits"""
        return self.world.runs.typed(item.rest(), (item.block or "").splitlines())

    def do_stands(self, item):
        """stands still FILE | goes on FILE: whether a file below grows"""
        return self.grows(item.rest().split()[1], False)

    def do_goes(self, item):
        return self.grows(item.rest().split()[1], True)

    def do_comes(self, item):
        """comes to rest FILE: it may grow a little yet, as a dead client's sandbox is taken down behind it"""
        name = item.rest().split()[2]
        path = self.world.dir / name

        def rests():
            before = path.stat().st_size
            time.sleep(0.4 * self.world.patience)
            return path.stat().st_size == before
        self.soon(rests, lambda: f"{name} goes on growing, to {path.stat().st_size} bytes", 10)
        return Answer(ok=True)

    def grows(self, name, wanted):
        path = self.world.dir / name
        self.soon(path.exists, lambda: f"there is no {name}", 10)
        before = path.stat().st_size
        if wanted:
            self.soon(lambda: path.stat().st_size != before, lambda: f"{name} stays at {before} bytes", 10)
        else:
            time.sleep(0.4 * self.world.patience)
            if path.stat().st_size != before:
                raise Failed(f"{name} had {before} bytes and has {path.stat().st_size}")
        return Answer(ok=True)

    def do_sh(self, item):
        p = subprocess.run(["sh", "-ec", item.rest() + "\n" + (item.block or "")], cwd=self.world.dir,
                           capture_output=True, text=True, timeout=60 * self.world.patience)
        return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr)

    def do_kill(self, item):
        """kill ROLE: by SIGKILL; then the role must come back by itself"""
        name = item.rest()
        old = self.world.role(name)
        if not old:
            raise Failed(f"no process is {name}")
        for pid in old:
            os.kill(pid, signal.SIGKILL)

        def back():
            new = self.world.role(name)
            return len(new) == len(old) and not set(new) & set(old)
        self.soon(back, lambda: f"{name} does not come back; there is {self.world.role(name)}", 10)

    def do_kill_all(self, item):
        """kill-all: SIGKILL to the supervisor; then every other process must end by itself"""
        pids = set(self.world_processes())
        self.world.serving.kill()
        self.world.serving.wait()
        self.world.serving = None
        (self.world.dir / "log").unlink()
        self.soon(lambda: not any(os.path.exists(f"/proc/{p}") and running(p) for p in pids),
                  lambda: f"these go on: {[p for p in pids if running(p)]}")

    def do_signal(self, item):
        self.world.serving.send_signal(getattr(signal, item.rest()))

    def do_memory(self, item):
        """memory of ROLE lacks TEXT | memory of ROLE holds TEXT"""
        self.world.need_root()
        _, role, word, text = item.rest().split(None, 3)
        found = any(in_memory(pid, unquote(text).encode()) for pid in self.world.role(role))
        if found != (word == "holds"):
            raise Failed(f"{role} {'holds' if found else 'lacks'} it")

    def do_network(self, item):
        """network of ROLE reaches nothing | network of ROLE reaches this machine: root only; tried at the gateway's port"""
        self.world.need_root()
        _, role, _, what = item.rest().split(None, 3)
        address, port = self.world.names["url"].split("//")[1].split(":")
        tries = ("import socket, sys\n"
                 "print(len(socket.if_nameindex()))\n"
                 f"socket.create_connection(({address!r}, {int(port)}), 5)")
        for pid in self.world.role(role):
            p = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", tries],
                               capture_output=True, text=True)
            if (p.returncode == 0) != (what == "this machine") or (what == "nothing" and p.stdout != "1\n"):
                raise Failed(f"from {role}: {p.stdout}{p.stderr[-300:]}")
        if not self.world.role(role):
            raise Failed(f"no process is {role}")

    def do_speak(self, item):
        """speak as ROLE MESSAGE [u64:N|str:TEXT]...: root only; on all channels of the role but the supervisor's, as
        whoever has taken it over would"""
        self.world.need_root()
        _, role, message, *fields = shlex.split(item.rest())
        listed = pathlib.Path(__file__).resolve().parents[3] / "src/ipc/messages.h"
        names = re.findall(r"^\tIPC_(\w+)", listed.read_text().split("enum ipc_message {")[1].split("}")[0], re.M)
        frame = bytes([names.index(message)])
        for field in fields:
            kind, _, value = field.partition(":")
            frame += (struct.pack("<Q", int(value)) if kind == "u64"
                      else struct.pack("<I", len(value.encode())) + value.encode())
        for pid in self.world.role(role):
            for channel in list(channels_of(pid)):  # the first to hear it may have the role ended
                with channel, contextlib.suppress(OSError):
                    channel.send(frame)

    def do_wait(self, item):
        time.sleep(seconds(item.rest()))

    def do_fill(self, item):
        with open(self.world.dir / "state" / "ballast", "ab", buffering=0) as f:
            while True:
                try:
                    f.write(b"\0" * 4096)
                except OSError:
                    break

    def do_free(self, item):
        (self.world.dir / "state" / "ballast").unlink()

    # ---- clients

    def do_agent(self, item):
        """agent NAME [PATH] [OPTIONS of client.mjs] [through ARGS of writ mcp stdio]: connects"""
        name, *rest = shlex.split(item.rest())
        if "through" in rest:
            at = rest.index("through")
            url = [str(self.world.writ), "mcp", "stdio", *rest[at + 1:], "--"]
            c = self.world.client(name, url, ["--stdio", *rest[:at]])
            self.last_client = name
            c.begin(["info"])
            return c.finish()
        target = rest.pop(0) if rest and not rest[0].startswith("--") else "/mcp"
        url = target if target.startswith("http") else self.world.names["url"] + target
        c = self.world.client(name, url, rest)
        self.last_client = name
        c.begin(["info"])
        return c.finish()

    def command(self, name, text):
        return self.world.client(name).run(text)

    def do_soon(self, item):
        """soon [NAME:] COMMAND: again until it is ok, for a server that has to start first"""
        name, text = ("agent", item.rest()) if not item.rest().split()[0].endswith(":") else item.rest().split(None, 1)
        self.last_client = name.rstrip(":")
        end = time.monotonic() + 10 * self.world.patience
        while True:
            a = self.command(self.last_client, text)
            if a.ok or time.monotonic() > end:
                return a
            time.sleep(0.1)

    def do_until_refused(self, item):
        """until-refused calls N TOOL ARGUMENTS: again until one of them fails"""
        end = time.monotonic() + 30 * self.world.patience
        while time.monotonic() < end:
            a = self.command("agent", item.rest())
            if a.json["result"]["failed"]:
                return a
        raise Failed("nothing is refused")

    def do_begin(self, item):
        """begin [NAME:] COMMAND, without waiting for its end"""
        text = item.rest()
        name = "agent"
        if text.split()[0].endswith(":"):
            name, text = text.split(None, 1)
            name = name[:-1]
        c = self.world.client(name)
        if c.under_way is None and not c.told:
            c.begin(["ping"])
            c.finish()
        c.begin(split_command(text))

    def do_finish(self, item):
        self.last_client = item.rest() or "agent"
        return self.world.clients[self.last_client].finish()

    def do_leave(self, item):
        self.world.clients.pop(item.rest() or "agent").stop()

    def target(self, item):
        to = (self.params(item, "to") or [self.world.names["host"]])[0]
        tls = [w for o in self.params(item, "over") for w in o.split()[1:]]
        uid = [int(u) for u in self.params(item, "as")]
        return to, [str(self.world.dir / t) for t in tls] or None, uid[0] if uid else None

    def dial(self, item):
        to, tls, uid = self.target(item)
        return wire.dial(to, tls, uid, 15 * self.world.patience)

    def do_post(self, item):
        """post PATH BODY"""
        path, _, body = item.rest().partition(" ")
        return self.send("POST", path, unquote(body).encode("latin-1" if body[:1] == '"' else "utf-8"), item)

    def do_get(self, item):
        return self.send("GET", item.rest(), None, item)

    def do_delete(self, item):
        return self.send("DELETE", item.rest(), None, item)

    def send(self, method, path, body, item):
        extra = [tuple(p.split(": ", 1)) for p in self.params(item, "with")]
        without = [w.lower() for w in self.params(item, "without")]
        data = wire.request(method, path, self.world.names["host"], body, extra, without)
        begin = time.monotonic()
        s = self.dial(item)
        vanish = self.params(item, "vanish")
        if vanish:
            s.sendall(data)
            time.sleep(seconds(vanish[0].split()[-1]))
            s.close()
            return Answer(ok=True)
        a = wire.exchange(s, data, any(t.startswith("closed") for _, t in self.raw_notes(item)))
        a.seconds = time.monotonic() - begin
        return a

    def do_repeat(self, item):
        """repeat N post ...: each time on a connection of its own, with #i for the count"""
        times, rest = item.rest().split(None, 1)
        answers = []
        for i in range(1, int(times) + 1):
            one = Item(item.line, rest.replace("#i", str(i)))
            one.notes = item.notes
            answers.append(self.dispatch(one))
        return Answer(ok=all(a.ok for a in answers), text="\n".join(a.text for a in answers))

    def raw_notes(self, item):
        return next(i.notes for i in self.page.items if i.line == item.line)

    def do_session(self, item):
        """session NAME [PATH] [in REVISION]: a session of our own; its id becomes $NAME"""
        said, _, revision = item.rest().partition(" in ")
        name, *path = said.split()
        s = self.dial(item)
        extra = [tuple(p.split(": ", 1)) for p in self.params(item, "with")]
        self.world.names[name] = wire.open_session(s, self.world.names["host"], path[0] if path else "/mcp", extra,
                                                   revision or "2025-11-25")
        s.close()

    def do_bytes(self, item):
        """bytes "...": exactly these, with escapes; N*"..." repeats"""
        data = b"".join(one_part(p) for p in item.rest().split(" + "))
        return wire.exchange(self.dial(item), data, True)

    def do_pipeline(self, item):
        """pipeline "...": requests in one piece; the text is their statuses"""
        s = self.dial(item)
        s.sendall(unquote(item.rest()).encode("latin-1"))
        reader, statuses = wire.Reader(s), []
        while True:
            a = reader.answer()
            if a.closed:
                return Answer(ok=True, text=" ".join(statuses))
            statuses.append(str(a.status))

    def do_half_closed(self, item):
        """half-closed "...": sends and closes its side at once"""
        s = self.dial(item)
        s.sendall(unquote(item.rest()).encode("latin-1"))
        s.shutdown(socket.SHUT_WR)
        return wire.Reader(s).answer()

    def do_drip(self, item):
        """drip N connections PAUSE LIMIT "BYTES": all must be closed before LIMIT"""
        n, _, pause, limit, data = item.rest().split(None, 4)
        return wire.drip(self.target(item)[0], int(n), unquote(data).encode("latin-1"), seconds(pause),
                         seconds(limit) * self.world.patience)

    def do_crowd(self, item):
        """crowd N TOOL: N clients at once, each with a session and a call of its own"""
        n, tool = item.rest().split()
        begin = time.monotonic()
        result = asyncio.run(crowd(self.world.names["host"], int(n), tool, 60 * self.world.patience))
        return Answer(ok=not result["failed"], json=result, text=json.dumps(result), seconds=time.monotonic() - begin)

    # ---- what is so afterwards

    def do_ledger(self, item):
        """ledger COUNT WORD [of ACTION] [by POLICY]... | ledger verifies"""
        if item.rest() == "verifies":
            p = self.world.run_writ(["ledger", "verify", "state/ledger"])
            return Answer(ok=p.returncode == 0, exit=p.returncode, text=p.stdout + p.stderr)
        said = {}

        def good():
            said["records"] = self.world.records()
            said["n"], fine = ledger.count(said["records"], item.rest())
            return fine
        self.soon(good, lambda: f"the ledger has {said['n']}; its end:\n" + "\n".join(
            f"      {r['index']} {r['from']} {ledger.what(r)} {ledger.about(r)}" for r in said["records"][-15:]), 3)

    def do_tamper(self, item):
        """tamper COPY HOW N: a copy of the ledger with record N changed; $at is its index"""
        copy, how, n = item.rest().split()
        shutil.copytree(self.world.dir / "state/ledger", self.world.dir / copy)
        self.world.names["at"] = tamper(self.world.dir / copy, how, int(n))

    def do_tls_front(self, item):
        """tls-front PORT CERT KEY TO: TLS in front of a server"""
        port, cert, key, to = item.rest().split()
        wire.tls_front(int(port), self.world.dir / cert, self.world.dir / key, int(to))

    def do_heard(self, item):
        """heard SERVER WORDS | heard SERVER N times WORDS"""
        server, rest = item.rest().split(None, 1)
        parts = rest.split(None, 2)
        if len(parts) == 3 and parts[1] == "times":
            got = self.world.heard(server).count(unquote(parts[2]))
            if got != int(parts[0]):
                raise Failed(f"{server} heard it {got} times")
        elif unquote(rest) not in self.world.heard(server):
            raise Failed(f"{server} heard only: {self.world.heard(server)[-1500:]}")

    def do_never(self, item):
        """never heard SERVER WORDS | never dialled SERVER | never logged WORDS"""
        word, rest = item.rest().split(None, 1)
        if word == "heard":
            server, words = rest.split(None, 1)
            if unquote(words) in self.world.heard(server):
                raise Failed(f"{server} heard of it: {self.world.heard(server)[-1500:]}")
        elif word == "dialled":
            if self.world.seen(rest):
                raise Failed(f"{rest} was asked: {self.world.seen(rest)}")
        elif word == "logged":
            if unquote(rest) in self.world.log_text():
                raise Failed("it is in the log")
        else:
            raise Mistake(f"never {word}?")

    def do_logged(self, item):
        self.soon(lambda: unquote(item.rest()) in self.world.log_text(),
                  lambda: f"the log has only:\n{self.world.log_text()[-3000:]}")

    def do_nowhere(self, item):
        """nowhere TEXT: in no file below state/, in no log and no command line or environment"""
        needle = unquote(item.rest()).encode()
        for path in [self.world.dir / "log", *(self.world.dir / "state").rglob("*")]:
            if path.is_file() and needle in path.read_bytes():
                raise Failed(f"{path} has it")
        for pid in [self.world.serving.pid, *self.world_processes()]:
            for part in ("cmdline", "environ"):
                try:
                    data = pathlib.Path(f"/proc/{pid}/{part}").read_bytes()
                except OSError:
                    continue
                if needle in data:
                    raise Failed(f"/proc/{pid}/{part} has it")

    def world_processes(self):
        from .world import children_of
        return children_of(self.world.serving.pid)


def running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def one_part(part):
    times, star, text = part.partition('*"')
    if star and times.strip().isdigit():
        return unquote('"' + text).encode("latin-1") * int(times)
    return unquote(part.strip()).encode("latin-1")


def channels_of(pid):
    """The channels of another process, as sockets of this one; not the supervisor's, which is its descriptor 3."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for fd in sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd")):
            if fd <= 3 or not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                continue
            copy = libc.syscall(438, process, fd, 0)  # pidfd_getfd
            if copy < 0:
                raise Failed(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
            s = socket.socket(fileno=copy)
            if s.family == socket.AF_UNIX and s.type == socket.SOCK_SEQPACKET:
                yield s
            else:
                s.close()
    finally:
        os.close(process)


def in_memory(pid, needle):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if "r" not in mode or end - begin > 1 << 28 or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            try:
                mem.seek(begin)
                if needle in mem.read(end - begin):
                    return True
            except (OSError, ValueError):
                continue
    return False


async def crowd(host, n, tool, limit):
    """n clients, all connected before the first asks; each wants its own nonce back."""
    address, port = host.rsplit(":", 1)
    result = {"ok": 0, "failed": 0, "crossed": 0, "why": ""}

    async def ask(streams, message, session=None):
        more = [("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Session-Id", session)] if session else []
        streams[1].write(wire.request("POST", "/mcp", host, json.dumps(message).encode(), more, ()))
        head = (await streams[0].readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = b""
        if "content-length" in headers:
            body = await streams[0].readexactly(int(headers["content-length"]))
        elif "transfer-encoding" in headers:
            while (size := int(await streams[0].readline(), 16)) > 0:
                body += await streams[0].readexactly(size)
                await streams[0].readexactly(2)
            await streams[0].readexactly(2)
        return headers, body.decode()

    async def one(i, streams):
        try:
            headers, _ = await ask(streams, wire.INITIALIZE)
            session = headers["mcp-session-id"]
            await ask(streams, {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
            _, body = await ask(streams, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": tool, "arguments": {"nonce": f"nonce-{i}-end"}}}, session)
            if f"nonce-{i}-end" in body:
                result["ok"] += 1
            else:
                result["failed"] += 1
                result["crossed"] += "nonce-" in body
                result["why"] = body[:500]
        except (OSError, KeyError, ValueError, asyncio.IncompleteReadError) as e:
            result["failed"] += 1
            result["why"] = repr(e)

    streams = await asyncio.gather(*[asyncio.open_connection(address, int(port)) for _ in range(n)])
    await asyncio.wait_for(asyncio.gather(*[one(i, s) for i, s in enumerate(streams)]), limit)
    for s in streams:
        s[1].close()
    return result


