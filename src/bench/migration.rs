//! One migration, step by step, as the coordinator of a fleet drives it.

use super::load::micros;
use super::report::{Failures, count};
use super::substrate::Subject;
use crate::demo::cluster::Failure;
use selfsame_client::Actor;
use selfsame_client::{Client, ClientError};
use selfsame_machine::state::{HolderStatus, Substrate};
use selfsame_protocol::command::{Arrive, Command, Seal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::{Attestation, Claims};
use selfsame_protocol::response::{
    CycleClosed, MigrationArrived, MigrationSealed, SessionClosed, SubmitResponse, SubstrateBorn,
};
use selfsame_protocol::time::U64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Name of the migration, in every substrate.
const MIGRATION: &str = "bench";
/// Pause before a step is sent again when the answer names none.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time for one step with all its attempts.
const PATIENCE: Duration = Duration::from_secs(120);

/// A member of the fleet.
#[derive(Clone, Debug)]
pub struct FleetMember {
    /// Its substrate.
    pub subject: Subject,
    /// Its latest cycle identity hash.
    pub head: Digest,
}

/// One answered migration. Times are in microseconds.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The member as the destination holds it.
    pub member: FleetMember,
    /// Close of the session on the origin.
    pub close: u64,
    /// Read of the depths that the seal states.
    pub depths: u64,
    /// Seal.
    pub seal: u64,
    /// Arrival with attestation, which activates.
    pub arrive: u64,
    /// From the moment when the seal was asked for to the answer of the arrival: nobody may write meanwhile.
    pub cut_over: u64,
    /// When the arrival was answered.
    pub answered: Instant,
}

/// Moves members from one chip to another, through one client.
pub struct Coordinator {
    /// The client.
    pub client: Client,
    /// Cluster id.
    pub cluster: String,
    /// Chip of before.
    pub origin: Actor,
    /// Chip of after.
    pub destination: Actor,
    /// Attempts without a receipt.
    pub failures: Mutex<Failures>,
}

impl Coordinator {
    /// Brings a substrate into being, with one cycle and its session open.
    pub async fn born(&self) -> Result<FleetMember, Failure> {
        let (client, chip) = (&self.client, &self.origin);
        let mut subject = Subject::fresh()?;
        let birth = client.submit(&subject.birth(chip)).await?;
        subject.opened(client, chip).await?;
        // Without a cycle the depth would be insufficient, and only what is VERIFIED migrates.
        let cycle = subject.cycle(chip, SubstrateBorn::try_from(birth.result)?.substrate_identity_hash);
        let head = CycleClosed::try_from(client.submit(&cycle).await?.result)?.cycle_identity_hash;
        Ok(FleetMember { subject, head })
    }

    fn count(&self, error: &ClientError) {
        count(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner), error);
    }

    /// Sends the same bytes until they are answered, and counts every attempt that was not.
    async fn submit(&self, envelope: &Envelope) -> Result<SubmitResponse, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let missed = match self.client.submit_once(envelope).await {
                Ok(receipt) => return Ok(receipt),
                Err(missed) => missed,
            };
            self.count(&missed.error);
            if !missed.retryable() || Instant::now() >= until {
                return Err(missed.into());
            }
            tokio::time::sleep(missed.retry_after.unwrap_or(PAUSE)).await;
        }
    }

    /// Closes the session, seals, and lets the destination arrive.
    pub async fn migrate(&self, member: FleetMember) -> Result<Moved, Failure> {
        let FleetMember { mut subject, head } = member;
        let begin = Instant::now();
        let closed: SessionClosed = self.submit(&subject.close(&self.origin, head)).await?.result.try_into()?;
        let continuity_hash = closed.continuity_hash;
        let close = micros(begin.elapsed());
        let begin = Instant::now();
        let state = self.client.substrate(&subject.id).await?;
        let depths = micros(begin.elapsed());
        let begin = Instant::now();
        let seal = self.seal(&mut subject, &state, continuity_hash)?;
        let sealed: MigrationSealed = self.submit(&seal).await?.result.try_into()?;
        let seal = micros(begin.elapsed());
        let second = Instant::now();
        let arrival = self.arrival(&subject, head, continuity_hash, sealed.nonce);
        let arrived: MigrationArrived = self.submit(&arrival).await?.result.try_into()?;
        let answered = Instant::now();
        let member = FleetMember {
            subject: Subject { epoch: subject.epoch + 1, seq: 0, ..subject },
            head: arrived.cycle_identity_hash,
        };
        let (arrive, cut_over) = (micros(answered - second), micros(answered - begin));
        Ok(Moved { member, close, depths, seal, arrive, cut_over, answered })
    }

    fn seal(&self, subject: &mut Subject, state: &Substrate, continuity_hash: Digest) -> Result<Envelope, Failure> {
        let Some(close) = &state.last_close else { return Err("a closed session is not in the state".into()) };
        // The close states the depths before its own entry, one in each ledger.
        let depth = |before: U64| U64(before.0 + 1);
        let destination = self.destination.id();
        Ok(subject.sign_next(&self.origin, |substrate_id, fence| {
            Command::Seal(Seal {
                substrate_id,
                fence,
                migration_id: MIGRATION.into(),
                destination,
                head: state.head,
                continuity_hash,
                evidence_ledger_depth: depth(close.evidence_ledger_depth),
                reasoning_ledger_depth: depth(close.reasoning_ledger_depth),
            })
        }))
    }

    fn arrival(&self, subject: &Subject, head: Digest, continuity_hash: Digest, nonce: Digest) -> Envelope {
        let claims = Claims::Activation {
            cluster: self.cluster.clone(),
            substrate_id: subject.id.clone(),
            migration_id: MIGRATION.into(),
            nonce,
            epoch: U64(subject.epoch + 1),
            continuity_hash,
            head,
        };
        let command = Command::Arrive(Arrive {
            substrate_id: subject.id.clone(),
            migration_id: MIGRATION.into(),
            attestation: Attestation::software(&claims, &self.destination.key),
            continuity_hash,
            head,
        });
        self.destination.sign(&format!("bench/{}/arrive", subject.id), command)
    }

    /// Opens a session on the destination, for which every node verifies the substrate anew.
    pub async fn reopen(&self, moved: &mut Moved) -> Result<u64, Failure> {
        let begin = Instant::now();
        // What the destination knows to be the last close was in the seal that it arrived on.
        let rail = self.client.open_session(&moved.member.subject.open(&self.destination, None)).await?;
        match rail.outcome() {
            Some(selfsame_protocol::p104::Outcome::Verified) => Ok(micros(begin.elapsed())),
            other => Err(format!("substrate {} after its migration: {other:?}", moved.member.subject.id).into()),
        }
    }
}

/// What is wrong with a substrate that should have arrived, if anything: it has one activation, of the new chip, at the
/// next epoch, with the head that the arrival was answered with, and no migration under way.
pub fn wrong(state: &Substrate, member: &FleetMember, destination: &Digest) -> Option<String> {
    let holder = &state.holder;
    let said = |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        Some(format!("substrate {}: {what} is {found}, expected {expected}", state.substrate_id))
    };
    if holder.chip != *destination {
        return said("its chip", destination, &holder.chip);
    }
    if holder.epoch.0 != member.subject.epoch {
        return said("its epoch", &member.subject.epoch, &holder.epoch);
    }
    if holder.status != HolderStatus::Active || state.migration.is_some() {
        return said("its activation", &"active", &"sealed");
    }
    (state.head != member.head).then(|| said("its head", &member.head, &state.head)).flatten()
}
