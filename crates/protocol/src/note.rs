//! C2SP signed notes and checkpoints.
//!
//! ```text
//! note    = text ‖ "\n" ‖ one or more "— " name " " base64(key id[4] ‖ signature) "\n"
//! key id  = SHA-256(name ‖ 0x0A ‖ type ‖ public key)[..4]      type 0x01 Ed25519, 0x04 cosignature/v1
//! vkey    = name "+" hex(key id) "+" base64(type ‖ public key)
//! checkpoint text = origin "\n" decimal size "\n" base64(root) "\n"
//! ```
//!
//! What a cosignature signs is in [`crate::cosignature`].

use crate::cosignature::Cosignature;
use crate::digest::{Digest, hex};
use crate::keys::{PublicKey, SecretKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Ed25519 over the text.
pub const TYPE_ED25519: u8 = 1;
/// Ed25519 cosignature with a time.
pub const TYPE_COSIGNATURE: u8 = 4;
/// Largest note read.
pub const MAX_NOTE: usize = 1 << 20;
/// Most signature lines read; the format asks verifiers to accept at least 16.
const MAX_SIGNATURES: usize = 100;

/// Why a note or checkpoint is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: expected {expected}, found {found}")]
pub struct NoteError {
    /// The rule.
    pub rule: &'static str,
    /// What it wanted.
    pub expected: String,
    /// What was found.
    pub found: String,
}

pub(crate) fn bad<T>(rule: &'static str, expected: impl ToString, found: impl ToString) -> Result<T, NoteError> {
    let found: String = found.to_string().chars().take(200).collect();
    Err(NoteError { rule, expected: expected.to_string(), found })
}

/// A verifier key: a name, a signature type and a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    /// Key name.
    pub name: String,
    /// [`TYPE_ED25519`] or [`TYPE_COSIGNATURE`].
    pub kind: u8,
    /// Public key.
    pub key: PublicKey,
}

/// Unicode's category Cc, U+0000 to U+001F and U+007F to U+009F, but for the line feed: what a terminal acts on instead
/// of showing it.
fn control(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() && *c != '\n')
}

fn check_name(name: &str) -> Result<(), NoteError> {
    if name.is_empty() || name.contains('+') || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return bad("key name", "a name without spaces, control characters and '+'", name.escape_debug());
    }
    Ok(())
}

impl Vkey {
    /// The key id that stands in signature lines.
    pub fn id(&self) -> [u8; 4] {
        let digest = Digest::of(&[self.name.as_bytes(), &[0x0a, self.kind], self.key.as_bytes()].concat());
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        format!(
            "{}+{}+{}",
            self.name,
            hex(&self.id()),
            STANDARD.encode([&[self.kind], &self.key.as_bytes()[..]].concat())
        )
    }

    /// Reads the text form; the id must be that of the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
            return bad("verifier key", "name+id+key", text);
        };
        check_name(name)?;
        let bytes = STANDARD.decode(key).unwrap_or_default();
        let Some((kind @ (&TYPE_ED25519 | &TYPE_COSIGNATURE), Ok(key))) =
            bytes.split_first().map(|(kind, key)| (kind, <[u8; 32]>::try_from(key)))
        else {
            return bad("verifier key", "a type of 1 or 4 and 32 key bytes, in base64", key);
        };
        let vkey = Self { name: name.into(), kind: *kind, key: PublicKey::from_bytes(key) };
        if hex(&vkey.id()) != id {
            return bad("key id", hex(&vkey.id()), id);
        }
        Ok(vkey)
    }

    /// Checks the bytes that stand behind the key id in a signature line. `None` when they do not verify, else the time
    /// of a cosignature.
    fn check(&self, text: &str, bytes: &[u8]) -> Option<Option<u64>> {
        if self.kind == TYPE_ED25519 {
            return self.key.verify(text.as_bytes(), bytes.try_into().ok()?).then_some(None);
        }
        let cosignature = Cosignature::from_bytes(bytes)?;
        cosignature.holds(text, &self.key).then_some(Some(cosignature.time))
    }

    /// Whether a signature line claims to be by this key.
    pub fn is_of(&self, signature: &NoteSignature) -> bool {
        self.name == signature.name && self.id() == signature.id
    }
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Key name.
    pub name: String,
    /// Key id.
    pub id: [u8; 4],
    /// Signature, with the time in front for a cosignature.
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    /// The line, with its newline.
    pub fn to_line(&self) -> String {
        let bytes = [&self.id[..], &self.bytes].concat();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Reads a line without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let fields = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
        let Some((name, encoded)) = fields else { return bad("signature line", "— name base64", line) };
        check_name(name)?;
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        // How long a signature is, its type says; a line of nothing but a key id is of no type.
        let Some((id, rest)) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()) else {
            return bad("signature line", "base64 of a key id and a signature", encoded);
        };
        Ok(Self { name: name.into(), id: *id, bytes: rest.to_vec() })
    }
}

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, ending in a newline.
    pub text: String,
    /// The signatures.
    pub signatures: Vec<NoteSignature>,
}

/// A known key whose signature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    /// Key name.
    pub name: String,
    /// [`TYPE_ED25519`] or [`TYPE_COSIGNATURE`].
    pub kind: u8,
    /// Seconds since 1970, for a cosignature.
    pub time: Option<u64>,
}

impl Note {
    /// A note without signatures yet.
    pub fn new(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// Adds an Ed25519 signature of the text.
    pub fn sign(&mut self, name: &str, key: &SecretKey) {
        let vkey = Vkey { name: name.into(), kind: TYPE_ED25519, key: key.public() };
        self.signatures.push(NoteSignature {
            name: name.into(),
            id: vkey.id(),
            bytes: key.sign(self.text.as_bytes()).to_vec(),
        });
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", self.text);
        for signature in &self.signatures {
            out.push_str(&signature.to_line());
        }
        out
    }

    /// Reads the text form. The signatures start after the last empty line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return bad("bytes of a note", MAX_NOTE, bytes.len());
        }
        let Ok(all) = std::str::from_utf8(bytes) else { return bad("encoding of a note", "UTF-8", "other bytes") };
        if let Some(control) = control(all) {
            return bad("characters of a note", "no control character but newline", control.escape_default());
        }
        let Some((text, lines)) = all.rsplit_once("\n\n") else {
            return bad("form of a note", "a text, an empty line and signatures", "no empty line");
        };
        let Some(lines) = lines.strip_suffix('\n') else {
            return bad("form of a note", "a newline at the end", "none");
        };
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            signatures.push(NoteSignature::parse(line)?);
            if signatures.len() > MAX_SIGNATURES {
                return bad("signatures of a note", MAX_SIGNATURES, "more");
            }
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Verifies against known keys: unknown signatures are ignored, a known key that fails refuses the note, and at least
    /// one must verify. A key that signed twice counts once, with its first time. Two keys of one name (an old and a new
    /// one) count as two here: whoever counts organisations counts names.
    pub fn verify(&self, known: &[Vkey]) -> Result<Vec<VerifiedKey>, NoteError> {
        let mut out: Vec<VerifiedKey> = Vec::new();
        let mut counted: Vec<&Vkey> = Vec::new();
        for signature in &self.signatures {
            let Some(vkey) = known.iter().find(|k| k.is_of(signature)) else { continue };
            let Some(time) = vkey.check(&self.text, &signature.bytes) else {
                return bad("signature of a known key", &vkey.name, "a signature that does not verify");
            };
            if !counted.contains(&vkey) {
                counted.push(vkey);
                out.push(VerifiedKey { name: vkey.name.clone(), kind: vkey.kind, time });
            }
        }
        if out.is_empty() { bad("signatures of a note", "one of a known key", "none") } else { Ok(out) }
    }
}

/// Size and root of a log at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root.
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    /// Reads exactly three lines; extension lines are refused.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else {
            return bad("lines of a checkpoint", "origin, size, root", format!("{} lines", lines.len()));
        };
        if origin.is_empty() {
            return bad("origin", "a name", "nothing");
        }
        let Ok(number) = size.parse::<crate::time::U64>() else {
            return bad("size", "a decimal number without leading zeros", size);
        };
        let Some(hash) = STANDARD.decode(root).ok().and_then(|b| <[u8; 32]>::try_from(b).ok()) else {
            return bad("root", "32 bytes in base64", root);
        };
        Ok(Self { origin: origin.into(), size: number.0, root: Digest::from_bytes(hash) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Frontier, leaf_hash};

    /// Names, seeds, time and entries of a vector that four other implementations accept.
    const NOTE: &str = "ledger.example/evidence\n3\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n\n— ledger.example/evidence YRXHu1Uc8/e2vfOTjdgJLJl9Kv2BPdZKzflj+z2w9sgHlu2XLnCeHbm05UDui8jmTMt7c1PVOpIoCsOqO6ll+dFn0wY=\n— org-a.example/cosigner /9QVQwAAAABlU/EAe2qaOBbj1QrJWiKd3EChwvUahnXXBi/vwi3IgF0RCmDv5GHFDg3TguNAXVHAjaourgY+AEIye/eUt2Iq3OZwDg==\n— org-b.example/cosigner JchVbAAAAABlU/EAUPG7M+PEILrigw9PT6sdcCLxKnjujdSO6GjXVpdzUtIZZA1KTPncw4iWCcHfUZcIHWnBpY8bhtLn8EhZ7j3cDg==\n";
    const KEYS: [&str; 3] = [
        "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD",
        "org-b.example/cosigner+25c8556c+BLx8vLVjY3X6HYJDTUZnJNkjd/U7mAaV3UnSbQzhIgWl",
    ];

    #[test]
    fn the_golden_note_is_made_byte_for_byte() {
        let mut frontier = Frontier::default();
        for n in 0..3 {
            frontier.append(leaf_hash(format!("{{\"n\":{n}}}").as_bytes()));
        }
        let checkpoint =
            Checkpoint { origin: "ledger.example/evidence".into(), size: frontier.size(), root: frontier.root() };
        let mut note = Note::new(checkpoint.to_text());
        note.sign("ledger.example/evidence", &SecretKey::from_seed(&[1; 32]));
        note.cosign("org-a.example/cosigner", &SecretKey::from_seed(&[0xa0; 32]), 1_700_000_000);
        note.cosign("org-b.example/cosigner", &SecretKey::from_seed(&[0xa1; 32]), 1_700_000_000);
        assert_eq!(note.to_text(), NOTE);
        let keys: Vec<Vkey> = KEYS.iter().map(|k| Vkey::parse(k).unwrap()).collect();
        assert_eq!(keys.iter().map(Vkey::to_text).collect::<Vec<_>>(), KEYS);
        let parsed = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(parsed, note);
        assert_eq!(parsed.verify(&keys).unwrap().len(), 3);
        assert_eq!(Checkpoint::parse(&parsed.text).unwrap(), checkpoint);
        assert_eq!(parsed.verify(&[]).unwrap_err().rule, "signatures of a note");
    }

    #[test]
    fn no_single_bit_of_a_note_can_change() {
        let keys: Vec<Vkey> = KEYS.iter().map(|k| Vkey::parse(k).unwrap()).collect();
        for at in 0..NOTE.len() {
            for bit in 0..8 {
                let mut bytes = NOTE.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                // A changed name or id makes a signature unknown, which leaves fewer verified ones.
                let verified = Note::parse(&bytes).and_then(|note| note.verify(&keys)).map_or(0, |v| v.len());
                assert!(verified < 3, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn malformed_checkpoints_are_refused() {
        for text in [
            "",
            "o\n1\n",
            "o\n01\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n",
            "o\n1\nAAAA\n",
            "o\n1\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\nextra\n",
            "\n1\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n",
        ] {
            assert!(Checkpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
