//! Clients that migrate at the worst moment: two migrations at once, an abort beside an arrival, there and back.
//! Faults bring them into the world.

use super::chip::Chip;
use super::visit::Visit;
use crate::history::Answer;
use crate::random::key;
use rand::Rng;
use selfsame_client::{Sealing, Signer, Substrate};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, EnrolChip, Proposal, Propose, Role, Vote};
use selfsame_protocol::p104::Technology;
use selfsame_protocol::response::BallotCounted;
use std::time::Duration;

/// Two operators want the substrate elsewhere at once, by two seals of the chip or by two ballots: one migration begins.
pub async fn two_migrations(visit: Visit) {
    let mut chip = visit.found().await;
    let third = chip.caller.actor(Role::Chip, key(chip.caller.seed, &format!("chip/{}/c", visit.name)));
    let root = chip.caller.root(0);
    let enrol = Command::EnrolChip(EnrolChip { chip: third.key.public(), technology: Technology::Software });
    chip.caller.submit("enrol", &root, enrol).await;
    for round in 0.. {
        let Some(state) = chip.closed().await else { return };
        let holder = chip.holder(&state);
        let other = chip.chips.iter().find(|it| it.id() != holder.id()).unwrap_or(&chip.chips[1]).clone();
        let wanted = [other, third.clone()];
        let ballots = chip.caller.random.gen_bool(0.5);
        let won = if ballots {
            two_ballots(&visit, &mut chip, &wanted, round).await
        } else {
            two_seals(&visit, &mut chip, &state, &holder, &wanted, round).await
        };
        // A ballot may seal again what another ballot sealed. The later one counts.
        if won > 1 && !ballots {
            chip.wrong("one_migration", format!("{won} migrations began at once"));
        }
        let Some(migration) = chip.migration().await else { continue };
        for chosen in &wanted {
            let destined = chosen.id() == migration.destination;
            let arrived = chip.arrived(&migration, chosen).await;
            if arrived && !destined {
                chip.wrong("one_migration", format!("{} arrived and is not the destination", chosen.id()));
            }
            if arrived && won > 0 {
                visit.happened();
            }
        }
        // The third chip is not one that this client writes with.
        if migration.destination == third.id() {
            return;
        }
    }
}

async fn two_seals(
    visit: &Visit,
    chip: &mut Chip,
    state: &Substrate,
    holder: &Signer,
    wanted: &[Signer; 2],
    round: u64,
) -> u64 {
    let Some(sealing) = chip.sealing(0).await else { return 0 };
    let (first, second) = visit.two(&mut chip.caller);
    let mut envelopes = Vec::new();
    for (letter, to) in ["a", "b"].iter().zip(wanted) {
        let (destination, migration_id) = (to.id(), format!("two/{round}/{letter}"));
        // Each of them takes the same number.
        let mut writer = chip.caller.writer(holder, state);
        envelopes.extend(writer.sign_seal(Sealing { destination, migration_id, ..sealing.clone() }));
    }
    if envelopes.len() < 2 {
        return 0;
    }
    let (first, second) = (chip.caller.at(first), chip.caller.at(second));
    let caller = &chip.caller;
    tokio::join!(caller.by(&first, "seal", &envelopes[0]), caller.by(&second, "seal", &envelopes[1]));
    let mut won = 0;
    for envelope in &envelopes {
        won += u64::from(matches!(chip.caller.insist("seal", envelope).await, Answer::Ok(_)));
    }
    won
}

async fn two_ballots(visit: &Visit, chip: &mut Chip, wanted: &[Signer; 2], round: u64) -> u64 {
    let mut tasks = Vec::new();
    for (letter, to) in ["a", "b"].iter().zip(wanted) {
        let mut caller = visit.caller(&format!("{letter}{round}"));
        let id = format!("{}/{round}/{letter}", visit.name);
        let proposal = Proposal::ForceSeal {
            substrate_id: chip.substrate.clone(),
            migration_id: format!("ballot/{round}/{letter}"),
            destination: to.id(),
            reason: "The chip is lost.".into(),
        };
        let organisations = visit.callers.organisations;
        tasks.push(tokio::task::spawn_local(async move {
            let Some(ballot) = caller.about(&id, &proposal).await else { return false };
            let propose = Command::Propose(Propose { proposal_id: id.clone(), proposal });
            let root = caller.root(0);
            caller.submit("propose", &root, propose).await;
            let mut decided = false;
            for organisation in 1..organisations {
                let root = caller.root(organisation);
                let vote = Command::Vote(Vote { proposal_id: id.clone(), ballot, approve: true });
                if let Answer::Ok(receipt) = caller.submit("vote", &root, vote).await {
                    decided |= BallotCounted::try_from(receipt.result).is_ok_and(|ballot| ballot.carried());
                }
            }
            decided
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += u64::from(task.await.unwrap_or(false));
    }
    won
}

/// The origin takes a migration back while the destination arrives: exactly one of them becomes active.
pub async fn abort_and_arrive(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some((origin, arriving, migration)) = chip.sealed().await {
        let abort = chip.abort_by(&migration, &origin);
        let arrive = chip.arrival_at(&migration, &arriving);
        let (first, second) = visit.two(&mut chip.caller);
        let (first, second) = (chip.caller.at(first), chip.caller.at(second));
        let caller = &chip.caller;
        tokio::join!(caller.by(&first, "abort", &abort), caller.by(&second, "arrive", &arrive));
        let aborted = chip.caller.insist("abort", &abort).await;
        let arrived = chip.caller.insist("arrive", &arrive).await;
        match (&aborted, &arrived) {
            (Answer::Ok(_), Answer::Refused(_)) | (Answer::Refused(_), Answer::Ok(_)) => {
                chip.acknowledged = (migration.epoch.0 + 1, 0);
                visit.happened();
            }
            (Answer::Unknown(_), _) | (_, Answer::Unknown(_)) => {}
            _ => chip.wrong("abort_or_arrive", format!("abort: {aborted:?}, arrive: {arrived:?}")),
        }
    }
}

/// Migrates to itself (refused), to another chip, and back. A write that the first activation kept back stays refused.
pub async fn there_and_back(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.ready().await {
        let home = chip.holder(&state);
        let here = usize::from(chip.chips[1].id() == home.id());
        // The activation that ends now; its next write is signed and kept for later.
        let mut writer = chip.writer(&state);
        let late = writer.sign_append(chip.items());
        let mut writer = chip.writer(&state);
        if let Some(seal) = chip.sealing(here).await.and_then(|sealing| writer.sign_seal(sealing)) {
            match chip.caller.insist("seal", &seal).await {
                Answer::Refused(Code::WrongDestination) | Answer::Unknown(_) => {}
                other => chip.wrong("to_itself", format!("a migration to the active chip itself: {other:?}")),
            }
        }
        for _ in ["there", "back"] {
            let Some((_, arriving, migration)) = chip.sealed().await else { return };
            if !chip.arrived(&migration, &arriving).await {
                return;
            }
        }
        match chip.caller.insist("append", &late).await {
            Answer::Refused(Code::ChipInvalidated | Code::StaleEpoch) => visit.happened(),
            Answer::Unknown(_) => {}
            other => chip.wrong("fence_by_tenure", format!("an append of an ended activation: {other:?}")),
        }
    }
}

/// Takes snapshots on every node while the substrate is sealed, and then arrives.
pub async fn snapshot_while_migrating(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some((_, arriving, migration)) = chip.sealed().await {
        let mut taken = 0;
        for node in 1..=visit.callers.nodes {
            let client = chip.caller.at(node).with_timeouts(Duration::from_secs(1), Duration::ZERO);
            taken += u64::from(client.snapshot().await.is_ok());
        }
        // Snapshots are written after the answer; the arrival may be in them or not.
        chip.caller.pause(300).await;
        if chip.arrived(&migration, &arriving).await && taken > 0 {
            visit.happened();
        }
    }
}
