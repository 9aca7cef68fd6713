use super::*;
use serde_json::json;
use std::collections::BTreeSet;

const NOW: u64 = 1_772_928_000_000;
const PIPE: Style = Style { width: None, colour: false, now_ms: NOW };

fn terminal(width: u16) -> Style {
    Style { width: Some(width), colour: false, now_ms: NOW }
}

fn hash(first: &str) -> String {
    format!("sha256:{first}{}", "0".repeat(64 - first.len()))
}

fn nodes() -> Value {
    json!({"apiVersion": "selfsame/v1", "kind": "Members", "nodes": [
        {"node": 1, "organisation": "aurora", "membership": "voter", "peer": "10.0.0.1:7101", "retired": false, "quarantined": false},
        {"node": 22, "organisation": "borealis", "membership": "none", "peer": "", "retired": true, "quarantined": false},
    ]})
}

#[test]
fn a_list_has_a_row_for_each_thing_and_no_column_in_which_nothing_stands() {
    assert_eq!(
        render("Members", &nodes(), &PIPE),
        "node  organisation  membership  peer address   retired  quarantined\n\
         1     aurora        voter       10.0.0.1:7101  no       no\n\
         22    borealis      none        -              yes      no\n"
    );
    let mut without = nodes();
    without["nodes"][0]["peer"] = json!("");
    assert!(!render("Members", &without, &PIPE).contains("peer address"));
    assert_eq!(render("Members", &json!({"nodes": []}), &PIPE), "nodes\nnone\n");
}

#[test]
fn a_single_thing_is_a_block_and_what_nobody_described_is_shown_behind_it() {
    let document = json!({"apiVersion": "selfsame/v1", "kind": "Run", "run_id": hash("ab"), "new_member": 7,
        "attestations": [{"organisation": "aurora", "index": 3}],
        "elements": {"model": hash("cd"), "deep": [{"a": 1}]}, "extra": [{"x": 1}, {"y": "z"}]});
    let shown = render("Run", &document, &PIPE);
    let expected = format!(
        "run         {}\nnew member  7\n\nelements\ndeep[0].a  1\nmodel      {}\n\nattested by\norganisation  evidence index\n\
         aurora        3\n\nextra\nx  y\n1  -\n-  z\n",
        hash("ab"),
        hash("cd")
    );
    assert_eq!(shown, expected);
}

/// Every line fits every width, whatever is in it, and no row of somebody else's begins.
#[test]
fn lines_fit_the_terminal_and_values_stay_in_their_cell() {
    let long = "a sentence that is much too long for one line of a terminal and has to be broken somewhere, ".repeat(4);
    let document = json!({"nodes": [
        {"node": 1, "endpoint": "127.0.0.1:7201", "role": "leader", "leader": 1, "applied": 12345, "evidence_size": 3,
         "state_digest": "ab".repeat(32), "published": {"at": NOW / 1_000 - 90, "problem": long}},
        {"endpoint": "127.0.0.1:7202", "error": "evil\nnode  endpoint\n\u{1b}[2J\u{202e}"},
    ], "note": long});
    for width in [40, 60, 80, 100, 133, 200] {
        let shown = render("ClusterStatus", &document, &terminal(width));
        for line in shown.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line:?}");
        }
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
    }
    let whole = render("ClusterStatus", &document, &PIPE);
    assert!(whole.contains(&"ab".repeat(32)) && whole.contains("1 min ago"), "{whole}");
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("node ")).count(), 1, "{whole}");
    // Columns that do not fit are named; where not even a few fit, each node is a block.
    let narrow = render("ClusterStatus", &document, &terminal(80));
    let first = narrow.lines().find(|line| line.starts_with("node ")).unwrap();
    assert!(first.contains("role") && first.contains("error") && !first.contains("evidence"), "{narrow}");
    assert!(narrow.lines().any(|line| line.starts_with('(') && line.contains("evidence")), "{narrow}");
    let blocks = render("ClusterStatus", &document, &terminal(20));
    assert!(blocks.lines().any(|line| line.starts_with("role") && line.contains("leader")), "{blocks}");
}

#[test]
fn the_one_value_of_a_thing_stands_whole_on_a_terminal_and_hashes_beside_it_do_not() {
    let document = json!({"run_id": hash("ab"), "elements": {"model": hash("cd")}});
    let shown = render("RunIdentity", &document, &terminal(100));
    assert!(shown.contains(&hash("ab")) && shown.contains("sha256:cd0000000000…"), "{shown}");
    // Broken over two lines rather than cut, where it does not fit.
    let narrow: String = render("RunIdentity", &document, &terminal(40)).split_whitespace().collect();
    assert!(narrow.contains(&hash("ab")), "{narrow}");
}

#[test]
fn colours_are_for_terminals_and_do_not_move_columns() {
    let coloured = Style { colour: true, ..terminal(100) };
    let shown = render("Members", &nodes(), &coloured);
    assert!(shown.contains("\x1b[1mnode\x1b[0m") && shown.contains("\x1b[32mvoter\x1b[0m"), "{shown:?}");
    let codes = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    let plain = codes.iter().fold(shown, |text, code| text.replace(code, ""));
    assert_eq!(plain, render("Members", &nodes(), &terminal(100)));
}

#[test]
fn quiet_is_one_value_or_one_for_each_thing() {
    let one = |kind, document: Value| one(kind, &document).map(|values| values.join("|"));
    assert_eq!(one("RunIdentity", json!({"run_id": hash("ab"), "elements": {}})), Some(hash("ab")));
    assert_eq!(one("Members", nodes()), Some("1|22".into()));
    assert_eq!(one("Members", json!({"nodes": []})), Some(String::new()), "nothing of nothing");
    assert_eq!(one("Difference", json!({"same": false, "elements": ["model", "prompt"]})), Some("model|prompt".into()));
    // What a write made, and the place of its entries when it made nothing that has a name.
    let receipt =
        |result: Value| json!({"submission": hash("1"), "entries": [{"index": "7"}, {"index": "8"}], "result": result});
    assert_eq!(one("Receipt", receipt(json!({"run_id": hash("ab"), "new": true}))), Some(hash("ab")));
    assert_eq!(one("Receipt", receipt(json!({"count": 2, "seq": "4"}))), Some("7|8".into()));
    assert_eq!(
        one("Receipt", receipt(json!({"action": "enrol_chip", "chip": hash("c"), "key": "k"}))),
        Some(hash("c"))
    );
    // Before the first verification a substrate has no outcome, and then its phase is printed.
    assert_eq!(one("Substrate", json!({"status": null, "phase": "closed"})), Some("closed".into()));
    assert_eq!(one("Bench", json!({"rate": 1})), None);
    assert_eq!(one("Nothing", json!({})), None);
}

/// A document of a kind that is described nowhere has no layout and no value for `-q`: it cannot be added without them.
#[test]
fn every_kind_that_is_printed_is_described_once() {
    let mut printed = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli")).unwrap() {
        let path = file.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, call) in
            [".print(", ".text(", ".verdict(", ".failed(", ".done("].iter().flat_map(|call| text.match_indices(call))
        {
            let rest = text[at + call.len()..].trim_start();
            if let Some(kind) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                printed.insert(kind.to_owned());
            }
        }
    }
    let mut described: Vec<&str> = kinds::all().map(|kind| kind.name).collect();
    described.sort_unstable();
    assert!(printed.len() > 30, "{printed:?}");
    for kind in &printed {
        assert!(described.contains(&kind.as_str()), "{kind} is described nowhere in src/cli/table/kinds");
    }
    assert!(described.is_sorted_by(|a, b| a < b), "each once: {described:?}");
}

/// The help of each command says what `-q` prints of it, and no description names a command that is not there.
#[test]
fn the_help_of_each_command_says_what_its_one_value_is() {
    let line = crate::cli::command();
    for kind in kinds::all().filter(|kind| !kind.commands.is_empty() && !kind.one.is_empty()) {
        for path in kind.commands.split(", ") {
            let mut command = &line;
            for name in path.split(' ') {
                command = command.find_subcommand(name).unwrap_or_else(|| panic!("{}: no command {path}", kind.name));
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("With -q: {}.", kind.says)), "{path}: {help}");
        }
    }
}
