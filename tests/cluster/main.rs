//! Clusters of real processes.

mod bulk;
mod crash;
mod differ;
mod harness;
mod membership;
mod offline;
mod publish;
mod start;
