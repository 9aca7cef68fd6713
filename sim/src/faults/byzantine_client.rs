//! Clients that forge, replay and use keys that are not theirs to use.

use super::byzantine::{Adversary, attack};
use super::kind::Kind;
use crate::cluster::CLUSTER;
use rand::Rng;
use selfsame_client::Signer;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, DeclareRun, EnrolChip, OrganisationKey, RetireChip, Role, RotateKey};
use selfsame_protocol::envelope::{Envelope, pae};
use selfsame_protocol::p104::Technology;
use selfsame_protocol::response::{RunDeclared, SubmitResponse};
use serde_json::{Value, json};

/// B1: signatures that are forged, or bits that were flipped under way.
pub const FORGED: Kind = Kind {
    name: "B1_forged_signature",
    most: 2,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(FORGED.name, |adversary| Box::pin(forged(adversary)), random),
};

/// B2: valid signatures by keys that were revoked, or that belong to another role.
pub const WRONG_KEY: Kind = Kind {
    name: "B2_wrong_key",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(WRONG_KEY.name, |adversary| Box::pin(wrong_key(adversary)), random),
};

/// B3: requests that were signed before, or for another cluster.
pub const REPLAYED: Kind = Kind {
    name: "B3_replayed_request",
    most: 2,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(REPLAYED.name, |adversary| Box::pin(replayed(adversary)), random),
};

/// A run's declaration.
pub fn declaration(text: &str) -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": text}}]}]},
        "parameters": {"temperature": 0.2, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}

fn declare(text: impl AsRef<str>) -> Command {
    Command::DeclareRun(DeclareRun { declaration: declaration(text.as_ref()), request: None })
}

/// The identity that a declaration was answered with.
fn declared(answer: &SubmitResponse) -> Option<selfsame_protocol::digest::Digest> {
    RunDeclared::try_from(answer.result.clone()).ok().map(|declared| declared.run_id)
}

/// The order of the curve's group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The second signature of the same message that a lax verifier accepts: `s` plus the order of the group.
fn malleated(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    signature
}

async fn forged(mut adversary: Adversary) {
    // The last organisation's operator may lose its key.
    let organisation = adversary.random.gen_range(0..adversary.organisations() - 1);
    let operator = adversary.operator(organisation);
    let text = format!("forged by {}", adversary.name);
    let honest = adversary.sign(&operator, declare(text));
    let forger = adversary.fresh_key("forger");
    let signed = |signature: [u8; 64]| Envelope { payload: honest.payload.clone(), signature };
    let mut flipped = honest.signature;
    flipped[adversary.random.gen_range(0..64_usize)] ^= 1 << adversary.random.gen_range(0..8);
    let forgeries = [
        ("B1 flipped signature", signed(flipped)),
        ("B1 other signer", signed(forger.sign(&pae(&honest.payload)))),
        ("B1 zero signature", signed([0; 64])),
        ("B1 malleated signature", signed(malleated(honest.signature))),
        // Without the encoding that binds the type, the same key's signature must not count.
        ("B1 undomained signature", signed(operator.key.sign(&honest.payload))),
    ];
    for (what, envelope) in &forgeries {
        adversary.refused(what, envelope, &[Code::BadSignature]).await;
    }
    // The identity point "signs" everything under the lax rule.
    let mut weak: [u8; 32] = [0; 32];
    weak[0] = 1;
    let text = String::from_utf8_lossy(&honest.payload)
        .replace(&operator.key.public().to_string(), &format!("ed25519:{}", selfsame_protocol::digest::hex(&weak)));
    let mut signature = [0; 64];
    signature[0] = 1;
    let weak = Envelope { payload: text.into_bytes(), signature };
    adversary.refused("B1 small-order key", &weak, &[Code::BadSignature]).await;
    for _ in 0..4 {
        let mut bent = honest.clone();
        let at = adversary.random.gen_range(0..bent.payload.len());
        bent.payload[at] ^= 1 << adversary.random.gen_range(0..8);
        // Most flips break the form before anybody looks at the signature.
        let codes = [Code::BadSignature, Code::Malformed, Code::RoleDenied, Code::LimitExceeded];
        adversary.refused("B1 flipped payload", &bent, &codes).await;
    }
    // The payload was accepted once. Another signature makes it no more credible.
    if adversary.accepted("B1 honest", &honest).await.is_some() {
        adversary.refused("B1 forged after acceptance", &forgeries[1].1, &[Code::BadSignature]).await;
        adversary.refused("B1 malleated after acceptance", &forgeries[3].1, &[Code::BadSignature]).await;
    }
}

async fn wrong_key(mut adversary: Adversary) {
    // Nobody else uses the operator key of the last organisation, so it may be replaced.
    let last = adversary.organisations() - 1;
    let (root, operator) = (adversary.root(last), adversary.operator(last));
    let text = |what: &str, adversary: &Adversary| format!("{what} by {}", adversary.name);
    let stranger = adversary.fresh_key("stranger");
    let stranger = adversary.actor(Role::Operator, stranger);
    let said = declare(text("stranger", &adversary));
    adversary.denied("B2 unregistered key", &stranger, said, &[Code::UnknownKey]).await;
    for (what, role, key) in [
        ("B2 root as operator", Role::Operator, root.key.clone()),
        ("B2 node as operator", Role::Operator, adversary.node_key(1)),
    ] {
        let actor = adversary.actor(role, key);
        let said = declare(text(what, &adversary));
        adversary.denied(what, &actor, said, &[Code::RoleDenied]).await;
    }
    let chip = adversary.fresh_key("chip");
    let enrol =
        |chip: &Signer| Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
    let chip = adversary.actor(Role::Chip, chip);
    let as_root = adversary.actor(Role::Root, operator.key.clone());
    adversary.denied("B2 operator as root", &as_root, enrol(&chip), &[Code::RoleDenied, Code::UnknownKey]).await;
    // A wrong role is refused before anything else, even when the key states its own role.
    adversary.denied("B2 role of another command", &operator, enrol(&chip), &[Code::RoleDenied]).await;
    if adversary.honest("B2 enrol", &root, enrol(&chip)).await.is_some() {
        let retire = Command::RetireChip(RetireChip { chip: chip.id() });
        if adversary.honest("B2 retire", &root, retire).await.is_some() {
            let born = super::byzantine_own::birth(&mut adversary, &chip);
            adversary.denied("B2 retired chip", &chip, born.1, &[Code::KeyEnded, Code::ChipRetired]).await;
            adversary.denied("B2 enrol again", &root, enrol(&chip), &[Code::KeyExists]).await;
        }
    }
    let new = adversary.fresh_key("successor");
    let rotate = Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: new.public() });
    if adversary.honest("B2 rotate", &root, rotate).await.is_some() {
        let said = declare(text("revoked", &adversary));
        adversary.denied("B2 revoked key", &operator, said, &[Code::KeyEnded]).await;
        let back = Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: operator.key.public() });
        adversary.denied("B2 back to a revoked key", &root, back, &[Code::KeyExists]).await;
        let new = adversary.actor(Role::Operator, new);
        let said = declare(text("successor", &adversary));
        adversary.honest("B2 successor", &new, said).await;
    }
}

async fn replayed(mut adversary: Adversary) {
    let operator = adversary.operator(0);
    let text = format!("replayed by {}", adversary.name);
    let honest = adversary.sign(&operator, declare(&text));
    // Signed for another cluster by a key that is registered here.
    let abroad = Signer { cluster: "elsewhere".into(), ..operator.clone() };
    let abroad = abroad.sign(&format!("{}/abroad", adversary.name), declare(&text));
    adversary.refused("B3 other cluster", &abroad, &[Code::WrongCluster]).await;
    let Some(first) = adversary.accepted("B3 honest", &honest).await else { return };
    // The oracle compares every further answer with the first.
    for _ in 0..3 {
        adversary.accepted("B3 replayed", &honest).await;
    }
    let id = format!("{}/1", adversary.name);
    let other = Signer { cluster: CLUSTER.into(), ..operator.clone() };
    let other = other.sign(&id, declare(format!("{text} with other content")));
    adversary.refused("B3 request id reused", &other, &[Code::RequestIdReused]).await;
    // Anybody can fetch what somebody else signed, and send it again.
    match adversary.client.submission(&first.submission).await {
        Ok(stolen) if stolen == honest => {
            adversary.accepted("B3 stolen", &stolen).await;
        }
        Ok(stolen) => adversary.succeeded(format!("the stored submission {stolen:?} is not the one that was signed")),
        Err(_) => {}
    }
    // The same content under a new request id is a request of its own, and changes nothing that stood.
    let again = adversary.sign(&operator, declare(&text));
    if let Some(second) = adversary.accepted("B3 same content", &again).await
        && declared(&second) != declared(&first)
    {
        adversary.succeeded(format!("one declaration has two identities: {first:?} and {second:?}"));
    }
}
