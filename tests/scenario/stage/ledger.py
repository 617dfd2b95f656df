# SPDX-License-Identifier: Apache-2.0
"""What the ledger says, read by `writ ledger show --json`, and what must hold for every ledger."""
import re

from .page import Failed, Mistake

VERDICTS = ("allow", "deny", "ask")
FIELDS = {"of": "action", "on": "resource", "for": "principal", "by": "policies", "from": "from",
          "about": "subject", "saying": "detail"}
REQUEST = re.compile(r"(?P<count>no|some|\d+|>=\d+) (?P<what>\S+)(?P<rest>.*)")
CONDITION = re.compile(r"\s+(of|on|for|by|from|about|saying)\s+(\"[^\"]*\"|\S+)")


def short(uid):
    """Writ::Tool::"fs.read" -> fs.read"""
    m = re.fullmatch(r'[\w:]+::"(.*)"', uid or "")
    return m.group(1) if m else uid


def what(record):
    """A record in one word, as `writ ledger show` prints it."""
    e = record["entry"]
    return {"decision": e.get("decision"), "outcome": e.get("status"), "event": e.get("event")}.get(
        e["kind"], e["kind"])


def value(record, field):
    if field == "from":
        return record["from"]
    if field == "resource" and "also" in record["entry"]:
        return [short(r) for r in [record["entry"]["resource"], *record["entry"]["also"]]]
    return record["entry"].get(field)


def about(record):
    e = record["entry"]
    return " ".join(str(short(e[k]) if k == "action" else e[k]) for k in ("action", "policies", "subject", "detail", "action_id")
                    if e.get(k))


def matches(record, word, conditions):
    if what(record) != word:
        return False
    for name, wanted in conditions:
        wanted = wanted.strip('"')
        got = value(record, FIELDS[name])
        if name == "by" and wanted == "nothing":
            if got:
                return False
        elif isinstance(got, list):
            if wanted not in got:
                return False
        elif name in ("saying", "from"):
            if wanted not in (got or ""):
                return False
        elif short(got) != wanted:
            return False
    return True


def count(records, text):
    """(how many match, whether that is what `text` wants)"""
    m = REQUEST.fullmatch(text)
    if not m:
        raise Mistake(f"ledger {text}: write a count and a word, as in: ledger 1 deny of fs.write_file by fs.no-write")
    conditions = CONDITION.findall(m["rest"])
    if CONDITION.sub("", m["rest"]).strip():
        raise Mistake(f"ledger {text}: not understood: {CONDITION.sub('', m['rest']).strip()!r}")
    n = sum(matches(r, m["what"], conditions) for r in records)
    c = m["count"]
    good = n == 0 if c == "no" else n > 0 if c == "some" else n >= int(c[2:]) if c[0] == ">" else n == int(c)
    return n, good


def check_always(records):
    """No effect without evidence: holds after everything that can happen."""
    allowed, ended = {}, {}
    for at, r in enumerate(records):
        e = r["entry"]
        if r["index"] != at:
            raise Failed(f"ledger: record {at} says it is {r['index']}")
        if e["kind"] == "decision":
            if e["action_id"] in allowed:
                raise Failed(f"ledger: action {e['action_id']} was decided twice")
            allowed[e["action_id"]] = e["decision"]
        elif e["kind"] == "outcome":
            if allowed.get(e["action_id"]) != "allow":
                raise Failed(f"ledger: record {at} is an outcome without an allow before it: {e}")
            if e["action_id"] in ended:
                raise Failed(f"ledger: action {e['action_id']} ended twice")
            ended[e["action_id"]] = at
        elif e.get("event") == "sent" and "detail" in e and allowed.get(e["detail"]) != "allow":
            raise Failed(f"ledger: record {at} was sent without an allow before it: {e}")


def sent_again(records, server):
    """How many requests went twice, since the server refused the token of the first."""
    entries = [r["entry"] for r in records]
    return sum(1 for e in entries if e.get("event") == "finding" and e.get("subject") == server
               and "sent again with another one" in e.get("detail", ""))


def allowed_calls(records):
    """How often each action was allowed, by short name."""
    n = {}
    for r in records:
        e = r["entry"]
        if e["kind"] == "decision" and e["decision"] == "allow":
            n[short(e["action"])] = n.get(short(e["action"]), 0) + 1
    return n
