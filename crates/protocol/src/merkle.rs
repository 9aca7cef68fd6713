pub fn leaf_hash(e:&[u8])->crate::digest::Digest{crate::digest::Digest::of(&[&[0u8][..],e].concat())}
