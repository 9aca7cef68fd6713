//! Writes every pair into a folder, for any verifier: `policy.txt`, the files, and `pairs.txt` with a line for each:
//! the exit status that is right, the check (`-` for none), the file.

use selfsame_forge::pairs::{self, Right};
use std::fs;
use std::path::PathBuf;

fn main() {
    let Some(dir) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: pairs FOLDER");
        std::process::exit(2);
    };
    let (policy, pairs) = pairs::all();
    let mut lines = String::new();
    fs::create_dir_all(&dir).expect("a folder");
    fs::write(dir.join("policy.txt"), policy).expect("written");
    for pair in pairs {
        let folder = dir.join(pair.kind);
        fs::create_dir_all(&folder).expect("a folder");
        let (status, check) = match pair.right {
            Right::Altered(check) => (10, check),
            Right::Undecided(check) => (13, check),
            Right::LaterUnknown => (0, "later-entries-unknown"),
        };
        for (what, bytes, status, check) in
            [("genuine", pair.genuine, 0, "-"), ("altered", pair.altered, status, check)]
        {
            let name = format!("{}/{}.{what}.{}", pair.kind, pair.name, pair.ending);
            fs::write(dir.join(&name), bytes).expect("written");
            lines.push_str(&format!("{status} {check} {name}\n"));
        }
    }
    fs::write(dir.join("pairs.txt"), lines).expect("written");
}
