//! Streams of random numbers, each named: what one draws does not move what another draws.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::names::SubstrateId;

/// A stream of random numbers.
pub type Stream = ChaCha8Rng;

fn bytes(seed: u64, name: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("selfsame/sim/stream/v1");
    hasher.update(&seed.to_be_bytes());
    hasher.update(name.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The stream of a name under a seed.
pub fn stream(seed: u64, name: &str) -> Stream {
    ChaCha8Rng::from_seed(bytes(seed, name))
}

/// A key of a name under a seed.
pub fn key(seed: u64, name: &str) -> SecretKey {
    SecretKey::from_seed(&bytes(seed, &format!("key/{name}")))
}

/// A UUID (version 4) from a stream.
pub fn uuid(stream: &mut Stream) -> SubstrateId {
    let mut bytes: [u8; 16] = rand::Rng::r#gen(stream);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    SubstrateId::from_bytes(bytes)
}
