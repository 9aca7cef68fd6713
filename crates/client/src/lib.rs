//! A client of a selfsame cluster: finds a node that answers, retries what is safe, signs, and reads answers into types of
//! its own.
//!
//! A [`Client`] asks; a [`Signer`] signs what the cluster is to decide. A retry sends the same bytes, and the request id
//! inside them makes it safe: an answer that was lost is given again. A chip writes through a [`ChipSession`], which keeps
//! its place while the program runs; after a restart it begins with what the cluster knows. A program that must neither
//! lose nor double a write keeps the signed envelope (`sign_append`, [`Envelope::to_bytes`]) in a file before it is sent, and
//! after a restart submits that one first, with [`Client::submit`]: it is decided once, and its first answer given again.
//! Two programs with one chip key give their requests names of their own ([`ChipSession::set_names`]).
//!
//! [`Envelope::to_bytes`]: selfsame_protocol::envelope::Envelope::to_bytes
//!
//! An error says by [`ClientError::next_step`] whether the same bytes may be sent again, the session is to be taken up from
//! the cluster's state, or the write is to be given up. `examples/session.rs` is a complete program, from the birth of a
//! substrate to its second chip, that does what each error calls for.
//!
//! Receipts, statements and bundles prove themselves, and `selfsame_protocol` checks them without a cluster. Everything
//! else is what one node says: a program keeps the id of its cluster, and does not take it from a node that it asks.
//!
//! # A run, declared before it executes
//!
//! ```no_run
//! use selfsame_client::{Client, Signer};
//! use selfsame_protocol::command::{Command, DeclareRun, Role};
//! use selfsame_protocol::response::RunDeclared;
//! use selfsame_protocol::run::Declaration;
//!
//! # async fn declare(declaration: &[u8], cluster: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().endpoints(["node1.example:7201", "node2.example:7201"]).build()?;
//! // The cluster's name as the program keeps it.
//! let operator = Signer::from_key_file(cluster, Role::Operator, "keys/operator.json")?;
//! // The identity is computed here, and the cluster comes to the same.
//! let declaration = Declaration::parse(declaration)?;
//! let declare = DeclareRun { declaration: declaration.value().clone(), request: Some("case/2026-0311".into()) };
//! let answer = client.submit(&operator.sign_content(Command::DeclareRun(declare))).await?;
//! let declared = RunDeclared::try_from(answer.result)?;
//! assert_eq!(declared.run_id, declaration.run_id());
//! # Ok(())
//! # }
//! ```
//!
//! # A chip's session
//!
//! ```no_run
//! use selfsame_client::{ChipSession, Client, Phase, Signer};
//! use selfsame_protocol::command::{GoalVector, Item};
//! use selfsame_protocol::ledger::Ledger;
//! use serde_json::json;
//!
//! # async fn work(client: &Client, chip: Signer, substrate: &str) -> Result<(), Box<dyn std::error::Error>> {
//! // From what the cluster knows: after a restart it goes on where the last accepted write left it.
//! let state = client.substrate(substrate).await?;
//! let mut session = ChipSession::resumed(chip, &state);
//! if state.phase == Phase::Closed {
//!     let rail = session.open(client).await?;
//!     // VERIFIED and INSUFFICIENT_DEPTH open the session; other outcomes have consequences of their own.
//!     println!("{:?}", rail.outcome());
//! }
//! let item = |text: &str| Item {
//!     ledger: Ledger::Evidence,
//!     data: json!({"observation": text}),
//!     evidence: Vec::new(),
//!     runs: Vec::new(),
//! };
//! session.append(client, vec![item("pressure at pump 17 rose to 4.1 bar")]).await?;
//! // Many appends over one stream, none of which waits for the one before.
//! let batches = (0..1_000).map(|n| vec![item(&n.to_string())]);
//! session.append_all(client, batches, |_, _| {}).await?;
//! let goalvector = GoalVector {
//!     goalvector_id: "goal/close-the-valve".into(),
//!     outcome: json!({"resolved": true}),
//!     evidence: Vec::new(),
//!     runs: Vec::new(),
//! };
//! session.close_cycle(client, "cycle-1", goalvector).await?;
//! // The hash to keep for the next open.
//! let kept = session.close(client).await?.result.continuity_hash;
//! # let _ = kept;
//! # Ok(())
//! # }
//! ```
//!
//! # A receipt, verified by whoever holds it
//!
//! ```no_run
//! use selfsame_client::{Client, EntrySelector};
//! use selfsame_protocol::ledger::Ledger;
//! use selfsame_protocol::merkle::leaf_hash;
//! use selfsame_protocol::policy::Policy;
//! use selfsame_protocol::tlog_proof::TlogProof;
//! use std::time::Duration;
//!
//! # async fn verify(client: &Client, policy: &Policy) -> Result<(), Box<dyn std::error::Error>> {
//! let wanted = EntrySelector::Index(17);
//! let (receipt, leaf) = client.receipt(Ledger::Evidence, wanted, Duration::from_secs(15)).await?;
//! // From here on without any node: the entry stands in the tree, and those whom the reader's policy names cosigned it.
//! let proof = TlogProof::parse(receipt.proof.as_bytes())?;
//! let checkpoint = proof.includes(&leaf_hash(&leaf))?;
//! // Of the ledger and the place that were asked for, and not of others.
//! assert_eq!((checkpoint.origin.as_str(), proof.index), ("ledger.example/evidence", 17));
//! policy.evaluate(&proof.note)?;
//! println!("{} holds {} entries", checkpoint.origin, checkpoint.size);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Calls a method of a service until it answers, moving to the next node when one cannot, and reads the answer.
macro_rules! call {
    ($self:ident, $method:ident, $message:expr, $read:expr) => {{
        let (message, deadline) = ($message, Some($self.timeouts.attempt));
        $self.retry(|channel| $crate::rpc::$method(channel, deadline, message.clone()), $read).await
    }};
}

mod attempt;
mod builder;
mod bundles;
mod chip_session;
mod cluster;
mod error;
mod governance;
mod ledger;
mod lists;
mod next_step;
mod read;
mod receipts;
mod retry;
mod rpc;
mod runs;
mod signer;
mod stream;
mod submission;
mod substrate;
mod substrates;

pub use attempt::AttemptError;
pub use builder::ClientBuilder;
pub use bundles::Bundle;
pub use chip_session::{Activation, Birth, ChipSession, Opening, Sealing};
pub use cluster::{NodeStatus, RegisteredKey, RegisteredNode};
pub use error::ClientError;
pub use governance::{Ballot, BallotStatus, ListedBallot, Unopposed};
pub use ledger::{ConsistencyProof, EntrySelector, InclusionProof, LedgerEntry, LedgerTail};
pub use lists::{ListedChip, ListedSubstrate, Page, SubstrateFilter};
pub use next_step::NextStep;
pub use receipts::{Accepted, Receipt};
pub use runs::{Agreement, DeclaredRun, RunAttestation, RunTie};
pub use signer::Signer;
pub use submission::Written;
pub use substrate::{Holder, HolderStatus, Migration, MigrationState, Phase, Substrate, SubstrateCondition};
pub use substrates::{Rail, RailItem};

pub use selfsame_env::key_file::KeyFileError;

use retry::{NodeChannel, Notice, Timeouts};

/// A client of one cluster. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    nodes: Arc<Vec<NodeChannel>>,
    /// Whose turn it is, counted on and on.
    at: Arc<AtomicUsize>,
    timeouts: Timeouts,
    notice: Option<Notice>,
}
