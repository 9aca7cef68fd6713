"""Mutants of genuine files, judged by the program and by the verifier in Python (examples/verify).

    run [--count N] [--seed S] [--minutes M] [--keep DIR] BINARY

A difference in the verdict (0, 10 or 13) fails, and the file is kept. Differences in the name of the check are counted apart."""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "vectors"), str(ROOT / "examples" / "verify"), str(HERE)]

import genuine  # noqa: E402
import mutations  # noqa: E402
import verify  # noqa: E402
from checks.base import tagged  # noqa: E402
from checks.notes import Policy, Reader, Vkey  # noqa: E402
from generator import cluster  # noqa: E402
from generator.governance import SEEDS, key  # noqa: E402

BATCH = 100


def readers(folder):
    """Whom readers name: the options of the program, and the reader in Python."""
    given = cluster.readers()
    policy = folder / "policy.txt"
    policy.write_text(given["policy"])
    trusted = Policy(given["policy"].encode())
    genesis = cluster.genesis()
    other = {**genesis, "origin": "other.example"}
    root, operator = map(key, SEEDS["delta"])
    # One of four that all have to sign has no node.
    few = {**genesis, "organisations": [*genesis["organisations"], {"name": "delta", "root_key": root, "operator_key": operator}],
           "publication": {**genesis["publication"], "threshold": 4}}
    beside = lambda name, value: ["--policy", str(policy), "--genesis", str(founders(folder, name, value))]  # noqa: E731
    return {
        "policy": (["--policy", str(policy)], Reader(trusted)),
        "genesis": (["--genesis", given["genesis"]], Reader(genesis=given["genesis"])),
        "founders": (["--genesis", str(founders(folder, "cluster", genesis))],
                     Reader(genesis=given["genesis"], genesis_document=genesis)),
        "beside": (beside("cluster", genesis), Reader(trusted, given["genesis"], genesis)),
        "other": (beside("other", other), Reader(trusted, tagged("genesis", other), other)),
        "few": (["--genesis", str(founders(folder, "few", few))], Reader(genesis=tagged("genesis", few), genesis_document=few)),
        "keys": (["--trust", given["keys"][0]], Reader(keys=[Vkey(given["keys"][0])])),
        "consistency": (["--consistency-only"], Reader(consistency=True)),
        "nobody": ([], Reader()),
        "log": (["--policy", str(policy), "--require-log"], Reader(trusted, require_log=True)),
    }


def founders(folder, file, genesis):
    """A genesis as the program reads it from a file."""
    lines = []
    table = lambda name, value: [name] + [f"{k} = {json.dumps(v)}" for k, v in value.items() if not isinstance(v, dict)]  # noqa: E731
    lines += table("", {name: genesis[name] for name in ("cluster", "origin")}) + table("[limits]", genesis["limits"])
    for name in ("organisations", "nodes"):
        for one in genesis[name]:
            lines += table(f"[[{name}]]", one)
    lines += table("[publication]", genesis["publication"]) + table("[publication.publisher]", genesis["publication"]["publisher"])
    path = folder / f"{file}.toml"
    path.write_text("\n".join([*lines, ""]))
    return path


def by_program(binary, paths, options):
    """The exit status and the check that the program gives for each file."""
    run = subprocess.run([binary, "verify", "-o", "jsonl", *map(str, paths), *options], capture_output=True, timeout=600)
    found = {}
    for line in run.stdout.decode(errors="replace").split("\n"):
        if line.startswith("{"):
            value = json.loads(line)
            found[value["file"]] = (value["exit_status"], (value.get("failure") or {}).get("check", ""))
    if len(found) != len(paths):
        raise SystemExit(f"the program answered for {len(found)} of {len(paths)} files: {run.stderr.decode(errors='replace')[-2000:]}")
    return [found[str(path)] for path in paths]


def by_python(data, reader):
    try:
        status, _, check, _ = verify.judge(data, reader)
        return status, check
    except Exception as error:  # a failure of the verifier is a difference
        return -1, repr(error)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", type=pathlib.Path, default=None)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    seed = asked.seed
    if seed is None:
        seed = int(subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True).stdout[:8] or b"0", 16)
    print(f"seed {seed}", flush=True)
    rng, until = random.Random(seed), time.monotonic() + 60 * asked.minutes
    work = pathlib.Path(tempfile.mkdtemp(prefix="selfsame-mutants-"))
    keep = asked.keep or work / "differences"
    keep.mkdir(parents=True, exist_ok=True)
    files = [one for one in genuine.files(seed) if one[0].startswith(tuple(asked.only.split(",")))]
    whom = readers(work)
    done, wrong, named, statuses, sizes = 0, 0, collections.Counter(), collections.Counter(), collections.Counter()
    bundles = [one for one in files if one[2]] or files
    while done < asked.count and time.monotonic() < until:
        name = rng.choices(list(whom), [8, 2, 2, 1, 1, 1, 2, 4, 1, 1])[0]
        options, reader = whom[name]
        batch = []
        for at in range(min(BATCH, asked.count - done)):
            kind, data, bundle = rng.choice(bundles if rng.random() < 0.65 else files)
            way, made = ("genuine", data) if at == 0 else mutations.mutant(rng, data, bundle)
            path = work / f"{at}"
            path.write_bytes(made)
            batch.append((path, kind, way, made))
        for (path, kind, way, made), program in zip(batch, by_program(asked.binary, [one[0] for one in batch], options)):
            python = by_python(made, reader)
            statuses[python[0]] += 1
            sizes[way] += 1
            if program[0] != python[0]:
                wrong += 1
                kept = keep / f"{done + wrong}-{kind}-{way}-{name}"
                kept.write_bytes(made)
                print(f"{kept}: program {program}, Python {python}", flush=True)
            elif program[1] != python[1]:
                names = kind.split("-")[0], program[1], python[1]
                named[names] += 1
                if named[names] == 1:
                    (keep / f"name-{'-'.join(names)}-{done}-{name}").write_bytes(made)
        done += len(batch)
    for (kind, program, python), count in named.most_common():
        print(f"{count:>6} of {kind}: the program says {program or 'holds'}, Python {python or 'holds'}")
    print("verdicts:", dict(sorted(statuses.items())), "ways:", dict(sizes))
    print(f"{done} mutants, seed {seed}: {sum(named.values())} with other names of the check, {wrong} wrongly judged")
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(main())
