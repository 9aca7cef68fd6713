#!/usr/bin/env python3
"""Writes the test vectors of this directory, or with --check compares them with what is there.

The expected values come from docs and standards, never from the Rust code: only the Python standard library,
`cryptography` (Ed25519) and `rfc8785` (canonical JSON) are used. See README.md.
"""

import pathlib
import sys

from generator import (
    bundle, canonical, common, envelope, files, governance, imports, merkle, notes, outcomes, p104, policies, run_bundle, runs,
    trust,
    bundle, canonical, common, envelope, governance, imports, merkle, notes, outcomes, p104, run_bundle, runs, spelling, trust,
)  # fmt: skip

FILES = {
    "canonical": canonical.build,
    "runs": runs.build,
    "imports": imports.build,
    "p104": p104.build,
    "merkle": merkle.build,
    "notes": notes.build,
    "envelope": envelope.build,
    "outcomes": outcomes.build,
    "bundle": bundle.build,
    "run_bundle": run_bundle.build,
    "governance": governance.build,
    "trust": trust.build,
    "policies": policies.build,
    "files": files.build,
    "spelling": spelling.build,
}


def main() -> int:
    arguments = sys.argv[1:]
    check = "--check" in arguments
    names = [a for a in arguments if not a.startswith("-")] or list(FILES)
    here = pathlib.Path(__file__).resolve().parent
    stale = []
    for name in names:
        text = common.document(name, FILES[name]())
        path = here / f"{name}.json"
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    for name in stale:
        print(f"{name} is not what the generator writes", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
