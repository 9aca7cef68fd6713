//! Chips that are cloned or rolled back, and migrations with stolen attestations.

use super::byzantine::{Adversary, attack};
use super::byzantine_own::Own;
use super::kind::Kind;
use crate::cluster::CLUSTER;
use crate::history::Answer;
use selfsame_client::Substrate;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{AbortMigration, Arrive, Command, FencingToken, OpenSession};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104::{Attestation, Claims, Outcome};

/// B8: attestations over the wrong nonce, migration, epoch or head, by the wrong chip, or used again.
pub const STALE_ATTESTATION: Kind = Kind {
    name: "B8_stale_attestation",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(STALE_ATTESTATION.name, |adversary| Box::pin(stale_attestation(adversary)), random),
};

/// B9: two holders of one chip's key append at the same time.
pub const CLONED_CHIP: Kind = Kind {
    name: "B9_cloned_chip",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(CLONED_CHIP.name, |adversary| Box::pin(cloned_chip(adversary)), random),
};

/// B10: a chip comes back with the memory of an earlier time.
pub const ROLLED_BACK_CHIP: Kind = Kind {
    name: "B10_rolled_back_chip",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(ROLLED_BACK_CHIP.name, |adversary| Box::pin(rolled_back_chip(adversary)), random),
};

/// What an attestation for the migration under way must claim.
fn claims(id: &str, state: &Substrate) -> Option<Claims> {
    let migration = state.migration.as_ref()?;
    Some(Claims::Activation {
        cluster: CLUSTER.into(),
        substrate_id: id.parse().unwrap(),
        migration_id: migration.migration_id.clone(),
        nonce: migration.nonce,
        epoch: migration.epoch.next(),
        continuity_hash: migration.continuity_hash,
        head: migration.head,
    })
}

async fn stale_attestation(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.session(adversary, 0).await.is_none() {
        return;
    }
    let Some(sealed) = own.seal(adversary, "first", 0).await else { return };
    let (Some(right), Some(migration)) = (claims(&own.id, &sealed), sealed.migration.clone()) else { return };
    let arrive = |migration_id: &str, attestation: Attestation| {
        Command::Arrive(Arrive {
            substrate_id: own.id.clone(),
            migration_id: migration_id.into(),
            attestation,
            continuity_hash: migration.continuity_hash,
            head: migration.head,
        })
    };
    let [origin, destination] = own.chips.clone();
    let bent = |change: fn(&mut Claims)| {
        let mut claims = right.clone();
        change(&mut claims);
        Attestation::software(&claims, &destination.key)
    };
    let mut flipped = Attestation::software(&right, &destination.key);
    flipped.signature = flipped.signature.chars().rev().collect();
    let attempts = [
        (
            "B8 wrong nonce",
            bent(|claims| {
                if let Claims::Activation { nonce, .. } = claims {
                    *nonce = Digest::of(b"another nonce");
                }
            }),
        ),
        (
            "B8 other migration",
            bent(|claims| {
                if let Claims::Activation { migration_id, .. } = claims {
                    *migration_id = "another".into();
                }
            }),
        ),
        (
            "B8 other cluster",
            bent(|claims| {
                if let Claims::Activation { cluster, .. } = claims {
                    *cluster = "elsewhere".into();
                }
            }),
        ),
        (
            "B8 old epoch",
            bent(|claims| {
                if let Claims::Activation { epoch, .. } = claims {
                    epoch.0 -= 1;
                }
            }),
        ),
        (
            "B8 other head",
            bent(|claims| {
                if let Claims::Activation { head, .. } = claims {
                    *head = Digest::of(b"another head");
                }
            }),
        ),
        ("B8 attested by the origin", Attestation::software(&right, &origin.key)),
        ("B8 flipped", flipped),
    ];
    for (what, attestation) in attempts {
        let command = arrive("first", attestation);
        adversary.denied(what, &destination, command, &[Code::AttestationInvalid]).await;
    }
    let good = Attestation::software(&right, &destination.key);
    let as_origin = arrive("first", Attestation::software(&right, &origin.key));
    adversary.denied("B8 origin arrives", &origin, as_origin, &[Code::WrongDestination]).await;
    adversary.denied("B8 unknown migration", &destination, arrive("none", good.clone()), &[Code::MigrationState]).await;
    let append = own.append(Own::fence(&sealed), "while sealed");
    adversary.denied("B8 append while sealed", &origin, append, &[Code::Sealed]).await;
    let abort = Command::AbortMigration(AbortMigration {
        substrate_id: own.id.clone(),
        migration_id: "first".into(),
        attestation: Attestation::software(&right, &origin.key),
    });
    if adversary.honest("B8 abort", &origin, abort).await.is_none() {
        return;
    }
    adversary.denied("B8 after abort", &destination, arrive("first", good.clone()), &[Code::MigrationState]).await;
    let append = own.append(Own::fence(&sealed), "from the ended epoch");
    adversary.denied("B8 ended epoch", &origin, append, &[Code::ChipInvalidated]).await;
    // A second migration has a nonce of its own: what was attested for the first is worth nothing.
    let Some(again) = own.seal(adversary, "second", 0).await else { return };
    adversary.denied("B8 nonce of the first", &destination, arrive("second", good), &[Code::AttestationInvalid]).await;
    let Some(right) = claims(&own.id, &again) else { return };
    let good = arrive("second", Attestation::software(&right, &destination.key));
    if adversary.honest("B8 arrive", &destination, good.clone()).await.is_some() {
        adversary.denied("B8 arrive twice", &destination, good, &[Code::MigrationState]).await;
        let append = own.append(Own::fence(&again), "from the source");
        adversary.denied("B8 source writes on", &origin, append, &[Code::ChipInvalidated]).await;
    }
}

async fn cloned_chip(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.open(adversary, 0, None).await.is_none() {
        return;
    }
    let chip = own.chips[0].clone();
    for round in 0..6 {
        let Some(state) = own.state(adversary).await else { return };
        let fence = Own::fence(&state);
        let [a, b] = ["one", "the other"].map(|who| {
            let command = own.append(fence, &format!("{who} in round {round}"));
            adversary.sign(&chip, command)
        });
        // Each through a node of its own, as far as the clients' choice of nodes goes.
        let clone = adversary.client.clone();
        let calls = [&a, &b]
            .map(|envelope| adversary.oracle.invoked(&adversary.name, "B9 append", Digest::of(&envelope.to_bytes())));
        let (first, second) = tokio::join!(clone.submit(&a), adversary.client.submit(&b));
        let answers = [Answer::of(first), Answer::of(second)];
        for (call, answer) in calls.into_iter().zip(&answers) {
            adversary.oracle.answered(call, answer.clone());
        }
        match answers {
            [Answer::Ok(a), Answer::Ok(b)] => {
                adversary.succeeded(format!("two clones wrote at {fence:?}: {a:?} and {b:?}"));
            }
            [Answer::Refused(code), _] | [_, Answer::Refused(code)] if code != Code::StaleSequence => {
                adversary.succeeded(format!("the clone that came second is refused as {code}"));
            }
            // At least one was refused as it must be; an open answer is settled by the next reading of the state.
            _ => {}
        }
        let after = own.state(adversary).await.map(|state| state.holder.seq.0);
        if after.is_some_and(|after| after > fence.seq.0) {
            adversary.succeeded(format!("one sequence number was taken twice: {fence:?} led to {after:?}"));
        }
    }
}

async fn rolled_back_chip(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    let chip = own.chips[0].clone();
    let Some(first) = own.session(adversary, 0).await else { return };
    let Some(second) = own.session(adversary, 0).await else { return };
    // It wakes with the sequence number of an hour ago.
    let kept = |state: &Substrate| state.last_close.as_ref().map(|close| close.cross_session_identity_continuity_hash);
    let open = |fence: FencingToken, kept: Option<Digest>| {
        Command::OpenSession(OpenSession {
            substrate_id: own.id.clone(),
            fence,
            continuity_hash: kept,
            founding: None,
            new_lineage: None,
        })
    };
    let old = Own::fence(&first);
    adversary.denied("B10 old sequence", &chip, open(old, kept(&first)), &[Code::StaleSequence]).await;
    adversary.denied("B10 old append", &chip, own.append(old, "again"), &[Code::StaleSequence]).await;
    let repeated = FencingToken { epoch: second.holder.epoch, seq: second.holder.seq };
    adversary.denied("B10 last sequence", &chip, own.append(repeated, "again"), &[Code::StaleSequence]).await;
    // It learns the number from the ledger, but what it remembers of its last session is older than the ledger's: the
    // nodes find that out, and nobody writes for this substrate again.
    let Some(state) = own.open(adversary, 0, kept(&first)).await else { return };
    if state.status != Some(Outcome::HashMismatch) || state.suppressed.is_none() {
        adversary.succeeded(format!("a chip with an old memory was let in: {:?}", state.status));
        return;
    }
    let next = Own::fence(&state);
    adversary.denied("B10 suppressed append", &chip, own.append(next, "after"), &[Code::Suppressed]).await;
    adversary.denied("B10 suppressed open", &chip, open(next, kept(&second)), &[Code::Suppressed]).await;
}
