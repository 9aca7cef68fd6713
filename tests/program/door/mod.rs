//! What a stranger meets at the door: exit statuses, files, addresses, help. Real processes, pipes and full disks.

mod config;
mod files;
mod help;
mod imports;
mod keys;
mod output;
mod reach;
mod stop;
mod text;
mod usage;
mod verify;

use selfsame_forge::files::Files;
use selfsame_forge::pairs;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The binary under test, with nothing of the tester's own settings.
fn selfsame(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfsame"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    selfsame(arguments).output().unwrap()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// The writing end of a pipe whose reader left.
fn left() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Digest of the genesis under which the bundles of [`bundles`] are verified.
fn genesis() -> &'static str {
    static DIGEST: LazyLock<String> = LazyLock::new(|| pairs::world().genesis.digest().to_string());
    &DIGEST
}

/// A bundle that holds and one of which a character was changed, in files; their names.
fn bundles(dir: &Path) -> (String, String) {
    static GOOD: LazyLock<String> = LazyLock::new(|| {
        let world = pairs::world();
        Files::of(&world).bundle(&format!("substrate:{}", pairs::substrate())).to_text()
    });
    let good = GOOD.as_str();
    let organisation = r#"\"organisation\":\""#;
    let at = good.rfind(organisation).unwrap() + organisation.len();
    let mut altered = good.to_string();
    altered.replace_range(at..=at, if &good[at..=at] == "x" { "y" } else { "x" });
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    (write("good.jsonl", good), write("altered.jsonl", &altered))
}

/// Names in a folder, in order.
fn names(dir: &Path) -> Vec<String> {
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}
