//! Clusters of real processes.

mod crash;
mod harness;
mod membership;
mod start;
