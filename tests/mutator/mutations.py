"""What is done to a file: bytes, lines, JSON members, values inside leaves and submissions, notes and signatures."""
import base64
import copy
import json

import forge
import governing
from generator import cluster
from generator.common import jcs
from generator.governance import ballot_digest, digest

WORDS = """VERIFIED INSUFFICIENT_DEPTH DRIFT_EXCEEDED HASH_MISMATCH evidence reasoning root operator node chip succeeded failed cancelled
resolution migration complete incomplete full reduced rejected expired void software substrate_identity session_close governance
run_outcome run_attestation run_declaration run_disagreement identity_verification identity_propagation amendment propose vote
conclude rotate_key enrol_chip retire_chip enrol_node add_organisation change_rules AMENDMENT MIGRATION aurora borealis cygnus
delta cluster prompt model none selfsame/bundle/v2 selfsame/bundle/v1 selfsame/identity-proof/v2 selfsame/checkpoint-pair/v1
selfsame/submission/v1 selfsame/identity-proof/v1 selfsame/identity-proof/vX selfsame/bundle/v3 selfsame/other
selfsame/equivocation/v2 selfsame/run-declaration/v1 provider-asserted weights-digest 2/3 1/2 3/5 1/1 case/1 e1""".split()
STRAY = ["", "0", "1", "2", "3", "00", "-1", "+1", "1.0", "1e0", "18446744073709551615", "18446744073709551616", " ", "a b", "\u00e9",
         "a\n", "\u0000", "\x7f", "sha256:" + "0" * 64, "SHA256:" + "A" * 64, "2026-03-08T00:00:00.000Z", "2026-02-30T00:00:00.000Z",
         "2026-03-08T00:00:60.000Z", "2026-03-08T00:00:03.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T00:00:00.000Z",
         "00000000-0000-4000-8000-000000000001", "x" * 129, "a" * 5000]
VALUES = [None, True, False, 0, 1, 2, 3, 256, 257, -1, 1.5, 1e21, 9007199254740991, [], {}, [None], {"a": 1}, "x"]


def places(value, path=()):
    """Every container with the members in it: (container, name or position)."""
    found = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return found
    for name, inner in pairs:
        found.append((value, name))
        found += places(inner)
    return found


def another(rng, value, pool):
    """A value in the place of another."""
    roll = rng.random()
    if roll < 0.15:
        return copy.deepcopy(rng.choice(VALUES))
    if roll < 0.35 and pool:
        alike = [one for one in pool if type(one) is type(value)]
        return copy.deepcopy(rng.choice(alike or pool))
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return rng.choice([value + 1, value - 1, value + 0.5, -value, value * 10, str(value), 2**53, 1e300])
    if isinstance(value, str):
        return text(rng, value)
    if isinstance(value, list):
        value = list(value)
        roll = rng.randrange(5)
        if roll == 0 and value:
            value.pop(rng.randrange(len(value)))
        elif roll == 1 and value:
            value.append(rng.choice(value))
        elif roll == 2:
            value.reverse()
        elif roll == 3:
            value.append(rng.choice(VALUES))
        else:
            value = []
        return value
    if isinstance(value, dict):
        return rng.choice([{}, list(value.values()), next(iter(value), None), {**value, "note": 1}, {"action": None}])
    return rng.choice(VALUES + STRAY)


def text(rng, value):
    roll = rng.randrange(12)
    if roll == 0:
        return rng.choice(STRAY)
    if roll <= 2:
        return rng.choice(WORDS)
    if roll == 3:
        return rng.choice([value.upper(), value.lower(), value.capitalize(), value.swapcase()])
    if roll == 4:
        return rng.choice([value + " ", " " + value, value + "\n", value + "/", "0" + value, value + "0"])
    if value.isascii() and value.isdigit():
        return rng.choice([str(int(value) + 1), str(max(0, int(value) - 1)), "0" + value, str(int(value) + 2**32), "0", "1", "2"])
    if value:
        at = rng.randrange(len(value))
        if roll <= 9:
            return value[:at] + rng.choice("0123456789abcdefXYZ:-./ é") + value[at + 1:]
        return value[:at] + value[at + 1:]
    return "x"


def pool_of(values):
    return [container[name] for value in values for container, name in places(value)]


def change(rng, value, pool, kept=None):
    """One change somewhere inside a JSON value; says where, so that nobody makes it right again."""
    spots = places(value)
    if not spots:
        return
    container, name = rng.choice(spots)
    roll = rng.random()
    if isinstance(container, dict):
        if roll < 0.12:
            del container[name]
        elif roll < 0.18:
            container[rng.choice(["note", name + "s", name.upper(), "recovery_count", "proposal_id", "ballot", "evidence", "runs"])] = (
                rng.choice(VALUES + STRAY))
        elif roll < 0.22:
            container[rng.choice([name.upper(), name + "_"])] = container.pop(name)
        elif roll < 0.26:
            other = rng.choice(list(container))
            container[name], container[other] = container[other], container[name]
        else:
            container[name] = another(rng, container[name], pool)
    else:
        container[name] = another(rng, container[name], pool)
    if kept is not None:
        kept.add((id(container), name))
        # Whoever holds what was changed holds it as it is.
        for outer, at in places(value):
            if outer[at] is container:
                kept.add((id(outer), at))


def on_bytes(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at, roll = rng.randrange(len(data) + 1), rng.randrange(7)
        if roll == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif roll == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif roll == 2:
            data[at:at] = bytes([rng.choice(b'\n "{}[],:0a\\\t\r\x00\x7f\xef\xc3')])
        elif roll == 3:
            del data[at:at + rng.choice([1, 1, 2, 50])]
        elif roll == 4:
            data[at:at] = data[at:at + rng.choice([1, 10, 100])]
        elif roll == 5 and at < len(data):
            data[at] = rng.choice(b"0123456789abcdefABCDEF+/=")
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def on_lines(rng, data):
    lines = data.split(b"\n")
    at, to, roll = rng.randrange(len(lines)), rng.randrange(len(lines)), rng.randrange(8)
    if roll == 0:
        lines.pop(at)
    elif roll == 1:
        lines.insert(at, lines[at])
    elif roll == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif roll == 3:
        lines.insert(to, lines.pop(at))
    elif roll == 4:
        lines.insert(at, rng.choice([b"", b" ", b"{}", b"null", b"[]", b"x", b"\r"]))
    elif roll == 5 and rng.random() < 0.3:
        lines[0] = rng.choice([b" ", b"\n", b"\t\r\n", b"\x0c", b"\xef\xbb\xbf", b"\xef\xbb\xbf ", b"\x0b", b"\xc2\xa0"]) + lines[0].replace(
            b"@v1", rng.choice([b"@v1", b"@v1", b"@v2", b"@v02"]))
    elif roll == 5:
        lines[at] += rng.choice([b" ", b"\r", b"\t", b"x", b"\x00"])
    elif roll == 6:
        lines = lines[:at + 1]
    else:
        lines = lines[:at] + lines[to:]
    return b"\n".join(lines)


def spelled(rng, value):
    """A JSON value, mostly in its canonical form, else with another spelling somewhere."""
    try:
        data = jcs(value).decode()
    except Exception:  # what JCS has no form for
        data = json.dumps(value, ensure_ascii=False)
    roll = rng.random()
    if roll > 0.12:
        return data
    if roll < 0.02:
        return json.dumps(value)
    if roll < 0.04 and isinstance(value, dict):
        return json.dumps(dict(rng.sample(list(value.items()), len(value))), ensure_ascii=False)
    at = rng.randrange(len(data))
    for old, new in rng.sample([(":", ": "), (",", ", "), ("a", "\\u0061"), ("/", "\\/"), ("1", "1.0"), ("1", "01"), ("0", "-0")], 7):
        found = data.find(old, at)
        if found >= 0:
            return data[:found] + new + data[found + len(old):]
    return data


def doubled(rng, value):
    """An object with one member twice."""
    data = jcs(value).decode()
    name = rng.choice(list(value))
    one = jcs({name: value[name]}).decode()[1:-1]
    other = jcs({name: rng.choice([value[name], None, 1, "x"])}).decode()[1:-1]
    return data.replace(one, f"{one},{other}" if rng.random() < 0.5 else f"{other},{one}", 1)


def on_json(rng, data):
    """One JSON line of the file, or all of it."""
    if data[:1] != b"{":
        return on_bytes(rng, data)
    whole = b"\n{" not in data
    lines = [data] if whole else data.split(b"\n")
    at = 0 if whole or rng.random() < 0.3 else rng.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except ValueError:
        return on_lines(rng, data)
    if isinstance(value, dict) and value and rng.random() < 0.08:
        lines[at] = doubled(rng, value).encode()
    else:
        change(rng, value, pool_of([value]))
        if isinstance(value, dict) and isinstance(value.get("leaf"), str) and rng.random() < 0.3:
            value["leaf"] = text(rng, value["leaf"])
        lines[at] = spelled(rng, value).encode("utf-8", "surrogatepass")
    feed = b"\n" if whole and data.endswith(b"\n") else b""
    return b"\n".join(lines) + feed


def base64_spelling(rng, encoded):
    raw = base64.b64decode(encoded + "==")
    roll = rng.randrange(9)
    if roll == 0:
        return encoded.rstrip("=")
    if roll == 1:
        return encoded + "="
    if roll == 2:
        return encoded.replace("+", "-").replace("/", "_")
    if roll == 3 and encoded.endswith("="):
        at = len(encoded.rstrip("=")) - 1
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return encoded[:at] + alphabet[alphabet.index(encoded[at]) ^ 1] + encoded[at + 1:]
    if roll == 4:
        raw = raw[:rng.choice([0, 3, 4, 5, len(raw) - 1])]
    elif roll == 5:
        raw += bytes([rng.randrange(256)])
    elif roll <= 7 and raw:
        at = rng.randrange(len(raw))
        raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]
    else:
        half = rng.choice([4, 12])
        raw = raw[:half] + bytes(len(raw) - half)
    return base64.b64encode(raw).decode()


def resigned(rng, note_text, nodes=(1, 2, 3)):
    """A note over a text by whoever signed, with all keys."""
    lines = cluster.cosigner_lines(note_text, nodes) + cluster.node_line(note_text)
    ledger = note_text.split("\n")[0].rpartition("/")[2]
    if ledger in cluster.LEDGERS:
        lines = forge.signed(note_text, f"{cluster.ORIGIN}/{ledger}", cluster.LOG) + lines
    return note_text + "\n" + lines


def on_note(rng, note):
    """A signed note, as text."""
    at = note.rfind("\n\n")
    if at < 0:
        return text(rng, note)
    top, lines = note[:at + 1], note[at + 2:].split("\n")[:-1]
    roll = rng.random()
    if roll < 0.3:
        rows = top.split("\n")[:-1]
        row = rng.randrange(len(rows))
        words = rows[row].split(" ")
        word = rng.randrange(len(words))
        words[word] = rng.choice([text(rng, words[word]), base64_spelling(rng, words[word]) if len(words[word]) == 44 else
                                  text(rng, words[word]), rng.choice(words)])
        rows[row] = rng.choice([" ", " ", " ", " ", "  ", "\t"]).join(words)
        if rng.random() < 0.2:
            rows = [*rows[:row], *rng.choice([[], [rows[row]] * 2, ["x"]]), *rows[row + 1:]]
        top = "\n".join([*rows, ""])
        if rng.random() < 0.7:
            try:
                return resigned(rng, top, rng.choice([(1, 2, 3), (1, 2, 3), (1, 2), (3,)]))
            except UnicodeEncodeError:
                pass
        return top + "\n" + "\n".join([*lines, ""])
    at = rng.randrange(len(lines))
    if roll < 0.45:
        lines = rng.choice([lines[:at] + lines[at + 1:], lines + [lines[at]], lines[::-1], lines[:at] + [lines[at]] + lines[at:],
                            lines[:at], [*lines, ""], [lines[at]]])
    elif roll < 0.55:
        kinds = [cluster.node_line(top, rng.choice([1, 2, 9]), rng.choice([None, cluster.STRANGER, cluster.NODES[1]]) or
                                   cluster.NODES[0]), cluster.cosigner_lines(top, (rng.choice([1, 2, 3]),)),
                 forge.cosigned(top, f"{cluster.ORIGIN}/cosigner/1", cluster.STRANGER, 5),
                 forge.signed(top, f"{cluster.ORIGIN}/cosigner/1", cluster.COSIGNERS[0]),
                 forge.cosigned(top, f"{cluster.ORIGIN}/cosigner/2", cluster.COSIGNERS[1], 0)]
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(kinds).rstrip("\n"))
    else:
        words = lines[at].split(" ")
        word = rng.randrange(len(words))
        words[word] = base64_spelling(rng, words[word]) if word == 2 else text(rng, words[word])
        lines[at] = rng.choice([" ", " ", " ", "  "]).join(words)
    return top + "\n" + "\n".join([*lines, ""])


def on_notes(rng, data):
    """A note of the file, wherever it stands."""
    if data[:1] != b"{":
        try:
            top, note = b"", data.decode()
            if data.startswith(b"c2sp"):
                top, note = data.split(b"\n\n", 1)
                if rng.random() < 0.4:
                    rows = top.decode().split("\n")
                    at = rng.randrange(len(rows))
                    rows[at] = rng.choice([text(rng, rows[at]), base64_spelling(rng, rows[at]) if len(rows[at]) == 44 else rows[0]])
                    return "\n".join(rows).encode() + b"\n\n" + note
                top, note = top + b"\n\n", note.decode()
            return top + on_note(rng, note).encode()
        except UnicodeDecodeError:
            return on_bytes(rng, data)
    lines = data.split(b"\n") if b'"bundle"' in data[:20] else [data]
    try:
        value = json.loads(lines[0])
    except ValueError:
        return on_bytes(rng, data)
    notes = [(c, n) for c, n in places(value) if isinstance(c[n], str) and "\n\n\u2014" in c[n]]
    if not notes:
        return on_json(rng, data)
    container, name = rng.choice(notes)
    container[name] = on_note(rng, container[name])
    lines[0] = jcs(value) + (b"\n" if len(lines) == 1 and data.endswith(b"\n") else b"")
    return b"\n".join(lines)


def voted(rng, bundle):
    """A vote is about another proposal, another ballot or another constitution than the one that it counts for."""
    votes = [(payload, item) for payload, item in zip(bundle.items, bundle.items[1:])
             if item.get("entry", {}).get("record", {}).get("action", {}).get("action") == "vote" and "payload" in payload]
    payload, item = rng.choice(votes)
    action, command = item["entry"]["record"]["action"], payload["payload"]["command"]
    records = [one["entry"]["record"] for one in bundle.items if "entry" in one]
    opened = [one["action"] for one in records if one.get("action", {}).get("action") == "propose"]
    ends = [one for one in records if one.get("record_type") in ("ballot_decided", "ballot_closed")]
    states = [digest({}), *(one["constitutional_state_hash"] for one in ends)]
    own = next(one for one in opened if one["proposal_id"] == action["proposal_id"])
    parts = [own["proposal_id"], own["proposal"], rng.choice(states)]
    way, other = rng.randrange(3), rng.choice(opened)
    if way < 2:
        parts[way] = other[("proposal_id", "proposal")[way]]
    if rng.random() < 0.3:
        parts[1] = {**parts[1], "reason": "another"}
    action["ballot"] = command["ballot"] = ballot_digest(*parts)
    bundle.kept.add((id(action), "ballot"))


def on_bundle(rng, bundle):
    """A value inside, and all that depends on it made right as far as a roll says."""
    bundle, level = bundle.copy(), rng.choice([1, 2, 2, 3, 3, 3])
    roll = rng.random()
    if roll < 0.12:
        at, to = rng.randrange(len(bundle.items)), rng.randrange(len(bundle.items))
        way = rng.randrange(4)
        if way == 0:
            bundle.items.pop(at)
        elif way == 1:
            bundle.items.insert(to, json.loads(json.dumps(bundle.items[at])))
        elif way == 2:
            bundle.items.insert(to, bundle.items.pop(at))
        else:
            del bundle.items[at:]
        if rng.random() < 0.7:
            bundle.renumbered()
    elif roll < 0.2:
        change(rng, bundle.header["genesis"], pool_of([bundle.header["genesis"]]), bundle.kept)
    elif roll < 0.24:
        bundle.header["subject"] = text(rng, bundle.header["subject"])
    elif roll < 0.26:
        voted(rng, bundle)
    elif roll < 0.3:
        bundle.nodes = rng.choice([(1, 2), (1,), (2, 3), ()])
    else:
        item = rng.choice(bundle.items)
        if "payload" in item and rng.random() < 0.15:
            item["seed"] = rng.choice(list(forge.SECRETS.values()))
            if rng.random() < 0.7:
                item["payload"]["author"]["key"] = forge.key(item["seed"])
        else:
            value = item.get("payload") or (item["entry"] if rng.random() < 0.15 else item["entry"]["record"])
            change(rng, value, pool_of(bundle.values()), bundle.kept)
    if level == 3:
        if rng.random() < 0.8:
            bundle.mirror(rng)
        bundle.refreshed()
    return "".join(line + "\n" for line in bundle.lines(level)).encode("utf-8", "surrogatepass")


def mutant(rng, data, bundle):
    """A mutant of a file; how it was made, and its bytes."""
    ways = [("bytes", on_bytes), ("lines", on_lines), ("json", on_json), ("notes", on_notes)]
    name, way = rng.choice(ways)
    if bundle and rng.random() < 0.75:
        governed = bundle.header["subject"].startswith("substrate:") and rng.random() < 0.45
        try:
            return ("governed", governing.changed(rng, bundle)) if governed else ("forged", on_bundle(rng, bundle))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # the forger cannot write what was asked
    made = way(rng, data)
    if made and rng.random() < 0.1:
        try:
            made = way(rng, made)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            pass  # what is left cannot be changed once more in this way
    return name, made
