//! Groups of members inside the test process: real directories, real sockets, real TLS.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::time::{Duration, Instant};

use kyvos_manager::base::{Digest, ManagerId};
use kyvos_manager::capabilities::managers::model::{self as managers, Profile, Role};
use kyvos_manager::capabilities::properties::model as properties;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::{
    Draft, Group, Home, JoinRequest, MembershipFailure, ProposeFailure, Seat, Settled, StartFailure,
};
use kyvos_manager::machine::LEVEL_MAX;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// For how long callers are held in tests: through an election on a busy machine, and through another after it.
pub const HOLD: Duration = Duration::from_secs(20);

/// Longest time anything may take to come about.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One member with its directory and its port.
pub struct Member {
    pub dir: TempDir,
    pub address: String,
    pub role: Role,
    pub store: raft_store::Options,
    pub group: Option<Group>,
}

impl Member {
    pub async fn new(role: Role) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let dir = tempfile::tempdir().unwrap();
        (
            Member { dir, address, role, store: raft_store::Options::default(), group: None },
            listener,
        )
    }

    pub fn home(&self) -> Home {
        Home::at(self.dir.path())
    }

    pub fn profile(&self) -> Profile {
        Profile {
            host: format!("host-{}", self.address.rsplit(':').next().unwrap()),
            peer_addr: self.address.clone(),
            api_url: String::new(),
            health_url: String::new(),
            version: "test".to_owned(),
            level: LEVEL_MAX,
            lease_ms: 1000,
        }
    }

    pub fn group(&self) -> &Group {
        self.group.as_ref().expect("the member runs")
    }

    pub async fn start(&mut self, listener: TcpListener) {
        self.group = Some(self.try_start(listener).await.unwrap());
    }

    pub async fn try_start(&self, listener: TcpListener) -> Result<Group, StartFailure> {
        let seat = Seat {
            home: self.home(),
            role: self.role,
            profile: self.profile(),
            listener,
            hold: HOLD,
            store: self.store.clone(),
            thresholds: kyvos_manager::cluster::Thresholds::default(),
        };
        Group::start(seat).await
    }

    /// Stops it in good order.
    pub async fn stop(&mut self) {
        self.group.take().expect("the member runs").shutdown().await;
    }

    /// Starts it again where it was. What was dropped without a word may hold its port and its directory for
    /// a moment longer, as a killed process may.
    pub async fn restart(&mut self) {
        let started = eventually("its port and directory are free again", || async {
            let listener = TcpListener::bind(&self.address).await.map_err(|e| e.to_string())?;
            self.try_start(listener).await.map_err(|e| e.to_string())
        });
        self.group = Some(started.await);
    }
}

/// The first member of a new group, founded.
pub async fn first_member() -> Member {
    first_member_on(raft_store::Options::default()).await
}

/// The same, on such a store.
pub async fn first_member_on(store: raft_store::Options) -> Member {
    let (mut member, listener) = Member::new(Role::Manager).await;
    member.store = store;
    let founding = member.home().found("test", &["127.0.0.1".to_owned()]).unwrap();
    member.start(listener).await;
    member.group().found(founding).await.unwrap();
    member
}

/// A further member: invited, admitted, caught up and given its vote.
pub async fn join(leader: &Group, role: Role) -> Member {
    join_any(&[leader], role).await
}

/// The same, by whichever of these leads.
pub async fn join_any(present: &[&Group], role: Role) -> Member {
    let (mut member, listener) = Member::new(role).await;
    admit(present[0], &member).await;
    member.start(listener).await;
    let id = member.group().here();
    by_the_leader(present, |leader| leader.add_learner(id)).await;
    by_the_leader(present, |leader| leader.promote(id)).await;
    member
}

/// Changes the members, by whichever of these leads. On a busy machine another may lead at any moment, and then that one
/// is asked: done already is done.
pub async fn by_the_leader<'a, F>(present: &[&'a Group], change: impl Fn(&'a Group) -> F)
where
    F: Future<Output = Result<(), MembershipFailure>>,
{
    eventually("the leader changed the members", || async {
        let leads = |group: &&Group| group.standing().leading;
        let leader = present.iter().copied().find(leads).unwrap_or(present[0]);
        match change(leader).await {
            Err(lost @ (MembershipFailure::NotLeading { .. } | MembershipFailure::Unknown)) => {
                Err(lost)
            }
            done => {
                done.unwrap();
                Ok(())
            }
        }
    })
    .await;
}

/// Everything of a join up to the certificate.
pub async fn admit(leader: &Group, member: &Member) {
    let token = Digest::of(member.address.as_bytes());
    let invite =
        managers::Command::CreateJoinToken { digest: token, role: member.role, ttl_ms: 60_000 };
    committed(leader, invite).await;
    let ask = member.home().ask_to_join().unwrap();
    let request = JoinRequest {
        token,
        role: member.role,
        profile: member.profile(),
        disk_id: ask.disk_id,
        csr_pem: ask.csr_pem,
        hosts: vec!["127.0.0.1".to_owned()],
        source: None,
    };
    let grant = leader.admit(request).await.unwrap();
    member.home().join(&grant).unwrap();
}

/// A group of three Managers, all voting.
pub async fn three() -> Vec<Member> {
    three_with(first_member().await).await
}

/// The same, with such a first one.
pub async fn three_with(first: Member) -> Vec<Member> {
    set(first.group(), properties_ha()).await.unwrap();
    let second = join(first.group(), Role::Manager).await;
    let third = join_any(&[first.group(), second.group()], Role::Manager).await;
    vec![first, second, third]
}

pub fn properties_ha() -> properties::Command {
    setting(File::KyvosManager, "ENABLE_KM_HA", "yes")
}

pub fn greeting(value: &str) -> properties::Command {
    setting(File::Custom, "greeting", value)
}

pub fn setting(file: File, name: &str, value: &str) -> properties::Command {
    properties::Command::Set {
        file,
        name: name.to_owned(),
        value: value.to_owned(),
        expect: None,
        reverts_to: None,
    }
}

pub async fn set(group: &Group, command: properties::Command) -> Result<Settled, ProposeFailure> {
    group.propose(Draft::own(group.here(), command)).await
}

/// Proposes, and insists on a yes.
pub async fn committed(
    group: &Group,
    command: impl Into<kyvos_manager::machine::Command>,
) -> Settled {
    let settled = group.propose(Draft::own(group.here(), command)).await.unwrap();
    settled.answer.clone().into_result().unwrap();
    settled
}

pub fn seen_greeting(group: &Group) -> Option<String> {
    group.view(|state| state.properties.value(File::Custom, "greeting").map(str::to_owned))
}

/// Tries until it works.
pub async fn eventually<T, E, F>(what: &str, mut attempt: impl FnMut() -> F) -> T
where
    E: std::fmt::Debug,
    F: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(last) => {
                assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}: {last:?}")
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    eventually(what, || std::future::ready(if so() { Ok(()) } else { Err(()) })).await;
}

/// Waits until one of `members` leads and all of them know it; its place among them.
pub async fn leader_of(members: &[Member]) -> usize {
    let mut found = 0;
    until("all know one leader", || {
        let running: Vec<&Member> = members.iter().filter(|m| m.group.is_some()).collect();
        let leaders: Vec<Option<ManagerId>> =
            running.iter().map(|m| m.group().standing().leader).collect();
        let Some(leader) = leaders[0] else { return false };
        let place = members.iter().position(|m| {
            m.group.as_ref().is_some_and(|g| g.here() == leader && g.standing().leading)
        });
        found = place.unwrap_or(0);
        place.is_some() && leaders.iter().all(|other| *other == Some(leader))
    })
    .await;
    found
}
