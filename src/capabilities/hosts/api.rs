//! Hosts over HTTP: registering, changing, enrolling, trusting, and what was seen of them.

use super::model;

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    use serde_json::json;
    match event {
        model::Event::Registered { host, name, .. } => {
            ("registered", host.to_string(), json!({ "name": name }))
        }
        model::Event::Changed { host, .. } => ("changed", host.to_string(), json!({})),
        model::Event::Removed { host } => ("removed", host.to_string(), json!({})),
        model::Event::Invited { host, .. } => ("invited", host.to_string(), json!({})),
        model::Event::Enrolled { host, .. } => ("enrolled", host.to_string(), json!({})),
        model::Event::Trusted { host, .. } => ("trusted", host.to_string(), json!({})),
        model::Event::SshKeySet(key) => {
            ("ssh_key_set", "group".to_owned(), json!({ "public_key": key.public }))
        }
        model::Event::Noted { host, reach } => {
            let answers = matches!(reach, model::Reach::Answers { .. });
            ("noted", host.to_string(), json!({ "answers": answers }))
        }
    }
}
