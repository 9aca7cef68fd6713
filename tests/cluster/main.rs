//! Clusters of real processes.

mod bulk;
mod crash;
mod harness;
mod membership;
mod publish;
mod start;
