//! The one binary.

fn main() -> std::process::ExitCode {
    selfsame::cli::main()
}
