//! One run of the command line, from the arguments to the exit status.

use super::context::{CliError, Done, Global, Output};
use super::node::NodeCommand;
use super::{Cli, Command, dispatch};
use crate::console::{self, Log};
use clap::error::{Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches as _};
use selfsame_offline::files;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Time for a command to end after it was asked to, before it is ended.
const ENDS_WITHIN: Duration = Duration::from_secs(1);
/// The same for one that has nodes to stop.
const NODES_END_WITHIN: Duration = Duration::from_secs(15);
/// Stack of the thread of the command, as the system gives the first one.
const STACK: usize = 8 << 20;
/// Levels of a log.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Runs the command line and gives its exit status.
pub fn main() -> ExitCode {
    let parsed = super::command().try_get_matches().and_then(|matches| given(&matches));
    let verdict = match parsed {
        Ok(cli) => run(cli),
        Err(error) => unparsed(&error),
    };
    ExitCode::from(console::status(verdict))
}

/// The command line that was given. A variable of the environment stands for all commands: one that keeps no receipt passes it
/// over, and refuses the flag alone.
fn given(matches: &ArgMatches) -> Result<Cli, Error> {
    let mut cli = Cli::from_arg_matches(matches)?;
    if matches.value_source("receipt") == Some(ValueSource::EnvVariable) && !super::keeps_receipts(&cli.command) {
        cli.global.receipt = None;
    }
    Ok(cli)
}

/// Help and version are data; everything else that is no command is a usage error, for programs too.
fn unparsed(error: &Error) -> u8 {
    if !error.use_stderr() {
        let text = error.render();
        let styled = console::is_terminal() && std::env::var_os("NO_COLOR").is_none();
        console::layout(&if styled { text.ansi().to_string() } else { text.to_string() });
        return 0;
    }
    let text = error.render().to_string();
    let output = wanted(std::env::args().skip(1), std::env::var("SELFSAME_OUTPUT").ok());
    if output != Output::Table {
        let message = text.trim_end().trim_start_matches("error: ");
        let document = CliError::usage(message).document();
        console::layout(&format!("{}\n", console::json(&document, output == Output::Json)));
    }
    // Without any command the help is shown, and it is no success: nothing was done.
    if matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        console::say(text.trim_end());
    } else {
        console::complain(text.trim_start_matches("error: "));
    }
    2
}

/// The form of the output that arguments ask for which are not understood as a whole.
fn wanted(arguments: impl Iterator<Item = String>, variable: Option<String>) -> Output {
    let mut found = variable;
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "-o" || argument == "--output" {
            found = arguments.next();
        } else if let Some(value) = argument.strip_prefix("--output=") {
            found = Some(value.into());
        } else if let Some(value) = argument.strip_prefix("-o") {
            found = Some(value.trim_start_matches('=').into());
        }
    }
    match found.as_deref() {
        Some("json") => Output::Json,
        Some("jsonl") => Output::Jsonl,
        Some(_) | None => Output::Table,
    }
}

/// The filter of the log; a text that is none is an error and not another filter.
fn filter(text: Option<&str>, serves: bool) -> Result<EnvFilter, CliError> {
    let text = text.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(if serves { "warn,openraft=off" } else { "off" }.into());
    }
    let bad = |reason: String| {
        CliError::usage(format!(
            "SELFSAME_LOG is no log filter: {reason}. Write a level ({}), or TARGET=LEVEL, or several of them with commas \
             between, for example warn,selfsame=debug",
            LEVELS.join(", ")
        ))
    };
    for part in text.split(',').map(str::trim).filter(|part| !part.contains(['=', '[']) && !part.is_empty()) {
        if !LEVELS.contains(&part.to_ascii_lowercase().as_str()) {
            return Err(bad(format!("{part:?} is no level")));
        }
    }
    EnvFilter::builder().parse(text).map_err(|error| bad(error.to_string()))
}

fn run(cli: Cli) -> u8 {
    let global = cli.global.clone();
    let finish = |result: Done| match result {
        Ok(()) => 0,
        Err(error) => {
            global.refuse(&error);
            error.status
        }
    };
    let serves = matches!(cli.command, Command::Node(_) | Command::Dev { .. });
    let text = std::env::var_os("SELFSAME_LOG").map(|text| text.to_string_lossy().into_owned());
    let filter = match filter(text.as_deref(), serves) {
        Ok(filter) => filter,
        Err(error) => return finish(Err(error)),
    };
    let log = Log::start();
    let writer = log.clone();
    // There is none before: this is the first thing that the process does.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).try_init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return finish(Err(CliError::with(
                1,
                format!("no threads to work with ({error}): free some and try again"),
            )));
        }
    };
    let result = supervised(&runtime, cli);
    // What still runs is not waited for: it was given its time.
    runtime.shutdown_background();
    files::abandon();
    log.finish();
    finish(result)
}

/// Runs the command on a thread of its own, so that a signal is seen whatever it does.
fn supervised(runtime: &Runtime, cli: Cli) -> Done {
    let stop = CancellationToken::new();
    let within = if runs_nodes(&cli.command) { NODES_END_WITHIN } else { ENDS_WITHIN };
    // Before the command begins: from here on it cannot be ended without a word.
    let mut signals = {
        let _within = runtime.enter();
        selfsame_env::Signals::new()
    };
    let (handle, asked) = (runtime.handle().clone(), stop.clone());
    let (done, mut result) = tokio::sync::oneshot::channel();
    let work = move || {
        let Cli { global, command } = cli;
        let _ = done.send(handle.block_on(stopped(&global, command, asked)));
    };
    let thread = std::thread::Builder::new().name("command".into()).stack_size(STACK).spawn(work);
    if let Err(error) = thread {
        return Err(CliError::with(1, format!("no thread to work with ({error}): free some and try again")));
    }
    runtime.block_on(async {
        let status = tokio::select! {
            done = &mut result => return done.unwrap_or_else(|_| Err(broken())),
            status = signals.next() => status,
        };
        stop.cancel();
        // Asked twice, it does not wait.
        tokio::select! {
            done = &mut result => match done {
                // It ended as it ends when it is asked to: a node.
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(interrupted(status)),
            },
            _ = signals.next() => Err(interrupted(status)),
            () = tokio::time::sleep(within) => Err(interrupted(status)),
        }
    })
}

fn broken() -> CliError {
    CliError::with(1, "the command broke off by a fault of the program; please report what was printed above")
}

fn interrupted(status: u8) -> CliError {
    CliError::with(
        status,
        "interrupted before it was done: what is in the ledger stays there, and no file is half under its name but one that the same command continues; run it again",
    )
}

/// Whether a command runs nodes, which it stops itself when it is asked to.
fn runs_nodes(command: &Command) -> bool {
    match command {
        Command::Node(node) => matches!(node, NodeCommand::Run { .. } | NodeCommand::Join { .. }),
        command => matches!(command, Command::Dev { .. } | Command::Demo { .. } | Command::Bench(_)),
    }
}

/// Runs the command until it is done or asked to stop.
async fn stopped(global: &Global, command: Command, stop: CancellationToken) -> Done {
    let runs_nodes = runs_nodes(&command);
    let work = dispatch(global, command, &stop);
    if runs_nodes {
        return work.await;
    }
    tokio::select! {
        done = work => done,
        () = stop.cancelled() => Err(interrupted(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_output_is_found_in_arguments_that_are_not_understood() {
        let wanted = |line: &str, variable: Option<&str>| {
            wanted(line.split_whitespace().map(str::to_owned), variable.map(str::to_owned))
        };
        for json in ["-o json bogus", "bogus --output json", "bogus -ojson", "x -o=json", "--output=json"] {
            assert_eq!(wanted(json, None), Output::Json, "{json}");
        }
        assert_eq!(wanted("bogus", Some("jsonl")), Output::Jsonl);
        assert_eq!(wanted("-o table bogus", Some("jsonl")), Output::Table);
        assert_eq!(wanted("bogus -- -o json", None), Output::Table);
    }

    #[test]
    fn a_filter_that_is_none_is_refused_and_says_why() {
        for good in ["", "info", "WARN", "warn,openraft=off", "selfsame=debug, info", "selfsame[span]=trace"] {
            assert!(filter(Some(good), true).is_ok(), "{good}");
        }
        for bad in ["verbose", "selfsame=loud", "info,nonsense", "=", "a=b=c"] {
            let said = filter(Some(bad), true).unwrap_err();
            assert_eq!(said.status, 2);
            assert!(said.message.starts_with("SELFSAME_LOG is no log filter"), "{}", said.message);
        }
    }
}
