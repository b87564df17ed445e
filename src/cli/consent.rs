//! Asking before something is done that was only shown so far.

use std::io::{BufRead, IsTerminal, Read};

use super::outcome::Failure;
use super::output::complain;

/// Longest answer read, in bytes.
const ANSWER_MAX_BYTES: u64 = 64;

/// Asks a person; whoever does not say yes has refused. Where nobody sits at a terminal, nobody agrees.
pub fn confirm(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("{question}\nNobody can be asked here: add --yes")));
    }
    complain(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let mut input = std::io::stdin().lock().take(ANSWER_MAX_BYTES);
    input.read_line(&mut answer).map_err(Failure::local("standard input"))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Refused("nothing was changed".into())),
    }
}
