//! The digest of a model's files, from a manifest of OpenSSF Model Signing.
//!
//! Such a manifest is a Sigstore bundle around an in-toto statement whose subject's digest is SHA-256 over the digests of
//! the files, in the order in which the statement lists them. It is recomputed here. The signature is not checked.

use crate::canon::{self, Limits};
use crate::digest::{Digest, unhex};
use base64::Engine as _;
use serde_json::Value;

/// The statement's type.
const PREDICATE: &str = "https://model_signing/signature/v1.0";

/// Reads the root digest of a manifest.
///
/// # Errors
/// A sentence that says which member is missing or does not fit.
pub fn root(bytes: &[u8]) -> Result<Digest, String> {
    let bundle = canon::parse(bytes, &Limits::DOCUMENT).map_err(|error| format!("this is no JSON: {error}"))?;
    let payload = bundle["dsseEnvelope"]["payload"].as_str();
    let payload = payload.ok_or("this is no manifest of Model Signing: /dsseEnvelope/payload is missing")?;
    let statement = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .map_err(|error| format!("/dsseEnvelope/payload is no base64: {error}"))?;
    let statement = canon::parse(&statement, &Limits::DOCUMENT)
        .map_err(|error| format!("the signed statement is no JSON: {error}"))?;
    if statement["predicateType"] != PREDICATE {
        return Err(format!("the statement's predicateType is {PREDICATE:?}, found {}", statement["predicateType"]));
    }
    let [subject] = statement["subject"].as_array().map_or(&[][..], Vec::as_slice) else {
        return Err("the statement has one subject, the model".into());
    };
    let stated = sha256(&subject["digest"]["sha256"]).ok_or("/subject/0/digest/sha256 is 64 hex characters")?;
    let files = statement["predicate"]["resources"].as_array().filter(|files| !files.is_empty());
    let files = files.ok_or("/predicate/resources lists the files of the model")?;
    let mut all = Vec::with_capacity(files.len() * 32);
    for (index, file) in files.iter().enumerate() {
        if file["algorithm"] != "sha256" {
            return Err(format!("/predicate/resources/{index}/algorithm is \"sha256\", found {}", file["algorithm"]));
        }
        let digest = sha256(&file["digest"]);
        all.extend(digest.ok_or_else(|| format!("/predicate/resources/{index}/digest is 64 hex characters"))?);
    }
    let computed = Digest::of(&all);
    if computed.as_bytes() != &stated {
        return Err(format!("the statement's subject is not the digest of its files: they give {computed}"));
    }
    Ok(computed)
}

fn sha256(value: &Value) -> Option<[u8; 32]> {
    value.as_str().and_then(unhex).and_then(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(change: impl Fn(&mut Value)) -> Vec<u8> {
        let files = [[1_u8; 32], [2; 32]];
        let root = Digest::of(&files.concat());
        let mut statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "m", "digest": {"sha256": root.hex()}}],
            "predicateType": PREDICATE,
            "predicate": {"resources": files.map(|f| json!({"name": "f", "algorithm": "sha256", "digest": crate::digest::hex(&f)}))},
        });
        change(&mut statement);
        let payload = base64::engine::general_purpose::STANDARD.encode(statement.to_string());
        json!({"dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json"}})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn the_root_is_recomputed_from_the_files() {
        assert_eq!(root(&manifest(|_| {})), Ok(Digest::of(&[[1_u8; 32], [2; 32]].concat())));
        for (part, change) in [
            (
                "not the digest",
                (|s| s["predicate"]["resources"][0]["digest"] = json!("03".repeat(32))) as fn(&mut Value),
            ),
            ("resources/1/algorithm", |s| s["predicate"]["resources"][1]["algorithm"] = json!("blake3")),
            ("predicateType", |s| s["predicateType"] = json!("other")),
            ("one subject", |s| s["subject"] = json!([])),
            ("lists the files", |s| s["predicate"]["resources"] = json!([])),
        ] {
            let error = root(&manifest(change)).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(root(b"{}").unwrap_err().contains("no manifest"));
    }
}
