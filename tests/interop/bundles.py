#!/usr/bin/env python3
"""The verifier of examples/verify over the bundles of the tamper corpus: accepts the originals, refuses all others.

    bundles.py CORPUS/bundles"""
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples" / "verify"))
import verify  # noqa: E402

folder = pathlib.Path(sys.argv[1])
policy = verify.Policy((folder / "policy.txt").read_text())
trusted = [verify.Vkey(line) for line in (folder / "node.vkey").read_text().split()]
counts, wrong = collections.Counter(), 0
for line in (folder / "manifest.jsonl").read_text().splitlines():
    case = json.loads(line)
    try:
        with open(folder / case["file"], "rb") as file:
            verify.verify(file, policy, trusted, require_log=True)
        verdict, accepted = "accepted", True
    except verify.Refused as refused:
        verdict, accepted = refused.check, False
    counts[case["how"], verdict] += 1
    if accepted != case["accept"]:
        wrong += 1
        print(f"{case['file']}: {case['how']}: {verdict}", file=sys.stderr)
for (how, verdict), count in sorted(counts.items()):
    print(f"{how:<34} {verdict:<36} {count:>6}")
print(f"{sum(counts.values())} bundles, {wrong} wrongly judged")
sys.exit(1 if wrong or sum(counts.values()) < 3000 else 0)
