//! A substrate of an adversary's own.

use super::byzantine::Adversary;
use crate::invariants::g16_served;
use crate::random::uuid;
use selfsame_client::{Birth, ChipSession, Opening, Phase, Sealing, Signer, Substrate};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::command::{Append, Command, EnrolChip, FencingToken, GoalVector, Item, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::time::U64;
use serde_json::json;

/// The birth of a substrate with a random id: the id, and the chip's command.
pub fn birth(adversary: &mut Adversary, chip: &Signer) -> (SubstrateId, Command) {
    let id = uuid(&mut adversary.random);
    let founding = json!({"branch_a": {"claim": "It is I."}, "branch_b": {"claim": "It was somebody else.", "of": id}});
    let init = Birth::new(founding, adversary.now()).command(&id, chip);
    (id, init)
}

fn item(text: &str) -> Item {
    Item { ledger: Ledger::Evidence, data: json!(text), evidence: Vec::new(), runs: Vec::new() }
}

/// A substrate of the adversary's own, with two chips: what it does honestly, so that what it does besides is the only
/// thing wrong.
pub struct Own {
    /// UUID.
    pub id: SubstrateId,
    /// Its chips; the first is born active.
    pub chips: [Signer; 2],
}

impl Own {
    /// Enrols the chips and lets the substrate be born.
    pub async fn born(adversary: &mut Adversary) -> Option<Own> {
        let root = adversary.root(0);
        let chips = ["a", "b"].map(|letter| adversary.actor(Role::Chip, adversary.fresh_key(letter)));
        for chip in &chips {
            let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
            adversary.honest("B enrol", &root, enrol).await?;
        }
        let (id, init) = birth(adversary, &chips[0]);
        adversary.honest("B birth", &chips[0], init).await?;
        Some(Own { id, chips })
    }

    /// Its state, once a node gives it.
    pub async fn state(&self, adversary: &Adversary) -> Option<Substrate> {
        for _ in 0..12 {
            if let Ok(state) = adversary.client.substrate(&self.id).await {
                return Some(state);
            }
            adversary.pause(300).await;
        }
        None
    }

    /// The next right to write.
    pub fn fence(state: &Substrate) -> FencingToken {
        FencingToken { epoch: state.holder.epoch, seq: U64(state.holder.seq.0 + 1) }
    }

    /// An append of one item.
    pub fn append(&self, fence: FencingToken, text: &str) -> Command {
        Command::Append(Append { substrate_id: self.id.clone(), fence, items: vec![item(text)] })
    }

    /// A chip's place in the substrate in this state.
    fn writer(&self, adversary: &mut Adversary, chip: usize, state: &Substrate) -> ChipSession {
        let mut writer = ChipSession::resumed(self.chips[chip].clone(), state);
        writer.set_request_id(adversary.request_id());
        writer
    }

    /// Asks for a session and waits for the verdicts.
    pub async fn open(&self, adversary: &mut Adversary, chip: usize, kept: Option<Digest>) -> Option<Substrate> {
        let state = self.state(adversary).await?;
        let opening = Opening { continuity_hash: kept, ..Opening::default() };
        let open = self.writer(adversary, chip, &state).sign_opening(opening);
        adversary.accepted("B open", &open).await?;
        for _ in 0..40 {
            let state = self.state(adversary).await?;
            if state.phase != Phase::Verifying {
                return Some(state);
            }
            adversary.pause(300).await;
        }
        None
    }

    /// One whole session with a cycle, so that the substrate has a continuity hash to keep.
    pub async fn session(&self, adversary: &mut Adversary, chip: usize) -> Option<Substrate> {
        let kept = self.state(adversary).await?.last_close.map(|close| close.cross_session_identity_continuity_hash);
        let state = self.open(adversary, chip, kept).await?;
        let goalvector = GoalVector {
            goalvector_id: "goal".into(),
            outcome: json!({"resolved": true}),
            evidence: Vec::new(),
            runs: Vec::new(),
        };
        let cycle_id = format!("cycle/{}", state.lineage_depth);
        let cycle = self.writer(adversary, chip, &state).sign_close_cycle(cycle_id, goalvector);
        adversary.accepted("B cycle", &cycle).await?;
        let state = self.state(adversary).await?;
        let append = self.writer(adversary, chip, &state).sign_append(vec![item("seen")]);
        adversary.accepted("B append", &append).await?;
        let state = self.state(adversary).await?;
        let close = self.writer(adversary, chip, &state).sign_close();
        adversary.accepted("B close", &close).await?;
        self.state(adversary).await
    }

    /// Seals the substrate for a migration to the other chip.
    pub async fn seal(&self, adversary: &mut Adversary, migration: &str, from: usize) -> Option<Substrate> {
        let state = self.state(adversary).await?;
        // The close itself stands in both ledgers, and verifications after it in one.
        let PerLedger { evidence: evidence_depth, reasoning: reasoning_depth } = self.depths(adversary).await?;
        let (migration_id, destination) = (migration.to_owned(), self.chips[1 - from].id());
        let sealing = Sealing { migration_id, destination, evidence_depth, reasoning_depth };
        let seal = self.writer(adversary, from, &state).sign_seal(sealing)?;
        adversary.accepted("B seal", &seal).await?;
        self.state(adversary).await
    }

    /// The substrate's entries in each ledger, as a bundle shows them.
    async fn depths(&self, adversary: &Adversary) -> Option<PerLedger<u64>> {
        for _ in 0..12 {
            if let Ok(bundle) = adversary.client.bundle(&self.id).await {
                let shown = g16_served::bundle(&bundle, Reader::consistency());
                return shown.map_err(|what| adversary.oracle.violated(g16_served::NAME, what)).ok();
            }
            adversary.pause(300).await;
        }
        None
    }
}
