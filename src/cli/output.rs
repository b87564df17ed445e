//! What a verb prints: tables for people, the API's own JSON for programs.
//!
//! The only place that writes to standard output and standard error.

use std::io::{self, ErrorKind, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value};

/// Longest cell of a list.
const CELL_MAX_CHARS: usize = 120;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's own JSON.
    Json,
}

/// A column of a table: its heading, and where its value stands in a row (a JSON pointer).
pub type Column = (&'static str, &'static str);

/// Prints answers in the chosen form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The form.
    pub format: Format,
}

impl Output {
    /// A list answer, one row for each of its items.
    pub fn list(&self, body: &Value, columns: &[Column]) {
        if self.format == Format::Json {
            return say(&pretty(body));
        }
        let items = body.get("items").and_then(Value::as_array);
        let rows = items.into_iter().flatten();
        let mut table = table();
        table.set_header(columns.iter().map(|(heading, _)| *heading));
        for row in rows {
            let cells = columns.iter().map(|(_, pointer)| shortened(cell(row.pointer(pointer))));
            table.add_row(cells);
        }
        say(&table.to_string());
        if let Some(beyond) = beyond(body) {
            say(&beyond);
        }
    }

    /// One object, a line for each of its fields, and for each field of the objects in it.
    pub fn object(&self, body: &Value) {
        match (self.format, body.as_object()) {
            (Format::Table, Some(fields)) => {
                let mut table = table();
                for (name, value) in lines(fields) {
                    table.add_row([name, value]);
                }
                say(&table.to_string());
            }
            _ => say(&pretty(body)),
        }
    }

    /// A sentence for people; the answer itself for programs.
    pub fn done(&self, sentence: &str, body: &Value) {
        match self.format {
            Format::Table => say(sentence),
            Format::Json => say(&pretty(body)),
        }
    }
}

/// JSON as people read it.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can always be written")
}

/// Prints a line to standard output. A reader that went away wants no more, and that is no failure; output that
/// cannot be kept, on a full disk say, is one.
pub fn say(line: &str) {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("km: standard output: {error}"));
            std::process::exit(1);
        }
        Ok(()) | Err(_) => {}
    }
}

/// Prints a line to standard error.
pub fn complain(line: &str) {
    // Nobody is left to tell when standard error itself fails.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What a list does not hold: what comes after it, or what there was before a past began to be kept.
fn beyond(body: &Value) -> Option<String> {
    if let Some(next) = body.get("next").and_then(Value::as_str) {
        return Some(format!("There are more: --after {next}"));
    }
    let from = body.get("kept_from").and_then(Value::as_u64).filter(|from| *from > 0)?;
    Some(format!("Changes before revision {from} are not kept any more."))
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// `{"modified": {"by": "ada"}}` reads `modified by   ada`.
fn lines(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                let inner = inner
                    .iter()
                    .map(|(field, value)| (format!("{name} {field}"), cell(Some(value))));
                lines.extend(inner);
            }
            plain => lines.push((name.clone(), cell(Some(plain)))),
        }
    }
    lines
}

/// One long value must not push a table's other columns off the screen. `get` and JSON show it whole.
fn shortened(cell: String) -> String {
    match cell.char_indices().nth(CELL_MAX_CHARS) {
        None => cell,
        Some((end, _)) => format!("{}…", &cell[..end]),
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(", ")
        }
        Some(object @ Value::Object(_)) => printable(&object.to_string()),
    }
}

/// Texts come from other people: nothing in them may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_never_carries_a_terminal_command() {
        assert_eq!(cell(Some(&json!("a\u{1b}[31mb"))), "a\u{fffd}[31mb");
    }

    #[test]
    fn an_object_in_an_object_is_lines_of_its_own() {
        let body = json!({ "value": "hello", "modified": { "by": "ada", "revision": 7 } });
        let expected = [("modified by", "ada"), ("modified revision", "7"), ("value", "hello")];
        let lines = lines(body.as_object().expect("an object"));
        assert_eq!(lines, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_long_value_is_shortened_between_two_characters() {
        assert_eq!(shortened("ü".repeat(CELL_MAX_CHARS)), "ü".repeat(CELL_MAX_CHARS));
        assert_eq!(shortened("ü".repeat(4_096)), "ü".repeat(CELL_MAX_CHARS) + "…");
    }

    #[test]
    fn a_list_says_what_it_does_not_hold() {
        let more = json!({ "items": [], "next": "7", "kept_from": 40 });
        assert_eq!(beyond(&more).as_deref(), Some("There are more: --after 7"));
        let last = json!({ "items": [], "kept_from": 40 });
        let said = "Changes before revision 40 are not kept any more.";
        assert_eq!(beyond(&last).as_deref(), Some(said));
        assert_eq!(beyond(&json!({ "items": [], "kept_from": 0 })), None);
        assert_eq!(beyond(&json!({ "items": [] })), None);
    }

    #[test]
    fn cells_read_like_words() {
        assert_eq!(cell(None), "-");
        assert_eq!(cell(Some(&json!([1, 4, 7]))), "1, 4, 7");
        assert_eq!(cell(Some(&json!(true))), "yes");
    }
}
