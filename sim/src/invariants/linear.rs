//! Whether a history of calls is linearizable: Wing and Gong's search with Lowe's memory of places that were tried.

use std::collections::BTreeSet;

/// One call of a history.
#[derive(Clone, Debug)]
pub struct Timed<O> {
    /// When it was made.
    pub invoked: u64,
    /// When it was answered; `None` for a call that may take effect at any time after it was made, or never.
    pub answered: Option<u64>,
    /// What it did, or saw.
    pub op: O,
}

/// Whether some order of the calls explains all answers: each call takes effect between its beginning and its answer,
/// and `step` gives the state after it, or `None` when the call cannot have given that answer.
pub fn linearizable<S: Clone + Ord, O>(start: S, calls: &[Timed<O>], step: impl Fn(&S, &O) -> Option<S>) -> bool {
    let mut calls: Vec<&Timed<O>> = calls.iter().collect();
    calls.sort_by_key(|call| call.invoked);
    // What took effect is all before `low` and the set; keys stay small because calls overlap little.
    let mut tried: BTreeSet<(usize, BTreeSet<usize>, S)> = BTreeSet::new();
    let mut todo = vec![(0_usize, BTreeSet::new(), start)];
    while let Some((low, ahead, state)) = todo.pop() {
        let open = || (low..calls.len()).filter(|at| !ahead.contains(at));
        // Nothing that begins after an answer can take effect before the call that was answered.
        let Some(horizon) = open().filter_map(|at| calls[at].answered).min() else { return true };
        for at in open().take_while(|at| calls[*at].invoked <= horizon) {
            let Some(next) = step(&state, &calls[at].op) else { continue };
            let (mut low, mut ahead) = (low, ahead.clone());
            ahead.insert(at);
            while ahead.remove(&low) {
                low += 1;
            }
            let place = (low, ahead, next);
            if tried.insert(place.clone()) {
                todo.push(place);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Do {
        Write(u8),
        Read(u8),
    }
    use Do::{Read, Write};

    /// Calls of a register that begins with 0, as (invoked, answered, what).
    fn holds(calls: &[(u64, Option<u64>, Do)]) -> bool {
        let calls: Vec<_> = calls
            .iter()
            .map(|(invoked, answered, op)| Timed { invoked: *invoked, answered: *answered, op: *op })
            .collect();
        linearizable(0_u8, &calls, |state, op| match op {
            Write(value) => Some(*value),
            Read(value) => (value == state).then_some(*state),
        })
    }

    #[test]
    fn histories_that_some_order_explains_hold() {
        assert!(holds(&[]));
        assert!(holds(&[(0, Some(1), Write(1)), (2, Some(3), Read(1))]));
        // Overlapping: either value may be read.
        assert!(holds(&[(0, Some(9), Write(1)), (1, Some(2), Read(0)), (3, Some(4), Read(1))]));
        // No answer: it took effect late, or never.
        assert!(holds(&[(0, None, Write(1)), (1, Some(2), Read(0)), (3, Some(4), Read(1))]));
        assert!(holds(&[(0, None, Write(1)), (1, Some(2), Read(0))]));
        assert!(holds(&[(0, Some(10), Write(1)), (0, Some(10), Write(2)), (11, Some(12), Read(1))]));
    }

    #[test]
    fn histories_that_no_order_explains_do_not() {
        // A stale read after the answer.
        assert!(!holds(&[(0, Some(1), Write(1)), (2, Some(3), Read(0))]));
        // A value seen and then unseen.
        assert!(!holds(&[(0, Some(9), Write(1)), (1, Some(2), Read(1)), (3, Some(4), Read(0))]));
        // A read of what nobody wrote yet.
        assert!(!holds(&[(0, Some(1), Read(1)), (2, Some(3), Write(1))]));
        // Two readers that see two writes in different order.
        let writes = [(0, Some(20), Write(1)), (0, Some(20), Write(2))];
        let reads = [(1, Some(2), Read(1)), (3, Some(4), Read(2)), (5, Some(6), Read(1))];
        assert!(!holds(&[&writes[..], &reads[..]].concat()));
    }
}
