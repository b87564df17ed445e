//! Why nobody is Active, as far as what this Manager knows can tell: each reason by itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Km;
use super::group::START;
use crate::base::{ManagerId, Revision, Term};
use crate::capabilities::installs::model::Stop;
use crate::capabilities::managers::model::Role;
use crate::cluster::MemberStatus;
use crate::leadership::Mode;
use crate::machine::script::command_of;

/// A group of three that nobody leads, as its first member sees it; all answer.
struct Leaderless {
    km: Km,
    km2: ManagerId,
    km3: ManagerId,
}

impl Leaderless {
    async fn new() -> Self {
        let km = Km::new();
        km.enable_ha().await;
        let (km2, km3) = (km.group.admit_peer("km2"), km.group.admit_peer("km3"));
        km.group.lose_quorum();
        km.group.set().heard_ago = Duration::from_secs(5);
        let newest = km.group.set().state.kernel.revision;
        for peer in km.group.set().peers.values_mut() {
            peer.reachable = true;
            let status = peer.status.as_mut().unwrap();
            (status.last_log, status.leader) = (newest, None);
        }
        Self { km, km2, km3 }
    }

    fn silence(&self, ids: &[ManagerId]) {
        for id in ids {
            self.km.group.set().peers.get_mut(id).unwrap().reachable = false;
        }
    }

    fn is_stopped(&self, id: ManagerId) {
        let stop = Stop { operation: Revision(1), pid: None, process: None, at: START };
        self.km.group.set().state.installs.stops.insert(id, stop);
    }

    fn is_witness(&self, id: ManagerId) {
        let mut inner = self.km.group.set();
        inner.state.managers.members.get_mut(&id).unwrap().role = Role::Witness;
    }

    fn has(&self, id: ManagerId, last_log: Revision) {
        let mut inner = self.km.group.set();
        inner.peers.get_mut(&id).unwrap().status.as_mut().unwrap().last_log = last_log;
    }

    fn others_say(&self, say: impl Fn(&mut MemberStatus)) {
        for peer in self.km.group.set().peers.values_mut() {
            say(peer.status.as_mut().unwrap());
        }
    }

    async fn explained(&self) -> Value {
        self.km.get("/api/v1/explain/active").await.json()
    }

    async fn why(&self) -> String {
        self.explained().await["verdict"].as_str().unwrap().to_owned()
    }

    /// The rules of the group that do not hold.
    async fn failed(&self) -> Vec<String> {
        let rules = self.explained().await["rules"].as_array().unwrap().clone();
        let failed = rules.iter().filter(|rule| rule["pass"] == false);
        let names = failed.map(|rule| rule["rule"].as_str().unwrap().to_owned());
        names.filter(|rule| rule != "It leads the group").collect()
    }
}

const QUORUM: &str = "A quorum of voters answers";
const CANDIDATE: &str = "A voter that answers may be Active";
const LEASE: &str = "The lease of the last leader has run out";

#[tokio::test]
async fn too_few_answer() {
    let group = Leaderless::new().await;
    group.silence(&[group.km2, group.km3]);
    let votes = "Nobody is Active: there is no quorum, 1 of 3 voters answers, 2 are needed";
    let cut_off = "either km2 and km3 are down, or this Manager is cut off from them";
    assert_eq!(group.why().await, format!("{votes}; {cut_off}."));
    assert_eq!(group.failed().await, [QUORUM]);
    group.is_stopped(group.km2);
    assert_eq!(group.why().await, format!("{votes}; {cut_off}."), "not both were stopped");
    group.is_stopped(group.km3);
    assert_eq!(
        group.why().await,
        format!("{votes}; stopped on purpose, to be started: km2 and km3.")
    );
    // In a group of five one more answers, and each of the others is named.
    let group = Leaderless::new().await;
    let more = [group.km.group.admit_peer("km4"), group.km.group.admit_peer("km5")];
    group.silence(&[group.km3, more[0], more[1]]);
    group.is_stopped(group.km3);
    let why = "Nobody is Active: there is no quorum, 2 of 5 voters answer, 3 are needed; km3 was stopped on purpose, km4 does not answer, km5 does not answer.";
    assert_eq!(group.why().await, why);
}

#[tokio::test]
async fn who_answers_may_not_be() {
    let group = Leaderless::new().await;
    group.silence(&[group.km2]);
    group.is_witness(group.km3);
    // The witness has what this one lacks, and never leads itself.
    let newest = group.km.group.set().state.kernel.revision;
    group.has(group.km3, Revision(newest.0 + 812));
    let why = "Nobody is Active: no voter that answers may be: km1 lacks 812 entries that others have, whose votes it needs; km2 does not answer; km3 is a witness, which never leads.";
    assert_eq!(group.why().await, why);
    assert_eq!(group.failed().await, [CANDIDATE]);
    // Once it has them, it can be elected.
    group.has(group.km3, newest);
    assert_eq!(group.why().await, "Nobody is Active: an election is under way, which km1 can win.");
    assert!(group.failed().await.is_empty());
}

#[tokio::test]
async fn nobody_votes_before_a_lease_has_run_out() {
    let group = Leaderless::new().await;
    group.km.group.set().heard_ago = Duration::from_millis(400);
    let why = "Nobody is Active: the lease of the last leader has not run out: this Manager votes for nobody else for another 600 ms.";
    assert_eq!((group.why().await.as_str(), group.failed().await), (why, vec![LEASE.to_owned()]));
    group.km.group.set().heard_ago = Duration::from_millis(1_000);
    let why = "Nobody is Active: an election is under way, which km1, km2 or km3 can win.";
    assert_eq!(group.why().await, why);
}

#[tokio::test]
async fn somebody_steps_aside_or_takes_office() {
    let group = Leaderless::new().await;
    group.km.group.set().mode = Mode::Passive;
    group.km.group.set().leader = Some(group.km2);
    let taking =
        "Nobody is Active: km2 leads term 1 and takes office: the group has not noted it yet.";
    assert_eq!(group.why().await, taking);
    let operation = group
        .km
        .group
        .commit(command_of(&format!("operations begin make-active {} km2", group.km2)));
    assert_eq!(group.why().await, taking, "it waits for its turn");
    group
        .km
        .group
        .commit(command_of(&format!("operations step-started {operation} 0 handing epoch=2")));
    let aside = format!(
        "Nobody is Active: operation {operation} makes km2 Active, and the next Active has not taken office yet."
    );
    assert_eq!(group.why().await, aside);
}

#[tokio::test]
async fn this_one_is_cut_off_or_was_removed() {
    let group = Leaderless::new().await;
    group.others_say(|status| status.leader = Some(group.km2));
    let cut = "Nobody is Active: others say that km2 leads, and this Manager does not hear it: the way between the two is cut, or it has just fallen silent.";
    assert_eq!(group.why().await, cut);
    // What somebody said of an earlier term says nothing of now.
    group.others_say(|status| status.term = Term(0));
    assert!(group.why().await.contains("an election is under way"));
    group.km.group.set().removed = Some("Kyvos Manager 1 was removed from the group".into());
    let removed = "Nobody is Active: Kyvos Manager 1 was removed from the group; who is Active in the group is not known here.";
    assert_eq!(group.why().await, removed);
}

#[tokio::test]
async fn while_somebody_is_active_nothing_more_is_looked_at() {
    let km = Km::new();
    km.enable_ha().await;
    let km2 = km.group.admit_peer("km2");
    assert_eq!(km.get("/api/v1/explain/active").await.json()["rules"].as_array().unwrap().len(), 1);
    km.group.follow_leader(km2);
    let explained = km.get("/api/v1/explain/active").await.json();
    assert_eq!(explained["verdict"], "This Manager is Passive. As the test wants it.");
    assert_eq!(explained["rules"].as_array().unwrap().len(), 1);
    assert_eq!(explained["rules"][0]["pass"], json!(false));
}
