//! Texts that came from outside: every stored text has a bound, and these functions keep it.

use super::{Code, Refusal};

/// Refuses a text that is longer than it may be.
pub fn fits(what: &str, text: &str, max_bytes: usize) -> Result<(), Refusal> {
    if text.len() <= max_bytes {
        return Ok(());
    }
    let detail = format!("{what} has {} bytes; at most {max_bytes} are allowed.", text.len());
    Err(Refusal::new(Code::TooLong, detail))
}

/// Refuses a text that is longer than it may be or does not stay on one line.
pub fn one_line(what: &str, text: &str, max_bytes: usize) -> Result<(), Refusal> {
    fits(what, text, max_bytes)?;
    if text.chars().any(char::is_control) {
        let detail = format!("{what} must not hold control characters.");
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    Ok(())
}

/// Cuts a text at so many bytes, on a character. For what the Managers tell of their own work, where a
/// long sentence is no reason to stop.
pub fn cut(text: &str, max_bytes: usize) -> String {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_on_a_character() {
        assert_eq!(cut("größe", 3), "gr");
        assert_eq!(cut("größe", 4), "grö");
        assert_eq!(cut("größe", 99), "größe");
    }

    #[test]
    fn a_text_beyond_its_bound_or_with_control_characters_is_refused() {
        assert_eq!(one_line("A host", "km1", 3), Ok(()));
        assert_eq!(one_line("A host", "km10", 3).unwrap_err().code, Code::TooLong);
        assert_eq!(one_line("A host", "k\n1", 3).unwrap_err().code, Code::InvalidValue);
        assert_eq!(fits("A reason", "a\nb", 3), Ok(()));
    }
}
