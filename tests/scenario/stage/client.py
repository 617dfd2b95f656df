# SPDX-License-Identifier: Apache-2.0
"""A real MCP client (tests/peers/client.mjs) under a name, one command at a time."""
import json
import queue
import subprocess
import threading
import time

from .page import Failed
from .wire import Answer

WORDS = {"info", "tools", "resources", "templates", "prompts", "ping", "close", "call", "call-progress",
         "call-cancel", "calls", "read", "subscribe", "unsubscribe", "prompt", "level", "complete", "wait", "raw"}
LAST_IS_TEXT = {"call": 2, "call-progress": 2, "call-cancel": 3, "calls": 3, "read": 1, "subscribe": 1, "unsubscribe": 1, "prompt": 2, "raw": 1}


def split_command(text):
    """'call NAME {"a": 1}' as a list; the last word of some commands is the rest of the line."""
    word = text.split(None, 1)[0]
    return text.split(None, LAST_IS_TEXT.get(word, -1))


def text_of(result):
    """The texts of a tool result; anything else as JSON."""
    if isinstance(result, dict) and isinstance(result.get("content"), list):
        return "\n".join(c.get("text", "") for c in result["content"] if isinstance(c, dict))
    return json.dumps(result, ensure_ascii=False)


class Client:
    def __init__(self, node, folder, url, options, patience):
        target = url if isinstance(url, list) else [url]
        self.patience = patience
        self.told, self.asked, self.under_way = [], [], None
        self.lines = queue.Queue()
        self.p = subprocess.Popen([node, "client.mjs", "--timeout", str(int(15000 * patience)), *options, *target, "-"],
                                  cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()

    def listen(self):
        for line in self.p.stdout:
            message = json.loads(line)
            if "notification" in message:
                self.told.append(message["notification"])
            elif "request" in message:
                self.asked.append(message["request"])
            else:
                self.lines.put(message)
        self.lines.put(None)

    def begin(self, command):
        self.under_way = time.monotonic()
        try:
            self.p.stdin.write(json.dumps(command) + "\n")
            self.p.stdin.flush()
        except OSError:
            pass

    def finish(self):
        try:
            message = self.lines.get(timeout=40 * self.patience)
        except queue.Empty as e:
            raise Failed("the client did not answer") from e
        if message is None:
            raise Failed("the client ended")
        a = Answer(ok=message["ok"], json=message, agent=self, seconds=time.monotonic() - self.under_way)
        a.text = text_of(message["result"]) if "result" in message else message["error"].get("message", "")
        if message["command"][0] == "raw" and message["ok"]:
            a.status, a.text = message["result"]["status"], message["result"]["body"]
            a.ok = a.status in (200, 202)
        return a

    def run(self, text):
        self.begin(split_command(text))
        return self.finish()

    def stop(self):
        self.p.kill()
        self.p.wait()
