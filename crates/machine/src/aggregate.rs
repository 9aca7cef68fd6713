//! A substrate as every command meets it: loading and storing it, and what it must be for a write.

use crate::error::{Stop, refuse};
use crate::state::{self, Phase, Substrate};
use crate::txn::Txn;
use crate::view::Table;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::planted;
use selfsame_protocol::record::ContinuityEvent;
use selfsame_protocol::subject::Subject;

/// The subject of its chains.
pub fn subject(substrate_id: &SubstrateId) -> Subject {
    Subject::Substrate(substrate_id.clone())
}

/// The substrate, whatever its state.
pub fn load(txn: &Txn<'_>, substrate_id: &str) -> Result<Substrate, Stop> {
    match state::load(&txn.over, Table::Substrates, substrate_id.as_bytes())? {
        Some(substrate) => Ok(substrate),
        None => refuse(
            Code::UnknownSubstrate,
            "there is no substrate of this id here: check the id, or let it be born (`substrate init`)",
            "",
            substrate_id,
        ),
    }
}

/// Stores the substrate.
pub fn save(txn: &mut Txn<'_>, substrate: &Substrate) {
    state::save(&mut txn.over, Table::Substrates, substrate.substrate_id.clone(), substrate);
}

/// Notes what happened since the last verification, once: the list stands in the next verification record.
pub fn event(substrate: &mut Substrate, name: ContinuityEvent) {
    if !substrate.events.contains(&name) {
        substrate.events.push(name);
    }
}

/// Refuses whatever would write to a substrate that is suppressed or ended.
pub(crate) fn require_alive(substrate: &Substrate) -> Result<(), Refusal> {
    if let Some(at) = substrate.suppressed
        && !planted!("tamper_logged_not_enforced")
    {
        return Err(Refusal::new(
            Code::Suppressed,
            "the substrate is suppressed for ever, because its history did not match: nothing can be written to it or read as its own",
            "",
            format!("suppressed in Reasoning entry {at}"),
        ));
    }
    match &substrate.successor {
        Some(next) => Err(Refusal::new(
            Code::LineageEnded,
            "this lineage has ended: go on with the substrate that continues it",
            "",
            format!("continued as {next}"),
        )),
        None => Ok(()),
    }
}

/// Refuses unless a session is open.
pub(crate) fn require_session(substrate: &Substrate) -> Result<(), Refusal> {
    match substrate.phase {
        Phase::Open => Ok(()),
        Phase::Closed => Err(Refusal::new(
            Code::SessionNotOpen,
            "no session is open: verify the identity first (`substrate open`)",
            "",
            "",
        )),
        Phase::Verifying => Err(Refusal::new(
            Code::VerificationPending,
            "the identity is still being verified: wait for the outcome, and try again",
            "",
            "",
        )),
    }
}

/// A refusal for reads of evidence before the gate.
pub fn gate(substrate: &Substrate) -> Result<(), Refusal> {
    require_alive(substrate)?;
    require_session(substrate)
}
