"""Histories of the substrate of bundle.json, written anew by somebody who can sign everything, and the check that finds each."""

import copy

from .bundle_history import (
    CHIP, CLUSTER, CONSTITUTION, DESTINATION, SUBSTRATE, chip_id, close_hash, cycle_hash, plain,
)  # fmt: skip
from .common import framed, prefixed, sha256, tagged
from .p104 import FOUNDING, SCHEMA, THRESHOLDS, attest, public


def sets(**members):
    """A hook that sets members."""
    return lambda record: record | members


def cycle_again(change):
    """A hook that changes a cycle and computes its hashes again."""

    def hook(record: dict) -> dict:
        record = change(copy.deepcopy(record))
        record["constitutional_state_hash"] = prefixed(tagged(CONSTITUTION, record["constitution"]))
        record["cycle_identity_hash"] = cycle_hash(record)
        return record

    return hook


def with_constitution(**members):
    return cycle_again(lambda r: r | {"constitution": r["constitution"] | members})


def close_again(**members):
    def hook(record: dict) -> dict:
        record = record | members
        return record | {"cross_session_identity_continuity_hash": close_hash(record)}

    return hook


def amendment_again(**members):
    def hook(record: dict) -> dict:
        amendment = record["amendment"] | members
        return record | {"amendment": amendment, "amendment_hash": prefixed(tagged("selfsame/amendment/v1", amendment))}

    return hook


def resolves_another(cycle: dict) -> dict:
    goalvector = cycle["goalvector"] | {"epoch": "3"}
    resolution = prefixed(tagged("selfsame/migration-identity-attestation/v1", goalvector))
    return cycle | {"goalvector": goalvector, "goalvector_resolution_hash": resolution}


def attests_another(arrival: dict) -> dict:
    """The arrival with a good signature under other claims."""
    attestation = attest({"purpose": "birth"}, DESTINATION)
    attested = prefixed(tagged("selfsame/attestation/v1", attestation))
    return arrival | {"attestation": attestation, "destination_attestation_hash": attested}


def without(member: str):
    return lambda record: {k: v for k, v in record.items() if k != member}


def rewritten() -> list[tuple[str, dict, str]]:
    """Histories of somebody who can write both ledgers anew, proofs and signatures included: only the identity chain
    shows the change."""
    other = "sha256:" + "0" * 64
    text = lambda record, **members: {**record, **members}  # noqa: E731
    loose = THRESHOLDS | {"drift_tolerance": 256}
    return [
        ("another founding document", {"birth": sets(founding=FOUNDING | {"branch_a": {"claim": "C"}})}, "FOUNDING_TENSION_HASH"),
        ("a constitution with another founding tension",
         {"birth": lambda r: text(r, constitution=r["constitution"] | {"founding_tension_hash": other})},
         "FOUNDING_IN_CONSTITUTION"),
        ("a birth at another time than attested", {"birth": sets(initialisation_timestamp="2026-03-07T00:00:00.000Z")},
         "BIRTH_ATTESTATION"),
        ("a birth without its attestation", {"birth": without("attestation")}, "ATTESTATION_HASH"),
        ("a birth that calls itself incomplete", {"birth": sets(completeness="incomplete")}, "COMPLETENESS"),
        ("another substrate identity hash", {"birth": sets(substrate_identity_hash=other)}, "SUBSTRATE_IDENTITY_HASH"),
        ("the birth of another substrate", {"birth": sets(substrate_id="00000000-0000-4000-8000-000000000001")}, "SUBSTRATE_ID"),
        ("a birth by another chip than attests it", {"birth": sets(chip="ed25519:" + public(DESTINATION).hex())}, "BIRTH_CHIP"),
        ("no birth", {"birth": lambda r: None, "verification 1": sets()}, "BIRTH_FIRST"),
        ("evidence that is no evidence record", {"evidence": sets(record_type="reasoning")}, "RECORD_KIND"),
        ("an amendment whose content was changed",
         {"amendment": lambda r: text(r, amendment=r["amendment"] | {"reason": "Another"})}, "AMENDMENT_HASH"),
        ("an amendment that forgets its predecessor", {"amendment": sets(prior_amendment=other)}, "AMENDMENT_CHAIN"),
        ("an amendment of another founding tension", {"amendment": amendment_again(founding_tension_hash=other)},
         "AMENDMENT_FOUNDING_TENSION"),
        ("a cycle that does not list its amendment", {"cycle-1": without("amendments")}, "AMENDMENTS_LISTED"),
        ("a cycle that lists an amendment that is none", {"cycle-2": sets(amendments=[other])}, "AMENDMENTS_LISTED"),
        ("a cycle whose amendments change more than they say", {"cycle-1": with_constitution(thresholds=loose)},
         "CONSTITUTION_AMENDED"),
        ("a cycle whose amendments change less than they say",
         {"cycle-1": with_constitution(parameters={"limit": 0.5, "mode": "careful"})}, "CONSTITUTION_AMENDED"),
        ("a cycle that changes the constitution without amendment", {"cycle-2": with_constitution(thresholds=loose)},
         "CONSTITUTION_UNCHANGED"),
        ("a cycle after another one", {"cycle-2": sets(prior_identity_hash=other)}, "PRIOR_IDENTITY_HASH"),
        ("a cycle with another founding tension", {"cycle-2": sets(founding_tension_hash=other)}, "FOUNDING_TENSION_HASH"),
        ("a cycle out of order", {"cycle-2": sets(sequence="3")}, "CYCLE_SEQUENCE"),
        ("a cycle at another depth", {"cycle-2": sets(reasoning_ledger_depth="8")}, "REASONING_DEPTH"),
        ("a cycle with another resolution", {"cycle-2": sets(goalvector={"goalvector_id": "gv-2", "outcome": "stop"})},
         "GOALVECTOR_RESOLUTION_HASH"),
        ("a cycle with another constitutional state", {"cycle-2": sets(constitutional_state_hash=other)},
         "CONSTITUTIONAL_STATE_HASH"),
        ("a cycle at another time", {"cycle-2": cycle_again(sets(cycle_timestamp="2026-03-08T00:00:00.001Z"))}, "CYCLE_TIME"),
        ("a cycle with another hash", {"cycle-2": sets(cycle_identity_hash=other)}, "CYCLE_IDENTITY_HASH"),
        ("a cycle of an unknown kind", {"cycle-2": sets(cycle_kind="other")}, "ENTRY_FORM"),
        ("a cycle of another kind than what it resolves", {"cycle-2": sets(cycle_kind="migration")}, "CYCLE_KIND"),
        ("a resolution cycle with an attestation", {"cycle-2": cycle_again(lambda r: text(r, origin_attestation_hash=other))},
         "MIGRATION_ATTESTATIONS"),
        ("another outcome than the verdicts'", {"verification 2": sets(outcome="HASH_MISMATCH")}, "VERIFICATION_OUTCOME"),
        ("no verification before the session", {"verification 2": lambda r: None, "cycle-2": sets()}, "SESSION_GATE"),
        ("a close with another head", {"close 1": close_again(latest_cycle_identity_hash=other)}, "CLOSE_HEAD"),
        ("a close at another reasoning depth", {"close 1": close_again(reasoning_ledger_depth="6")}, "REASONING_DEPTH"),
        ("a close at a larger evidence depth", {"close 1": close_again(evidence_ledger_depth="2")}, "EVIDENCE_DEPTH"),
        ("a close at a smaller evidence depth", {"close 1": close_again(evidence_ledger_depth="0")}, "EVIDENCE_DEPTH"),
        ("a close after other evidence", {"close 1": close_again(evidence_head=other)}, "EVIDENCE_HEAD"),
        ("a close after other reasoning", {"close 1": close_again(reasoning_head=None)}, "REASONING_HEAD"),
        ("another continuity hash in both ledgers", {"close 1": sets(cross_session_identity_continuity_hash=other)},
         "CONTINUITY_HASH"),
        ("two copies of a close that differ", {"close 1 in reasoning": sets(recovered=True)}, "CLOSE_COPIES_EQUAL"),
        ("a close in Evidence alone", {"close 2 in reasoning": lambda r: None}, "SEAL_CLOSED"),
        ("a close in Reasoning alone", {"close 2 in evidence": lambda r: None}, "CLOSE_IN_BOTH_LEDGERS"),
        ("evidence between a close and the next verification",
         {"late evidence": sets(), "verification 2": sets()}, "EVIDENCE_GATE"),
        ("a verification that states another evidence depth", {"verification 2": sets(evidence_ledger_depth="3")},
         "EVIDENCE_GATE"),
        ("a seal of another origin", {"seal": sets(origin=chip_id(DESTINATION))}, "MIGRATION_ORIGIN"),
        ("a seal at another epoch", {"seal": sets(epoch="2")}, "MIGRATION_EPOCH"),
        ("a seal of another head", {"seal": sets(head=other)}, "SEAL_HEAD"),
        ("a seal of another continuity hash", {"seal": sets(continuity_hash=other)}, "CONTINUITY_HASH"),
        ("a seal at another depth", {"seal": sets(evidence_ledger_depth="1")}, "SEAL_DEPTH"),
        ("a seal with a chosen nonce", {"seal": sets(nonce=other)}, "MIGRATION_NONCE"),
        ("an arrival without a seal", {"seal": lambda r: None, "arrival": sets()}, "MIGRATION_SEALED"),
        ("an arrival at the same epoch", {"arrival": sets(epoch="1")}, "MIGRATION_EPOCH"),
        ("an arrival under another nonce", {"arrival": sets(nonce=other)}, "MIGRATION_NONCE"),
        ("an arrival of another chip than it names", {"arrival": sets(destination=chip_id(CHIP))}, "MIGRATION_CHIP"),
        ("an arrival at another destination than sealed", {"seal": sets(destination=chip_id(0xC3)), "arrival": sets()},
         "MIGRATION_DESTINATION"),
        ("an arrival that attests something else", {"arrival": attests_another}, "MIGRATION_ATTESTATION"),
        ("an arrival with another attestation hash", {"arrival": sets(destination_attestation_hash=other)}, "ATTESTATION_HASH"),
        ("a migration cycle with another origin", {"migration/m-1": cycle_again(lambda r: text(r, origin_attestation_hash=other))},
         "MIGRATION_ORIGIN"),
        ("a migration cycle with another destination",
         {"migration/m-1": cycle_again(lambda r: text(r, destination_attestation_hash=other))}, "MIGRATION_DESTINATION"),
        ("a migration to another chip than arrived", {"migration/m-1": with_constitution(chip=chip_id(CHIP))},
         "CONSTITUTION_UNCHANGED"),
        ("a migration without arrival", {"seal": lambda r: None, "arrival": lambda r: None, "migration/m-1": with_constitution(chip=chip_id(CHIP))},
         "MIGRATION_ARRIVAL"),
        ("a migration cycle that resolves another arrival", {"migration/m-1": cycle_again(resolves_another)}, "MIGRATION_ARRIVAL"),
        ("a migration that changes more than the chip", {"migration/m-1": with_constitution(thresholds=loose, chip=chip_id(DESTINATION))},
         "CONSTITUTION_UNCHANGED"),
        ("an entry of another subject", {"reasoning entry": sets(subject="cluster")}, "ENTRY_SUBJECT"),
        ("an entry at another depth", {"reasoning entry": sets(depth="3")}, "ENTRY_DEPTH"),
        ("an entry that forgets its predecessor", {"reasoning entry": sets(prior_entry_hash=None)}, "PRIOR_ENTRY_HASH"),
        ("an entry before its predecessor", {"reasoning entry": sets(index="0")}, "ENTRY_INDEX"),
        ("an entry of an earlier time", {"reasoning entry": sets(time="2026-03-07T00:00:00.000Z")}, "ENTRY_TIME"),
        ("an entry of the other ledger", {"reasoning entry": sets(ledger="evidence")}, "ENTRY_LEDGER"),
        ("a record with an unknown member", {"amendment": sets(note="x")}, "ENTRY_FORM"),
        ("a record whose null is left out", {"amendment": without("prior_amendment")}, "ENTRY_FORM"),
        ("a constitution whose null is left out", {"cycle-2": cycle_again(
            lambda r: text(r, constitution={k: v for k, v in r["constitution"].items() if k != "chip"}))}, "ENTRY_FORM"),
        ("an empty list that the schema leaves out", {"reasoning": sets(runs=[])}, "ENTRY_FORM"),
        ("an entry with an unknown member", {"reasoning entry": sets(note="x")}, "ENTRY_FORM"),
    ]  # fmt: skip


def verdicts_say(**members):
    """A hook that changes every verdict, and the outcome with them."""

    def hook(record: dict) -> dict:
        findings = [verdict["finding"] | members for verdict in record["verdicts"]]
        verdicts = [verdict | {"finding": finding} for verdict, finding in zip(record["verdicts"], findings)]
        first = findings[0]
        outcome = {"outcome": first["outcome"], "detail": first["check"], "drift": first["drift"],
                   "recomputed": first.get("recomputed")}  # fmt: skip
        return record | {"verdicts": verdicts} | outcome

    return hook


def at_the_end(tell):
    """A hook that tells another end than the migration."""
    return lambda history: tell(history) or True


def refusal() -> dict:
    return {"record_type": "write_refusal", "code": "DANGLING_REFERENCE", "rule": "nothing there", "expected": "",
            "found": "sha256:" + "1" * 64}  # fmt: skip


def against_the_machine() -> list[tuple[str, dict, str]]:
    """Histories that hash and sign correctly everywhere, and that no state machine could have written."""
    other = "sha256:" + "0" * 64
    text = lambda record, **members: {**record, **members}  # noqa: E731
    large = "a" * 33_000

    def later(name: str, record: dict):
        return lambda history: history.write_record("reasoning", name, record)

    def group(name: str):
        return sets(submission=prefixed(sha256(name.encode())))

    def suppressed(history):
        history.suppress()
        history.verification()

    def ended(history):
        history.drift()
        history.verification()

    def recovered(count: int = 1, others: int = 4, then=lambda history: history.verification()):
        def tell(history):
            history.recover(count, others)
            then(history)

        return {"at the end": at_the_end(tell)}

    def two_seals(history):
        history.seal("seal", "m-1")
        history.seal("second seal", "m-2")

    def again(history):
        """Arrives, returns by another seal under the same id."""
        history.migrate()
        history.seal("second seal", "m-1", "2", DESTINATION, CHIP)

    def unattested(r: dict) -> dict:
        """A birth that nobody attests."""
        identity = framed(SUBSTRATE, plain(r["founding_tension_hash"]), r["initialisation_timestamp"], "", SCHEMA)
        record = {k: v for k, v in r.items() if k != "attestation"}
        return record | {"governance_chip_attestation_hash": None, "completeness": "incomplete",
                         "substrate_identity_hash": prefixed(identity)}  # fmt: skip

    constitution = lambda **members: lambda r: text(r, constitution=r["constitution"] | members)  # noqa: E731
    anchor = lambda **members: lambda r: text(r, evidence_ledger=r["evidence_ledger"] | members)  # noqa: E731
    verified = lambda **members: {"verification 2": sets(**members)}  # noqa: E731
    return [
        ("a birth that is dated back",
         {"birth": lambda r: unattested(r | {"initialisation_timestamp": "1999-03-08T00:00:00.000Z"})}, "BIRTH_TIME"),
        ("a founding document that is too large", {"birth": lambda r: text(r, founding=FOUNDING | {"note": large})},
         "FOUNDING_SIZE"),
        ("a constitution that was amended at birth", {"birth": constitution(amendments="1")}, "BIRTH_CONSTITUTION"),
        ("a constitution of another chip at birth", {"birth": constitution(chip=chip_id(DESTINATION))}, "BIRTH_CONSTITUTION"),
        ("a tolerance beyond its range", {"birth": constitution(thresholds=THRESHOLDS | {"drift_tolerance": 257})},
         "ENTRY_FORM"),
        ("parameters that leave no room for a cycle", {"birth": constitution(parameters={"a": large})}, "CONSTITUTION_SIZE"),
        ("recoveries before there was a cluster", {"birth": constitution(recovery_count="9")}, "RECOVERY_COUNT"),
        ("a record of governance in a substrate", {"reasoning": lambda r: {"record_type": "governance", "action": {"action": "conclude", "proposal_id": "b-1"}}},
         "RECORD_KIND"),
        ("evidence in the other ledger", {"reasoning": sets(record_type="evidence")}, "RECORD_KIND"),
        ("a verification in an open session", {"reasoning after": lambda h: h.verification()}, "SESSION_CLOSED"),
        ("a refused write without a session", {"close 1 in reasoning after": later("refused", refusal())}, "SESSION_GATE"),
        ("a session out of order", verified(session="3"), "VERIFICATION_SESSION"),
        ("thresholds that are not in force", verified(thresholds=loosened()), "VERIFICATION_THRESHOLDS"),
        ("another lineage depth", verified(lineage_depth="2"), "VERIFICATION_LINEAGE_DEPTH"),
        ("a hash that no close stored", verified(retrieved=other), "VERIFICATION_RETRIEVED"),
        ("a session that continues from another time", verified(continuing_from="2026-03-08T00:00:00.000Z"), "VERIFICATION_FROM"),
        ("an amendment that the verification does not name", {"verification 2": without("continuity_events")},
         "VERIFICATION_EVENTS"),
        ("VERIFIED against another hash presented", verified(presented=other), "VERIFICATION_PRESENTED"),
        ("an outcome without verdicts", verified(verdicts=[]), "VERDICT_ONCE"),
        ("two verdicts of one node", {"verification 2": lambda r: text(r, verdicts=[r["verdicts"][0]] * 2)}, "VERDICT_ONCE"),
        ("a node of two organisations", {"verification 2": lambda r: text(r, verdicts=[
            r["verdicts"][0] | {"organisation": "cirrus"}, r["verdicts"][1]])}, "VERDICT_NODE"),
        ("one verdict of two for each outcome", {"verification 2": lambda r: text(r, verdicts=[
            r["verdicts"][0], r["verdicts"][1] | {"finding": r["verdicts"][1]["finding"] | {"outcome": "HASH_MISMATCH"}}])},
         "VERIFICATION_OUTCOME"),
        ("a first session that is VERIFIED", {"verification 1": verdicts_say(outcome="VERIFIED")}, "VERDICT_FINDING"),
        ("verdicts on another number of entries", {"verification 2": verdicts_say(entries_checked="3")}, "VERDICT_FINDING"),
        ("VERIFIED with a drift", {"verification 2": verdicts_say(drift=1)}, "VERDICT_FINDING"),
        ("a finding that was not cut", {"at the end": at_the_end(lambda h: h.verification(h.mismatch() | {"found": "b" * 201}))},
         "ENTRY_FORM"),
        ("another notice", verified(notice="Substrate identity verified."), "VERIFICATION_NOTICE"),
        ("a notice under another outcome", {"verification 1": sets(notice="x")}, "VERIFICATION_NOTICE"),
        ("a reduced claim without reason", verified(claim_level="reduced"), "CLAIM_LEVEL"),
        ("evidence from before the verification", {"evidence entry": sets(time="2026-03-08T00:00:01.500Z")}, "EVIDENCE_SINCE"),
        ("a session after suppression", {"at the end": at_the_end(suppressed)}, "SUPPRESSED"),
        ("a suppression for another reason", {"suppression": sets(reason="DRIFT_EXCEEDED"), "at the end": at_the_end(suppressed)},
         "ENTRY_FORM"),
        ("a detection of something else", {"tampering": sets(head=other), "at the end": at_the_end(suppressed)},
         "TAMPERING_DETECTION"),
        ("HASH_MISMATCH without suppression", {"suppression": lambda r: None, "at the end": at_the_end(suppressed)},
         "OUTCOME_RECORDS"),
        ("HASH_MISMATCH at the end", {"at the end": at_the_end(lambda h: h.verification(h.mismatch()))}, "OUTCOME_RECORDS"),
        ("a suppression that nothing demands", {"reasoning after": later("suppression", {"record_type": "suppression", "reason": "HASH_MISMATCH"})},
         "OUTCOME_RECORDS"),
        ("a session after a new lineage", {"at the end": at_the_end(ended)}, "LINEAGE_ENDED"),
        ("a new lineage by another drift", {"lineage": sets(drift=1), "at the end": at_the_end(ended)}, "NEW_LINEAGE"),
        ("an amendment of the founding document", {"amendment": amendment_again(founding=FOUNDING)}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment of a name that begins with founding", {"amendment": amendment_again(set={"founding_x": 1})},
         "AMENDMENT_ACCEPTABLE"),
        ("an amendment that changes nothing", {"amendment": lambda r: amendment_again()(
            text(r, amendment={k: v for k, v in r["amendment"].items() if k != "set"}))}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment that removes what is not in force", {"amendment": amendment_again(remove=["none"])}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment that leaves no room for a cycle", {"amendment": amendment_again(set={"a": large})}, "AMENDMENT_ROOM"),
        ("an amendment without its cycle", {"amendment after": later("refused", refusal())}, "AMENDMENT_ENACTED"),
        ("an amendment left at the close", {"amendment": sets(), "cycle-1": lambda r: None, "cut": 5}, "AMENDMENT_ENACTED"),
        ("an amendment refused by another rule", {"reasoning after": lambda h: h.write_record("reasoning", "refusal", {
            "record_type": "amendment_refusal", "code": "WRONG_FOUNDING_TENSION", "rule": "none", "drift": 0,
            "amendment": {"founding_tension_hash": h.fth, "reason": "none"}})}, "AMENDMENT_REFUSAL"),
        ("a write refused by a rule without a record", {"reasoning after": later("refused", refusal() | {"code": "SEALED"})},
         "WRITE_REFUSAL"),
        ("a resolution cycle with the id of a migration", {"cycle-2": sets(cycle_id="migration/m-1")}, "CYCLE_ID"),
        ("a migration cycle with another id", {"migration/m-1": sets(cycle_id="cycle-3")}, "CYCLE_ID"),
        ("one cycle id twice", {"cycle-2": sets(cycle_id="cycle-1")}, "CYCLE_ID_ONCE"),
        ("a cycle whose Evidence ledger became smaller", {"cycle-2": anchor(size="1")}, "ANCHOR_SIZE"),
        ("a cycle with another root at one size", {"close 1": anchor(root=other)}, "ANCHOR_ROOT"),
        ("a close whose anchor is not its place", {"close 1": anchor(size="3")}, "CLOSE_ANCHOR"),
        ("a close of another session", {"close 1": sets(session="2")}, "CLOSE_SESSION"),
        ("a close under another schema", {"close 1": close_again(schema_version="p104-9")}, "CLOSE_SCHEMA"),
        ("a close of another year", {"close 1": close_again(session_close_timestamp="2020-01-01T00:00:00.000Z")}, "CLOSE_TIME"),
        ("a close by two submissions", {"close 1 in reasoning entry": group("another")}, "CLOSE_SUBMISSION"),
        ("a cycle by another submission than its amendment", {"cycle-1 entry": group("another")}, "SUBMISSION_GROUP"),
        ("two submissions with one digest", {"cycle-2 entry": group("verification 2")}, "SUBMISSION_GROUP"),
        ("somebody else's entry in between an amendment and its cycle",
         {"amendment after": lambda h: h.leaves["reasoning"].append(b'{"of":"others"}'), "cycle-1": sets()}, "SUBMISSION_GROUP"),
        ("one submission at two times", {"amendment entry": sets(time="2026-03-08T00:00:04.500Z"), "cut": 5}, "SUBMISSION_TIME"),
        ("a session while sealed", {"seal after": lambda h: h.verification()}, "SEALED"),
        ("two seals without a ballot", {"at the end": at_the_end(two_seals)}, "SEALED"),
        ("a seal to the chip itself", {"seal": sets(destination=chip_id(CHIP))}, "SEAL_DESTINATION"),
        ("a migration of a birth that nobody attested", {"birth": unattested, "seal": sets()}, "SEAL_COMPLETE"),
        ("an arrival below the minimum depth",
         {"birth": constitution(thresholds=THRESHOLDS | {"minimum_lineage_depth": "9"}), "arrival": sets()}, "MIGRATION_DEPTH"),
        ("a seal before the log began", {"seal": lambda r: text(r, seal_index="0", nonce=prefixed(framed(
            "selfsame/migration-nonce/v1", CLUSTER, SUBSTRATE, "m-1", "0", plain(r["head"]))))}, "SEAL_INDEX"),
        ("one migration id twice", {"at the end": at_the_end(again)}, "MIGRATION_ID_ONCE"),
        ("one ballot that sealed twice", {"seal": sets(ballot="b-1"), "second seal": sets(ballot="b-1"),
                                          "at the end": at_the_end(two_seals)}, "BALLOT_ONCE"),
        ("an arrival, then something else", {"arrival after": later("refused", refusal())}, "ARRIVAL_CYCLE"),
        ("an arrival at the end", {"arrival": sets(), "migration/m-1": lambda r: None}, "ARRIVAL_CYCLE"),
        ("an arrival from another activation", {"arrival": sets(origin_attestation_hash=other)}, "ORIGIN_ATTESTATION"),
        ("recoveries for which the ledger has no room", recovered(count=2), "RECOVERY_COUNT"),
        ("a recovery for which the ledger has no room", recovered(others=3), "RECOVERY_COUNT"),
        ("a recovery of another chip", {"recovery": sets(chip=chip_id(DESTINATION))} | recovered(), "RECOVERY_CHIP"),
        ("a recovery that skips too little", {"recovery": sets(epoch="2")} | recovered(), "RECOVERY_EPOCH"),
        ("a recovery that nobody asked for", recovered(then=lambda h: h.seal("seal", "m-1", str(1 + (1 << 32)))),
         "RECOVERY_STEP"),
    ]  # fmt: skip


def loosened() -> dict:
    return THRESHOLDS | {"minimum_lineage_depth": "0"}
