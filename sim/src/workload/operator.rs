//! A client that declares runs and reports their executions.

use super::session::{Session, declaration};
use crate::history::Answer;
use rand::Rng;
use selfsame_protocol::command::{Command, DeclareRun, ReportOutcome};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::response::CommandResult;

/// Runs declared by all operators: few, so that organisations meet at the same ones.
const RUNS: u64 = 12;

/// Works until the world stops.
pub async fn run(mut session: Session, organisation: u64) -> turmoil::Result {
    let operator = session.operator(organisation);
    let mut known: Vec<Digest> = Vec::new();
    let mut promised: Vec<EntryRef> = Vec::new();
    let mut executions = 0_u64;
    while !session.stopped() {
        session.pause(400).await;
        if !promised.is_empty() && session.random.gen_bool(0.2) {
            let entry = promised[session.random.gen_range(0..promised.len())];
            session.prove(&entry).await;
        }
        let (what, command) = if known.is_empty() || session.random.gen_bool(0.5) {
            let number = session.random.gen_range(0..RUNS);
            let request = Some(format!("case/{number}"));
            (
                "declare",
                Command::DeclareRun(DeclareRun { declaration: declaration(&format!("Why {number}?")), request }),
            )
        } else {
            executions += 1;
            let report = Command::ReportOutcome(ReportOutcome {
                run_id: known[session.random.gen_range(0..known.len())],
                execution_id: format!("{}/{executions}", session.name),
                status: selfsame_protocol::record::ExecutionStatus::Succeeded,
                outputs: Vec::new(),
                reproduction_of: None,
            });
            ("report", report)
        };
        let Answer::Ok(receipt) = session.submit(what, &operator, command).await else { continue };
        promised.extend(&receipt.entries);
        if let CommandResult::RunDeclared(declared) = receipt.result {
            known.push(declared.run_id);
        }
    }
    Ok(())
}
