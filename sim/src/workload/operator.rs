//! A client that declares runs and reports their executions.

use super::caller::{Caller, declaration};
use crate::history::Answer;
use rand::Rng;
use selfsame_protocol::command::{Command, DeclareRun, ReportOutcome};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::response::CommandResult;

/// Runs declared by all operators: few, so that organisations meet at the same ones.
const RUNS: u64 = 12;

/// Works until the world stops.
pub async fn run(mut caller: Caller, organisation: u64) -> turmoil::Result {
    let operator = caller.operator(organisation);
    let mut known: Vec<Digest> = Vec::new();
    let mut promised: Vec<EntryRef> = Vec::new();
    let mut executions = 0_u64;
    while !caller.stopped() {
        caller.pause(400).await;
        if !promised.is_empty() && caller.random.gen_bool(0.2) {
            let entry = promised[caller.random.gen_range(0..promised.len())];
            caller.prove(&entry).await;
        }
        let (what, command) = if known.is_empty() || caller.random.gen_bool(0.5) {
            let number = caller.random.gen_range(0..RUNS);
            let request = Some(format!("case/{number}"));
            (
                "declare",
                Command::DeclareRun(DeclareRun { declaration: declaration(&format!("Why {number}?")), request }),
            )
        } else {
            executions += 1;
            let report = Command::ReportOutcome(ReportOutcome {
                run_id: known[caller.random.gen_range(0..known.len())],
                execution_id: format!("{}/{executions}", caller.name),
                status: selfsame_protocol::record::ExecutionStatus::Succeeded,
                outputs: Vec::new(),
                reproduction_of: None,
            });
            ("report", report)
        };
        let Answer::Ok(receipt) = caller.submit(what, &operator, command).await else { continue };
        promised.extend(&receipt.entries);
        if let CommandResult::RunDeclared(declared) = receipt.result {
            known.push(declared.run_id);
        }
    }
    Ok(())
}
