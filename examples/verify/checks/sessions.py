"""What a session's verification comes to, and which amendments are refused: docs/protocol.md, 11.1, 11.2 and 12."""
import datetime
import re

from .base import jcs, name_of, need, raw, same, says, sha
from .forms import NAME


def milliseconds(time):
    moment = datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1)


def follows(state, drift):
    """The finding that follows from a history in which every hash matches."""
    thresholds = state.birth["constitution"]["thresholds"]
    if drift > thresholds["drift_tolerance"]:
        outcome, check = "DRIFT_EXCEEDED", "FOUNDING_TENSION_DRIFT"
    elif state.continuity is None:
        outcome, check = "INSUFFICIENT_DEPTH", "NO_PRIOR_SESSION"
    elif state.cycles < int(thresholds["minimum_lineage_depth"]):
        outcome, check = "INSUFFICIENT_DEPTH", "LINEAGE_DEPTH"
    else:
        outcome, check = "VERIFIED", "CONTINUITY_HASH"
    text = state.continuity or "none"
    finding = {"outcome": outcome, "check": check, "expected": text, "found": text, "drift": drift,
               "lineage_depth": str(state.cycles), "entries_checked": str(state.gate + state.depth)}
    return finding | ({"recomputed": state.continuity} if state.continuity else {})


def decided(verdicts):
    """The finding that verdicts come to, when their nodes are the electorate."""
    findings = [verdict["finding"] for verdict in verdicts]
    for finding in findings:
        agree = sum(other["outcome"] == finding["outcome"] for other in findings)
        if agree >= len(findings) // 2 + 1:
            return finding
    said = ", ".join(f"node {verdict['node']}: {verdict['finding']['outcome']}" for verdict in verdicts)
    return cut({"outcome": "HASH_MISMATCH", "check": "NO_MAJORITY", "drift": 0, "lineage_depth": "0", "entries_checked": "0",
                "expected": f"{len(findings) // 2 + 1} equal verdicts of {len(findings)}", "found": said})


def cut(finding):
    """A finding as it is recorded (8.3)."""
    short = {name: finding[name] for name in ("check", "expected", "found")}
    return {**finding, **{name: text if len(text) <= 200 else text[:200] + "\u2026" for name, text in short.items()}}


def verification(state, r):
    """An `identity_verification`; gives the finding that decided it."""
    says(r, "EVIDENCE_GATE", evidence_ledger_depth=str(state.gate))
    says(r, "VERIFICATION_SESSION", session=str(state.session + 1))
    need(same(r["thresholds"], state.birth["constitution"]["thresholds"]), "VERIFICATION_THRESHOLDS")
    says(r, "VERIFICATION_LINEAGE_DEPTH", lineage_depth=str(state.cycles))
    says(r, "VERIFICATION_RETRIEVED", retrieved=state.continuity)
    says(r, "VERIFICATION_FROM", continuing_from=state.closed)
    need(r.get("continuity_events", []) == state.events, "VERIFICATION_EVENTS", r.get("continuity_events"))
    nodes, drift = set(), None
    for verdict in r["verdicts"]:
        need(verdict["node"] not in nodes, "VERDICT_ONCE", verdict["node"])
        nodes.add(verdict["node"])
        finding = verdict["finding"]
        if finding["outcome"] != "HASH_MISMATCH":
            drift = finding["drift"] if drift is None else drift
            need(same(finding, follows(state, drift)), "VERDICT_FINDING", finding["check"])
            need(r["presented"] in (None, state.continuity), "VERIFICATION_PRESENTED")
    need(nodes, "VERDICT_ONCE", "no verdict")
    finding = decided(r["verdicts"])
    says(r, "VERIFICATION_OUTCOME", outcome=finding["outcome"], detail=finding["check"], drift=finding["drift"],
         recomputed=finding.get("recomputed"))
    notice(state, r)
    verified = r["outcome"] == "VERIFIED"
    says(r, "CLAIM_LEVEL", claim_level="full" if verified and "attestation" in state.birth else "reduced")
    for verdict in r["verdicts"]:
        node, organisation = verdict["node"], verdict["organisation"]
        need(state.nodes.setdefault(node, organisation) == organisation and node not in state.overruled, "VERDICT_NODE", node)
    if r["outcome"] != "HASH_MISMATCH":
        state.overruled |= {one["node"] for one in r["verdicts"] if one["finding"]["outcome"] == "HASH_MISMATCH"}
    return finding


def notice(state, r):
    if r["outcome"] != "VERIFIED":
        need("notice" not in r, "VERIFICATION_NOTICE", "a notice")
        return
    text = f"Substrate identity verified \u2014 continuing from {state.closed}/{state.cycles}."
    need(r.get("notice", text) == text, "VERIFICATION_NOTICE", "another text")
    window = int(state.birth["constitution"]["thresholds"]["verification_window_ms"])
    closed = milliseconds(state.closed)
    least = milliseconds(state.last["time"]) - closed
    most = least if state.last["kind"] == "holder_recovery" else milliseconds(state.time) - closed
    if window == 0 or most <= window:
        need("notice" in r, "VERIFICATION_NOTICE", "no notice")
    elif least > window:
        need("notice" not in r, "VERIFICATION_NOTICE", "a notice after the window")


def distance(one, other):
    return bin(int.from_bytes(raw(one), "big") ^ int.from_bytes(raw(other), "big")).count("1")


def refusal(amendment, tension, parameters):
    """Code and drift of the first rule of section 12 that an amendment breaks; None for one that is accepted."""
    names = [*sorted(amendment.get("set", {})), *amendment.get("remove", [])]
    if amendment["founding_tension_hash"] != tension:
        return "WRONG_FOUNDING_TENSION", 0
    if "founding" in amendment:
        return "FOUNDING_TENSION_PROTECTED", distance(name_of(sha(jcs(amendment["founding"]).encode())), tension)
    for name in names:
        if name.startswith("founding"):
            return "FOUNDING_TENSION_PROTECTED", 256
        if not re.fullmatch(NAME, name):
            return "AMENDMENT_INVALID", 0
    if not names:
        return "AMENDMENT_INVALID", 0
    if any(name not in parameters for name in amendment.get("remove", [])):
        return "AMENDMENT_INVALID", 0
    return None
