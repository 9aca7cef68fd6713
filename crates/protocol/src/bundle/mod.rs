//! Everything that a court needs about one substrate or one run, in one file, for verification with the cluster gone.
//!
//! JSON lines, each canonical and ended by a line feed; the first is the header, and its `bundle` says which kind it is:
//! ```text
//! {"bundle":"selfsame/substrate-bundle/v1", …}          or          {"bundle":"selfsame/run-bundle/v1", …}
//! {"submission":{"payload":…,"payloadType":…,"signatures":[…]}}      who asked for it (run bundles)
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":["sha256:…",…]}
//! ```
//! A verifier reads line by line. [`prepare`], the costly step (hashing, proofs, signatures), needs no order and can be
//! done for many lines at once; what it gives is applied in the order of the file.
//!
//! | module | |
//! |---|---|
//! | `error` | the first failing check |
//! | `trust` | whom the reader believes; checkpoints under it |
//! | `line` | the lines behind the header |
//! | `authors` | who signed each submission, under the history of keys |
//! | `statement` | what a node signs about the whole file |
//! | `substrate`, `run` | the two kinds |

mod authors;
mod error;
mod line;
mod run;
mod statement;
mod substrate;
mod trust;

pub use error::{BundleError, not_included};
pub use line::{Line, Prepared, prepare, submission_line};
pub use run::{RUN_BUNDLE_TYPE, RunHeader, RunReport, RunVerifier};
pub use statement::{RunStatement, TAG_RUN_STATEMENT, statement_signers, verify_statement};
pub use substrate::{BUNDLE_TYPE, Header, Report, Verifier, same_entity, verify};
pub use trust::{Checkpoints, Trust, checkpoint, unsatisfied_by};

use crate::canon::{self, Limits};
use error::{bad, undecided};
use serde::{Serialize, de::DeserializeOwned};

/// Kinds of bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`BUNDLE_TYPE`].
    Substrate,
    /// [`RUN_BUNDLE_TYPE`].
    Run,
}

impl Kind {
    /// The kind that a header names. The type stands first in its canonical form and is read before anything else: of
    /// another version nothing can be said, whatever its other members are.
    pub fn of(first: &str) -> Result<Kind, BundleError> {
        let named = first.strip_prefix("{\"bundle\":\"").and_then(|rest| rest.split_once('"'));
        match named {
            Some((BUNDLE_TYPE, _)) => Ok(Kind::Substrate),
            Some((RUN_BUNDLE_TYPE, _)) => Ok(Kind::Run),
            Some((other, _)) => {
                undecided("BUNDLE_TYPE", format!("{BUNDLE_TYPE} or {RUN_BUNDLE_TYPE}"), error::cut(other))
            }
            None => bad("BUNDLE_LINE", "a header whose first member is its type", error::cut(first)),
        }
    }

    fn require(self, first: &str) -> Result<(), BundleError> {
        match Kind::of(first)? {
            found if found == self => Ok(()),
            found => undecided(
                "BUNDLE_TYPE",
                format!("a bundle of a {self:?}").to_lowercase(),
                format!("{found:?}").to_lowercase(),
            ),
        }
    }
}

/// A line with exactly the members of its type, in canonical form.
fn read<T: DeserializeOwned + Serialize>(text: &str, number: u64) -> Result<T, BundleError> {
    canon::decode_exact(text.as_bytes(), &Limits::DOCUMENT)
        .or_else(|error| bad("BUNDLE_LINE", format!("line {number} in canonical form with its members"), error))
}
