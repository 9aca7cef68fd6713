//! The tamper corpus of section 16: real objects, altered in every way that we could think of, and the check that names
//! each.
//!
//! No altered object is accepted, and each is refused by the check, or at the place, that its alteration calls for. With
//! SELFSAME_TAMPER_DIR set, everything of which one file is enough is written there for other verifiers:
//! `manifest.jsonl` has a line `{"accept":bool,"file":…,"how":…,"kind":…}` for each.

mod backups;
mod exports;
mod ledgers;
mod objects;
mod page;
mod said;
mod small;

use objects::Objects;
use selfsame_offline::{Failure, Options, verify_input};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

/// What must refuse an altered object.
#[derive(Clone, Debug)]
enum Named {
    /// One of these checks. More than one only where the alteration can break the form as well as the content.
    By(&'static [&'static str]),
}

/// An altered object.
struct Case {
    kind: &'static str,
    how: &'static str,
    input: Vec<u8>,
    named: Named,
}

/// Counts per kind, alteration and check, and what went wrong.
struct Table {
    counts: BTreeMap<(&'static str, &'static str, String), usize>,
    wrong: Vec<String>,
    /// The first failure of each kind, alteration and check, in the order of its words.
    first: BTreeMap<String, Failure>,
    page: BTreeMap<String, BTreeSet<bool>>,
}

impl Table {
    fn new() -> Table {
        Table { counts: BTreeMap::new(), wrong: Vec::new(), first: BTreeMap::new(), page: page::checks() }
    }

    /// Whether the page has this check, and says of it what the program says.
    fn is_on_the_page(&self, failure: &Failure) -> bool {
        self.page.get(&failure.check).is_some_and(|verdicts| verdicts.contains(&failure.tampered))
    }

    fn count(&mut self, kind: &'static str, how: &'static str, named: &Named, verdict: Result<(), Failure>) {
        let Err(failure) = verdict else {
            self.wrong.push(format!("{kind}, {how}: ACCEPTED, expected {named:?}"));
            return;
        };
        let Named::By(checks) = named;
        if !checks.contains(&failure.check.as_str()) {
            self.wrong.push(format!("{kind}, {how}: expected {named:?}, found {failure}"));
        }
        if !self.is_on_the_page(&failure) {
            let said = if failure.tampered { "altered" } else { "undecided" };
            self.wrong.push(format!("{kind}, {how}: the page does not say {said} of {}", failure.check));
        }
        *self.counts.entry((kind, how, failure.check.clone())).or_default() += 1;
        let words = |failure: &Failure| (failure.found.clone(), failure.expected.clone(), failure.index);
        match self.first.entry(format!("{kind}, {how}: {}", failure.check)) {
            Entry::Vacant(none) => drop(none.insert(failure)),
            Entry::Occupied(mut one) if words(&failure) < words(one.get()) => drop(one.insert(failure)),
            Entry::Occupied(_) => {}
        }
    }

    /// Prints the table, demands that nothing went wrong, that there were at least `least` cases, and that the words are
    /// those of `part`.
    fn conclude(self, part: &str, least: usize) {
        let total: usize = self.counts.values().sum();
        for ((kind, how, check), count) in &self.counts {
            println!("{kind:<18} {how:<34} {check:<26} {count:>6}");
        }
        println!("{total} altered objects, {} wrongly judged", self.wrong.len());
        let shown: Vec<&String> = self.wrong.iter().take(20).collect();
        assert!(self.wrong.is_empty(), "{} wrong:\n{shown:#?}", self.wrong.len());
        assert!(total >= least, "{total} cases, at least {least}");
        said::compare(part, &self.first.iter().map(|(name, one)| (name.clone(), said::failure(one))).collect());
    }
}

fn verify(bytes: &[u8], options: &Options) -> Result<(), Failure> {
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    verify_input(input, options, &mut |_, _, _| {}).map(|_| ())
}

/// The folder of a part of the corpus for others, when somebody asked for it.
fn corpus_dir(part: &str) -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("SELFSAME_TAMPER_DIR")?).join(part);
    std::fs::create_dir_all(&dir).unwrap();
    Some(dir)
}

/// What is written there.
struct Corpus(Option<(PathBuf, std::fs::File, usize)>);

impl Corpus {
    fn new(part: &str) -> Corpus {
        Corpus(corpus_dir(part).map(|dir| {
            let manifest = std::fs::File::create(dir.join("manifest.jsonl")).unwrap();
            (dir, manifest, 0)
        }))
    }

    fn add(&mut self, kind: &str, how: &str, bytes: &[u8], accept: bool) {
        if let Some((dir, manifest, number)) = &mut self.0 {
            let file = format!("{number:06}");
            std::fs::write(dir.join(&file), bytes).unwrap();
            let line = serde_json::json!({"accept": accept, "file": file, "how": how, "kind": kind});
            writeln!(manifest, "{line}").unwrap();
            *number += 1;
        }
    }
}

/// Judges cases on all cores.
fn judge(part: &str, originals: &[(&'static str, Vec<u8>)], cases: Vec<Case>, options: &Options, least: usize) {
    let mut corpus = Corpus::new(part);
    for (kind, bytes) in originals {
        verify(bytes, options).unwrap_or_else(|failure| panic!("the unaltered {kind}: {failure}"));
        corpus.add(kind, "original", bytes, true);
    }
    cases.iter().for_each(|case| corpus.add(case.kind, case.how, &case.input, false));
    let threads = options.threads();
    // Many small files at once is what there is to do in parallel here, not each of them.
    let one = Options { threads: 1, ..options.clone() };
    let cases = &cases;
    let verdicts: Vec<Vec<Result<(), Failure>>> = std::thread::scope(|scope| {
        let share = |first: usize| {
            let one = &one;
            scope
                .spawn(move || cases.iter().skip(first).step_by(threads).map(|case| verify(&case.input, one)).collect())
        };
        let running: Vec<_> = (0..threads).map(share).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut table = Table::new();
    for (first, verdicts) in verdicts.into_iter().enumerate() {
        for (case, verdict) in cases.iter().skip(first).step_by(threads).zip(verdicts) {
            table.count(case.kind, case.how, &case.named, verdict);
        }
    }
    table.conclude(part, least);
}

#[test]
fn no_altered_file_that_is_read_at_once_is_accepted() {
    let objects = Objects::new();
    if let Some(dir) = corpus_dir("small") {
        std::fs::write(dir.join("entry"), &objects.leaves[4]).unwrap();
    }
    judge("small", &objects.small(), small::cases(&objects), &objects.options(), 15_000);
}

#[test]
fn no_altered_ledger_is_accepted() {
    if let Some(dir) = corpus_dir("ledgers") {
        ledgers::write_for_others(&dir);
    }
    ledgers::run(&Objects::new()).conclude("ledgers", 500);
}

/// shows: P-052, P-095
#[test]
fn no_altered_backup_is_accepted() {
    let made = backups::Made::new();
    let options = Objects::new().options();
    for deep in [false, true] {
        verify(&made.bytes(), &Options { deep, ..options.clone() }).unwrap_or_else(|failure| panic!("{failure}"));
    }
    let original = [("backup", made.bytes())];
    judge("backups", &original, backups::cases(&made), &options, 600);
}
