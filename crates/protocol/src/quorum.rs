//! Which organisations vouch for a note: cosigners belong to organisations, and organisations are what is counted.

use crate::note::{Note, NoteError, TYPE_COSIGNATURE, VerifiedKey, Vkey, bad};
use std::collections::BTreeMap;

/// A cosigner and whom it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCosigner {
    /// Organisation.
    pub organisation: String,
    /// Its key, of the type for cosignatures.
    pub vkey: Vkey,
}

/// How many organisations have to vouch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Every cosigner that counts. An organisation may have several; it counts once.
    pub cosigners: Vec<KnownCosigner>,
    /// Organisations that have to cosign; at least 1.
    pub threshold: usize,
}

/// The number of organisations that two sets of cosigners must share so that a fork names a culprit: the smallest
/// threshold of which two sets among `organisations` overlap.
pub(crate) const fn smallest_threshold(organisations: usize) -> usize {
    organisations / 2 + 1
}

impl Quorum {
    /// The keys.
    pub fn vkeys(&self) -> Vec<Vkey> {
        self.cosigners.iter().map(|cosigner| cosigner.vkey.clone()).collect()
    }

    /// The organisations behind verified signatures, each with the latest time of its cosigners.
    pub fn count(&self, verified: &[VerifiedKey]) -> BTreeMap<String, u64> {
        let mut out = BTreeMap::new();
        for (name, time) in
            verified.iter().filter(|v| v.kind == TYPE_COSIGNATURE).filter_map(|v| Some((&v.name, v.time?)))
        {
            if let Some(cosigner) = self.cosigners.iter().find(|cosigner| cosigner.vkey.name == *name) {
                let latest = out.entry(cosigner.organisation.clone()).or_insert(time);
                *latest = time.max(*latest);
            }
        }
        out
    }

    /// The organisations that cosigned a note, when they are enough. A cosigner whose signature fails refuses the note.
    pub fn met(&self, note: &Note) -> Result<BTreeMap<String, u64>, NoteError> {
        self.enough(&note.verify(&self.vkeys())?)
    }

    /// The organisations behind verified signatures, when they are enough.
    pub fn enough(&self, verified: &[VerifiedKey]) -> Result<BTreeMap<String, u64>, NoteError> {
        let found = self.count(verified);
        // A quorum of none would let everything through.
        let needed = if crate::planted!("published_below_quorum") { 1 } else { self.threshold.max(1) };
        if found.len() < needed {
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            return bad(
                "organisations that cosigned",
                format!("{needed} or more"),
                format!("{} ({})", names.len(), names.join(", ")),
            );
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosigning;
    use crate::keys::SecretKey;

    #[test]
    fn organisations_count_once_and_with_their_latest_time() {
        let key = |n: u8| SecretKey::from_seed(&[n; 32]);
        let cosigner = |organisation: &str, n: u8| KnownCosigner {
            organisation: organisation.into(),
            vkey: cosigning::vkey(&format!("c/{n}"), key(n).public()),
        };
        let quorum = Quorum { cosigners: vec![cosigner("a", 1), cosigner("a", 2), cosigner("b", 3)], threshold: 2 };
        let mut note = Note::new("o\n1\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n".into());
        assert!(quorum.met(&note).is_err());
        note.cosign("c/1", &key(1), 10);
        note.cosign("c/2", &key(2), 20);
        note.sign("c/3", &key(3));
        // Both of one organisation, and a signature of another type: one organisation.
        assert_eq!(quorum.met(&note).unwrap_err().rule, "organisations that cosigned");
        note.cosign("c/3", &key(3), 5);
        assert_eq!(quorum.met(&note).unwrap(), BTreeMap::from([("a".into(), 20), ("b".into(), 5)]));
        note.signatures[0].bytes[30] ^= 1;
        assert_eq!(quorum.met(&note).unwrap_err().rule, "signature of a known key");
        let none = Quorum { threshold: 0, cosigners: Vec::new() };
        assert!(none.met(&note).is_err());
    }
}
