# SPDX-License-Identifier: Apache-2.0
"""`./bench policy`: CPU time of one decision, of loading a set, and the memory of a policy and a session.

In the same run, on the same policies, entities and request: @cedar-policy/cedar-wasm, at the version
of tests/peers/policy, and the Rust crate cedar-policy, at the version of tests/bench/cedar_rust.
cedar-wasm takes request and entities as JSON with every call, so its ratio is to decisions of ours
that start from JSON too; the crate is measured both ways.
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
# Temporal policies: the event taken in and the decision together.
TEMPORAL = {"history": {"decide_ns": 2000, "load_ms": LOAD_MS, "bytes_per_policy": BYTES_PER_POLICY},
            "groups": {"decide_ns": 2000, "load_ms": LOAD_MS, "bytes_per_policy": BYTES_PER_POLICY},
            "joins": {"decide_ns": 2000, "bytes_per_policy": BYTES_PER_POLICY},
            "sessions": {"decide_ns": 3000, "bytes_per_session": 1024}}
SESSIONS = 1000000


def crate(root, options):
    """The program of tests/bench/cedar_rust, or None with the reason."""
    cargo = shutil.which("cargo")
    if not cargo:
        return None, "cargo is missing"
    to = pathlib.Path(options.build).resolve() / "peers-rust"
    source = root / "tests" / "bench" / "cedar_rust"
    try:
        got = subprocess.run([cargo, "build", "--release", "--locked", "--target-dir", to], cwd=source,
                             capture_output=True, text=True, timeout=1800)
    except subprocess.TimeoutExpired:
        return None, "cargo build took longer than half an hour"
    if got.returncode:
        return None, f"cargo build failed: {got.stderr.strip()[-300:]}"
    return to / "release" / "cedar_rust", None


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


def question(tool, row):
    case = [str(row["policies"]), str(row["candidates"])]
    return subprocess.run([tool, "--question", *case], capture_output=True, check=True).stdout


def ask(name, command, where, asked, row):
    """What another engine needs for the same; it has to decide the same."""
    got = subprocess.run(command, cwd=where, input=asked, capture_output=True)
    if got.returncode:
        raise Failed(f"{name}: {got.stderr.decode()[-300:]}")
    theirs = json.loads(got.stdout)
    if (theirs["decision"], theirs["reasons"]) != (row["outcome"], row["reasons"]):
        raise Failed(f"{name} decides otherwise: {theirs} {row}")
    return theirs


def ask_peers(root, tool, wasm, rust, row):
    asked = question(tool, row)
    if wasm:
        theirs = ask("cedar-wasm", ["node", root / "tests" / "peers" / "policy" / "bench.mjs"], wasm, asked, row)
        row.update(peer_ns=round(theirs["decide_ns"], 1), peer_load_ms=round(theirs["load_ms"], 2),
                   peer_ratio=round(theirs["decide_ns"] / row["decide_json_ns"], 1),
                   peer_version=theirs["version"])
    if rust:
        theirs = ask("cedar-policy", [rust], root, asked, row)
        row.update(rust_ns=round(theirs["decide_ns"], 1), rust_load_ms=round(theirs["load_ms"], 2),
                   rust_json_ns=round(theirs["decide_json_ns"], 1),
                   rust_ratio=round(theirs["decide_ns"] / row["decide_ns"], 1),
                   rust_json_ratio=round(theirs["decide_json_ns"] / row["decide_json_ns"], 1),
                   rust_version=theirs["version"])


def limits(row):
    if "case" in row:
        found = TEMPORAL[row["case"]]
        return found if row.get("sessions", SESSIONS) == SESSIONS else {}
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


def rust_table(rows):
    compared = [row for row in rows if "rust_ns" in row]
    if not compared:
        return
    name = "cedar-policy " + compared[0]["rust_version"]
    print(f"\n{'':20}  parsed request and entities     both as JSON                    load")
    print(f"{'policies':>9}{'candidates':>11}  {'writ us':>8}{name + ' us':>24}{'ratio':>7}"
          f"{'writ us':>9}{'crate us':>10}{'ratio':>7}{'writ ms':>9}{'crate ms':>10}")
    for row in compared:
        print(f"{row['policies']:>9}{row['candidates']:>11}  {row['decide_ns'] / 1000:>8.2f}"
              f"{row['rust_ns'] / 1000:>24.1f}{row['rust_ratio']:>7.0f}{row['decide_json_ns'] / 1000:>9.1f}"
              f"{row['rust_json_ns'] / 1000:>10.1f}{row['rust_json_ratio']:>7.0f}{row['load_ms']:>9.1f}"
              f"{row['rust_load_ms']:>10.1f}")


def temporal_table(rows):
    print("\ntemporal policies: an event taken in and decided about")
    for row in rows:
        if row["case"] == "sessions":
            print(f"  {row['sessions']:,} sessions, {row['conditions']} window conditions, {row['events']} events each")
            print(f"{'':12}{'event and decision ns':24}{cell(row, 'decide_ns', '{:.0f}')}")
            print(f"{'':12}{'bytes of a session':24}{cell(row, 'bytes_per_session', '{}')}")
            continue
        what = {"history": "", "groups": ", one action, scopes name groups of principals",
                "joins": ", counting distinct values and joining"}[row["case"]]
        print(f"  {row['policies']:,} policies, {row['candidates']} candidates, {row['events']} events of history{what}")
        print(f"{'':12}{'event and decision ns':24}{cell(row, 'decide_ns', '{:.0f}')}")
        print(f"{'':12}{'load ms':24}{cell(row, 'load_ms', '{:.1f}')}")
        print(f"{'':12}{'bytes of a policy':24}{cell(row, 'bytes_per_policy', '{}')}")


def lines_of(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(root, options):
    tool, temporal = build(root, options, "tests/bench/bench_policy", "tests/bench/bench_temporal")
    rows = lines_of([tool])
    wasm, no_wasm = peer(root, options)
    rust, no_rust = crate(root, options)
    for row in rows:
        if (row["policies"], row["candidates"]) in DECISION:
            ask_peers(root, tool, wasm, rust, row)
    past = lines_of([temporal, str(SESSIONS // 10 if options.quick else SESSIONS)])
    return rows, past, {"cedar-wasm": no_wasm, "cedar-policy (Rust)": no_rust}


def run(root, options):
    try:
        rows, past, missing = measure(root, options)
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    met = all(row[key] <= limit for row in rows + past for key, limit in limits(row).items())
    missing = {name: why for name, why in missing.items() if why}
    if options.json:
        print(json.dumps({"results": rows, "temporal": past, "not_compared": missing, "met": met}))
        return 0 if met else 1
    table(rows)
    for name, why in missing.items():
        print(f"\nnot compared with {name}: {why}")
    peer_table(rows)
    rust_table(rows)
    temporal_table(past)
    return 0 if met else 1
