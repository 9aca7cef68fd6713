//! `selfsame substrate`: persistent identity.

use super::context::{CliError, Done, Global, read_json, unsure};
use super::paging::{Paging, more};
use super::trust::Named;
use super::{names, verdict};
use crate::console::{self, visible};
use clap::Subcommand;
use selfsame_client::{
    Birth, ChipSession, Client, ListedSubstrate, Opening, RailItem, Substrate as State, SubstrateFilter,
};
use selfsame_env::{Clock as _, SystemClock};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, GoalVector, Item, RecoverClose, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{Amendment, Outcome, Thresholds};
use selfsame_protocol::record::Record;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Most items of evidence that a node gives in one answer.
const EVIDENCE: usize = 1_000;

/// Commands on substrates. Writes are signed by the substrate's chip.
#[derive(Subcommand, Debug)]
pub enum Substrate {
    /// Give birth to a substrate, attested by the signing chip.
    Init {
        /// UUID, lowercase.
        id: SubstrateId,
        /// File with the founding incompatibility: objects branch_a and branch_b.
        #[arg(long)]
        founding: PathBuf,
        /// Governance parameter NAME=JSON. Repeatable.
        #[arg(long = "set", value_name = "NAME=JSON", value_parser = parameter)]
        parameters: Vec<(String, Value)>,
        /// Cycles below which no continuity is claimed.
        #[arg(long, default_value_t = 1)]
        minimum_depth: u64,
        /// Bits of founding tension drift tolerated; only 0 and 256 are meaningful.
        #[arg(long, default_value_t = 0)]
        drift_tolerance: u32,
        /// Birth without attestation: no regulated claim, no migration.
        #[arg(long)]
        unattested: bool,
    },
    /// List the substrates of all organisations in order of their ids: state, session, last outcome, holder, depths.
    List {
        #[command(flatten)]
        paging: Paging,
        /// Only those that this chip holds: its id, its public key, a key file, or the name of a key in the context.
        #[arg(long)]
        chip: Option<String>,
        /// Only those of this organisation.
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Show a substrate's state.
    Show {
        /// UUID.
        id: SubstrateId,
    },
    /// Verify identity and open a session; the exit status is the outcome.
    ///
    /// 0 is VERIFIED. Exit status 10 HASH_MISMATCH, 11 DRIFT_EXCEEDED, 12 INSUFFICIENT_DEPTH.
    Open {
        /// UUID.
        id: SubstrateId,
        /// The continuity hash that you kept from the last close.
        #[arg(long)]
        continuity_hash: Option<Digest>,
        /// The founding document that the running substrate holds.
        #[arg(long)]
        founding: Option<PathBuf>,
    },
    /// Append evidence or reasoning.
    Append {
        /// UUID.
        id: SubstrateId,
        /// evidence or reasoning.
        #[arg(long, default_value = "evidence")]
        ledger: Ledger,
        /// The content as JSON; repeat for several items under one signature.
        #[arg(long = "data", value_parser = parse_json, required = true, allow_hyphen_values = true)]
        data: Vec<Value>,
        /// Evidence entry that every item refers to, by hash. Repeatable.
        #[arg(long = "evidence")]
        evidence: Vec<Digest>,
        /// Run that every item refers to. Repeatable.
        #[arg(long = "run")]
        runs: Vec<Digest>,
    },
    /// Append a file of JSON lines, an item for each line, streamed in signed batches.
    ///
    /// Interrupted, it is run again with
    /// the same file and goes on where it stopped.
    Import {
        /// UUID.
        id: SubstrateId,
        /// File with one JSON value on each line; - for standard input.
        file: PathBuf,
        /// evidence or reasoning.
        #[arg(long, default_value = "evidence")]
        ledger: Ledger,
        /// Items under one signature, 1 to 1,000. The same again to go on with an import.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        batch: u16,
        /// Name of this import. By default the digest of the file's path: importing a changed file under the same path
        /// is refused where it differs, and needs a name. Standard input has no path, and needs one too.
        #[arg(long)]
        name: Option<String>,
    },
    /// Read the evidence of an open session.
    Evidence {
        /// UUID.
        id: SubstrateId,
        /// First depth; go on with `next_depth` of what was shown before.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Most items. What is not shown is said, with the depth to go on from.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Queue an amendment; it is enacted when the cycle closes.
    Amend {
        /// UUID.
        id: SubstrateId,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Parameter NAME=JSON to set. Repeatable.
        #[arg(long = "set", value_name = "NAME=JSON", value_parser = parameter)]
        set: Vec<(String, Value)>,
        /// Parameter to remove. Repeatable.
        #[arg(long)]
        remove: Vec<String>,
    },
    /// Close a goal vector resolution cycle.
    Cycle {
        /// UUID.
        id: SubstrateId,
        /// Name of the cycle, unique in the substrate.
        #[arg(long)]
        cycle: String,
        /// Name of the goal vector.
        #[arg(long)]
        goalvector: String,
        /// How it was resolved, as JSON.
        #[arg(long, value_parser = parse_json, allow_hyphen_values = true)]
        outcome: Value,
        /// Evidence entry it rests on, by hash. Repeatable.
        #[arg(long = "evidence")]
        evidence: Vec<Digest>,
    },
    /// Close the session; keep the continuity hash that is printed.
    Close {
        /// UUID.
        id: SubstrateId,
    },
    /// Close a session that was abandoned, signed by the organisation's operator key.
    RecoverClose {
        /// UUID.
        id: SubstrateId,
    },
    /// Print the identity statement with its proof.
    Statement {
        /// UUID.
        id: SubstrateId,
        /// For a regulated claim: refused unless VERIFIED, attested and deep enough.
        #[arg(long)]
        regulated: bool,
    },
    /// Print who holds the substrate now: the chip that may write.
    ///
    /// With --cosigned as a note that enough organisations cosigned, each with its time. Whoever was shown a statement of another chip can tell by it that the chip is stale.
    Holder {
        /// UUID.
        id: SubstrateId,
        /// The cosigned note; without it, what the answering node knows.
        #[arg(long)]
        cosigned: bool,
    },
    /// Write the whole history to a file that verifies without a cluster.
    #[command(visible_alias = "export")]
    Bundle {
        /// UUID.
        id: SubstrateId,
        /// File to write; - for standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Is the entity of a bundle the one that a baseline statement described? Offline.
    ///
    /// Somebody whom you name must vouch for both. Exit status 0 yes; 10 no (another entity, an older history, a file that was
    /// altered), or the entity is suppressed; 11 its lineage ended; 13 when it cannot be decided. The first words say which.
    Baseline {
        /// File with the baseline: a statement with its proof, as `substrate statement` gives it.
        statement: PathBuf,
        /// File with the later bundle.
        bundle: PathBuf,
        #[command(flatten)]
        named: Named,
    },
}

fn parse_json(text: &str) -> Result<Value, String> {
    canon::parse(text.as_bytes(), &canon::Limits::SUBMISSION).map_err(|e| e.to_string())
}

fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=JSON, for example limit=\"0.8\"")?;
    Ok((name.into(), parse_json(value)?))
}

/// Parameters by their names, each given once: which of two was meant is not guessed.
fn each_once(given: Vec<(String, Value)>) -> Result<BTreeMap<String, Value>, CliError> {
    let mut parameters = BTreeMap::new();
    for (name, value) in given {
        if parameters.contains_key(&name) {
            let sentence = format!("--set {name}: this parameter is given twice: give each once");
            return Err(CliError::usage(visible(&sentence)));
        }
        parameters.insert(name, value);
    }
    Ok(parameters)
}

/// Runs a substrate command.
pub async fn main(global: &Global, command: Substrate) -> Done {
    match command {
        Substrate::Init { id, founding, parameters, minimum_depth, drift_tolerance, unattested } => {
            let parameters = each_once(parameters)?;
            let founding = read_json(&founding)?;
            // Without a key nobody is asked.
            global.signer()?;
            let thresholds =
                Thresholds { minimum_lineage_depth: U64(minimum_depth), drift_tolerance, ..Thresholds::default() };
            let birth = Birth {
                parameters,
                thresholds,
                attested: !unattested,
                ..Birth::new(founding, Timestamp::from_millis(SystemClock.now_ms()))
            };
            let client = global.client()?;
            let envelope = global.newcomer(&client, &id).await?.sign_birth(birth);
            global.send(&client, &envelope).await?;
        }
        Substrate::List { paging, chip, organisation } => {
            let client = global.client()?;
            let mut wanted = SubstrateFilter::default();
            if let Some(chip) = chip {
                wanted.chip = Some(names::chip(global, &client, &chip).await?);
            }
            if let Some(organisation) = organisation {
                wanted.organisation = Some(names::organisation(global, &client, &organisation).await?.into());
            }
            let part = client.substrates(&wanted, &paging.page, paging.limit as usize).await?;
            global.print("Substrates", json!({"substrates": lines(&part.items), "next_page_token": part.next}));
            more(global, &part);
        }
        Substrate::Show { id } => global.print("Substrate", json!(global.client()?.substrate(&id).await?)),
        Substrate::Open { id, continuity_hash, founding } => return open(global, id, continuity_hash, founding).await,
        Substrate::Append { id, ledger, data, evidence, runs } => {
            let item = |data| Item { ledger, data, evidence: evidence.clone(), runs: runs.clone() };
            let items = data.into_iter().map(item).collect();
            write(global, &id, |session, _| session.sign_append(items)).await?;
        }
        Substrate::Import { id, file, ledger, batch, name } => {
            let bulk = super::bulk::Bulk { id, file, ledger, batch: usize::from(batch), name };
            return super::bulk::main(global, bulk).await;
        }
        Substrate::Evidence { id, from, limit } => {
            let (items, next) = evidence(&global.client()?, &id, from, limit as usize).await?;
            let items: Vec<_> = items.iter().map(|i| json!({"entry": i.entry, "record": i.record})).collect();
            global.print("Evidence", json!({"items": items, "next_depth": next}));
            if let Some(next) = next {
                global.say(&format!("{} are shown and more follow: add --from {next}", items.len()));
            }
        }
        Substrate::Amend { id, reason, set, remove } => {
            let set = each_once(set)?;
            let mut removed = BTreeSet::new();
            if let Some(name) = remove.iter().find(|name| set.contains_key(*name) || !removed.insert(*name)) {
                let sentence = format!(
                    "--remove {name}: this parameter is named twice: name each once, to set it or to remove it"
                );
                return Err(CliError::usage(visible(&sentence)));
            }
            let amend = |session: &mut ChipSession, state: &State| {
                session.sign_amend(Amendment {
                    founding_tension_hash: state.founding_tension_hash,
                    reason,
                    set,
                    remove,
                    founding: None,
                })
            };
            write(global, &id, amend).await?;
        }
        Substrate::Cycle { id, cycle, goalvector, outcome, evidence } => {
            let goalvector = GoalVector { goalvector_id: goalvector, outcome, evidence, runs: Vec::new() };
            write(global, &id, |session, _| session.sign_close_cycle(cycle, goalvector)).await?;
        }
        Substrate::Close { id } => {
            write(global, &id, |session, _| session.sign_close()).await?;
        }
        Substrate::RecoverClose { id } => {
            // Named after the session too: another abandoned session is another request.
            let session = global.client()?.substrate(&id).await?.session;
            let named = format!("recover-close/{id}/{session}");
            let global = Global { request_id: global.request_id.clone().or(Some(named)), ..global.clone() };
            global.submit(Role::Operator, Command::RecoverClose(RecoverClose { substrate_id: id })).await?;
        }
        Substrate::Statement { id, regulated } => {
            let (statement, document) = global.client()?.statement(&id, regulated).await?;
            global.text("Statement", &format!("{document:#}\n"), &json!({"statement_hash": statement.statement_hash}));
        }
        Substrate::Holder { id, cosigned: true } => {
            let note = global.client()?.holder(&id).await?;
            let chip = note.lines().find_map(|line| line.strip_prefix("chip "));
            global.text("HolderNote", &note, &json!({"chip": chip}));
        }
        Substrate::Holder { id, cosigned: false } => {
            global.print("Holder", holder(&global.client()?.substrate(&id).await?));
        }
        Substrate::Bundle { id, file } => {
            let bundle = global.client()?.substrate_bundle(&id).await?;
            super::export::save(global, bundle, &file).await?;
        }
        Substrate::Baseline { statement, bundle, named } => {
            return super::baseline::main(global, &statement, &bundle, &named);
        }
    }
    Ok(())
}

/// Evidence from a depth on, answer by answer until there are `limit` items, and the depth to go on from when more follow.
async fn evidence(
    client: &Client,
    id: &str,
    from: u64,
    limit: usize,
) -> Result<(Vec<RailItem>, Option<u64>), CliError> {
    let mut items = Vec::new();
    // One more than is shown, to know whether more follow.
    while items.len() <= limit {
        let wanted = (limit + 1 - items.len()).min(EVIDENCE);
        let depth = from.saturating_add(items.len() as u64);
        let some = client.evidence(id, depth, u32::try_from(wanted).unwrap_or(u32::MAX)).await?;
        if some.is_empty() {
            return Ok((items, None));
        }
        items.extend(some);
    }
    items.truncate(limit);
    Ok((items, Some(from.saturating_add(limit as u64))))
}

/// Signs a write from the substrate's present state, submits it and prints the answer.
async fn write(global: &Global, id: &str, sign: impl FnOnce(&mut ChipSession, &State) -> Envelope) -> Done {
    let client = global.client()?;
    let state = client.substrate(id).await?;
    let envelope = sign(&mut global.session(&client, &state).await?, &state);
    global.send(&client, &envelope).await.map(|_| ())
}

/// The holder with the state of the substrate, as its cosigned status says it. Its activation alone is no such state: that of
/// a suppressed substrate stays active.
pub fn holder(found: &State) -> Value {
    let mut holder = json!(found.holder);
    if let Some(members) = holder.as_object_mut() {
        members.remove("status");
        members.insert("state".into(), json!(found.state));
    }
    holder
}

/// Substrates as they stand in a document.
pub fn lines(items: &[ListedSubstrate]) -> Vec<Value> {
    let line = |one: &ListedSubstrate| {
        json!({
            "substrate_id": one.substrate_id, "organisation": one.organisation, "state": one.state, "phase": one.phase,
            "chip": one.chip, "epoch": one.epoch.0, "lineage_depth": one.lineage_depth,
            "evidence_depth": one.evidence_depth, "reasoning_depth": one.reasoning_depth,
            "last_outcome": one.last_outcome, "complete": one.complete, "successor": one.successor,
        })
    };
    items.iter().map(line).collect()
}

async fn open(global: &Global, id: SubstrateId, continuity_hash: Option<Digest>, founding: Option<PathBuf>) -> Done {
    let client = global.client()?;
    let founding = founding.as_deref().map(read_json).transpose()?;
    let mut session = global.session(&client, &client.substrate(&id).await?).await?;
    let envelope = session.sign_opening(Opening { continuity_hash, founding, new_lineage: None });
    let rail = client.open_session(&envelope).await.map_err(|error| match error.code() {
        // It is committed, and opens once enough nodes gave their verdicts; a second open would be refused.
        Some(Code::OutcomeUnknown) => unsure(&envelope, error)
            .and("Where `substrate show` says `verifying`, it opens when enough nodes have answered"),
        _ => unsure(&envelope, error),
    })?;
    console::stands("The outcome stands in the ledger: look with `selfsame substrate show`");
    let items: Vec<_> = rail.items.iter().map(|i| json!({"entry": i.entry, "record": i.record})).collect();
    if let Some(notice) = rail.notice() {
        global.say(notice);
    }
    let detail = match rail.items.first().map(|i| &i.record) {
        Some(Record::IdentityVerification(result)) => result.detail.clone(),
        _ => String::new(),
    };
    let (status, sentence) = match rail.outcome() {
        Some(Outcome::Verified) => (0, "the substrate is the one that it was; the session is open".into()),
        Some(Outcome::HashMismatch) => (10, format!("HASH_MISMATCH ({detail}): the substrate is suppressed")),
        Some(Outcome::DriftExceeded) => {
            (11, "DRIFT_EXCEEDED: a new lineage began; see successor in `substrate show`".into())
        }
        Some(Outcome::InsufficientDepth) => {
            (12, format!("INSUFFICIENT_DEPTH ({detail}): the session is open with a reduced claim"))
        }
        None => (13, "the node gave no outcome".into()),
    };
    let line = format!("{}: {sentence}", verdict::word(status));
    let document =
        json!({"verdict": verdict::name(status), "exit_status": status, "outcome": rail.outcome(), "items": items});
    global.verdict("EvidenceRail", &[line], document);
    if status == 0 { Ok(()) } else { Err(CliError::with(status, visible(&sentence))) }
}
