//! A set: unique elements, each a property of its own that must not have existed. What was acknowledged must be
//! shown by every Manager at the end.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Shared, Worker, as_written};
use crate::client::Call;
use crate::history::Action;

/// Most elements of a run: the group takes 10,000 free names, and the registers need some.
const ELEMENTS_MAX: u32 = 5_000;
/// Pause between two elements when there is room enough.
const THINK: Duration = Duration::from_millis(10);

/// How an element is named.
pub const PREFIX: &str = "s.";

/// Adds until told to stop. `clients` of them share what a run of such a length may add.
pub async fn run(shared: Arc<Shared>, number: u64, clients: u32, run: Duration) {
    let mut worker = Worker::new(&shared, number);
    let think = THINK.max(run * clients / ELEMENTS_MAX);
    while shared.going_on() {
        let element = shared.next_value();
        let key = format!("{PREFIX}{element}");
        let body = json!({ "value": element.to_string() });
        let path = format!("/properties/custom/{key}");
        let put = Call { if_match: Some(0), ..Call::change(Method::PUT, path, Some(body)) };
        worker.perform(&key, Action::Add(element), put, |_| Value::Null).await;
        sleep(think).await;
    }
}

/// What a property shows of the set: its element; or its name and value, when those are none under which anybody adds an
/// element. `None`: it is no part of the set.
pub fn told(name: &str, value: &Value) -> Option<Value> {
    let named = name.strip_prefix(PREFIX)?;
    let element = as_written(named).filter(|_| value.as_str() == Some(named));
    Some(element.map_or_else(|| json!([name, value]), Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_shown_only_by_the_name_and_the_value_it_was_added_with() {
        assert_eq!(told("s.7", &json!("7")), Some(json!(7)));
        assert_eq!(told("a.7", &json!("7")), None);
        for (name, value) in [("s.7", json!("8")), ("s.7", Value::Null), ("s.07", json!("07"))] {
            assert_eq!(told(name, &value), Some(json!([name, value])));
        }
    }
}
