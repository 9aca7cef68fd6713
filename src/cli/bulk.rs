//! `selfsame substrate import`: a file of JSON lines, streamed in signed batches, resumable.

use super::context::{CliError, Done, Global};
use crate::console;
use selfsame_client::{ChipSession, Client, ClientError};
use selfsame_protocol::canon;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{Append, Command, Item, Role, Submission};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use serde_json::json;
use std::io::BufRead;
use std::path::PathBuf;

/// Batches sent over one stream: bounds the memory, far above what is under way at once.
const ROUND: usize = 256;

/// What is imported, where to, and how.
pub struct Bulk {
    /// Substrate.
    pub id: SubstrateId,
    /// File, or - for standard input.
    pub file: PathBuf,
    /// Ledger.
    pub ledger: Ledger,
    /// Items under one signature.
    pub batch: usize,
    /// Name of the import.
    pub name: Option<String>,
}

impl Bulk {
    fn open(&self) -> Result<Box<dyn BufRead>, CliError> {
        if self.file.as_os_str() == "-" {
            return Ok(Box::new(std::io::stdin().lock()));
        }
        let file = std::fs::File::open(&self.file)
            .map_err(|error| CliError::usage(format!("{}: {error}", self.file.display())))?;
        Ok(Box::new(std::io::BufReader::new(file)))
    }

    /// The next items of the file; empty at its end. Blank lines are skipped.
    fn next(&self, lines: &mut dyn BufRead, line: &mut u64) -> Result<Vec<Item>, CliError> {
        let mut items = Vec::new();
        let mut text = Vec::new();
        while items.len() < self.batch {
            text.clear();
            let bad = |line: u64, error: &dyn std::fmt::Display| {
                CliError::usage(format!("{} line {line}: {error}", self.file.display()))
            };
            if lines.read_until(b'\n', &mut text).map_err(|error| bad(*line + 1, &error))? == 0 {
                break;
            }
            *line += 1;
            let trimmed = text.trim_ascii();
            if trimmed.is_empty() {
                continue;
            }
            let data = canon::parse(trimmed, &canon::Limits::SUBMISSION).map_err(|error| bad(*line, &error))?;
            items.push(Item { ledger: self.ledger, data, evidence: Vec::new(), runs: Vec::new() });
        }
        Ok(items)
    }
}

/// Runs the import.
pub async fn main(global: &Global, bulk: Bulk) -> Done {
    let client = global.client()?;
    let chip = global.signer_as(&client, Role::Chip).await?;
    let path = std::path::absolute(&bulk.file).unwrap_or_else(|_| bulk.file.clone());
    let name = bulk.name.clone().unwrap_or_else(|| Digest::of(path.as_os_str().as_encoded_bytes()).hex());
    let mut session = ChipSession::resumed(chip, &client.substrate(&bulk.id).await?);
    let sign = |session: &mut ChipSession, number: u64, items: Vec<Item>| {
        session.set_request_id(format!("import/{name}/{number}"));
        session.sign_append(items)
    };
    let mut source = bulk.open()?;
    let (mut line, mut number, mut items, mut skipped) = (0, 0, 0_u64, 0_u64);
    let started = std::time::Instant::now();
    // Batches are taken in order, so those of an earlier attempt are a prefix: skip it one by one, then stream.
    let mut next = bulk.next(&mut source, &mut line)?;
    while !next.is_empty() {
        let envelope = sign(&mut session, number, next.clone());
        match session.submit(&client, &envelope).await {
            Ok(_) => {
                items += next.len() as u64;
                number += 1;
                next = bulk.next(&mut source, &mut line)?;
                break;
            }
            Err(ClientError::Refused(refusal)) if refusal.code == Code::RequestIdReused => {
                taken_before(&client, &bulk, &next, number, &refusal).await?;
                skipped += next.len() as u64;
                number += 1;
                next = bulk.next(&mut source, &mut line)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    while !next.is_empty() {
        let mut round = Vec::new();
        let mut counts = Vec::new();
        while !next.is_empty() && round.len() < ROUND {
            counts.push(next.len() as u64);
            round.push(sign(&mut session, number, std::mem::take(&mut next)));
            number += 1;
            next = bulk.next(&mut source, &mut line)?;
        }
        let result = session.submit_all(&client, &round, |position, _| items += counts[position]).await;
        if let Err(error) = result {
            global.say(&format!("{} items are in; run the same command again to go on", items + skipped));
            return Err(error.into());
        }
        global.say(&format!(
            "{} items, {:.0} items/s",
            items + skipped,
            items as f64 / started.elapsed().as_secs_f64()
        ));
    }
    global.print(
        "Import",
        json!({"items": items, "skipped": skipped, "batches": number, "seconds": started.elapsed().as_secs_f64()}),
    );
    Ok(())
}

/// A batch of this name was submitted before: it must be this one, and it must have been accepted. Asking with its own
/// bytes gives its first answer.
async fn taken_before(
    client: &Client,
    bulk: &Bulk,
    items: &[Item],
    number: u64,
    refusal: &Refusal,
) -> Result<(), CliError> {
    let first: Digest =
        refusal.expected.parse().map_err(|_| CliError::with(1, console::visible(&refusal.to_string())))?;
    let envelope = client.submission(&first).await?;
    let submission: Submission = canon::parse(&envelope.payload, &canon::Limits::SUBMISSION).and_then(canon::decode)?;
    let same = matches!(&submission.command, Command::Append(Append { substrate_id, items: first, .. })
        if *substrate_id == bulk.id && first == items);
    if !same {
        return Err(CliError::with(
            5,
            format!(
                "batch {number} was imported before with other content, as submission {first}: give this file another --name"
            ),
        ));
    }
    client.submit(&envelope).await.map(|_| ()).map_err(CliError::from)
}
