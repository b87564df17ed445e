//! What the live feed tells of instances on their hosts. Their routes are the managers'.

use serde_json::{Value, json};

use super::model::{Copy, Event};

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &Event) -> (&'static str, String, Value) {
    match event {
        Event::Stopped { manager, .. } => ("stopped", manager.to_string(), json!({})),
        Event::Started { manager } => ("started", manager.to_string(), json!({})),
        Event::Pushed { host, copy, .. } => {
            let written = matches!(copy, Copy::Written { .. });
            ("pushed", host.to_string(), json!({ "written": written }))
        }
        Event::Forgotten { host } => ("forgotten", host.to_string(), json!({})),
    }
}
