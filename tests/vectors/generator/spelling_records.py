"""The records of section 8, the commands of section 10, and the documents around them."""

from .outcomes import CODES
from .spelling_schema import (
    ACTION, AMENDMENT, ANCHOR, ANY, ATTESTATION, BITS, BOOL, CLUSTER, CONSTITUTION, COUNTER, CYCLE_ID, DIGEST, DIGESTS,
    ELEMENT, FOUNDING, GOALVECTOR, KEY, KIND_OF_KEY, LEDGER, NAME, NAMES, NUMBER, OUTCOME, OUTPUTS, PROPOSAL, REASON, SIGNATURE,
    SOME, STATUS, TECHNOLOGY, TEXT, TIME, UUID, List, Map, Object, OneOf, Or, Tagged, Type, cut, finding, matches, names, o,
    thresholds,
)  # fmt: skip

CODE = OneOf(*(line.split()[0] for line in CODES.split("\n")[1:-1]))
CONTENT = o({"data": ANY, "evidence?": DIGESTS, "runs?": DIGESTS})
PARTY = Object(organisation=NAME, run_id=DIGEST)
RECORDED = finding(cut(200))
ARRIVAL = Object(
    migration_id=NAME, **names("origin destination", DIGEST), origin_attestation_hash=Or(DIGEST),
    destination_attestation_hash=DIGEST, attestation=ATTESTATION, **names("continuity_hash nonce", DIGEST), epoch=COUNTER,
)  # fmt: skip


def resolves(value) -> bool:
    if isinstance(value, dict) and "record_type" in value:
        rest = {k: v for k, v in value.items() if k != "record_type"}
        return value["record_type"] == "migration_identity_attestation" and ARRIVAL.holds(rest)
    return GOALVECTOR.holds(value)


def resolved(source):
    if source.variants.get("cycle") == "migration":
        return {"record_type": "migration_identity_attestation", **ARRIVAL.sample(source)}
    return GOALVECTOR.sample(source)


RECORD = Tagged(
    "record_type",
    evidence=CONTENT,
    reasoning=CONTENT,
    run_declaration=Object(
        run_id=DIGEST, elements=Object(**names("model prompt parameters context constraints", DIGEST)), declaration=ANY
    ),
    run_attestation=o({"run_id": DIGEST, "organisation": NAME, "request?": NAME}),
    run_disagreement=Object(request=NAME, first=PARTY, second=PARTY, elements=List(ELEMENT)),
    run_outcome=o({
        "run_id": DIGEST, "execution_id": NAME, "status": STATUS, "outputs?": OUTPUTS, "reproduction_of?": NAME,
        "organisation": NAME,
    }),
    substrate_identity=o({
        "substrate_id": UUID, "founding_tension_hash": DIGEST, "initialisation_timestamp": TIME,
        "governance_chip_attestation_hash": Or(DIGEST), "schema_version_at_init": NAME, "substrate_identity_hash": DIGEST,
        "completeness": OneOf("complete", "incomplete"), "founding": FOUNDING, "organisation": NAME,
        "attestation?": ATTESTATION, "chip": KEY, "constitution": CONSTITUTION, "evidence_ledger": ANCHOR,
    }),
    identity_propagation=o({
        "cycle_id": CYCLE_ID, "sequence": COUNTER,
        **names("founding_tension_hash prior_identity_hash goalvector_resolution_hash", DIGEST),
        "goalvector": Type(resolves, resolved), "constitutional_state_hash": DIGEST, "constitution": CONSTITUTION,
        "reasoning_ledger_depth": COUNTER, "cycle_timestamp": TIME, "amendments?": DIGESTS,
        "cycle_kind": OneOf("resolution", "migration"), "origin_attestation_hash?": DIGEST,
        "destination_attestation_hash?": DIGEST, "cycle_identity_hash": DIGEST, "evidence_ledger": ANCHOR,
    }),
    session_close=Object(
        **names("session evidence_ledger_depth reasoning_ledger_depth", COUNTER), session_close_timestamp=TIME,
        schema_version=NAME, **names("latest_cycle_identity_hash cross_session_identity_continuity_hash", DIGEST),
        **names("evidence_head reasoning_head", Or(DIGEST)), recovered=BOOL, evidence_ledger=ANCHOR,
    ),
    identity_verification=o({
        "session": COUNTER, "outcome": OUTCOME, "detail": cut(200), **names("retrieved recomputed presented", Or(DIGEST)),
        "drift": BITS, "lineage_depth": COUNTER, "evidence_ledger_depth": COUNTER, "thresholds": thresholds(BITS),
        "verdicts": List(Object(finding=RECORDED, node=COUNTER, organisation=NAME)), "continuing_from": Or(TIME),
        "notice?": TEXT, "claim_level": OneOf("full", "reduced"),
        "continuity_events?": List(OneOf("AMENDMENT", "MIGRATION")),
    }),
    tampering_detection=Object(session=COUNTER, finding=RECORDED, head=DIGEST),
    suppression=Object(reason=OneOf("HASH_MISMATCH")),
    new_identity_lineage=Object(
        prior_substrate_id=UUID, prior_head=DIGEST, prior_founding_tension_hash=DIGEST, drift=BITS, tolerance=BITS,
        new_substrate_id=UUID,
    ),
    amendment=Object(amendment_hash=DIGEST, prior_amendment=Or(DIGEST), amendment=AMENDMENT),
    amendment_refusal=Object(code=CODE, rule=TEXT, amendment=AMENDMENT, drift=BITS),
    migration_seal=o({
        "migration_id": NAME, **names("origin destination head continuity_hash nonce", DIGEST),
        **names("epoch evidence_ledger_depth reasoning_ledger_depth seal_index", COUNTER), "ballot?": NAME,
        "evidence_ledger": ANCHOR,
    }),
    migration_identity_attestation=ARRIVAL,
    migration_abort=Object(migration_id=NAME, chip=DIGEST, epoch=COUNTER, attestation=ATTESTATION, attestation_hash=DIGEST),
    write_refusal=Object(code=CODE, rule=TEXT, expected=cut(300), found=cut(300)),
    duplicate_refused=Object(substrate_id=UUID, chip=DIGEST, code=CODE),
    node_quarantine=Object(node=COUNTER, organisation=NAME, finding=RECORDED, substrate_id=UUID),
    governance=Object(action=ACTION),
    ballot_decided=o({
        "proposal_id": NAME, "proposal": PROPOSAL, "approvals": NAMES, "rejections?": NAMES, "threshold": COUNTER,
        "constitutional_state_hash": DIGEST,
    }),
    ballot_closed=o({
        "proposal_id": NAME, "result": OneOf("rejected", "expired", "void"), "approvals": NAMES, "rejections?": NAMES,
        "threshold": COUNTER, "constitutional_state_hash": DIGEST,
    }),
    constitution_changed=o({
        "proposal_id": NAME, "before": CLUSTER, "before_hash": DIGEST, "after": CLUSTER, "after_hash": DIGEST,
        "voided?": NAMES,
    }),
    recovery=Object(proposal_id=NAME, recovery_count=COUNTER, reason=REASON, evidence=ANCHOR, reasoning=ANCHOR),
    holder_recovery=Object(recovery_count=COUNTER, chip=DIGEST, ended=COUNTER, epoch=COUNTER),
    organisation_quorum_warning=Object(
        organisation=NAME, held=COUNTER, total=COUNTER, cause=OneOf("node_quarantine", "add_organisation")
    ),
)  # fmt: skip

# The places of the table in section 8.
SUBSTRATE = "substrate:00000000-0000-4000-8000-000000000001"
RUN = "run:sha256:" + "1" * 64
PLACES = {
    (SUBSTRATE, "evidence"): "evidence session_close",
    (SUBSTRATE, "reasoning"): "substrate_identity identity_verification reasoning identity_propagation session_close "
    "amendment amendment_refusal write_refusal tampering_detection suppression new_identity_lineage migration_seal "
    "migration_identity_attestation migration_abort holder_recovery",
    (RUN, "evidence"): "run_declaration run_attestation run_disagreement run_outcome",
    ("organisation:a", "reasoning"): "governance duplicate_refused",
    ("cluster", "reasoning"): "ballot_decided ballot_closed constitution_changed recovery node_quarantine "
    "organisation_quorum_warning",
}

SUBJECT = matches(
    r"cluster|organisation:[A-Za-z0-9._:/-]{1,128}|run:sha256:[0-9a-f]{64}|"
    r"substrate:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    lambda s: s.variants["subject"],
)
ENTRY = Object(
    index=COUNTER, ledger=Type(LEDGER.holds, lambda s: s.variants["ledger"]), subject=SUBJECT, depth=COUNTER,
    prior_entry_hash=Or(DIGEST), time=TIME, submission=DIGEST, record=RECORD,
)  # fmt: skip

FENCE = Object(epoch=COUNTER, seq=COUNTER)
MINE = {"substrate_id": UUID, "fence": FENCE}
ITEM = o({"data": ANY, "ledger": LEDGER, "evidence?": DIGESTS, "runs?": DIGESTS})
PREPARED = o({"attestation?": ATTESTATION, "initialisation_timestamp": TIME, "substrate_id": UUID})
# None, and too many, are refused afterwards.
ITEMS = Type(List(ITEM).holds, List(ITEM, least=1).sample)
# More than 256 bits of tolerance are of the type of numbers, and refused afterwards.
TOLERANCE = Type(NUMBER.holds, BITS.sample)

COMMANDS = {
    "rotate_key": ("root", Object(key=KIND_OF_KEY, new=KEY)),
    "enrol_node": ("root", Object(node=COUNTER, key=KEY, cosigner=KEY)),
    "retire_node": ("root", Object(node=COUNTER)),
    "enrol_chip": ("root", Object(chip=KEY, technology=TECHNOLOGY)),
    "retire_chip": ("root", Object(chip=DIGEST)),
    "propose": ("root", Object(proposal_id=NAME, proposal=PROPOSAL)),
    "vote": ("root", Object(proposal_id=NAME, ballot=DIGEST, approve=BOOL)),
    "conclude": ("root", Object(proposal_id=NAME)),
    "declare_run": ("operator", o({"declaration": ANY, "request?": NAME})),
    "report_outcome": ("operator", o({
        "run_id": DIGEST, "execution_id": NAME, "status": STATUS, "outputs?": OUTPUTS, "reproduction_of?": NAME})),
    "recover_close": ("operator", Object(substrate_id=UUID)),
    "init_substrate": ("chip", o({
        "substrate_id": UUID, "founding": ANY, "initialisation_timestamp": TIME, "schema_version": NAME,
        "parameters?": Map(), "thresholds": thresholds(TOLERANCE), "attestation?": ATTESTATION})),
    "open_session": ("chip", o(MINE | {"continuity_hash?": DIGEST, "founding?": SOME, "new_lineage?": PREPARED})),
    "append": ("chip", o(MINE | {"items": ITEMS})),
    "amend": ("chip", o(MINE | {"amendment": AMENDMENT})),
    "close_cycle": ("chip", o(MINE | {"cycle_id": NAME, "goalvector": GOALVECTOR, "prior_identity_hash": DIGEST})),
    "close_session": ("chip", o(MINE | {"head": DIGEST})),
    "seal": ("chip", o(MINE | {"migration_id": NAME, **names("destination head continuity_hash", DIGEST),
                               **names("evidence_ledger_depth reasoning_ledger_depth", COUNTER)})),
    "arrive": ("chip", Object(substrate_id=UUID, migration_id=NAME, attestation=ATTESTATION, continuity_hash=DIGEST,
                              head=DIGEST)),
    "abort_migration": ("chip", Object(substrate_id=UUID, migration_id=NAME, attestation=ATTESTATION)),
    "verdict": ("node", Object(substrate_id=UUID, verification=COUNTER, finding=finding(TEXT))),
}  # fmt: skip
COMMAND = Tagged("kind", **{name: members for name, (_, members) in COMMANDS.items()})
PAYLOAD = Object(
    type=OneOf("selfsame/submission/v1"), cluster=NAME, request_id=NAME, command=COMMAND,
    author=Object(key=KEY, role=OneOf("root", "operator", "node", "chip")),
)  # fmt: skip
assert SIGNATURE.holds("0" * 128)
