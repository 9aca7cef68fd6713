//! Says which commit is built.

use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let (profile, target) = (std::env::var("PROFILE")?, std::env::var("TARGET")?);
    let version = std::env::var("CARGO_PKG_VERSION")?;
    let commit = commit(&profile).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=SELFSAME_VERSION={version} (commit {commit}, {profile} build, {target})");
    Ok(())
}

/// The commit: SELFSAME_COMMIT where somebody says it, as for a source without its history; otherwise what is checked out
/// here. A debug build does not ask, so that a commit is no reason to compile everything again.
fn commit(profile: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed=SELFSAME_COMMIT");
    let given = std::env::var("SELFSAME_COMMIT").ok();
    let found = given.or_else(|| if profile == "release" { checked_out() } else { None })?;
    let hex = (7..=64).contains(&found.len()) && found.chars().all(|c| c.is_ascii_hexdigit());
    hex.then(|| found.chars().take(12).collect())
}

fn checked_out() -> Option<String> {
    // A source that lies inside somebody else's repository is not what that repository's commit names.
    let top = std::fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    if top != std::fs::canonicalize(std::env::var_os("CARGO_MANIFEST_DIR")?).ok()? {
        return None;
    }
    // HEAD changes with the branch, and the branch with each commit; packed branches stand in one file.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists());
        path.iter().for_each(|path| println!("cargo::rerun-if-changed={path}"));
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
