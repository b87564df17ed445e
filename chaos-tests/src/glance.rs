//! Looks at every Manager again and again, and writes down what it tells of itself: its term, and the digest of its
//! facts. `checker/standing.rs` and `checker/own_revision.rs` judge it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::client::{Call, Client, Reply};
use crate::history::{History, Line};

/// How a look is called in the history.
pub const NAME: &str = "glance";
const PERIOD: Duration = Duration::from_millis(250);

/// Looks at one Manager until told to stop.
pub async fn run(client: Client, history: Arc<History>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let (asked, sent) = (client.node.get(), history.now());
        let reply = client.send(Call::get("/cluster")).await;
        // Where another number lives by now, nobody knows which of the two answered.
        let same = asked == client.node.get();
        if let Reply::Done(answer) = reply
            && same
        {
            let cluster = &answer.body;
            let (term, digest) = (&cluster["term"], &cluster["digest"]);
            let told = json!({ "sent": sent, "term": term, "digest": digest });
            history.record(Line::of_harness(NAME, "standing", Some(asked), told));
        }
        sleep(PERIOD).await;
    }
}
