"""Bundles taken apart and put together again by somebody who has every key of the vectors' cluster.

A value inside a leaf or a submission is changed, and then, as far as the forger wants, what depends on it is made right again:
the hashes inside the records, the chains, the trees with their proofs, and the signatures under submissions and notes."""
import base64
import copy
import json

from checks.ballots import founding
from generator import cluster, merkle, runs
from generator.bundle_history import CONSTITUTION, GOALVECTOR, close_hash, cycle_hash, plain
from generator.common import framed, jcs, prefixed, sha256, tagged
from generator.envelope import json_form, pae
from generator.governance import SEEDS, ballot_digest, digest, key
from generator.notes import TIME, checkpoint, cosigned, signed
from generator.p104 import attest, secret

SECRETS = {key(seed): seed for seed in (
    *(one for pair in SEEDS.values() for one in pair), *cluster.NODES, *cluster.COSIGNERS, cluster.LOG, cluster.STRANGER,
    0xC1, 0xC2, 0xC3, 0xD0, 0xD1, 0xD3, 0xD4, 0xE0, 0xE1, 0xE2, 0xE3,
    *range(0x30, 0x60))}
CLAIMS = "founding_tension_hash initialisation_timestamp schema_version_at_init substrate_id".split()


def number(text, otherwise=0):
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20 else otherwise


def is_close(item):
    return item["entry"]["record"].get("record_type") == "session_close"


class Bundle:
    """A bundle as a header, and items: submissions with their payload, entries with their ledger."""

    def __init__(self, lines):
        self.header, self.items, causes = json.loads(lines[0]), [], {}
        for line in map(json.loads, lines[1:]):
            if "submission" in line:
                payload = json.loads(base64.b64decode(line["submission"]["payload"]))
                self.items.append({"payload": payload, "seed": SECRETS[payload["author"]["key"]]})
                causes[prefixed(sha256(jcs(payload)))] = payload
            else:
                item = {"ledger": line["ledger"], "entry": json.loads(line["leaf"])}
                # What a submission of the history of keys wrote in the chains of the substrate follows it.
                if item["entry"]["submission"] in causes:
                    item["cause"] = causes[item["entry"]["submission"]]
                self.items.append(item)
        self.sizes = {ledger: int(self.header["checkpoints"][ledger].split("\n")[1]) for ledger in cluster.LEDGERS}
        self.nodes, self.kept = (1, 2, 3), set()

    def copy(self):
        return copy.deepcopy(self)

    def values(self):
        """Every item's JSON value that may be changed."""
        return [item.get("payload") or item["entry"] for item in self.items]

    def keeps(self, value, *names):
        """Whether the forger leaves these members as they are, because they are what was changed."""
        return any((id(value), name) in self.kept for name in names)

    def set(self, value, name, to):
        if isinstance(value, dict) and not self.keeps(value, name):
            value[name] = to

    # What depends on what.

    def renumbered(self):
        """Indexes, depths and times that fit, after entries were dropped, doubled or moved."""
        depths, last, used = {}, {}, set()
        for item in self.items:
            if "entry" not in item:
                continue
            entry, ledger = item["entry"], item["ledger"]
            place = (ledger, entry.get("subject"))
            entry["depth"], depths[place] = str(depths.get(place, 0)), depths.get(place, 0) + 1
            # The history of keys and the substrate's own entries stand behind each other, and between each other in the ledger.
            part = (ledger, entry.get("subject") == self.header["subject"])
            index = max(last.get(part, -1) + 1, number(entry.get("index")))
            while (ledger, index) in used:
                index += 1
            used.add((ledger, index))
            last[part], entry["index"] = index, str(index)

    def refreshed(self):
        try:
            (self.refresh_run if self.header["subject"].startswith("run:") else self.refresh_substrate)()
            self.refresh_governance()
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, StopIteration):
            pass  # what was changed left nothing to make right

    def refresh_governance(self):
        state, proposals, command = digest(founding(self.header["genesis"])), {}, {}
        for item in self.items:
            command = item.get("payload", {}).get("command") or command
            record = item.get("entry", {}).get("record", {})
            action = record.get("action", {})
            if record.get("record_type") == "constitution_changed":
                for side in ("before", "after"):
                    self.set(record, side + "_hash", digest(record[side]))
                state = record["after_hash"]
            elif action.get("action") == "propose":
                proposals[action["proposal_id"]] = action["proposal"]
            elif action.get("action") == "vote" and not (self.keeps(action, "ballot") or self.keeps(command, "ballot")):
                for said in (action, command):
                    self.set(said, "ballot", ballot_digest(action["proposal_id"], proposals.get(action["proposal_id"]), state))

    def refresh_run(self):
        entries = [item["entry"] for item in self.items if item.get("ledger") == "evidence"]
        declaration = next(e["record"] for e in entries if e["record"].get("record_type") == "run_declaration")
        elements, outer = runs.identity(declaration["declaration"])
        run = prefixed(sha256(outer))
        self.set(declaration, "elements", elements)
        self.header["subject"] = f"run:{run}"
        for item in self.items:
            if item.get("ledger") == "evidence":
                record = item["entry"]["record"]
                self.set(item["entry"], "subject", f"run:{run}")
                self.set(record.get("second", record), "run_id", run)
            command = item.get("payload", {}).get("command", {})
            if command.get("kind") == "declare_run":
                self.set(command, "declaration", declaration["declaration"])
            elif command.get("kind") == "report_outcome":
                self.set(command, "run_id", run)

    def mirror(self, rng):
        """A record and the command that asked for it say the same again."""
        payload = None
        for item in self.items:
            if "payload" in item:
                payload = item["payload"]
                continue
            record, command = item["entry"].get("record"), payload and payload.get("command")
            if not isinstance(record, dict) or not isinstance(command, dict):
                continue
            said = record.get("action") if record.get("record_type") == "governance" else record
            if not isinstance(said, dict):
                continue
            names = [name for name in set(said) & set(command) if name not in ("kind", "chip", "action")]
            if record.get("record_type") == "run_outcome":
                names = [name for name in set(said) | set(command) if name not in ("kind", "record_type", "organisation")]
            for name in sorted(names):
                there, other = (said, command) if self.keeps(said, name) or not self.keeps(command, name) else (command, said)
                if name in there:
                    other[name] = copy.deepcopy(there[name])
                else:
                    other.pop(name, None)

    def refresh_substrate(self):
        own = [item for item in self.items if "entry" in item and item["entry"]["subject"] == self.header["subject"]]
        order, evidence = [], [item for item in own if item["ledger"] == "evidence"]
        for item in own:
            # A close stands in Evidence before it stands in Reasoning; other Evidence may come at any time before.
            while is_close(item) and item["ledger"] == "reasoning" and evidence and not (order and is_close(order[-1])):
                order.append(evidence.pop(0))
            if item["ledger"] == "reasoning":
                order.append(item)
        substrate, last, depth, state = self.header["subject"][10:], {}, {"evidence": 0, "reasoning": 0}, {}
        for item in order + evidence:
            entry, ledger = item["entry"], item["ledger"]
            if "cause" in item:
                self.set(entry, "submission", prefixed(sha256(jcs(item["cause"]))))
            self.set(entry, "prior_entry_hash", last.get(ledger))
            record = entry["record"]
            hook = getattr(self, "fresh_" + str(record.get("record_type")), None)
            if hook and not (ledger == "evidence" and record["record_type"] != "session_close"):
                hook(record, state, depth, last, substrate, ledger)
            last[ledger] = prefixed(merkle.leaf_hash(jcs(entry)))
            depth[ledger] += 1

    def fresh_substrate_identity(self, r, state, depth, last, substrate, ledger):
        tension = prefixed(sha256(jcs(r["founding"])))
        self.set(r, "founding_tension_hash", tension)
        self.set(r["constitution"], "founding_tension_hash", tension)
        if "attestation" in r:
            claims = {"purpose": "birth", **{name: r[name] for name in CLAIMS}}
            self.set(r, "attestation", attest(claims, SECRETS[r["chip"]]))
            self.set(r, "governance_chip_attestation_hash", prefixed(tagged("selfsame/attestation/v1", r["attestation"])))
        self.set(r, "substrate_identity_hash", prefixed(framed(
            r["substrate_id"], plain(r["founding_tension_hash"]), r["initialisation_timestamp"],
            plain(r["governance_chip_attestation_hash"]), r["schema_version_at_init"])))
        state.update(head=r["substrate_identity_hash"], fth=r["founding_tension_hash"], constitution=r["constitution"],
                     attested=r["governance_chip_attestation_hash"], cycles=0, continuity=None, amendments=[], closed=None)

    def fresh_identity_verification(self, r, state, depth, last, substrate, ledger):
        for name in ("retrieved", "recomputed", "presented"):
            if name != "recomputed" or r["detail"] != "NO_MAJORITY":
                self.set(r, name, state["continuity"])
        self.set(r, "continuing_from", state["closed"])
        self.set(r, "lineage_depth", str(state["cycles"]))
        self.set(r, "thresholds", state["constitution"]["thresholds"])
        for verdict in r["verdicts"]:
            finding = verdict["finding"]
            if state["continuity"]:
                for name in ("expected", "found", "recomputed"):
                    self.set(finding, name, state["continuity"])
        if "notice" in r:
            self.set(r, "notice", f"Substrate identity verified \u2014 continuing from {state['closed']}/{state['cycles']}.")

    def fresh_amendment(self, r, state, depth, last, substrate, ledger):
        amendment = r["amendment"]
        self.set(r, "amendment_hash", prefixed(tagged("selfsame/amendment/v1", amendment)))
        self.set(r, "prior_amendment", state["constitution"]["amendment_head"])
        constitution = copy.deepcopy(state["constitution"])
        constitution["amendment_head"] = r["amendment_hash"]
        constitution["amendments"] = str(int(constitution["amendments"]) + 1)
        constitution["parameters"].update(amendment.get("set", {}))
        for name in amendment.get("remove", []):
            constitution["parameters"].pop(name, None)
        state["constitution"], state["amendments"] = constitution, [*state["amendments"], r["amendment_hash"]]

    def fresh_identity_propagation(self, r, state, depth, last, substrate, ledger):
        migration = r["cycle_kind"] == "migration"
        self.set(r, "founding_tension_hash", state["fth"])
        self.set(r, "prior_identity_hash", state["head"])
        self.set(r, "reasoning_ledger_depth", str(depth["reasoning"]))
        if migration:
            self.set(r, "goalvector", state["arrival"])
            self.set(r, "origin_attestation_hash", state["attested"])
            self.set(r, "destination_attestation_hash", state["arrival"]["destination_attestation_hash"])
            state["attested"] = state["arrival"]["destination_attestation_hash"]
            state["constitution"] = {**state["constitution"], "chip": state["arrival"]["destination"]}
        tag = "selfsame/migration-identity-attestation/v1" if migration else GOALVECTOR
        self.set(r, "goalvector_resolution_hash", prefixed(tagged(tag, r["goalvector"])))
        if not any(self.keeps(one, *one) for one in (r["constitution"], r["constitution"].get("thresholds", {}),
                                                     r["constitution"].get("parameters", {})) if isinstance(one, dict)):
            self.set(r, "constitution", copy.deepcopy(state["constitution"]))
        self.set(r, "constitutional_state_hash", prefixed(tagged(CONSTITUTION, r["constitution"])))
        if state["amendments"]:
            self.set(r, "amendments", state["amendments"])
        self.set(r, "cycle_identity_hash", cycle_hash(r))
        state.update(head=r["cycle_identity_hash"], constitution=r["constitution"], cycles=state["cycles"] + 1, amendments=[])

    def fresh_session_close(self, r, state, depth, last, substrate, ledger):
        if ledger == "evidence":
            self.set(r, "latest_cycle_identity_hash", state["head"])
            self.set(r, "evidence_head", last.get("evidence"))
            self.set(r, "reasoning_head", last.get("reasoning"))
            self.set(r, "cross_session_identity_continuity_hash", close_hash(r))
            state["copy"] = copy.deepcopy(r)
            return
        if not any(self.keeps(one, *one) for one in (r, r["evidence_ledger"]) if isinstance(one, dict)):
            r.clear()
            r.update(state["copy"])
        state.update(continuity=r["cross_session_identity_continuity_hash"], closed=r["session_close_timestamp"])

    def fresh_migration_seal(self, r, state, depth, last, substrate, ledger):
        self.set(r, "head", state["head"])
        self.set(r, "continuity_hash", state["continuity"])
        self.set(r, "nonce", prefixed(framed("selfsame/migration-nonce/v1", self.header["genesis"]["cluster"], substrate,
                                             r["migration_id"], r["seal_index"], plain(r["head"]))))
        state["seal"] = r

    def fresh_migration_identity_attestation(self, r, state, depth, last, substrate, ledger):
        seal = state["seal"]
        self.set(r, "continuity_hash", seal["continuity_hash"])
        self.set(r, "nonce", seal["nonce"])
        self.set(r, "origin_attestation_hash", state["attested"])
        claims = {"purpose": "activation", "cluster": self.header["genesis"]["cluster"], "substrate_id": substrate,
                  "migration_id": r["migration_id"], "nonce": seal["nonce"], "epoch": r["epoch"],
                  "continuity_hash": seal["continuity_hash"], "head": seal["head"]}
        if not self.keeps(r["attestation"], *r["attestation"]):
            self.set(r, "attestation", attest(claims, SECRETS[r["attestation"]["chip"]]))
        self.set(r, "destination_attestation_hash", prefixed(tagged("selfsame/attestation/v1", r["attestation"])))
        state["arrival"] = copy.deepcopy(r)

    def fresh_migration_abort(self, r, state, depth, last, substrate, ledger):
        seal = state["seal"]
        claims = {"purpose": "activation", "cluster": self.header["genesis"]["cluster"], "substrate_id": substrate,
                  "migration_id": r["migration_id"], "nonce": seal["nonce"], "epoch": r["epoch"],
                  "continuity_hash": seal["continuity_hash"], "head": seal["head"]}
        if not self.keeps(r["attestation"], *r["attestation"]):
            self.set(r, "attestation", attest(claims, SECRETS[r["attestation"]["chip"]]))
        self.set(r, "attestation_hash", prefixed(tagged("selfsame/attestation/v1", r["attestation"])))
        state["attested"] = r["attestation_hash"]

    def fresh_holder_recovery(self, r, state, depth, last, substrate, ledger):
        state["constitution"] = {**state["constitution"], "recovery_count": r["recovery_count"]}

    # The file.

    def lines(self, level=3):
        """The lines of the bundle. Level 1 makes trees and notes right, 2 chains and digests of submissions as well."""
        digest, last, out = None, {}, []
        leaves = {ledger: [b'{"of":"others"}'] * size for ledger, size in self.sizes.items()}
        for item in self.items:
            if "payload" in item:
                data = jcs(item["payload"])
                digest, seed = prefixed(sha256(data)), item["seed"]
                out.append({"submission": json_form(data, secret(seed).sign(pae(data)), seed)})
                continue
            entry, ledger = item["entry"], item["ledger"]
            if level > 1 and isinstance(entry, dict):
                place = (ledger, str(entry.get("subject")))
                self.set(entry, "prior_entry_hash", last.get(place))
                own = entry.get("subject") == self.header["subject"] and self.header["subject"].startswith("substrate")
                if digest and not own:
                    self.set(entry, "submission", digest)
                if own and "cause" in item:
                    self.set(entry, "submission", prefixed(sha256(jcs(item["cause"]))))
            leaf = jcs(entry)
            last[(ledger, str(entry.get("subject")) if isinstance(entry, dict) else "")] = prefixed(merkle.leaf_hash(leaf))
            index = number(entry.get("index") if isinstance(entry, dict) else None, len(leaves[ledger]))
            index = index if index < 200 else 0
            while len(leaves[ledger]) <= index:
                leaves[ledger].append(b'{"of":"others"}')
            leaves[ledger][index] = leaf
            out.append({"leaf": leaf.decode(), "ledger": ledger, "proof": index})
        hashes = {ledger: [merkle.leaf_hash(leaf) for leaf in own] for ledger, own in leaves.items()}
        for line in out:
            if "leaf" in line:
                line["proof"] = [prefixed(h) for h in merkle.path(line["proof"], hashes[line["ledger"]])]
        trees = {ledger: (len(own), merkle.root(own)) for ledger, own in hashes.items()}
        return [jcs(line).decode() for line in [self.head(trees), *out]]

    def head(self, trees):
        header = copy.deepcopy(self.header)
        own = [item for item in self.items if "entry" in item and item["entry"].get("subject") == header["subject"]]
        entries = {ledger: sum(item["ledger"] == ledger for item in own) for ledger in cluster.LEDGERS}
        keys = sum("entry" in item for item in self.items) - len(own)
        genesis = header["genesis"]
        for ledger in cluster.LEDGERS:
            text = checkpoint(f"{genesis.get('origin')}/{ledger}", *trees[ledger])
            header["checkpoints"][ledger] = text + "\n" + self.sign(text, ledger)
        text = cluster.head_text(header["subject"], trees, entries, keys, origin=genesis.get("origin"),
                                 digest=cluster.genesis_digest(genesis))
        header["head"] = text + "\n" + self.sign(text, None)
        return header

    def sign(self, text, ledger):
        origin, lines = self.header["genesis"].get("origin"), ""
        publication = self.header["genesis"].get("publication", {})
        if ledger and (not isinstance(publication, dict) or "publisher" in publication):
            lines = signed(text, f"{origin}/{ledger}", cluster.LOG)
        lines += "".join(cosigned(text, f"{origin}/cosigner/{n}", cluster.COSIGNERS[n - 1], TIME) for n in self.nodes)
        return lines + signed(text, f"{origin}/node/1", cluster.NODES[0])
