"""Genuine files of every kind, made by the generator of the vectors, whose keys are known."""
import copy
import json
import random

import forge
import told
import wander
from generator import bundle_history, cluster, governance, governance_nodes, merkle, run_bundle
from generator.common import jcs, prefixed, sha256, tagged
from generator.notes import b64, checkpoint
from generator.p104 import attest


def joined(lines):
    return "".join(line + "\n" for line in lines).encode()


def later(entry, seconds):
    """An entry as many minutes later."""
    entry["time"] = entry["time"].replace("T00:00:", f"T00:{seconds:02}:")


def declared(bundle):
    """The run's own entries a minute later, without what a key reported that the history of keys of the vectors registers."""
    own = [item for item in bundle.items if item.get("ledger") != "reasoning"]
    # What stood before entries of the history of keys goes, and the report under the key that was registered there.
    kept, at = [], 0
    while at < len(own):
        group = [own[at]]
        at += 1
        while at < len(own) and "entry" in own[at]:
            group.append(own[at])
            at += 1
        if len(group) > 1 and group[0]["seed"] != run_bundle.NEW:
            kept += group
    kept = [item for item in kept if item.get("payload", {}).get("command", {}).get("kind") != "report_outcome"]
    kept = [item for item in kept if item.get("entry", {}).get("record", {}).get("record_type") != "run_outcome"]
    for item in kept:
        if "entry" in item:
            later(item["entry"], 1)
    return kept


def of_four():
    """Ballots of four founders whose threshold is a share that is not reduced; they write it otherwise."""
    made, names = governance.History(), sorted(governance.SEEDS)
    before = governance.constitution(organisations=names, rules=governance.rules(cosigning="2/4"))
    proposal = {"action": "change_rules", "rules": governance.rules(cosigning="1/2")}
    made.state = governance.digest(before)
    made.propose("aurora", "shares", proposal)
    for name in ("delta", "borealis"):
        made.vote(name, "shares")
    made.decided("shares", proposal, ["aurora", "borealis", "delta"], 3, made.state)
    made.changed("shares", before, {**before, "revision": "1", "rules": proposal["rules"]}, [])
    root, operator = map(governance.key, governance.SEEDS["delta"])
    bundle = with_ballots(made)
    bundle.header["genesis"]["organisations"].append({"name": "delta", "root_key": root, "operator_key": operator})
    bundle.header["genesis"]["publication"] = {"threshold": 3}
    return bundle


def with_ballots(made):
    """A run whose history of keys has these ballots."""
    bundle = forge.Bundle(run_bundle.History().write().lines())
    items, before = [], None
    for entry, submission in zip(made.entries, made.submissions):
        if submission != before:
            payload = json.loads(bytes.fromhex(submission)[64:])
            items.append({"payload": payload, "seed": forge.SECRETS[payload["author"]["key"]]})
            before = submission
        items.append({"ledger": "reasoning", "entry": copy.deepcopy(entry)})
    bundle.items = items + declared(bundle)
    bundle.header["genesis"].pop("publication")
    bundle.renumbered()
    return bundle


def with_nodes():
    """A run whose history of keys enrols a node and a chip, refuses a birth, puts a node out of service, changes the rules and lets
    a ballot expire."""
    leaves, submissions = governance_nodes.linked(governance_nodes.history())
    bundle, items, before = forge.Bundle(run_bundle.History().write().lines()), [], None

    def ours(text):
        """With the keys of the cluster of the bundles."""
        for number, seeds in enumerate(zip(cluster.NODES, cluster.COSIGNERS), 1):
            for old, new in zip(governance_nodes.NODES[number], seeds):
                text = text.replace(governance.key(old), governance.key(new))
        return json.loads(text)

    for leaf, submission in zip(leaves, submissions):
        if submission != before:
            payload = ours(bytes.fromhex(submission)[64:].decode())
            items.append({"payload": payload, "seed": forge.SECRETS[payload["author"]["key"]]})
            before = submission
        items.append({"ledger": "reasoning", "entry": ours(leaf)})
    bundle.header["genesis"].pop("publication")
    bundle.items = items + declared(bundle)
    bundle.renumbered()
    return bundle


def suppressed(tell):
    """A substrate whose history ends in another way."""
    def end(history):
        tell(history)
        return True
    return bundle_history.History({"at the end": end}).write()


def aborted(history):
    """A migration is given up by its origin, and another one begins."""
    nonce = history.seal("seal", "m-1")
    history.begin("abort")
    claims = {"purpose": "activation", "cluster": cluster.NAME, "substrate_id": bundle_history.SUBSTRATE, "migration_id": "m-1",
              "nonce": nonce, "epoch": "2", "continuity_hash": history.continuity, "head": history.head}
    attestation = attest(claims, bundle_history.CHIP)
    history.attested = prefixed(tagged("selfsame/attestation/v1", attestation))
    history.append("reasoning", "abort", {
        "record_type": "migration_abort", "migration_id": "m-1", "chip": bundle_history.chip_id(bundle_history.CHIP), "epoch": "2",
        "attestation": attestation, "attestation_hash": history.attested})
    history.events = history.events + ["MIGRATION"]
    history.verification()
    history.close()
    history.seal("second seal", "m-2", "2")


def pair(history):
    trees = history.trees()
    notes, ledger = {}, "reasoning"
    hashes = [merkle.leaf_hash(leaf) for leaf in history.leaves[ledger]]
    old = len(hashes) - 5
    for name, size in (("old", old), ("new", len(hashes))):
        notes[name] = cluster.published(checkpoint(f"{cluster.ORIGIN}/{ledger}", size, merkle.root(hashes[:size])), ledger)
    assert trees[ledger][0] == len(hashes)
    proof = [prefixed(h) for h in merkle.consistency(old, hashes)]
    return jcs({**notes, "pair": "selfsame/checkpoint-pair/v1", "proof": proof}) + b"\n"


def receipt(history, ledger, at, extra=True):
    hashes = [merkle.leaf_hash(leaf) for leaf in history.leaves[ledger]]
    index, leaf = history.own[ledger][at]
    note = cluster.published(checkpoint(f"{cluster.ORIGIN}/{ledger}", len(hashes), merkle.root(hashes)), ledger)
    lines = ["c2sp.org/tlog-proof@v1", *([f"extra {b64(leaf)}"] if extra else []), f"index {index}"]
    return ("\n".join([*lines, *map(b64, merkle.path(index, hashes)), "", ""]) + note).encode()


def holder(history, chip=bundle_history.DESTINATION, state="active"):
    trees = history.trees()
    lines = [f"{cluster.ORIGIN}/holder", f"substrate {bundle_history.SUBSTRATE}", f"state {state}",
             f"chip {bundle_history.chip_id(chip)}", "epoch 2"]
    lines += [f"{ledger} {size} {b64(root)}" for ledger, (size, root) in trees.items()]
    text = "\n".join([*lines, ""])
    return (text + "\n" + cluster.cosigner_lines(text)).encode()


def evidence(history):
    """Two notes that exclude each other: of one size, of a smaller tree that the larger one does not extend, and two holders."""
    out, hashes = {}, [merkle.leaf_hash(leaf) for leaf in history.leaves["reasoning"]]
    origin = f"{cluster.ORIGIN}/reasoning"

    def note(size, root):
        text = checkpoint(origin, size, root)
        return text + "\n" + cluster.cosigner_lines(text, (1, 2))

    def file(kind, a, b, proof=()):
        return jcs({"equivocation": "selfsame/equivocation/v1", "kind": kind, "note_a": a, "note_b": b, "origin": origin,
                    "proof": [prefixed(h) for h in proof]}) + b"\n"

    notes = sorted([note(9, sha256(b"a")), note(9, sha256(b"b"))])
    out["same"] = file("same_size", *notes)
    larger = note(len(hashes), merkle.root(hashes))
    proof = merkle.consistency(5, hashes)
    out["inconsistent"] = file("inconsistent", note(5, sha256(b"c")), larger, proof)
    statuses = sorted(holder(history, chip).decode() for chip in (bundle_history.CHIP, bundle_history.DESTINATION))
    out["statuses"] = jcs({
        "equivocation": "selfsame/equivocation/v1", "kind": "double_epoch", "note_a": statuses[0], "note_b": statuses[1],
        "origin": f"{cluster.ORIGIN}/holder", "proof": []}) + b"\n"
    return out


def files(seed=0):
    """Name, bytes, and the forge's bundle where there is one; ballots by chance follow from the seed."""
    whole = bundle_history.History().write()
    run = run_bundle.History().write()
    out = [("substrate", None, forge.Bundle(whole.lines())), ("run", None, forge.Bundle(run.lines())),
           ("ballots", None, with_ballots(governance.history()[0])),
           ("four", None, of_four()), ("nodes", None, with_nodes())]
    for name, tell in (("suppressed", lambda h: h.suppress()), ("ended", lambda h: h.drift()), ("sealed", lambda h: h.seal("seal", "m-1")),
                       ("aborted", aborted)):
        out.append((name, None, forge.Bundle(suppressed(tell).lines())))
    out += [(name, None, forge.Bundle(tell().lines())) for name, tell in told.HISTORIES.items()]
    out += [(f"wander{n}", None, forge.Bundle(wander.Wander(random.Random(6 * seed + n), 8 + 4 * n).lines())) for n in range(6)]
    named = lambda name, data: (name, data, None)  # noqa: E731
    proof = whole.proof()
    out.append(named("proof", json.dumps(proof, indent=2).encode()))
    out.append(named("statement", jcs(proof["statement"])))
    out += [named("checkpoint", proof["checkpoints"]["evidence"].encode()), named("pair", pair(whole)), named("holder", holder(whole))]
    out += [named("receipt", receipt(whole, "reasoning", 3)), named("receipt-evidence", receipt(whole, "evidence", 0)),
            named("receipt-bare", receipt(whole, "reasoning", 5, False))]
    out += [named("evidence-" + name, data) for name, data in evidence(whole).items()]
    return [(name, data or joined(bundle.lines()), bundle) for name, data, bundle in out]

