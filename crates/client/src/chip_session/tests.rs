use super::*;
use selfsame_protocol::command::{Role, Submission};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::response::{ItemsAppended, MigrationArrived, SubstrateBorn};
use serde_json::json;

const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";

fn session() -> ChipSession {
    let signer = Signer { cluster: "test".into(), role: Role::Chip, key: SecretKey::from_seed(&[7; 32]) };
    ChipSession::new(signer, ID.parse().unwrap())
}

fn items(n: u64) -> Vec<Item> {
    vec![Item { ledger: Ledger::Evidence, data: json!({ "n": n }), evidence: Vec::new(), runs: Vec::new() }]
}

fn token(envelope: &Envelope) -> (u64, u64) {
    let submission: Submission = serde_json::from_slice(&envelope.payload).unwrap();
    match submission.command {
        Command::Append(Append { fence, .. }) => (fence.epoch.0, fence.seq.0),
        other => panic!("{other:?}"),
    }
}

fn answer(envelope: &Envelope, result: impl Into<CommandResult>) -> SubmitResponse {
    SubmitResponse { submission: envelope.digest(), entries: Vec::new(), result: result.into() }
}

fn appended(envelope: &Envelope) -> SubmitResponse {
    answer(envelope, ItemsAppended { count: 1, seq: U64(token(envelope).1) })
}

#[test]
fn every_write_takes_the_next_number_and_what_is_unanswered_keeps_its_bytes() {
    let mut session = session();
    let signed: Vec<_> = (0..3).map(|n| session.sign_append(items(n))).collect();
    assert_eq!(signed.iter().map(token).collect::<Vec<_>>(), [(1, 1), (1, 2), (1, 3)]);
    assert_eq!(session.unanswered().cloned().collect::<Vec<_>>(), signed);
    session.accepted(&appended(&signed[0]));
    // The answer of a retry that came late, and one of somebody else, change nothing.
    session.accepted(&appended(&signed[0]));
    session.accepted(&SubmitResponse { submission: Digest::of(b"other"), ..appended(&signed[1]) });
    assert_eq!(session.unanswered().cloned().collect::<Vec<_>>(), signed[1..]);
    assert_eq!((session.seq(), session.next_token().seq), (3, U64(4)));
}

#[test]
fn a_refusal_frees_its_number_and_those_behind_it() {
    let mut session = session();
    let signed: Vec<_> = (0..3).map(|n| session.sign_append(items(n))).collect();
    session.accepted(&appended(&signed[0]));
    session.refused(&signed[1]);
    assert_eq!((session.unanswered().count(), session.seq()), (0, 1));
    // What is forgotten is not taken back by a refusal that comes late.
    session.refused(&signed[2]);
    assert_eq!(token(&session.sign_append(items(9))), (1, 2));
}

#[test]
fn the_same_write_has_the_same_bytes_and_another_has_another_name() {
    let (mut one, mut two) = (session(), session());
    assert_eq!(one.sign_append(items(1)), two.sign_append(items(1)));
    let id = |envelope: &Envelope| serde_json::from_slice::<Submission>(&envelope.payload).unwrap().request_id;
    assert_ne!(id(&one.sign_append(items(1))), id(&two.sign_append(items(2))));
    // A name that was given is for one write.
    one.set_request_id("named/1");
    assert_eq!(id(&one.sign_append(items(3))), "named/1");
    assert_ne!(id(&one.sign_append(items(3))), "named/1");
}

/// shows: X-06
#[test]
fn two_programs_that_write_the_same_at_once_ask_for_two_things() {
    let (mut one, mut two) = (session(), session());
    one.set_names("one");
    two.set_names("two");
    let id = |envelope: &Envelope| serde_json::from_slice::<Submission>(&envelope.payload).unwrap().request_id;
    let (first, second) = (one.sign_append(items(1)), two.sign_append(items(1)));
    assert_ne!(first.digest(), second.digest());
    // What was refused is asked for anew, at the same number.
    one.refused(&first);
    let again = one.sign_append(items(1));
    assert_eq!(token(&again), token(&first));
    assert_eq!((id(&first).as_str(), id(&again).as_str()), ("one/1", "one/2"));
}

/// The first answer to a request is kept where it is a recorded refusal: asked for anew, the write has another name.
/// shows: X-06
#[test]
fn what_was_refused_is_asked_for_anew_under_another_name() {
    let mut session = session();
    let refused = session.sign_append(items(1));
    session.refused(&refused);
    let again = session.sign_append(items(1));
    assert_eq!(token(&again), token(&refused));
    assert_ne!(again.digest(), refused.digest());
    // What was accepted changes no names: a program that begins with the same state signs the same bytes.
    let (mut one, mut two) = (self::session(), self::session());
    let first = one.sign_append(items(1));
    one.accepted(&appended(&first));
    assert_eq!(two.sign_append(items(1)), first);
    assert_eq!(one.sign_append(items(2)), two.sign_append(items(2)));
}

#[test]
fn an_activation_begins_a_new_count() {
    let mut session = session();
    let birth = session.sign_birth(Birth::new(json!({"branch_a": {}, "branch_b": {}}), Timestamp::from_millis(0)));
    assert_eq!((session.seq(), session.head()), (0, None));
    let born = SubstrateBorn {
        substrate_id: ID.parse().unwrap(),
        founding_tension_hash: Digest::of(b"tension"),
        substrate_identity_hash: Digest::of(b"birth"),
        complete: true,
        epoch: Epoch(1),
    };
    session.accepted(&answer(&birth, born));
    assert_eq!(session.head(), Some(Digest::of(b"birth")));
    let sealing =
        Sealing { migration_id: "m".into(), destination: Digest::of(b"d"), evidence_depth: 1, reasoning_depth: 1 };
    assert!(session.sign_seal(sealing).is_none(), "nothing was closed yet");
    session.sign_append(items(1));
    let activation = Activation {
        migration_id: "m".into(),
        nonce: Digest::of(b"nonce"),
        epoch: Epoch(2),
        continuity_hash: Digest::of(b"kept"),
        head: Digest::of(b"head"),
    };
    let arrival = session.sign_arrive(&activation);
    let chip = session.signer().id();
    session
        .accepted(&answer(&arrival, MigrationArrived { epoch: Epoch(2), chip, cycle_identity_hash: Digest::of(b"c") }));
    assert_eq!((session.epoch(), session.seq(), session.unanswered().count()), (Epoch(2), 0, 0));
    assert_eq!((session.head(), session.continuity_hash()), (Some(Digest::of(b"c")), Some(Digest::of(b"kept"))));
    assert_eq!(token(&session.sign_append(items(1))), (2, 1));
}
