//! Receipts: proofs that an entry stands in a cosigned log (c2sp.org/tlog-proof@v1).
//!
//! ```text
//! c2sp.org/tlog-proof@v1\n
//! [extra <base64>\n]                     optional, not authenticated
//! index <decimal>\n
//! <base64 hash>\n ...                    sibling of the leaf first, child of the root last
//! \n
//! <checkpoint note, verbatim>
//! ```

use crate::digest::Digest;
use crate::merkle::{ProofFailure, leaf_hash, verify_inclusion};
use crate::note::{Checkpoint, MAX_NOTE, Note, NoteError, VerifiedKey, Vkey};
use crate::version;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// First line of a proof.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Most bytes of the extra data: those of a ledger leaf.
pub(crate) const MAX_EXTRA: usize = 65_535;
/// Most hashes: one for each level of the largest tree.
const MAX_PATH: usize = 63;
/// Largest proof read: the note, the extra data in base64, and the lines of the hashes.
pub const MAX_PROOF: usize = MAX_NOTE + MAX_EXTRA * 4 / 3 + 8192;

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: expected {expected}, found {found}")]
pub struct TlogProofError {
    /// `UNSUPPORTED_VERSION`, `PROOF_FORM`, `CHECKPOINT_FORM`, `CHECKPOINT_KEY`, `CHECKPOINT_SIGNATURE`, `CHECKPOINT_ORIGIN`,
    /// `INCLUSION_INDEX_RANGE`, `INCLUSION_PROOF_LENGTH` or `INCLUSION_ROOT`.
    pub check: &'static str,
    /// What the check wanted.
    pub expected: String,
    /// What was found.
    pub found: String,
}

fn fail<T>(check: &'static str, expected: impl ToString, found: impl ToString) -> Result<T, TlogProofError> {
    let found: String = found.to_string().chars().take(200).collect();
    Err(TlogProofError { check, expected: expected.to_string(), found })
}

impl TlogProofError {
    /// Whether nothing was found to be wrong, but something that decides is not known: no signature of a known key, or
    /// another version.
    pub fn undecidable(&self) -> bool {
        matches!(self.check, "CHECKPOINT_KEY" | "UNSUPPORTED_VERSION")
    }

    fn note(check: &'static str) -> impl Fn(NoteError) -> Self {
        move |error| Self { check, expected: format!("{}: {}", error.rule, error.expected), found: error.found }
    }

    fn inclusion(failure: ProofFailure) -> Self {
        let check = match failure.check {
            "INDEX_RANGE" => "INCLUSION_INDEX_RANGE",
            "PROOF_LENGTH" => "INCLUSION_PROOF_LENGTH",
            _ => "INCLUSION_ROOT",
        };
        Self { check, expected: failure.expected, found: failure.found }
    }
}

/// A proof that one entry stands at an index of a log, with the note that vouches for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Data beside the proof that nothing vouches for.
    pub extra: Option<Vec<u8>>,
    /// Index of the entry, from 0.
    pub index: u64,
    /// Inclusion proof, sibling of the leaf first.
    pub path: Vec<Digest>,
    /// The checkpoint with its signatures.
    pub note: Note,
}

/// What a verified proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The tree that holds the entry.
    pub checkpoint: Checkpoint,
    /// Which of the known keys vouch for it.
    pub verified: Vec<VerifiedKey>,
}

impl TlogProof {
    /// The text form.
    pub fn to_text(&self) -> String {
        let mut out = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            out.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        out.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            out.push_str(&STANDARD.encode(hash.as_bytes()));
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.note.to_text());
        out
    }

    /// Reads the text form. Every proof that is accepted has exactly this one spelling.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        const FORM: &str = "PROOF_FORM";
        if bytes.len() > MAX_PROOF {
            return fail(FORM, format!("at most {MAX_PROOF} bytes"), format!("{} bytes", bytes.len()));
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return fail(FORM, "UTF-8", "other bytes") };
        let Some((head, note)) = text.split_once("\n\n") else {
            return fail(FORM, "an empty line before the checkpoint", "none");
        };
        let mut lines = head.split('\n').peekable();
        let first = lines.next().unwrap_or_default();
        if version::is_other(HEADER, first) {
            return fail("UNSUPPORTED_VERSION", HEADER, first);
        }
        if first != HEADER {
            return fail(FORM, HEADER, first);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "))
        {
            None => None,
            Some(encoded) => match STANDARD.decode(encoded) {
                Ok(extra) if extra.len() <= MAX_EXTRA => Some(extra),
                Ok(extra) => {
                    return fail(
                        FORM,
                        format!("at most {MAX_EXTRA} bytes of extra data"),
                        format!("{} bytes", extra.len()),
                    );
                }
                Err(_) => return fail(FORM, "extra data in base64", encoded),
            },
        };
        let index = lines.next().unwrap_or_default();
        let number = index.strip_prefix("index ").and_then(|number| number.parse::<crate::time::U64>().ok());
        let Some(number) = number else { return fail(FORM, "index and a decimal number without leading zeros", index) };
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_PATH {
                return fail(FORM, format!("at most {MAX_PATH} hashes"), "more");
            }
            match STANDARD.decode(line).ok().and_then(|hash| <[u8; 32]>::try_from(hash).ok()) {
                Some(hash) => path.push(Digest::from_bytes(hash)),
                None => return fail(FORM, "32 bytes in base64", line),
            }
        }
        let note = Note::parse(note.as_bytes()).map_err(TlogProofError::note("CHECKPOINT_FORM"))?;
        Checkpoint::parse(&note.text).map_err(TlogProofError::note("CHECKPOINT_FORM"))?;
        Ok(Self { extra, index: number.0, path, note })
    }

    /// The checkpoint of the note, without a look at its signatures.
    pub fn checkpoint(&self) -> Result<Checkpoint, TlogProofError> {
        Checkpoint::parse(&self.note.text).map_err(TlogProofError::note("CHECKPOINT_FORM"))
    }

    /// Checks that a leaf hash stands at the index under the checkpoint, without a look at the signatures.
    pub fn includes(&self, leaf: &Digest) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = self.checkpoint()?;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)
            .map_err(TlogProofError::inclusion)?;
        Ok(checkpoint)
    }

    /// Checks an entry's bytes: the log is `origin`, the entry stands at the index, no known key's signature under the
    /// checkpoint fails, and one of them signed. Who has to have signed is the reader's policy, which looks at what is
    /// returned.
    pub fn verify(&self, entry: &[u8], origin: &str, known: &[Vkey]) -> Result<Proven, TlogProofError> {
        self.verify_leaf(&leaf_hash(entry), origin, known)
    }

    /// As [`TlogProof::verify`], for the leaf hash of an entry.
    pub(crate) fn verify_leaf(&self, leaf: &Digest, origin: &str, known: &[Vkey]) -> Result<Proven, TlogProofError> {
        let checkpoint = self.checkpoint()?;
        if checkpoint.origin != origin {
            return fail("CHECKPOINT_ORIGIN", origin, checkpoint.origin);
        }
        let checkpoint = self.includes(leaf)?;
        if !self.note.signatures.iter().any(|signature| known.iter().any(|key| key.is_of(signature))) {
            return fail("CHECKPOINT_KEY", "a signature of a known key", "none");
        }
        let verified = self.note.verify(known).map_err(TlogProofError::note("CHECKPOINT_SIGNATURE"))?;
        Ok(Proven { checkpoint, verified })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that other implementations accept.
    const PROOF: &str = "c2sp.org/tlog-proof@v1\nindex 1\n+UBwq/0toL9ykC6xOoCOeU+VTZ4nRcaCoVj27Q1KwDY=\nPR3ndt8IbBrp9wSdK7DAR1rRQYX5h+Bk6NENyy20oyI=\n\nledger.example/evidence\n3\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n\n— ledger.example/evidence YRXHu1Uc8/e2vfOTjdgJLJl9Kv2BPdZKzflj+z2w9sgHlu2XLnCeHbm05UDui8jmTMt7c1PVOpIoCsOqO6ll+dFn0wY=\n— org-a.example/cosigner /9QVQwAAAABlU/EAe2qaOBbj1QrJWiKd3EChwvUahnXXBi/vwi3IgF0RCmDv5GHFDg3TguNAXVHAjaourgY+AEIye/eUt2Iq3OZwDg==\n— org-b.example/cosigner JchVbAAAAABlU/EAUPG7M+PEILrigw9PT6sdcCLxKnjujdSO6GjXVpdzUtIZZA1KTPncw4iWCcHfUZcIHWnBpY8bhtLn8EhZ7j3cDg==\n";
    const KEYS: [&str; 3] = [
        "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD",
        "org-b.example/cosigner+25c8556c+BLx8vLVjY3X6HYJDTUZnJNkjd/U7mAaV3UnSbQzhIgWl",
    ];
    const ORIGIN: &str = "ledger.example/evidence";
    const ENTRY: &[u8] = b"{\"n\":1}";

    fn keys() -> Vec<Vkey> {
        KEYS.iter().map(|key| Vkey::parse(key).unwrap()).collect()
    }

    /// A proof with the largest note, the most extra data and every hash is read; nothing larger is looked into.
    #[test]
    fn the_largest_proof_is_read_and_no_byte_more() {
        let most = MAX_NOTE + STANDARD.encode(vec![0; MAX_EXTRA]).len() + 64 * (MAX_PATH + 2);
        assert!((most..most + 8_192).contains(&MAX_PROOF), "{MAX_PROOF}");
        let said = |length: usize| TlogProof::parse(&vec![b'x'; length]).unwrap_err().expected;
        assert_eq!(said(MAX_PROOF + 1), format!("at most {MAX_PROOF} bytes"));
        assert_eq!(said(MAX_PROOF), "an empty line before the checkpoint");
    }

    #[test]
    fn the_golden_proof_is_made_byte_for_byte() {
        let leaves: Vec<Digest> = (0..3).map(|n| leaf_hash(format!("{{\"n\":{n}}}").as_bytes())).collect();
        let note = PROOF.split_once("\n\n").unwrap().1;
        let note = Note::parse(note.as_bytes()).unwrap();
        let proof = TlogProof { extra: None, index: 1, path: vec![leaves[0], leaves[2]], note };
        assert_eq!(proof.to_text(), PROOF);
        assert_eq!(TlogProof::parse(PROOF.as_bytes()).unwrap(), proof);
        let proven = proof.verify(ENTRY, ORIGIN, &keys()).unwrap();
        let times: Vec<_> = proven.verified.iter().map(|v| (v.name.as_str(), v.kind, v.time)).collect();
        assert_eq!(
            times,
            [
                (ORIGIN, 1, None),
                ("org-a.example/cosigner", 4, Some(1_700_000_000)),
                ("org-b.example/cosigner", 4, Some(1_700_000_000))
            ]
        );
        assert_eq!(proven.checkpoint.size, 3);
    }

    #[test]
    fn every_refusal_names_its_check() {
        let proof = TlogProof::parse(PROOF.as_bytes()).unwrap();
        let check = |proof: &TlogProof, entry: &[u8], origin: &str, keys: &[Vkey]| {
            proof.verify(entry, origin, keys).unwrap_err().check
        };
        assert_eq!(check(&proof, b"{\"n\":2}", ORIGIN, &keys()), "INCLUSION_ROOT");
        assert_eq!(check(&proof, ENTRY, "ledger.example/reasoning", &keys()), "CHECKPOINT_ORIGIN");
        assert_eq!(check(&proof, ENTRY, ORIGIN, &[]), "CHECKPOINT_KEY");
        assert_eq!(check(&TlogProof { index: 3, ..proof.clone() }, ENTRY, ORIGIN, &keys()), "INCLUSION_INDEX_RANGE");
        let short = TlogProof { path: proof.path[..1].to_vec(), ..proof.clone() };
        assert_eq!(check(&short, ENTRY, ORIGIN, &keys()), "INCLUSION_PROOF_LENGTH");
        let mut forged = proof.clone();
        forged.note.signatures[2].bytes[70] ^= 1;
        assert_eq!(check(&forged, ENTRY, ORIGIN, &keys()), "CHECKPOINT_SIGNATURE");
        // A key that the reader does not know is no reason to refuse.
        assert_eq!(forged.verify(ENTRY, ORIGIN, &keys()[..2]).unwrap().verified.len(), 2);
    }

    #[test]
    fn no_single_bit_can_change_what_is_proven() {
        for at in 0..PROOF.len() {
            for bit in 0..8 {
                let mut bytes = PROOF.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let proven = TlogProof::parse(&bytes).and_then(|proof| proof.verify(ENTRY, ORIGIN, &keys()));
                assert!(proven.map_or(0, |p| p.verified.len()) < 3, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_proof_has_one_spelling() {
        let extra = PROOF.replace("\nindex 1", "\nextra aGVsbG8=\nindex 1");
        let parsed = TlogProof::parse(extra.as_bytes()).unwrap();
        assert_eq!((parsed.extra.as_deref(), parsed.to_text()), (Some(&b"hello"[..]), extra.clone()));
        let hash = "PR3ndt8IbBrp9wSdK7DAR1rRQYX5h+Bk6NENyy20oyI=\n";
        let later = TlogProof::parse(PROOF.replace("@v1", "@v2").as_bytes()).unwrap_err();
        assert_eq!((later.check, later.undecidable()), ("UNSUPPORTED_VERSION", true));
        let longest = PROOF.replace("\nindex 1", &format!("\nextra {}\nindex 1", STANDARD.encode(vec![0; MAX_EXTRA])));
        assert!(TlogProof::parse(longest.as_bytes()).is_ok());
        for bad in [
            String::new(),
            PROOF.replace("@v1", "@v01"),
            PROOF.replace("index 1", "index 01"),
            PROOF.replace("index 1", "index +1"),
            PROOF.replace("index 1\n", ""),
            PROOF.replace('\n', "\r\n"),
            PROOF.replace("oyI=\n", "oyJ=\n"),
            PROOF.replace(hash, "PR3ndt8IbBrp\n"),
            PROOF.replace(hash, &hash.repeat(64)),
            extra.replace("extra aGVsbG8=", "extra aGVsbG8"),
            extra.replace("extra aGVsbG8=\nindex 1", "index 1\nextra aGVsbG8="),
            PROOF.replace("index 1", &format!("extra {}\nindex 1", STANDARD.encode(vec![0; MAX_EXTRA + 1]))),
            PROOF.replace("evidence\n3", "evidence\n03"),
            PROOF.trim_end().into(),
            format!("{PROOF}\n"),
        ] {
            assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{:?}", bad.chars().take(200).collect::<String>());
        }
    }
}
