# SPDX-License-Identifier: Apache-2.0
"""`./bench policy`: CPU time of one decision, of loading a set, and the memory of a policy.

In the same run, on the same policies, entities and request: @cedar-policy/cedar-wasm, at the version
of tests/peers/policy. It takes request and entities as JSON with every call, so the ratio is to
decisions of ours that start from JSON too.
"""
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

from builder import Failed, build

# (policies, candidates): {what: at most}
DECISION = {(1, 1): 300, (100, 1): 1000, (100, 10): 1000, (10000, 1): 1000, (10000, 10): 1000}
LOAD_MS, BYTES_PER_POLICY = 250, 2048  # of 10,000 policies


def peer(root, options):
    """The folder where cedar-wasm is installed, or None with the reason."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "node and npm are missing"
    source = root / "tests" / "peers" / "policy"
    to = pathlib.Path(options.build).resolve() / "peers-policy"
    locks = [source / "package.json", source / "package-lock.json"]
    want = hashlib.sha256(b"".join(f.read_bytes() for f in locks)).hexdigest()
    done = to / ".installed"
    if done.exists() and done.read_text() == want:
        return to, None
    to.mkdir(parents=True, exist_ok=True)
    for f in locks:
        shutil.copy(f, to)
    try:
        got = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=to,
                             capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return None, "npm ci took longer than two minutes"
    if got.returncode:
        return None, f"npm ci failed: {got.stderr.strip()[-300:]}"
    done.write_text(want)
    return to, None


def ask_peer(root, tool, where, row):
    """Adds what cedar-wasm needs for the same, and checks that it decides the same."""
    case = [str(row["policies"]), str(row["candidates"])]
    question = subprocess.run([tool, "--question", *case], capture_output=True, check=True).stdout
    got = subprocess.run(["node", root / "tests" / "peers" / "policy" / "bench.mjs"], cwd=where,
                         input=question, capture_output=True)
    if got.returncode:
        raise Failed(f"cedar-wasm: {got.stderr.decode()[-300:]}")
    theirs = json.loads(got.stdout)
    if (theirs["decision"], theirs["reasons"]) != (row["outcome"], row["reasons"]):
        raise Failed(f"cedar-wasm decides otherwise: {theirs} {row}")
    row.update(peer_ns=round(theirs["decide_ns"], 1), peer_load_ms=round(theirs["load_ms"], 2),
               peer_ratio=round(theirs["decide_ns"] / row["decide_json_ns"], 1),
               peer_version=theirs["version"])


def limits(row):
    case = (row["policies"], row["candidates"])
    found = {"decide_ns": DECISION[case]} if case in DECISION else {}
    if row["policies"] == 10000:
        found.update(load_ms=LOAD_MS, bytes_per_policy=BYTES_PER_POLICY)
    return found


def cell(row, key, form):
    limit = limits(row).get(key)
    mark = "" if limit is None else f" {'hit ' if row[key] <= limit else 'MISS'} (<= {limit})"
    return f"{form.format(row[key]):>10}{mark:18}"


def table(rows):
    print(f"{'policies':>9}{'candidates':>11}  {'decision ns':28}{'load ms':28}{'bytes/policy':28}")
    for row in rows:
        print(f"{row['policies']:>9}{row['candidates']:>11}  {cell(row, 'decide_ns', '{:.0f}')}"
              f"{cell(row, 'load_ms', '{:.1f}')}{cell(row, 'bytes_per_policy', '{}')}")


def peer_table(rows):
    compared = [row for row in rows if "peer_ns" in row]
    if not compared:
        return
    version = compared[0]["peer_version"]
    print(f"\n{'':20}  request and entities as JSON, CPU time   load")
    print(f"{'policies':>9}{'candidates':>11}  {'writ us':>9}{'cedar-wasm ' + version + ' us':>23}{'ratio':>8}"
          f"{'writ ms':>10}{'wasm ms':>10}{'ratio':>8}")
    for row in compared:
        print(f"{row['policies']:>9}{row['candidates']:>11}  {row['decide_json_ns'] / 1000:>9.1f}"
              f"{row['peer_ns'] / 1000:>23.1f}{row['peer_ratio']:>8.0f}{row['load_ms']:>10.1f}"
              f"{row['peer_load_ms']:>10.1f}{row['peer_load_ms'] / row['load_ms']:>8.0f}")


def measure(root, options):
    tool, = build(root, options, "tests/bench/bench_policy")
    done = subprocess.run([tool], capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr.strip())
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    where, why = peer(root, options)
    for row in rows if where else []:
        if (row["policies"], row["candidates"]) in DECISION:
            ask_peer(root, tool, where, row)
    return rows, why


def run(root, options):
    try:
        rows, why = measure(root, options)
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    met = all(row[key] <= limit for row in rows for key, limit in limits(row).items())
    if options.json:
        print(json.dumps({"results": rows, "not_compared": why, "met": met}))
        return 0 if met else 1
    table(rows)
    if why:
        print(f"\nnot compared with cedar-wasm: {why}")
    peer_table(rows)
    return 0 if met else 1
