//! The program as its users meet it: real processes, and real nodes in this process. One test program, because each more
//! would link the whole node again.

mod cli;
mod cluster;
mod door;
mod trust;
