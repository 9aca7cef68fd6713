//! The collector: asks every node to cosign what is applied here, and hands round what enough organisations signed.
//!
//! The leader collects. When nothing is published although there is something to publish, the other nodes take its
//! place, one after the other. Several collectors at once do no harm: a cosigner signs one root of a size, whoever asks,
//! and a larger tree takes the place of a smaller one.

use super::cosigner::{Cosigner, heads, unreadable};
use crate::raft::RaftRole;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use selfsame_machine::read;
use selfsame_protocol::cosigning;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Note, NoteSignature, Vkey};
use selfsame_protocol::quorum::Quorum;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Wait for further cosignatures once there are enough: about one round trip between continents.
const GRACE: Duration = Duration::from_millis(150);
/// Looks without a newer note after which the first other node collects; each further one waits two more.
const SILENCE: u32 = 6;
/// Notes being handed round at once; more means that nodes do not answer, and the next note reaches them as well.
const ROUNDS: usize = 8;

/// Collects until the node stops.
pub async fn run(cosigner: Cosigner) {
    let every = Duration::from_millis(cosigner.0.settings.every_ms);
    if every.is_zero() {
        return;
    }
    let stop = cosigner.0.env.shutdown.clone();
    let collecting = async {
        let mut handing = JoinSet::new();
        let mut published = cosigner.0.published.watch();
        let mut due_since = None;
        loop {
            tokio::time::sleep(every).await;
            while handing.try_join_next().is_some() {}
            if published.has_changed().unwrap_or_default() {
                published.borrow_and_update();
                due_since = None;
            }
            if !cosigner.due() {
                due_since = None;
                continue;
            }
            let since = *due_since.get_or_insert_with(Instant::now);
            if since.elapsed() < cosigner.patience(every) {
                continue;
            }
            match cosigner.collect(&mut handing).await {
                Ok(()) => cosigner.0.metrics.published(),
                Err(problem) => {
                    cosigner.0.metrics.publication_failed();
                    cosigner.0.published.set_problem(Some(problem));
                }
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(collecting).await;
}

impl Cosigner {
    /// Whether there is something to publish: a tree that grew, or a note that is too old.
    fn due(&self) -> bool {
        let inner = &self.0;
        // A learner may still be catching up: it would ask for trees that others passed long ago.
        if matches!(inner.raft.status().role, RaftRole::Learner | RaftRole::Stopped) {
            return false;
        }
        let Ok(heads) = inner.read(heads) else { return false };
        let now = inner.now_s();
        heads.into_iter().any(|(ledger, head)| match self.published(ledger) {
            None => true,
            Some(note) => {
                let age = now.saturating_sub(note.time).saturating_mul(1_000);
                note.checkpoint.size < head.size || age >= inner.settings.refresh_ms.max(1_000)
            }
        })
    }

    /// How long this node leaves it to others: not at all while it leads.
    fn patience(&self, every: Duration) -> Duration {
        let inner = &self.0;
        let status = inner.raft.status();
        if status.role == RaftRole::Leader {
            return Duration::ZERO;
        }
        let others = status.voters.iter().map(|(id, _)| *id).filter(|id| Some(*id) != status.leader);
        let rank = others.filter(|id| *id < inner.id).count();
        every.saturating_mul(SILENCE.saturating_add(u32::try_from(rank).unwrap_or(u32::MAX).saturating_mul(2)))
    }

    /// One round over both ledgers.
    async fn collect(&self, handing: &mut JoinSet<()>) -> Result<(), String> {
        let inner = &self.0;
        let said = |refusal: selfsame_protocol::code::Refusal| refusal.to_string();
        let known = inner.read(|view| {
            let heads = heads(view)?;
            let texts: Vec<String> = heads.iter().map(|(ledger, tree)| inner.text(ledger, tree)).collect();
            let quorum = read::quorum(view, &inner.genesis).map_err(unreadable)?;
            let nodes = read::nodes(view).map_err(unreadable)?;
            let nodes: Vec<_> = nodes.into_iter().filter(|node| node.counts() && node.id.0 != inner.id).collect();
            let publication = read::publication(view).map_err(unreadable)?;
            let own = inner.publishes(view)?;
            let of = publication.publisher.filter(|_| !own).map(|publisher| publisher.organisation);
            let publishers: Vec<u64> =
                nodes.iter().filter(|node| Some(&node.organisation) == of.as_ref()).map(|node| node.id.0).collect();
            let log_keys: Result<Vec<_>, _> =
                Ledger::BOTH.into_iter().map(|ledger| inner.log_vkey(view, ledger)).collect();
            let others: Vec<u64> = nodes.iter().map(|node| node.id.0).collect();
            Ok((texts, quorum, others, publishers, log_keys?, own))
        });
        let (texts, quorum, others, publishers, log_keys, own) = known.map_err(said)?;
        let (mut notes, silent) = self.gather(&texts, &quorum, &others).await;
        for note in &notes {
            quorum.met(note).map_err(|error| format!("{error}; {}", silent.join("; ")))?;
        }
        // The publisher's key signs only what enough organisations vouch for.
        if own {
            notes = self.add_own_log_lines(notes).await.map_err(said)?;
        }
        for publisher in publishers {
            if self.add_log_lines(publisher, &mut notes, &log_keys).await {
                break;
            }
        }
        self.add_witness_lines(&mut notes).await?;
        let taken = self.publish(notes.iter().map(Note::to_text).collect()).await;
        for (note, line) in notes.iter_mut().zip(taken) {
            let line = line.map_err(said)?;
            if !line.is_empty()
                && let Ok(signature) = NoteSignature::parse(&line)
            {
                note.signatures.insert(0, signature);
            }
        }
        let texts: Vec<String> = notes.iter().map(Note::to_text).collect();
        let limit = Duration::from_millis(inner.settings.timeout_ms);
        for node in others {
            if handing.len() >= ROUNDS * 8 {
                break;
            }
            let (raft, texts) = (inner.raft.clone(), texts.clone());
            handing.spawn(async move {
                match raft.ask_publish(node, &texts, limit).await {
                    Ok(lines) => {
                        for refusal in lines.into_iter().filter_map(Result::err) {
                            tracing::warn!(node, %refusal, "a node does not take a published checkpoint");
                        }
                    }
                    Err(reason) => tracing::debug!(node, reason, "a published checkpoint was not handed over"),
                }
            });
        }
        Ok(())
    }

    /// Notes over these texts with the cosignatures of all nodes that answer in time; and what the others said.
    pub(super) async fn gather(&self, texts: &[String], quorum: &Quorum, others: &[u64]) -> (Vec<Note>, Vec<String>) {
        let inner = &self.0;
        let limit = Duration::from_millis(inner.settings.timeout_ms);
        let mut notes: Vec<Note> = texts.iter().map(|text| Note::new(text.clone())).collect();
        let mut silent = Vec::new();
        let own = self.cosign(texts.to_vec()).await;
        let mut take =
            |node: u64, answer: Result<Vec<crate::raft::SignatureLine>, String>, notes: &mut Vec<Note>| match answer {
                Err(reason) => silent.push(format!("node {node}: {reason}")),
                Ok(lines) => {
                    for (note, line) in notes.iter_mut().zip(lines) {
                        let name = inner.genesis.cosigner_name(node);
                        let key = quorum.cosigners.iter().find(|cosigner| cosigner.vkey.name == name);
                        let checked = line.map_err(|refusal| refusal.to_string()).and_then(|line| {
                            let signature = NoteSignature::parse(&line).map_err(|error| error.to_string())?;
                            let key = key.ok_or_else(|| format!("{name} is no cosigner"))?;
                            cosigning::verify(&note.text, &signature, &key.vkey).map_err(|error| error.to_string())?;
                            Ok(signature)
                        });
                        match checked {
                            Ok(signature) => note.signatures.push(signature),
                            Err(reason) => silent.push(format!("node {node}: {reason}")),
                        }
                    }
                }
            };
        take(inner.id, Ok(own), &mut notes);
        let ask = |node: u64| async move { (node, inner.raft.ask_cosign(node, texts, limit).await) };
        let mut asked: FuturesUnordered<_> = others.iter().map(|node| ask(*node)).collect();
        let deadline = Instant::now() + limit;
        let mut until = deadline;
        loop {
            tokio::select! {
                biased;
                answer = asked.next() => match answer {
                    Some((node, answer)) => take(node, answer, &mut notes),
                    None => break,
                },
                () = sleep_until(until) => break,
            }
            if until == deadline && notes.iter().all(|note| quorum.met(note).is_ok()) {
                until = deadline.min(Instant::now() + GRACE);
            }
        }
        for note in &mut notes {
            note.signatures.sort_by(|one, other| one.name.cmp(&other.name));
        }
        (notes, silent)
    }

    /// Asks a node of the publisher for its lines; true when it gave one for each note.
    async fn add_log_lines(&self, node: u64, notes: &mut [Note], keys: &[Option<Vkey>]) -> bool {
        let inner = &self.0;
        let texts: Vec<String> = notes.iter().map(Note::to_text).collect();
        let limit = Duration::from_millis(inner.settings.timeout_ms);
        let lines = match timeout(limit, inner.raft.ask_publish(node, &texts, limit)).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(reason)) => {
                tracing::debug!(node, reason, "the publisher does not answer");
                return false;
            }
            Err(_) => return false,
        };
        let mut all = true;
        for ((note, line), key) in notes.iter_mut().zip(lines).zip(keys) {
            match line {
                Ok(line) => all &= add_log_line(note, &line, key.as_ref()),
                Err(refusal) => {
                    tracing::warn!(node, %refusal, "the publisher does not sign");
                    all = false;
                }
            }
        }
        all
    }
}

/// Puts the log's line first, as readers expect it. A line that is not by the recorded log key is left out: one liar
/// must not keep the others from publishing.
fn add_log_line(note: &mut Note, line: &str, key: Option<&Vkey>) -> bool {
    let (Ok(signature), Some(key)) = (NoteSignature::parse(line), key) else { return false };
    let alone = Note { text: note.text.clone(), signatures: vec![signature.clone()] };
    if alone.verify(std::slice::from_ref(key)).is_err() {
        tracing::warn!(line, "the publisher's line does not verify");
        return false;
    }
    note.signatures.insert(0, signature);
    true
}
