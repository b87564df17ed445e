//! Makes a demo's group member by member, with the verbs an operator types.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::child;
use super::layout::{Home, Ports};
use super::record::{Admin, Manager, Record};
use super::supervise::Supervisor;
use crate::base::Secret;
use crate::cli::client::{Access, Change, Client, Trust};
use crate::cli::outcome::Failure;
use crate::cli::output::complain;

/// How long the group may take until it has an Active, or until a new member votes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Makes what is missing of a demo.
pub(super) struct Founder<'a> {
    pub dir: &'a Path,
    pub base_port: u16,
    pub ha: bool,
}

impl Founder<'_> {
    /// Brings the demo to so many Managers, all of them voting, one of them Active.
    pub(super) async fn complete(
        &mut self,
        supervisor: &mut Supervisor,
        managers: u16,
    ) -> Result<(), Failure> {
        if supervisor.len() == 0 {
            self.first(supervisor).await?;
        }
        let client = sign_in(supervisor.record()?).await?;
        while supervisor.len() < usize::from(managers) {
            self.next(supervisor, &client).await?;
        }
        let ids: Vec<_> = supervisor.record()?.managers.iter().map(|manager| manager.id).collect();
        until("an Active", || async { Ok(cluster(&client).await?["active"].is_number()) }).await?;
        until("every Manager to vote", || async { Ok(votes(&cluster(&client).await?, &ids)) }).await
    }

    async fn first(&mut self, supervisor: &mut Supervisor) -> Result<(), Failure> {
        let (home, ports) = self.make_home(1)?;
        let mut verb = vec!["init", "--name", "demo"];
        if self.ha {
            verb.push("--enable-ha");
        }
        let made = child::run(&verb, &home.config, &[]).await?;
        let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let unclear = || Failure::Refused(format!("km init told something else: {made}"));
        let ca = self.dir.join("ca.pem");
        let ca_pem = text("/ca_pem").ok_or_else(unclear)?;
        std::fs::write(&ca, ca_pem).map_err(Failure::local(ca.display()))?;
        let admin = Admin {
            username: text("/admin/username").ok_or_else(unclear)?,
            password: text("/admin/password").ok_or_else(unclear)?,
        };
        supervisor.begin(Record { admin, ca, managers: vec![], agents: vec![], services: vec![] });
        supervisor.add(member(&made, &home, ports)?)
    }

    async fn next(&self, supervisor: &mut Supervisor, client: &Client) -> Result<(), Failure> {
        let number = u16::try_from(supervisor.len() + 1).expect("a demo has at most nine Managers");
        let (home, ports) = self.make_home(number)?;
        let body = json!({ "role": "manager", "ttl_minutes": 10 });
        let token = client.change(Change::post("/join-tokens", body)).await?.body;
        let token = token["token"].as_str().unwrap_or_default();
        let joined = child::run(&["join"], &home.config, &[("KM_JOIN_TOKEN", token)]).await?;
        let manager = member(&joined, &home, ports)?;
        let id = manager.id;
        supervisor.add(manager)?;
        let what = format!("Manager {id} to vote");
        until(&what, || async { Ok(votes(&cluster(client).await?, &[id])) }).await
    }

    fn make_home(&self, number: u16) -> Result<(Home, Ports), Failure> {
        let home = Home::of(self.dir, number);
        let ports = Ports::of(number, self.base_port)?;
        home.make(number, ports)?;
        complain(&format!("Making Manager {number} of the demo …"));
        Ok((home, ports))
    }
}

fn member(
    told: &Value,
    home: &Home,
    Ports { api, peer, health }: Ports,
) -> Result<Manager, Failure> {
    let id = told["id"].as_u64();
    Ok(Manager {
        id: id.ok_or_else(|| Failure::Refused(format!("a member has no number: {told}")))?,
        api_url: format!("https://127.0.0.1:{api}"),
        peer_addr: format!("127.0.0.1:{peer}"),
        health_url: format!("http://127.0.0.1:{health}"),
        pid: None,
        config: home.config.clone(),
        data_dir: home.data_dir.clone(),
        log: home.log.clone(),
    })
}

/// A signed-in client that asks any Manager of the demo.
async fn sign_in(record: &Record) -> Result<Client, Failure> {
    let ca_pem =
        std::fs::read_to_string(&record.ca).map_err(Failure::local(record.ca.display()))?;
    let servers = record.managers.iter().map(|manager| manager.api_url.clone()).collect();
    let client = Client::new(Access { servers, trust: Trust::Authority(ca_pem), token: None })?;
    let Admin { username, password } = &record.admin;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let body = json!({ "username": username, "password": password });
        match client.change(Change::post("/login", body)).await {
            Ok(answer) => {
                let token = answer.body["token"].as_str().unwrap_or_default();
                return Ok(client.with_token(Secret::new(token)));
            }
            Err(Failure::Unavailable(_) | Failure::Unknown { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn cluster(client: &Client) -> Result<Value, Failure> {
    Ok(client.get("/cluster", &[]).await?.body)
}

fn votes(cluster: &Value, ids: &[u64]) -> bool {
    let voters = cluster["voters"].as_array().map(Vec::as_slice).unwrap_or_default();
    ids.iter().all(|id| voters.iter().any(|voter| voter.as_u64() == Some(*id)))
}

/// Looks until something holds. While nobody answers it does not hold yet.
async fn until<F>(what: &str, mut look: impl FnMut() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<bool, Failure>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(true) => return Ok(()),
            Ok(false) | Err(Failure::Unavailable(_)) if Instant::now() < deadline => {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
            Ok(false) => {
                let waited = PATIENCE.as_secs();
                return Err(Failure::Unavailable(format!("waited {waited} s for {what}")));
            }
            Err(failure) => return Err(failure),
        }
    }
}
