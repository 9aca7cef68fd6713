//! The exit status is the verdict, whatever becomes of the output.

use super::{bundles, full, genesis, left, run, said, selfsame, status};
use std::process::Stdio;

/// Standard output full, left, and closed; standard error full and left.
fn whatever_happens(arguments: &[&str], verdict: i32) {
    assert_eq!(status(&run(arguments)), verdict, "{arguments:?}");
    let spoilt = |out: Stdio, error: Stdio| {
        let output = selfsame(arguments).stdout(out).stderr(error).output().unwrap();
        (status(&output), said(&output))
    };
    assert_eq!(spoilt(left(), Stdio::piped()).0, verdict, "{arguments:?}: the reader left");
    for error in [full(), left()] {
        assert_eq!(spoilt(Stdio::null(), error).0, verdict, "{arguments:?}: nobody hears");
    }
    for error in [full(), left()] {
        assert_eq!(spoilt(left(), error).0, verdict, "{arguments:?}: nobody hears or reads");
    }
}

#[test]
fn a_verdict_stands_whatever_happens_to_the_output() {
    let dir = tempfile::tempdir().unwrap();
    let (good, altered) = bundles(dir.path());
    for form in ["table", "json", "jsonl"] {
        whatever_happens(&["verify", "--genesis", genesis(), &good, "-o", form], 0);
        whatever_happens(&["verify", "--genesis", genesis(), &altered, "-o", form], 10);
        whatever_happens(&["verify", "/nowhere/at/all", "-o", form], 13);
        whatever_happens(&["run", "id", "/nowhere/at/all", "-o", form], 2);
        whatever_happens(&["no-such-noun", "-o", form], 2);
        whatever_happens(&["health", "--endpoint", "127.0.0.1:1", "--timeout", "200ms", "-o", form], 3);
    }
    for data in [&["--help"][..], &["verify", "-h"], &["--version"], &["config", "default"], &["completion", "zsh"]] {
        whatever_happens(data, 0);
    }
    whatever_happens(&[], 2);
    let verdict = |arguments: &[&str]| {
        let output = selfsame(arguments).stdout(full()).output().unwrap();
        (status(&output), said(&output))
    };
    assert_eq!(verdict(&["verify", "--genesis", genesis(), &altered]).0, 10, "a full disk");
    assert_eq!(verdict(&["verify", "/nowhere/at/all", "-o", "json"]).0, 13);
    assert_eq!(verdict(&["no-such-noun", "-o", "json"]).0, 2);
}

#[test]
fn data_that_was_not_written_is_no_success_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (good, _) = bundles(dir.path());
    for arguments in [
        &["config", "default"][..],
        &["verify", "--genesis", genesis(), &good],
        &["verify", "--genesis", genesis(), &good, "-o", "json", "-q"],
        &["--help"],
        &["help", "verify"],
        &["--version"],
        &["man"],
        &["completion", "bash"],
    ] {
        let output = selfsame(arguments).stdout(full()).output().unwrap();
        assert_eq!(status(&output), 1, "{arguments:?}");
        let said = said(&output);
        assert!(said.contains("standard output took no more data") && said.contains("space"), "{said}");
        let output = selfsame(arguments).stdout(full()).stderr(full()).output().unwrap();
        assert_eq!(status(&output), 1, "{arguments:?}: also when nobody hears it");
    }
    // Not open for writing at all.
    let unread = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(status(&selfsame(&["config", "default"]).stdout(unread).output().unwrap()), 1);
}

#[test]
fn closed_streams_are_as_good_as_dev_null() {
    let dir = tempfile::tempdir().unwrap();
    let (good, altered) = bundles(dir.path());
    for (file, verdict) in [(good, 0), (altered, 10)] {
        for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
            let line = format!("exec \"$0\" verify --genesis \"$2\" \"$1\" {closed}");
            let status = std::process::Command::new("sh")
                .args(["-c", &line, env!("CARGO_BIN_EXE_selfsame"), &file, genesis()])
                .output()
                .unwrap()
                .status;
            assert_eq!(status.code(), Some(verdict), "{closed}");
        }
    }
}

#[test]
fn nothing_prints_past_the_one_place() {
    fn walk(dir: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                // An example in the documentation is the reader's program.
                let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                let code = code.join("\n");
                let prints = ["println!(", "print!(", "process::exit(", "dbg!("].iter().any(|word| code.contains(word));
                let streams = ["io::stdout()", "io::stderr()"].iter().any(|word| code.contains(word));
                if prints || (streams && !path.components().any(|part| part.as_os_str() == "console")) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    let mut found = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    walk(&root.join("src"), &mut found);
    for name in ["audit", "client", "env", "machine", "node", "offline", "protocol", "wire"] {
        walk(&root.join("crates").join(name).join("src"), &mut found);
    }
    assert_eq!(found, Vec::<String>::new(), "these print by themselves, and their status is not the verdict");
}
