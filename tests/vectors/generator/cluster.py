"""The cluster of bundle.json and run_bundle.json: its genesis, its keys, and the notes that its nodes sign.

Every key is made of a seed of 32 equal bytes, so that whoever reads this can sign as anybody in it."""

from .common import jcs, prefixed, sha256, tagged
from .governance import SEEDS, key
from .notes import TIME, b64, checkpoint, cosigned, signed, vkey
from .p104 import public

NAME, ORIGIN = "demo", "demo.example"
NAMES = ["aurora", "borealis", "cygnus"]
NODES, COSIGNERS, LOG = (0x11, 0x12, 0x13), (0x21, 0x22, 0x23), 0xD2
STRANGER = 0xEE
LEDGERS = ("evidence", "reasoning")
KIND = "selfsame/bundle/v2"


def genesis() -> dict:
    return {
        "cluster": NAME,
        "origin": ORIGIN,
        "limits": {"max_submission_bytes": 4194304, "max_items": 1000, "max_item_bytes": 60000},
        "organisations": [
            {"name": name, "root_key": key(SEEDS[name][0]), "operator_key": key(SEEDS[name][1])} for name in NAMES
        ],
        "nodes": [
            {"id": n + 1, "organisation": name, "key": key(NODES[n]), "cosigner": key(COSIGNERS[n])}
            for n, name in enumerate(NAMES)
        ],
        "publication": {"publisher": {"organisation": "aurora", "log_key": key(LOG)}},
    }


def genesis_digest(document: dict | None = None) -> str:
    return prefixed(tagged("selfsame/genesis/v1", document or genesis()))


def policy() -> str:
    """Whom a reader of these files may trust: all organisations have to have cosigned."""
    lines = [f"log {vkey(f'{ORIGIN}/{ledger}', 1, public(LOG))}" for ledger in LEDGERS]
    lines += [f"witness node-{n + 1} {vkey(f'{ORIGIN}/cosigner/{n + 1}', 4, public(seed))}" for n, seed in enumerate(COSIGNERS)]
    return "\n".join([*lines, "group all all node-1 node-2 node-3", "quorum all", ""])


def node_line(text: str, node: int = 1, seed: int | None = None) -> str:
    return signed(text, f"{ORIGIN}/node/{node}", seed or NODES[node - 1])


def cosigner_lines(text: str, nodes=(1, 2, 3)) -> str:
    return "".join(cosigned(text, f"{ORIGIN}/cosigner/{n}", COSIGNERS[n - 1], TIME) for n in nodes)


def published(text: str, ledger: str, nodes=(1, 2, 3), log: bool = True) -> str:
    """A note over a checkpoint: the log, the cosigners, and the node that answers."""
    lines = signed(text, f"{ORIGIN}/{ledger}", LOG) if log else ""
    return text + "\n" + lines + cosigner_lines(text, nodes) + node_line(text)


def head_text(subject: str, trees: dict, entries: dict, governance: int, statement: tuple | None = None,
              origin: str = ORIGIN, digest: str | None = None) -> str:  # fmt: skip
    lines = [f"{origin}/subject", f"genesis {digest or genesis_digest()}", f"subject {subject}"]
    for ledger in LEDGERS:
        size, root = trees[ledger]
        lines.append(f"{ledger} {size} {b64(root)} {entries[ledger]}")
    lines.append(f"governance {governance}")
    if statement:
        lines.append(f"statement {statement[0]} {statement[1]}")
    return "\n".join([*lines, ""])


def headed(text: str, nodes=(1, 2, 3)) -> str:
    return text + "\n" + cosigner_lines(text, nodes) + node_line(text)


def header(subject: str, trees: dict, entries: dict, governance: int, **members) -> dict:
    """The first line of a bundle."""
    notes = {ledger: published(checkpoint(f"{ORIGIN}/{ledger}", *trees[ledger]), ledger) for ledger in LEDGERS}
    head = headed(head_text(subject, trees, entries, governance))
    return {"bundle": KIND, "checkpoints": notes, "genesis": genesis(), "head": head, "subject": subject} | members


def digest_of(payload: bytes) -> str:
    return prefixed(sha256(payload))


def text_of(value) -> str:
    return jcs(value).decode()


def readers() -> dict:
    """What readers bring: each gets the same verdict of a genuine bundle, but for what is known of later entries."""
    return {
        "policy": policy(),
        "genesis": genesis_digest(),
        "keys": [vkey(f"{ORIGIN}/node/1", 1, public(NODES[0]))],
        "other_keys": [vkey(f"{ORIGIN}/node/1", 1, public(STRANGER))],
        "other_genesis": "sha256:" + "0" * 64,
    }


def altered_headers(good: dict, lines: list[str], trees: dict, entries: dict, governance: int) -> list[tuple]:
    """Files that differ in their first line, made with all keys of the cluster: (name, lines, check, tampered, reader)."""
    subject = good["subject"]
    other = "sha256:" + "0" * 64
    smaller = {ledger: (size - 1, root) for ledger, (size, root) in trees.items()}

    def put(**members) -> list[str]:
        return [text_of(good | members), *lines[1:]]

    def head(nodes=(1, 2, 3), more: str = "", **changed) -> list[str]:
        values = {"subject": subject, "trees": trees, "entries": entries, "governance": governance} | changed
        return put(head=headed(head_text(**values), nodes) + more)

    def notes(ledger: str, note: str) -> list[str]:
        return put(checkpoints=good["checkpoints"] | {ledger: note})

    def text(ledger: str) -> str:
        return checkpoint(f"{ORIGIN}/{ledger}", *trees[ledger])

    cut = {ledger: published(text(ledger), ledger, (1, 2)) for ledger in LEDGERS}
    flipped = good["checkpoints"]["evidence"].replace(f"\n{trees['evidence'][0]}\n", "\n99\n")
    strange = node_line(text("evidence"), 9, STRANGER)
    lied = signed(text("evidence").replace("e", "f", 1), f"{ORIGIN}/evidence", LOG)
    founders = genesis()
    founders["limits"] = founders["limits"] | {"max_items": 999}
    odd = lambda change: put(genesis=change(genesis()))  # noqa: E731
    head_lines = good["head"].split("\n")
    return [
        ("an empty file", [], "BUNDLE_LINE", True),
        ("a file of version 1", put(bundle="selfsame/substrate-bundle/v1"), "UNSUPPORTED_VERSION", False),
        ("a file of a later version", put(bundle="selfsame/bundle/v3"), "UNSUPPORTED_VERSION", False),
        ("a later version with other members", [text_of({"bundle": "selfsame/run-bundle/v3"}), *lines[1:]],
         "UNSUPPORTED_VERSION", False),
        ("another type", put(bundle="other/bundle"), "BUNDLE_TYPE", False),
        ("no type in front", [text_of({k: v for k, v in good.items() if k != "bundle"}), *lines[1:]], "BUNDLE_LINE", True),
        ("a header with an unknown member", put(note=1), "BUNDLE_LINE", True),
        ("a header without a head", [text_of({k: v for k, v in good.items() if k != "head"}), *lines[1:]], "BUNDLE_LINE", True),
        ("a header that is not canonical", [lines[0].replace(":", ": ", 1), *lines[1:]], "BUNDLE_LINE", True),
        ("a header over another subject", put(subject="cluster"), "BUNDLE_LINE", True),
        ("a genesis without nodes", odd(lambda g: g | {"nodes": []}), "GENESIS_FORM", True),
        ("a genesis with one key twice", odd(lambda g: g | {"nodes": [
            g["nodes"][0], g["nodes"][1] | {"key": g["nodes"][0]["key"]}, g["nodes"][2]]}), "GENESIS_FORM", True),
        ("a genesis of which one organisation has the majority", odd(lambda g: g | {"nodes": [
            g["nodes"][0], g["nodes"][1] | {"organisation": "aurora"}, g["nodes"][2]]}), "GENESIS_FORM", True),
        ("another genesis than the head says", put(genesis=founders), "HEAD_GENESIS", True),
        ("a checkpoint that is none", notes("evidence", "x"), "CHECKPOINT_FORM", True),
        ("a checkpoint with a control character", notes("evidence", good["checkpoints"]["evidence"].replace("demo", "de\tmo", 1)),
         "CHECKPOINT_FORM", True),
        ("a checkpoint of another size under its signatures", notes("evidence", flipped), "CHECKPOINT_SIGNATURE", True, "policy"),
        ("checkpoints exchanged", put(checkpoints={"evidence": good["checkpoints"]["reasoning"],
                                                   "reasoning": good["checkpoints"]["evidence"]}), "CHECKPOINT_ORIGIN", True),
        ("checkpoints that two of three organisations cosigned", put(checkpoints=cut), "POLICY_QUORUM", False, "policy"),
        ("the same under a genesis", put(checkpoints=cut), "CHECKPOINT_QUORUM", False, "genesis"),
        ("the same with a key of the node", put(checkpoints=cut), "", False, "keys"),
        ("checkpoints without the line of the log", put(checkpoints={
            ledger: published(text(ledger), ledger, log=False) for ledger in LEDGERS}), "", False, "policy"),
        ("a checkpoint without the node of the reader", notes("evidence", text("evidence") + "\n" + cosigner_lines(text("evidence"))),
         "CHECKPOINT_KEY", False, "keys"),
        ("a line of a stranger under a checkpoint", notes("evidence", good["checkpoints"]["evidence"] + strange), "CHECKPOINT_KEY", True),
        ("a line of the log that does not verify", notes("evidence", good["checkpoints"]["evidence"] + lied),
         "CHECKPOINT_SIGNATURE", True),
        ("a head that is none", put(head="x"), "HEAD_FORM", True),
        ("a checkpoint in place of the head", put(head=good["checkpoints"]["evidence"]), "HEAD_FORM", True),
        ("a head with a number of another spelling", put(head=good["head"].replace(f"governance {governance}", f"governance 0{governance}")),
         "HEAD_FORM", True),
        ("a head with more entries than the tree", head(entries=entries | {"evidence": trees["evidence"][0] + 1}), "HEAD_FORM", True),
        ("a head of another origin", head(origin="other.example"), "HEAD_ORIGIN", True),
        ("a head of another genesis", head(digest=other), "HEAD_GENESIS", True),
        ("a head of another subject", head(subject="substrate:00000000-0000-4000-8000-000000000009"), "HEAD_SUBJECT", True),
        ("a head of a smaller Evidence tree", head(trees=trees | {"evidence": smaller["evidence"]}), "HEAD_EVIDENCE", True),
        ("a head of another Reasoning root", head(trees=trees | {"reasoning": (trees["reasoning"][0], b"0" * 32)}), "HEAD_REASONING", True),
        ("a head with a statement", head(statement=("2026-03-08T01:00:00.000Z", other)),
         "HEAD_STATEMENT" if subject.startswith("substrate") else "HEAD_FORM", True),
        ("a head with more of governance", head(governance=governance + 1), "HEAD_GOVERNANCE", True),
        ("a head with fewer Evidence entries", head(entries=entries | {"evidence": entries["evidence"] - 1}), "HEAD_EVIDENCE_ENTRIES", True),
        ("a head with other Reasoning entries", head(entries=entries | {"reasoning": entries["reasoning"] + 1}),
         "HEAD_REASONING_ENTRIES", True),
        ("a line of a stranger under the head", head(more=strange), "HEAD_KEY", True),
        ("a head whose signature is of another text", put(head="\n".join([*head_lines[:5], f"governance {governance + 1}",
            *head_lines[6:]])), "HEAD_GOVERNANCE", True),
        ("a head that two of three organisations signed", head((1, 2)), "", False, "policy later"),
        ("the same head under a genesis", head((1, 2)), "", False, "genesis later"),
    ]  # fmt: skip
