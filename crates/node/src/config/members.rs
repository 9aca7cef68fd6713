//! The members of both files and what stands in each: what a reader of a file goes by. A test holds the tables equal to the
//! types.

use super::read::{Field, Shape, may, needs};

/// Members of `cluster.toml`.
pub(super) const CLUSTER_FILE: &[Field] = &[
    needs("cluster", Shape::Text),
    needs("origin", Shape::Text),
    may(
        "limits",
        Shape::One(&[
            needs("max_submission_bytes", Shape::Number),
            needs("max_items", Shape::Number),
            needs("max_item_bytes", Shape::Number),
        ]),
    ),
    needs(
        "organisations",
        Shape::Many(&[needs("name", Shape::Text), needs("root_key", Shape::Key), needs("operator_key", Shape::Key)]),
    ),
    needs(
        "nodes",
        Shape::Many(&[
            needs("id", Shape::Number),
            needs("organisation", Shape::Text),
            needs("key", Shape::Key),
            needs("cosigner", Shape::Key),
        ]),
    ),
    may(
        "publication",
        Shape::One(&[
            may("threshold", Shape::Number),
            may("publisher", Shape::One(&[needs("organisation", Shape::Text), needs("log_key", Shape::Key)])),
        ]),
    ),
];

/// Members of a node file.
pub(super) const NODE_FILE: &[Field] = &[
    needs(
        "node",
        Shape::One(&[
            needs("id", Shape::Number),
            needs("data_dir", Shape::Text),
            needs("key_file", Shape::Text),
            needs("cluster_file", Shape::Text),
        ]),
    ),
    needs("listen", Shape::One(&[needs("peer", Shape::Text), needs("client", Shape::Text), may("http", Shape::Text)])),
    needs("members", Shape::Named(&[needs("peer", Shape::Text), needs("client", Shape::Text)])),
    may(
        "raft",
        Shape::One(&[
            may("heartbeat_ms", Shape::Number),
            may("election_min_ms", Shape::Number),
            may("election_max_ms", Shape::Number),
            may("snapshot_after_mib", Shape::Number),
            may("snapshot_every", Shape::Number),
            may("keep_logs", Shape::Number),
        ]),
    ),
    may("storage", Shape::One(&[may("scrub_every_s", Shape::Number), may("cache_mib", Shape::Number)])),
    may(
        "witness",
        Shape::One(&[
            may("name", Shape::Text),
            may("logs", Shape::Many(&[needs("origin", Shape::Text), needs("keys", Shape::Texts)])),
            may(
                "external",
                Shape::Many(&[
                    needs("key", Shape::Text),
                    needs("url", Shape::Text),
                    may("monitoring", Shape::Text),
                    may("required", Shape::Flag),
                ]),
            ),
        ]),
    ),
    may(
        "publish",
        Shape::One(&[
            may("every_ms", Shape::Number),
            may("refresh_s", Shape::Number),
            may("timeout_ms", Shape::Number),
            may("log_key_file", Shape::Text),
        ]),
    ),
];
