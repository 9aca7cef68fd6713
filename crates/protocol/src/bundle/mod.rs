//! Everything that a court needs about one substrate or one run, in one file, for verification with the cluster gone; and
//! the proof of an identity statement.
//!
//! JSON lines, each canonical and ended by a line feed; the first is the header:
//! ```text
//! {"bundle":"selfsame/bundle/v2","checkpoints":{"evidence":note,"reasoning":note},"genesis":{…},"head":note,"subject":…}
//! {"submission":{"payload":…,"payloadType":…,"signatures":[…]}}            who asked for the entries behind it
//! {"leaf":"<canonical entry>","ledger":"reasoning","proof":["sha256:…",…]}  every entry of governance, in order
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":["sha256:…",…]}   every entry of the subject, Evidence first
//! ```
//! The submissions of a run's own entries stand before them; those of a substrate's do not stand in the file.
//!
//! A verifier reads line by line. [`prepare`], the costly step (hashing, proofs, signatures), needs no order and can be
//! done for many lines at once; what it gives is applied in the order of the file.
//!
//! | module | |
//! |---|---|
//! | `error` | the first failing check |
//! | `trust` | whom the reader names, and what stands behind a note because of it |
//! | `signers` | whose signature counts under a note, by the history of keys |
//! | `header` | the first line |
//! | `line` | the lines behind the header |
//! | `authors` | who signed each submission, under the history of keys |
//! | `verifier`, `report` | one bundle, and what it says |
//! | `statement` | an identity statement and its proof |
//! | `baseline` | is it the same entity? |

mod authors;
mod baseline;
mod error;
mod header;
mod line;
mod report;
mod signers;
mod statement;
mod trust;
mod verifier;

pub use baseline::same_entity;
pub use error::BundleError;
pub use header::{BUNDLE_START, BUNDLE_TYPE, Header, require_type};
pub use line::{Line, PreparedLine, prepare, submission_line};
pub use report::{End, Found, Report, RunFound, SubstrateFound};
pub use statement::{IDENTITY_PROOF_TYPE, IdentityProof, Stated, verify_statement};
pub use trust::{Checkpoints, Reader, Signed, Voucher, unsatisfied_by};
pub use verifier::{Verifier, verify};

use crate::canon::{self, Limits};
pub(crate) use error::bad;
use serde::{Serialize, de::DeserializeOwned};

/// A line with exactly the members of its type, in canonical form.
fn read<T: DeserializeOwned + Serialize>(text: &str, number: u64) -> Result<T, BundleError> {
    canon::decode_exact(text.as_bytes(), &Limits::DOCUMENT)
        .or_else(|error| bad("BUNDLE_LINE", format!("line {number} in canonical form with its members"), error))
}
