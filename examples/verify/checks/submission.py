"""Signed submissions and the genesis: docs/protocol.md, sections 9, 10 and 14."""
import re

from .base import BadJson, Refused, canonical, is_point, key_bytes, key_id, name_of, need, sha, signed, unbase64
from .forms import FORMS, NAME, ROLES, is_command, members

TYPE = "application/vnd.selfsame.submission.v1+json"
_text = lambda value: isinstance(value, str)  # noqa: E731
is_payload = members("type text, cluster name, request_id name, author author, command any")


def registered(command):
    """The keys that a command wants to register."""
    proposal = command.get("proposal", {})
    if command["kind"] == "enrol_chip":
        return [command["chip"]]
    if command["kind"] == "enrol_node":
        return [command["key"], command["cosigner"]]
    new = [one["new"] for one in (command, proposal) if "new" in one]
    if "root_key" in proposal:
        need(proposal["root_key"] != proposal["operator_key"], "SUBMISSION_FORM", "one key twice")
        new += [proposal["root_key"], proposal["operator_key"]]
    return new + ([proposal["publisher"]["log_key"]] if "publisher" in proposal else [])


class Submission:
    def __init__(self, envelope):
        form = lambda holds, what: need(holds, "SUBMISSION_FORM", what)  # noqa: E731
        line = lambda holds, what: need(holds, "BUNDLE_LINE", what)  # noqa: E731
        line(isinstance(envelope, dict) and set(envelope) == {"payload", "payloadType", "signatures"}, "the envelope's members")
        signatures = envelope["signatures"]
        line(envelope["payloadType"] == TYPE and _text(envelope["payload"]), "the payload's type")
        line(isinstance(signatures, list) and len(signatures) == 1 and isinstance(signatures[0], dict)
             and set(signatures[0]) == {"keyid", "sig"} and all(map(_text, signatures[0].values())), "one signature")
        data, signature = unbase64(envelope["payload"]), unbase64(signatures[0]["sig"])
        line(data is not None and signature is not None and len(signature) == 64, "base64")
        try:
            payload = canonical(data, 8_388_608)
        except BadJson as error:
            raise Refused("SUBMISSION_FORM", error) from None
        form(is_payload(payload) and payload["type"] == "selfsame/submission/v1", "the payload's members")
        command, author = payload["command"], payload["author"]
        form(is_command(command), "the command's members")
        if command["kind"] == "append":
            form(command["items"], "no items")
        form(all(map(is_point, map(key_bytes, registered(command)))), "a key that is no point")
        form(author["role"] == ROLES.get(command["kind"], "chip"), "the role may not issue it")
        pae = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(data), data)
        need(signed(key_bytes(author["key"]), signature, pae), "SUBMISSION_SIGNATURE", author["key"])
        line(signatures[0]["keyid"] == key_id(author["key"]), "the key id")
        self.payload, self.digest, self.size = payload, name_of(sha(data)), 64 + len(data)


def whole(least, most=2**53 - 1):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


FORMS |= {"limit": whole(0), "origin": lambda value: isinstance(value, str)}
FORMS["limits"] = members("max_item_bytes limit, max_items limit, max_submission_bytes limit")
FORMS["node"] = members("cosigner key, id limit, key key, organisation name")
FORMS["founder"] = members("name name, operator_key key, root_key key")
FORMS["publication"] = members("publisher? publisher, threshold? limit")
is_genesis = members("cluster name, limits limits, nodes [node], organisations [founder], origin origin, publication? publication")


def genesis_form(genesis):
    form = lambda holds, what: need(holds, "GENESIS_FORM", what)  # noqa: E731
    form(is_genesis(genesis) and genesis.get("publication") != {}, "members")
    form(re.fullmatch(NAME, genesis["origin"]) and ":" not in genesis["origin"] and genesis["origin"][-1] != "/", "the origin")
    organisations, nodes = genesis["organisations"], genesis["nodes"]
    publication = genesis.get("publication", {})
    names = [one["name"] for one in organisations]
    form(1 <= len(names) <= 32 and len(set(names)) == len(names), "organisations")
    keys = [one[role] for one in organisations for role in ("root_key", "operator_key")]
    keys += [node[role] for node in nodes for role in ("key", "cosigner")]
    publisher = publication.get("publisher")
    if publisher:
        form(publisher["organisation"] in names, "the publisher is no member")
        keys.append(publisher["log_key"])
    form(len(set(keys)) == len(keys), "a key twice")
    form(all(map(is_point, map(key_bytes, keys))), "a key that is no point")
    ids = [node["id"] for node in nodes]
    form(ids and len(set(ids)) == len(ids), "nodes")
    form(all(node["organisation"] in names for node in nodes), "a node of no member")
    form(len(names) // 2 + 1 <= publication.get("threshold", len(names)) <= len(names), "the threshold")
    form(all(one >= 1 for one in ids), "a node's id")
    if len(names) > 1:
        form(all(sum(node["organisation"] == name for node in nodes) < len(nodes) // 2 + 1 for name in names), "a quorum")
