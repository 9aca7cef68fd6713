//! Generated gRPC code. Conversions to and from it live with their users, but for the
//! table of statuses, which server and client share; nothing beyond them sees these types.

pub mod code;
pub mod date;

/// Clients' contract, `selfsame.v1`.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("selfsame.v1");
}

/// Peers' contract and the log's entry format, `selfsame.raft.v1`.
pub mod raft {
    /// Version 1.
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("selfsame.raft.v1");
    }
}

/// Encoded `FileDescriptorSet` of every proto file, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
