//! The client against nodes that answer as a test says: what it sends, how long it waits, how much it reads, and what its
//! errors come to.

mod fake;

use fake::{Answer, Call, Nodes, SILENCE, one, refusal};
use prost::Message as _;
use selfsame_client::{
    Activation, Birth, ChipSession, Client, ClientError, EntrySelector, NextStep, Sealing, Signer, Written,
};
use selfsame_protocol::canon::to_canonical_of;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Item, Role, Submission};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{EntryRef, MAX_LEAF_BYTES};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::response::{
    CommandResult, ItemsAppended, MigrationAborted, MigrationArrived, MigrationSealed, SessionClosed, SubmitResponse,
    SubstrateBorn,
};
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_wire::v1;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";

fn hash(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn session() -> ChipSession {
    let signer = Signer { cluster: "test".into(), role: Role::Chip, key: SecretKey::from_seed(&[7; 32]) };
    ChipSession::new(signer, ID.parse().unwrap())
}

fn item() -> Vec<Item> {
    vec![Item { ledger: Ledger::Evidence, data: json!({"n": 1}), evidence: Vec::new(), runs: Vec::new() }]
}

fn birth() -> Birth {
    Birth::new(json!({"branch_a": {}, "branch_b": {}}), Timestamp::from_millis(0))
}

fn activation() -> Activation {
    Activation {
        migration_id: "m".into(),
        nonce: hash("nonce"),
        epoch: Epoch(2),
        continuity_hash: hash("kept"),
        head: hash("head"),
    }
}

fn sealing() -> Sealing {
    Sealing { migration_id: "m".into(), destination: hash("d"), evidence_depth: 1, reasoning_depth: 1 }
}

/// What a cluster that refuses nothing comes to.
fn result(command: &Command) -> CommandResult {
    let chip = session().signer().id();
    match command {
        Command::InitSubstrate(init) => SubstrateBorn {
            substrate_id: init.substrate_id.clone(),
            founding_tension_hash: hash("tension"),
            substrate_identity_hash: hash("birth"),
            complete: true,
            epoch: Epoch(1),
        }
        .into(),
        Command::Append(append) => ItemsAppended { count: append.items.len() as u64, seq: append.fence.seq }.into(),
        Command::CloseSession(_) => SessionClosed {
            continuity_hash: hash("kept"),
            session: U64(1),
            session_close_timestamp: Timestamp::from_millis(1),
        }
        .into(),
        Command::Seal(seal) => {
            MigrationSealed { nonce: hash("nonce"), epoch: Epoch(2), migration_id: seal.migration_id.clone() }.into()
        }
        Command::Arrive(_) => MigrationArrived { epoch: Epoch(2), chip, cycle_identity_hash: hash("arrived") }.into(),
        Command::AbortMigration(_) => MigrationAborted { epoch: Epoch(2), chip }.into(),
        other => panic!("{other:?}"),
    }
}

fn envelope(call: &Call) -> Envelope {
    Envelope::from_bytes(&call.message::<v1::SubmitRequest>().envelope).unwrap()
}

fn command(envelope: &Envelope) -> Command {
    serde_json::from_slice::<Submission>(&envelope.payload).unwrap().command
}

fn entry() -> EntryRef {
    EntryRef { ledger: Ledger::Reasoning, index: U64(3), hash: hash("entry") }
}

fn decided(submission: Digest, result: CommandResult) -> Answer {
    let response = SubmitResponse { submission, entries: vec![entry()], result };
    one(&v1::SubmitResponse { receipt: to_canonical_of(&response).into(), ..v1::SubmitResponse::default() })
}

fn accept(call: &Call) -> Answer {
    let envelope = envelope(call);
    decided(envelope.digest(), result(&command(&envelope)))
}

/// The step, its endpoints, and whether each was sent the same bytes.
fn sent(nodes: &Nodes) -> (Vec<String>, bool) {
    let asked = nodes.asked();
    let same = asked.iter().all(|(_, _, message)| *message == asked[0].2);
    (asked.into_iter().map(|(endpoint, _, _)| endpoint).collect(), same)
}

#[tokio::test(start_paused = true)]
async fn the_steps_of_a_life_are_signed_sent_again_where_a_node_answers_and_give_what_they_come_to() {
    // The first node is never ready, the second takes everything.
    let ready = || Nodes::new(|call| if call.endpoint == "a:1" { refusal(Code::NoLeader) } else { accept(&call) });
    let twice = (vec!["a:1".to_owned(), "b:1".to_owned()], true);

    let (nodes, mut chip) = (ready(), session());
    let born: Written<SubstrateBorn> = chip.birth(&nodes.client(), birth()).await.unwrap();
    assert_eq!((born.result.epoch, &born.entries[..]), (Epoch(1), &[entry()][..]));
    assert_eq!((sent(&nodes), chip.head(), chip.unanswered().count()), (twice.clone(), Some(hash("birth")), 0));

    chip.close(&nodes.client()).await.unwrap();
    let nodes = ready();
    let sealed = chip.seal(&nodes.client(), sealing()).await.unwrap();
    assert_eq!((sealed.result.nonce, chip.seq()), (hash("nonce"), 2));
    assert_eq!((sent(&nodes), chip.unanswered().count()), (twice.clone(), 0));

    let nodes = ready();
    let aborted = chip.abort(&nodes.client(), &activation()).await.unwrap();
    assert_eq!((aborted.result.epoch, chip.epoch(), chip.seq()), (Epoch(2), Epoch(2), 0));
    assert_eq!(sent(&nodes), twice);

    let (nodes, mut destination) = (ready(), session());
    let arrived = destination.arrive(&nodes.client(), &activation()).await.unwrap();
    assert_eq!((arrived.result.epoch, destination.head()), (Epoch(2), Some(hash("arrived"))));
    assert_eq!(sent(&nodes), twice);
}

#[tokio::test]
async fn nothing_is_sealed_that_was_never_closed_and_nothing_sent_while_a_write_is_unanswered() {
    let nodes = Nodes::new(|call| accept(&call));
    let (client, mut chip) = (nodes.client(), session());
    let never = chip.seal(&client, sealing()).await.unwrap_err();
    assert_eq!((&never, never.next_step()), (&ClientError::NeverClosed, NextStep::GiveUp));
    let waiting = chip.sign_birth(birth());
    let unanswered = Err(ClientError::Unanswered { submission: waiting.digest() });
    assert_eq!(chip.birth(&client, birth()).await.map(|_| ()), unanswered);
    assert_eq!(chip.arrive(&client, &activation()).await.map(|_| ()), unanswered);
    assert_eq!(chip.abort(&client, &activation()).await.map(|_| ()), unanswered);
    assert!(nodes.asked().is_empty());
    chip.retry(&client).await.unwrap();
    assert_eq!((nodes.asked().len(), chip.head()), (1, Some(hash("birth"))));
}

#[tokio::test]
async fn a_result_of_another_command_and_an_answer_to_another_write_are_no_answers_and_the_next_node_is_asked() {
    let lies: [fn(&Envelope) -> Answer; 2] = [
        |envelope| decided(envelope.digest(), ItemsAppended { count: 1, seq: U64(1) }.into()),
        |envelope| decided(hash("another"), result(&command(envelope))),
    ];
    for lie in lies {
        let nodes = Nodes::new(move |call| if call.endpoint == "a:1" { lie(&envelope(&call)) } else { accept(&call) });
        let (client, mut chip) = (nodes.client(), session());
        let error = chip.birth(&client, birth()).await.unwrap_err();
        assert!(matches!(&error, ClientError::InvalidAnswer { endpoint, .. } if endpoint == "a:1"), "{error}");
        // Whether it was taken is not known: it stays, and the same bytes go to the other node.
        assert_eq!((error.next_step(), chip.unanswered().count()), (NextStep::Retry, 1));
        assert_eq!(chip.retry(&client).await.unwrap().len(), 1);
        assert_eq!(sent(&nodes), (vec!["a:1".to_owned(), "b:1".to_owned()], true));
        assert_eq!(chip.head(), Some(hash("birth")));
    }
}

#[tokio::test]
async fn a_refused_write_frees_its_number_and_says_that_the_session_is_behind() {
    let nodes = Nodes::new(|_| refusal(Code::StaleSequence));
    let mut chip = session();
    let error = chip.append(&nodes.client(), item()).await.unwrap_err();
    assert_eq!((error.next_step(), chip.unanswered().count(), chip.seq()), (NextStep::Resume, 0, 0));
}

#[tokio::test]
async fn a_submission_that_no_node_could_read_is_not_sent_and_those_before_it_are() {
    let nodes = Nodes::new(|call| {
        let message = call.message::<v1::SubmitStreamRequest>();
        let envelope = Envelope::from_bytes(&message.envelope).unwrap();
        let response =
            SubmitResponse { submission: envelope.digest(), entries: Vec::new(), result: result(&command(&envelope)) };
        let receipt = v1::submit_stream_response::Result::Receipt(to_canonical_of(&response).into());
        one(&v1::SubmitStreamResponse { position: 0, result: Some(receipt) })
    });
    let (client, mut chip) = (nodes.client(), session());
    let large = vec![Item { data: json!("x".repeat(9 << 20)), ..item().remove(0) }];
    let mut taken = 0;
    let error = chip.append_all(&client, [item(), large.clone()], |_, _| taken += 1).await.unwrap_err();
    assert_eq!((error.code(), taken, chip.seq(), nodes.asked().len()), (Some(Code::LimitExceeded), 1, 1, 1));
    let error = chip.append(&client, large).await.unwrap_err();
    assert_eq!(
        (error.code(), error.next_step(), nodes.asked().len()),
        (Some(Code::LimitExceeded), NextStep::GiveUp, 1)
    );
}

/// Nodes that wait for a checkpoint as long as they are asked to, and never have one.
fn uncosigned() -> Nodes {
    Nodes::waiting(|call| {
        Box::pin(async move {
            let within = call.message::<v1::GetReceiptRequest>().within_ms;
            tokio::time::sleep(Duration::from_millis(within.into())).await;
            refusal(Code::NotCosigned)
        })
    })
}

fn milliseconds(nodes: &Nodes) -> Vec<u32> {
    let asked = nodes.asked().into_iter();
    asked.map(|(_, _, message)| v1::GetReceiptRequest::decode(message).unwrap().within_ms).collect()
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_waited_for_as_long_as_was_asked_in_all() {
    // Shorter than an attempt, longer than one, and longer than a call.
    for (within, attempts) in [(0, 1), (5, 1), (40, 4), (90, 8)] {
        let (nodes, within) = (uncosigned(), Duration::from_secs(within));
        let client = nodes.client();
        let begun = Instant::now();
        let error = client.receipt(Ledger::Evidence, EntrySelector::Index(0), within).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::NotCosigned));
        let (asked, took) = (milliseconds(&nodes), begun.elapsed());
        // The pause between attempts is the most by which it ends early, and a timer's tick by which it ends late.
        assert!(took <= within + Duration::from_millis(10), "{took:?} of {within:?}");
        assert!(took + Duration::from_millis(200) >= within, "{took:?} of {within:?}");
        assert_eq!(asked.len(), attempts, "{asked:?} of {within:?}");
        assert!(asked.iter().all(|ms| u128::from(*ms) <= within.as_millis()), "{asked:?}");
    }
}

async fn elapsed(client: &Client) -> Duration {
    let begun = Instant::now();
    let error = client.checkpoint(Ledger::Evidence).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NoLeader));
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn other_timeouts_keep_the_time_for_a_node_that_is_ready() {
    let nodes = Nodes::new(|_| refusal(Code::NoLeader));
    let client = nodes.builder().ready_timeout(Duration::from_secs(2)).build().unwrap();
    let minute = Duration::from_secs(60);
    assert!(elapsed(&client).await <= Duration::from_secs(2));
    assert!(elapsed(&client.clone().with_timeouts(minute, minute)).await <= Duration::from_secs(2));
    // A call that is shorter ends earlier, and zero is one attempt.
    assert!(elapsed(&client.clone().with_timeouts(minute, Duration::from_secs(1))).await <= Duration::from_secs(1));
    let before = nodes.asked().len();
    elapsed(&client.with_timeouts(minute, Duration::ZERO)).await;
    assert_eq!(nodes.asked().len(), before + 1);
}

fn too_large<T: std::fmt::Debug>(answer: Result<T, ClientError>) {
    match answer {
        Err(ClientError::InvalidAnswer { reason, .. }) => assert!(reason.contains("too large"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_that_is_larger_than_its_kind_is_not_read() {
    let nodes = Nodes::new(|call| {
        // Larger than any entry, state or decision, and no more than any answer could be before.
        let bytes = |n: usize| bytes::Bytes::from(vec![b'x'; n]);
        match call.method.as_str() {
            "GetEntry" => one(&v1::GetEntryResponse { leaf: bytes(80 << 10), ..Default::default() }),
            "Tail" => {
                let message = |n| v1::TailResponse { index: 0, leaf: bytes(n) }.encode_to_vec();
                Ok(vec![message(MAX_LEAF_BYTES), message(80 << 10)])
            }
            "GetStatus" => one(&v1::GetStatusResponse { version: "x".repeat(80 << 10), ..Default::default() }),
            "Submit" => one(&v1::SubmitResponse { receipt: bytes(2 << 20), ..Default::default() }),
            "OpenSession" => one(&v1::OpenSessionResponse { receipt: bytes(3 << 20), ..Default::default() }),
            "GetSubstrate" => one(&v1::GetSubstrateResponse { state: bytes(5 << 20) }),
            "GetCheckpoint" => one(&v1::GetCheckpointResponse { checkpoint: "x".repeat(2 << 20) }),
            "ListChips" => one(&v1::ListChipsResponse { next_page_token: "x".repeat(5 << 20), ..Default::default() }),
            "GetSubmission" => one(&v1::GetSubmissionResponse { envelope: bytes(9 << 20) }),
            other => panic!("{other}"),
        }
    });
    let (client, birth) = (nodes.client(), session().sign_birth(birth()));
    too_large(client.leaf(Ledger::Evidence, 0).await);
    let mut tail = client.tail(Ledger::Evidence, 0, false).await.unwrap();
    assert_eq!(tail.next().await.unwrap().unwrap().leaf.len(), MAX_LEAF_BYTES);
    too_large(tail.next().await);
    for status in client.statuses().await {
        too_large(status);
    }
    let once = client.submit_once(&birth).await.unwrap_err();
    assert!(once.retryable());
    too_large::<()>(Err(once.error));
    too_large(client.submit(&birth).await);
    too_large(client.open_session(&birth).await);
    too_large(client.substrate(ID).await);
    too_large(client.checkpoint(Ledger::Evidence).await);
    too_large(client.chips("", 10).await);
    too_large(client.submission(&hash("any")).await);
}

#[tokio::test]
async fn the_largest_answers_of_each_kind_are_read() {
    let nodes = Nodes::new(|call| match call.method.as_str() {
        "GetEntry" => one(&v1::GetEntryResponse { leaf: vec![b'x'; MAX_LEAF_BYTES].into(), ..Default::default() }),
        "GetCheckpoint" => one(&v1::GetCheckpointResponse { checkpoint: "x".repeat(1 << 20) }),
        "GetBundle" => Ok(vec![v1::GetBundleResponse { data: vec![b'x'; 8 << 20].into() }.encode_to_vec()]),
        "Submit" => {
            let envelope = envelope(&call);
            let entries = vec![EntryRef { index: U64(u64::MAX), ..entry() }; 1_100];
            let result = result(&command(&envelope));
            let of = entries[0];
            let response = SubmitResponse { submission: envelope.digest(), entries, result };
            // Receipts stand in the answer only when they were asked for; then it may be much larger.
            let proofs = match call.message::<v1::SubmitRequest>().proofs_within_ms {
                0 => Vec::new(),
                _ => {
                    let hash = of.hash.as_bytes().to_vec().into();
                    let entry = v1::EntryRef { ledger: 2, index: of.index.0, hash };
                    vec![v1::LogProof { entry: Some(entry), proof: "x".repeat(8 << 10) }; 1_000]
                }
            };
            let receipt = to_canonical_of(&response).into();
            one(&v1::SubmitResponse { receipt, proofs, proofs_refusal: None })
        }
        other => panic!("{other}"),
    });
    let (client, birth) = (nodes.client(), session().sign_birth(birth()));
    assert_eq!(client.leaf(Ledger::Evidence, 0).await.unwrap().len(), MAX_LEAF_BYTES);
    assert_eq!(client.checkpoint(Ledger::Evidence).await.unwrap().len(), 1 << 20);
    assert_eq!(client.bundle(ID).await.unwrap().len(), 8 << 20);
    assert_eq!(client.submit(&birth).await.unwrap().entries.len(), 1_100);
    let accepted = client.submit_with_receipts(&birth, Duration::from_secs(1)).await.unwrap();
    assert_eq!(accepted.receipts.len(), 1_000);
}

/// A bundle that breaks off is none, and is asked for anew where it is whole.
/// shows: X-02
#[tokio::test(start_paused = true)]
async fn a_bundle_that_breaks_off_is_asked_for_at_the_next_node() {
    let nodes = Nodes::new(|call| {
        let part = |text: &str| v1::GetBundleResponse { data: text.to_owned().into() }.encode_to_vec();
        match call.endpoint.as_str() {
            "a:1" => Ok(vec![part("half"), vec![0xff]]),
            _ => Ok(vec![part("the "), part("whole")]),
        }
    });
    assert_eq!(nodes.client().bundle(ID).await.unwrap(), b"the whole");
    assert_eq!(nodes.asked().into_iter().map(|(endpoint, ..)| endpoint).collect::<Vec<_>>(), ["a:1", "b:1"]);
    let broken = Nodes::new(|_| Ok(vec![vec![0xff]]));
    assert!(matches!(broken.client().bundle(ID).await, Err(ClientError::Unreachable { .. })));
    assert!(broken.asked().len() > 1);
}

/// A server that gives the head of an answer and then nothing is given up with the attempt, and the next one asked.
/// shows: X-02
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_waited_for_as_long_as_an_attempt() {
    let silent = Nodes::new(|_| Ok(vec![SILENCE.to_vec()]));
    let second = Duration::from_secs(1);
    let client = silent.builder().attempt_timeout(second).call_timeout(4 * second).build().unwrap();
    let (begun, birth) = (Instant::now(), session().sign_birth(birth()));
    assert!(matches!(client.substrate(ID).await, Err(ClientError::Unreachable { .. })));
    assert!(matches!(client.submit(&birth).await, Err(ClientError::Unreachable { .. })));
    assert!(client.submit_once(&birth).await.unwrap_err().retryable());
    assert!(client.bundle(ID).await.is_err());
    assert!(client.statuses().await.iter().all(Result::is_err));
    assert!(client.receipt(Ledger::Evidence, EntrySelector::Index(0), second).await.is_err());
    let mut session = session();
    assert!(session.append_all(&client, [item(), item()], |_, _| {}).await.is_err());
    assert!(begun.elapsed() < 60 * second, "{:?}", begun.elapsed());
    // Where the next one answers, the call has its answer.
    let nodes = Nodes::new(|call| match call.endpoint.as_str() {
        "a:1" => Ok(vec![SILENCE.to_vec()]),
        _ => accept(&call),
    });
    assert!(nodes.client().submit(&birth).await.is_ok());
    // Longer than any clock goes: it is a time like others, and nothing overflows.
    let forever = nodes.builder().attempt_timeout(second).call_timeout(Duration::MAX).ready_timeout(Duration::MAX);
    assert!(forever.build().unwrap().with_timeouts(second, Duration::MAX).submit(&birth).await.is_ok());
}

/// With one attempt a stream has the time of one.
#[tokio::test(start_paused = true)]
async fn a_stream_of_one_attempt_takes_its_answers() {
    let nodes = Nodes::new(|_| Ok(vec![SILENCE.to_vec()]));
    let client = nodes.builder().call_timeout(Duration::ZERO).build().unwrap();
    let begun = Instant::now();
    assert!(session().append_all(&client, [item()], |_, _| {}).await.is_err());
    assert!(begun.elapsed() >= Duration::from_secs(25), "{:?}", begun.elapsed());
}

/// What answers about something else is no answer.
/// shows: X-02
#[tokio::test(start_paused = true)]
async fn answers_about_something_else_are_none() {
    let nodes = Nodes::new(|call| match call.method.as_str() {
        "GetSubmission" => {
            let other = session().sign_append(item());
            one(&v1::GetSubmissionResponse { envelope: other.to_bytes().into() })
        }
        "GetReceipt" => {
            let entry = v1::EntryRef { ledger: 2, index: 0, hash: vec![1; 32].into() };
            let proof = Some(v1::LogProof { entry: Some(entry), proof: "x".into() });
            one(&v1::GetReceiptResponse { proof, leaf: b"{}".to_vec().into() })
        }
        "GetChip" => {
            let chip = v1::Chip { id: vec![7; 32].into(), key: vec![7; 32].into(), ..Default::default() };
            one(&v1::GetChipResponse { chip: Some(chip) })
        }
        "ListChips" => {
            let chip = v1::Chip { id: vec![7; 32].into(), key: vec![7; 32].into(), ..Default::default() };
            one(&v1::ListChipsResponse { chips: vec![chip; 9], ..Default::default() })
        }
        "OpenSession" => one(&v1::OpenSessionResponse { receipt: accept_open(&call), ..Default::default() }),
        other => panic!("{other}"),
    });
    let client = nodes.client();
    let invalid = |error: ClientError| assert!(matches!(error, ClientError::InvalidAnswer { .. }), "{error}");
    invalid(client.submission(&hash("another")).await.unwrap_err());
    let second = Duration::from_secs(1);
    invalid(client.receipt(Ledger::Evidence, EntrySelector::Index(0), second).await.unwrap_err());
    invalid(client.receipt(Ledger::Reasoning, EntrySelector::Hash(hash("x")), second).await.unwrap_err());
    invalid(client.chip(&hash("x")).await.unwrap_err());
    invalid(client.chips("", 3).await.unwrap_err());
    invalid(session().open(&client).await.unwrap_err());
}

/// The answer of an append, to whatever was asked.
fn accept_open(call: &Call) -> bytes::Bytes {
    let envelope = Envelope::from_bytes(&call.message::<v1::OpenSessionRequest>().envelope).unwrap();
    let result = ItemsAppended { count: 1, seq: U64(1) }.into();
    let response = SubmitResponse { submission: envelope.digest(), entries: vec![entry()], result };
    to_canonical_of(&response).into()
}

#[test]
fn a_signer_is_read_from_a_key_file() {
    let (key, path) =
        (SecretKey::from_seed(&[9; 32]), std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("chip.json"));
    std::fs::write(&path, selfsame_env::key_file::to_bytes(&key).unwrap()).unwrap();
    let signer = Signer::from_key_file("test", Role::Chip, &path).unwrap();
    assert_eq!((signer.id(), signer.cluster.as_str(), signer.role), (key.public().id(), "test", Role::Chip));
    let none = Signer::from_key_file("test", Role::Chip, path.with_file_name("none.json")).unwrap_err();
    assert!(none.to_string().contains("none.json"), "{none}");
}
