//! The steps.

use super::cluster::{Cluster, Failure, ORGANISATIONS, flip_leaf, fresh_key};
use super::equivocation;
use crate::console::{layout, visible};
use selfsame_client::{Activation, Birth, ChipSession, Client, ClientError, Rail, Sealing, Signer};
use selfsame_offline::files;
use selfsame_protocol::bundle::{self, Reader};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, DeclareRun, EnrolChip, GoalVector, Item, ReportOutcome, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::import::{ImportOptions, import};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};
use selfsame_protocol::p104::{self, Amendment, Outcome, Technology};
use selfsame_protocol::record::{ExecutionStatus, Record};
use selfsame_protocol::response::{RunDeclared, SubmitResponse};
use selfsame_protocol::run::Element;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

const REQUEST: &[u8] = include_bytes!("../../examples/requests/openai-chat.json");
const FOUNDING: &[u8] = include_bytes!("../../examples/founding-incompatibility.json");
const SUBSTRATE: [u8; 16] =
    [0x6f, 0x1d, 0x7a, 0x52, 0x0c, 0x1e, 0x4b, 0x7e, 0x9d, 0x6a, 0x2f, 0x60, 0xb1, 0xd3, 0xc8, 0xa4];

/// The story and what it has so far.
pub struct Story {
    /// The nodes.
    pub cluster: Cluster,
    /// Steps that held.
    pub steps: usize,
    client: Client,
    started: Instant,
    chips: [Signer; 2],
    /// The active chip's place in the substrate.
    session: ChipSession,
    evidence: Vec<EntryRef>,
}

/// Fails with a sentence unless the claim holds.
fn hold(claim: bool, what: &str) -> Result<(), Failure> {
    if claim { Ok(()) } else { Err(format!("this does not hold: {what}").into()) }
}

fn refused<T>(answer: Result<T, ClientError>, code: Code) -> Result<String, Failure> {
    match answer {
        Err(ClientError::Refused(refusal)) if refusal.code == code => Ok(refusal.to_string()),
        Err(error) => Err(format!("expected the refusal {code}, got: {error}").into()),
        Ok(_) => Err(format!("expected the refusal {code}, but it was accepted").into()),
    }
}

fn observed(data: Value) -> Item {
    Item { ledger: Ledger::Evidence, data, evidence: Vec::new(), runs: Vec::new() }
}

impl Story {
    /// The story before its first step.
    pub fn new(cluster: Cluster, started: Instant) -> Result<Story, Failure> {
        let chip = || -> Result<Signer, Failure> {
            Ok(Signer { cluster: cluster.genesis.cluster.clone(), role: Role::Chip, key: fresh_key()? })
        };
        let chips = [chip()?, chip()?];
        let client = cluster.client()?;
        Ok(Story {
            cluster,
            client,
            started,
            steps: 0,
            session: ChipSession::new(chips[0].clone(), SubstrateId::from_bytes(SUBSTRATE)),
            chips,
            evidence: Vec::new(),
        })
    }

    /// Tells the whole story.
    pub async fn tell(&mut self) -> Result<(), Failure> {
        self.runs().await?;
        self.birth().await?;
        self.sessions().await?;
        self.amendments().await?;
        self.migration().await?;
        let kept = self.export().await?;
        self.equivocation().await?;
        self.one_bad_disk().await?;
        self.quorum_of_bad_disks().await?;
        self.offline(&kept).await
    }

    fn step(&mut self, title: &str) {
        self.steps += 1;
        layout(&format!("{:>2}. [{:>5.1} s] {title}\n", self.steps, self.started.elapsed().as_secs_f64()));
    }

    fn say(&self, line: impl AsRef<str>) {
        layout(&format!("      {}\n", visible(line.as_ref())));
    }

    /// Submits what somebody but the active chip signs.
    async fn submit(&self, signer: &Signer, command: Command) -> Result<SubmitResponse, ClientError> {
        self.client.submit(&signer.sign_content(command)).await
    }

    async fn runs(&mut self) -> Result<(), Failure> {
        let options = ImportOptions { revision: Some("gpt-4o-2024-08-06".into()), ..ImportOptions::default() };
        let declaration = import(REQUEST, &options)?.declaration;
        self.step("A run is declared before it executes, from a chat-completions request");
        let aurora = self.cluster.organisation(0, Role::Operator);
        let declare = |declaration: &Value| {
            Command::DeclareRun(DeclareRun { declaration: declaration.clone(), request: Some("case/2026-0311".into()) })
        };
        let declared: RunDeclared = self.submit(&aurora, declare(declaration.value())).await?.result.try_into()?;
        hold(
            declared.run_id == declaration.run_id(),
            "the cluster's run id is the one computed here from the declaration",
        )?;
        self.say(format!("run id {}", declaration.run_id()));
        self.say(
            "computed offline and by the cluster alike: selfsame run id --import examples/requests/openai-chat.json",
        );

        self.step("A second organisation arrives at the same identity on its own");
        let borealis = self.cluster.organisation(1, Role::Operator);
        let mut reordered: Value = serde_json::from_slice(REQUEST)?;
        reordered["stream"] = json!(true);
        let again = import(serde_json::to_string_pretty(&reordered)?.as_bytes(), &options)?.declaration;
        let again: RunDeclared = self.submit(&borealis, declare(again.value())).await?.result.try_into()?;
        hold(again.run_id == declaration.run_id() && !again.new, "another layout of the same request is the same run")?;
        let agreement = self.client.agreement("case/2026-0311").await?;
        hold(agreement.agreed && agreement.ties.len() == 2, "two organisations attest one identity")?;
        self.say("aurora and borealis attest one identity under case/2026-0311");

        self.step("A third ties the same reference to a run with one parameter changed");
        let cygnus = self.cluster.organisation(2, Role::Operator);
        let mut changed = declaration.value().clone();
        changed["parameters"]["temperature"] = json!(0.9);
        let changed: RunDeclared = self.submit(&cygnus, declare(&changed)).await?.result.try_into()?;
        let named = changed.disagreements.first().map_or(&[][..], |other| &other.elements[..]);
        hold(named == [Element::Parameters], "the disagreement names exactly the element that differs")?;
        hold(!self.client.agreement("case/2026-0311").await?.agreed, "the disagreement is visible to everybody")?;
        self.say(format!(
            "recorded: cygnus disagrees with aurora and borealis in {}, from digests alone",
            json!(named)
        ));

        self.step("An execution is bound to its declaration; an undeclared one is refused");
        let report = |run_id: Digest| {
            Command::ReportOutcome(ReportOutcome {
                run_id,
                execution_id: "execution-1".into(),
                status: ExecutionStatus::Succeeded,
                outputs: Vec::new(),
                reproduction_of: None,
            })
        };
        self.submit(&aurora, report(declaration.run_id())).await?;
        let answer = self.submit(&aurora, report(Digest::of(b"never declared"))).await;
        let reason = refused(answer, Code::RunNotDeclared)?;
        self.say(reason);
        Ok(())
    }

    async fn birth(&mut self) -> Result<(), Failure> {
        self.step("A substrate is born, bound to its founding incompatibility and an attested chip");
        for chip in self.chips.clone() {
            let root = self.cluster.organisation(0, Role::Root);
            self.submit(
                &root,
                Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software }),
            )
            .await?;
        }
        let founding: Value = serde_json::from_slice(FOUNDING)?;
        let tension = p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding));
        let initialised = Timestamp::from_millis(self.cluster.node(1).map_or(0, |n| n.now_ms()));
        let parameters = BTreeMap::from([("escalation_threshold".to_string(), json!("0.80"))]);
        let birth = Birth { parameters, ..Birth::new(founding, initialised) };
        let born = self.session.birth(&self.client, birth.clone()).await?.result;
        hold(born.founding_tension_hash == tension, "the cluster computed the founding tension hash itself")?;
        hold(born.complete, "the birth is attested")?;
        self.say(format!("substrate identity hash {}", born.substrate_identity_hash));
        let other = ChipSession::new(self.chips[1].clone(), self.session.substrate_id().clone()).sign_birth(birth);
        let reason = refused(self.client.submit(&other).await, Code::IdentityConflict)?;
        self.say(format!("the same id from other hardware: {reason}"));
        Ok(())
    }

    async fn open(&mut self) -> Result<Rail, Failure> {
        let rail = self.session.open(&self.client).await?;
        hold(rail.outcome().is_some(), "the first item of the Evidence Rail is the verification")?;
        Ok(rail)
    }

    async fn append(&mut self, note: &str) -> Result<(), Failure> {
        let refers = self.evidence.last().map(|e| vec![e.hash]).unwrap_or_default();
        let items = vec![
            observed(json!({"observation": note})),
            Item { ledger: Ledger::Reasoning, data: json!({"because": note}), evidence: refers, runs: Vec::new() },
        ];
        let response = self.session.append(&self.client, items).await?;
        self.evidence.extend(response.entries.iter().filter(|e| e.ledger == Ledger::Evidence));
        Ok(())
    }

    async fn cycle(&mut self, name: &str) -> Result<(), Failure> {
        let goalvector = GoalVector {
            goalvector_id: format!("goal/{name}"),
            outcome: json!({"resolved": name}),
            evidence: self.evidence.iter().map(|e| e.hash).collect(),
            runs: Vec::new(),
        };
        self.session.close_cycle(&self.client, name, goalvector).await?;
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Failure> {
        // The chip keeps the continuity hash of the answer: the next open presents it.
        self.session.close(&self.client).await?;
        Ok(())
    }

    async fn sessions(&mut self) -> Result<(), Failure> {
        self.step("Before anything else, identity is verified: nothing is appended without a session");
        let early = self.session.append(&self.client, vec![observed(json!("too early"))]).await;
        let reason = refused(early, Code::SessionNotOpen)?;
        self.say(reason);
        let rail = self.open().await?;
        hold(rail.outcome() == Some(Outcome::InsufficientDepth), "a first session claims no continuity")?;
        self.say("first open: INSUFFICIENT_DEPTH (NO_PRIOR_SESSION), a reduced claim; every node re-hashed its own disk and signed its verdict");

        self.step("Evidence, reasoning and two resolution cycles; then the session closes");
        self.append("pressure at pump 17 rose to 4.1 bar").await?;
        self.cycle("cycle-1").await?;
        self.append("valve 3 was closed by hand at 14:05").await?;
        self.cycle("cycle-2").await?;
        self.close().await?;
        self.say(format!(
            "continuity hash {}",
            self.session.continuity_hash().map(|h| h.to_string()).unwrap_or_default()
        ));

        self.step("The next session: a quorum recomputes the whole chain and finds the same entity");
        let rail = self.open().await?;
        let Some(notice) = rail.notice() else { return Err("no continuation notice".into()) };
        hold(rail.outcome() == Some(Outcome::Verified), "the outcome is VERIFIED")?;
        hold(
            notice.starts_with("Substrate identity verified — continuing from ") && notice.ends_with("/2."),
            "the sentence is P104's, with date and depth",
        )?;
        self.say(notice);
        Ok(())
    }

    async fn amendments(&mut self) -> Result<(), Failure> {
        self.step("An amendment that touches the founding tension is refused, and the refusal recorded");
        let tension = self.client.substrate(self.session.substrate_id()).await?.founding_tension_hash;
        let amendment = Amendment {
            founding_tension_hash: tension,
            reason: "the tension is inconvenient".into(),
            set: BTreeMap::new(),
            remove: Vec::new(),
            founding: Some(json!({"branch_a": {"claim": "one"}, "branch_b": {"claim": "other"}})),
        };
        let reason =
            refused(self.session.amend(&self.client, amendment.clone()).await, Code::FoundingTensionProtected)?;
        self.say(reason);
        let permitted = Amendment {
            reason: "fewer escalations".into(),
            set: BTreeMap::from([("escalation_threshold".to_string(), json!("0.85"))]),
            founding: None,
            ..amendment
        };
        self.session.amend(&self.client, permitted).await?;
        self.cycle("cycle-3").await?;
        self.close().await?;
        let state = self.client.substrate(self.session.substrate_id()).await?;
        hold(
            state.constitution.parameters["escalation_threshold"] == json!("0.85"),
            "a permitted amendment is enacted when its cycle closes",
        )?;
        self.say("a permitted one is enacted with its cycle; identity continues through it");
        Ok(())
    }

    async fn migration(&mut self) -> Result<(), Failure> {
        self.step("The substrate migrates to another chip, and the leader dies in the middle");
        let state = self.client.substrate(self.session.substrate_id()).await?;
        let (Some(continuity_hash), Some(close)) = (self.session.continuity_hash(), &state.last_close) else {
            return Err("no close".into());
        };
        let destination = self.chips[1].clone();
        let sealing = Sealing {
            migration_id: "to-the-second-chip".into(),
            destination: destination.id(),
            // The close states the depths before its own entry, one in each ledger.
            evidence_depth: close.evidence_ledger_depth.0 + 1,
            reasoning_depth: close.reasoning_ledger_depth.0 + 1,
        };
        let sealed = self.session.seal(&self.client, sealing).await?.result;
        self.say("sealed: the origin can write no more; the log issued the nonce");
        let leader = self.cluster.leader().await?;
        self.cluster.stop_node(leader).await;
        self.say(format!("node {leader} ({}), the leader, is gone", ORGANISATIONS[leader as usize - 1]));
        let bundle = self.client.bundle(self.session.substrate_id()).await?;
        let keys = self.node_keys();
        let text = std::str::from_utf8(&bundle)?;
        // With the leader gone too few organisations cosign: the node that answers speaks for itself.
        let (report, history) = bundle::verify(text, Reader::keys(&keys), |_| {})?;
        let history = history.ok_or("the history of a run")?;
        hold(
            history.head == state.head && history.recomputed == Some(continuity_hash),
            "the destination verified the whole chain itself",
        )?;
        self.say(format!(
            "the destination re-hashed {} entries and {} cycles by itself",
            report.entries, history.lineage_depth
        ));
        let activation = Activation {
            migration_id: sealed.migration_id,
            nonce: sealed.nonce,
            epoch: self.session.epoch().next(),
            continuity_hash,
            head: state.head,
        };
        let arriving = ChipSession::new(destination, self.session.substrate_id().clone());
        let mut origin = std::mem::replace(&mut self.session, arriving);
        let arrived = self.session.arrive(&self.client, &activation).await?.result;
        let new = self.cluster.leader().await?;
        hold(new != leader, "another node leads")?;
        self.say(format!("node {new} leads; the destination is active at epoch {}", arrived.epoch));
        let answer = origin.append(&self.client, vec![observed(json!("from the old chip"))]).await;
        let reason = refused(answer, Code::ChipInvalidated)?;
        self.say(format!("the old chip's write: {reason}"));
        self.cluster.start_node(leader).await?;
        self.level(leader).await?;
        self.say(format!("node {leader} is back and has caught up, with the same state digest"));
        Ok(())
    }

    /// Waits until a node has applied what the leader has, and compares their state digests.
    async fn level(&self, id: u64) -> Result<(), Failure> {
        let leader = self.cluster.leader().await?;
        let Some((node, ahead)) = self.cluster.node(id).zip(self.cluster.node(leader)) else {
            return Err(format!("node {id} is not running").into());
        };
        let target = ahead.raft.status().applied;
        node.raft.applied().wait_for(|at| *at >= target).await?;
        let (mine, theirs) = (node.raft.status(), ahead.raft.status());
        // Digests are comparable only at one index; with nothing being written both stand at the same.
        hold(
            mine.applied != theirs.applied || mine.state_digest == theirs.state_digest,
            "equal index, equal state digest",
        )
    }

    fn node_keys(&self) -> Vec<Vkey> {
        let genesis = &self.cluster.genesis;
        genesis
            .nodes
            .iter()
            .map(|n| Vkey { name: genesis.node_key_name(n.id), kind: TYPE_ED25519, key: n.key })
            .collect()
    }

    async fn export(&mut self) -> Result<(Vec<u8>, p104::IdentityStatement), Failure> {
        self.step("The new chip opens a session, and a regulator gets a statement with its proof");
        let rail = self.open().await?;
        hold(rail.outcome() == Some(Outcome::Verified), "the entity on the new chip is the same entity")?;
        if let Some(Record::IdentityVerification(result)) = rail.items.first().map(|i| &i.record) {
            self.say(format!(
                "{} (since the last session: {})",
                result.notice.clone().unwrap_or_default(),
                result.continuity_events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ")
            ));
        }
        self.append("first observation on the new chip").await?;
        self.cycle("cycle-5").await?;
        self.close().await?;
        let (statement, document) = self.client.statement(self.session.substrate_id(), true).await?;
        let bundle = self.client.bundle(self.session.substrate_id()).await?;
        files::replace(&self.cluster.root.join("statement.json"), &serde_json::to_vec_pretty(&document)?)?;
        files::replace(&self.cluster.root.join("bundle.jsonl"), &bundle)?;
        files::replace(
            &self.cluster.root.join("policy.txt"),
            self.cluster.genesis.document().policy()?.to_text().as_bytes(),
        )?;
        self.say(format!(
            "statement {}, lineage depth {}, {}",
            statement.statement_hash, statement.identity_lineage_depth, statement.identity_continuity_status
        ));
        Ok((bundle, statement))
    }

    async fn equivocation(&mut self) -> Result<(), Failure> {
        self.step("An organisation signs two histories with its own key, and an auditor proves it");
        for line in equivocation::play(&self.cluster).await? {
            self.say(line);
        }
        Ok(())
    }

    /// Stops a node, flips one bit of an entry in its file, and starts it again.
    async fn damage(&mut self, id: u64, leaf: &[u8]) -> Result<(), Failure> {
        self.cluster.stop_node(id).await;
        let copies = flip_leaf(&self.cluster.dir(id).join("state.redb"), leaf)?;
        hold(copies > 0, "the entry's bytes are in the node's file")?;
        self.cluster.start_node(id).await
    }

    async fn one_bad_disk(&mut self) -> Result<(), Failure> {
        self.step("One byte of one entry is flipped on one node's disk");
        let Some(first) = self.evidence.first().copied() else { return Err("no evidence".into()) };
        let leaf = self.client.leaf(Ledger::Evidence, first.index.0).await?;
        let leader = self.cluster.leader().await?;
        let bad = if leader == 3 { 2 } else { 3 };
        self.damage(bad, &leaf).await?;
        self.level(bad).await?;
        let rail = self.open().await?;
        hold(rail.outcome() == Some(Outcome::Verified), "the quorum's copies hold: the substrate goes on")?;
        let name = ORGANISATIONS[bad as usize - 1];
        let mut applied = self.cluster.node(leader).ok_or("no leader")?.raft.applied();
        loop {
            applied.borrow_and_update();
            let nodes = self.client.nodes().await?;
            if nodes.iter().any(|n| n.id == bad && n.quarantined && n.membership != "voter") {
                break;
            }
            applied.changed().await?;
        }
        self.say(format!("VERIFIED by the quorum; node {bad} ({name}) is quarantined by name and no longer votes"));
        self.close().await
    }

    async fn quorum_of_bad_disks(&mut self) -> Result<(), Failure> {
        self.step("The same byte is flipped on a quorum");
        let Some(first) = self.evidence.first().copied() else { return Err("no evidence".into()) };
        let nodes = self.client.nodes().await?;
        let good: Vec<u64> = nodes.iter().filter(|n| !n.quarantined).map(|n| n.id).collect();
        let leaf = self.client.leaf(Ledger::Evidence, first.index.0).await?;
        for id in &good {
            self.damage(*id, &leaf).await?;
        }
        let rail = self.open().await?;
        hold(rail.outcome() == Some(Outcome::HashMismatch), "the outcome is HASH_MISMATCH")?;
        if let Some(Record::IdentityVerification(result)) = rail.items.first().map(|i| &i.record)
            && let Some(finding) = result.verdicts.first().map(|v| &v.finding)
        {
            let at = finding.at.as_ref().map(|at| format!("{} entry {}", at.ledger, at.index)).unwrap_or_default();
            self.say(format!("HASH_MISMATCH: {} at {at}", finding.check));
        }
        hold(rail.items.len() == 1, "behind a failed verification nothing is shown")?;
        self.cluster.stop().await;
        for id in 1..=3 {
            self.cluster.start_node(id).await?;
        }
        let answer = self.session.close(&self.client).await;
        let reason = refused(answer, Code::Suppressed)?;
        self.say(format!("after a restart of all nodes, still: {reason}"));
        Ok(())
    }

    async fn offline(&mut self, kept: &(Vec<u8>, p104::IdentityStatement)) -> Result<(), Failure> {
        self.step("The cluster is gone; the exported statement is verified from the file alone");
        let genesis = self.cluster.genesis.digest();
        self.cluster.stop().await;
        let text = std::str::from_utf8(&kept.0)?;
        // All that the reader brings is the digest of the genesis: every key follows from it and from the file.
        let reader = Reader { genesis: Some(&genesis), ..Reader::default() };
        let (report, history) = bundle::verify(text, reader, |_| {})?;
        let history = history.ok_or("the history of a run")?;
        bundle::same_entity(&kept.1, &history)?;
        hold(report.later_entries.is_known(), "a quorum of organisations says that nothing was cut off")?;
        self.say(format!(
            "{} entries, {} cycles, signed by {}: the same entity, and nothing cut off",
            report.entries,
            history.lineage_depth,
            report.signers.join(", ")
        ));
        let altered = text.replacen("pressure at pump 17 rose to 4.1 bar", "pressure at pump 17 rose to 3.1 bar", 1);
        match bundle::verify(&altered, reader, |_| {}) {
            Err(error) if error.tampered => self.say(format!("one digit changed: {error}")),
            Err(error) => return Err(format!("expected a named alteration, got: {error}").into()),
            Ok(_) => return Err("an altered bundle verified".into()),
        }
        Ok(())
    }
}
