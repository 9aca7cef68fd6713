//! stub
use serde_json::Value;
pub struct Limits { pub max_bytes: usize, pub max_depth: usize, pub nulls: bool }
impl Limits { pub const SUBMISSION: Limits = Limits{max_bytes:8<<20,max_depth:64,nulls:true}; pub const LEAF: Limits = Limits{max_bytes:65_535,max_depth:64,nulls:true}; }
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CanonError { pub detail: String }
pub fn parse(b: &[u8], _: &Limits) -> Result<Value, CanonError> { serde_json::from_slice(b).map_err(|e| CanonError{detail:e.to_string()}) }
pub fn to_canonical(v: &Value) -> Vec<u8> { to_canonical_of(v) }
pub fn require_canonical(b: &[u8], l: &Limits) -> Result<Value, CanonError> { parse(b,l) }
pub fn decode<T: serde::de::DeserializeOwned>(v: Value) -> Result<T, CanonError> { serde_json::from_value(v).map_err(|e| CanonError{detail:e.to_string()}) }
pub fn to_canonical_of<T: serde::Serialize>(v: &T) -> Vec<u8> { serde_json_canonicalizer::to_vec(v).unwrap_or_default() }
