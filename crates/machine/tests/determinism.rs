//! The same entries give the same bytes on every replica; a retry gives the first answer; a replica that cannot read
//! stops instead of deciding otherwise.

use crate::common::*;
use selfsame_machine::state::prefix_end;
use selfsame_machine::view::{Model, ReadError, Row, Table, View};
use selfsame_machine::{Batch, Fatal, apply, read};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Append, Command, DeclareRun, EnrolChip, FencingToken, Item, ItemLimits, OrganisationKey, RecoverClose, RetireChip,
    Role, RotateKey,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{verify_consistency, verify_inclusion};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::Record;
use selfsame_protocol::response::RunDeclared;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;

/// Appends of one chip that follow on each other; the third is refused with a record.
fn envelopes(world: &World, id: &str) -> Vec<Vec<u8>> {
    let FencingToken { epoch, mut seq } = world.fence(id);
    let mut out = Vec::new();
    for n in 0..5 {
        let mut items = vec![item(Ledger::Evidence, &format!("seen {n}")), item(Ledger::Reasoning, "so")];
        if n == 2 {
            items.push(Item { runs: vec![Digest::of(b"undeclared")], ..items[0].clone() });
        }
        let command =
            Command::Append(Append { substrate_id: id.parse().unwrap(), fence: FencingToken { epoch, seq }, items });
        out.push(envelope(Role::Chip, &chip(0), &format!("batch/{n}"), command).to_bytes());
        // The refused one leaves its number to the next.
        seq.0 += u64::from(n != 2);
    }
    out
}

fn open_world() -> (World, SubstrateId) {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    (world, id)
}

/// shows: X-01, RI-27
#[test]
fn two_replicas_that_apply_the_same_entries_are_equal_in_every_byte_and_digest() {
    let (base, id) = open_world();
    let (mut one, mut two) = (base.clone(), base);
    let bytes = envelopes(&one, &id);
    for chunk in bytes.chunks(2) {
        let (a, b) = (one.batch(chunk), two.batch(chunk));
        assert_eq!((a.outcomes, &a.changes, a.digest), (b.outcomes, &b.changes, b.digest));
        assert_eq!(one.digest(), a.digest);
        assert_eq!(one.digest(), two.digest());
    }
    assert_eq!(one.model, two.model);
    // The digest also tells two replicas apart that differ in one value, and in the index alone.
    let mut other = one.clone();
    other.index += 1;
    assert_ne!(one.batch(&[]).digest, other.batch(&[]).digest);
}

/// shows: X-01, X-02
#[test]
fn one_entry_of_many_submissions_leaves_the_same_state_as_an_entry_for_each() {
    let (base, id) = open_world();
    let bytes = envelopes(&base, &id);
    let mut together = base.clone();
    let all = together.batch(&bytes);
    let mut apart = base;
    let time = apart.millis;
    let mut outcomes = Vec::new();
    for submission in &bytes {
        apart.millis = time;
        outcomes.extend(apart.batch(std::slice::from_ref(submission)).outcomes);
    }
    assert_eq!(all.outcomes, outcomes);
    let codes: Vec<_> = outcomes.iter().map(|o| o.as_ref().err().map(|refusal| refusal.code)).collect();
    assert_eq!(codes, [None, None, Some(Code::RunNotDeclared), None, None]);
    assert!(rows(&together.model) == rows(&apart.model), "ledgers, trees, tiles and tables");
    for ledger in Ledger::BOTH {
        assert_eq!(read::head(&together.model, ledger), read::head(&apart.model, ledger));
    }
}

/// shows: X-05
#[test]
fn a_bad_submission_does_not_touch_the_others_of_its_entry() {
    let (base, id) = open_world();
    let fence = base.fence(&id);
    let append = |seq: u64, request: &str| {
        let fence = FencingToken { seq: U64(seq), ..fence };
        let items = vec![item(Ledger::Evidence, request)];
        envelope(
            Role::Chip,
            &chip(0),
            request,
            Command::Append(Append { substrate_id: id.parse().unwrap(), fence, items }),
        )
        .to_bytes()
    };
    let first = append(fence.seq.0, "first");
    let second = append(fence.seq.0 + 1, "second");
    let mut broken = first.clone();
    broken[3] ^= 1;
    let mut world = base.clone();
    let outcomes = world.batch(&[broken, first.clone(), vec![0; 7], append(fence.seq.0, "stale"), second.clone()]);
    let codes: Vec<_> = outcomes.outcomes.iter().map(|o| o.as_ref().err().map(|refusal| refusal.code)).collect();
    let bad = [Code::BadSignature, Code::Malformed, Code::StaleSequence].map(Some);
    assert_eq!(codes, [bad[0], None, bad[1], bad[2], None]);
    let mut clean = base;
    clean.batch(&[first, second]);
    assert!(rows(&world.model) == rows(&clean.model));
}

/// shows: X-06
#[test]
fn a_retry_gets_the_first_answer_byte_for_byte_and_appends_nothing() {
    let (mut world, id) = open_world();
    let good = envelope(
        Role::Chip,
        &chip(0),
        "once",
        world.append_command(&id, vec![item(Ledger::Evidence, "seen"), item(Ledger::Reasoning, "so")]),
    );
    let first = world.send(&good).unwrap();
    let mut touching = amendment(&[]);
    touching.founding = Some(other_founding());
    let bad = envelope(Role::Chip, &chip(0), "touch", world.amend_command(&id, touching));
    let refusal = world.send(&bad).unwrap_err();
    assert_eq!(refusal.code, Code::FoundingTensionProtected);
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "later")]);
    world.close(&id, &chip(0));
    let before = rows(&world.model);
    for _ in 0..3 {
        let again = world.send(&good).unwrap();
        assert_eq!(canon::to_canonical_of(&again), canon::to_canonical_of(&first));
        assert_eq!(world.send(&bad).unwrap_err(), refusal);
    }
    // Twice in one entry, and after the key was retired.
    world.batch(&[good.to_bytes(), good.to_bytes()]).outcomes.into_iter().for_each(|o| assert_eq!(o.unwrap(), first));
    assert!(before == rows(&world.model));
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    assert_eq!(world.send(&good).unwrap(), first);
}

/// shows: X-06
#[test]
fn a_request_id_names_one_submission_of_one_key() {
    let mut world = World::new();
    let enrol = |seed: u8| Command::EnrolChip(EnrolChip { chip: key(seed).public(), technology: Technology::Software });
    world.send(&envelope(Role::Root, &root(0), "r", enrol(100))).unwrap();
    let refusal = world.send(&envelope(Role::Root, &root(0), "r", enrol(101))).unwrap_err();
    assert_eq!(refusal.code, Code::RequestIdReused);
    // Of another key it is another request.
    world.send(&envelope(Role::Root, &root(1), "r", enrol(101))).unwrap();
    // What was refused without a record took no request id: it may be tried again when the state allows it.
    let rotate = Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key(102).public() });
    let early = envelope(Role::Operator, &key(102), "o", Command::RecoverClose(RecoverClose { substrate_id: uuid(1) }));
    assert_eq!(world.send(&early).unwrap_err().code, Code::UnknownKey);
    world.ok(Role::Root, &root(0), rotate);
    assert_eq!(world.send(&early).unwrap_err().code, Code::UnknownSubstrate);
    // A birth that waits for the chip to be enrolled.
    let birth = envelope(Role::Chip, &key(103), "b", birth(&uuid(1), &key(103)));
    assert_eq!(world.send(&birth).unwrap_err().code, Code::UnknownKey);
    world.ok(Role::Root, &root(0), enrol(103));
    world.send(&birth).unwrap();
}

/// shows: P-052, P-054
#[test]
fn every_entry_is_included_and_every_tree_extends_the_one_before() {
    let (mut world, id) = open_world();
    let mut heads = vec![Ledger::BOTH.map(|ledger| read::head(&world.model, ledger).unwrap())];
    for n in 0..90 {
        // Past 256 leaves, so that a second tile and a second level stand.
        let items = (0..3).flat_map(|i| {
            let text = format!("{n}/{i}");
            [item(Ledger::Evidence, &text), item(Ledger::Reasoning, &text)]
        });
        world.append(&id, &chip(0), items.collect());
        heads.push(Ledger::BOTH.map(|ledger| read::head(&world.model, ledger).unwrap()));
    }
    for ledger in Ledger::BOTH {
        let (size, root) = read::head(&world.model, ledger).unwrap();
        assert!(size > 256);
        for index in 0..size {
            let leaf = read::leaf(&world.model, ledger, index).unwrap().unwrap();
            let proof = read::inclusion(&world.model, ledger, index, size).unwrap();
            let hash = Entry::hash_of(&leaf);
            verify_inclusion(&hash, index, size, &proof, &root).unwrap();
            assert_eq!(read::index_of(&world.model, ledger, &hash).unwrap(), Some(index));
        }
        for (old, old_root) in heads.iter().map(|pair| pair[ledger.slot()]) {
            let proof = read::consistency(&world.model, ledger, old, size).unwrap();
            verify_consistency(old, &old_root, size, &root, &proof).unwrap();
        }
    }
    // What a close anchors is a head that stood.
    world.close(&id, &chip(0));
    let Record::SessionClose(close) = world.records(&id).pop().unwrap() else { panic!() };
    let anchored = (close.evidence_ledger.size.0, close.evidence_ledger.root);
    assert_eq!(anchored, heads.last().unwrap()[0]);
}

/// A disk of which one table cannot be read.
struct Failing<'a>(&'a Model, Table);
impl View for Failing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        if table == self.1 { Err(ReadError::Io("device gone".into())) } else { self.0.get(table, key) }
    }
    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        if table == self.1 { Err(ReadError::Io("device gone".into())) } else { self.0.scan(table, from, to, limit) }
    }
}

/// shows: X-01
#[test]
fn a_replica_whose_disk_fails_stops_and_never_decides_otherwise_than_the_others() {
    let (mut world, id) = open_world();
    let seen = world.append(&id, &chip(0), vec![item(Ledger::Evidence, "seen")]).entries[0].hash;
    let declaration = json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "r1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why?"}}]}]},
        "parameters": {"none": true}, "context": {"none": true}, "constraints": {"none": true},
    });
    let declared = Command::DeclareRun(DeclareRun { declaration, request: Some("case".into()) });
    let run = result::<RunDeclared>(world.ok(Role::Operator, &operator(0), declared)).run_id;
    let items = vec![Item { evidence: vec![seen], runs: vec![run], ..item(Ledger::Reasoning, "so") }];
    let bytes = envelope(Role::Chip, &chip(0), "r", world.append_command(&id, items)).to_bytes();
    let batch = Batch {
        time: Timestamp::from_millis(world.millis),
        submissions: vec![prepare(&bytes, &ItemLimits::default())],
    };
    assert!(apply(&world.model, world.index + 1, &batch).unwrap().outcomes[0].is_ok());
    for table in
        [Table::Meta, Table::Requests, Table::Keys, Table::Substrates, Table::EntryHashes, Table::Runs, Table::Tiles]
    {
        let result = apply(&Failing(&world.model, table), world.index + 1, &batch);
        let expected = Fatal::Read(ReadError::Io("device gone".into()));
        assert_eq!(result.map(|applied| applied.outcomes).unwrap_err(), expected, "{table:?}");
    }
    // A state that was never initialised is not decided upon either.
    let empty = apply(&Model::default(), 1, &batch);
    assert!(matches!(empty, Err(Fatal::Invariant(_))));
    assert!(world.model.scan(Table::Runs, &[], &prefix_end(&[]), 9).unwrap().len() == 1);
}
