//! Clients that misuse the protocol, or use it at the worst moment. Faults bring them into the world.
//!
//! Each counts only what truly happened: an attempt that nobody answered proves nothing.

use super::chip::Chip;
use super::visit::Visit;
use crate::history::Answer;
use rand::Rng;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Item, RecoverClose};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::Outcome;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Gives up on an answer soon after asking, and asks again: the append must have happened exactly once.
pub async fn retry_after_timeout(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.opened().await {
        let mut writer = chip.writer(&state);
        let (token, envelope) = (writer.next_token(), writer.sign_append(chip.items()));
        let patience = Duration::from_millis(chip.caller.random.gen_range(1..80));
        let call = chip.caller.oracle.invoked(&chip.caller.name, "append", Digest::of(&envelope.to_bytes()));
        let early = tokio::time::timeout(patience, chip.caller.client.submit(&envelope)).await;
        let lost = early.is_err();
        let answer = early.map_or(Answer::Unknown("gave up on it".into()), Answer::of);
        chip.caller.oracle.answered(call, answer);
        match chip.caller.insist("append", &envelope).await {
            Answer::Ok(_) => {
                chip.acknowledged = (token.epoch.0, token.seq.0);
                if let Some(after) = chip.read().await
                    && after.holder.seq != token.seq
                {
                    chip.wrong("exactly_once", format!("one append moved {token:?} to {}", after.holder.seq));
                }
                if lost {
                    visit.happened();
                }
            }
            Answer::Refused(code) => chip.wrong("exactly_once", format!("the only writer's append is refused: {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => {}
        }
    }
}

/// Sends the same bytes to two nodes at once: both answers are the same.
pub async fn duplicate_in_flight(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.opened().await {
        let mut writer = chip.writer(&state);
        let envelope = writer.sign_append(chip.items());
        let (first, second) = visit.two(&mut chip.caller);
        let (first, second) = (chip.caller.at(first), chip.caller.at(second));
        let caller = &chip.caller;
        let answers = tokio::join!(caller.by(&first, "append", &envelope), caller.by(&second, "append", &envelope));
        match answers {
            (Answer::Ok(_), Answer::Ok(_)) => visit.happened(),
            (Answer::Refused(code), Answer::Ok(_)) | (Answer::Ok(_), Answer::Refused(code)) => {
                chip.wrong("exactly_once", format!("one of two equal submissions is refused: {code}"));
            }
            _ => {}
        }
        chip.caller.insist("append", &envelope).await;
    }
}

/// Several clients hold the same chip and write at once: of those who claim one sequence number, one succeeds.
pub async fn many_sessions(visit: Visit) {
    let mut chip = visit.found().await;
    let Some(_) = chip.opened().await else { return };
    let taken: Rc<RefCell<BTreeMap<(u64, u64), u64>>> = Rc::default();
    let parts = (0..4_u64).map(|part| {
        let caller = visit.caller(&part.to_string());
        let (chips, substrate) = (chip.chips.clone(), chip.substrate.clone());
        let (taken, fired) = (taken.clone(), visit.fired.clone());
        tokio::task::spawn_local(async move {
            let mut own = Chip::resumed(caller, substrate, chips);
            while let Some(state) = own.opened().await {
                let mut writer = own.writer(&state);
                let (token, envelope) = (writer.next_token(), writer.sign_append(own.items()));
                match own.send("append", token, &envelope).await {
                    Answer::Ok(_) => {
                        let before = taken.borrow_mut().insert((token.epoch.0, token.seq.0), part);
                        if let Some(other) = before {
                            own.wrong("one_writer", format!("{token:?} was given to {other} and to {part}"));
                        }
                    }
                    Answer::Refused(_) if taken.borrow().is_empty() => {}
                    Answer::Refused(_) => fired.set(1),
                    Answer::Opened(_) | Answer::Unknown(_) => {}
                }
            }
        })
    });
    for part in parts.collect::<Vec<_>>() {
        let _ = part.await;
    }
}

/// Leaves a session open and goes away; the operator closes it, and what the chip still sends is refused.
pub async fn abandoned_session(visit: Visit) {
    let mut caller = visit.caller("a");
    // The last organisation's operator may lose its key.
    let organisation = caller.random.gen_range(0..visit.callers.organisations - 1);
    let operator = caller.operator(organisation);
    let mut chip = Chip::found(caller, organisation).await;
    while let Some(state) = chip.opened().await {
        let mut writer = chip.writer(&state);
        chip.caller.pause(500).await;
        let recover = Command::RecoverClose(RecoverClose { substrate_id: chip.substrate.clone() });
        if !matches!(chip.caller.submit("recover", &operator, recover).await, Answer::Ok(_)) {
            continue;
        }
        let append = writer.sign_append(chip.items());
        match chip.caller.insist("append", &append).await {
            Answer::Refused(Code::SessionNotOpen) => visit.happened(),
            Answer::Unknown(_) => {}
            other => chip.wrong("recovered", format!("an append after the recovered close: {other:?}")),
        }
    }
}

/// A client whose clock is hours wrong: its substrate lives like any other. With a clock that is years wrong there is no
/// birth.
pub async fn wrong_clock(visit: Visit) {
    let mut caller = visit.caller("a");
    let minutes = [-22 * 60, -30, 30][caller.random.gen_range(0..3)];
    caller.clock_ms = minutes * 60_000;
    let organisation = caller.random.gen_range(0..visit.callers.organisations);
    let mut chip = Chip::found(caller, organisation).await;
    let years = [-30, -1, 1, 60][chip.caller.random.gen_range(0..4)];
    chip.dated(years * 365 * 86_400_000).await;
    while let Some(state) = chip.closed().await {
        visit.happened();
        if state.status != Some(Outcome::Verified) {
            chip.wrong("wrong_clock", format!("a client's clock changed an outcome: {:?}", state.status));
        }
    }
}

/// Follows a ledger, reads nothing for a long time while much is written, and then reads on: nothing is missing.
pub async fn slow_reader(visit: Visit) {
    let mut chip = visit.found().await;
    let mut from = 0;
    while let Some(state) = chip.opened().await {
        let Ok(mut tail) = chip.caller.client.tail(Ledger::Evidence, from, true).await else { continue };
        match tail.next().await {
            Ok(Some(first)) if first.index == from => {}
            Ok(Some(first)) => return chip.wrong("tail", format!("from entry {from}, found {}", first.index)),
            Ok(None) | Err(_) => continue,
        }
        from += 1;
        // More than the windows of the stream hold.
        let items = (0..20).map(|n| Item {
            ledger: Ledger::Evidence,
            data: json!({"n": n, "text": "y".repeat(20_000)}),
            evidence: Vec::new(),
            runs: Vec::new(),
        });
        let mut writer = chip.writer(&state);
        let (token, append) = (writer.next_token(), writer.sign_append(items.collect()));
        chip.send("append", token, &append).await;
        let stall = chip.caller.random.gen_range(500..3_000);
        tokio::time::sleep(Duration::from_millis(stall)).await;
        let mut read = 0_u64;
        while let Ok(Ok(Some(next))) = tokio::time::timeout(Duration::from_millis(300), tail.next()).await {
            if next.index != from {
                chip.wrong("tail", format!("entry {from} comes next, found {}", next.index));
                return;
            }
            from += 1;
            read += 1;
        }
        if read > 0 {
            visit.happened();
        }
    }
}
