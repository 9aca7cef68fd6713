//! Signed submissions as DSSE envelopes.
//!
//! ```text
//! PAE = "DSSEv1" SP len(type) SP type SP len(payload) SP payload        (lengths in ASCII decimal)
//! signature = Ed25519 over PAE        submission digest = SHA-256(payload)
//! JSON form  {"payload":base64,"payloadType":…,"signatures":[{"keyid":"sha256:…","sig":base64}]}
//! ```
//! The payload is canonical JSON of a [`Submission`] and names its author's key, so that an envelope verifies alone;
//! whether that key has the right is decided at apply from replicated state.

use crate::canon::{self, CanonCode, Limits};
use crate::code::{Code, Refusal};
use crate::command::{ItemLimits, Submission};
use crate::digest::Digest;
use crate::keys::SecretKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The DSSE payload type of every submission.
pub const PAYLOAD_TYPE: &str = "application/vnd.selfsame.submission.v1+json";

/// A payload and its author's signature. The digest that names the submission covers the payload alone: a second valid
/// signature of the same payload is the same submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Canonical JSON of a [`Submission`].
    pub payload: Vec<u8>,
    /// Ed25519 signature over the PAE.
    pub signature: [u8; 64],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct JsonEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<JsonSignature>,
}
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonSignature {
    keyid: String,
    sig: String,
}

/// DSSE pre-authentication encoding of a payload of [`PAYLOAD_TYPE`].
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

impl Envelope {
    /// Signs a submission; its author key must be `key`'s public key for the envelope to verify.
    pub fn sign(submission: &Submission, key: &SecretKey) -> Self {
        let payload = canon::to_canonical_of(submission);
        let signature = key.sign(&pae(&payload));
        Self { payload, signature }
    }

    /// The binary form on wire and disk: signature (64 bytes) ‖ payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.signature[..], &self.payload].concat()
    }

    /// Splits the binary form; fails only when shorter than a signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let (signature, payload) = bytes.split_first_chunk::<64>().ok_or_else(|| {
            Refusal::new(
                Code::Malformed,
                "this is no envelope: it is too short for a signature of 64 bytes and a payload",
                "65 bytes or more",
                bytes.len(),
            )
        })?;
        Ok(Self { payload: payload.to_vec(), signature: *signature })
    }

    /// The digest that names the submission: SHA-256 of the payload.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// DSSE JSON, for files; `keyid` is the author key's id.
    pub fn to_json(&self, keyid: Digest) -> Vec<u8> {
        canon::to_canonical_of(&JsonEnvelope {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: vec![JsonSignature { keyid: keyid.to_string(), sig: STANDARD.encode(self.signature) }],
        })
    }

    /// Reads DSSE JSON with exactly one signature.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Refusal> {
        let bad = |rule: &str, found: String| Refusal::new(Code::Malformed, rule, "a DSSE envelope", found);
        let value =
            canon::parse(bytes, &Limits::DOCUMENT).map_err(|e| bad("the envelope is no strict JSON", e.to_string()))?;
        let json: JsonEnvelope =
            canon::decode(value).map_err(|e| bad("the envelope does not have the members of DSSE", e.to_string()))?;
        if json.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(
                Code::Malformed,
                "the envelope holds no submission, but something of another type",
                PAYLOAD_TYPE,
                json.payload_type,
            ));
        }
        let [signature] = &json.signatures[..] else {
            return Err(bad(
                "the envelope does not have exactly one signature",
                format!("{} signatures", json.signatures.len()),
            ));
        };
        let decode = |text: &str| {
            STANDARD.decode(text).map_err(|e| bad("a member of the envelope is not padded base64", e.to_string()))
        };
        let signature = <[u8; 64]>::try_from(decode(&signature.sig)?)
            .map_err(|s| bad("the signature does not have 64 bytes", s.len().to_string()))?;
        Ok(Self { payload: decode(&json.payload)?, signature })
    }
}

/// A submission whose bytes, format limits and signature were checked: everything that needs no state.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The envelope as received.
    pub envelope: Envelope,
    /// SHA-256 of the payload.
    pub digest: Digest,
    /// The decoded payload.
    pub submission: Submission,
}

/// Checks everything about an envelope that needs no state: canonical payload, members, limits, signature by the key
/// that the payload names. Pure and independent of other submissions: run it in parallel, off the consensus thread.
pub fn prepare(bytes: &[u8], limits: &ItemLimits) -> Result<Prepared, Refusal> {
    if bytes.len() > limits.max_submission_bytes {
        return Err(Refusal::new(
            Code::LimitExceeded,
            "the submission is too large: send less at a time",
            format!("at most {} bytes", limits.max_submission_bytes),
            bytes.len(),
        ));
    }
    let envelope = Envelope::from_bytes(bytes)?;
    let submission: Submission =
        canon::decode_exact(&envelope.payload, &Limits::SUBMISSION).map_err(|e| match e.code {
            CanonCode::Schema => Refusal::new(Code::Malformed, "the payload is no submission", "", e),
            CanonCode::OtherSpelling => {
                let sentence = "a member of the payload has another spelling than the protocol's: every value has one";
                Refusal::new(Code::Malformed, sentence, "", e)
            }
            _ => Refusal::new(Code::Malformed, "the payload is not in canonical form (RFC 8785)", "canonical JSON", e),
        })?;
    submission.check(limits)?;
    let signed = submission.author.key.verify(&pae(&envelope.payload), &envelope.signature);
    if !signed && !crate::planted!("signature_not_verified") {
        return Err(Refusal::new(
            Code::BadSignature,
            "the signature does not verify: it was made with another key, or the bytes were changed afterwards",
            format!("a signature by {}", submission.author.key),
            "another",
        ));
    }
    Ok(Prepared { digest: envelope.digest(), envelope, submission })
}
