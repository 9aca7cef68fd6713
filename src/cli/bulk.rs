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

/// What is said when the output is lost behind an import.
const AGAIN: &str = "What was imported is in the ledger; the same command again appends none of it twice";

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
    if bulk.name.is_none() && bulk.file.as_os_str() == "-" {
        let sentence = "standard input has no path that tells one import from another: give this one a --name, and the same \
                        again to go on with it";
        return Err(CliError::usage(sentence));
    }
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
                console::stands(AGAIN);
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

/// In what a batch that was taken before differs from this one, and what to do. Nothing that it says appends to one ledger of
/// one substrate twice what is there already.
fn difference(taken: &Command, bulk: &Bulk, items: &[Item], number: u64) -> Option<String> {
    let Command::Append(Append { substrate_id, items: before, .. }) = taken else {
        return Some("it was no import: give this one a --name of its own".into());
    };
    let mut place = Vec::new();
    if *substrate_id != bulk.id {
        place.push(format!("the substrate was {substrate_id}, and is {} now", bulk.id));
    }
    if let Some(ledger) = before.first().map(|item| item.ledger).filter(|ledger| *ledger != bulk.ledger) {
        place.push(format!("the ledger was {ledger}, and is {} now", bulk.ledger));
    }
    if !place.is_empty() {
        return Some(format!(
            "{}: to go on with that import, name what it had; to import the file here as well, give it a --name of its own",
            place.join(", and ")
        ));
    }
    if let Some(at) = before.iter().zip(items).position(|(before, now)| before != now) {
        return Some(format!(
            "the content of its item {at} was another, so that the file was changed: restore it to go on; or put the lines \
             that are not in yet into a file of their own. With another --name all lines of this file are appended, also those \
             that are in"
        ));
    }
    match (before.len(), items.len()) {
        (before, now) if before == now => None,
        (before, now) if number == 0 => Some(format!(
            "the batch size was another: {before} items were in it, and {now} now. Give --batch {before} to go on where it \
             stopped; another --name would append twice what is in"
        )),
        (before, now) => Some(format!(
            "{before} items were in it, and {now} now, so that the file has more or fewer lines than it had: put the lines that \
             are not in yet into a file of their own; another --name would append twice what is in"
        )),
    }
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
    if let Some(difference) = difference(&submission.command, bulk, items, number) {
        let sentence =
            format!("batch {number} of this import was taken before, as submission {first}, and {difference}");
        return Err(CliError::with(5, console::visible(&sentence)));
    }
    client.submit(&envelope).await.map(|_| ()).map_err(CliError::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::command::FencingToken;
    use selfsame_protocol::number::Epoch;
    use selfsame_protocol::time::U64;

    const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";
    const OTHER: &str = "00000000-0000-4000-8000-000000000001";

    fn bulk(id: &str, ledger: Ledger) -> Bulk {
        Bulk { id: id.parse().unwrap(), file: "items.jsonl".into(), ledger, batch: 3, name: None }
    }

    fn items(ledger: Ledger, numbers: &[u64]) -> Vec<Item> {
        let item = |n: &u64| Item { ledger, data: json!({"n": n}), evidence: Vec::new(), runs: Vec::new() };
        numbers.iter().map(item).collect()
    }

    fn taken(id: &str, ledger: Ledger, numbers: &[u64]) -> Command {
        let fence = FencingToken { epoch: Epoch(1), seq: U64(1) };
        Command::Append(Append { substrate_id: id.parse().unwrap(), fence, items: items(ledger, numbers) })
    }

    /// What differs is named, and no advice appends twice what is in.
    #[test]
    fn what_differs_from_the_batch_that_was_taken_is_named() {
        let now = bulk(ID, Ledger::Evidence);
        let say = |taken: &Command, numbers: &[u64], number| {
            difference(taken, &now, &items(Ledger::Evidence, numbers), number)
        };
        let before = taken(ID, Ledger::Evidence, &[1, 2, 3]);
        assert_eq!(say(&before, &[1, 2, 3], 0), None);
        let size = say(&before, &[1, 2], 0).unwrap();
        assert!(size.contains("--batch 3") && size.contains("another --name would append twice"), "{size}");
        let grown = say(&before, &[1, 2, 3, 4], 7).unwrap();
        assert!(grown.contains("more or fewer lines") && !grown.contains("--batch"), "{grown}");
        let content = say(&before, &[1, 5, 3], 0).unwrap();
        assert!(content.contains("content of its item 1"), "{content}");
        let substrate = say(&taken(OTHER, Ledger::Evidence, &[1, 2, 3]), &[1, 2, 3], 0).unwrap();
        assert!(substrate.contains("the substrate was 0000") && substrate.contains("--name of its own"), "{substrate}");
        let ledger = say(&taken(ID, Ledger::Reasoning, &[1, 2, 3]), &[1, 2, 3], 0).unwrap();
        assert!(ledger.contains("the ledger was reasoning, and is evidence now"), "{ledger}");
    }
}
