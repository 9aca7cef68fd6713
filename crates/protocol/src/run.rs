//! stub
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementDigests { pub model: Digest, pub prompt: Digest, pub parameters: Digest, pub context: Digest, pub constraints: Digest }
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element { Model, Prompt, Parameters, Context, Constraints }
