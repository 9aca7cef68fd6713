//! The five elements of a declaration, and the identity that follows from their digests.

use crate::canon;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// The type string of every declaration.
pub const DECLARATION_TYPE: &str = "selfsame/run-declaration/v1";

crate::named! {
    /// One of the five elements of a run.
    pub enum Element: "an element" {
        /// Which model.
        Model = "model",
        /// What it was told.
        Prompt = "prompt",
        /// How it was to sample.
        Parameters = "parameters",
        /// What it was given besides the prompt.
        Context = "context",
        /// What it had to keep to.
        Constraints = "constraints",
    }
}

/// The digests of the five elements: enough to compare two runs without revealing their content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementDigests {
    /// Digest of the model element.
    pub model: Digest,
    /// Digest of the prompt element.
    pub prompt: Digest,
    /// Digest of the parameters element.
    pub parameters: Digest,
    /// Digest of the context element.
    pub context: Digest,
    /// Digest of the constraints element.
    pub constraints: Digest,
}

impl ElementDigests {
    /// The digest of one element.
    pub const fn get(&self, element: Element) -> Digest {
        match element {
            Element::Model => self.model,
            Element::Prompt => self.prompt,
            Element::Parameters => self.parameters,
            Element::Context => self.context,
            Element::Constraints => self.constraints,
        }
    }
    /// The outer object whose SHA-256 is the run id.
    pub fn outer(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Outer<'a> {
            r#type: &'static str,
            #[serde(flatten)]
            digests: &'a ElementDigests,
        }
        canon::to_canonical_of(&Outer { r#type: DECLARATION_TYPE, digests: self })
    }
    /// The run id.
    pub fn run_id(&self) -> Digest {
        Digest::of(&self.outer())
    }
}

/// The elements in which two declarations differ, from digests alone.
pub fn compare(a: &ElementDigests, b: &ElementDigests) -> Vec<Element> {
    Element::ALL.into_iter().filter(|e| a.get(*e) != b.get(*e)).collect()
}
