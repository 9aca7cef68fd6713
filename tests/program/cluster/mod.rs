//! Clusters of real processes.

mod agreement;
mod arrive;
mod backup;
mod bench;
mod bulk;
mod crash;
mod damage;
mod differ;
mod governance;
mod harness;
mod membership;
mod offline;
mod publish;
mod reading;
mod repeat;
mod runs;
mod start;
