//! Makes a demo's group member by member and host by host, with the verbs an operator types.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::child;
use super::layout::{Care, Home, Ports, host_name};
use super::record::{Admin, Agent, Record};
use super::supervise::Supervisor;
use crate::base::Secret;
use crate::capabilities::properties::schema::{DR_SCRIPT_PATH, MANAGER_CONFIG_PATH};
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
    /// How many hosts have no Manager yet.
    pub spare_hosts: u16,
    pub care: Care,
}

impl Founder<'_> {
    /// Brings the demo to so many Managers, all of them voting, one of them Active, on hosts that answer.
    pub(super) async fn complete(
        &mut self,
        supervisor: &mut Supervisor,
        managers: u16,
    ) -> Result<Client, Failure> {
        if supervisor.len() == 0 {
            self.first(supervisor).await?;
        }
        let client = sign_in(supervisor.record()?).await?;
        self.employ_missing(supervisor, &client).await?;
        self.tell_where(&client).await?;
        while supervisor.len() < usize::from(managers) {
            self.next(supervisor, &client).await?;
        }
        while spares(supervisor.record()?) < usize::from(self.spare_hosts) {
            self.spare(supervisor, &client).await?;
        }
        // Who was removed since the earlier run votes no more.
        let members = client.get_all("/managers", &[]).await?;
        let is_member = |id: &u64| {
            let mut members = members["items"].as_array().into_iter().flatten();
            members.any(|member| member["id"].as_u64() == Some(*id))
        };
        let recorded = supervisor.record()?.managers.iter().map(|manager| manager.id);
        let ids: Vec<_> = recorded.filter(is_member).collect();
        until("an Active", || async { Ok(cluster(&client).await?["active"].is_number()) }).await?;
        until("every Manager to vote", || async { Ok(votes(&cluster(&client).await?, &ids)) })
            .await?;
        let hosts = supervisor.record()?.agents.iter().map(|agent| agent.host).collect::<Vec<_>>();
        until("every host to answer", || async { answer(&client, &hosts).await }).await?;
        Ok(client)
    }

    async fn first(&mut self, supervisor: &mut Supervisor) -> Result<(), Failure> {
        let (home, _) = self.make_home(1)?;
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
        supervisor.add(home.manager(number_told(&made)?)?).await
    }

    async fn next(&self, supervisor: &mut Supervisor, client: &Client) -> Result<(), Failure> {
        let (home, name) = self.make_home(next_number(supervisor.record()?))?;
        let body = json!({ "role": "manager", "ttl_minutes": 10 });
        let token = client.change(Change::post("/join-tokens", body)).await?.body;
        let token = token["token"].as_str().unwrap_or_default();
        let joined = child::run(&["join"], &home.config, &[("KM_JOIN_TOKEN", token)]).await?;
        let id = number_told(&joined)?;
        supervisor.add(home.manager(id)?).await?;
        employ(supervisor, client, &home, &name).await?;
        let what = format!("Manager {id} to vote");
        until(&what, || async { Ok(votes(&cluster(client).await?, &[id])) }).await
    }

    /// Where the hosts of a demo have what the Active looks for there.
    async fn tell_where(&self, client: &Client) -> Result<(), Failure> {
        let below = |file: &str| format!("{}/{{host}}/{file}", self.dir.display());
        let places = [
            (MANAGER_CONFIG_PATH, below("km.toml")),
            (DR_SCRIPT_PATH, below("files/km-disaster-recovery.sh")),
        ];
        for (name, place) in places {
            let path = format!("/properties/kyvos-manager/{name}");
            if client.get(&path, &[]).await?.body["value"] != place.as_str() {
                let body = json!({ "value": place });
                client.change(Change::new(Method::PUT, path, body)).await?;
            }
        }
        Ok(())
    }

    /// A host with a Web Portal on which a Manager can be added.
    async fn spare(&self, supervisor: &mut Supervisor, client: &Client) -> Result<(), Failure> {
        let (home, name) = self.make_home(next_number(supervisor.record()?))?;
        employ(supervisor, client, &home, &name).await
    }

    /// Agents that an interrupted start did not come to.
    async fn employ_missing(
        &self,
        supervisor: &mut Supervisor,
        client: &Client,
    ) -> Result<(), Failure> {
        let record = supervisor.record()?;
        let has = |config: &Path| record.agents.iter().any(|agent| agent.config == config);
        let homes: Vec<Home> = record
            .managers
            .iter()
            .filter(|manager| !has(&manager.agent_config()))
            .filter_map(|manager| manager.config.parent().map(Home::at))
            .collect();
        for home in homes {
            let name = home.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            employ(supervisor, client, &home, &name).await?;
        }
        Ok(())
    }

    fn make_home(&self, number: u16) -> Result<(Home, String), Failure> {
        let home = Home::of(self.dir, number);
        let ports = Ports::of(number, self.base_port)?;
        home.make(number, ports, self.care)?;
        complain(&format!("Making host {number} of the demo …"));
        Ok((home, host_name(number)))
    }
}

/// Registers a host, enrols its agent and starts it.
async fn employ(
    supervisor: &mut Supervisor,
    client: &Client,
    home: &Home,
    name: &str,
) -> Result<(), Failure> {
    let host = registered(client, name).await?;
    let path = format!("/hosts/{host}/enrolment");
    let invited = client.change(Change::post(path, json!({ "ttl_minutes": 10 }))).await?.body;
    let token = invited["token"].as_str().unwrap_or_default();
    let variables = [("KM_ENROL_TOKEN", token)];
    child::run(&["agent", "enrol"], &home.agent_config, &variables).await?;
    let address = crate::agent::load(&home.agent_config)?.advertise;
    supervisor.attend(Agent {
        host,
        name: name.to_owned(),
        address,
        pid: None,
        config: home.agent_config.clone(),
        data_dir: home.agent_data.clone(),
        log: home.agent_log.clone(),
    })
}

/// The number of a host, which is registered if it is not yet. The first Manager has to agree with itself on what it
/// understands before it takes any.
async fn registered(client: &Client, name: &str) -> Result<u64, Failure> {
    let known = client.get_all("/hosts", &[]).await?;
    let mut known = known["items"].as_array().into_iter().flatten();
    if let Some(host) = known.find(|host| host["name"] == name) {
        return number_told(host);
    }
    let body = json!({ "name": name, "roles": roles_of(name), "transport": { "kind": "agent" } });
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.change(Change::post("/hosts", body.clone())).await {
            Ok(answer) => return number_told(&answer.body),
            Err(Failure::Problem(problem))
                if problem["code"] == "LEVEL_TOO_LOW" && Instant::now() < deadline =>
            {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// A small cluster: every host has a Web Portal, so a Manager may live on any of them.
fn roles_of(name: &str) -> &'static [&'static str] {
    match name {
        "km1" => &["web_portal", "bi_server", "postgres", "zookeeper"],
        "km2" => &["web_portal", "bi_server", "query_engine", "postgres", "zookeeper"],
        "km3" => &["web_portal", "query_engine", "zookeeper"],
        _ => &["web_portal"],
    }
}

/// Hosts are numbered one after the other, whether a Manager lives on them or not.
fn next_number(record: &Record) -> u16 {
    u16::try_from(record.agents.len() + 1).expect("a demo has at most a dozen hosts")
}

fn spares(record: &Record) -> usize {
    let lives_on = |agent: &&Agent| {
        record.managers.iter().any(|manager| manager.agent_config() == agent.config)
    };
    record.agents.len() - record.agents.iter().filter(lives_on).count()
}

fn number_told(told: &Value) -> Result<u64, Failure> {
    let id = told["id"].as_u64();
    id.ok_or_else(|| Failure::Refused(format!("there is no number in {told}")))
}

async fn answer(client: &Client, hosts: &[u64]) -> Result<bool, Failure> {
    let known = client.get_all("/hosts", &[]).await?;
    let known = known["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let answers = |id: &u64| {
        known.iter().any(|host| host["id"].as_u64() == Some(*id) && host["state"] == "answers")
    };
    Ok(hosts.iter().all(answers))
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
