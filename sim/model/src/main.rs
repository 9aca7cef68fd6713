//! The command `selfsame-model`: checks the model and tells what it found.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
