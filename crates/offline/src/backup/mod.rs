//! Backups: one file with the whole state of a node and the published checkpoints of both ledgers, and its verification.
//!
//! The file is read once from its beginning to its end, and again only when a ledger has more subjects than fit in memory
//! at once. Of what follows from the entries it is checked which rows there are, as far as that takes no state machine, and
//! the indexes in full. What the other rows say is behind the file's digests and nothing else: it shows itself when a node
//! that was restored from the file compares its state with others.

mod chunks;
mod derived;
mod format;
mod rows;
mod split;
mod trees;

pub use format::{BackupHeader, MAGIC, PublishedCheckpoints, TYPE, write};

use super::bundles::Input;
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use super::small::vouch::{self, UnverifiedNote, Voices};
use super::{Options, Progress};
use chunks::{Leaf, Work};
use derived::Derived;
use format::BackupSource;
use selfsame_machine::Genesis;
use selfsame_machine::state::{META_DIGEST, META_GENESIS};
use selfsame_machine::trees::head_key;
use selfsame_machine::view::Table;
use selfsame_protocol::digest::hex;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use serde_json::{Value, json};
use trees::Walk;

/// Reads the file once more from its beginning; `None` when it can be read only once.
pub type Again<'a> = Option<&'a dyn Fn() -> std::io::Result<Input>>;

/// State digest of a genesis before any batch, lowercase hex.
fn founding_digest(genesis: &Genesis) -> String {
    let changes = genesis.changes();
    let digest = changes.get(&(Table::Meta, META_DIGEST.to_vec()));
    digest.and_then(Option::as_deref).map(hex).unwrap_or_default()
}

/// The checkpoints of a header, each of its ledger.
fn heads(header: &BackupHeader) -> Result<PerLedger<Option<UnverifiedNote>>, Failure> {
    let read = |ledger: Ledger, note: &Option<String>| {
        let signed = note.as_ref().map(|text| vouch::read(text.as_bytes())).transpose()?;
        match signed {
            Some(signed) if !signed.checkpoint.origin.ends_with(&format!("/{ledger}")) => {
                Err(altered("CHECKPOINT_ORIGIN", None, format!("…/{ledger}"), signed.checkpoint.origin))
            }
            signed => Ok(signed),
        }
    };
    let PublishedCheckpoints { evidence, reasoning } = &header.checkpoints;
    Ok(PerLedger { evidence: read(Ledger::Evidence, evidence)?, reasoning: read(Ledger::Reasoning, reasoning)? })
}

/// What the rows of the first table say.
#[derive(Default)]
struct Found {
    genesis: Option<Genesis>,
    digest: String,
    rows: u64,
}

/// Verifies a backup.
pub fn verify(
    mut input: Input,
    again: Again<'_>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Verified, Failure> {
    let mut source = BackupSource::new(&mut input);
    let header = source.header()?;
    let heads = heads(&header)?;
    let voices = Voices::of(&heads.iter().filter_map(|(_, head)| head.as_ref()).collect::<Vec<_>>(), options)?;
    if let Some(wanted) = options.genesis.filter(|wanted| wanted.to_string() != header.genesis) {
        return Err(undecided("GENESIS", format!("a file of the cluster with genesis {wanted}"), header.genesis));
    }
    let mut walks: Vec<Walk> = heads
        .iter()
        .map(|(ledger, head)| {
            let head = head.as_ref().map(|signed| (signed.checkpoint.size, signed.checkpoint.root));
            Walk::new(ledger, head)
        })
        .collect();
    let mut found = Found::default();
    let mut stage = Stage::default();
    let mut derived = Derived::new();
    let work = Work { threads: options.threads(), deep: options.deep };
    let meta = rows::walk(
        &mut source,
        work,
        |meta| {
            for (check, expected, found) in
                [("CLUSTER", &header.cluster, &meta.cluster), ("BACKUP_GENESIS", &header.genesis, &meta.genesis)]
            {
                if expected != found {
                    return Err(altered(check, None, expected, found));
                }
            }
            Ok(())
        },
        |row| {
            let (key, value) = (row.key, row.value);
            stage.reach(row.table, &mut walks)?;
            found.rows += 1;
            derived.row(row.table, key, value);
            match row.table {
                Table::Meta => found.meta(key, value, &mut walks),
                Table::Evidence | Table::Reasoning => {
                    let walk = &mut walks[usize::from(row.table == Table::Reasoning)];
                    let leaf = hashed(row.leaf)?;
                    let hash = leaf.hash;
                    walk.entry(key, value, leaf)?;
                    derived.entry(value, &hash)?;
                    progress("entries", walk.size(), 0);
                    Ok(())
                }
                Table::Tiles => Stage::tile(key, value, &mut walks),
                _ => Ok(()),
            }
        },
    )?;
    stage.end(&mut walks)?;
    source.end()?;
    let genesis = found
        .genesis
        .take()
        .ok_or_else(|| altered("BACKUP_GENESIS", None, "the row of the consensus identity", "none"))?;
    let digest = genesis.digest().to_string();
    if digest != header.genesis || genesis.cluster != header.cluster {
        return Err(altered("BACKUP_GENESIS", None, header.genesis, digest));
    }
    // A node that applied no batch yet has the state of its genesis, and its mark names no digest.
    let expected = if meta.applied.digest.is_empty() { founding_digest(&genesis) } else { meta.applied.digest.clone() };
    if found.digest != expected {
        return Err(altered("STATE_DIGEST", None, expected, found.digest));
    }
    let passes = chains(&mut walks, &mut derived, again, Work { deep: false, ..work }, progress)?;
    derived.check(&genesis)?;
    for (ledger, head) in heads.iter() {
        match head {
            Some(UnverifiedNote { checkpoint, .. }) if checkpoint.origin != genesis.ledger_origin(ledger) => {
                return Err(altered("CHECKPOINT_ORIGIN", None, genesis.ledger_origin(ledger), &checkpoint.origin));
            }
            Some(_) => {}
            None => {
                let expected = format!("a cosigned checkpoint of {ledger}");
                return Err(undecided("CHECKPOINT_MISSING", expected, "none: nothing was published when it was taken"));
            }
        }
    }
    options.reader().named()?;
    report(&header, &meta, (&walks, passes), (&heads, &voices), (&found, options))
}

/// The hash of an entry, which a thread made.
fn hashed(leaf: Option<Leaf>) -> Result<Leaf, Failure> {
    leaf.ok_or_else(|| undecided("THREAD", "a hash of every entry", "none"))
}

impl Found {
    fn meta(&mut self, key: &[u8], value: &[u8], walks: &mut [Walk]) -> Result<(), Failure> {
        for (ledger, walk) in Ledger::BOTH.into_iter().zip(walks) {
            if key == head_key(ledger) {
                return walk.head(value);
            }
        }
        match key {
            META_GENESIS => {
                let read = serde_json::from_slice(value);
                self.genesis =
                    Some(read.map_err(|error| altered("BACKUP_GENESIS", None, "a consensus identity", error))?);
            }
            META_DIGEST => self.digest = hex(value),
            _ => {}
        }
        Ok(())
    }
}

/// How far the tables were read. They stand in the order of their numbers: entries, then tiles, then what is derived.
#[derive(Default)]
struct Stage {
    table: u8,
}

impl Stage {
    fn reach(&mut self, table: Table, walks: &mut [Walk]) -> Result<(), Failure> {
        let number = table as u8;
        for ended in self.table..number {
            match Table::from_number(ended) {
                Some(Table::Evidence) => walks[0].end_of_entries()?,
                Some(Table::Reasoning) => walks[1].end_of_entries()?,
                Some(Table::Tiles) => walks.iter_mut().try_for_each(Walk::end_of_tiles)?,
                _ => {}
            }
        }
        self.table = number;
        Ok(())
    }

    /// ledger u8 ‖ level u8 ‖ u64be index → hashes.
    fn tile(key: &[u8], value: &[u8], walks: &mut [Walk]) -> Result<(), Failure> {
        let read = key.split_first_chunk::<2>().and_then(|([ledger, level], index)| {
            Some((usize::from(*ledger), *level, u64::from_be_bytes(<[u8; 8]>::try_from(index).ok()?)))
        });
        let walk = read.and_then(|(ledger, level, index)| Some((walks.get_mut(ledger)?, level, index)));
        let Some((walk, level, index)) = walk else {
            return Err(altered("TILE_MISSING", None, "a tile of a ledger", hex(key)));
        };
        walk.tile(level, index, value)
    }

    /// After the last row.
    fn end(&mut self, walks: &mut [Walk]) -> Result<(), Failure> {
        self.reach(Table::Verifications, walks)
    }
}

/// Follows the chains that had no room in the first pass; gives the number of passes.
fn chains(
    walks: &mut [Walk],
    derived: &mut Derived,
    again: Again<'_>,
    work: Work,
    progress: Progress<'_>,
) -> Result<u64, Failure> {
    let mut passes = 1;
    for (at, table) in [Table::Evidence, Table::Reasoning].into_iter().enumerate() {
        loop {
            walks[at].ends(derived);
            if !walks[at].again() {
                break;
            }
            passes += 1;
            let Some(again) = again else {
                let found = "standard input, and more subjects than fit in memory at once";
                return Err(undecided("CHAIN_PASS", "a file that can be read again", found));
            };
            let mut input = again().map_err(|error| undecided("FILE_UNREADABLE", "the backup, once more", error))?;
            let mut source = BackupSource::new(&mut input);
            source.header()?;
            let walk = &mut walks[at];
            rows::walk(
                &mut source,
                work,
                |_| Ok(()),
                |row| {
                    if row.table != table {
                        return Ok(());
                    }
                    walk.entry(row.key, row.value, hashed(row.leaf)?)?;
                    progress("chains", walk.size(), 0);
                    Ok(())
                },
            )?;
            walk.end_of_pass()?;
        }
    }
    Ok(passes)
}

fn report(
    header: &BackupHeader,
    meta: &rows::Meta,
    (walks, passes): (&[Walk], u64),
    (heads, voices): (&PerLedger<Option<UnverifiedNote>>, &Voices),
    (found, options): (&Found, &Options),
) -> Result<Verified, Failure> {
    let total: u64 = walks.iter().map(Walk::size).sum();
    let mut ledgers = Vec::new();
    let mut covered = 0;
    for ((ledger, head), walk) in heads.iter().zip(walks) {
        let size = head.as_ref().map_or(0, |signed| signed.checkpoint.size);
        let voices = Voices::of(&head.iter().collect::<Vec<_>>(), options)?;
        covered += size;
        ledgers.push(json!({
            "ledger": ledger, "size": walk.size(), "root": walk.root(), "bytes": walk.bytes,
            "checkpoint_size": size, "signers": voices.names(),
        }));
    }
    let structure = match options.deep {
        true => format!("every digest of the file; {total} entries read whole"),
        false => format!("every digest of the file; the members around the record of {total} entries"),
    };
    let beyond = total - covered;
    let tree = match beyond {
        0 => format!("{total} entries re-hashed to the roots of the checkpoints, every stored tile compared"),
        _ => format!(
            "{total} entries re-hashed, every stored tile compared; the newest {beyond} are behind the checkpoints, and nothing vouches for them"
        ),
    };
    // The consensus layer's own form; it is shown as it is when it is no JSON.
    let membership =
        serde_json::from_str(&meta.applied.membership).unwrap_or_else(|_| Value::from(meta.applied.membership.clone()));
    Ok(Verified {
        file_kind: "backup",
        checked: Checked {
            structure: Level::held(structure),
            chain: Level::held(format!("{total} entries, each after the one before it of its subject")),
            tree: Level::held(tree),
            cosignatures: voices.cosignatures(),
            attestation: Level::not(
                "rows that follow from the entries were only counted and compared where they are an index: what the others \
                 say was not computed anew",
            ),
        },
        end: None,
        detail: voices.beside(json!({
            "cluster": header.cluster, "genesis": header.genesis, "node": header.node, "taken": header.taken,
            "position": meta.applied.position, "state_digest": meta.applied.digest, "membership": membership,
            "entries": total, "beyond_checkpoints": beyond, "rows": found.rows, "chain_passes": passes,
            "ledgers": ledgers, "not_checked": not_checked(total, beyond),
        })),
    })
}

/// What a backup leaves open, in words.
fn not_checked(total: u64, beyond: u64) -> Vec<String> {
    let mut open = vec![
        "the node, the time at which it was taken, and the place in the log and the members that it names: nobody vouches \
         for them"
            .to_owned(),
        "what is in the rows of organisations, keys, nodes, chips, runs and substrates: that there are exactly these follows \
         from the entries, and what they say was not computed anew"
            .into(),
        "submissions, requests, references, executions, cycles, migrations, ballots and what is under way: nothing says that \
         these rows are complete or right but the digests of the file, which anybody can make"
            .into(),
    ];
    if beyond > 0 {
        open.push(format!("that the newest {beyond} of {total} entries are the cluster's: nobody has signed them yet"));
    }
    open
}
