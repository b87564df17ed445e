//! Makes a group on the hosts of a lab, with the verbs an operator types: `init`, `join`, `serve`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Host, Lab};
use crate::Failure;
use crate::client::{Access, Call, Client, Reply};
use crate::cluster::{Manager, api_token};

/// How long each step of the founding may take: a debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// A group that was founded.
pub struct Founded {
    pub managers: Vec<Manager>,
    pub access: Access,
}

impl Lab {
    /// Founds a group with a Manager on so many hosts, all of which vote, and an agent on every host.
    pub async fn found(&self, members: usize) -> Result<Founded, Failure> {
        let first = &self.hosts[0];
        let made = first.km(&["init", "--name", "chaos", "--enable-ha"], &[]).await?;
        let text = |pointer: &str| {
            let text = made.pointer(pointer).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| Failure(format!("km init told no {pointer}")))
        };
        first.manager.switch(true);
        let mut managers = vec![member(first, &made)?];
        let stranger = Access { ca_pem: text("/ca_pem")?.into(), token: "".into() };
        let client = Client::new(&stranger, managers[0].id.clone(), &managers[0].api_url)?;
        // Signing in again and again would be refused as an attack.
        until("an Active", async || active(&managers[0].health_url).await).await?;
        let token = until("sign in", async || {
            client
                .login(&text("/admin/username")?, &text("/admin/password")?)
                .await
                .map_err(Failure)
        })
        .await?;
        let access = Access { token, ..stranger };
        let client = Client::new(&access, managers[0].id.clone(), &managers[0].api_url)?;
        for host in &self.hosts[1..members] {
            managers.push(join(host, &client).await?);
        }
        let ids: Vec<u64> = managers.iter().map(|manager| manager.id.get()).collect();
        until("every Manager to vote", async || votes(&client, &ids).await).await?;
        for host in &self.hosts {
            employ(host, &client).await?;
        }
        let token = api_token(&client).await?;
        Ok(Founded { managers, access: Access { token, ..access } })
    }
}

/// Has the agent of a host look after it. It is registered under a name of its own, so that Managers come and go by the
/// verbs on their hosts.
async fn employ(host: &Host, client: &Client) -> Result<(), Failure> {
    let body = json!({
        "name": format!("agent-{}", host.place + 1),
        "roles": ["bi_server"],
        "transport": { "kind": "agent" },
    });
    let made = until("a host", async || change(client, "/hosts", body.clone()).await).await?;
    let path = format!("/hosts/{}/enrolment", made["id"]);
    let invited = json!({ "ttl_minutes": 10 });
    let invited =
        until("an enrolment", async || change(client, &path, invited.clone()).await).await?;
    host.enrol(invited["token"].as_str().unwrap_or_default()).await?;
    host.agent.switch(true);
    Ok(())
}

async fn active(health_url: &str) -> Result<(), Failure> {
    let asked = reqwest::get(format!("{health_url}/health/active")).await;
    let status = asked.map_err(Failure::doing("ask for its health"))?.status();
    status.is_success().then_some(()).ok_or_else(|| Failure("it is not Active".into()))
}

async fn join(host: &Host, client: &Client) -> Result<Manager, Failure> {
    let body = json!({ "role": "manager", "ttl_minutes": 10 });
    let invitation =
        until("a join token", async || change(client, "/join-tokens", body.clone()).await).await?;
    let token = invitation["token"].as_str().unwrap_or_default();
    let joined = host.km(&["join"], &[("KM_JOIN_TOKEN", token)]).await?;
    host.manager.switch(true);
    let manager = member(host, &joined)?;
    until("a Manager to vote", async || votes(client, &[manager.id.get()]).await).await?;
    Ok(manager)
}

fn member(host: &Host, told: &Value) -> Result<Manager, Failure> {
    let id =
        told["id"].as_u64().ok_or_else(|| Failure(format!("a member has no number: {told}")))?;
    Ok(host.as_member(id))
}

pub(super) async fn change(client: &Client, path: &str, body: Value) -> Result<Value, Failure> {
    match client.send(Call::change(Method::POST, path, Some(body))).await {
        Reply::Done(answer) => Ok(answer.body),
        other => Err(Failure(format!("{path}: {other:?}"))),
    }
}

async fn votes(client: &Client, ids: &[u64]) -> Result<(), Failure> {
    match client.send(Call::get("/cluster")).await {
        Reply::Done(answer) => {
            let voters = answer.body["voters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let vote = |id: &u64| voters.iter().any(|voter| voter.as_u64() == Some(*id));
            let all = ids.iter().all(vote) && answer.body["active"].is_number();
            all.then_some(()).ok_or_else(|| Failure(format!("only {voters:?} vote")))
        }
        other => Err(Failure(format!("{other:?}"))),
    }
}

pub(super) async fn until<T>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(last) if Instant::now() > deadline => {
                return Err(Failure(format!("waited {} s for {what}: {last}", PATIENCE.as_secs())));
            }
            Err(_) => sleep(LOOK_PERIOD).await,
        }
    }
}
