"""canonical.json: RFC 8785 under the strict profile of docs/protocol.md, section 1."""

import json
import random
import struct

from . import common

# RFC 8785 appendix B: the bits of a double and its canonical form. `None`: an integer beyond 2^53 - 1 in plain digits,
# which the strict profile refuses.
RFC_NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", None),
    ("c340000000000000", None),
    ("4430000000000000", None),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", None),
    ("444b1ae4d6e2ef4f", None),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

# Name, input text, profile.
ACCEPTED = [
    ("RFC 8785 section 3.2.2", r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
     r'''"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}''', "document"),
    ("RFC 8785 section 3.2.3: sorting", r'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet '
     r'With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",'
     r'"\u00f6":"Latin Small Letter O With Diaeresis"}', "declaration"),
    ("members sort by UTF-16, not by UTF-8", '{"\U00010000":1,"\ue000":2,"\uffff":3,"\ud7ff":4}', "declaration"),
    ("a member name that is a prefix of another", '{"ab":1,"a":2,"":3,"a b":4,"A":5}', "declaration"),
    ("arrays keep their order", "[3,1,2,[2,1]]", "declaration"),
    ("white space between tokens", ' \t\r\n{ "b" : [ 1 , 2 ] ,\n"a"\t: true } \r\n', "declaration"),
    ("escapes of control characters",
     '"' + "".join(f"\\u{c:04X}" for c in range(0x20)) + '\\u007f\\u0080\\u2028\\u2029"', "declaration"),
    ("the short escapes", r'"\b\f\n\r\t\"\\\/"', "declaration"),
    ("characters written and escaped are one text", '["\\u00e9\\ud83d\\ude00","\u00e9\U0001f600"]', "declaration"),
    ("text is not normalised", '["\u00e9","e\u0301","\u212b"]', "declaration"),
    ("noncharacters are characters", '"\ufffe\uffff\U0010ffff"', "declaration"),
    ("spellings of one number", "[1,1.0,1e0,10e-1,0.1e1,1E+0,100e-2]", "declaration"),
    ("zeros", "[0,-0,0.0,-0.0,0e5,-0e-5,1e-400]", "declaration"),
    ("the largest integers", "[9007199254740991,-9007199254740991,9007199254740991.0,9.007199254740991e15]",
     "declaration"),
    ("a large double in exponent form", "[1e21,1E22,123456789e20]", "declaration"),
    ("nearest double", "[0.1,0.30000000000000004,0.1000000000000000055511151231257827,0.10000000000000000]",
     "declaration"),
    ("literals at the top", "true", "declaration"),
    ("a string at the top", '""', "declaration"),
    ("null and empty containers where a schema names them", '{"a":null,"b":[],"c":{},"d":[[],{}]}', "document"),
    ("64 levels of arrays", [["[", 64], ["1", 1], ["]", 64]], "declaration"),
    ("64 levels of objects", [['{"a":', 64], ["1", 1], ["}", 64]], "declaration"),
    ("66 levels in a ledger leaf", [["[", 66], ["1", 1], ["]", 66]], "leaf"),
    ("a leaf of the largest size", [['"', 1], ["x", 65_533], ['"', 1]], "leaf"),
    ("a declaration of the largest size", [['"', 1], ["x", (1 << 20) - 2], ['"', 1]], "declaration"),
]

# Name, input (text, bytes or repetition), profile, code, pointer. What is not JSON has no places, hence no pointer.
REFUSED = [
    ("a member twice", '{"a":1,"a":1}', "declaration", "DUPLICATE_KEY", ""),
    ("a member twice, once escaped", r'{"a":1,"\u0061":2}', "declaration", "DUPLICATE_KEY", ""),
    ("a member twice, deeper", '{"x":[{"a":1,"b":2,"a":3}]}', "declaration", "DUPLICATE_KEY", "/x/0"),
    ("the empty name twice", '{"":1,"":2}', "document", "DUPLICATE_KEY", ""),
    ("2^53", '{"n":9007199254740992}', "declaration", "UNSAFE_INTEGER", "/n"),
    ("-2^53", '{"n":-9007199254740992}', "declaration", "UNSAFE_INTEGER", "/n"),
    ("2^64", "18446744073709551616", "declaration", "UNSAFE_INTEGER", ""),
    ("a long integer", [["9", 400]], "declaration", "UNSAFE_INTEGER", ""),
    ("an unsafe integer with a fraction of zero", "[9007199254740993.0]", "declaration", "UNSAFE_INTEGER", "/0"),
    ("an unsafe integer in exponent form", "[0,1e20]", "declaration", "UNSAFE_INTEGER", "/1"),
    ("1e21 in plain digits", "1000000000000000000000", "declaration", "UNSAFE_INTEGER", ""),
    ("too large for a double", '{"a":[1e999]}', "declaration", "NON_FINITE", "/a/0"),
    ("too small for a double", "-1e309", "declaration", "NON_FINITE", ""),
    ("a high surrogate alone", r'{"a":"\ud800"}', "declaration", "LONE_SURROGATE", "/a"),
    ("a low surrogate alone", r'["\udc00"]', "declaration", "LONE_SURROGATE", "/0"),
    ("surrogates in the wrong order", r'"\udc00\ud800"', "declaration", "LONE_SURROGATE", ""),
    ("two high surrogates", r'"\ud800\ud800"', "declaration", "LONE_SURROGATE", ""),
    ("a high surrogate before a character", r'"\ud800A"', "declaration", "LONE_SURROGATE", ""),
    ("a high surrogate before another escape", r'"\ud800\n"', "declaration", "LONE_SURROGATE", ""),
    ("a lone surrogate in a member name", r'{"\udfff":1}', "declaration", "LONE_SURROGATE", ""),
    ("a byte that is never UTF-8", b'"\xff"', "declaration", "INVALID_UTF8", ""),
    ("an overlong form", b'"\xc0\xaf"', "declaration", "INVALID_UTF8", ""),
    ("an encoded surrogate", b'"\xed\xa0\x80"', "declaration", "INVALID_UTF8", ""),
    ("beyond U+10FFFF", b'"\xf4\x90\x80\x80"', "declaration", "INVALID_UTF8", ""),
    ("a cut character", b'"\xe2\x82', "declaration", "INVALID_UTF8", ""),
    ("65 levels of arrays", [["[", 65], ["1", 1], ["]", 65]], "declaration", "TOO_DEEP", ""),
    ("65 levels of objects", [['{"a":', 65], ["1", 1], ["}", 65]], "document", "TOO_DEEP", ""),
    ("67 levels in a leaf", [["[", 67], ["1", 1], ["]", 67]], "leaf", "TOO_DEEP", ""),
    ("a hundred thousand levels", [["[", 100_000]], "declaration", "TOO_DEEP", ""),
    ("one byte too many for a leaf", [['"', 1], ["x", 65_534], ['"', 1]], "leaf", "TOO_LARGE", ""),
    ("one byte too many for a declaration", [['"', 1], ["x", (1 << 20) - 1], ['"', 1]], "declaration", "TOO_LARGE", ""),
    ("a byte order mark", "\ufeff{}", "document", "SYNTAX", None),
    ("nothing", "", "document", "SYNTAX", None),
    ("white space alone", " \n", "document", "SYNTAX", None),
    ("data after the document", '{"a":1} x', "document", "SYNTAX", None),
    ("a second document", "1 2", "document", "SYNTAX", None),
    ("NaN", "NaN", "document", "SYNTAX", None),
    ("Infinity", "-Infinity", "document", "SYNTAX", None),
    ("a plus sign", "+1", "document", "SYNTAX", None),
    ("a leading zero", "01", "document", "SYNTAX", None),
    ("a negative leading zero", "-01", "document", "SYNTAX", None),
    ("no digit before the point", ".5", "document", "SYNTAX", None),
    ("no digit after the point", "1.", "document", "SYNTAX", None),
    ("no digit in the exponent", "1e+", "document", "SYNTAX", None),
    ("hexadecimal", "0x10", "document", "SYNTAX", None),
    ("a comma at the end of an array", "[1,]", "document", "SYNTAX", None),
    ("a comma at the end of an object", '{"a":1,}', "document", "SYNTAX", None),
    ("a comment", '{"a":1/**/}', "document", "SYNTAX", None),
    ("single quotes", "{'a':1}", "document", "SYNTAX", None),
    ("a name without quotes", "{a:1}", "document", "SYNTAX", None),
    ("an object that does not end", '{"a":1', "document", "SYNTAX", None),
    ("a text that does not end", '"a', "document", "SYNTAX", None),
    ("a raw line feed in a text", '"a\nb"', "document", "SYNTAX", None),
    ("a raw NUL in a text", '"\x00"', "document", "SYNTAX", None),
    ("an unknown escape", r'"\x41"', "document", "SYNTAX", None),
    ("a short escape", r'"\u12"', "document", "SYNTAX", None),
    ("a cut literal", "tru", "document", "SYNTAX", None),
    ("a capital literal", "True", "document", "SYNTAX", None),
    ("a no-break space", "\u00a01", "document", "SYNTAX", None),
]

# Inputs that are valid but not their own canonical form: refused where bytes must be canonical.
NOT_CANONICAL = [
    ("white space", '{"a": 1}'),
    ("a line feed at the end", '{"a":1}\n'),
    ("order of members", '{"b":1,"a":2}'),
    ("spelling of a number", "1.0"),
    ("negative zero", "-0"),
    ("exponent", "1E21"),
    ("an escape that is not needed", r'"\u0041"'),
    ("an escaped solidus", r'"\/"'),
    ("an escape in capitals", r'"\u001F"'),
    ("a control character in its long form", r'"\u000a"'),
]


def expand(repetition: list) -> str:
    return "".join(text * count for text, count in repetition)


def given(source) -> dict:
    """How an input stands in the file: as text, as hex where it is not UTF-8, or as repetitions where it is long."""
    if isinstance(source, bytes):
        return {"input_hex": source.hex()}
    return {"input": source} if isinstance(source, str) else {"input_repeat": source}


def random_doubles() -> list[str]:
    source = random.Random(8785)
    out = []
    while len(out) < 120:
        value = struct.unpack(">d", source.randbytes(8))[0] if len(out) % 2 else source.uniform(-1e6, 1e6)
        if value == value and abs(value) != float("inf") and not (value.is_integer() and 2**53 <= abs(value) < 1e21):
            out.append(repr(value))
    return out


def build() -> dict:
    accepted, texts = [], []
    refused = [
        {"name": name, **given(source), "profile": profile, "code": code}
        | ({} if pointer is None else {"pointer": pointer})
        for name, source, profile, code, pointer in REFUSED
    ]
    cases = list(ACCEPTED)
    for bits, form in RFC_NUMBERS:
        value = struct.unpack(">d", bytes.fromhex(bits))[0]
        # Seventeen digits name the double exactly, whatever its shortest form is.
        spelling = f"{value:.16e}"
        if form is None:
            case = {"name": f"RFC 8785 appendix B {bits}", "input": spelling, "profile": "declaration"}
            refused.append({**case, "code": "UNSAFE_INTEGER", "pointer": ""})
            continue
        assert common.jcs(value).decode() == form
        cases.append((f"RFC 8785 appendix B {bits}", spelling, "declaration"))
    cases.append(("random doubles", "[" + ",".join(random_doubles()) + "]", "declaration"))
    for name, source, profile in cases:
        text = source if isinstance(source, str) else expand(source)
        value = json.loads(text)
        canonical = common.jcs(value)
        assert common.jcs(json.loads(canonical)) == canonical
        texts.append(text)
        if isinstance(source, str):
            result = {"canonical_hex": canonical.hex()}
        else:
            result = {}
        accepted.append(
            {"name": name, **given(source), "profile": profile, **result, "sha256": common.sha256(canonical).hex()}
        )
    node = common.node_canonical(texts)
    if node is not None:
        for name, theirs, text in zip((c[0] for c in cases), node, texts, strict=True):
            assert theirs == common.jcs(json.loads(text)).hex(), f"Node differs: {name}"
    for _, text in NOT_CANONICAL:
        assert common.jcs(json.loads(text)) != text.encode()
    return {
        "profiles": {
            "declaration": {"max_bytes": 1 << 20, "max_depth": 64},
            "document": {"max_bytes": 16 << 20, "max_depth": 64},
            "leaf": {"max_bytes": 65_535, "max_depth": 66},
        },
        "accepted": accepted,
        "refused": refused,
        "not_canonical": [{"name": name, "input": text} for name, text in NOT_CANONICAL],
    }
