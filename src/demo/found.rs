//! Makes a demo's group member by member and host by host, with the verbs an operator types.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::child;
use super::layout::{Care, Home, Host, Ports, host_name};
use super::record::{Admin, Agent, Record, Service};
use super::services::{self, PAGE, SAMPLED, Samples, ZOOKEEPER_HOST, ZOOKEEPER_NUMBER};
use super::supervise::Supervisor;
use crate::base::Secret;
use crate::capabilities::properties::schema::{
    DR_SCRIPT_PATH, MANAGER_CONFIG_PATH, ZOOKEEPER_PORT,
};
use crate::capabilities::services::model::Control;
use crate::cli::client::{Access, Change, Client, Trust};
use crate::cli::outcome::Failure;
use crate::cli::output::complain;

/// How long the group may take until it has an Active, or until a new member votes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// How long a sample is down before Services HA starts it again: people watch.
const SETTLE_SECONDS: u64 = 5;

/// Makes what is missing of a demo.
pub(super) struct Founder<'a> {
    pub dir: &'a Path,
    pub base_port: u16,
    pub ha: bool,
    /// How many hosts have no Manager yet.
    pub spare_hosts: u16,
    pub care: Care,
    /// Where sample services are; `None`: there are none.
    pub samples: Option<Samples>,
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
        if let Some(samples) = self.samples {
            self.serve(supervisor, &client, &samples).await?;
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
        let (home, _) = self.make_home(1, host_name(1))?;
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
        supervisor.begin(Record {
            admin,
            ca,
            managers: vec![],
            agents: vec![],
            services: vec![],
            samples: self.samples,
        });
        supervisor.add(home.manager(number_told(&made)?)?).await
    }

    async fn next(&self, supervisor: &mut Supervisor, client: &Client) -> Result<(), Failure> {
        let number = next_number(supervisor.record()?);
        let (home, name) = self.make_home(number, host_name(number))?;
        let body = json!({ "role": "manager", "ttl_minutes": 10 });
        let token = client.change(Change::post("/join-tokens", body)).await?.body;
        let token = token["token"].as_str().unwrap_or_default();
        let joined = child::run(&["join"], &home.config, &[("KM_JOIN_TOKEN", token)]).await?;
        let id = number_told(&joined)?;
        supervisor.add(home.manager(id)?).await?;
        self.employ(supervisor, client, &home, &name).await?;
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
        let number = next_number(supervisor.record()?);
        let (home, name) = self.make_home(number, host_name(number))?;
        self.employ(supervisor, client, &home, &name).await
    }

    /// Sample services on every host, controlled as they are made, and brought back by Services HA.
    async fn serve(
        &self,
        supervisor: &mut Supervisor,
        client: &Client,
        samples: &Samples,
    ) -> Result<(), Failure> {
        let is_there =
            |record: &Record| record.agents.iter().any(|agent| agent.name == ZOOKEEPER_HOST);
        if let Some(port) = samples.zookeeper
            && !is_there(supervisor.record()?)
        {
            let name = ZOOKEEPER_HOST.to_owned();
            let (home, name) = self.make_home(ZOOKEEPER_NUMBER, name)?;
            services::configure_zookeeper(&home.folder, port)
                .map_err(Failure::local(home.folder.display()))?;
            self.employ(supervisor, client, &home, &name).await?;
        }
        self.tell_how(client, samples).await?;
        let record = supervisor.record()?;
        let is_recorded =
            |service: &Service| record.services.iter().any(|known| known.id == service.id);
        let wanted = record.agents.iter().flat_map(|agent| {
            let roles = roles_of(&agent.name, self.samples);
            samples.on_host(&agent.name, &roles, &agent.config)
        });
        let missing = wanted.filter(|service| !is_recorded(service)).collect();
        supervisor.serve(missing).await
    }

    /// Tells the group what it does not know yet of how samples are controlled. What somebody set stays.
    async fn tell_how(&self, client: &Client, samples: &Samples) -> Result<(), Failure> {
        let known = client.get_all("/services/types", &[]).await?;
        let known = known["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        for kind in SAMPLED {
            let is_set =
                known.iter().any(|it| it["type"] == kind.as_str() && it["is_default"] == false);
            if !is_set {
                let probe = json!({ "kind": "http", "port": samples.port(kind), "path": PAGE });
                let body = json!({ "unit": Control::of_type(kind).unit, "probe": probe });
                let path = format!("/services/types/{}", kind.as_str());
                client.change(Change::new(Method::PUT, path, body)).await?;
            }
        }
        if client.get("/services/ha", &[]).await?.body["is_default"] == true {
            let body = json!({ "enabled": true, "settle_seconds": SETTLE_SECONDS });
            client.change(Change::new(Method::PUT, "/services/ha", body)).await?;
        }
        let path = format!("/properties/kyvos-manager/{ZOOKEEPER_PORT}");
        if let Some(port) = samples.zookeeper.map(|port| port.to_string())
            && client.get(&path, &[]).await?.body["value"] != port.as_str()
        {
            let body = json!({ "value": port });
            client.change(Change::new(Method::PUT, path, body)).await?;
        }
        Ok(())
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
            self.employ(supervisor, client, &home, &name).await?;
        }
        Ok(())
    }

    fn make_home(&self, number: u16, name: String) -> Result<(Home, String), Failure> {
        let home = Home::at(&self.dir.join(&name));
        let ports = Ports::of(number, self.base_port)?;
        complain(&format!("Making host {name} of the demo …"));
        let services = services_on(&name, self.samples, &home);
        home.make(number, ports, &host_of(&name, self.samples, &services, self.care))?;
        Ok((home, name))
    }

    /// Registers a host, enrols its agent and starts it.
    async fn employ(
        &self,
        supervisor: &mut Supervisor,
        client: &Client,
        home: &Home,
        name: &str,
    ) -> Result<(), Failure> {
        let host = registered(client, name, self.samples).await?;
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
}

/// Writes how the agent of a host of an earlier run is set up, by the switches of this one.
pub(super) fn configure(
    home: &Home,
    agent: &Agent,
    samples: Option<Samples>,
    care: Care,
) -> Result<(), Failure> {
    let services = services_on(&agent.name, samples, home);
    home.configure_agent(&agent.address, &host_of(&agent.name, samples, &services, care))
}

fn services_on(name: &str, samples: Option<Samples>, home: &Home) -> Vec<Service> {
    let on = |samples: Samples| {
        samples.on_host(name, &roles_of(name, Some(samples)), &home.agent_config)
    };
    samples.map(on).unwrap_or_default()
}

fn host_of<'s>(
    name: &str,
    samples: Option<Samples>,
    services: &'s [Service],
    care: Care,
) -> Host<'s> {
    let place = if samples.is_some() { services::place(name) } else { Ipv4Addr::LOCALHOST };
    let zookeeper = samples.and_then(|samples| samples.zookeeper);
    Host { place, care, services, zookeeper }
}

/// The number of a host, which is registered if it is not yet. The first Manager has to agree with itself on what it
/// understands before it takes any.
async fn registered(client: &Client, name: &str, samples: Option<Samples>) -> Result<u64, Failure> {
    let known = client.get_all("/hosts", &[]).await?;
    let mut known = known["items"].as_array().into_iter().flatten();
    if let Some(host) = known.find(|host| host["name"] == name) {
        return number_told(host);
    }
    let body =
        json!({ "name": name, "roles": roles_of(name, samples), "transport": { "kind": "agent" } });
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

/// A small cluster: every host has a Web Portal, so a Manager may live on any of them. Where there are samples, a host has
/// no role that nothing runs for: there is none of Postgres, and ZooKeeper has a host of its own, or there is none.
fn roles_of(name: &str, samples: Option<Samples>) -> Vec<&'static str> {
    let roles: &[_] = match name {
        "km1" => &["web_portal", "bi_server", "postgres", "zookeeper"],
        "km2" => &["web_portal", "bi_server", "query_engine", "postgres", "zookeeper"],
        "km3" => &["web_portal", "query_engine", "zookeeper"],
        ZOOKEEPER_HOST => return vec!["zookeeper"],
        _ => &["web_portal"],
    };
    let is_there = |role: &&&str| samples.is_none() || !["zookeeper", "postgres"].contains(*role);
    roles.iter().filter(is_there).copied().collect()
}

/// Hosts are numbered one after the other, whether a Manager lives on them or not.
fn next_number(record: &Record) -> u16 {
    u16::try_from(homes(record).count() + 1).expect("a demo has at most a dozen hosts")
}

fn spares(record: &Record) -> usize {
    let lives_on = |agent: &&Agent| {
        record.managers.iter().any(|manager| manager.agent_config() == agent.config)
    };
    homes(record).filter(|agent| !lives_on(agent)).count()
}

/// The hosts that a Manager may live on.
fn homes(record: &Record) -> impl Iterator<Item = &Agent> {
    record.agents.iter().filter(|agent| agent.name != ZOOKEEPER_HOST)
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
