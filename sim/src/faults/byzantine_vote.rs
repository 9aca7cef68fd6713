//! Organisations that vote too often, and one that speaks for another organisation's node.

use super::byzantine::{Adversary, attack};
use super::byzantine_own::Own;
use super::kind::Kind;
use rand::Rng;
use selfsame_client::{HolderStatus, Phase};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, EnrolNode, GiveVerdict, OpenSession, Proposal, Propose, RetireNode, Role, Vote,
};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Finding;
use selfsame_protocol::response::{BallotCounted, SessionRequested};
use selfsame_protocol::time::U64;

/// B11: a ballot with too few organisations, and one that votes twice.
pub const STUFFED_BALLOT: Kind = Kind {
    name: "B11_stuffed_ballot",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(STUFFED_BALLOT.name, |adversary| Box::pin(stuffed_ballot(adversary)), random),
};

/// B12: one organisation's key speaks for another organisation's node.
pub const FOREIGN_NODE: Kind = Kind {
    name: "B12_foreign_node",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(FOREIGN_NODE.name, |adversary| Box::pin(foreign_node(adversary)), random),
};

async fn stuffed_ballot(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.session(adversary, 0).await.is_none() {
        return;
    }
    let ballot = format!("ballot/{}", adversary.name);
    let proposal = Proposal::ForceSeal {
        substrate_id: own.id.clone(),
        migration_id: "forced".into(),
        destination: own.chips[1].id(),
        reason: "They say that the chip is lost.".into(),
    };
    let about = ballot_digest(&adversary.genesis.constitution().hash(), &ballot, &proposal);
    let propose = Command::Propose(Propose { proposal_id: ballot.clone(), proposal });
    let vote = |approve| Command::Vote(Vote { proposal_id: ballot.clone(), ballot: about, approve });
    let root = adversary.root(0);
    let operator = adversary.operator(0);
    let as_root = adversary.actor(Role::Root, operator.key.clone());
    let wrong = [Code::RoleDenied, Code::UnknownKey];
    adversary.denied("B11 operator proposes", &as_root, propose.clone(), &wrong).await;
    let unknown = Command::Vote(Vote { proposal_id: format!("{ballot}/none"), ballot: about, approve: true });
    adversary.denied("B11 unknown ballot", &root, unknown, &[Code::UnknownProposal]).await;
    if adversary.honest("B11 propose", &root, propose.clone()).await.is_none() {
        return;
    }
    adversary.denied("B11 propose twice", &root, propose, &[Code::ProposalIdReused]).await;
    // Votes of others on another ballot do not count for this one.
    let other = Command::Vote(Vote { proposal_id: ballot.clone(), ballot: Digest::of(b"another"), approve: true });
    let second = adversary.root(1);
    adversary.denied("B11 another proposal", &second, other, &[Code::StateMismatch]).await;
    let organisations = adversary.organisations();
    // More than two thirds.
    let threshold = organisations * 2 / 3 + 1;
    for approvals in 1..=threshold {
        // An organisation that voted may not vote again, neither the same nor otherwise.
        let voted = adversary.random.gen_range(0..approvals);
        let again = adversary.root(voted);
        let approve = adversary.random.gen_bool(0.5);
        if approvals < threshold {
            adversary.denied("B11 second vote", &again, vote(approve), &[Code::AlreadyVoted]).await;
            let Some(state) = own.state(adversary).await else { return };
            if state.holder.status != HolderStatus::Active {
                adversary.succeeded(format!("sealed with {approvals} of {threshold} organisations"));
            }
            let next = adversary.root(approvals);
            let Some(receipt) = adversary.honest("B11 vote", &next, vote(true)).await else { return };
            let carried = BallotCounted::try_from(receipt.result).map(|ballot| ballot.carried());
            if carried != Ok(approvals + 1 >= threshold) {
                adversary.succeeded(format!("{} of {threshold} votes: carried {carried:?}", approvals + 1));
            }
        } else {
            adversary.denied("B11 vote after the end", &again, vote(approve), &[Code::ProposalClosed]).await;
        }
    }
    let Some(state) = own.state(adversary).await else { return };
    let append = own.append(Own::fence(&state), "after the ballot");
    let chip = own.chips[0].clone();
    adversary.denied("B11 sealed", &chip, append, &[Code::Sealed]).await;
}

async fn foreign_node(mut adversary: Adversary) {
    let adversary = &mut adversary;
    // Organisation 0 tries to speak for a node of another one.
    let victim = 2;
    let root = adversary.root(0);
    let stolen = adversary.node_key(victim).public();
    let fresh = adversary.fresh_key("node");
    let cosigner = fresh.cosigner().public();
    let enrol = |node, key| Command::EnrolNode(EnrolNode { node: NodeId(node), key, cosigner });
    adversary.denied("B12 node id taken", &root, enrol(victim, fresh.public()), &[Code::NodeIdReused]).await;
    adversary.denied("B12 node key taken", &root, enrol(1_000, stolen), &[Code::KeyExists]).await;
    let retire = Command::RetireNode(RetireNode { node: NodeId(victim) });
    adversary.denied("B12 foreign node retired", &root, retire, &[Code::RoleDenied]).await;
    let Some(own) = Own::born(adversary).await else { return };
    let Some(state) = own.state(adversary).await else { return };
    let open = Command::OpenSession(OpenSession {
        substrate_id: own.id.clone(),
        fence: Own::fence(&state),
        continuity_hash: None,
        founding: None,
        new_lineage: None,
    });
    let chip = own.chips[0].clone();
    let Some(receipt) = adversary.honest("B12 open", &chip, open).await else { return };
    let Ok(requested) = SessionRequested::try_from(receipt.result) else { return };
    // A verdict of HASH_MISMATCH by keys that belong to no node of the cluster.
    let verdict = Command::Verdict(GiveVerdict {
        substrate_id: own.id.clone(),
        verification: requested.verification,
        finding: Finding {
            outcome: Outcome::HashMismatch,
            check: "HEAD".into(),
            at: None,
            expected: String::new(),
            found: String::new(),
            drift: 0,
            lineage_depth: U64(0),
            recomputed: None,
            entries_checked: U64(0),
        },
    });
    for (what, key, code) in [
        ("B12 verdict by a stranger", fresh, Code::UnknownKey),
        ("B12 verdict by a root key", root.key.clone(), Code::RoleDenied),
        ("B12 verdict by the chip", chip.key.clone(), Code::RoleDenied),
    ] {
        let actor = adversary.actor(Role::Node, key);
        adversary.denied(what, &actor, verdict.clone(), &[code]).await;
    }
    for _ in 0..40 {
        let Some(state) = own.state(adversary).await else { return };
        if state.phase != Phase::Verifying {
            if state.status == Some(Outcome::HashMismatch) {
                adversary.succeeded("a verdict by somebody else counted");
            }
            return;
        }
        adversary.pause(300).await;
    }
}
