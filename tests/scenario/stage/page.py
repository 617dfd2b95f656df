# SPDX-License-Identifier: Apache-2.0
"""A scenario's page: a title, claims, and items of one line each with what is indented below."""
import string


class Mistake(Exception):
    """The page itself is wrong."""


class Failed(Exception):
    """What the page expects did not come."""


class Skipped(Exception):
    """This machine cannot play the page."""


class Item:
    """One line, the text block below it ("| ..." lines) and the notes below it (all others)."""

    def __init__(self, line, text):
        self.line, self.text = line, text
        self.block = None
        self.notes = []

    def verb(self):
        return self.text.split(None, 1)[0]

    def rest(self):
        parts = self.text.split(None, 1)
        return parts[1] if len(parts) > 1 else ""


class Page:
    def __init__(self, path):
        self.path = path
        self.title, self.claims, self.items = None, [], []
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                self.take(n, line.rstrip("\n"))
        if not self.title:
            raise Mistake(f"{path}: no title")
        if not self.claims:
            raise Mistake(f"{path}: no claim: it must name what it shows (THREATS.md)")

    def take(self, n, line):
        text = line.strip()
        if not text or text.startswith("#"):
            return
        if not line[0].isspace():
            if self.title is None:
                self.title = text
            elif text.startswith("claim "):
                self.claims += text.split()[1:]
            else:
                self.items.append(Item(n, text))
        elif not self.items:
            raise Mistake(f"{self.path}:{n}: nothing stands above this indented line")
        elif text.startswith("|"):
            item = self.items[-1]
            item.block = (item.block or "") + text[1:].removeprefix(" ") + "\n"
        else:
            self.items[-1].notes.append((n, text))


class Names(string.Template):
    """$name in a page; an unknown one is a mistake, "$$" a dollar."""

    idpattern = "(?a:[a-z][a-z0-9_]*)"
    flags = 0


def fill(text, names):
    try:
        return Names(text).substitute(names)
    except (KeyError, ValueError) as e:
        raise Mistake(f"unknown name in {text!r}: {e}") from e


def seconds(text):
    """'200ms', '2s' as a number of seconds."""
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    if text.endswith("s"):
        return float(text[:-1])
    raise Mistake(f"{text!r} is no time: write 200ms or 2s")


def unquote(text):
    r"""The text of "..." with \r \n \t \0 \xNN \" \\; text without quotes is itself."""
    if not (len(text) >= 2 and text[0] == '"' and text[-1] == '"'):
        return text
    return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
