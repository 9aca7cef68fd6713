//! Bytes that break every rule of form, and numbers at the end of their range, for every interface.

use super::byzantine::{Adversary, attack};
use super::byzantine_client::declaration;
use super::byzantine_own::Own;
use super::byzantine_peer::{dial, peer_address};
use super::kind::Kind;
use crate::cluster::host;
use crate::env::SimNet;
use crate::history::Answer;
use crate::workload::interceptor::append_to;
use rand::{Rng, RngCore};
use selfsame_env::{Net as _, connector};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, DeclareRun, EnrolNode, FencingToken, InitSubstrate, RetireNode, Seal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::{Envelope, pae};
use selfsame_protocol::number::{Epoch, NodeId};
use selfsame_protocol::p104::Thresholds;
use selfsame_protocol::time::U64;
use selfsame_wire::code::from_status;
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::v1;
use selfsame_wire::v1::cluster_service_client::ClusterServiceClient;
use selfsame_wire::v1::ledger_service_client::LedgerServiceClient;
use selfsame_wire::v1::run_service_client::RunServiceClient;
use selfsame_wire::v1::substrate_service_client::SubstrateServiceClient;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// B13: payloads that are too large, too deep, not canonical, or no payloads at all.
pub const MALFORMED: Kind = Kind {
    name: "B13_malformed_payload",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(MALFORMED.name, |adversary| Box::pin(malformed(adversary)), random),
};

/// B14: the largest number in every numeric member.
pub const OVERFLOW: Kind = Kind {
    name: "B14_overflow",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(OVERFLOW.name, |adversary| Box::pin(overflow(adversary)), random),
};

fn channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap_or_else(|error| panic!("{error}"));
    let endpoint = endpoint.connect_timeout(Duration::from_secs(1)).timeout(Duration::from_secs(3));
    endpoint.connect_with_connector_lazy(connector(Arc::new(SimNet::default())))
}

impl Adversary {
    /// Demands that a call is refused by a rule with a name; `codes` says which.
    fn expect<T: std::fmt::Debug>(&mut self, what: &'static str, result: Result<Response<T>, Status>, codes: &[Code]) {
        let call = self.oracle.invoked(&self.name, what, Digest::of(what.as_bytes()));
        let answer = match result {
            Ok(answer) => {
                self.succeeded(format!("{what}: answered with {:?}", answer.into_inner()));
                return;
            }
            Err(status) => match from_status(&status) {
                Some(refusal) if codes.contains(&refusal.code) => Answer::Refused(refusal.code),
                Some(refusal) if refusal.code.retryable() => Answer::Unknown(refusal.to_string()),
                Some(refusal) => {
                    self.succeeded(format!("{what}: expected one of {codes:?}, found {refusal}"));
                    return;
                }
                // The transport's own limit on a message.
                None if status.code() == tonic::Code::OutOfRange => Answer::Refused(Code::LimitExceeded),
                None => Answer::Unknown(status.to_string()),
            },
        };
        self.oracle.answered(call, answer);
    }

    /// The client address of a node of its choice.
    fn somewhere(&mut self) -> u64 {
        self.random.gen_range(1..=self.genesis.nodes.len() as u64)
    }
}

async fn malformed(mut adversary: Adversary) {
    let adversary = &mut adversary;
    envelopes(adversary).await;
    let node = adversary.somewhere();
    let channel = channel(&format!("{}:7001", host(node)));
    let mut ledger = LedgerServiceClient::new(channel.clone()).max_encoding_message_size(64 << 20);
    let large = vec![b'x'; 10 << 20];
    let answer = ledger.submit(v1::SubmitRequest { envelope: large.into(), proofs_within_ms: 0 }).await;
    adversary.expect("B13 message beyond the limit", answer, &[Code::LimitExceeded]);
    let entry = |ledger, selector| v1::GetEntryRequest { ledger, selector, stale_ok: true };
    let hash = |bytes: &'static [u8]| Some(v1::get_entry_request::Selector::Hash(bytes.into()));
    for (what, request) in [
        ("B13 ledger 0", entry(0, hash(&[0; 32]))),
        ("B13 ledger 99", entry(99, hash(&[0; 32]))),
        ("B13 ledger -1", entry(-1, hash(&[0; 32]))),
        ("B13 no selector", entry(1, None)),
        ("B13 short hash", entry(1, hash(&[0; 5]))),
        ("B13 empty hash", entry(1, hash(&[]))),
        ("B13 long hash", entry(1, hash(&[0; 1_000]))),
    ] {
        let answer = ledger.get_entry(request).await;
        adversary.expect(what, answer, &[Code::Malformed]);
    }
    let answer = ledger.get_submission(v1::GetSubmissionRequest { digest: vec![1; 31].into(), stale_ok: true }).await;
    adversary.expect("B13 submission digest", answer, &[Code::Malformed]);
    let mut runs = RunServiceClient::new(channel.clone());
    let answer = runs.get_run(v1::GetRunRequest { run_id: vec![1; 33].into(), stale_ok: true }).await;
    adversary.expect("B13 run id", answer, &[Code::Malformed]);
    let compare = v1::CompareRunsRequest { first: vec![1; 32].into(), second: Vec::new().into(), stale_ok: true };
    let answer = runs.compare_runs(compare).await;
    adversary.expect("B13 second run id", answer, &[Code::Malformed]);
    let outcomes = v1::ListOutcomesRequest { run_id: Vec::new().into(), stale_ok: true, from_depth: 0 };
    let answer = runs.list_outcomes(outcomes).await;
    adversary.expect("B13 outcomes of nothing", answer, &[Code::Malformed]);
    let mut substrates = SubstrateServiceClient::new(channel.clone()).max_encoding_message_size(64 << 20);
    let names = ["".to_owned(), "\0".to_owned(), "../..".to_owned(), "x".repeat(1 << 20), "é".repeat(40)];
    for name in names {
        let substrate = v1::GetSubstrateRequest { substrate_id: name.clone(), stale_ok: true };
        let answer = substrates.get_substrate(substrate).await;
        adversary.expect("B13 substrate id", answer, &[Code::UnknownSubstrate]);
    }
    for envelope in [vec![], vec![0; 63], vec![0; 64], vec![b'{'; 1_000], vec![b'['; 1 << 20]] {
        let answer = substrates.open_session(v1::OpenSessionRequest { envelope: envelope.into() }).await;
        adversary.expect("B13 open", answer, &[Code::Malformed, Code::LimitExceeded]);
    }
    let mut cluster = ClusterServiceClient::new(channel);
    for address in ["", "nowhere", "http://\u{1}", "n1:99999999"] {
        let (peer_address, client_address) = (address.to_owned(), "x".repeat(100_000));
        let learner = v1::AddLearnerRequest { node_id: 77, peer_address, client_address };
        let answer = cluster.add_learner(learner).await;
        adversary.expect("B13 learner address", answer, &[Code::UnknownNode]);
    }
    for port in [7_000, 7_001] {
        garbage(adversary, &format!("{}:{port}", host(node))).await;
    }
}

/// Envelopes with a right signature over bytes that are no submission.
async fn envelopes(adversary: &mut Adversary) {
    let operator = adversary.operator(0);
    let honest =
        adversary.sign(&operator, Command::DeclareRun(DeclareRun { declaration: declaration("form"), request: None }));
    let text = String::from_utf8_lossy(&honest.payload).into_owned();
    let deep = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let payloads = [
        ("B13 empty payload", String::new()),
        ("B13 white space", format!(" {text}")),
        ("B13 trailing byte", format!("{text}\n")),
        ("B13 two documents", format!("{text}{text}")),
        ("B13 double member", text.replacen('{', "{\"type\":\"x\",", 1)),
        ("B13 unknown member", text.replacen('{', "{\"aa\":1,", 1)),
        ("B13 other type", text.replace("selfsame/submission/v1", "selfsame/submission/v9")),
        ("B13 escaped", text.replacen("submission", "\\u0073ubmission", 1)),
        ("B13 deep lists", deep("[", "]", 100_000)),
        ("B13 deep objects", deep("{\"a\":", "}", 50_000)),
        ("B13 large number", text.replacen("0.2", "1e999", 1)),
        ("B13 other number", text.replacen("0.2", "0.20", 1)),
        ("B13 negative zero", text.replacen("0.2", "-0", 1)),
        ("B13 no number", text.replacen("0.2", "NaN", 1)),
    ];
    let mut forms: Vec<(&'static str, Vec<u8>)> =
        payloads.into_iter().map(|(what, text)| (what, text.into_bytes())).collect();
    forms.push(("B13 no text", vec![0xff; 200]));
    let mut cut = honest.payload.clone();
    cut.truncate(adversary.random.gen_range(0..cut.len()));
    forms.push(("B13 cut", cut));
    for (what, payload) in forms {
        let signature = operator.key.sign(&pae(&payload));
        let codes = [Code::Malformed, Code::LimitExceeded];
        adversary.refused(what, &Envelope { payload, signature }, &codes).await;
    }
    let mut nested = json!("in the middle");
    for _ in 0..70 {
        nested = json!([nested]);
    }
    let mut deep = declaration("deep");
    deep["parameters"]["nested"] = nested;
    let command = Command::DeclareRun(DeclareRun { declaration: deep, request: None });
    adversary.denied("B13 deep declaration", &operator, command, &[Code::Malformed, Code::LimitExceeded]).await;
    let mut large = declaration("large");
    large["prompt"]["messages"][0]["parts"][0]["content"]["inline"] = json!("x".repeat(5 << 20));
    let command = Command::DeclareRun(DeclareRun { declaration: large, request: None });
    adversary.denied("B13 large submission", &operator, command, &[Code::LimitExceeded]).await;
    let request = Some("a name with spaces".to_owned());
    let command = Command::DeclareRun(DeclareRun { declaration: declaration("name"), request });
    adversary.denied("B13 name", &operator, command, &[Code::Malformed]).await;
}

/// Bytes that are not even the protocol below; afterwards the node must still answer.
async fn garbage(adversary: &mut Adversary, address: &str) {
    for preface in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"] {
        let Ok(mut stream) = SimNet::default().connect(address).await else { continue };
        let mut noise = vec![0; adversary.random.gen_range(1..2_000)];
        adversary.random.fill_bytes(&mut noise);
        let sent = stream.write_all(&[preface, &noise].concat()).await;
        let mut answer = [0; 64];
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer)).await;
        let call = adversary.oracle.invoked(&adversary.name, "B13 garbage", Digest::of(&noise));
        // A connection that is closed or left without answer is the refusal of bytes without a protocol.
        let told = format!("sent {}, read {}", sent.is_ok(), matches!(read, Ok(Ok(_))));
        adversary.oracle.answered(call, Answer::Unknown(told));
    }
}

async fn overflow(mut adversary: Adversary) {
    let adversary = &mut adversary;
    commands(adversary).await;
    reads(adversary).await;
    peers(adversary).await;
}

async fn commands(adversary: &mut Adversary) {
    let Some(own) = Own::born(adversary).await else { return };
    let Some(state) = own.session(adversary, 0).await else { return };
    let chip = own.chips[0].clone();
    let (max, right) = (U64(u64::MAX), Own::fence(&state));
    for (what, fence, code) in [
        ("B14 epoch", FencingToken { epoch: Epoch(u64::MAX), ..right }, Code::StaleEpoch),
        ("B14 sequence", FencingToken { seq: max, ..right }, Code::StaleSequence),
        ("B14 sequence 0", FencingToken { seq: U64(0), ..right }, Code::StaleSequence),
        ("B14 epoch 0", FencingToken { epoch: Epoch(0), ..right }, Code::StaleEpoch),
        ("B14 epoch and sequence", FencingToken { epoch: Epoch(u64::MAX), seq: max }, Code::StaleEpoch),
    ] {
        let command = own.append(fence, what);
        adversary.denied(what, &chip, command, &[code]).await;
    }
    let seal = |evidence, reasoning| {
        Command::Seal(Seal {
            substrate_id: own.id.clone(),
            fence: Own::fence(&state),
            migration_id: "far".into(),
            destination: own.chips[1].id(),
            head: state.head,
            continuity_hash: state
                .last_close
                .as_ref()
                .map_or(state.head, |close| close.cross_session_identity_continuity_hash),
            evidence_ledger_depth: evidence,
            reasoning_ledger_depth: reasoning,
        })
    };
    adversary.denied("B14 depth", &chip, seal(max, max), &[Code::StateMismatch]).await;
    let root = adversary.root(0);
    let retire = |node| Command::RetireNode(RetireNode { node: NodeId(node) });
    adversary.denied("B14 retire", &root, retire(u64::MAX), &[Code::UnknownNode]).await;
    adversary.denied("B14 retire 0", &root, retire(0), &[Code::UnknownNode]).await;
    let fresh = adversary.fresh_key("node");
    let enrol =
        Command::EnrolNode(EnrolNode { node: NodeId(0), key: fresh.public(), cosigner: fresh.cosigner().public() });
    adversary.denied("B14 enrol 0", &root, enrol, &[Code::Malformed]).await;
    let (_, mut born) = super::byzantine_own::birth(adversary, &own.chips[1]);
    if let Command::InitSubstrate(InitSubstrate { thresholds, .. }) = &mut born {
        *thresholds = Thresholds { drift_tolerance: u32::MAX, ..Thresholds::default() };
    }
    adversary.denied("B14 tolerance", &own.chips[1].clone(), born, &[Code::LimitExceeded]).await;
}

async fn reads(adversary: &mut Adversary) {
    let node = adversary.somewhere();
    let channel = channel(&format!("{}:7001", host(node)));
    let mut ledger = LedgerServiceClient::new(channel.clone());
    let max = u64::MAX;
    for number in [1, 2] {
        let selector = Some(v1::get_entry_request::Selector::Index(max));
        let answer = ledger.get_entry(v1::GetEntryRequest { ledger: number, selector, stale_ok: true }).await;
        adversary.expect("B14 entry", answer, &[Code::NotFound]);
        for (index, size) in [(max, 0), (max, max), (0, max), (max - 1, 1)] {
            let request = v1::GetInclusionProofRequest { ledger: number, index, size, stale_ok: true };
            let answer = ledger.get_inclusion_proof(request).await;
            adversary.expect("B14 inclusion", answer, &[Code::NotFound]);
        }
        for (old_size, new_size) in [(max, 0), (max, max), (0, max), (max, 1)] {
            let request = v1::GetConsistencyProofRequest { ledger: number, old_size, new_size, stale_ok: true };
            let answer = ledger.get_consistency_proof(request).await;
            adversary.expect("B14 consistency", answer, &[Code::NotFound]);
        }
        let tail = v1::TailRequest { ledger: number, from_index: max, follow: false, stale_ok: true };
        if let Ok(stream) = ledger.tail(tail).await
            && let Ok(Some(entry)) = stream.into_inner().message().await
        {
            adversary.succeeded(format!("an entry after the last possible one: {entry:?}"));
        }
    }
    let mut substrates = SubstrateServiceClient::new(channel.clone());
    let id = "00000000-0000-4000-8000-000000000000".to_owned();
    let read = v1::ReadEvidenceRequest { substrate_id: id, from_depth: max, limit: u32::MAX };
    let answer = substrates.read_evidence(read).await;
    adversary.expect("B14 evidence", answer, &[Code::UnknownSubstrate]);
    let mut runs = RunServiceClient::new(channel.clone());
    let outcomes = v1::ListOutcomesRequest { run_id: vec![7; 32].into(), stale_ok: true, from_depth: max };
    let answer = runs.list_outcomes(outcomes).await;
    adversary.expect("B14 outcomes", answer, &[Code::NotFound]);
    let mut cluster = ClusterServiceClient::new(channel);
    let learner =
        v1::AddLearnerRequest { node_id: max, peer_address: "n1:7000".into(), client_address: "n1:7001".into() };
    let answer = cluster.add_learner(learner).await;
    adversary.expect("B14 learner", answer, &[Code::UnknownNode]);
    let answer = cluster.promote_node(v1::PromoteNodeRequest { node_id: max }).await;
    adversary.expect("B14 promote", answer, &[Code::UnknownNode]);
    let answer = cluster.remove_node(v1::RemoveNodeRequest { node_id: max }).await;
    adversary.expect("B14 remove", answer, &[Code::UnknownNode]);
    let answer = cluster.transfer_leader(v1::TransferLeaderRequest { node_id: max }).await;
    adversary.expect("B14 transfer", answer, &[Code::UnknownNode, Code::NoLeader]);
}

/// Numbers at the end of their range from a member that lies, under its own key.
async fn peers(adversary: &mut Adversary) {
    let nodes = adversary.genesis.nodes.len() as u64;
    let max = u64::MAX;
    for status in adversary.client.statuses().await.into_iter().flatten() {
        let target = status.node_id;
        let own = target % nodes + 1;
        let key = adversary.node_key(own);
        let mut peer = dial(&peer_address(target));
        let position = |term, index| Some(pb::LogPosition { term, node: own, index });
        for (vote_term, last) in [(max, None), (1 << 61, None), (status.term, position(max, 1)), (1, position(1, max))]
        {
            let vote = Some(pb::Ballot { term: vote_term, node: own, committed: false });
            let request = pb::VoteRequest { vote, last_log: last };
            let sealed = adversary.forge("vote", own, target, &key, &request);
            let answer = peer.vote(sealed).await;
            adversary.told("B14 vote", answer);
        }
        let blank = |position| pb::LogEntry { position, payload: Some(pb::log_entry::Payload::Blank(pb::Blank {})) };
        let term = status.term;
        for (vote_term, previous, commit, entries) in [
            (max, None, None, vec![]),
            (term, position(max, max), None, vec![]),
            (term, position(1, max), None, vec![]),
            (term, None, position(max, max), vec![]),
            (term, None, None, vec![blank(position(max, max))]),
            (term, None, None, vec![blank(position(1, 7))]),
            (term, position(1, 3), None, vec![blank(position(1, 4)), blank(position(1, 6))]),
            (term, position(1, 3), None, vec![blank(position(1, 4)), blank(None)]),
            (term, position(1, 3), None, vec![pb::LogEntry { position: position(1, 4), payload: None }]),
        ] {
            let vote = Some(pb::Ballot { term: vote_term, node: own, committed: true });
            let request = pb::AppendRequest { vote, previous, commit, entries };
            let sealed = adversary.forge("append", own, target, &key, &request);
            let answer = append_to(&mut peer, sealed).await;
            adversary.told("B14 append", answer);
        }
        // A size that no file has: refused when the parts end, before anything is installed.
        for bytes in [max, 1 << 40] {
            let vote = Some(pb::Ballot { term, node: own, committed: true });
            let start = pb::SnapshotRequest {
                part: Some(pb::snapshot_request::Part::Start(pb::SnapshotStart { vote, bytes })),
            };
            let sealed = adversary.forge("snapshot", own, target, &key, &start);
            let answer = peer.snapshot(tokio_stream::iter([sealed])).await;
            adversary.told("B14 snapshot", answer);
        }
    }
}
