//! Signing: every text is recomputed from the state that this node applied, whoever asks.

use super::PublishSettings;
use super::archive::Archive;
use super::memory::{Denied, Memory};
use super::publish::{Current, PublishedNote, Publishing};
use crate::metrics::Metrics;
use crate::raft::{Line, Notary, RaftNode};
use crate::store::StateView;
use crate::witness::Witnesses;
use selfsame_env::Env;
use selfsame_machine::state::Node;
use selfsame_machine::{Genesis, head, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::cosignature;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::{AHEAD, HolderStatus, Tree};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, NoteError, Vkey};
use selfsame_protocol::planted;
use selfsame_protocol::subject_head::SubjectHead;
use selfsame_protocol::time::Timestamp;
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
    key: SecretKey,
    pub log_key: SecretKey,
    pub witnesses: Witnesses,
    memory: Mutex<Result<Memory, String>>,
    alarm: watch::Sender<Option<Refusal>>,
}

/// A text that this node is asked to sign, read.
enum Wanted {
    Checkpoint(Ledger, Checkpoint),
    Holder(HolderStatus),
    Subject(SubjectHead),
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
    /// The cosigner of a node, with what it signed and what was published before. `key` is the node's own, from which
    /// the cosigner's is derived.
    pub fn new(
        raft: RaftNode,
        genesis: Arc<Genesis>,
        id: u64,
        key: &SecretKey,
        (settings, witnesses, (archive, notes)): (PublishSettings, Witnesses, (Archive, Vec<String>)),
        env: Env,
        metrics: Arc<Metrics>,
    ) -> Cosigner {
        let cosigner = key.cosigner();
        let _ = planted!("cosigner_forgets") && Memory::create(&*env.disk, &cosigner.public()).is_ok();
        let memory = Memory::open(&*env.disk, &cosigner.public());
        if let Err(reason) = &memory {
            tracing::error!(node = id, %reason, "this node does not cosign: it does not know what it signed last");
            metrics.cosign_alarm();
        }
        let log_key = settings.log_key.clone().unwrap_or_else(|| key.log_key());
        let cosigner = Cosigner(Arc::new(Inner {
            published: Publishing::new(archive),
            raft,
            genesis,
            id,
            settings,
            env,
            metrics,
            key: cosigner,
            log_key,
            witnesses,
            memory: Mutex::new(memory),
            alarm: watch::Sender::new(None),
        }));
        cosigner.0.restore(&notes);
        cosigner.0.raft.serve_notary(&(Arc::clone(&cosigner.0) as Arc<dyn Notary>));
        cosigner
    }

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
        let there = |current: &[Option<Arc<PublishedNote>>; 2]| {
            current[ledger.slot()].as_ref().is_some_and(|note| note.checkpoint.size >= size)
        };
        let current = published.wait_for(there).await.ok()?;
        current[ledger.slot()].clone()
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
        self.0.log_vkey(&self.0.view()?, ledger)
    }

    /// The published checkpoints, Evidence first, whenever one changes.
    pub fn publications(&self) -> watch::Receiver<Current> {
        self.0.published.watch()
    }

    /// Every published note that is kept, oldest first.
    pub fn kept(&self) -> Result<Vec<String>, Refusal> {
        self.0.published.kept().map_err(unreadable)
    }
}

impl Inner {
    pub(super) fn view(&self) -> Result<StateView, Refusal> {
        self.raft.view().map_err(unreadable)
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

    fn wanted(&self, text: &str) -> Result<Wanted, Refusal> {
        if SubjectHead::is_meant(text) {
            let head = SubjectHead::parse(text).map_err(malformed)?;
            if head.origin != self.genesis.origin {
                let sentence = "the subject head is of another cluster";
                return Err(Refusal::new(Code::Malformed, sentence, &self.genesis.origin, head.origin));
            }
            return Ok(Wanted::Subject(head));
        }
        if !HolderStatus::is_meant(text) {
            let checkpoint = Checkpoint::parse(text).map_err(malformed)?;
            return Ok(Wanted::Checkpoint(self.ledger_of(&checkpoint.origin)?, checkpoint));
        }
        let status = HolderStatus::parse(text).map_err(malformed)?;
        if status.origin != self.genesis.origin {
            return Err(Refusal::new(
                Code::Malformed,
                "the holder status is of another cluster",
                &self.genesis.origin,
                status.origin,
            ));
        }
        Ok(Wanted::Holder(status))
    }

    /// Waits a moment until both ledgers have these sizes here.
    pub(super) async fn caught_up(&self, sizes: [u64; 2]) {
        let mut applied = self.raft.applied();
        let there = async {
            loop {
                applied.borrow_and_update();
                let heads = self.view().and_then(|view| heads(&view));
                // What cannot be read is said when it is read for the signature.
                if heads.is_ok_and(|heads| heads[0].size >= sizes[0] && heads[1].size >= sizes[1]) {
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
    fn entitled(&self, view: &StateView) -> Result<Node, Refusal> {
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

    /// Claims trees that were recomputed here; those that are allowed may be signed when this returns.
    pub(super) fn claim(&self, view: &StateView, trees: &[(Ledger, Tree)]) -> Vec<Result<(), Refusal>> {
        let mut kept = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &mut *kept {
            Ok(memory) => memory,
            Err(reason) => {
                let refusal = Refusal::new(
                    Code::Corrupt,
                    "this node lost its memory of what it signed, so it cosigns nothing",
                    "",
                    reason,
                );
                return vec![Err(refusal); trees.len()];
            }
        };
        let root = |ledger, size| read::root(view, ledger, size).map_err(|error| error.to_string());
        let answers = memory.claim(trees, &root);
        if let Some(Denied::Unwritten(error)) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            let reason = format!("a claim could not be made durable: {error}");
            tracing::error!(node = self.id, %reason, "this node cosigns nothing until it is started again");
            self.metrics.cosign_alarm();
            *kept = Err(reason);
        }
        trees
            .iter()
            .zip(answers)
            .map(|((ledger, tree), answer)| answer.map_err(|denied| self.denied(*ledger, tree, denied)))
            .collect()
    }

    fn denied(&self, ledger: Ledger, tree: &Tree, denied: Denied) -> Refusal {
        match denied {
            Denied::Smaller { signed } => {
                let rule = "this node signed a larger tree before, and never signs a smaller one";
                Refusal::new(Code::StateMismatch, rule, format!("{ledger} of {signed} or more"), tree.size)
            }
            Denied::Forked { size, signed, found } => {
                let rule =
                    "this node's own tree is not the one that it signed: its disk is wrong, so it signs nothing more";
                let refusal =
                    Refusal::new(Code::Corrupt, rule, format!("{ledger} of {size} with root {signed}"), found);
                self.raise(&refusal);
                refusal
            }
            Denied::Unread(error) => unreadable(error),
            Denied::Unwritten(error) => Refusal::new(
                Code::Corrupt,
                "this node could not write down what it was about to sign, so it did not sign",
                "",
                error,
            ),
        }
    }

    /// The tree that a checkpoint names, when this node's own state has it with that root.
    fn recompute(&self, view: &StateView, ledger: Ledger, size: u64, root: Digest) -> Result<Tree, Refusal> {
        let (own, _) = read::head(view, ledger).map_err(unreadable)?;
        if size > own {
            let rule = "this node has not applied so many entries yet: ask again, or ask another node";
            return Err(Refusal::new(Code::NotCosigned, rule, format!("{ledger} of {size}"), format!("{own} so far")));
        }
        let found = if planted!("cosigns_what_it_is_asked") { root } else { self.root(view, ledger, size)? };
        if found != root {
            // Whoever asks may lie, so this is no reason to stop; what others published would be.
            self.metrics.cosign_disagreed();
            let refusal = Refusal::new(
                Code::StateMismatch,
                "this node's own state has another root at that size: it does not cosign what it did not compute",
                found,
                root,
            );
            tracing::error!(node = self.id, %ledger, size, %refusal, "asked to cosign another history");
            return Err(refusal);
        }
        Ok(Tree { size, root: found })
    }

    fn same_holder(&self, view: &StateView, asked: &HolderStatus) -> Result<(), Refusal> {
        let own = read::holder(view, &self.genesis, &asked.substrate_id).map_err(unreadable)?;
        let Some(own) = own else {
            let id = &asked.substrate_id;
            return Err(Refusal::new(
                Code::UnknownSubstrate,
                "there is no substrate of this id here: check the id",
                "",
                id,
            ));
        };
        self.recompute(view, Ledger::Evidence, asked.evidence.size, asked.evidence.root)?;
        self.recompute(view, Ledger::Reasoning, asked.reasoning.size, asked.reasoning.root)?;
        // Epochs and states of an epoch only go forward, so whoever holds it now held it in those trees.
        let own = HolderStatus { evidence: asked.evidence, reasoning: asked.reasoning, ..own };
        if own != *asked {
            let (own, asked) = (own.to_text().replace('\n', " "), asked.to_text().replace('\n', " "));
            return Err(Refusal::new(
                Code::StateMismatch,
                "this node's own state has another holder: it does not cosign what it did not compute",
                own,
                asked,
            ));
        }
        Ok(())
    }

    /// Counts the subject's entries here, and makes the statement anew where one is asked for.
    fn same_subject(&self, view: &StateView, asked: &SubjectHead) -> Result<(), Refusal> {
        for (ledger, tree) in asked.trees.iter() {
            self.recompute(view, ledger, tree.size, tree.root)?;
        }
        let time = asked.statement.map(|(time, _)| time);
        let latest = self.env.clock.now_ms().saturating_add(AHEAD * 1_000);
        if let Some(time) = time.filter(|time| time.millis() > latest) {
            let sentence = "the statement's time is beyond this node's clock: set the clock, or ask again later";
            return Err(Refusal::new(Code::StateMismatch, sentence, Timestamp::from_millis(latest), time));
        }
        let trees = asked.trees.each_ref().map(|tree| (tree.size, tree.root));
        let own = head::subject_head(view, &self.genesis, &asked.subject, trees, time).map_err(unreadable)??;
        if own != *asked {
            let (own, asked) = (own.to_text().replace('\n', " "), asked.to_text().replace('\n', " "));
            let sentence =
                "this node's own state has another history of the subject: it does not cosign what it did not compute";
            return Err(Refusal::new(Code::StateMismatch, sentence, own, asked));
        }
        Ok(())
    }

    /// Recomputes, claims, signs: in this order, all from one view.
    fn sign(&self, wanted: Vec<Result<Wanted, Refusal>>) -> Vec<Line> {
        let view = match self.view().and_then(|view| self.entitled(&view).map(|_| view)) {
            Ok(view) => view,
            Err(refusal) => return wanted.iter().map(|_| Err(refusal.clone())).collect(),
        };
        let name = self.genesis.cosigner_name(self.id);
        let mut trees = Vec::new();
        let mut check = |wanted: Wanted| match wanted {
            Wanted::Checkpoint(ledger, asked) => {
                let tree = self.recompute(&view, ledger, asked.size, asked.root)?;
                trees.push((ledger, tree));
                Ok((self.text(ledger, &tree), Some(trees.len() - 1)))
            }
            Wanted::Holder(asked) => self.same_holder(&view, &asked).map(|()| (asked.to_text(), None)),
            Wanted::Subject(asked) => self.same_subject(&view, &asked).map(|()| (asked.to_text(), None)),
        };
        let checked: Vec<Result<_, Refusal>> = wanted.into_iter().map(|wanted| wanted.and_then(&mut check)).collect();
        // One claim for all, because each waits for the disk.
        let claimed = self.claim(&view, &trees);
        let sign = |(text, tree): (String, Option<usize>)| {
            if let Some(refusal) = tree.and_then(|at| claimed.get(at)).and_then(|claim| claim.as_ref().err()) {
                return Err(refusal.clone());
            }
            self.metrics.cosigned();
            Ok(cosignature::sign(&text, &name, &self.key, self.now_s()).to_line().trim_end().to_owned())
        };
        checked.into_iter().map(|text| text.and_then(sign)).collect()
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
pub(super) fn heads(view: &StateView) -> Result<[Tree; 2], Refusal> {
    let tree = |ledger| read::head(view, ledger).map(|(size, root)| Tree { size, root }).map_err(unreadable);
    Ok([tree(Ledger::Evidence)?, tree(Ledger::Reasoning)?])
}

impl Cosigner {
    /// Cosigns texts that this node recomputes; one line for each, in order.
    pub async fn cosign(&self, texts: Vec<String>) -> Vec<Line> {
        let inner = &self.0;
        let wanted: Vec<Result<Wanted, Refusal>> = texts.iter().map(|text| inner.wanted(text)).collect();
        let mut sizes = [0; 2];
        let mut now = false;
        for wanted in wanted.iter().flatten() {
            let (evidence, reasoning) = match wanted {
                Wanted::Checkpoint(Ledger::Evidence, checkpoint) => (checkpoint.size, 0),
                Wanted::Checkpoint(Ledger::Reasoning, checkpoint) => (0, checkpoint.size),
                Wanted::Holder(status) => {
                    now = true;
                    (status.evidence.size, status.reasoning.size)
                }
                Wanted::Subject(head) => (head.trees.evidence.size, head.trees.reasoning.size),
            };
            sizes = [sizes[0].max(evidence), sizes[1].max(reasoning)];
        }
        // Who holds a substrate now is more than what this node happens to have applied.
        if now && let Err(refusal) = inner.raft.linearize().await {
            return texts.iter().map(|_| Err(refusal.clone())).collect();
        }
        inner.caught_up(sizes).await;
        match inner.off(move |inner| inner.sign(wanted)).await {
            Ok(lines) => lines,
            Err(refusal) => texts.iter().map(|_| Err(refusal.clone())).collect(),
        }
    }
}

#[tonic::async_trait]
impl Notary for Inner {
    async fn cosign(self: Arc<Self>, texts: Vec<String>) -> Vec<Line> {
        Cosigner(self).cosign(texts).await
    }
    async fn publish(self: Arc<Self>, notes: Vec<String>) -> Vec<Line> {
        Cosigner(self).publish(notes).await
    }
}
