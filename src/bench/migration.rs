//! One migration, step by step, as the coordinator of a fleet drives it.

use super::load::micros;
use super::report::{Failures, count};
use super::substrate;
use crate::demo::cluster::Failure;
use selfsame_client::{
    Activation, ChipSession, Client, ClientError, HolderStatus, Opening, Sealing, Signer, Substrate,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::response::{MigrationSealed, SubmitResponse};
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
    /// Its chip's place in its substrate.
    pub session: ChipSession,
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
    /// Chip of before.
    pub origin: Signer,
    /// Chip of after.
    pub destination: Signer,
    /// Attempts without a receipt.
    pub failures: Mutex<Failures>,
}

impl Coordinator {
    /// Brings a substrate into being, with one cycle and its session open.
    pub async fn born(&self) -> Result<FleetMember, Failure> {
        let mut session = substrate::born(&self.client, &self.origin).await?;
        // Without a cycle the depth would be insufficient, and only what is VERIFIED migrates.
        substrate::cycle(&self.client, &mut session).await?;
        Ok(FleetMember { session })
    }

    fn count(&self, error: &ClientError) {
        count(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner), error);
    }

    /// Sends the same bytes until they are answered, and counts every attempt that was not.
    async fn submit(&self, session: &mut ChipSession, envelope: &Envelope) -> Result<SubmitResponse, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let error = match self.client.submit_once(envelope).await {
                Ok(response) => {
                    session.accepted(&response);
                    return Ok(response);
                }
                Err(error) => error,
            };
            self.count(&error.error);
            if !error.retryable() || Instant::now() >= until {
                return Err(error.into());
            }
            tokio::time::sleep(error.retry_after.unwrap_or(PAUSE)).await;
        }
    }

    /// Closes the session, seals, and lets the destination arrive.
    pub async fn migrate(&self, member: FleetMember) -> Result<Moved, Failure> {
        let FleetMember { mut session } = member;
        let begin = Instant::now();
        substrate::name_next(&mut session);
        let closing = session.sign_close();
        self.submit(&mut session, &closing).await?;
        let close = micros(begin.elapsed());
        let begin = Instant::now();
        let state = self.client.substrate(session.substrate_id()).await?;
        let depths = micros(begin.elapsed());
        let begin = Instant::now();
        let sealing = self.seal(&mut session, &state)?;
        let sealed: MigrationSealed = self.submit(&mut session, &sealing).await?.result.try_into()?;
        let seal = micros(begin.elapsed());
        let second = Instant::now();
        let mut destination = ChipSession::new(self.destination.clone(), session.substrate_id().clone());
        let arrival = self.arrival(&session, &mut destination, sealed)?;
        self.submit(&mut destination, &arrival).await?;
        let answered = Instant::now();
        let (arrive, cut_over) = (micros(answered - second), micros(answered - begin));
        Ok(Moved { member: FleetMember { session: destination }, close, depths, seal, arrive, cut_over, answered })
    }

    fn seal(&self, session: &mut ChipSession, state: &Substrate) -> Result<Envelope, Failure> {
        let close = state.last_close.as_ref().ok_or("a closed session is not in the state")?;
        // The close states the depths before its own entry, one in each ledger.
        let depth = |before: U64| before.0 + 1;
        substrate::name_next(session);
        let sealing = session.sign_seal(Sealing {
            migration_id: MIGRATION.into(),
            destination: self.destination.id(),
            evidence_depth: depth(close.evidence_ledger_depth),
            reasoning_depth: depth(close.reasoning_ledger_depth),
        });
        sealing.ok_or_else(|| "the session was not closed".into())
    }

    fn arrival(
        &self,
        origin: &ChipSession,
        destination: &mut ChipSession,
        sealed: MigrationSealed,
    ) -> Result<Envelope, Failure> {
        let activation = Activation {
            migration_id: MIGRATION.into(),
            nonce: sealed.nonce,
            epoch: origin.epoch().next(),
            continuity_hash: origin.continuity_hash().ok_or("the session was not closed")?,
            head: origin.head().ok_or("the substrate was not born")?,
        };
        destination.set_request_id(format!("bench/{}/arrive", origin.substrate_id()));
        Ok(destination.sign_arrive(&activation))
    }

    /// Opens a session on the destination, for which every node verifies the substrate anew.
    pub async fn reopen(&self, moved: &mut Moved) -> Result<u64, Failure> {
        let begin = Instant::now();
        let session = &mut moved.member.session;
        substrate::name_next(session);
        // What the destination knows to be the last close was in the seal that it arrived on.
        let rail = session.open_with(&self.client, Opening::default()).await?;
        match rail.outcome() {
            Some(Outcome::Verified) => Ok(micros(begin.elapsed())),
            other => Err(format!("substrate {} after its migration: {other:?}", session.substrate_id()).into()),
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
    if holder.epoch != member.session.epoch() {
        return said("its epoch", &member.session.epoch(), &holder.epoch);
    }
    if holder.status != HolderStatus::Active || state.migration.is_some() {
        return said("its activation", &"active", &"sealed");
    }
    match member.session.head() {
        Some(head) if head == state.head => None,
        Some(head) => said("its head", &head, &state.head),
        None => said("its head", &"known", &state.head),
    }
}
