//! What is said of each file, to the letter: the report of genuine ones, and one failure of each altered kind by each check.
//! A reader in court reads these words, so that a change of one is a change that somebody has to look at.
//!
//! The words stand in `said/*.json` beside this file. With SELFSAME_SAID=write they are written anew.

use crate::objects::{self, Objects, checkpoint, signed};
use crate::{backups, ledgers};
use selfsame_forge::files::Files;
use selfsame_forge::pairs;
use selfsame_offline::{Failure, Options, Verified, Writer, verify_folder, verify_input};
use selfsame_protocol::ledger::Ledger;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What was said, by the name of the file and of what was done to it.
pub type Said = BTreeMap<String, Value>;

/// A failure as a reader gets it.
pub fn failure(failure: &Failure) -> Value {
    json!({
        "check": failure.check, "ledger": failure.ledger, "index": failure.index, "expected": failure.expected,
        "found": failure.found, "altered": failure.tampered,
    })
}

fn verdict(verdict: Result<Verified, Failure>) -> Value {
    match verdict {
        Ok(verified) => {
            let mut report = serde_json::to_value(&verified).unwrap();
            report["end"] = json!(verified.end.map(|end| format!("{end:?}")));
            report
        }
        Err(found) => failure(&found),
    }
}

/// Holds what was said against the words beside this file.
pub fn compare(part: &str, found: &Said) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/tamper/said/{part}.json"));
    if std::env::var_os("SELFSAME_SAID").is_some_and(|what| what == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(found).unwrap())).unwrap();
        return;
    }
    let kept: Said = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (name, words) in &kept {
        assert_eq!(found.get(name), Some(words), "{part}: {name}");
    }
    let new: Vec<&String> = found.keys().filter(|name| !kept.contains_key(*name)).collect();
    assert!(new.is_empty(), "{part}: not in the words that are kept: {new:?}");
}

/// shows: P-095
#[test]
fn the_report_of_every_kind_is_as_it_was_read_over() {
    let mut said = Said::new();
    let objects = Objects::new();
    let by_policy = Options { threads: 1, ..objects.options() };
    let deep = Options { deep: true, ..by_policy.clone() };
    let without_log = Options { require_log: false, ..by_policy.clone() };
    let consistent = Options { policy: None, require_log: false, consistency_only: true, ..by_policy.clone() };
    let nobody = Options { consistency_only: false, ..consistent.clone() };
    let ways = [
        ("policy", &by_policy),
        ("deep", &deep),
        ("no log", &without_log),
        ("alone", &consistent),
        ("nobody", &nobody),
    ];
    let mut files = objects.small();
    files.push(("backup", backups::Made::new().bytes()));
    files.push(("backup of another log", backups::Made::new().of_another_log().bytes()));
    for (kind, bytes) in &files {
        for (way, options) in &ways {
            said.insert(format!("{kind}, {way}"), verdict(read(bytes, options)));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for (ledger, size) in [(Ledger::Evidence, 600), (Ledger::Reasoning, 40)] {
        let leaves = objects::ledger(ledger, size, &|_, _| {});
        let (checkpoint, folder) = (checkpoint(ledger, &leaves), dir.path().join(ledger.to_string()));
        let mut writer = Writer::open(&folder, ledger).unwrap();
        leaves.iter().for_each(|leaf| writer.push(leaf).unwrap());
        writer.finish(&signed(&checkpoint, 0).to_text(), &checkpoint).unwrap();
    }
    let one = dir.path().join("evidence");
    for (way, options) in &ways {
        for (name, folder) in [("one ledger", one.as_path()), ("both ledgers", dir.path())] {
            let report = verdict(verify_folder(folder, options, &mut |_, _, _| {}));
            said.insert(format!("{name}, {way}"), ledgers::without(&report, dir.path()));
        }
    }
    histories(&mut said);
    compare("reports", &said);
}

fn read(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    verify_input(Box::new(std::io::Cursor::new(bytes.to_vec())), options, &mut |_, _, _| {})
}

/// Of a real substrate and a real run, whose whole histories are in the file.
fn histories(said: &mut Said) {
    let world = pairs::world();
    let (files, document) = (Files::of(&world), world.genesis.document());
    let (disputed, run) = selfsame_forge::runs::disputed();
    let of_run = selfsame_forge::World::of(&disputed);
    let runs = Files::of(&of_run);
    let known = Options { threads: 1, ..Options::default() };
    let policy = Options { policy: Some(files.policy()), ..known.clone() };
    let ways = [
        ("policy", policy.clone()),
        ("policy and log", Options { require_log: true, ..policy }),
        ("genesis", Options { genesis: Some(document.digest()), ..known.clone() }),
        ("document", Options { genesis: Some(document.digest()), genesis_document: Some(document), ..known.clone() }),
        ("key", Options { keys: vec![files.node_key()], ..known.clone() }),
        ("alone", Options { consistency_only: true, ..known.clone() }),
        ("nobody", known),
    ];
    let histories = [
        ("substrate", files.bundle(&format!("substrate:{}", pairs::substrate())).to_text().into_bytes()),
        ("run", runs.bundle(&format!("run:{run}")).to_text().into_bytes()),
        ("statement", serde_json::to_vec(&files.identity_proof(&pairs::substrate())).unwrap()),
    ];
    for (kind, bytes) in &histories {
        for (way, options) in &ways {
            said.insert(format!("{kind}, {way}"), verdict(read(bytes, options)));
        }
    }
}
