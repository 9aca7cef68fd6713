"""What every vector file shares: canonical JSON, digests and the framed hash of docs/protocol.md."""

import hashlib
import json
import shutil
import subprocess

import rfc8785

# A second implementation, because vectors are published only when implementations agree: RFC 8785 is defined by
# ECMAScript's own number and string forms and by sorting member names as UTF-16, which is how JavaScript sorts.
NODE = """
const canonical = v => Array.isArray(v) ? "[" + v.map(canonical).join(",") + "]"
  : v !== null && typeof v === "object"
    ? "{" + Object.keys(v).sort().map(k => JSON.stringify(k) + ":" + canonical(v[k])).join(",") + "}"
    : JSON.stringify(v);
const inputs = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(inputs.map(t => Buffer.from(canonical(JSON.parse(t)), "utf8").toString("hex"))));
"""


def node_canonical(texts: list[str]) -> list[str] | None:
    """Canonical forms in hex as Node computes them; None where Node is not installed."""
    node = shutil.which("node")
    if node is None:
        return None
    run = subprocess.run([node, "-e", NODE], input=json.dumps(texts), capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def jcs(value) -> bytes:
    return rfc8785.dumps(value)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def prefixed(digest: bytes) -> str:
    """A digest as it stands in JSON."""
    return "sha256:" + digest.hex()


def framed(*operands: bytes | str) -> bytes:
    """H(p1,…,pn): every operand after its length as a big-endian 64-bit number."""
    out = b""
    for operand in operands:
        data = operand.encode() if isinstance(operand, str) else operand
        out += len(data).to_bytes(8, "big") + data
    return sha256(out)


def tagged(tag: str, value) -> bytes:
    return framed(tag, jcs(value))


def document(name: str, content: dict) -> str:
    """The text of a vector file: readable, ASCII, the same on every machine."""
    body = {"vectors": f"selfsame/test-vectors/{name}/v1", **content}
    return json.dumps(body, indent=1, ensure_ascii=True) + "\n"
