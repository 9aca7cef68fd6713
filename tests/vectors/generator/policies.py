"""policies.json: files of c2sp.org/tlog-policy that are read, and files that are refused with the line and the rule."""

from .notes import COSIGNATURE, ED25519, vkey
from .p104 import public

LOG = vkey("ledger.example/evidence", ED25519, public(0x01))
OTHER_LOG = vkey("ledger.example/reasoning", ED25519, public(0x01))
NEW_LOG = vkey("ledger.example/evidence", ED25519, public(0x02))
A = vkey("a.example/cosigner", COSIGNATURE, public(0xA0))
B = vkey("b.example/cosigner", COSIGNATURE, public(0xA1))
A_AGAIN = vkey("again.example/cosigner", COSIGNATURE, public(0xA0))
MOST = 262_144


def held(policy: str | bytes | list) -> dict:
    """A policy as text, as bytes that are no text, or as texts and how often each stands, one after the other."""
    if isinstance(policy, list):
        return {"policy_repeat": policy}
    return {"policy_hex": policy.hex()} if isinstance(policy, bytes) else {"policy": policy}


def accepted() -> list[dict]:
    """Each with the form that says the same: logs, witnesses, groups, quorum, one space between words."""
    whole = f"log {LOG}\nwitness a {A}\nwitness b {B}\ngroup g any a b\nquorum g\n"
    long = [["#", MOST - len("\nquorum none\n")], ["\nquorum none\n", 1]]
    cases = [
        ("as written", whole, whole),
        ("no cosigner", f"log {LOG}\nquorum none\n", f"log {LOG}\nquorum none\n"),
        ("no log", f"witness a {A}\nquorum a\n", f"witness a {A}\nquorum a\n"),
        ("nothing but a quorum", "quorum none\n", "quorum none\n"),
        ("comments, empty lines and white space",
         f"# logs\n\n \t\n\t# more\nlog\t \t{LOG}  \n  witness a {A}\t\n#quorum none\nquorum  a\n", f"log {LOG}\nwitness a {A}\nquorum a\n"),
        ("a # inside a line is a character", f"witness #a {A} #url\n# x\nwitness a# {B} u#\nquorum a#\n",
         f"witness #a {A} #url\nwitness a# {B} u#\nquorum a#\n"),
        ("comments of other bytes", b"# \xff\xfe\nquorum none\n", "quorum none\n"),
        ("addresses", f"log {LOG} https://ledger.example\nwitness a {A} https://a.example\nquorum a\n",
         f"log {LOG} https://ledger.example\nwitness a {A} https://a.example\nquorum a\n"),
        ("lines behind the quorum", f"quorum none\nlog {LOG}\n", f"log {LOG}\nquorum none\n"),
        ("one key of two logs", f"log {LOG}\nlog {OTHER_LOG}\nquorum none\n", f"log {LOG}\nlog {OTHER_LOG}\nquorum none\n"),
        ("two keys of one log", f"log {LOG}\nlog {NEW_LOG}\nquorum none\n", f"log {LOG}\nlog {NEW_LOG}\nquorum none\n"),
        ("all of one is any of one", f"witness a {A}\ngroup g any a\nquorum g\n", f"witness a {A}\ngroup g all a\nquorum g\n"),
        ("a group of groups", f"witness a {A}\nwitness b {B}\ngroup g 1 a\ngroup h 2 g b\nquorum h\n",
         f"witness a {A}\nwitness b {B}\ngroup g all a\ngroup h all g b\nquorum h\n"),
        ("names that are words of the format", f"witness log {A}\ngroup quorum any log\nquorum quorum\n",
         f"witness log {A}\ngroup quorum all log\nquorum quorum\n"),
        ("names in other letters", f"witness é {A}\nwitness É {B}\ngroup g all É é\nquorum g\n",
         f"witness é {A}\nwitness É {B}\ngroup g all É é\nquorum g\n"),
        ("262,144 bytes", long, "quorum none\n"),
    ]  # fmt: skip
    return [{"name": name, **held(text), "written": written} for name, text, written in cases]


def refused() -> list[dict]:
    name, _, key = LOG.split("+", 2)
    cases = [
        ("nothing", "", 0, "form of a policy"),
        ("no line feed at the end", "quorum none", 0, "form of a policy"),
        ("262,145 bytes", [["#", MOST + 1 - len("\nquorum none\n")], ["\nquorum none\n", 1]], 0, "bytes of a policy"),
        ("no quorum", f"log {LOG}\n", 0, "quorum"),
        ("two quorums", "quorum none\nquorum none\n", 2, "quorum"),
        ("a quorum of nobody", f"witness a {A}\nquorum b\n", 2, "quorum"),
        ("a quorum of a later line", f"quorum a\nwitness a {A}\n", 1, "quorum"),
        ("an unknown word", f"log {LOG}\nlogs {LOG}\nquorum none\n", 2, "line of a policy"),
        ("a word in capitals", f"Log {LOG}\nquorum none\n", 1, "line of a policy"),
        ("a word too few", "quorum\n", 1, "line of a policy"),
        ("a word too many", f"log {LOG} url more\nquorum none\n", 1, "line of a policy"),
        ("a comment behind a line", "quorum none # nobody\n", 1, "line of a policy"),
        ("CR LF", "quorum none\r\n", 1, "characters of a policy"),
        ("a form feed between words", "quorum\fnone\n", 1, "characters of a policy"),
        ("a control character in a comment", "# \x07\nquorum none\n", 1, "characters of a policy"),
        ("U+007F in a comment", "# \x7f\nquorum none\n", 1, "characters of a policy"),
        ("other bytes in a line", b"quorum \xff\n", 1, "encoding of a policy"),
        ("a no-break space is no white space", "quorum\u00a0none\n", 1, "line of a policy"),
        ("a cosigner's key for a log", f"log {A}\nquorum none\n", 1, "type of a key"),
        ("a log's key for a cosigner", f"witness a {LOG}\nquorum a\n", 1, "type of a key"),
        ("another id", f"log {name}+{'0' * 8}+{key}\nquorum none\n", 1, "key id"),
        ("a log twice", f"log {LOG}\nlog {LOG}\nquorum none\n", 2, "key of a log"),
        ("a witness' key twice", f"witness a {A}\nwitness b {A}\nquorum a\n", 2, "key of a witness"),
        ("a witness' key under two names of its own", f"witness a {A}\nwitness b {A_AGAIN}\nquorum a\n", 2, "key of a witness"),
        ("a name twice", f"witness a {A}\nwitness a {B}\nquorum a\n", 2, "name in a policy"),
        ("a group with the name of a witness", f"witness a {A}\nwitness b {B}\ngroup a any b\nquorum a\n", 3, "name in a policy"),
        ("a witness with the name none", f"witness none {A}\nquorum none\n", 1, "name in a policy"),
        ("a group without members", f"witness a {A}\ngroup g any\nquorum g\n", 2, "members of a group"),
        ("a member of a later line", f"group g any a\nwitness a {A}\nquorum g\n", 1, "member of a group"),
        ("a member twice", f"witness a {A}\ngroup g any a a\nquorum g\n", 2, "member of a group"),
        ("a member of two groups", f"witness a {A}\ngroup g any a\ngroup h any a\nquorum h\n", 3, "member of a group"),
        ("none as a member", "group g any none\nquorum g\n", 1, "member of a group"),
        *[(f"the threshold {k}", f"witness a {A}\ngroup g {k} a\nquorum g\n", 2, "threshold of a group")
          for k in ("0", "2", "01", "+1", "1.0", "ANY", "-1")],
    ]  # fmt: skip
    return [{"name": name, **held(text), "line": line, "rule": rule} for name, text, line, rule in cases]


def build() -> dict:
    return {"accepted": accepted(), "refused": refused()}
