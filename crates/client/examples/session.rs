//! The life of a substrate, from its birth to its second chip, and what a program does when something goes wrong.
//!
//! ```sh
//! selfsame dev                                                     # in one terminal: three nodes, keys, chip-a and chip-b
//! cargo run -p selfsame-client --example session -- selfsame-dev   # in another
//! ```
//!
//! Every run brings another substrate into being.

use selfsame_client::{
    Activation, Birth, ChipSession, Client, ClientError, NextStep, Phase, Sealing, Signer, Substrate, Written,
};
use selfsame_protocol::bundle::{self, Reader};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, EnrolChip, GoalVector, Item, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_protocol::replay::History;
use selfsame_protocol::response::ItemsAppended;
use selfsame_protocol::time::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

type Failure = Box<dyn std::error::Error>;

/// How often a write is tried again after the client itself gave up. An endpoint that is gone for good stays gone.
const TRIES: u32 = 5;

/// What `selfsame dev` writes for whoever uses its cluster. A program keeps the genesis of its cluster, and takes neither
/// it nor the cluster's name from a node: its signatures and what it verifies are for this cluster alone.
#[derive(Deserialize)]
struct Context {
    endpoints: Vec<String>,
    genesis: GenesisDocument,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let dir: PathBuf = std::env::args_os().nth(1).ok_or("name the directory of `selfsame dev`")?.into();
    let Context { endpoints, genesis } = serde_json::from_slice(&std::fs::read(dir.join("context.json"))?)?;
    let client = Client::builder()
        .endpoints(endpoints)
        .ready_timeout(Duration::from_secs(5))
        .on_retry(|reason| eprintln!("{reason}"))
        .build()?;
    let signer = |role, name: &str| Signer::from_key_file(&genesis.cluster, role, key_file(&dir, name));
    let (origin, destination) = (signer(Role::Chip, "chip-a")?, signer(Role::Chip, "chip-b")?);
    for chip in [&origin, &destination] {
        enrol(&client, &signer(Role::Root, "aurora-root")?, chip).await?;
    }

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let id = uuid(&Digest::of(&now.as_nanos().to_be_bytes()));
    let mut session = ChipSession::new(origin.clone(), id.clone());
    let time = Timestamp::from_millis(u64::try_from(now.as_millis())?);
    // The time is part of the bytes. A program that must survive a crash here keeps it, or the signed birth, before.
    let born = session.birth(&client, Birth::new(founding(), time)).await?;
    println!("{id} is born: {}", born.result.substrate_identity_hash);

    // Nothing is appended before the identity was verified; the refusal calls for an open, and `append` does that.
    let appended = append(&client, &mut session, "pressure at pump 17 rose to 4.1 bar").await?;
    println!("appended, and it stands at {}", appended.entries[0].index);
    another_process(&client, &origin, &id).await?;
    // This session does not know of that write: its number is refused, and `append` takes the cluster's.
    append(&client, &mut session, "valve 3 was closed by hand").await?;
    let goal = GoalVector {
        goalvector_id: "goal/close-the-valve".into(),
        outcome: json!({"resolved": true}),
        evidence: appended.entries.iter().map(|entry| entry.hash).collect(),
        runs: Vec::new(),
    };
    session.close_cycle(&client, "cycle-1", goal).await?;
    let closed = session.close(&client).await?.result;
    // Kept by the chip itself, this hash shows at the next open that the cluster shows the same history.
    println!("closed; the continuity hash is {}", closed.continuity_hash);

    // A migration that is given up: the origin is active again, at the next epoch.
    seal(&client, &mut session, &genesis, &destination, "first").await?;
    let aborted = session.abort(&client, &activation(&client, &id, "first").await?).await?;
    println!("the first migration was aborted; the origin goes on at epoch {}", aborted.result.epoch);

    // And one that arrives. The destination signs what it verified itself.
    seal(&client, &mut session, &genesis, &destination, "second").await?;
    let activation = activation(&client, &id, "second").await?;
    let history = verified(&client, &id, &genesis).await?;
    if history.recomputed != Some(activation.continuity_hash) || history.head != activation.head {
        return Err("the bundle is not the substrate that was sealed".into());
    }
    let mut there = ChipSession::new(destination, id);
    let arrived = there.arrive(&client, &activation).await?;
    println!("arrived at chip {} at epoch {}", arrived.result.chip, arrived.result.epoch);

    // The old chip is refused for good. Its session is behind, and resuming says who holds the substrate now.
    match append(&client, &mut session, "from the old chip").await {
        Err(error) => println!("the old chip: {error}"),
        Ok(_) => return Err("the old chip still writes".into()),
    }
    let rail = there.open(&client).await?;
    if rail.outcome() != Some(Outcome::Verified) {
        return Err(format!("the identity was not verified: {:?}", rail.outcome()).into());
    }
    append(&client, &mut there, "first observation on the new chip").await?;
    there.close(&client).await?;
    println!("the same entity goes on, on the second chip");
    Ok(())
}

/// Appends one observation, and does what an error calls for.
async fn append(client: &Client, session: &mut ChipSession, text: &str) -> Result<Written<ItemsAppended>, Failure> {
    settle(client, session).await?;
    let items = || vec![observation(text)];
    let mut answer = session.append(client, items()).await;
    for _ in 0..TRIES {
        let error = match answer {
            Ok(written) => return Ok(written),
            Err(error) => error,
        };
        eprintln!("{:?} after: {error}", error.next_step());
        answer = match error.next_step() {
            // Everything earlier is settled: what the session kept without an answer is this write. The same bytes are sent
            // again, and decided once.
            NextStep::Retry => match session.retry(client).await {
                Ok(mut responses) => return Ok(responses.pop().ok_or("nothing was unanswered")?.try_into()?),
                Err(error) => Err(error),
            },
            // The cluster knows more than the session. A new write is signed, if this chip still may.
            NextStep::Resume => {
                let state = session.resume(client).await?;
                writable(client, session, &state).await?;
                session.append(client, items()).await
            }
            NextStep::Settle | NextStep::GiveUp => return Err(error.into()),
        };
    }
    Ok(answer?)
}

/// Sends again what has no answer, until it has one. Its answers are of earlier writes: none of them says anything about the
/// write that comes next.
async fn settle(client: &Client, session: &mut ChipSession) -> Result<(), Failure> {
    for _ in 0..TRIES {
        match session.retry(client).await {
            Ok(_) => break,
            Err(error) if error.next_step() == NextStep::Retry => eprintln!("not settled yet: {error}"),
            // Refused for good, which is an answer too; the rest is sent again.
            Err(ClientError::Refused(refusal)) => eprintln!("an earlier write was refused: {refusal}"),
            Err(error) => return Err(error.into()),
        }
    }
    match session.unanswered().count() {
        0 => Ok(()),
        some => Err(format!("{some} earlier writes have no answer yet: nothing new is written before").into()),
    }
}

/// Brings a resumed session to where it can write: held by this chip, and open.
async fn writable(client: &Client, session: &mut ChipSession, state: &Substrate) -> Result<(), Failure> {
    if state.holder.chip != session.signer().id() {
        return Err(format!("chip {} holds the substrate", state.holder.chip).into());
    }
    match state.phase {
        Phase::Open => Ok(()),
        // Another process of this chip opens it: its outcome comes within seconds.
        Phase::Verifying => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }
        Phase::Closed => match session.open(client).await?.outcome() {
            Some(Outcome::Verified | Outcome::InsufficientDepth) => Ok(()),
            // Suppressed for good, or another substrate continues: somebody must look at it.
            other => Err(format!("the session did not open: {other:?}").into()),
        },
    }
}

/// Another process with the same chip, which begins with what the cluster knows.
async fn another_process(client: &Client, chip: &Signer, id: &str) -> Result<(), Failure> {
    let state = client.substrate(id).await?;
    let mut other = ChipSession::resumed(chip.clone(), &state);
    // Of two programs that sign the same under the same number, only names of their own make two writes.
    other.set_names(format!("other/{}", std::process::id()));
    other.append(client, vec![observation("written elsewhere")]).await?;
    Ok(())
}

/// Seals what was verified: whatever was written meanwhile makes the cluster refuse.
async fn seal(
    client: &Client,
    session: &mut ChipSession,
    genesis: &GenesisDocument,
    destination: &Signer,
    migration: &str,
) -> Result<(), Failure> {
    let history = verified(client, session.substrate_id(), genesis).await?;
    let sealing = Sealing {
        migration_id: migration.into(),
        destination: destination.id(),
        evidence_depth: history.depths.evidence,
        reasoning_depth: history.depths.reasoning,
    };
    let sealed = session.seal(client, sealing).await?;
    println!("sealed for {migration}; the log issued the nonce {}", sealed.result.nonce);
    Ok(())
}

/// What the chip claims that becomes active at the end of a migration.
async fn activation(client: &Client, id: &str, migration: &str) -> Result<Activation, Failure> {
    let state = client.substrate(id).await?;
    match state.migration {
        Some(under_way) if under_way.migration_id == migration => {
            Ok(Activation::of(&under_way, state.holder.epoch.next()))
        }
        _ => Err(format!("the migration {migration} is not under way").into()),
    }
}

/// The whole history, re-computed from its bundle as a stranger does, for this cluster and this substrate.
async fn verified(client: &Client, id: &str, genesis: &GenesisDocument) -> Result<History, Failure> {
    let digest = genesis.digest();
    let text = String::from_utf8(client.bundle(id).await?)?;
    let (report, history) = bundle::verify(&text, Reader { genesis: Some(&digest), ..Reader::default() }, |_| {})?;
    match history {
        Some(history) if report.subject.substrate().is_some_and(|of| of == id) => Ok(history),
        _ => Err(format!("the node sent the history of {}", report.subject).into()),
    }
}

/// Enrols a chip, if it is not. The request is named after its content: a repeat gets the first answer.
async fn enrol(client: &Client, root: &Signer, chip: &Signer) -> Result<(), Failure> {
    let enrol = EnrolChip { chip: chip.key.public(), technology: Technology::Software };
    match client.submit(&root.sign_content(Command::EnrolChip(enrol))).await {
        Ok(_) => Ok(()),
        // Somebody enrolled it under another name of the request.
        Err(ClientError::Refused(refusal)) if refusal.code == Code::KeyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn key_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("keys").join(format!("{name}.json"))
}

fn observation(text: &str) -> Item {
    let data = json!({"observation": text});
    Item { ledger: Ledger::Evidence, data, evidence: Vec::new(), runs: Vec::new() }
}

fn founding() -> serde_json::Value {
    json!({
        "record_type": "founding_incompatibility",
        "branch_a": {"claim": "Every observation is reported without delay."},
        "branch_b": {"claim": "No report is made that was not confirmed by a second sensor."},
    })
}

/// A UUID of version 8 of these bytes.
fn uuid(digest: &Digest) -> SubstrateId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    SubstrateId::from_bytes(bytes)
}
