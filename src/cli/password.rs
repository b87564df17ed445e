//! Where passwords come from: a variable, a prompt that does not show them, or standard input. Never the
//! command line, which every process on the host may read.

use std::io::{BufRead, IsTerminal};

use super::outcome::Failure;
use crate::base::Secret;

/// Longest password taken in, in bytes.
const PASSWORD_MAX_BYTES: u64 = 1024;

/// The password in `variable`, or one asked for, or the first line of standard input.
pub fn ask(variable: &str, prompt: &str) -> Result<Secret, Failure> {
    if let Ok(password) = std::env::var(variable) {
        return Ok(Secret::new(password));
    }
    let password = match std::io::stdin().is_terminal() {
        true => {
            rpassword::prompt_password(format!("{prompt}: ")).map_err(Failure::local(prompt))?
        }
        false => first_line(std::io::stdin().lock()).map_err(Failure::local(prompt))?,
    };
    if password.is_empty() {
        let remedy = format!("type it at the prompt, pipe it in, or set {variable}");
        return Err(Failure::Usage(format!("no password was given: {remedy}")));
    }
    Ok(Secret::new(password))
}

/// A new password, typed twice where it is typed.
pub fn ask_new(variable: &str, prompt: &str) -> Result<Secret, Failure> {
    let first = ask(variable, prompt)?;
    let typed = std::env::var_os(variable).is_none() && std::io::stdin().is_terminal();
    if typed && ask(variable, "Once more")?.reveal() != first.reveal() {
        return Err(Failure::Usage("the two passwords differ".into()));
    }
    Ok(first)
}

fn first_line(input: impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    input.take(PASSWORD_MAX_BYTES).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_is_the_password_and_its_spaces_count() {
        assert_eq!(first_line(&b" two words \r\nmore"[..]).unwrap(), " two words ");
        assert_eq!(first_line(&b""[..]).unwrap(), "");
    }
}
