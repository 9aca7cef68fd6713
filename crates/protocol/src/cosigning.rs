//! Cosigning notes, and checking one line of a cosigner (`cosignature` has the bytes).

use crate::cosignature::{Cosignature, message};
use crate::keys::{PublicKey, SecretKey};
use crate::note::{Note, NoteError, NoteSignature, TYPE_COSIGNATURE, Vkey, bad};

impl Note {
    /// Adds a cosignature: "at `time` seconds, the largest consistent tree that I saw for this origin".
    pub fn cosign(&mut self, name: &str, key: &SecretKey, time: u64) {
        self.signatures.push(sign(&self.text, name, key, time));
    }
}

/// The verifier key of a cosigner.
pub fn vkey(name: &str, key: PublicKey) -> Vkey {
    Vkey { name: name.into(), kind: TYPE_COSIGNATURE, key }
}

/// Cosigns a checkpoint text at `time` seconds since 1970.
pub fn sign(text: &str, name: &str, key: &SecretKey, time: u64) -> NoteSignature {
    let cosignature = Cosignature { time, signature: key.sign(&message(text, time)) };
    NoteSignature { name: name.into(), id: vkey(name, key.public()).id(), bytes: cosignature.to_bytes() }
}

/// Verifies one signature line under a cosigner's key; gives its time. A line of another key, or of a key of another
/// type, is refused: nothing is skipped here, unlike in a whole note.
pub fn verify(text: &str, signature: &NoteSignature, vkey: &Vkey) -> Result<u64, NoteError> {
    if vkey.kind != TYPE_COSIGNATURE {
        return bad("type of a cosigner's key", TYPE_COSIGNATURE, vkey.kind);
    }
    if !vkey.is_of(signature) {
        let found = format!("{}+{}", signature.name, crate::digest::hex(&signature.id));
        return bad("key of a cosignature", format!("{}+{}", vkey.name, crate::digest::hex(&vkey.id())), found);
    }
    let Some(cosignature) = Cosignature::from_bytes(&signature.bytes) else {
        return bad("bytes of a cosignature", 72, signature.bytes.len());
    };
    if !cosignature.holds(text, &vkey.key) {
        return bad("signature of a known key", &vkey.name, "a signature that does not verify");
    }
    Ok(cosignature.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ledger.example/evidence\n3\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n";
    const LINE: &str = "— org-a.example/cosigner /9QVQwAAAABlU/EAe2qaOBbj1QrJWiKd3EChwvUahnXXBi/vwi3IgF0RCmDv5GHFDg3TguNAXVHAjaourgY+AEIye/eUt2Iq3OZwDg==\n";

    #[test]
    fn the_golden_line_is_made_and_verified() {
        let key = SecretKey::from_seed(&[0xa0; 32]);
        let line = sign(TEXT, "org-a.example/cosigner", &key, 1_700_000_000);
        assert_eq!(line.to_line(), LINE);
        assert_eq!(NoteSignature::parse(LINE.trim_end()).unwrap(), line);
        let vkey = vkey("org-a.example/cosigner", key.public());
        assert_eq!(verify(TEXT, &line, &vkey), Ok(1_700_000_000));
        assert_eq!(line.bytes.len(), 72);
    }

    #[test]
    fn each_part_is_bound() {
        let key = SecretKey::from_seed(&[0xa0; 32]);
        let own = vkey("org-a.example/cosigner", key.public());
        let line = sign(TEXT, &own.name, &key, 1_700_000_000);
        let rule = |text: &str, line: &NoteSignature, key: &Vkey| verify(text, line, key).unwrap_err().rule;
        assert_eq!(rule(&TEXT.replace("\n3\n", "\n4\n"), &line, &own), "signature of a known key");
        for at in 0..line.bytes.len() {
            let mut other = line.clone();
            other.bytes[at] ^= 1;
            assert_eq!(rule(TEXT, &other, &own), "signature of a known key", "byte {at}");
        }
        let short = NoteSignature { bytes: line.bytes[..71].to_vec(), ..line.clone() };
        assert_eq!(rule(TEXT, &short, &own), "bytes of a cosignature");
        assert_eq!(rule(TEXT, &line, &vkey("org-b", key.public())), "key of a cosignature");
        assert_eq!(rule(TEXT, &line, &Vkey { kind: 1, ..own }), "type of a cosigner's key");
    }
}
