use super::*;
use selfsame_env::sim_disk::{Faults, SimDisk};
use selfsame_env::{Clock, Executor, OsEntropy, TcpNet};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::merkle::{TileId, append_to_tiles, consistency_proof, leaf_hash, root_at};
use selfsame_protocol::note::TYPE_ED25519;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const ORIGIN: &str = "log.example/one";

#[derive(Debug)]
struct Still;
impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

fn env(disk: &SimDisk) -> Env {
    Env {
        net: Arc::new(TcpNet),
        disk: Arc::new(disk.clone()),
        clock: Arc::new(Still),
        entropy: Arc::new(OsEntropy),
        executor: Executor::Inline,
        shutdown: CancellationToken::new(),
    }
}

/// A node that has none of the logs, or up to a size another one.
struct Nothing(Option<u64>);
impl Own for Nothing {
    fn keys(&self, _: &str) -> Option<Vec<Vkey>> {
        None
    }
    fn root(&self, checkpoint: &Checkpoint) -> Option<Digest> {
        self.0.filter(|size| checkpoint.size <= *size).map(|_| Digest::of(b"our own root"))
    }
}

fn log_key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn log_vkey() -> Vkey {
    Vkey { name: ORIGIN.into(), kind: TYPE_ED25519, key: log_key().public() }
}

fn open_as(disk: &SimDisk, owner: &str) -> Result<Witness, StateError> {
    let logs = BTreeMap::from([(ORIGIN.to_owned(), vec![log_vkey()])]);
    let key = SecretKey::from_seed(&[9; 32]);
    Witness::open("w.example/w".into(), &key, owner.into(), logs, env(disk), Arc::new(Metrics::new()))
}

fn open(disk: &SimDisk) -> Witness {
    open_as(disk, "this node").unwrap()
}

/// A log in which entry 2 is another one when it is forked.
fn request(old: u64, new: u64, forked: bool) -> Vec<u8> {
    let leaf = |i: u64| leaf_hash(if forked && i == 2 { b"x".to_vec() } else { i.to_be_bytes().to_vec() }.as_slice());
    let leaves: Vec<Digest> = (0..new).map(leaf).collect();
    let tiles: BTreeMap<TileId, Vec<u8>> =
        append_to_tiles(0, &leaves, &mut |_| Ok::<_, Infallible>(None)).unwrap().into_iter().collect();
    let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
    let root = root_at(new, &mut read).unwrap();
    let mut note = Note::new(Checkpoint { origin: ORIGIN.into(), size: new, root }.to_text());
    note.sign(ORIGIN, &log_key());
    AddCheckpoint { old, proof: consistency_proof(old, new, &mut read).unwrap(), note }.to_text().into_bytes()
}

fn status(witness: &Witness, body: &[u8]) -> u16 {
    match witness.add_checkpoint(body, &Nothing(None)) {
        Ok(_) => 200,
        Err(WitnessError::Refused(refused)) => refused.status(),
        Err(WitnessError::Broken(_)) => 503,
    }
}

fn evidence(disk: &SimDisk) -> Vec<Evidence> {
    let env = env(disk);
    let names = env.disk.list().unwrap().into_iter().filter(|name| name.starts_with("equivocation-"));
    let read = |name: String| {
        let file = env.disk.open(&name, false).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read(0, &mut bytes).unwrap();
        Evidence::from_bytes(&bytes).unwrap()
    };
    names.map(read).collect()
}

#[test]
fn what_was_answered_is_remembered_across_every_crash() {
    let disk = SimDisk::new();
    for (old, new) in [(0, 3), (3, 5), (5, 9)] {
        let witness = open(&disk);
        assert_eq!(status(&witness, &request(old, new, false)), 200, "{old} to {new}");
        drop(witness);
        disk.crash(|| 0);
        let refused = open(&disk).add_checkpoint(&request(old, new, false), &Nothing(None)).unwrap_err();
        let WitnessError::Refused(refused) = refused else { panic!("{refused}") };
        assert_eq!((refused.status(), refused.size()), (409, Some(new)));
        // The size that is known can be cosigned again, with a newer time.
        assert_eq!(status(&open(&disk), &request(new, new, false)), 200);
    }
    let latest = open(&disk).latest(&monitoring_name(ORIGIN)).unwrap();
    let note = Note::parse(latest.as_bytes()).unwrap();
    assert_eq!(note.verify(&[log_vkey(), open(&disk).vkey()]).unwrap().len(), 2);
    assert_eq!(open(&disk).latest(&monitoring_name("another")), None);
}

#[test]
fn a_fork_is_refused_and_kept_as_evidence_that_names_the_log() {
    let disk = SimDisk::new();
    let witness = open(&disk);
    assert_eq!(status(&witness, &request(0, 5, false)), 200);
    assert_eq!(status(&witness, &request(5, 5, true)), 409);
    assert_eq!(status(&witness, &request(5, 8, true)), 422);
    // The same again is written once.
    assert_eq!(status(&witness, &request(5, 8, true)), 422);
    let files = evidence(&disk);
    assert_eq!(files.len(), 2);
    for file in files {
        let verdict = file.verify(&[log_vkey(), witness.vkey()]).unwrap();
        assert_eq!(verdict.guilty.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), [ORIGIN]);
    }
    // A proof of nothing accuses nobody.
    let body = String::from_utf8(request(5, 8, false)).unwrap();
    let short: Vec<&str> = body.split('\n').enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| line).collect();
    assert_eq!(status(&witness, short.join("\n").as_bytes()), 422);
    assert_eq!(evidence(&disk).len(), 2);
    // Nothing of it moved the witness.
    assert_eq!(status(&witness, &request(5, 8, false)), 200);
}

#[test]
fn a_node_does_not_cosign_what_its_own_copy_contradicts() {
    let witness = open(&SimDisk::new());
    let own = Nothing(Some(5));
    let refused = witness.add_checkpoint(&request(0, 5, false), &own).unwrap_err();
    assert!(refused.to_string().contains("OWN_ROOT"), "{refused}");
    assert!(witness.add_checkpoint(&request(0, 8, false), &own).is_ok());
}

#[test]
fn after_a_failed_write_nothing_is_signed_until_the_node_starts_again() {
    let disk = SimDisk::new();
    let witness = open(&disk);
    assert_eq!(status(&witness, &request(0, 3, false)), 200);
    disk.set_faults(Faults { fail_sync_in: Some(2), ..Faults::default() });
    assert_eq!(status(&witness, &request(3, 5, false)), 503);
    assert_eq!(status(&witness, &request(3, 5, false)), 503);
    disk.crash(|| 1);
    // The first copy was durable, the answer never left: the witness may know it or not, but never less than before.
    let again = open(&disk);
    assert!(matches!((status(&again, &request(3, 5, false)), status(&again, &request(5, 5, false))), (200 | 409, 200)));
}

#[test]
fn one_spoilt_copy_is_put_right_and_two_are_an_error() {
    let disk = SimDisk::new();
    assert_eq!(status(&open(&disk), &request(0, 3, false)), 200);
    let spoil = |name: &str| env(&disk).disk.open(name, false).unwrap().write(60, b"spoilt").unwrap();
    for name in ["witness-0", "witness-1"] {
        spoil(name);
        assert_eq!(status(&open(&disk), &request(0, 3, false)), 409, "{name}");
        spoil(if name == "witness-0" { "witness-1" } else { "witness-0" });
        assert_eq!(status(&open(&disk), &request(0, 3, false)), 409, "{name} was put right");
    }
    assert!(matches!(open_as(&disk, "another node"), Err(StateError::Foreign { .. })));
    spoil("witness-0");
    spoil("witness-1");
    assert!(matches!(open_as(&disk, "this node"), Err(StateError::Corrupt { .. })));
    // Cut off before the first answer: nothing was ever signed.
    let fresh = SimDisk::new();
    env(&fresh).disk.open("witness-0", true).unwrap().write(0, b"torn").unwrap();
    assert_eq!(status(&open(&fresh), &request(0, 3, false)), 200);
}
