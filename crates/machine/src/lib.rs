//! What the cluster decides.
