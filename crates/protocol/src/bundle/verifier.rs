//! One bundle, line by line: the history of keys, then the subject's own entries, then what only the whole file shows.
//!
//! Memory grows with the history of keys, with the names that must be used once, and not with the lines.

use super::authors::{Authors, Current};
use super::error::{BundleError, bad, from_replay};
use super::header::Opened;
use super::line::{Content, EntryLine, PreparedLine};
use super::report::{End, Found, Report, RunFound, SubstrateFound};
use super::signers;
use super::trust::{Reader, Voucher, all_recorded, by_known, by_quorum};
use crate::digest::Digest;
use crate::ledger::{Ledger, PerLedger};
use crate::note::Checkpoint;
use crate::policy::Unsatisfied;
use crate::replay::governance::Oversight;
use crate::replay::run::RunReplay;
use crate::replay::{History, Replay};
use crate::subject::Subject;

/// A verification under way.
#[derive(Debug)]
pub struct Verifier<'a> {
    reader: Reader<'a>,
    opened: Opened,
    authors: Authors,
    current: Current,
    replayed: Replayed,
}

/// What the entries behind the history of keys are about.
#[derive(Debug)]
enum Replayed {
    Substrate { replay: Box<Replay>, oversight: Box<Oversight>, last: Ledger },
    Run { id: Digest, replay: Box<RunReplay> },
}

impl<'a> Verifier<'a> {
    /// Reads the first line: its notes, under what the reader named, and its genesis.
    pub fn new(first: &str, reader: Reader<'a>) -> Result<Self, BundleError> {
        let opened = Opened::new(first, &reader)?;
        let replayed = match &opened.header.subject {
            Subject::Substrate(id) => Replayed::Substrate {
                replay: Box::new(Replay::new(&opened.header.genesis.cluster, id)),
                oversight: Box::new(Oversight::new(id)),
                last: Ledger::Evidence,
            },
            Subject::Run(id) => Replayed::Run { id: *id, replay: Box::new(RunReplay::new(*id)) },
            other @ (Subject::Cluster | Subject::Organisation(_)) => {
                return bad("BUNDLE_LINE", "substrate: and a UUID, or run: and a digest", other);
            }
        };
        let authors = Authors::new(&opened.header.genesis);
        Ok(Self { reader, opened, authors, current: Current::default(), replayed })
    }

    /// The checkpoints, for [`super::prepare`].
    pub fn heads(&self) -> &PerLedger<Checkpoint> {
        &self.opened.checkpoints
    }

    /// Applies the next line, in the order of the file.
    pub fn apply(&mut self, prepared: PreparedLine) -> Result<(), BundleError> {
        let number = prepared.number;
        let line = match prepared.content? {
            Content::Submission(submission) => {
                if matches!(self.replayed, Replayed::Substrate { .. }) && self.authors.settled() {
                    return bad("BUNDLE_LINE", format!("line {number}: an entry"), "a submission");
                }
                return self.current.begin(number, submission);
            }
            Content::Entry(line) => *line,
        };
        let governs = line.entry.as_ref().is_ok_and(|entry| entry.subject.governs());
        // What cannot be read stands where it is: in the history of keys as long as nothing else has begun.
        let unread = line.entry.is_err() && line.ledger == Ledger::Reasoning && !self.authors.settled();
        if governs || unread {
            return self.authors.govern(line, &mut self.current);
        }
        if matches!(self.replayed, Replayed::Substrate { .. }) && !self.authors.settled() {
            self.current.end()?;
        }
        self.authors.settle()?;
        let EntryLine { ledger, entry, hash, included } = line;
        match &mut self.replayed {
            Replayed::Substrate { replay, oversight, last } => {
                if ledger < *last {
                    let found = format!("line {number}");
                    return bad("BUNDLE_ORDER", "Evidence entries before Reasoning entries", found);
                }
                *last = ledger;
                // What governance says of it is only said of an entry that the substrate's own history allows.
                let governed = self.authors.settle()?;
                let overseen = entry.as_ref().map_or(Ok(()), |entry| oversight.check(governed, entry));
                replay.decoded(ledger, entry, hash).map_err(from_replay)?;
                overseen.map_err(from_replay)?;
            }
            Replayed::Run { replay, .. } => {
                let (authors, current) = (&mut self.authors, &mut self.current);
                replay
                    .decoded(entry, hash, |entry| {
                        let (organisation, prepared) = authors.author(entry, current)?;
                        Ok((organisation, &prepared.submission.command))
                    })
                    .map_err(from_replay)?;
            }
        }
        included
    }

    /// Checks what only the whole file shows. Gives the history of a substrate beside the report.
    pub fn finish(self) -> Result<(Report, Option<History>), BundleError> {
        let Self { reader, opened, mut authors, current, replayed } = self;
        current.end()?;
        authors.settle()?;
        let (found, depths, history) = match replayed {
            Replayed::Substrate { replay, oversight, .. } => {
                let history = replay.finish().map_err(from_replay)?;
                oversight.finish(authors.settle()?, opened.checkpoints.reasoning.size).map_err(from_replay)?;
                (Found::Substrate(SubstrateFound::of(&history)), history.depths, Some(history))
            }
            Replayed::Run { id, replay } => {
                let history = replay.finish().map_err(from_replay)?;
                let depths = PerLedger { evidence: history.entries, reasoning: 0 };
                (Found::Run(RunFound::of(id, history)), depths, None)
            }
        };
        let (head, governance) = (&opened.head, authors.entries());
        for (check, expected, stated) in [
            ("HEAD_GOVERNANCE", governance, head.governance),
            ("HEAD_EVIDENCE_ENTRIES", depths.evidence, head.trees.evidence.entries),
            ("HEAD_REASONING_ENTRIES", depths.reasoning, head.trees.reasoning.entries),
        ] {
            if expected != stated {
                return bad(check, format!("{expected} entries, as the file has them"), stated);
            }
        }
        let (governed, origin) = (authors.settle()?, &opened.header.genesis.origin);
        let recorded = signers::vkeys(governed, origin);
        for (_, note) in opened.notes.iter() {
            all_recorded(note, &recorded, ["CHECKPOINT_KEY", "CHECKPOINT_SIGNATURE"])?;
        }
        all_recorded(&opened.head_note, &recorded, ["HEAD_KEY", "HEAD_SIGNATURE"])?;
        let mut signers = opened.signers.clone();
        let end = match reader.voucher() {
            Voucher::Policy => end_by_policy(&reader, &opened)?,
            Voucher::Genesis => {
                let quorum = signers::quorum(governed, origin);
                for (_, note) in opened.notes.iter() {
                    signers.extend(by_quorum(note, &quorum, ["CHECKPOINT_QUORUM", "CHECKPOINT_SIGNATURE"])?);
                }
                match by_quorum(&opened.head_note, &quorum, ["HEAD_QUORUM", "HEAD_SIGNATURE"]) {
                    Ok(names) => End::Known { by: names },
                    Err(error) if !error.tampered => End::unknown(&error),
                    Err(error) => return Err(error),
                }
            }
            // A key that the reader named speaks for the trees; a quorum of organisations it is not.
            Voucher::Keys => match by_known(&opened.head_note, reader.keys, ["HEAD_KEY", "HEAD_SIGNATURE"]) {
                Ok(names) => {
                    End::Unknown { why: format!("{} alone says so, and no quorum of organisations", names.join(", ")) }
                }
                Err(error) if !error.tampered => End::unknown(&error),
                Err(error) => return Err(error),
            },
            Voucher::Nobody => End::Unknown { why: "nobody that you trust vouches for it".into() },
        };
        signers.sort();
        signers.dedup();
        reader.named()?;
        let report = Report {
            subject: opened.header.subject.clone(),
            cluster: opened.header.genesis.cluster.clone(),
            genesis: opened.genesis,
            genesis_from_reader: reader.genesis.is_some(),
            vouched_by: reader.voucher(),
            later_entries: end,
            entries: depths.iter().map(|(_, depth)| depth).sum(),
            governance_entries: governance,
            submissions: current.count,
            cluster_constitution_hash: governed.constitution.hash(),
            evidence_size: opened.checkpoints.evidence.size,
            reasoning_size: opened.checkpoints.reasoning.size,
            signers,
            found,
        };
        Ok((report, history))
    }
}

fn end_by_policy(reader: &Reader<'_>, opened: &Opened) -> Result<End, BundleError> {
    let Some(policy) = reader.policy else { return Ok(End::Unknown { why: "no policy".into() }) };
    match policy.cosigned(&opened.head_note) {
        Ok(cosigners) => Ok(End::Known { by: cosigners.into_iter().map(|cosigner| cosigner.key).collect() }),
        Err(Unsatisfied::Signature(error)) => bad("HEAD_SIGNATURE", "a signature that verifies", error),
        Err(unmet) => Ok(End::Unknown { why: unmet.to_string() }),
    }
}

/// Verifies a bundle that is a text, in the order of its lines, each of which ends in one line feed. `progress` is called with
/// the number of lines done behind the first.
pub fn verify(
    text: &str,
    reader: Reader<'_>,
    mut progress: impl FnMut(u64),
) -> Result<(Report, Option<History>), BundleError> {
    let Some(text) = text.strip_suffix('\n') else {
        return bad("BUNDLE_LINE", "lines that end in a line feed", "no line feed");
    };
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let mut verifier = Verifier::new(first, reader)?;
    for (number, text) in (2..).zip(lines) {
        verifier.apply(super::prepare(text, number, verifier.heads()))?;
        progress(number - 1);
    }
    verifier.finish()
}
