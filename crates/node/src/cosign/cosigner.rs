//! The cosigner of a node: what it has, what it says about itself, and whether it may sign.

use super::PublishSettings;
use super::memory::CosignMemory;
use super::published::{PublishedNote, PublishedNotes, Publishing};
use crate::metrics::Metrics;
use crate::raft::RaftNode;
use crate::store::StateView;
use crate::witness::Witnesses;
use selfsame_env::Env;
use selfsame_machine::state::RegisteredNode;
use selfsame_machine::{Genesis, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::Tree;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::note::{Checkpoint, NoteError, Vkey};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a request waits for entries that are not applied here yet: longer than followers usually lag.
const BEHIND: Duration = Duration::from_secs(1);

/// This node's cosigner. Clones are the same one.
#[derive(Clone)]
pub struct Cosigner(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub raft: RaftNode,
    pub genesis: Arc<Genesis>,
    pub id: u64,
    pub settings: PublishSettings,
    pub env: Env,
    pub metrics: Arc<Metrics>,
    pub published: Publishing,
    pub key: SecretKey,
    pub log_key: SecretKey,
    pub witnesses: Witnesses,
    pub memory: Mutex<Result<CosignMemory, String>>,
    pub alarm: watch::Sender<Option<Refusal>>,
}

pub(super) fn malformed(error: NoteError) -> Refusal {
    Refusal::new(Code::Malformed, &format!("this is no note: its {} is wrong", error.rule), error.expected, error.found)
}

pub(super) fn unreadable(error: impl ToString) -> Refusal {
    Refusal::new(
        Code::Corrupt,
        "what this node has stored cannot be read or does not match its digest: ask another node",
        "",
        error,
    )
}

impl Cosigner {
    /// Why this node stopped signing, once it found that its own history is not what it signed or what others published.
    pub fn alarm(&self) -> watch::Receiver<Option<Refusal>> {
        self.0.alarm.subscribe()
    }

    /// The published checkpoint of a ledger.
    pub fn published(&self, ledger: Ledger) -> Option<Arc<PublishedNote>> {
        self.0.published.current(ledger)
    }

    /// Waits until a checkpoint of at least `size` entries is published here.
    pub async fn published_from(&self, ledger: Ledger, size: u64) -> Option<Arc<PublishedNote>> {
        let mut published = self.0.published.watch();
        let there =
            |current: &PublishedNotes| current[ledger].as_ref().is_some_and(|note| note.checkpoint.size >= size);
        let current = published.wait_for(there).await.ok()?;
        current[ledger].clone()
    }

    /// The published checkpoint of a ledger, or the refusal that says why there is none.
    pub fn checkpoint(&self, ledger: Ledger) -> Result<Arc<PublishedNote>, Refusal> {
        self.published(ledger).ok_or_else(|| {
            let found = self.problem().unwrap_or_else(|| "none published yet".into());
            Refusal::new(
                Code::NotCosigned,
                "no checkpoint of this ledger was cosigned by enough organisations yet: ask again later",
                "",
                found,
            )
        })
    }

    /// Why nothing newer is published, as far as this node knows.
    pub fn problem(&self) -> Option<String> {
        let alarm = self.0.alarm.borrow().as_ref().map(ToString::to_string);
        let memory = || self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).as_ref().err().cloned();
        alarm.or_else(memory).or_else(|| self.0.published.problem())
    }

    /// The recorded log key of a ledger, when the cluster has a publisher.
    pub fn log_key(&self, ledger: Ledger) -> Result<Option<Vkey>, Refusal> {
        self.0.read(|view| self.0.log_vkey(view, ledger))
    }

    /// The published checkpoints, Evidence first, whenever one changes.
    pub fn publications(&self) -> watch::Receiver<PublishedNotes> {
        self.0.published.watch()
    }

    /// Every published note that is kept, oldest first.
    pub fn kept(&self) -> Result<Vec<String>, Refusal> {
        self.0.published.kept().map_err(unreadable)
    }
}

impl Inner {
    /// A view of the state, for work that runs off the threads that serve.
    pub(super) fn view(&self) -> Result<StateView, Refusal> {
        self.raft.view().map_err(unreadable)
    }

    /// Reads from a view of the state, where that holds up no other task.
    pub(super) fn read<T>(&self, work: impl FnOnce(&StateView) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.raft.read(|view| work(&view)).map_err(unreadable)?
    }

    pub(super) fn now_s(&self) -> u64 {
        self.env.clock.now_ms() / 1_000
    }

    pub(super) fn root(&self, view: &StateView, ledger: Ledger, size: u64) -> Result<Digest, Refusal> {
        read::root(view, ledger, size).map_err(unreadable)
    }

    /// Stops signing for good, aloud.
    pub(super) fn raise(&self, refusal: &Refusal) {
        self.alarm.send_if_modified(|alarm| {
            if alarm.is_some() {
                return false;
            }
            tracing::error!(node = self.id, %refusal, "histories differ: this node signs nothing any more");
            // Somebody else may answer: for whoever asks here, this node is out of service.
            *alarm = Some(Refusal { code: Code::Quarantined, ..refusal.clone() });
            true
        });
        self.metrics.cosign_alarm();
    }

    /// Which ledger has this origin.
    pub(super) fn ledger_of(&self, origin: &str) -> Result<Ledger, Refusal> {
        let found = Ledger::BOTH.into_iter().find(|ledger| self.genesis.ledger_origin(*ledger) == origin);
        let expected = || format!("{}/evidence or {}/reasoning", self.genesis.origin, self.genesis.origin);
        found.ok_or_else(|| Refusal::new(Code::Malformed, "the checkpoint is of another log", expected(), origin))
    }

    /// Waits a moment until both ledgers have these sizes here.
    pub(super) async fn caught_up(&self, sizes: PerLedger<u64>) {
        let mut applied = self.raft.applied();
        let there = async {
            loop {
                applied.borrow_and_update();
                let heads = self.read(heads);
                // What cannot be read is said when it is read for the signature.
                if heads.is_ok_and(|heads| heads.iter().all(|(ledger, tree)| tree.size >= sizes[ledger])) {
                    return;
                }
                if applied.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(BEHIND, there).await;
    }

    /// This node as the state has it, when it may sign.
    pub(super) fn entitled(&self, view: &StateView) -> Result<RegisteredNode, Refusal> {
        if let Some(refusal) = self.alarm.borrow().clone() {
            return Err(refusal);
        }
        if let Some(reason) = self.raft.fatal().borrow().clone() {
            return Err(Refusal::new(Code::Quarantined, "this node stopped taking part: ask another one", "", reason));
        }
        let own = read::nodes(view).map_err(unreadable)?.into_iter().find(|node| node.id.0 == self.id);
        match own {
            Some(node) if node.counts() && node.cosigner == self.key.public() => Ok(node),
            Some(node) if node.counts() => {
                let found = self.key.public();
                Err(Refusal::new(
                    Code::UnknownKey,
                    "this node runs with another cosigner key than the one recorded for it: start it with its own key file",
                    node.cosigner,
                    found,
                ))
            }
            _ => {
                let rule = "this node does not cosign: it was not enrolled, or was retired or quarantined";
                Err(Refusal::new(Code::UnknownNode, rule, "", format!("node {}", self.id)))
            }
        }
    }

    /// Whether this node has the recorded log key, for the organisation that is the publisher.
    pub(super) fn publishes(&self, view: &StateView) -> Result<bool, Refusal> {
        let publisher = read::publication(view).map_err(unreadable)?.publisher;
        let own = self.entitled(view)?;
        Ok(publisher.is_some_and(|p| p.organisation == own.organisation && p.log_key == self.log_key.public()))
    }

    /// The checkpoint text of a tree.
    pub(super) fn text(&self, ledger: Ledger, tree: &Tree) -> String {
        Checkpoint { origin: self.genesis.ledger_origin(ledger), size: tree.size, root: tree.root }.to_text()
    }

    /// Runs blocking work of this cosigner off the threads that serve.
    pub(super) async fn off<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let inner = self.clone();
        let ended = |error| Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", error);
        self.env.executor.run(move || work(&inner)).await.map_err(ended)
    }
}

/// Both ledgers as applied.
pub(super) fn heads(view: &StateView) -> Result<PerLedger<Tree>, Refusal> {
    let tree = |ledger| read::head(view, ledger).map(|(size, root)| Tree { size, root }).map_err(unreadable);
    PerLedger::try_from_fn(tree)
}
