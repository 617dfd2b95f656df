# SPDX-License-Identifier: Apache-2.0
"""`./bench json`: CPU time of the JSON readers."""
import json
import subprocess
import sys

from builder import Failed, build

FIGURES = {"tools/call 1.7 KB, scan": 0.8}  # microseconds at most


def run(root, options):
    try:
        tool, = build(root, options, "tests/bench/bench_json")
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    done = subprocess.run([tool], capture_output=True, text=True)
    if done.returncode:
        print(f"bench: {done.stderr.strip()}", file=sys.stderr)
        return 2
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    met = all(r["us"] <= FIGURES.get(r["name"], r["us"]) for r in rows)
    if options.json:
        print(json.dumps({"results": rows, "figures": FIGURES, "met": met}))
        return 0 if met else 1
    for r in rows:
        limit = FIGURES.get(r["name"])
        mark = "" if limit is None else f"   {'hit ' if r['us'] <= limit else 'MISS'} (at most {limit} us)"
        print(f"{r['name']:32}{r['bytes']:>9} B {r['us']:>10.3f} us {r['mb_s']:>6.0f} MB/s{mark}")
    return 0 if met else 1
