//! Support for a person who types requests at a terminal: a greeting on standard error,
//! which programs do not read, and the answer to `help`.

use std::io::IsTerminal as _;

use lithify_sim::cli::exit::Outcome;
use lithify_sim::cli::output::Output;
use lithify_sim::cli::terminal::tell;

/// Whether a line asks for help. No request consists of this word alone.
pub(crate) fn asks_for_help(line: &[u8]) -> bool {
    line.trim_ascii() == b"help"
}

/// Greets a person who types the requests.
pub(crate) fn greet(what: &str, example: &str) {
    if std::io::stdin().is_terminal() {
        tell(&format!("{what}. Type one request a line; Ctrl-D ends."));
        tell(&format!("For example: {example}"));
        tell("help lists the requests.");
    }
}

/// Answers `help`, with several lines.
pub(crate) fn help(output: &mut Output, text: &str) -> Outcome {
    text.lines()
        .try_for_each(|line| output.line(line.as_bytes()))
}
