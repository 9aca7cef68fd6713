//! Peer messages under the signature of the node that sends them.
//!
//! ```text
//! signature = Ed25519( "selfsame/peer/v1\n" ‖ H(what, cluster, genesis, sender, target, nonce, part, BLAKE3(body)) )
//! what      = the method, and "<method>/answer" for its answer
//! ```
//! An answer repeats the nonce of its request, so that neither a host at a peer's address nor an answer of an earlier
//! time can stand for what a node says now. A request that is sent again does nothing new: the consensus takes a
//! message any number of times.

use crate::wire::raft::v1 as pb;
use bytes::Bytes;
use selfsame_protocol::digest::framed;
use selfsame_protocol::keys::{PublicKey, SecretKey};

const PREFIX: &[u8] = b"selfsame/peer/v1\n";

fn signed(what: &str, sealed: &pb::Sealed) -> Vec<u8> {
    let sender = sealed.sender.clone().unwrap_or_default();
    let digest = framed(&[
        what.as_bytes(),
        sender.cluster.as_bytes(),
        &sender.genesis,
        &sender.node.to_be_bytes(),
        &sender.target.to_be_bytes(),
        &sealed.nonce,
        &sealed.part.to_be_bytes(),
        blake3::hash(&sealed.body).as_bytes(),
    ]);
    [PREFIX, digest.as_bytes()].concat()
}

/// A message under a signature.
pub fn seal(what: &str, sender: pb::Sender, nonce: Bytes, part: u64, body: Vec<u8>, key: &SecretKey) -> pb::Sealed {
    let body = Bytes::from(body);
    let mut sealed = pb::Sealed { sender: Some(sender), nonce, part, body, signature: Bytes::new() };
    sealed.signature = key.sign(&signed(what, &sealed)).to_vec().into();
    sealed
}

/// Whether a message was sealed by this key for this use.
pub fn verifies(what: &str, sealed: &pb::Sealed, key: &PublicKey) -> bool {
    <[u8; 64]>::try_from(&sealed.signature[..]).is_ok_and(|signature| key.verify(&signed(what, sealed), &signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_one_use_between_two_nodes() {
        let key = SecretKey::from_seed(&[1; 32]);
        let sender = pb::Sender { cluster: "c".into(), genesis: vec![0; 32].into(), node: 1, target: 2 };
        let sealed = seal("append", sender, Bytes::from_static(b"n"), 0, b"body".to_vec(), &key);
        assert!(verifies("append", &sealed, &key.public()));
        assert!(!verifies("vote", &sealed, &key.public()), "another use");
        assert!(!verifies("append", &sealed, &SecretKey::from_seed(&[2; 32]).public()), "another key");
        let bent = |bend: fn(&mut pb::Sealed)| {
            let mut bent = sealed.clone();
            bend(&mut bent);
            verifies("append", &bent, &key.public())
        };
        assert!(!bent(|sealed| sealed.body = Bytes::from_static(b"bodz")));
        assert!(!bent(|sealed| sealed.part = 1));
        assert!(!bent(|sealed| sealed.nonce = Bytes::new()));
        assert!(!bent(|sealed| sealed.signature = Bytes::new()));
        assert!(!bent(|sealed| sealed.sender = None));
    }
}
