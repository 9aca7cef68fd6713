"""Identity statements and their proofs: docs/protocol.md, section 17."""
from .base import need, tagged, undecided
from .bundle import LEDGERS, enough, founders, vouched
from .forms import FORMS, members
from .notes import checkpoint, head
from .submission import whole

TYPE = "selfsame/identity-proof/v2"
FORMS["depth"] = whole(0)
is_statement = members("record_type text, substrate_id uuid, founding_tension_hash digest, substrate_identity_hash digest, "
                       "identity_lineage_depth depth, latest_cycle_identity_hash digest, "
                       "cross_session_continuity_hash digest|null, evidence_ledger_depth depth, reasoning_ledger_depth depth, "
                       "constitutional_state_hash digest, governance_chip_attestation_hash digest|null, "
                       "identity_continuity_status outcome, statement_timestamp time, statement_hash digest")


def statement_form(value):
    need(is_statement(value), "STATEMENT_FORM", "the members of a statement")


def statement_hash(value):
    need(value["record_type"] == "identity_statement", "RECORD_TYPE", value["record_type"])
    body = {name: one for name, one in value.items() if name != "statement_hash"}
    need(value["statement_hash"] == tagged("identity-statement", body), "STATEMENT_HASH")


def verify(value, reader):
    """Verifies a proof, or a statement alone."""
    kind = value.get("identity") if isinstance(value, dict) else None
    other = isinstance(kind, str) and kind != TYPE and kind.startswith("selfsame/identity-proof/v")
    if other or (isinstance(value, dict) and {"statement", "proof"} <= set(value)):
        undecided("UNSUPPORTED_VERSION", kind)
    if kind is None:
        statement_form(value)
        statement_hash(value)
        need(reader.consistency, "STATEMENT_KEY", "nobody signed a statement alone", altered=False)
        return
    need(set(value) == {"checkpoints", "head", "identity", "statement"} and kind == TYPE, "STATEMENT_FORM", "the proof's members")
    notes, statement = value["checkpoints"], value["statement"]
    need(isinstance(notes, dict) and set(notes) == set(LEDGERS) and all(isinstance(one, str) for one in notes.values())
         and isinstance(value["head"], str), "STATEMENT_FORM", "checkpoints and head")
    statement_form(statement)
    statement_hash(statement)
    found, origin = {}, None
    for ledger in LEDGERS:
        note = found[ledger] = checkpoint(notes[ledger])
        vouched(note, reader)
        need(note.origin.endswith("/" + ledger), "CHECKPOINT_ORIGIN", note.origin)
        prefix = note.origin[:-len(ledger) - 1]
        need(origin in (None, prefix), "CHECKPOINT_ORIGIN", note.origin)
        origin = prefix
    top = head(value["head"])
    need(reader.genesis in (None, top.genesis), "GENESIS", top.genesis, altered=False)
    need(top.origin == origin, "HEAD_ORIGIN", top.origin)
    need(top.subject == "substrate:" + statement["substrate_id"], "HEAD_SUBJECT", top.subject)
    for ledger in LEDGERS:
        need(top.trees[ledger] == (found[ledger].size, found[ledger].root), f"HEAD_{ledger.upper()}")
    need(top.statement == (statement["statement_timestamp"], statement["statement_hash"]), "HEAD_STATEMENT")
    for ledger in LEDGERS:
        need(top.entries[ledger] == statement[ledger + "_ledger_depth"], f"HEAD_{ledger.upper()}_ENTRIES")
    by = reader.by()
    if by == "genesis":
        keys = founders(reader)
        known = [key for key in keys.known() if "/node/" not in key.name]
        for ledger in LEDGERS:
            found[ledger].by(known, "CHECKPOINT_SIGNATURE")
            need(enough(keys.quorum(), found[ledger]), "CHECKPOINT_QUORUM", ledger, altered=False)
        top.by(known, "HEAD_SIGNATURE")
        need(enough(keys.quorum(), top), "STATEMENT_KEY", "too few organisations signed it", altered=False)
    elif by != "nobody":
        signers = top.by(reader.known(), "HEAD_SIGNATURE")
        held = reader.policy.met(signers) if by == "policy" else bool(signers)
        need(held, "STATEMENT_KEY", "too few signed it", altered=False)
    reader.somebody()
    if by == "policy" and reader.require_log:
        for ledger in LEDGERS:
            logs = [log for log in reader.policy.logs if log.name == found[ledger].origin]
            need(any(map(found[ledger].of, logs)), "POLICY_LOG", ledger, altered=False)
