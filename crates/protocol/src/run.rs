//! stub
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementDigests { pub model: Digest, pub prompt: Digest, pub parameters: Digest, pub context: Digest, pub constraints: Digest }
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element { Model, Prompt, Parameters, Context, Constraints }
pub struct Declaration(serde_json::Value);
#[derive(Debug)] pub struct E0; impl E0 { pub fn as_str(&self)->&'static str {""} }
#[derive(Debug)] pub struct E1{pub code:E0} impl std::fmt::Display for E1 { fn fmt(&self,_:&mut std::fmt::Formatter<'_>)->std::fmt::Result{Ok(())}}
impl Declaration { pub fn from_value(v: serde_json::Value)->Result<Self,E1>{Ok(Self(v))} pub fn run_id(&self)->Digest{Digest::of(&crate::canon::to_canonical(&self.0))} pub fn element_digests(&self)->ElementDigests{let d=self.run_id();ElementDigests{model:d,prompt:d,parameters:d,context:d,constraints:d}} }
pub fn compare(_:&ElementDigests,_:&ElementDigests)->Vec<Element>{vec![]}
