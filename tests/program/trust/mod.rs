//! What parties outside the cluster can find out about it: over HTTP, against real nodes.

mod audit;
mod harness;
mod witness;
