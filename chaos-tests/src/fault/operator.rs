//! What an operator does while things are broken: calls made at one Manager after the other until one answers, under one
//! idempotency key, and hosts that join and leave by the documented verbs.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{own_failure, until};
use crate::Failure;
use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager};
use crate::history::{History, Line};
use crate::lab::Host;

const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long an operator tries. Longer than a group takes to be whole again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long is tried before it is looked whether it was done already.
const BRIEFLY: Duration = Duration::from_secs(2);
/// How often a host asks to be let in: more often it is slowed down.
const JOIN_PERIOD: Duration = Duration::from_secs(1);
/// What is answered while an operation is about a member.
const BUSY: &str = "TARGET_BUSY";
/// How long an invitation is good: no clock is moved so far (`fault/clock.rs`), and the group goes by the highest it was told.
const INVITED_FOR_MINUTES: u64 = 24 * 60;
/// The kind of an operation that takes a member out.
const REMOVAL: &str = "REMOVE_MANAGER";
/// How long a process may take to end.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// How a host joins that was somebody before.
const REPLACING: &[&str] = &["join", "--replace"];

/// Somebody with the administrator's rights and patience.
pub(super) struct Operator<'a> {
    cluster: &'a Cluster,
    history: &'a History,
    clients: Vec<Client>,
}

impl<'a> Operator<'a> {
    pub(super) fn new(cluster: &'a Cluster, history: &'a History) -> Result<Self, Failure> {
        let client = |it: &Manager| Client::new(&cluster.access, it.id.clone(), &it.api_url);
        let clients = cluster.managers.iter().map(client).collect::<Result<_, _>>()?;
        Ok(Self { cluster, history, clients })
    }

    /// Makes a change, at whoever answers. A refusal may be for now only: then it is asked again under another key. What it is
    /// about will not come, where it is not there.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, Failure> {
        self.change_within(PATIENCE, method, path, body).await
    }

    async fn change_within(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, Failure> {
        let deadline = Instant::now() + patience;
        let mut call = Call::change(method, path, Some(body));
        call.request = Some(self.key());
        let mut last = String::new();
        for client in self.clients.iter().cycle() {
            match client.send(call.clone()).await {
                Reply::Done(answer) => return Ok(answer.body),
                Reply::Refused { status, code } => {
                    last = format!("{status} {code}");
                    if status == 404 {
                        break;
                    }
                    call.request = Some(self.key());
                }
                Reply::Untried(error) | Reply::Unknown(error) => last = error,
            }
            if Instant::now() > deadline {
                break;
            }
            sleep(LOOK_PERIOD).await;
        }
        Err(Failure(format!("{path}: not done within {} s: {last}", patience.as_secs())))
    }

    fn key(&self) -> String {
        format!("operator-{}", self.history.now())
    }

    /// Reads, at whoever answers with something that will do.
    pub(super) async fn read<T>(
        &self,
        path: &str,
        patience: Duration,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let done = |reply: &Reply| match reply {
            Reply::Done(answer) => take(&answer.body),
            Reply::Refused { .. } | Reply::Untried(_) | Reply::Unknown(_) => None,
        };
        self.ask(path, patience, done).await
    }

    /// Asks one Manager after the other until a reply will do.
    async fn ask<T>(
        &self,
        path: &str,
        patience: Duration,
        take: impl Fn(&Reply) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        for client in self.clients.iter().cycle() {
            let taken = take(&client.send(Call::get(path)).await);
            if taken.is_some() {
                return taken;
            }
            if Instant::now() > deadline {
                break;
            }
            sleep(LOOK_PERIOD).await;
        }
        None
    }

    /// Has a host join by the one documented command, starts it, and waits until it votes. Its number. One that was let in
    /// and got no vote in time is taken out again: with half a vote it would be one too many for whatever is broken next.
    pub(super) async fn let_in(&self, place: usize, role: &str) -> Result<u64, Failure> {
        let id = self.admit(place, role).await?;
        if let Err(failure) = self.settle(id).await {
            self.take_out(id, place, true).await?;
            return Err(failure);
        }
        put_away(self.host(place)?);
        Ok(id)
    }

    /// The same where somebody has to come back: once more should the group have given the first one up.
    pub(super) async fn let_back_in(&self, place: usize) -> Result<(), Failure> {
        match self.let_in(place, "manager").await {
            Ok(_) => Ok(()),
            Err(_) => self.let_in(place, "manager").await.map(drop),
        }
    }

    /// Has a host join, and starts it. Its number.
    async fn admit(&self, place: usize, role: &str) -> Result<u64, Failure> {
        let host = self.host(place)?;
        host.manager.switch(false);
        until(END_PATIENCE, || host.process().is_none()).await;
        has_power_again(host).await?;
        // Of a joining before that did not come to its end.
        put_away(host);
        host.configure(role).map_err(own_failure)?;
        let joined = self.join(host, role).await?;
        let id = joined["id"].as_u64().ok_or_else(|| Failure("a member has no number".into()))?;
        self.tell("joined", id, place, role);
        if let Some(manager) = self.cluster.at(place) {
            manager.id.set(id);
        }
        host.manager.switch(true);
        Ok(id)
    }

    /// Waits until a newcomer votes.
    async fn settle(&self, id: u64) -> Result<(), Failure> {
        let votes = |cluster: &Value| {
            let mut voters = cluster["voters"].as_array().into_iter().flatten();
            voters.any(|voter| voter.as_u64() == Some(id)).then_some(())
        };
        let voting = self.read("/cluster", PATIENCE, votes).await;
        voting.ok_or_else(|| Failure(format!("member {id} got no vote")))?;
        // It counts once those of before are not asked any more: until then both must agree, and one that is cut off is one too many.
        let settled = |manager: &Value| manager["operation"].is_null().then_some(());
        let settled = self.read(&format!("/managers/{id}"), PATIENCE, settled).await;
        settled.ok_or_else(|| Failure(format!("the addition of member {id} did not end")))
    }

    /// Has a host ask to be let in until it is; its power may go meanwhile, at any point of that. What the verb printed.
    async fn join(&self, host: &Host, role: &str) -> Result<Value, Failure> {
        let mut token = self.invite(role).await?;
        let (deadline, mut verb) = (Instant::now() + PATIENCE, REPLACING);
        loop {
            match host.km(verb, &[("KM_JOIN_TOKEN", &token)]).await {
                Ok(joined) => return Ok(joined),
                Err(failure) if Instant::now() > deadline && host.has_power() => {
                    return Err(failure);
                }
                Err(_) => {}
            }
            sleep(JOIN_PERIOD).await;
            has_power_again(host).await?;
            verb = again(&host.data_dir().join("identity"));
            if verb == REPLACING {
                // Another disk asks, as it is told apart: the invitation may be used up by the one before.
                token = self.invite(role).await?;
            }
        }
    }

    async fn invite(&self, role: &str) -> Result<String, Failure> {
        let body = json!({ "role": role, "ttl_minutes": INVITED_FOR_MINUTES });
        let invited = self.change(Method::POST, "/join-tokens", body).await?;
        Ok(invited["token"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether each of these has a vote; waited for, as one may be on its way in.
    pub(super) async fn all_vote(&self, ids: &[u64]) -> bool {
        let all = |cluster: &Value| {
            let voters: Vec<u64> =
                cluster["voters"].as_array()?.iter().filter_map(Value::as_u64).collect();
            ids.iter().all(|id| voters.contains(id)).then_some(())
        };
        self.read("/cluster", PATIENCE, all).await.is_some()
    }

    /// Has the group agree on a change. Whoever is there by then has all that was acknowledged before, by however few.
    pub(super) async fn agree(&self) -> Result<(), Failure> {
        self.invite("manager").await.map(drop)
    }

    /// Takes a member out and waits until it is gone; `lost`: it does not answer and will not come back.
    pub(super) async fn take_out(&self, id: u64, place: usize, lost: bool) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        self.tell("leaves", id, place, "");
        while Instant::now() < deadline {
            let (body, path) = (json!({ "force": lost }), format!("/managers/{id}"));
            let begun = self.change_within(BRIEFLY, Method::DELETE, &path, body).await;
            if begun.as_ref().is_err_and(|failure| failure.0.contains(BUSY)) {
                self.call_off_what_is_about(id).await;
            }
            // One that was begun is waited for; else somebody may have done it whose answer was lost.
            let patience = if begun.is_ok() { PATIENCE / 4 } else { BRIEFLY };
            if self.is_gone(id, patience).await {
                self.host(place)?.manager.switch(false);
                self.tell("left", id, place, "");
                return Ok(());
            }
        }
        Err(Failure(format!("member {id} could not be taken out")))
    }

    /// Whether the group has no such member any more; its vote is taken before. A Manager that is cut off does not say so.
    async fn is_gone(&self, id: u64, patience: Duration) -> bool {
        let gone =
            |reply: &Reply| matches!(reply, Reply::Refused { status: 404, .. }).then_some(());
        self.ask(&format!("/managers/{id}"), patience, gone).await.is_some()
    }

    /// The operation that a member is part of now, as the first who answers tells it.
    pub(super) async fn about(&self, id: u64) -> Option<u64> {
        for client in &self.clients {
            if let Reply::Done(answer) = client.send(Call::get(format!("/managers/{id}"))).await {
                return answer.body["operation"].as_u64();
            }
        }
        None
    }

    /// Calls off the operation that stands in the way of a removal, unless it is that removal. It may have ended meanwhile.
    async fn call_off_what_is_about(&self, id: u64) {
        let operation = |manager: &Value| manager["operation"].as_u64();
        let Some(about) = self.read(&format!("/managers/{id}"), BRIEFLY, operation).await else {
            return;
        };
        let path = format!("/operations/{about}");
        let other = |told: &Value| (told["kind"] != REMOVAL).then_some(());
        if self.read(&path, BRIEFLY, other).await.is_some() {
            let path = format!("{path}/cancel");
            // Where it does not succeed the removal is refused again, and that is what is told.
            let _ = self.change_within(BRIEFLY, Method::POST, &path, json!({})).await;
        }
    }

    fn host(&self, place: usize) -> Result<&Host, Failure> {
        let lab = self.cluster.lab().ok_or_else(|| own_failure("there are no hosts"))?;
        Ok(&lab.hosts[place])
    }

    /// Writes down who came and went.
    pub(super) fn tell(&self, f: &str, id: u64, place: usize, role: &str) {
        let value = json!({ "host": place + 1, "role": role });
        self.history.record(Line::of_harness("member", f, Some(id), value));
    }
}

/// Waits until a host has power: dark it can put nothing aside. Whoever cut it has to bring it back.
async fn has_power_again(host: &Host) -> Result<(), Failure> {
    let lit = until(PATIENCE, || host.has_power()).await;
    lit.then_some(()).ok_or_else(|| own_failure(format!("host {} stays dark", host.place + 1)))
}

/// How a host asks once more whose identity is in this folder. One whose joining is under way asks for the same number; of any
/// other nothing was put aside yet, or a power cut took that back.
fn again(identity: &Path) -> &'static [&'static str] {
    let has = |file: &str| identity.join(file).exists();
    match has("joining.key") && !has("manager.pem") {
        true => &["join"],
        false => REPLACING,
    }
}

/// What was put aside is not needed by anybody here, and the disk is small: a run has many such changes.
fn put_away(host: &Host) {
    for nth in 1..10 {
        // What is not there need not be removed.
        let _ = std::fs::remove_dir_all(host.data_dir().join(format!("replaced-{nth}")));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn who_it_was_is_put_aside_as_long_as_it_stands_on_the_disk() {
        let home = tempfile::tempdir().unwrap();
        let identity = home.path().join("identity");
        let write = |file: &str| fs::write(identity.join(file), "x").unwrap();
        fs::create_dir(&identity).unwrap();
        write("manager.pem");
        assert_eq!(again(&identity), REPLACING, "nothing was put aside");
        fs::rename(&identity, home.path().join("aside")).unwrap();
        assert_eq!(again(&identity), REPLACING, "and what else was there may not be");
        fs::create_dir(&identity).unwrap();
        write("joining.key");
        assert_eq!(again(&identity), ["join"]);
        write("manager.pem");
        assert_eq!(again(&identity), REPLACING, "it is somebody, and nobody knows who");
    }
}
