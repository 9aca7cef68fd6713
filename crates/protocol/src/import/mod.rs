//! Declarations from the request bodies that people already have.
//!
//! Two requests that differ for the model never have one identity, two spellings of one request have one, and what cannot
//! be declared honestly is refused with a pointer into the body. `docs/imports.md` has the rules; `formats` has a table for
//! each format, which drives the reader.

mod bytes;
mod choose;
mod envelope;
mod form;
pub mod formats;
mod hint;
pub mod manifest;
mod part;
mod prompt;
mod reader;
pub mod rule;
mod settings;
mod size;
pub mod tables;
#[cfg(test)]
mod tests;

use crate::canon::{self, CanonError, Limits};
use crate::digest::Digest;
use crate::run::{Declaration, LintWarning};
pub use reader::{Decided, Hit, RefusedMember};
use rule::Format;
use serde_json::Value;
pub use size::{Contents, Kept};

/// The version of every rule in this module; it stands in each declaration as `context.importer`.
pub const VERSION: &str = "selfsame/import/v2";

/// A request body: nested less deeply than a declaration, which puts it into messages and parts.
const BODY: Limits = Limits { max_depth: 40, wide: true, ..Limits::DOCUMENT };

/// What stands beside the body.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The format; found out by default, where the body leaves no doubt.
    pub format: Option<&'static Format>,
    /// The model, where it does not stand in the body.
    pub model: Option<String>,
    /// The provider; `unstated` by default, where no member says it beyond doubt.
    pub provider: Option<String>,
    /// The resolved revision of the model; the model's name by default (lint warns).
    pub revision: Option<String>,
    /// Digest of the weights, where they are known.
    pub weights: Option<Digest>,
    /// `context.instance`, for repeats that are to be distinct.
    pub instance: Option<String>,
}

/// A request that can be declared.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its declaration.
    pub declaration: Declaration,
    /// The format by which it was read.
    pub format: &'static str,
    /// What a careful declarer should know.
    pub warnings: Vec<LintWarning>,
    /// What went by digest.
    pub contents: Contents,
}

/// What becomes of each member of a body, whether it can be declared or not.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The format by which it was read.
    pub format: &'static str,
    /// What became of each member, in order of pointers.
    pub decided: Vec<Decided>,
    /// What cannot be declared.
    pub refused: Vec<RefusedMember>,
    /// What a careful declarer should know.
    pub warnings: Vec<LintWarning>,
}

/// Why a body has no declaration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Not strict JSON.
    #[error("{}", hint::display(.0))]
    Canon(CanonError),
    /// No request of a known format.
    #[error("{0}")]
    Unknown(String),
    /// Members that cannot be declared, at least one.
    #[error("{}", display(.0))]
    Refused(Vec<RefusedMember>),
    /// Formats read the body differently.
    #[error("the document: {} read this body differently: say which is meant with --format", .0.join(" and "))]
    Ambiguous(Vec<&'static str>),
    /// Something stated beside the body is not usable.
    #[error("{0}")]
    Stated(String),
}

impl From<CanonError> for ImportError {
    fn from(error: CanonError) -> Self {
        ImportError::Canon(error)
    }
}

impl ImportError {
    /// The places in the body that it is about; the empty pointer is the whole body.
    pub fn pointers(&self) -> Vec<&str> {
        match self {
            ImportError::Canon(error) => vec![&error.pointer],
            ImportError::Refused(all) => all.iter().map(|refused| refused.pointer.as_str()).collect(),
            ImportError::Unknown(_) | ImportError::Ambiguous(_) | ImportError::Stated(_) => vec![""],
        }
    }
}

/// Refusals that are printed at once.
const SHOWN: usize = 8;

fn display(all: &[RefusedMember]) -> String {
    // One refusal is one line, whatever the names in it are.
    let line = |text: &str| text.replace('\r', "\\r").replace('\n', "\\n");
    let place = |pointer: &str| if pointer.is_empty() { "the document".to_owned() } else { line(pointer) };
    let one = |refused: &RefusedMember| format!("{}: {}", place(&refused.pointer), line(&refused.reason));
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(one).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    lines.join("\n")
}

/// The format of a name.
pub fn format(name: &str) -> Option<&'static Format> {
    formats::ALL.iter().copied().find(|format| format.name == name)
}

fn parse(bytes: &[u8]) -> Result<Value, ImportError> {
    Ok(canon::parse(bytes, &BODY).map_err(|error| hint::explain(bytes, error))?)
}

/// Makes the declaration of a request body. A pure function of the body, what is stated beside it, and [`VERSION`].
///
/// # Errors
/// The body is no strict JSON, is of no known format, can be read in two ways, or has members that cannot be declared; all
/// of those are listed, with pointers into the body.
pub fn import(body: &[u8], options: &ImportOptions) -> Result<Imported, ImportError> {
    let (format, reading) = choose::read(body, options, false)?;
    let value = match reading.declaration {
        Some(value) if reading.refused.is_empty() => value,
        _ => return Err(ImportError::Refused(reading.refused)),
    };
    // The declaration's own schema is met by construction; a difference would be a fault of a table.
    let declaration = Declaration::from_value(value).map_err(|error| {
        ImportError::Unknown(format!("the importer made no declaration of this body: {error}; please report it"))
    })?;
    let mut warnings = reading.warnings;
    warnings.extend(hint::line_ends(&declaration));
    Ok(Imported { declaration, format: format.name, warnings, contents: reading.contents })
}

/// The rows that a body reaches in a table, whether it can be declared or not: for the test that no row is left out.
pub fn hits(body: &[u8], options: &ImportOptions) -> Vec<Hit> {
    choose::read(body, options, true).map(|(_, reading)| reading.hits).unwrap_or_default()
}

/// Says what becomes of each member of a body, also of one that cannot be declared.
///
/// # Errors
/// The body is no strict JSON, of no known format, or can be read in two ways.
pub fn explain(body: &[u8], options: &ImportOptions) -> Result<Explanation, ImportError> {
    let (format, reading) = choose::read(body, options, true)?;
    let mut decided = reading.decided;
    decided.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    decided.dedup();
    Ok(Explanation { format: format.name, decided, refused: reading.refused, warnings: reading.warnings })
}
