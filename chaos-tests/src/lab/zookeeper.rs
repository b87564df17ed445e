//! A ZooKeeper that is wanted and never there: three servers on hosts of the lab, of which none was ever started. What
//! Managers promise, they promise without it.

use serde_json::{Value, json};

use super::Lab;
use super::found::{change, until};
use crate::Failure;
use crate::client::{Access, Call, Client, Reply};
use crate::cluster::Manager;

/// How many servers the ensemble would have.
const SERVERS: usize = 3;

impl Lab {
    /// Has the group look for a ZooKeeper, and waits until it tells that it finds none.
    pub async fn miss_zookeeper(&self, manager: &Manager, access: &Access) -> Result<(), Failure> {
        let client = Client::new(access, manager.id.clone(), &manager.api_url)?;
        for host in self.hosts.iter().take(SERVERS) {
            // ZooKeeper is looked for under the name of its host; the agent that would look after it never comes.
            let body = json!({
                "name": host.address,
                "roles": ["zookeeper"],
                "transport": { "kind": "agent" },
            });
            until("a host of ZooKeeper", async || change(&client, "/hosts", body.clone()).await)
                .await?;
        }
        until("ZooKeeper to be missed", async || {
            let told = watch(&client).await.map_err(Failure)?;
            let missed = told["state"] == "away" && told["serving"] == 0;
            missed.then_some(()).ok_or_else(|| Failure(format!("the watch is {told}")))
        })
        .await
    }
}

/// What a Manager tells of its watch of ZooKeeper.
pub async fn watch(client: &Client) -> Result<Value, String> {
    match client.send(Call::get("/services/watch")).await {
        Reply::Done(answer) => Ok(answer.body),
        other => Err(format!("{other:?}")),
    }
}
