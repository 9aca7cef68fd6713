#!/usr/bin/env python3
"""verify.py FILE [--policy P] [--genesis DIGEST|FILE.json] [--trust VKEY]... [--consistency-only] [--require-log]

Verifies what selfsame hands out, without any of selfsame's code, by docs/protocol.md: bundles of substrates and runs, identity
proofs, receipts, checkpoints and pairs of them, holder statuses, and evidence of equivocation.

The first line is the verdict, the second the check that failed. Exit status: 0 holds, 10 altered, 13 cannot be decided, 2 usage.
POLICY is a c2sp.org/tlog-policy of logs and cosigners, --genesis the digest of a genesis or a file with it (or with a member
`genesis`), VKEY a verifier key. Needs `cryptography`."""
import argparse
import os
import re
import sys

try:
    import cryptography  # noqa: F401
except ImportError:
    print("CANNOT BE DECIDED: Python's package cryptography is not there: pip install cryptography", file=sys.stderr)
    sys.exit(13)

from checks import kinds
from checks.base import BadJson, Refused, read, tagged
from checks.notes import Policy, Reader, Vkey
from checks.submission import genesis_form


def judge(data, reader):
    """The exit status, the first line and the second line for the bytes of a file."""
    try:
        kind, found = kinds.verify(data, reader)
    except Refused as refused:
        return (10, "ALTERED", refused.check, str(refused)) if refused.altered else (
            13, "CANNOT BE DECIDED", refused.check, str(refused))
    if kind != "bundle":
        return 0, "holds", "", ""
    says = f"{found['entries']} entries, {found['governance']} of governance"
    return 0, f"holds, later entries unknown ({found['later']})" if found["later"] else "holds", "", says


def genesis(text):
    """Digest and document of a genesis, given as either."""
    if re.fullmatch("sha256:[0-9a-f]{64}", text):
        return text, None
    with open(text, "rb") as file:
        value = read(file.read())
    value = value.get("genesis", value)
    genesis_form(value)
    return tagged("genesis", value), value


def reader_of(arguments):
    policy = None
    if arguments.policy:
        with open(arguments.policy, "rb") as file:
            policy = Policy(file.read())
    digest, document = genesis(arguments.genesis) if arguments.genesis else (None, None)
    return Reader(policy, digest, document, [Vkey(key) for key in arguments.trust], arguments.consistency_only,
                  arguments.require_log)


def options():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("file")
    for name in ("--policy", "--genesis"):
        parser.add_argument(name)
    parser.add_argument("--trust", action="append", default=[])
    for name in ("--consistency-only", "--require-log"):
        parser.add_argument(name, action="store_true")
    return parser


def say(text, stream):
    """One line, with everything escaped that acts on a terminal; whether it could be written, or nobody reads it."""
    try:
        print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), file=stream, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is left is not tried again at the end
        return isinstance(error, BrokenPipeError)
    return True


def main():
    arguments = options().parse_args()
    try:
        reader = reader_of(arguments)
        with open(arguments.file, "rb") as file:
            data = file.read()
    except (OSError, ValueError, AttributeError, BadJson, Refused) as error:
        say(f"verify.py cannot read what it was given: {error}", sys.stderr)
        return 2
    try:
        status, verdict, _, detail = judge(data, reader)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a failure of this program is no verdict
        status, verdict, detail = 13, "CANNOT BE DECIDED", f"FAILED: {error!r}"
    if say(verdict, sys.stdout) and (not detail or say(detail, sys.stdout)):
        return status
    # A verdict survives output that takes nothing; that everything holds is not said by silence.
    say(f"{verdict}, and standard output took nothing", sys.stderr)
    return status or 1


if __name__ == "__main__":
    sys.exit(main())
