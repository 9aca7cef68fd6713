"""The forms of entries, records and commands: docs/protocol.md, sections 7 to 10, 12, 13 and 14.

A line of a table is `name: member type, member? type`. A member with `?` is left out when it is absent or empty; every other
one always stands. `type|null` admits null. A list is `[type]`, and `[type]?` behind a member that may be left out is not empty."""
import datetime
import functools
import re

from .base import BadJson, Refused, canonical, jcs
from .notes import DIGEST, TIME, UUID, counter

NAME = "[A-Za-z0-9._:/-]{1,128}"
KEY = "ed25519:[0-9a-f]{64}"
CODES = """MALFORMED LIMIT_EXCEEDED BAD_SIGNATURE WRONG_CLUSTER REQUEST_ID_REUSED UNKNOWN_KEY ROLE_DENIED UNKNOWN_ORGANISATION
KEY_EXISTS NODE_ID_REUSED UNKNOWN_NODE ORGANISATION_QUORUM UNKNOWN_CHIP CHIP_RETIRED DECLARATION_INVALID RUN_NOT_DECLARED
DANGLING_REFERENCE UNKNOWN_SUBSTRATE IDENTITY_CONFLICT FOUNDING_INVALID ATTESTATION_INVALID IDENTITY_INCOMPLETE CHIP_INVALIDATED
CHIP_NOT_ACTIVE STALE_EPOCH STALE_SEQUENCE SEALED SUPPRESSED LINEAGE_ENDED SESSION_NOT_OPEN SESSION_ALREADY_OPEN
VERIFICATION_PENDING VERIFICATION_UNKNOWN CYCLE_ID_REUSED STATE_MISMATCH WRONG_FOUNDING_TENSION FOUNDING_TENSION_PROTECTED
AMENDMENT_INVALID MIGRATION_STATE MIGRATION_ID_REUSED WRONG_DESTINATION NOT_VERIFIED UNKNOWN_PROPOSAL PROPOSAL_CLOSED
REGULATED_CLAIM_DENIED NOT_FOUND CORRUPT QUARANTINED NO_LEADER OUTCOME_UNKNOWN NOT_COSIGNED OVERLOADED SHUTTING_DOWN KEY_ENDED
ORGANISATION_REMOVED ORGANISATION_EXISTS LAST_ORGANISATION PROPOSAL_ID_REUSED ALREADY_VOTED BALLOT_EXPIRED BALLOT_EARLY
RULES_INVALID RECOVERY_GAP AMENDMENTS_QUEUED""".split()
OUTCOMES = "VERIFIED INSUFFICIENT_DEPTH DRIFT_EXCEEDED HASH_MISMATCH".split()
ELEMENTS = "model prompt parameters context constraints".split()


def is_time(value):
    if not (isinstance(value, str) and re.fullmatch(TIME, value) and "1970" <= value <= "9999-12-30T21:59:59.999Z"):
        return False
    try:
        datetime.datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
        return int(value[17:19]) < 60
    except ValueError:
        return False


def is_share(value):
    """A share a/b of section 14.1."""
    if not (isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,3}/[1-9][0-9]{0,3}", value)):
        return False
    above, of = map(int, value.split("/"))
    return of <= 1000 and of <= 2 * above and above < of


def is_founding(value):
    branches = [value.get("branch_a"), value.get("branch_b")] if isinstance(value, dict) else [None]
    return all(isinstance(one, dict) and one for one in branches) and jcs(branches[0]) != jcs(branches[1])


def text_of(pattern):
    pattern = re.compile(pattern)
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def one_of(words):
    words = set(words)
    return lambda value: isinstance(value, str) and value in words


def list_of(form, least=0):
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(form, value))


def text_of_at_most(length):
    """A text of so many characters, or of so many and an ellipsis where it was cut."""
    return lambda value: isinstance(value, str) and len(value.removesuffix("\u2026")) <= length


def or_null(form):
    return lambda value: value is None or form(value)


FORMS = {
    "any": lambda value: True,
    "object": lambda value: isinstance(value, dict),
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "bits": lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 256,
    "counter": lambda value: isinstance(value, str) and counter(value) is not None,
    "digest": text_of(DIGEST), "uuid": text_of(UUID), "name": text_of(NAME), "key": text_of(KEY),
    "hex64": text_of("[0-9a-f]{128}"), "time": is_time, "share": is_share, "founding": is_founding,
    "cycle": text_of("(migration/)?" + NAME), "ledger": one_of(["evidence", "reasoning"]), "technology": one_of(["software"]),
    "outcome": one_of(OUTCOMES), "code": one_of(CODES), "element": one_of(ELEMENTS), "level": one_of(["full", "reduced"]),
    "event": one_of(["AMENDMENT", "MIGRATION"]), "mismatch": one_of(["HASH_MISMATCH"]), "kind": one_of(["resolution", "migration"]),
    "status": one_of(["succeeded", "failed", "cancelled"]), "result": one_of(["rejected", "expired", "void"]),
    "completeness": one_of(["complete", "incomplete"]), "cause": one_of(["node_quarantine", "add_organisation"]),
    "orkey": one_of(["root", "operator"]), "subject": text_of(f"substrate:{UUID}|run:{DIGEST}|organisation:{NAME}|cluster"),
    "role": one_of(["root", "operator", "node", "chip"]), "recovered": text_of("[1-9][0-9]*"),
    "text200": text_of_at_most(200), "text300": text_of_at_most(300),
    "some": lambda value: value is not None,
    "reason": lambda value: isinstance(value, str) and len(value.encode()) <= 4096,
}


def form_of(word, optional=False):
    if word.endswith("|null"):
        return or_null(form_of(word[:-5]))
    if word.startswith("["):
        return list_of(form_of(word[1:-1]), int(optional))
    if word == "object" and optional:
        return lambda value: isinstance(value, dict) and len(value) > 0
    return lambda value: FORMS[word](value)


def members(text, tag=None):
    """The form of an object with these members; `tag` is a member and its value beside them."""
    forms, optional = {}, set()
    for member in filter(None, (part.strip() for part in text.split(","))):
        name, word = member.split(" ")
        left_out = name.endswith("?")
        name = name.rstrip("?")
        forms[name] = form_of(word, left_out)
        if left_out:
            optional.add(name)
    if tag:
        forms[tag[0]] = one_of([tag[1]])
    always = set(forms) - optional

    def holds(value):
        return isinstance(value, dict) and always <= set(value) <= set(forms) and all(
            forms[name](one) for name, one in value.items())
    return holds


def table(text, tag):
    """The forms of objects that one member tells apart."""
    kinds = {}
    for line in text.strip().split("\n"):
        kind, _, rest = line.partition(":")
        kinds[kind] = members(rest, (tag, kind))
    return kinds, lambda value: isinstance(value, dict) and isinstance(value.get(tag), str) and value[tag] in kinds and kinds[
        value[tag]](value)


for name, text in {
    "anchor": "root digest, size counter",
    "thresholds": "drift_tolerance bits, migration_attestation bool, minimum_lineage_depth counter, verification_window_ms counter",
    "constitution": "founding_tension_hash digest, schema_version name, parameters object, thresholds thresholds, "
                    "amendment_head digest|null, amendments counter, chip digest|null, recovery_count? recovered",
    "attestation": "chip key, signature hex64, technology technology",
    "elements": "model digest, prompt digest, parameters digest, context digest, constraints digest",
    "party": "organisation name, run_id digest",
    "output": "digest digest, media_type text, size counter",
    "place": "index counter, ledger ledger",
    "finding": "outcome outcome, check text200, at? place, expected text200, found text200, drift bits, lineage_depth counter, "
               "recomputed? digest, entries_checked counter",
    "found": "outcome outcome, check text, at? place, expected text, found text, drift bits, lineage_depth counter, "
             "recomputed? digest, entries_checked counter",
    "verdict": "finding finding, node counter, organisation name",
    "goal": "goalvector_id name, outcome any, evidence? [digest], runs? [digest]",
    "amendment": "founding_tension_hash digest, reason text, set? object, remove? [text], founding? some",
    "publisher": "log_key key, organisation name",
    "rules": "ordinary share, constitutional share, cosigning share, vetoes [name], ballot_entries counter, ballot_ms counter, "
             "objection_ms counter",
    "cluster": "revision counter, organisations [name], rules rules, publisher publisher|null, recovery_count counter",
    "fence": "epoch counter, seq counter",
    "lineage": "attestation? attestation, initialisation_timestamp time, substrate_id uuid",
    "item": "data any, evidence? [digest], ledger ledger, runs? [digest]",
    "author": "key key, role role",
}.items():
    FORMS[name] = members(text)

_, FORMS["proposal"] = table("""
force_seal: substrate_id uuid, migration_id name, destination digest, reason reason
retire_chip: chip digest, reason reason
add_organisation: name name, root_key key, operator_key key
remove_organisation: name name, reason reason
rotate_key: organisation name, key orkey, new key, reason reason
change_rules: rules rules
move_publisher: publisher publisher
recovery: reason reason, evidence anchor, reasoning anchor
""", "action")
_, FORMS["action"] = table("""
rotate_key: key orkey, old key, new key, proposal_id? name
enrol_node: node counter, key key, cosigner key
retire_node: node counter
enrol_chip: chip digest, key key, technology technology
retire_chip: chip digest, proposal_id? name
propose: proposal_id name, proposal proposal
vote: proposal_id name, ballot digest, approve bool
conclude: proposal_id name
add_organisation: organisation name, root_key key, operator_key key, proposal_id name
remove_organisation: organisation name, nodes [counter], keys_ended counter, proposal_id name
""", "action")
RECORDS, is_record = table("""
evidence: data any, evidence? [digest], runs? [digest]
reasoning: data any, evidence? [digest], runs? [digest]
run_declaration: run_id digest, elements elements, declaration any
run_attestation: run_id digest, organisation name, request? name
run_disagreement: request name, first party, second party, elements [element]
run_outcome: run_id digest, execution_id name, status status, outputs? [output], reproduction_of? name, organisation name
substrate_identity: substrate_id uuid, founding_tension_hash digest, initialisation_timestamp time, governance_chip_attestation_hash digest|null, schema_version_at_init name, substrate_identity_hash digest, completeness completeness, founding founding, organisation name, attestation? attestation, chip key, constitution constitution, evidence_ledger anchor
identity_propagation: cycle_id cycle, sequence counter, founding_tension_hash digest, prior_identity_hash digest, goalvector_resolution_hash digest, goalvector goalvector, constitutional_state_hash digest, constitution constitution, reasoning_ledger_depth counter, cycle_timestamp time, amendments? [digest], cycle_kind kind, origin_attestation_hash? digest, destination_attestation_hash? digest, cycle_identity_hash digest, evidence_ledger anchor
session_close: session counter, latest_cycle_identity_hash digest, evidence_ledger_depth counter, reasoning_ledger_depth counter, session_close_timestamp time, schema_version name, cross_session_identity_continuity_hash digest, evidence_head digest|null, reasoning_head digest|null, recovered bool, evidence_ledger anchor
identity_verification: session counter, outcome outcome, detail text200, retrieved digest|null, recomputed digest|null, presented digest|null, drift bits, lineage_depth counter, evidence_ledger_depth counter, thresholds thresholds, verdicts [verdict], continuing_from time|null, notice? text, claim_level level, continuity_events? [event]
tampering_detection: session counter, finding finding, head digest
suppression: reason mismatch
new_identity_lineage: prior_substrate_id uuid, prior_head digest, prior_founding_tension_hash digest, drift bits, tolerance bits, new_substrate_id uuid
amendment: amendment_hash digest, prior_amendment digest|null, amendment amendment
amendment_refusal: code code, rule text, amendment amendment, drift bits
migration_seal: migration_id name, origin digest, destination digest, epoch counter, head digest, continuity_hash digest, evidence_ledger_depth counter, reasoning_ledger_depth counter, nonce digest, seal_index counter, ballot? name, evidence_ledger anchor
migration_identity_attestation: migration_id name, origin digest, destination digest, origin_attestation_hash digest|null, destination_attestation_hash digest, attestation attestation, continuity_hash digest, nonce digest, epoch counter
migration_abort: migration_id name, chip digest, epoch counter, attestation attestation, attestation_hash digest
write_refusal: code code, rule text, expected text300, found text300
holder_recovery: recovery_count counter, chip digest, ended counter, epoch counter
duplicate_refused: substrate_id uuid, chip digest, code code
node_quarantine: node counter, organisation name, finding finding, substrate_id uuid
governance: action action
ballot_decided: proposal_id name, proposal proposal, approvals [name], rejections? [name], threshold counter, constitutional_state_hash digest
ballot_closed: proposal_id name, result result, approvals [name], rejections? [name], threshold counter, constitutional_state_hash digest
constitution_changed: proposal_id name, before cluster, after cluster, before_hash digest, after_hash digest, voided? [name]
recovery: proposal_id name, recovery_count counter, reason reason, evidence anchor, reasoning anchor
organisation_quorum_warning: organisation name, held counter, total counter, cause cause
""", "record_type")
FORMS["goalvector"] = lambda value: FORMS["goal"](value) or RECORDS["migration_identity_attestation"](value)
COMMANDS, is_command = table("""
rotate_key: key orkey, new key
enrol_node: node counter, key key, cosigner key
retire_node: node counter
enrol_chip: chip key, technology technology
retire_chip: chip digest
propose: proposal_id name, proposal proposal
vote: proposal_id name, ballot digest, approve bool
conclude: proposal_id name
declare_run: declaration any, request? name
report_outcome: run_id digest, execution_id name, status status, outputs? [output], reproduction_of? name
recover_close: substrate_id uuid
init_substrate: substrate_id uuid, founding any, initialisation_timestamp time, schema_version name, parameters? object, thresholds thresholds, attestation? attestation
open_session: substrate_id uuid, fence fence, continuity_hash? digest, founding? some, new_lineage? lineage
append: substrate_id uuid, fence fence, items [item]
amend: substrate_id uuid, fence fence, amendment amendment
close_cycle: substrate_id uuid, fence fence, cycle_id name, goalvector goal, prior_identity_hash digest
close_session: substrate_id uuid, fence fence, head digest
seal: substrate_id uuid, fence fence, migration_id name, destination digest, head digest, continuity_hash digest, evidence_ledger_depth counter, reasoning_ledger_depth counter
arrive: substrate_id uuid, migration_id name, attestation attestation, continuity_hash digest, head digest
abort_migration: substrate_id uuid, migration_id name, attestation attestation
verdict: substrate_id uuid, verification counter, finding found
""", "kind")
ROLES = {kind: "root" for kind in "rotate_key enrol_node retire_node enrol_chip retire_chip propose vote conclude".split()}
ROLES |= {kind: "operator" for kind in "declare_run report_outcome recover_close".split()} | {"verdict": "node"}
is_entry = members("index counter, ledger ledger, subject subject, depth counter, prior_entry_hash digest|null, time time, "
                   "submission digest, record object")


@functools.lru_cache(maxsize=4)
def entry(leaf):
    """The entry of a leaf (section 7), of the one spelling that the schema has."""
    try:
        value = canonical(leaf, 65_535, 66)
    except BadJson as error:
        raise Refused("ENTRY_FORM", error) from None
    if not is_entry(value):
        raise Refused("ENTRY_FORM", "the members of an entry")
    if not is_record(value["record"]):
        raise Refused("ENTRY_FORM", f"the members of the record {value['record'].get('record_type')!r}")
    return value
