# SPDX-License-Identifier: Apache-2.0
"""The lines below a step: what its answer must be. One function for each first word."""
import json
import re

from .page import Failed, Mistake, seconds, unquote


def tell(a):
    told = json.dumps(a.json, ensure_ascii=False) if a.json is not None else a.text
    head = f"status {a.status}, " if a.status is not None else ""
    return f"{head}{told[:1500]}"


def fail(wanted, a):
    raise Failed(f"wanted {wanted}; got: {tell(a)}")


def whole(a):
    return a.text if a.json is None else a.text + "\n" + json.dumps(a.json, ensure_ascii=False)


def ok(rest, a, play):
    if not a.ok:
        fail("ok", a)


def fails(rest, a, play):
    if a.ok or a.ok is None:
        fail("failure", a)


def decision(a):
    """What Writ tells about a refusal, in the terms of MCP (result or error) or of OpenAI."""
    message = a.json if isinstance(a.json, dict) else {}
    result, error = message.get("result"), message.get("error")
    if isinstance(result, dict):
        return result.get("_meta", {}).get("writ/decision")
    if isinstance(error, dict):
        data = error.get("data")
        return data.get("writ/decision", data) if isinstance(data, dict) else error.get("writ", error)
    return None


def refused(rest, a, play):
    """refused by POLICY | refused by nothing   (default deny)"""
    if not rest.startswith("by "):
        raise Mistake("write: refused by POLICY, or: refused by nothing")
    policy = None if rest == "by nothing" else rest[3:]
    d = decision(a)
    if not isinstance(d, dict) or a.ok:
        fail(f"a refusal by {policy}", a)
    if d.get("policy") != policy or not isinstance(d.get("record"), int):
        fail(f"a refusal by {policy} with its record", a)
    found = [r for r in play.world.records() if r["index"] == d["record"]]
    if not found or found[0]["entry"].get("decision") != "deny":
        raise Failed(f"record {d['record']} is no refusal: {found}")
    if policy and policy not in found[0]["entry"]["policies"]:
        raise Failed(f"record {d['record']} does not name {policy}: {found}")


def because(rest, a, play):
    d = decision(a)
    if not isinstance(d, dict) or d.get("reason") != unquote(rest):
        fail(f"reason {rest}", a)


def error(rest, a, play):
    e = a.json.get("error") if isinstance(a.json, dict) else None
    if not isinstance(e, dict) or str(e.get("code")) != rest:
        fail(f"error {rest}", a)


def contains(rest, a, play):
    if unquote(rest) not in whole(a):
        fail(f"{rest} in it", a)


def lacks(rest, a, play):
    if unquote(rest) in whole(a):
        fail(f"no {rest} in it", a)


def text(rest, a, play):
    word, _, wanted = rest.partition(" ")
    wanted = unquote(wanted)
    if word == "is" and a.text.rstrip("\n") != wanted:
        fail(f"the text {wanted!r}", a)
    if word == "contains" and wanted not in a.text:
        fail(f"the text to contain {wanted!r}", a)
    if word == "lacks" and wanted in a.text:
        fail(f"the text not to contain {wanted!r}", a)
    if word not in ("is", "contains", "lacks"):
        raise Mistake("write: text is|contains|lacks WORDS")


def at(value, path):
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def member(rest, a, play):
    """json a.b.0 = VALUE"""
    path, _, wanted = rest.partition(" = ")
    got = at(a.json, path)
    if got != json.loads(wanted):
        fail(f"{path} = {wanted}, not {json.dumps(got)}", a)


def count(rest, a, play):
    """count PATH = N: a list's length."""
    path, _, wanted = rest.partition(" = ")
    got = at(a.json, path)
    if not isinstance(got, list) or len(got) != int(wanted):
        fail(f"{wanted} in {path}, not {len(got) if isinstance(got, list) else got}", a)


def lists(rest, a, play):
    names = [n[key] for kind in ("tools", "prompts", "resources", "resourceTemplates")
             for n in (at(a.json, f"result.{kind}") or []) for key in ("name", "uri", "uriTemplate") if key in n]
    for wanted in rest.split():
        if wanted not in names:
            raise Failed(f"{wanted} is not listed; listed: {names}")


def status(rest, a, play):
    if str(a.status) not in rest.split():
        fail(f"status {rest}", a)


def header(rest, a, play):
    name, _, wanted = rest.partition(":")
    if wanted.strip() not in (a.headers.get(name.lower()) or "\0") or not wanted.strip():
        fail(f"header {rest}; headers {a.headers}", a)


def closed(rest, a, play):
    if not a.closed:
        fail("the connection closed", a)


def exit_status(rest, a, play):
    if str(a.exit) != rest:
        fail(f"exit status {rest}, not {a.exit}", a)


def within(rest, a, play):
    if a.seconds > seconds(rest) * play.world.patience:
        fail(f"an answer within {rest}, not after {a.seconds:.2f} s", a)


def after(rest, a, play):
    if a.seconds < seconds(rest):
        fail(f"an answer not before {rest}, but it came after {a.seconds:.2f} s", a)


def was_told(client, what):
    method, _, words = what.partition(" with ")
    return any(n["method"] == method and unquote(words) in json.dumps(n, ensure_ascii=False) for n in client.told)


def notification(rest, a, play):
    """notification METHOD [with WORDS]: the client was told, or will be soon."""
    client = a.agent or play.world.clients[play.last_client]
    play.soon(lambda: was_told(client, rest),
              lambda: f"no {rest}; the client was told {json.dumps(client.told)[:1000]}")


def no_notification(rest, a, play):
    client = a.agent or play.world.clients[play.last_client]
    if was_told(client, rest):
        raise Failed(f"the client was told {rest}")


def asked(rest, a, play):
    """asked METHOD [with WORDS]: the client was asked by a server, or will be soon."""
    method, _, words = rest.partition(" with ")
    client = a.agent or play.world.clients[play.last_client]
    play.soon(lambda: any(n["method"] == method and unquote(words) in json.dumps(n, ensure_ascii=False) for n in client.asked),
              lambda: f"nobody asked {rest}; the client was asked {json.dumps(client.asked)[:1000]}")


def not_asked(rest, a, play):
    client = a.agent or play.world.clients[play.last_client]
    if any(not rest or n["method"] == rest for n in client.asked):
        raise Failed(f"the client was asked {json.dumps(client.asked)[:1000]}")


def mcp(rest, a, play):
    """mcp error CODE in a raw answer's body, which may be an event."""
    m = re.search(r'"code":\s*(-?\d+)', a.text)
    if not m or m.group(1) != rest.split()[-1]:
        fail(f"mcp {rest}", a)


def each(rest, a, play):
    """each ok | each at least N ok: of `calls` and `crowd`."""
    result = a.json.get("result", a.json)
    if rest == "ok" and (result["failed"] or result.get("crossed")):
        fail("every call ok, none crossed", a)
    if rest == "alone" and result.get("crossed"):
        fail("no answer for somebody else", a)


WORDS = {"ok": ok, "fails": fails, "refused": refused, "because": because, "error": error, "contains": contains,
         "lacks": lacks, "text": text, "json": member, "count": count, "lists": lists, "status": status,
         "header": header, "closed": closed, "exit": exit_status, "within": within, "after": after,
         "notification": notification, "no-notification": no_notification,
         "asked": asked, "not-asked": not_asked, "mcp": mcp, "each": each}


def check(note, a, play):
    word, _, rest = note.partition(" ")
    if word not in WORDS:
        raise Mistake(f"no expectation is called {word!r}; there is: {' '.join(WORDS)}")
    if a is None:
        raise Mistake(f"the step above gives no answer to expect {word!r} of")
    WORDS[word](rest.strip(), a, play)
