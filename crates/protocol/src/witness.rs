//! The C2SP tlog-witness call: the form of a request, and what a witness must decide about it. Pure: the caller keeps the
//! state, makes it durable before it answers, and signs.
//!
//! ```text
//! old <size>\n  *( <base64 hash>\n, at most 63 )  \n  <checkpoint note>
//! ```

use crate::digest::Digest;
use crate::merkle::{ProofFailure, empty_root, verify_consistency};
use crate::note::{Checkpoint, Note, NoteError, NoteSignature, Vkey, bad};
use crate::time::U64;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Most hashes of a proof, by the format.
pub const MAX_PROOF: usize = 63;
/// Largest request read: a note of 16 signatures and a proof of 63 hashes fit ten times.
pub const MAX_REQUEST: usize = 64 << 10;
/// Largest answer read: some signature lines.
pub const MAX_ANSWER: usize = 64 << 10;
/// Content type of the answer that names a size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A request to cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the tree that the witness cosigned last.
    pub old: u64,
    /// RFC 6962 consistency proof from there to the note's size.
    pub proof: Vec<Digest>,
    /// The checkpoint with the log's signature.
    pub note: Note,
}

impl AddCheckpoint {
    /// The body of the request.
    pub fn to_text(&self) -> String {
        let mut out = format!("old {}\n", self.old);
        for hash in &self.proof {
            out.push_str(&STANDARD.encode(hash.as_bytes()));
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.note.to_text());
        out
    }

    /// Reads the body of a request.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_REQUEST {
            return bad("bytes of a request", format!("at most {MAX_REQUEST}"), bytes.len());
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return bad("encoding of a request", "UTF-8", "other bytes") };
        let Some((head, note)) = text.split_once("\n\n") else {
            return bad("form of a request", "an old size, hashes, an empty line and a note", "no empty line");
        };
        let mut lines = head.split('\n');
        let first = lines.next().unwrap_or_default();
        let Some(old) = first.strip_prefix("old ").and_then(|size| size.parse::<U64>().ok()) else {
            return bad("old size", "\"old \" and a decimal number without leading zeros", first);
        };
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return bad("hashes of a request", format!("at most {MAX_PROOF}"), "more");
            }
            match STANDARD.decode(line).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
                Some(hash) => proof.push(Digest::from_bytes(hash)),
                None => return bad("hash of a request", "32 bytes in base64", line),
            }
        }
        Ok(Self { old: old.0, proof, note: Note::parse(note.as_bytes())? })
    }
}

/// The checkpoint of a foreign log. Its text may go on after the root with lines that are not empty; selfsame's own
/// ledgers have none.
pub fn checkpoint_of(text: &str) -> Result<Checkpoint, NoteError> {
    let mut ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let end = ends.nth(2).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if rest.split('\n').rev().skip(1).any(str::is_empty) {
        return bad("extension lines of a checkpoint", "lines that are not empty", "an empty line");
    }
    Checkpoint::parse(head)
}

/// The last path element under which a witness shows what it knows of a log: lowercase hex of SHA-256(origin).
pub fn monitoring_name(origin: &str) -> String {
    Digest::of(origin.as_bytes()).hex()
}

/// What a witness cosigned last of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Size.
    pub size: u64,
    /// Root.
    pub root: Digest,
}

impl Default for Last {
    /// Nothing was cosigned yet.
    fn default() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are no request, or the old size is above the new.
    #[error("{0}")]
    Form(NoteError),
    /// The log is not one of those configured.
    #[error("origin: expected a log that this witness knows, found {0}")]
    UnknownOrigin(String),
    /// No signature of a key that the log is known by, or one that does not verify.
    #[error("log signature: {0}")]
    Signature(NoteError),
    /// The old size is not the one cosigned last.
    #[error("old size: expected {size}, found {found}")]
    Stale {
        /// Size cosigned last.
        size: u64,
        /// Old size of the request.
        found: u64,
    },
    /// The size cosigned last, with another root: a fork.
    #[error("root at size {size}: expected {expected}, found {found}")]
    OtherRoot {
        /// Size.
        size: u64,
        /// Root cosigned last.
        expected: Digest,
        /// Root of the request.
        found: Digest,
    },
    /// The proof does not lead from the tree cosigned last to the new one.
    #[error("consistency proof: {0}")]
    Inconsistent(ProofFailure),
}

impl Refused {
    /// HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Refused::Form(_) => 400,
            Refused::Signature(_) => 403,
            Refused::UnknownOrigin(_) => 404,
            Refused::Stale { .. } | Refused::OtherRoot { .. } => 409,
            Refused::Inconsistent(_) => 422,
        }
    }

    /// The size that a 409 names.
    pub const fn size(&self) -> Option<u64> {
        match self {
            Refused::Stale { size, .. } | Refused::OtherRoot { size, .. } => Some(*size),
            _ => None,
        }
    }
}

/// Decides whether a signed checkpoint extends what was cosigned last. `keys` are those of the log that the origin names,
/// `None` for a log that is not known. The caller compares and stores under one lock.
pub fn judge(request: &AddCheckpoint, keys: Option<&[Vkey]>, last: Last) -> Result<Checkpoint, Refused> {
    let checkpoint = checkpoint_of(&request.note.text).map_err(Refused::Form)?;
    let Some(keys) = keys else { return Err(Refused::UnknownOrigin(checkpoint.origin)) };
    request.note.verify(keys).map_err(Refused::Signature)?;
    if request.old > checkpoint.size {
        let expected = format!("at most {}, the size of the checkpoint", checkpoint.size);
        return Err(Refused::Form(NoteError { rule: "old size", expected, found: request.old.to_string() }));
    }
    if request.old != last.size {
        return Err(Refused::Stale { size: last.size, found: request.old });
    }
    if checkpoint.size == last.size && request.proof.is_empty() && checkpoint.root != last.root {
        return Err(Refused::OtherRoot { size: last.size, expected: last.root, found: checkpoint.root });
    }
    verify_consistency(last.size, &last.root, checkpoint.size, &checkpoint.root, &request.proof)
        .map_err(Refused::Inconsistent)?;
    Ok(checkpoint)
}

/// The signature lines of a witness' answer that hold for this note, by the one key that the witness is known by; others
/// are ignored. Nothing that holds is an error.
pub fn cosignatures(note: &Note, answer: &[u8], witness: &Vkey) -> Result<Vec<NoteSignature>, NoteError> {
    if answer.len() > MAX_ANSWER {
        return bad("bytes of an answer", format!("at most {MAX_ANSWER}"), answer.len());
    }
    let text = [note.text.as_bytes(), b"\n", answer].concat();
    let mut answered = Note::parse(&text)?;
    answered.signatures.retain(|s| s.name == witness.name && s.id == witness.id());
    answered.verify(std::slice::from_ref(witness))?;
    Ok(answered.signatures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;
    use crate::merkle::tests::{leaves, naive_root};
    use crate::merkle::{append_to_tiles, consistency_proof};
    use crate::note::{TYPE_COSIGNATURE, TYPE_ED25519};
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    const ORIGIN: &str = "log.example/one";

    fn key(seed: u8, name: &str, kind: u8) -> (SecretKey, Vkey) {
        let secret = SecretKey::from_seed(&[seed; 32]);
        let vkey = Vkey { name: name.into(), kind, key: secret.public() };
        (secret, vkey)
    }

    fn note(size: u64, root: Digest) -> Note {
        let mut note = Note::new(Checkpoint { origin: ORIGIN.into(), size, root }.to_text());
        note.sign(ORIGIN, &key(1, ORIGIN, TYPE_ED25519).0);
        note
    }

    fn request(old: u64, new: u64) -> AddCheckpoint {
        let all = leaves(new);
        let tiles: BTreeMap<_, _> =
            append_to_tiles(0, &all, &mut |_| Ok::<_, Infallible>(None)).unwrap().into_iter().collect();
        let proof = consistency_proof(old, new, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap();
        AddCheckpoint { old, proof, note: note(new, naive_root(&all)) }
    }

    fn at(size: u64) -> Last {
        Last { size, root: naive_root(&leaves(size)) }
    }

    #[test]
    fn requests_read_back_and_have_one_spelling() {
        for (old, new) in [(0, 0), (0, 5), (3, 5), (5, 5), (4, 300)] {
            let text = request(old, new).to_text();
            assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap(), request(old, new));
        }
        let good = request(3, 5).to_text();
        for (from, to, rule) in [
            ("old 3", "old 03", "old size"),
            ("old 3", "old +3", "old size"),
            ("old 3", "old", "old size"),
            ("old 3", "new 3", "old size"),
            ("old 3", "old 3 ", "old size"),
            ("old 3\n", "old 3\nAAAA\n", "hash of a request"),
            ("old 3\n", "old 3\r\n", "old size"),
            ("— ", "- ", "signature line"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap_err().rule, rule, "{text}");
        }
        let hash = format!("{}\n", STANDARD.encode([7; 32]));
        let most =
            good.replacen("old 3\n", &format!("old 3\n{}", hash.repeat(MAX_PROOF - request(3, 5).proof.len())), 1);
        assert_eq!(AddCheckpoint::parse(most.as_bytes()).unwrap().proof.len(), MAX_PROOF);
        let more =
            good.replacen("old 3\n", &format!("old 3\n{}", hash.repeat(MAX_PROOF + 1 - request(3, 5).proof.len())), 1);
        assert_eq!(AddCheckpoint::parse(more.as_bytes()).unwrap_err().rule, "hashes of a request");
        assert_eq!(AddCheckpoint::parse(&vec![b'a'; MAX_REQUEST + 1]).unwrap_err().rule, "bytes of a request");
        for cut in 0..good.len() {
            // Cut inside the note's signature lines, whole lines may remain: then it is another, valid request.
            let _ = AddCheckpoint::parse(&good.as_bytes()[..cut]);
        }
    }

    #[test]
    fn only_what_extends_the_last_tree_is_cosigned() {
        let keys = [key(1, ORIGIN, TYPE_ED25519).1];
        let judged =
            |request: &AddCheckpoint, last| judge(request, Some(&keys), last).map(|c| c.size).map_err(|e| e.status());
        assert_eq!(judged(&request(0, 0), Last::default()), Ok(0));
        assert_eq!(judged(&request(0, 5), Last::default()), Ok(5));
        assert_eq!(judged(&request(3, 5), at(3)), Ok(5));
        assert_eq!(judged(&request(5, 5), at(5)), Ok(5));
        assert_eq!(judged(&request(3, 5), at(4)), Err(409));
        assert_eq!(judged(&request(3, 5), Last::default()), Err(409));
        assert_eq!(judge(&request(3, 5), Some(&keys), at(4)).unwrap_err().size(), Some(4));
        // A rollback is refused before anything else about sizes can be said.
        assert_eq!(judged(&request(3, 3), at(5)), Err(409));
        assert_eq!(judged(&AddCheckpoint { old: 6, ..request(3, 5) }, at(6)), Err(400));
        assert_eq!(judged(&AddCheckpoint { proof: Vec::new(), ..request(3, 5) }, at(3)), Err(422));
        assert_eq!(judged(&AddCheckpoint { proof: request(3, 5).proof, ..request(5, 5) }, at(5)), Err(422));
        let fork = Last { size: 5, root: Digest::of(b"fork") };
        let refused = judge(&request(5, 5), Some(&keys), fork).unwrap_err();
        assert_eq!((refused.status(), refused.size()), (409, Some(5)));
        assert_eq!(judged(&request(5, 8), fork), Err(422));
        // A first checkpoint of an empty tree has the empty root.
        assert_eq!(
            judged(&AddCheckpoint { note: note(0, Digest::of(b"x")), ..request(0, 0) }, Last::default()),
            Err(409)
        );
    }

    #[test]
    fn only_the_keys_of_the_log_count() {
        let (_, vkey) = key(1, ORIGIN, TYPE_ED25519);
        let (stranger, _) = key(2, ORIGIN, TYPE_ED25519);
        assert_eq!(judge(&request(0, 5), None, Last::default()).unwrap_err().status(), 404);
        assert_eq!(judge(&request(0, 5), Some(&[]), Last::default()).unwrap_err().status(), 403);
        let mut foreign = request(0, 5);
        foreign.note.signatures.clear();
        foreign.note.sign(ORIGIN, &stranger);
        let keys = [vkey];
        assert_eq!(judge(&foreign, Some(&keys), Last::default()).unwrap_err().status(), 403);
        let mut broken = request(0, 5);
        broken.note.signatures[0].bytes[5] ^= 1;
        assert_eq!(judge(&broken, Some(&keys), Last::default()).unwrap_err().status(), 403);
        // A log may sign lines that we do not know; the witness cosigns them with the rest.
        let mut extended = request(0, 5);
        extended.note = Note::new(format!("{}an extension\n", extended.note.text));
        extended.note.sign(ORIGIN, &key(1, ORIGIN, TYPE_ED25519).0);
        assert_eq!(judge(&extended, Some(&keys), Last::default()).unwrap().size, 5);
        assert!(checkpoint_of(&format!("{}\nx\n", note(1, empty_root()).text)).is_err());
        assert!(checkpoint_of("a\n1").is_err());
    }

    #[test]
    fn an_answer_counts_only_by_the_witness_key_and_for_this_note() {
        let (secret, witness) = key(7, "witness.example/w", TYPE_COSIGNATURE);
        let answer = |note: &Note| {
            let mut blank = Note::new(note.text.clone());
            blank.cosign("witness.example/w", &secret, 1_700_000_000);
            blank.cosign("other.example/w", &secret, 1_700_000_000);
            blank.to_text()[note.text.len() + 1..].to_owned()
        };
        let (five, six) = (request(0, 5).note, request(0, 6).note);
        let lines = cosignatures(&five, answer(&five).as_bytes(), &witness).unwrap();
        assert_eq!((lines.len(), lines[0].name.as_str()), (1, "witness.example/w"));
        assert!(cosignatures(&five, answer(&six).as_bytes(), &witness).is_err());
        assert!(
            cosignatures(&five, answer(&five).as_bytes(), &key(8, "witness.example/w", TYPE_COSIGNATURE).1).is_err()
        );
        assert!(cosignatures(&five, b"", &witness).is_err());
        assert!(cosignatures(&five, b"ok\n", &witness).is_err());
        assert!(cosignatures(&five, &[b'a'; MAX_ANSWER + 1], &witness).is_err());
    }
}
