//! Help, version and log filters.

use super::{out, run, said, selfsame, status};

#[test]
fn the_version_names_commit_and_build() {
    let version = out(&run(&["--version"]));
    let words = ["selfsame ", env!("CARGO_PKG_VERSION"), "commit ", " build"];
    assert!(words.iter().all(|word| version.contains(word)), "{version}");
    assert!(!version.contains('/'), "no path of the machine that built it: {version}");
}

#[test]
fn a_command_shows_its_own_options_first_and_the_global_ones_under_one_heading() {
    for arguments in [&["verify", "--help"][..], &["run", "declare", "-h"], &["bench", "fleet", "--help"]] {
        let help = out(&run(arguments));
        let (own, global) = help.split_once("\nGlobal options:\n").unwrap_or_else(|| panic!("{help}"));
        assert!(own.contains("\nOptions:\n") || own.contains("\nArguments:\n"), "{help}");
        for flag in
            ["--endpoint", "--context", "--key", "--request-id", "--receipt", "--timeout", "--output", "--quiet"]
        {
            assert!(global.contains(flag) && !own.contains(&format!("{flag} ")), "{flag} in {help}");
        }
    }
}

#[test]
fn a_log_filter_that_is_none_is_refused_and_says_why() {
    let output = selfsame(&["key", "show", "/nowhere"]).env("SELFSAME_LOG", "verbose").output().unwrap();
    assert_eq!(status(&output), 2);
    let said = said(&output);
    assert!(said.contains("SELFSAME_LOG") && said.contains("verbose") && said.contains("warn"), "{said}");
    let output = selfsame(&["config", "default"]).env("SELFSAME_LOG", "selfsame=debug,warn").output().unwrap();
    assert_eq!(status(&output), 0, "{output:?}");
}
