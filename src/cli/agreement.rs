//! `selfsame run agreement`: what organisations say about one reference.
//!
//! Who ties a reference to which run is the answer of the cluster; the declarations are checked against their ids here, and
//! what differs between them is computed from them.

use super::context::{CliError, Done, Global};
use clap::Args;
use selfsame_client::{Client, ClientError};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::run::{Declaration, compare, explain};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Show which organisations tie a reference to which run, and whether they agree.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
An organisation ties a reference to one run, for ever. The verdict is about the largest set of organisations that name one
run: it is an agreement when they are as many as --require asks for. Others that name another run are shown, and change
nothing; only another set of the same size does. With --between only the organisations named count, and all of them have
to name one run.

Exit status: 0 they agree, 4 nobody tied the reference or an organisation is not known, 5 they disagree, 13 too few have
spoken, 10 a node sent a declaration that is not the one of its id.")]
pub struct Agreement {
    /// External reference.
    request: String,
    /// Organisations that have to name the same run.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "between")]
    require: u32,
    /// Ask about these organisations alone: two or more names, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    between: Vec<String>,
}

/// One organisation and the run that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tie {
    organisation: String,
    run_id: Digest,
    since_index: u64,
}

/// Organisations that name one run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    run_id: Digest,
    organisations: Vec<String>,
}

/// What the ties come to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// The first group agrees, and is as large as was asked for.
    Agreed,
    /// Those who spoke name different runs, and no set of them is large enough and the largest.
    Differ,
    /// Too few have spoken.
    Few,
}

/// The ties by run, the largest group first; among equals in order of the run's id.
fn groups(ties: &[Tie]) -> Vec<Group> {
    let mut by_run: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for tie in ties {
        by_run.entry(tie.run_id).or_default().push(tie.organisation.clone());
    }
    let mut groups: Vec<Group> =
        by_run.into_iter().map(|(run_id, organisations)| Group { run_id, organisations }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.organisations.len()));
    groups
}

/// Whether the largest group is one of at least `required`. `all`: whether everybody has to be in it, and whether
/// somebody who has to be has not spoken.
fn decide(groups: &[Group], required: usize, all: Option<usize>) -> Verdict {
    let size = |place: usize| groups.get(place).map_or(0, |group: &Group| group.organisations.len());
    let spoken: usize = groups.iter().map(|group| group.organisations.len()).sum();
    match all {
        Some(_) if groups.len() > 1 => Verdict::Differ,
        Some(asked) if spoken < asked => Verdict::Few,
        Some(_) => Verdict::Agreed,
        None if size(0) >= required && size(0) > size(1) => Verdict::Agreed,
        None if groups.len() > 1 => Verdict::Differ,
        None => Verdict::Few,
    }
}

/// Runs the command.
pub async fn main(global: &Global, asked: Agreement) -> Done {
    let client = global.client()?;
    let ties = ties(&client, &asked.request).await?;
    if ties.is_empty() {
        return Err(unknown(&asked.request));
    }
    let mut between = asked.between.clone();
    between.sort();
    between.dedup();
    if between.len() == 1 {
        return Err(CliError::usage(
            "--between asks about two organisations or more: name them like --between aurora,borealis",
        ));
    }
    if !between.is_empty() {
        known(&client, &between, &ties).await?;
    }
    let counts = |tie: &&Tie| between.is_empty() || between.contains(&tie.organisation);
    let counted: Vec<Tie> = ties.iter().filter(counts).cloned().collect();
    let silent: Vec<&String> =
        between.iter().filter(|name| !counted.iter().any(|tie| tie.organisation == **name)).collect();
    let groups = groups(&counted);
    let declarations = declarations(&client, &groups).await?;
    let required = if between.is_empty() { asked.require as usize } else { between.len() };
    let verdict = decide(&groups, required, (!between.is_empty()).then_some(between.len()));
    let found = Found { request: &asked.request, ties: &counted, groups: &groups, declarations: &declarations };
    let sentence = found.sentence(&verdict, required, &silent);
    let document = json!({
        "verdict": match verdict { Verdict::Agreed => "agreement", Verdict::Differ => "disagreement", Verdict::Few => "undecided" },
        "request": asked.request, "agreed": verdict == Verdict::Agreed, "required": required,
        "run_id": (verdict == Verdict::Agreed).then(|| groups.first().map(|group| group.run_id)).flatten(),
        "says": sentence, "groups": found.groups(), "pairs": found.pairs(), "silent": silent, "notes": found.notes(),
        "agreements": found.agreements(),
    });
    global.verdict("Agreement", &found.lines(&verdict, &sentence), document);
    match verdict {
        Verdict::Agreed => Ok(()),
        Verdict::Differ => Err(CliError::with(5, sentence)),
        Verdict::Few => Err(CliError::with(13, sentence)),
    }
}

fn unknown(request: &str) -> CliError {
    let sentence = format!("nobody tied the reference {request:?} to a run: check it, or declare with --request");
    Refusal::new(Code::NotFound, &sentence, "", "").into()
}

/// Who ties the reference to which run, as the cluster says. One organisation says one thing.
async fn ties(client: &Client, request: &str) -> Result<Vec<Tie>, CliError> {
    let answer = match client.agreement(request).await {
        Ok(answer) => answer,
        Err(ClientError::Refused(refusal)) if refusal.code == Code::NotFound => return Err(unknown(request)),
        Err(error) => return Err(error.into()),
    };
    let mut ties: Vec<Tie> = Vec::new();
    for one in answer.ties {
        if ties.iter().any(|tie| tie.organisation == one.organisation) {
            let sentence = format!("the node says two things for {}: ask another node", one.organisation);
            return Err(Refusal::new(Code::Corrupt, &sentence, "", "").into());
        }
        ties.push(Tie { organisation: one.organisation, run_id: one.run_id, since_index: one.since_index });
    }
    Ok(ties)
}

/// Refuses the name of an organisation that is no member and never tied the reference.
async fn known(client: &Client, asked: &[String], ties: &[Tie]) -> Done {
    let members = client.constitution().await?.organisations;
    match asked.iter().find(|name| {
        !members.iter().any(|member| member == *name) && !ties.iter().any(|tie| tie.organisation == **name)
    }) {
        None => Ok(()),
        Some(stranger) => {
            let sentence = format!("there is no member organisation {stranger:?}: name members");
            Err(Refusal::new(Code::UnknownOrganisation, &sentence, members.join(", "), stranger).into())
        }
    }
}

/// The declaration of every run that is named. The node is not believed: what it sends must be what the id names.
async fn declarations(client: &Client, groups: &[Group]) -> Result<BTreeMap<Digest, Declaration>, CliError> {
    let mut out = BTreeMap::new();
    for Group { run_id, .. } in groups {
        let declaration = Declaration::parse(&client.run(run_id).await?.declaration)?;
        if declaration.run_id() != *run_id {
            let sentence = "the node sent another declaration than was asked for: ask another node";
            return Err(Refusal::new(Code::Corrupt, sentence, run_id, declaration.run_id()).into());
        }
        out.insert(*run_id, declaration);
    }
    Ok(out)
}

/// Which version of the importer made a declaration; `None` when it was written by hand.
fn importer(declaration: &Declaration) -> Option<&str> {
    declaration.value()["context"]["importer"].as_str()
}

/// What was found, to be shown.
struct Found<'a> {
    request: &'a str,
    ties: &'a [Tie],
    groups: &'a [Group],
    declarations: &'a BTreeMap<Digest, Declaration>,
}

impl Found<'_> {
    fn run(&self, tie: &Tie) -> Option<&Declaration> {
        self.declarations.get(&tie.run_id)
    }

    /// The verdict as a sentence.
    fn sentence(&self, verdict: &Verdict, required: usize, silent: &[&String]) -> String {
        let shown = |group: &Group| format!("{} ({})", group.organisations.join(", "), group.run_id);
        let request = format!("{:?}", self.request);
        match (verdict, self.groups) {
            (Verdict::Agreed, [first, rest @ ..]) => {
                let whom = first.organisations.join(", ");
                let verb = if first.organisations.len() == 1 { "names" } else { "agree on" };
                let others = match rest {
                    [] => String::new(),
                    rest => {
                        format!("; others name other runs: {}", rest.iter().map(shown).collect::<Vec<_>>().join(", "))
                    }
                };
                format!("about {request} {whom} {verb} one run, {}{others}", first.run_id)
            }
            (Verdict::Few, _) if !silent.is_empty() => {
                let silent = silent.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                format!("it cannot be decided whether they agree about {request}: {silent} tied it to no run yet")
            }
            (Verdict::Few, _) => {
                let whom = self.ties.iter().map(|tie| tie.organisation.as_str()).collect::<Vec<_>>().join(", ");
                format!(
                    "it cannot be decided whether organisations agree about {request}: {required} have to name one run, and \
                     only {whom} has spoken"
                )
            }
            (Verdict::Differ | Verdict::Agreed, groups) => {
                let sides = groups.iter().map(shown).collect::<Vec<_>>().join(" against ");
                format!("the organisations disagree about {request}: {sides}")
            }
        }
    }

    /// The verdict for people: its word, the sentence, and what each pair says.
    fn lines(&self, verdict: &Verdict, sentence: &str) -> Vec<String> {
        let word = match verdict {
            Verdict::Agreed => "agreement",
            Verdict::Differ => "DISAGREEMENT",
            Verdict::Few => "CANNOT BE DECIDED",
        };
        let mut lines = vec![format!("{word}: {sentence}")];
        for pair in self.pairs() {
            let text = |name: &str| pair[name].as_str().unwrap_or_default().to_owned();
            let list = |name: &str| {
                let items = pair[name].as_array().into_iter().flatten().filter_map(Value::as_str);
                items.collect::<Vec<_>>().join(", ")
            };
            let differs = match pair["same"] == true {
                true => "same".to_owned(),
                false => format!("differ in {} ({})", list("elements"), list("members")),
            };
            lines.push(format!("  {} and {}  {differs}", text("first"), text("second")));
        }
        lines.extend(self.notes().into_iter().map(|note| format!("  note: {note}")));
        lines
    }

    fn agreements(&self) -> Vec<Value> {
        let row =
            |tie: &Tie| json!({"organisation": tie.organisation, "run_id": tie.run_id, "since_index": tie.since_index});
        self.ties.iter().map(row).collect()
    }

    fn groups(&self) -> Vec<Value> {
        let row = |group: &Group| {
            let importer = self.declarations.get(&group.run_id).and_then(importer);
            json!({"run_id": group.run_id, "organisations": group.organisations, "importer": importer})
        };
        self.groups.iter().map(row).collect()
    }

    /// What each pair says: the same, or in which elements and members they differ.
    fn pairs(&self) -> Vec<Value> {
        let mut pairs = Vec::new();
        for (place, first) in self.ties.iter().enumerate() {
            for second in &self.ties[place + 1..] {
                let (Some(a), Some(b)) = (self.run(first), self.run(second)) else { continue };
                let elements = compare(&a.element_digests(), &b.element_digests());
                let members: Vec<_> = explain(a, b).into_iter().map(|difference| difference.pointer).collect();
                pairs.push(json!({
                    "first": first.organisation, "second": second.organisation, "same": elements.is_empty(),
                    "elements": elements, "members": members,
                }));
            }
        }
        pairs
    }

    /// Reasons for a difference that lie in how the declarations were made.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (place, first) in self.groups.iter().enumerate() {
            for second in &self.groups[place + 1..] {
                let whom = |group: &Group| group.organisations.join(", ");
                let made = |group: &Group| self.declarations.get(&group.run_id).and_then(importer);
                let (a, b) = (whom(first), whom(second));
                match (made(first), made(second)) {
                    (Some(one), Some(other)) if one != other => notes.push(format!(
                        "the runs of {a} and of {b} were imported by different versions of the importer ({one:?} and \
                         {other:?}), which may be all that differs: import both with one version"
                    )),
                    (Some(_), None) | (None, Some(_)) => notes.push(format!(
                        "of the runs of {a} and of {b} one was imported and the other written by hand, which may be all \
                         that differs: compare the members"
                    )),
                    (Some(_), Some(_)) | (None, None) => {}
                }
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict when the organisations a, b, c … name these runs.
    fn verdict(runs: &[u8], required: usize, all: Option<usize>) -> Verdict {
        let tie = |(place, run): (usize, &u8)| Tie {
            organisation: format!("o{place}"),
            run_id: Digest::of(&[*run]),
            since_index: 0,
        };
        let ties: Vec<Tie> = runs.iter().enumerate().map(tie).collect();
        decide(&groups(&ties), required, all)
    }

    #[test]
    fn two_that_agree_agree_whatever_a_third_says_and_one_alone_does_not() {
        for (runs, required, expected) in [
            (&[1][..], 2, Verdict::Few),
            (&[1], 1, Verdict::Agreed),
            (&[1, 1], 2, Verdict::Agreed),
            (&[1, 1], 3, Verdict::Few),
            (&[1, 2], 2, Verdict::Differ),
            (&[1, 2], 1, Verdict::Differ),
            (&[1, 1, 2], 2, Verdict::Agreed),
            (&[2, 1, 1], 2, Verdict::Agreed),
            (&[1, 1, 2], 3, Verdict::Differ),
            (&[1, 1, 2, 2], 2, Verdict::Differ),
            (&[1, 1, 1, 2, 2], 2, Verdict::Agreed),
            (&[1, 1, 2, 3, 4], 2, Verdict::Agreed),
            (&[], 1, Verdict::Few),
        ] {
            assert_eq!(verdict(runs, required, None), expected, "{runs:?} --require {required}");
        }
    }

    #[test]
    fn those_who_are_asked_about_have_to_speak_and_to_say_one_thing() {
        for (runs, asked, expected) in [
            (&[1, 1][..], 2, Verdict::Agreed),
            (&[1, 2], 2, Verdict::Differ),
            (&[1], 2, Verdict::Few),
            (&[], 2, Verdict::Few),
            (&[1, 1, 2], 3, Verdict::Differ),
            (&[1, 1], 3, Verdict::Few),
            (&[1, 2], 3, Verdict::Differ),
        ] {
            assert_eq!(verdict(runs, asked, Some(asked)), expected, "{runs:?} of {asked}");
        }
    }
}
