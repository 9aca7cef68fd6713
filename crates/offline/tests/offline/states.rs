//! Backups and folders of what the real state machine made, whole, and with rows and times that do not fit.

use selfsame_forge::World;
use selfsame_forge::cast::{CLUSTER, chip, genesis, uuid};
use selfsame_forge::files::Files;
use selfsame_forge::governance::stories;
use selfsame_forge::stage::Stage;
use selfsame_forge::{runs, story};
use selfsame_machine::state::prefix_end;
use selfsame_machine::view::{Table, View};
use selfsame_offline::backup::{BackupHeader, PublishedCheckpoints, TYPE, write};
use selfsame_offline::{Failure, Options, Verified, Writer, verify_folder, verify_input};
use selfsame_protocol::digest::hex;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::Checkpoint;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

type Row = (Table, Vec<u8>, Vec<u8>);

fn rows(stage: &Stage) -> Vec<Row> {
    let of = |table: &Table| {
        let rows = stage.model.scan(*table, &[], &prefix_end(&[]), usize::MAX).unwrap();
        rows.into_iter().map(|(key, value)| (*table, key, value)).collect::<Vec<_>>()
    };
    Table::ALL.iter().flat_map(of).collect()
}

/// A backup of these rows, with every digest made as it must be.
fn backup(stage: &Stage, rows: &[Row]) -> Vec<u8> {
    let world = World::of(stage);
    let files = Files::of(&world);
    let [evidence, reasoning] = Ledger::BOTH.map(|ledger| Some(files.checkpoint(ledger).to_text()));
    let digest = genesis().digest().to_string();
    let header = BackupHeader {
        backup: TYPE.into(),
        checkpoints: PublishedCheckpoints { evidence, reasoning },
        cluster: CLUSTER.into(),
        genesis: digest.clone(),
        node: NodeId(1),
        taken: Timestamp::from_millis(stage.millis),
    };
    let meta = json!({"cluster": CLUSTER, "genesis": digest, "applied": {
        "position": {"term": 1, "node": 1, "index": stage.index}, "membership": "{}", "digest": hex(&stage.digest()),
    }});
    let meta = serde_json::to_vec(&meta).unwrap();
    let mut chunk = Vec::new();
    for (table, key, value) in rows {
        chunk.push(*table as u8);
        for part in [key, value] {
            chunk.extend_from_slice(&(part.len() as u32).to_be_bytes());
            chunk.extend_from_slice(part);
        }
    }
    let of = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
    let length = |bytes: &[u8]| (bytes.len() as u32).to_be_bytes();
    let total = of(&[&meta[..], &of(&chunk)].concat());
    let snapshot = [
        b"SFSNAP01",
        &length(&meta)[..],
        &meta,
        &[1],
        &length(&chunk),
        &of(&chunk),
        &chunk,
        &[0],
        &1_u64.to_be_bytes(),
        &total,
    ]
    .concat();
    let mut out = Vec::new();
    write(&mut out, &header, &mut &snapshot[..], |_| {}).unwrap();
    out
}

fn verify(bytes: Vec<u8>) -> Result<Verified, Failure> {
    let options = Options { consistency_only: true, threads: 1, ..Options::default() };
    verify_input(Box::new(std::io::Cursor::new(bytes)), &options, &mut |_, _, _| {})
}

/// Everything that a machine can make happen, as far as there are histories of it.
fn stages() -> Vec<(&'static str, Stage)> {
    let alone = |tell: &dyn Fn(&mut Stage, &str)| {
        let mut stage = Stage::new();
        tell(&mut stage, &uuid(1));
        stage
    };
    vec![
        ("nobody wrote", Stage::empty()),
        ("chips alone", Stage::new()),
        ("assembly", stories::assembly()),
        ("expiries", stories::expiries()),
        ("vetoes", stories::vetoes()),
        ("recovered", stories::recovered().0),
        ("disputed runs", runs::disputed().0),
        ("a life", alone(&story::life)),
        ("suppressed", alone(&story::suppressed)),
        ("undecided", alone(&story::undecided)),
        ("drifted", alone(&story::drifted)),
        ("a young one", alone(&story::young)),
    ]
}

/// What the machine makes holds, whatever happened.
///
/// shows: X-03, P-095
#[test]
fn a_backup_of_whatever_state_holds() {
    for (name, stage) in stages() {
        let verified = verify(backup(&stage, &rows(&stage))).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let open = verified.detail["not_checked"].to_string();
        for part in ["nobody vouches", "not computed anew", "submissions"] {
            assert!(open.contains(part), "{name}: {open}");
        }
    }
}

fn refused(stage: &Stage, rows: &[Row]) -> Option<String> {
    verify(backup(stage, rows)).err().map(|failure| {
        assert!(failure.tampered, "{failure}");
        failure.check
    })
}

/// Rows that the entries demand are there, and no others; what can be read off the entries is what they say.
///
/// shows: X-03, P-095
#[test]
fn rows_that_do_not_follow_from_the_entries_are_found() {
    let mut stage = stories::recovered().0;
    stage.ok(selfsame_protocol::command::Role::Operator, &selfsame_forge::cast::operator(0), {
        runs::declare(&runs::declaration(0.5), Some("case/1"))
    });
    let good = rows(&stage);
    assert_eq!(refused(&stage, &good), None);
    let derived = Some("DERIVED_ROW".to_owned());
    // A whole table left out.
    let compared = [
        Table::Subjects,
        Table::EntryHashes,
        Table::Submissions,
        Table::Requests,
        Table::Organisations,
        Table::Keys,
        Table::Nodes,
        Table::Chips,
        Table::Runs,
        Table::Substrates,
    ];
    for table in compared {
        let fewer: Vec<Row> = good.iter().filter(|row| row.0 != table).cloned().collect();
        assert!(fewer.len() < good.len(), "{table:?}");
        assert_eq!(refused(&stage, &fewer), derived, "no rows of {table:?}");
    }
    let fewer: Vec<Row> = good.iter().filter(|row| (row.0 as u8) < 4).cloned().collect();
    assert_eq!(refused(&stage, &fewer), derived, "ledgers and tiles alone");
    // One row left out, put in, or altered.
    for at in 0..good.len() {
        let (table, key, _) = &good[at];
        let keyed = compared.contains(table) && ![Table::Submissions, Table::Requests].contains(table);
        let whole = [Table::Subjects, Table::EntryHashes].contains(table) || key.starts_with(b"chain/");
        if keyed || whole {
            let mut fewer = good.clone();
            fewer.remove(at);
            assert_eq!(refused(&stage, &fewer), derived, "{table:?}");
            let mut more = good.clone();
            more[at].1.push(b'x');
            more.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            assert_eq!(refused(&stage, &more), derived, "{table:?}");
        }
        if whole {
            let mut other = good.clone();
            *other[at].2.last_mut().unwrap() ^= 1;
            assert_eq!(refused(&stage, &other), derived, "{table:?}");
        }
    }
    let meta = |name: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
        let mut other = good.clone();
        change(&mut other.iter_mut().find(|row| row.0 == Table::Meta && row.1 == name).unwrap().2);
        refused(&stage, &other)
    };
    let without = |name: &[u8]| {
        let fewer: Vec<Row> = good.iter().filter(|row| row.0 != Table::Meta || row.1 != name).cloned().collect();
        refused(&stage, &fewer)
    };
    let (clock, constitution) = (Some("STATE_CLOCK".to_owned()), Some("STATE_CONSTITUTION".to_owned()));
    assert_eq!(meta(b"clock", &|clock| *clock = (stage.millis - 1).to_be_bytes().to_vec()), clock);
    assert_eq!(
        meta(b"clock", &|clock| *clock = (stage.millis + 9).to_be_bytes().to_vec()),
        None,
        "refusals move it too"
    );
    assert_eq!(meta(b"clock", &|clock| clock.truncate(7)), clock);
    assert_eq!(without(b"clock"), clock);
    let founding = serde_json::to_vec(&genesis().constitution()).unwrap();
    assert_eq!(meta(b"constitution", &|row| row.clone_from(&founding)), constitution, "that of before");
    assert_eq!(meta(b"constitution", &Vec::clear), constitution);
    assert_eq!(without(b"constitution"), constitution);
    assert_eq!(meta(b"recoveries", &|row| row[7] += 1), constitution);
    assert_eq!(without(b"recoveries"), constitution);
}

fn export(dir: &Path, world: &World, files: &Files<'_>, ledgers: &[Ledger]) {
    for ledger in ledgers {
        let folder = dir.join(ledger.as_str());
        let _ = std::fs::remove_dir_all(&folder);
        let mut writer = Writer::open(&folder, *ledger).unwrap();
        world.leaves(*ledger).iter().for_each(|leaf| writer.push(leaf).unwrap());
        let note = files.checkpoint(*ledger);
        writer.finish(&note.to_text(), &Checkpoint::parse(&note.text).unwrap()).unwrap();
    }
}

/// An older Evidence beside a newer Reasoning is told by the trees that Reasoning names; that nothing is known of what comes
/// later is said of every folder.
///
/// shows: P-052, P-095
#[test]
fn ledgers_of_two_times_are_told_apart() {
    let mut stage = Stage::new();
    let id = uuid(1);
    stage.seasoned(&id, 0);
    let earlier = World::of(&stage);
    story::session(&mut stage, &id, 0, "cycle/2");
    let later = World::of(&stage);
    let (old, new) = (Files::of(&earlier), Files::of(&later));
    let dir = tempfile::tempdir().unwrap();
    let check = |policy| {
        let options = Options { policy: Some(policy), threads: 1, ..Options::default() };
        verify_folder(dir.path(), &options, &mut |_, _, _| {})
    };
    let said = |verified: &Verified| {
        let open: Vec<String> = serde_json::from_value(verified.detail["not_checked"].clone()).unwrap();
        open
    };
    export(dir.path(), &later, &new, &Ledger::BOTH);
    let open = said(&check(new.policy()).unwrap());
    let size = later.leaves(Ledger::Evidence).len();
    assert!(open[0].contains(&format!("{size} of evidence and ")), "{open:?}");
    assert!(open[1].contains(&format!("has {size} entries, which are here")), "{open:?}");
    // The close that was written last stands behind the tree that it names: one entry less is too few.
    export(dir.path(), &earlier, &old, &[Ledger::Evidence]);
    let failure = check(new.policy()).unwrap_err();
    assert_eq!((failure.check.as_str(), failure.tampered), ("LEDGERS_APART", false));
    let names = |leaf: &Vec<u8>| String::from_utf8_lossy(leaf).contains("\"evidence_ledger\":{");
    let last = later.leaves(Ledger::Reasoning).iter().rposition(names).unwrap();
    assert_eq!((failure.ledger, failure.index), (Some(Ledger::Reasoning), Some(last as u64)));
    assert!(failure.expected.contains(&size.to_string()), "{failure}");
    // The other way round nothing shows it, and that is what is said.
    export(dir.path(), &later, &new, &[Ledger::Evidence]);
    export(dir.path(), &earlier, &old, &[Ledger::Reasoning]);
    let open = said(&check(new.policy()).unwrap());
    assert!(open[1].contains("either may end earlier than the other"), "{open:?}");
    // An entry of somebody's content that looks like a record names no tree.
    let text = "\"evidence_ledger\":{\"size\":\"99\"}";
    stage.open(&id, &chip(0));
    stage.append(&id, &chip(0), vec![selfsame_forge::cast::item(Ledger::Reasoning, text)]);
    let content: Value = json!({"evidence_ledger": {"root": "x", "size": "99"}});
    let item = selfsame_forge::cast::item(Ledger::Reasoning, "x");
    stage.append(&id, &chip(0), vec![selfsame_protocol::command::Item { data: content, ..item }]);
    let world = World::of(&stage);
    let files = Files::of(&world);
    export(dir.path(), &world, &files, &Ledger::BOTH);
    check(files.policy()).unwrap_or_else(|failure| panic!("{failure}"));
}
