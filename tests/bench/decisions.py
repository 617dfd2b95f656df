# SPDX-License-Identifier: Apache-2.0
"""`./bench policy`: CPU time of one decision, of loading a set, and the memory of a policy."""
import json
import subprocess
import sys

from builder import Failed, build

# (policies, candidates): {what: at most}
DECISION = {(1, 1): 300, (100, 1): 1000, (100, 10): 1000, (10000, 1): 1000, (10000, 10): 1000}
LOAD_MS, BYTES_PER_POLICY = 250, 2048  # of 10,000 policies


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


def run(root, options):
    try:
        tool, = build(root, options, "tests/bench/bench_policy")
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    done = subprocess.run([tool], capture_output=True, text=True)
    if done.returncode:
        print(f"bench: {done.stderr.strip()}", file=sys.stderr)
        return 2
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    met = all(row[key] <= limit for row in rows for key, limit in limits(row).items())
    if options.json:
        print(json.dumps({"results": rows, "met": met}))
        return 0 if met else 1
    print(f"{'policies':>9}{'candidates':>11}  {'decision ns':28}{'load ms':28}{'bytes/policy':28}")
    for row in rows:
        print(f"{row['policies']:>9}{row['candidates']:>11}  {cell(row, 'decide_ns', '{:.0f}')}"
              f"{cell(row, 'load_ms', '{:.1f}')}{cell(row, 'bytes_per_policy', '{}')}")
    return 0 if met else 1
