//! What is no regular file is not opened: a pipe would be waited for, and a device never ends.

use selfsame_offline::{Failure, Options, verify};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

/// What is said, or nothing when it takes longer than anything here could.
fn said(path: &Path) -> Option<Failure> {
    let (send, receive) = channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let options = Options { consistency_only: true, threads: 1, ..Options::default() };
        send.send(verify(&path, &options, &mut |_, _, _| {}).unwrap_err())
    });
    receive.recv_timeout(Duration::from_secs(60)).ok()
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A folder whose checkpoint, entries or tile is made by `make`; an empty ledger has none but the checkpoint.
fn folder(dir: &Path, special: &str, make: &dyn Fn(&Path)) -> PathBuf {
    use selfsame_offline::Writer;
    use selfsame_protocol::entry::Entry;
    use selfsame_protocol::ledger::Ledger;
    use selfsame_protocol::note::{Checkpoint, Note};
    use selfsame_protocol::record::{Content, Record};
    use selfsame_protocol::time::{Timestamp, U64};
    let entry = Entry {
        index: U64(0),
        ledger: Ledger::Evidence,
        subject: "organisation:x".parse().unwrap(),
        depth: U64(0),
        prior_entry_hash: None,
        time: Timestamp::from_millis(1),
        submission: selfsame_protocol::digest::Digest::of(b"s"),
        record: Record::Evidence(Content { data: 0.into(), evidence: Vec::new(), runs: Vec::new() }),
    };
    let folder = dir.join(special.replace('/', "-"));
    let mut writer = Writer::open(&folder, Ledger::Evidence).unwrap();
    writer.push(&entry.leaf()).unwrap();
    let root = selfsame_protocol::merkle::leaf_hash(&entry.leaf());
    let checkpoint = Checkpoint { origin: "a.example/evidence".into(), size: 1, root };
    let mut note = Note::new(checkpoint.to_text());
    note.sign("a.example/evidence", &selfsame_protocol::keys::SecretKey::from_seed(&[1; 32]));
    writer.finish(&note.to_text(), &checkpoint).unwrap();
    let options = Options { consistency_only: true, threads: 1, ..Options::default() };
    verify(&folder, &options, &mut |_, _, _| {}).unwrap();
    let path = folder.join(special);
    std::fs::remove_file(&path).unwrap();
    make(&path);
    folder
}

/// What makes something special, and what that is.
type Maker<'a> = (&'static str, &'a dyn Fn(&Path));

#[test]
fn a_pipe_a_socket_or_a_device_is_unreadable_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (fifo, socket) = (dir.path().join("fifo"), dir.path().join("socket"));
    pipe(&fifo);
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = dir.path().join("link");
    symlink(&fifo, &link).unwrap();
    let mut list = vec![fifo.clone(), socket.clone(), link, PathBuf::from("/dev/null"), PathBuf::from("/dev/zero")];
    let makers: [Maker<'_>; 4] = [
        ("pipe", &pipe),
        ("link", &|path| symlink(&fifo, path).unwrap()),
        ("socket", &|path| symlink(&socket, path).unwrap()),
        ("device", &|path| symlink("/dev/zero", path).unwrap()),
    ];
    for (name, make) in makers {
        for special in ["checkpoint", "tile/entries/000.p/1", "tile/0/000.p/1"] {
            let below = dir.path().join(format!("in-{name}"));
            std::fs::create_dir_all(&below).unwrap();
            list.push(folder(&below, special, make));
        }
    }
    for path in list {
        let failure = said(&path).unwrap_or_else(|| panic!("{} was waited for", path.display()));
        assert_eq!((failure.check.as_str(), failure.tampered), ("FILE_UNREADABLE", false), "{failure}");
        assert!(failure.found.contains("no regular file: a pipe, a socket or a device"), "{failure}");
    }
}

/// A link to a file is that file.
///
#[test]
fn a_link_to_a_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let folder = folder(dir.path(), "checkpoint", &|path| {
        std::fs::write(&kept, "x").unwrap();
        symlink(&kept, path).unwrap();
    });
    assert_eq!(said(&folder).unwrap().check, "CHECKPOINT_FORM");
    assert_eq!(said(&kept).unwrap().check, "FILE_KIND");
}
