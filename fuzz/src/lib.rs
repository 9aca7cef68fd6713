//! Every decoder that a stranger's bytes reach: none of them may panic, and what one accepts it writes back to the same
//! bytes.

include!("decoders.rs");
