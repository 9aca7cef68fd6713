//! Two checkpoints of one log and the proof that the later tree extends the earlier: what somebody keeps who wants to
//! show, with the cluster gone, that the log only grew.
//!
//! ```text
//! {"new":note,"old":note,"pair":"selfsame/checkpoint-pair/v1","proof":["sha256:…",…]}      canonical JSON, one line
//! ```

use crate::bundle::{BundleError, bad};
use crate::canon::{self, Limits};
use crate::digest::Digest;
use crate::merkle::verify_consistency;
use crate::note::Checkpoint;
use crate::version;
use serde::{Deserialize, Serialize};

/// The type string of a pair.
pub const PAIR_TYPE: &str = "selfsame/checkpoint-pair/v1";
/// Bounds of a pair: two notes of the largest size and 64 hashes.
const PAIR: Limits = Limits { max_bytes: 4 << 20, max_depth: 4, wide: false };

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// [`PAIR_TYPE`].
    pub pair: String,
    /// Signed note of the earlier checkpoint.
    pub old: String,
    /// Signed note of the later checkpoint.
    pub new: String,
    /// RFC 6962 consistency proof; empty between equal sizes and from size 0.
    pub proof: Vec<Digest>,
}

impl Pair {
    /// A pair of two notes.
    pub fn new(old: String, new: String, proof: Vec<Digest>) -> Pair {
        Pair { pair: PAIR_TYPE.into(), old, new, proof }
    }

    /// The file's bytes: canonical JSON and a line feed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = canon::to_canonical_of(self);
        bytes.push(b'\n');
        bytes
    }

    /// Reads a file; `PAIR_FORM` when it has another form, `UNSUPPORTED_VERSION` for another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Pair, BundleError> {
        let Some(line) = bytes.strip_suffix(b"\n") else {
            return bad("PAIR_FORM", "one line of canonical JSON and a line feed", "no line feed at the end");
        };
        let pair: Pair = canon::decode_exact(line, &PAIR)
            .or_else(|error| bad("PAIR_FORM", "canonical JSON of two notes and a proof", error))?;
        if version::is_other(PAIR_TYPE, &pair.pair) {
            return bad("UNSUPPORTED_VERSION", PAIR_TYPE, pair.pair)
                .map_err(|error| BundleError { tampered: false, ..error });
        }
        if pair.pair != PAIR_TYPE {
            return bad("PAIR_TYPE", PAIR_TYPE, pair.pair);
        }
        Ok(pair)
    }

    /// Checks that the later of the two checkpoints, whose signatures the caller verified, extends the earlier:
    /// `PAIR_ORIGIN`, or `CONSISTENCY_` and the rule of the proof.
    pub fn consistent(&self, old: &Checkpoint, new: &Checkpoint) -> Result<(), BundleError> {
        if old.origin != new.origin {
            return bad("PAIR_ORIGIN", &old.origin, &new.origin);
        }
        verify_consistency(old.size, &old.root, new.size, &new.root, &self.proof)
            .or_else(|failure| bad(&format!("CONSISTENCY_{}", failure.check), failure.expected, failure.found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// shows: P-095
    #[test]
    fn a_pair_is_one_line_and_another_version_is_not_called_altered() {
        let pair = Pair::new("old\n".into(), "new\n".into(), vec![Digest::of(b"")]);
        let bytes = pair.to_bytes();
        let text = format!(
            "{{\"new\":\"new\\n\",\"old\":\"old\\n\",\"pair\":\"{PAIR_TYPE}\",\"proof\":[\"{}\"]}}\n",
            Digest::of(b"")
        );
        assert_eq!(
            (String::from_utf8(bytes.clone()).unwrap(), Pair::from_bytes(&bytes).unwrap()),
            (text.clone(), pair)
        );
        let read = |text: &str| Pair::from_bytes(text.as_bytes()).map_err(|error| (error.check, error.tampered));
        assert_eq!(read(&text.replace("/v1", "/v2")), Err(("UNSUPPORTED_VERSION".into(), false)));
        assert_eq!(read(&text.replace(PAIR_TYPE, "other")), Err(("PAIR_TYPE".into(), true)));
        assert_eq!(read(text.trim_end()), Err(("PAIR_FORM".into(), true)));
    }
}
