//! The run decided once more: every committed log entry is applied to a state of its own, in memory, one submission
//! after the other. What the nodes store is compared with it, and what each submission did is there to be judged.

use super::snapshot::Snapshot;
use prost::Message as _;
use selfsame_machine::state::{META_DIGEST, META_GENESIS, Substrate, load};
use selfsame_machine::view::{Changes, Model, Overlay, Table, View};
use selfsame_machine::{Batch, Genesis, Outcome};
use selfsame_node::raft::RaftNode;
use selfsame_protocol::command::{
    Amend, Append, CloseCycle, CloseSession, Command, FencingToken, OpenSession, Seal, Submission,
};
use selfsame_protocol::digest::{Digest, hex};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::time::Timestamp;
use selfsame_wire::raft::v1 as pb;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A ledger entry with the hash that names it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// RFC 6962 leaf hash.
    pub hash: Digest,
    /// The entry.
    pub entry: Entry,
}

/// A substrate before and after a submission.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Absent at a birth.
    pub before: Option<Substrate>,
    /// What was stored.
    pub after: Substrate,
}

/// What one submission did.
#[derive(Clone, Debug)]
pub struct Op {
    /// Log index.
    pub index: u64,
    /// Digest of the payload: the submission's name.
    pub digest: Digest,
    /// Digest of signature and payload, as a client knows it.
    pub envelope: Digest,
    /// The submission.
    pub submission: Submission,
    /// Its answer.
    pub outcome: Outcome,
    /// Entries that it appended, Evidence before Reasoning, each in order.
    pub leaves: Vec<Leaf>,
    /// Substrates that it stored.
    pub touched: Vec<Touched>,
    /// Everything that it stored.
    pub changes: Changes,
}

impl Op {
    /// Whether it was decided here and not only answered again.
    pub fn fresh(&self) -> bool {
        self.changes.contains_key(&(Table::Submissions, self.digest.as_bytes().to_vec()))
    }

    /// Whether it was accepted here.
    pub fn accepted(&self) -> bool {
        self.outcome.is_ok() && self.fresh()
    }

    /// Id of the author's key: the chip, when a chip wrote.
    pub fn author(&self) -> Digest {
        self.submission.author.key.id()
    }

    /// The substrate and the right that a chip's write claims.
    pub fn fence(&self) -> Option<(&SubstrateId, FencingToken)> {
        match &self.submission.command {
            Command::OpenSession(OpenSession { substrate_id, fence, .. })
            | Command::Append(Append { substrate_id, fence, .. })
            | Command::Amend(Amend { substrate_id, fence, .. })
            | Command::CloseCycle(CloseCycle { substrate_id, fence, .. })
            | Command::CloseSession(CloseSession { substrate_id, fence, .. })
            | Command::Seal(Seal { substrate_id, fence, .. }) => Some((substrate_id, *fence)),
            _ => None,
        }
    }

    /// The stored change of a substrate.
    pub fn substrate(&self, id: &str) -> Option<&Touched> {
        self.touched.iter().find(|touched| touched.after.substrate_id == id)
    }
}

/// Digests remembered: more indexes than nodes lag behind each other.
const KEPT: usize = 20_000;

/// The state of its own.
pub struct Shadow {
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    model: Model,
    next: u64,
    digest: String,
    digests: BTreeMap<u64, String>,
    jumps: u64,
}

impl Shadow {
    /// The state before the first entry.
    pub fn new(genesis: Arc<Genesis>) -> Shadow {
        let mut model = Model::default();
        model.commit(genesis.changes());
        Shadow { genesis, model, next: 0, digest: String::new(), digests: BTreeMap::new(), jumps: 0 }
    }

    /// The state after everything applied so far.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The index after the last entry applied here.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The state digest after an index: `None` when it is not known here.
    pub fn digest(&self, index: u64) -> Option<&str> {
        self.digests.get(&index).map(String::as_str)
    }

    /// How often entries were purged before they were seen here, so that a node's state had to be taken over.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// Applies what some running node has applied and this state has not; gives what was done.
    pub fn follow(&mut self, world: &Snapshot) -> Result<Vec<Op>, String> {
        let sound = world.nodes.iter().filter(|node| !world.damaged.contains(&node.id));
        let furthest = sound.max_by_key(|node| (node.status.applied, std::cmp::Reverse(node.id)));
        let Some(node) = furthest.filter(|node| node.status.applied >= self.next) else { return Ok(Vec::new()) };
        self.read(&node.raft, node.status.applied).map_err(|what| format!("node {}: {what}", node.id))
    }

    fn read(&mut self, raft: &RaftNode, applied: u64) -> Result<Vec<Op>, String> {
        let rows = raft.stored_log(self.next, applied + 1).map_err(|error| error.to_string())?;
        if rows.first().is_none_or(|(index, _)| *index != self.next) {
            return self.jump(raft).map(|()| Vec::new());
        }
        let mut ops = Vec::new();
        for (index, bytes) in rows {
            ops.extend(self.entry(index, &bytes)?);
        }
        Ok(ops)
    }

    /// Takes a node's state over: its log begins after what was seen here.
    fn jump(&mut self, raft: &RaftNode) -> Result<(), String> {
        let view = raft.view().map_err(|error| error.to_string())?;
        let mut changes = Changes::new();
        for table in Table::ALL {
            let rows = view.scan(*table, &[], &[255; 512], usize::MAX).map_err(|error| error.to_string())?;
            changes.extend(rows.into_iter().map(|(key, value)| ((*table, key), Some(value))));
        }
        self.model = Model::default();
        self.model.commit(changes);
        self.next = view.applied_index() + 1;
        self.digest = view.applied().map(|applied| applied.digest.clone()).unwrap_or_default();
        self.jumps += 1;
        Ok(())
    }

    /// Applies one log entry.
    pub fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<Vec<Op>, String> {
        use pb::log_entry::Payload;
        if index != self.next {
            return Err(format!("log entry {index} follows {}", self.next));
        }
        let entry = pb::LogEntry::decode(bytes).map_err(|error| format!("log entry {index}: {error}"))?;
        let ops = match entry.payload {
            Some(Payload::Proposal(proposal)) => self.proposal(index, &proposal)?,
            Some(Payload::Blank(_) | Payload::Membership(_)) | None => Vec::new(),
        };
        self.next = index + 1;
        self.digests.insert(index, self.digest.clone());
        while self.digests.len() > KEPT {
            self.digests.pop_first();
        }
        Ok(ops)
    }

    fn proposal(&mut self, index: u64, proposal: &pb::Proposal) -> Result<Vec<Op>, String> {
        let time = Timestamp::from_millis(proposal.time_ms);
        let submissions: Vec<_> =
            proposal.submissions.iter().map(|bytes| prepare(bytes, &self.genesis.limits)).collect();
        let batch = Batch { time, submissions };
        let fatal = |error: selfsame_machine::Fatal| format!("log entry {index}: {error}");
        let mut whole = selfsame_machine::apply(&self.model, index, &batch).map_err(fatal)?;
        let mut ops = Vec::new();
        if let [submission] = &batch.submissions[..] {
            if let (Ok(prepared), Some(outcome)) = (submission, whole.outcomes.pop()) {
                ops.push(op(&self.model, index, prepared, outcome, whole.changes.clone())?);
            }
        } else {
            // One after the other: what a submission does may not depend on how submissions share log entries.
            let mut over = Overlay::new(&self.model);
            for (at, submission) in batch.submissions.iter().enumerate() {
                let single = Batch { time, submissions: vec![submission.clone()] };
                let mut applied = selfsame_machine::apply(&over, index, &single).map_err(fatal)?;
                let outcome = applied.outcomes.pop();
                if outcome.as_ref() != whole.outcomes.get(at) {
                    return Err(format!("log entry {index}: submission {at} is answered otherwise when applied alone"));
                }
                if let (Ok(prepared), Some(outcome)) = (submission, outcome) {
                    ops.push(op(&over, index, prepared, outcome, applied.changes.clone())?);
                }
                over.absorb(applied.changes);
            }
            let differ = |a: &Changes, b: &Changes| {
                a.iter().any(|(key, value)| *key != (Table::Meta, META_DIGEST.to_vec()) && b.get(key) != Some(value))
            };
            if !batch.submissions.is_empty()
                && (differ(over.changes(), &whole.changes) || differ(&whole.changes, over.changes()))
            {
                return Err(format!("log entry {index}: applied together its submissions store something else"));
            }
        }
        self.digest = hex(&whole.digest);
        self.model.commit(whole.changes);
        Ok(ops)
    }

    /// Whether the genesis is still the one of the beginning.
    pub fn keeps_genesis(&self) -> bool {
        load::<Genesis>(&self.model, Table::Meta, META_GENESIS)
            .is_ok_and(|found| found.as_ref() == Some(&*self.genesis))
    }
}

fn op(
    before: &dyn View,
    index: u64,
    prepared: &selfsame_protocol::envelope::Prepared,
    outcome: Outcome,
    changes: Changes,
) -> Result<Op, String> {
    let mut leaves = Vec::new();
    let mut touched = Vec::new();
    for ((table, key), value) in &changes {
        let Some(value) = value else { continue };
        match table {
            Table::Evidence | Table::Reasoning => {
                let entry = Entry::from_leaf(value).map_err(|error| format!("log entry {index}: a leaf: {error}"))?;
                let ledger = if *table == Table::Evidence { Ledger::Evidence } else { Ledger::Reasoning };
                if entry.ledger != ledger || key[..] != entry.index.0.to_be_bytes() {
                    return Err(format!(
                        "log entry {index}: a leaf of {} {} stands elsewhere",
                        entry.ledger, entry.index
                    ));
                }
                leaves.push(Leaf { hash: Entry::hash_of(value), entry });
            }
            Table::Substrates => {
                let after: Substrate = serde_json::from_slice(value)
                    .map_err(|error| format!("log entry {index}: a substrate: {error}"))?;
                let before = load(before, Table::Substrates, key).map_err(|error| error.to_string())?;
                touched.push(Touched { before, after });
            }
            _ => {}
        }
    }
    Ok(Op {
        index,
        digest: prepared.digest,
        envelope: Digest::of(&prepared.envelope.to_bytes()),
        submission: prepared.submission.clone(),
        outcome,
        leaves,
        touched,
        changes,
    })
}
