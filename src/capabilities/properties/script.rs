//! How the scripts speak of properties.

use super::command::Command;
use super::schema::File;
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &["set", "reset"];

/// `set FILE/NAME VALUE [expect=@N] [back_to=@N]` · `reset FILE/NAME [expect=@N]`
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    let (file, name) = property(words);
    let expect = words.read_option("expect");
    match verb.as_str() {
        "set" => {
            let (value, reverts_to) = (words.next(), words.read_option("back_to"));
            Command::Set { file, name, value, expect, reverts_to }
        }
        "reset" => Command::Reset { file, name, expect },
        other => panic!("properties know no {other}"),
    }
}

/// `show properties FILE/NAME`
pub(crate) fn show(state: &State, words: &mut Words) -> Vec<String> {
    let (file, name) = property(words);
    let value = state.properties.value(file, &name).unwrap_or("(none)");
    let whence = match state.properties.setting(file, &name) {
        Some(setting) => format!("set at @{} by {}", setting.revision, setting.by),
        None => "default".into(),
    };
    vec![format!("{name} is {value} ({whence})")]
}

fn property(words: &mut Words) -> (File, String) {
    let path = words.next();
    let (file, name) = path.split_once('/').expect("a property is FILE/NAME");
    (File::named(file).expect("a property file"), name.into())
}

#[test]
fn the_scripts_of_properties_tell_what_happens() {
    tell_all_of("properties");
}
