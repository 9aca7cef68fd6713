//! Offline verification of an exported ledger against raw SHA-256 over the same bytes, and its memory at two sizes.
//!
//! ```text
//! cargo bench --bench verify [-- MEGABYTES [BYTES_OF_DATA]]        default 100 and 400 MB, 512 bytes of data in an entry
//! cargo bench --bench verify -- --write DIR MEGABYTES              leaves the ledger there, for other measurements
//! ```
//! A ledger of that many megabytes of entries is written into a temporary folder. Then, in turn (A B A B …), all cores
//! hash the bytes of its entry files (raw: one message for each file), and verify the folder without and with `deep`. What
//! is printed are medians, by the clock and by processor time: on a machine that does other work as well only the second
//! compares. Memory is the peak of a process of its own for each size.

use selfsame_offline::{Options, Writer, verify_folder};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{Frontier, leaf_hash};
use selfsame_protocol::note::{Checkpoint, Note, Vkey};
use selfsame_protocol::record::{Content, Record};
use selfsame_protocol::time::{Timestamp, U64};
use std::path::{Path, PathBuf};
use std::time::Instant;

const ORIGIN: &str = "bench.example/evidence";
/// Chains that the entries are dealt to.
const SUBJECTS: u64 = 1_000;
const ROUNDS: usize = 5;

type Done = Result<(), Box<dyn std::error::Error>>;

/// Writes a ledger of at least `bytes` of entries; gives their number.
fn generate(dir: &Path, bytes: u64, data: usize) -> Result<u64, Box<dyn std::error::Error>> {
    let mut writer = Writer::open(&dir.join("evidence"), Ledger::Evidence)?;
    let mut tree = Frontier::default();
    let mut heads: Vec<Option<Digest>> = vec![None; SUBJECTS as usize];
    let mut written = 0;
    while written < bytes {
        let at = tree.size();
        let subject = at % SUBJECTS;
        let prior = heads[subject as usize];
        let entry = Entry {
            index: U64(at),
            ledger: Ledger::Evidence,
            subject: format!("substrate:00000000-0000-4000-8000-{subject:012}").parse().unwrap(),
            depth: U64(at / SUBJECTS),
            prior_entry_hash: prior,
            time: Timestamp::from_millis(1_772_928_000_000 + at),
            submission: Digest::of(&at.to_be_bytes()),
            record: Record::Evidence(Content {
                data: "0123456789abcdef".repeat(data.div_ceil(16)).into(),
                evidence: Vec::new(),
                runs: Vec::new(),
            }),
        };
        let leaf = entry.leaf();
        let hash = leaf_hash(&leaf);
        heads[subject as usize] = Some(hash);
        tree.append(hash);
        writer.push(&leaf)?;
        written += leaf.len() as u64;
    }
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: tree.size(), root: tree.root() };
    let mut note = Note::new(checkpoint.to_text());
    note.sign(ORIGIN, &SecretKey::from_seed(&[1; 32]));
    writer.finish(&note.to_text(), &checkpoint)?;
    Ok(tree.size())
}

fn options(deep: bool) -> Options {
    let key = Vkey {
        name: ORIGIN.into(),
        kind: selfsame_protocol::note::TYPE_ED25519,
        key: SecretKey::from_seed(&[1; 32]).public(),
    };
    Options { keys: vec![key], deep, ..Options::default() }
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, out)? } else { out.push(path) }
    }
    Ok(())
}

/// SHA-256 of every entry file, all cores; gives seconds.
fn raw(files: &[PathBuf]) -> f64 {
    let threads = Options::default().threads();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for file in files.iter().skip(thread).step_by(threads) {
                    std::hint::black_box(std::fs::read(file).map(|bytes| Digest::of(&bytes)).ok());
                }
            });
        }
    });
    start.elapsed().as_secs_f64()
}

fn verify(dir: &Path, deep: bool) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    verify_folder(&dir.join("evidence"), &options(deep), &mut |_, _, _| {})?;
    Ok(start.elapsed().as_secs_f64())
}

/// Processor time of this process so far, user and system, in seconds; 0 where /proc does not tell.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // utime and stime, in ticks of 10 ms.
    fields.get(11..13).into_iter().flatten().filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(megabytes: u64, data: usize) -> Done {
    let dir = tempfile::tempdir()?;
    let entries = generate(dir.path(), megabytes << 20, data)?;
    let mut list = Vec::new();
    files(&dir.path().join("evidence/tile/entries"), &mut list)?;
    list.sort();
    let bytes: u64 = list.iter().map(|file| file.metadata().map_or(0, |data| data.len())).sum();
    let mut times = [const { (Vec::new(), Vec::new()) }; 3];
    for _ in 0..ROUNDS {
        for (place, (clock, processor)) in times.iter_mut().enumerate() {
            let before = cpu();
            clock.push(match place {
                0 => raw(&list),
                1 => verify(dir.path(), false)?,
                _ => verify(dir.path(), true)?,
            });
            processor.push(cpu() - before);
        }
    }
    let rates = times.map(|(clock, cpu)| (bytes as f64 / 1e6 / median(clock), bytes as f64 / 1e6 / median(cpu)));
    let [(raw, raw_cpu), (edges, edges_cpu), (deep, deep_cpu)] = rates;
    let child = std::process::Command::new(std::env::current_exe()?).arg("--child").arg(dir.path()).output()?;
    println!(
        "{entries} entries of {} bytes, {} MB: raw SHA-256 {raw:.0} MB/s; verify {edges:.0} MB/s ({:.0} %), deep {deep:.0} MB/s ({:.0} %); by processor time {:.0} % and {:.0} %; peak memory {}",
        bytes / entries,
        bytes / 1_000_000,
        100.0 * edges / raw,
        100.0 * deep / raw,
        100.0 * edges_cpu / raw_cpu,
        100.0 * deep_cpu / raw_cpu,
        String::from_utf8_lossy(&child.stdout).trim()
    );
    Ok(())
}

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, dir] = &arguments[..]
        && flag == "--child"
    {
        verify(Path::new(dir), false)?;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        println!("{}", status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("not known").trim());
        return Ok(());
    }
    if let [flag, dir, megabytes] = &arguments[..]
        && flag == "--write"
    {
        let entries = generate(Path::new(dir), megabytes.parse::<u64>()? << 20, 512)?;
        println!("{entries} entries in {dir}");
        return Ok(());
    }
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let data = number(1).unwrap_or(512) as usize;
    let sizes = number(0).map_or_else(|| vec![100, 400], |one: u64| vec![one]);
    sizes.into_iter().try_for_each(|size| measure(size, data))
}
