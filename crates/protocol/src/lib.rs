//! What the bytes mean.
//!
//! Everything that two organisations must agree on, or that a stranger recomputes, is defined here and nowhere else:
//! canonical JSON, digests, run identity, P104 records and outcomes, the Merkle log, signed notes and offline
//! verification. The crate has no I/O, clock, entropy or async: a verifier depends on it alone.

pub mod amending;
pub mod bundle;
pub mod canon;
pub mod checkpoint_pair;
pub mod code;
pub mod command;
pub mod constitution;
pub mod cosignature;
pub mod cosigning;
pub mod digest;
pub mod entry;
pub mod envelope;
pub mod equivocation;
pub mod form;
pub mod genesis;
pub mod governance;
pub mod holder;
pub mod import;
pub mod keys;
pub mod leaf_header;
pub mod ledger;
pub mod merkle;
pub mod names;
pub mod note;
pub mod number;
pub mod p104;
pub mod planted;
pub mod policy;
pub mod quorum;
pub mod record;
pub mod replay;
pub mod response;
pub mod run;
pub mod spelling;
pub mod subject;
pub mod subject_head;
pub mod time;
pub mod tlog_proof;
pub mod verdict;
pub mod version;
pub mod witness;
