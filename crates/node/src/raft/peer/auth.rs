//! Peer messages under the key of the two nodes that they pass between.
//!
//! ```text
//! tag  = BLAKE3-keyed( pair key, "selfsame/peer/v2\n" ‖ F(what, cluster, genesis, sender, target, nonce, part, body) )
//! what = the method, and "<method>/answer" for its answer
//! ```
//! The pair key and F are those of [`super::keys`]. An answer repeats the nonce of its request, so that neither a host
//! at a peer's address nor an answer of an earlier time can stand for what a node says now. A request that is sent again
//! does nothing new: the consensus takes a message any number of times.

use super::keys::PairKey;
use bytes::Bytes;
use selfsame_wire::raft::v1 as pb;

const DOMAIN: &[u8] = b"selfsame/peer/v2\n";

fn tag(what: &str, sealed: &pb::Sealed, pair: &PairKey) -> blake3::Hash {
    let nobody = pb::Sender::default();
    let sender = sealed.sender.as_ref().unwrap_or(&nobody);
    let parts: [&[u8]; 8] = [
        what.as_bytes(),
        sender.cluster.as_bytes(),
        &sender.genesis,
        &sender.node.to_be_bytes(),
        &sender.target.to_be_bytes(),
        &sealed.nonce,
        &sealed.part.to_be_bytes(),
        &sealed.body,
    ];
    pair.tag(DOMAIN, &parts)
}

/// A message under the key of its sender and its target.
pub fn authenticate(
    what: &str,
    sender: pb::Sender,
    nonce: Bytes,
    part: u64,
    body: Vec<u8>,
    pair: &PairKey,
) -> pb::Sealed {
    let body = Bytes::from(body);
    let mut sealed = pb::Sealed { sender: Some(sender), nonce, part, body, tag: Bytes::new() };
    sealed.tag = Bytes::copy_from_slice(tag(what, &sealed, pair).as_bytes());
    sealed
}

/// Whether a message was authenticated under this key for this use.
pub(super) fn verifies(what: &str, sealed: &pb::Sealed, pair: &PairKey) -> bool {
    // Comparing a blake3::Hash takes the same time wherever the difference is.
    <[u8; 32]>::try_from(&sealed.tag[..]).is_ok_and(|found| tag(what, sealed, pair) == found)
        || selfsame_protocol::planted!("peer_tag_not_verified")
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::keys::SecretKey;

    fn pair(own: u8, other: u8) -> PairKey {
        let [own, other] = [own, other].map(|n| SecretKey::from_seed(&[n; 32]));
        PairKey::new("c", &[0; 32], &own, &other.public()).unwrap()
    }

    fn sealed(pair: &PairKey) -> pb::Sealed {
        let sender = pb::Sender { cluster: "c".into(), genesis: vec![0; 32].into(), node: 1, target: 2 };
        authenticate("append", sender, Bytes::from_static(b"n"), 3, b"body".to_vec(), pair)
    }

    #[test]
    fn a_tag_holds_for_one_use_between_two_nodes() {
        let sealed = sealed(&pair(1, 2));
        assert!(verifies("append", &sealed, &pair(2, 1)), "the target computes the same key");
        assert!(!verifies("vote", &sealed, &pair(2, 1)), "another use");
        assert!(!verifies("append/answer", &sealed, &pair(2, 1)), "an answer");
        assert!(!verifies("append", &sealed, &pair(2, 3)), "a third node as sender");
        assert!(!verifies("append", &sealed, &pair(3, 1)), "a third node as target");
        assert!(!verifies("append", &sealed, &pair(3, 4)), "two other nodes");
    }

    /// Both nodes hold the key: what one of them said is not to be taken for what the other says.
    #[test]
    fn every_field_is_bound() {
        let pair = pair(1, 2);
        let sealed = sealed(&pair);
        let bends: [(&str, Bend); 14] = [
            ("another cluster", |sealed| sender(sealed).cluster = "d".into()),
            ("another genesis", |sealed| sender(sealed).genesis = vec![1; 32].into()),
            ("another sender", |sealed| sender(sealed).node = 3),
            ("another target", |sealed| sender(sealed).target = 3),
            ("the other way", |sealed| *sender(sealed) = pb::Sender { node: 2, target: 1, ..sender(sealed).clone() }),
            ("no sender", |sealed| sealed.sender = None),
            ("no nonce", |sealed| sealed.nonce = Bytes::new()),
            ("another nonce", |sealed| sealed.nonce = Bytes::from_static(b"m")),
            ("another part", |sealed| sealed.part = 4),
            ("another body", |sealed| sealed.body = Bytes::from_static(b"bodz")),
            ("a longer body", |sealed| sealed.body = Bytes::from_static(b"body\0")),
            ("no tag", |sealed| sealed.tag = Bytes::new()),
            ("a part of the tag", |sealed| sealed.tag.truncate(31)),
            ("a longer tag", |sealed| sealed.tag = [&sealed.tag[..], &[0]].concat().into()),
        ];
        for (what, bend) in bends {
            let mut bent = sealed.clone();
            bend(&mut bent);
            assert!(!verifies("append", &bent, &pair), "{what}");
        }
        for at in 0..32 {
            let mut tag = sealed.tag.to_vec();
            tag[at] ^= 1;
            assert!(!verifies("append", &pb::Sealed { tag: tag.into(), ..sealed.clone() }, &pair), "byte {at}");
        }
    }

    type Bend = fn(&mut pb::Sealed);

    fn sender(sealed: &mut pb::Sealed) -> &mut pb::Sender {
        sealed.sender.as_mut().unwrap()
    }
}
