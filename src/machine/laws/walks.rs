//! Random stories: steps in the words of the scripts, with the circumstances they come in.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use raft_store::machine::Committed;

use crate::base::{Digest, Epoch, ManagerId, RequestId, Timestamp};
use crate::machine::script::command_of;
use crate::machine::{Actor, Applied, Proposal, State, apply};

/// One proposal of a walk.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) line: String,
    pub(super) at: u64,
    pub(super) by: Actor,
    pub(super) leader: u64,
    pub(super) term: u64,
    /// The request's name; few enough that some come twice.
    pub(super) request: u64,
    pub(super) fence: Option<u64>,
}

/// Every walk starts in the middle of things: HA is on, two members are being added, somebody is signed in.
const BEGINNING: [&str; 12] = [
    "managers found km1",
    "managers become-active 1",
    "properties set kyvos-manager/ENABLE_KM_HA yes",
    "access create-user u0 administrator",
    "managers create-join-token t0 manager ttl=3600000",
    "managers create-join-token t1 witness ttl=3600000",
    "managers admit t0 manager km2 disk=d0",
    "managers admit t1 witness km3 disk=d1",
    "managers create-join-token t2 manager ttl=3600000",
    "operations begin add-manager 7 km2",
    "operations begin add-manager 8 km3",
    "access sign-in u0 s0 checked=4",
];

/// A story of up to 60 further steps.
pub(super) fn walk() -> impl Strategy<Value = Vec<Step>> {
    let beginning: Vec<Step> = BEGINNING
        .iter()
        .zip(1000..)
        .map(|(line, request)| Step {
            line: (*line).into(),
            at: 1,
            by: Actor::Manager(ManagerId(1)),
            leader: 1,
            term: 1,
            request,
            fence: None,
        })
        .collect();
    vec(step(), 0..60).prop_map(move |further| beginning.iter().cloned().chain(further).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let circumstances = (0..4_000_000_u64, actor(), 1..9_u64, 1..4_u64, 0..60_u64);
    (line(), circumstances, weighted(0.2, 0..30_u64)).prop_map(
        |(line, (at, by, leader, term, request), fence)| Step {
            line,
            at,
            by,
            leader,
            term,
            request,
            fence,
        },
    )
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        (0..4_u32).prop_map(|n| Actor::User(format!("u{n}"))),
        (0..3_u32).prop_map(|n| Actor::Token(format!("k{n}"))),
        (1..9_u64).prop_map(|n| Actor::Manager(ManagerId(n))),
        Just(Actor::Anonymous),
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        managers(),
        properties(),
        access(),
        operations(),
        hosts(),
        prechecks(),
        installs(),
        services(),
        alerts()
    ]
}

fn expect() -> impl Strategy<Value = String> {
    weighted(0.4, 0..40_u64)
        .prop_map(|expect| expect.map(|n| format!(" expect={n}")).unwrap_or_default())
}

fn managers() -> impl Strategy<Value = String> {
    let role = || prop_oneof![Just("manager"), Just("witness")];
    let host = || 1..6_u32;
    let member = || prop_oneof![Just(1_u64), 7..9_u64, 7..40_u64];
    prop_oneof![
        Just("managers found km9".to_owned()),
        (0..9_u32, role(), 0..90_000_000_u64).prop_map(|(token, role, ttl)| format!(
            "managers create-join-token t{token} {role} ttl={ttl}"
        )),
        (5..40_u64).prop_map(|id| format!("managers delete-join-token {id}")),
        (0..9_u32, role(), host(), 0..9_u32).prop_map(|(token, role, host, disk)| {
            format!("managers admit t{token} {role} km{host} disk=d{disk}")
        }),
        (member(), 0..700_usize)
            .prop_map(|(member, long)| format!("managers withdraw {member} repeat(w,{long})")),
        (member(), host(), 0..3_u32, 0..70_000_u64).prop_map(|(member, host, level, lease)| {
            format!("managers announce {member} km{host} level={level} lease={lease}")
        }),
        (member(), 0..4_u32, expect()).prop_map(|(member, alias, expect)| format!(
            "managers alias {member} a{alias}{expect}"
        )),
        (member(), 1..4_u64)
            .prop_map(|(member, term)| format!("managers become-active {member} in_term={term}")),
        Just("managers raise-level 1".to_owned()),
    ]
}

fn properties() -> impl Strategy<Value = String> {
    let timer = prop_oneof![
        Just("RAFT_HEARTBEAT_MS"),
        Just("RAFT_ELECTION_MIN_MS"),
        Just("RAFT_ELECTION_MAX_MS")
    ];
    prop_oneof![
        (0..4_u32, 0..4_200_usize, expect()).prop_map(|(name, long, expect)| format!(
            "properties set custom/c{name} repeat(v,{long}){expect}"
        )),
        (0..4_u32, expect())
            .prop_map(|(name, expect)| format!("properties reset custom/c{name}{expect}")),
        (timer, 1..3_000_u64)
            .prop_map(|(timer, ms)| format!("properties set kyvos-manager/{timer} {ms}")),
        prop_oneof![Just("yes"), Just("no"), Just("maybe")]
            .prop_map(|value| format!("properties set kyvos-manager/ENABLE_KM_HA {value}")),
        Just("properties reset kyvos-manager/ENABLE_KM_HA".to_owned()),
    ]
}

fn access() -> impl Strategy<Value = String> {
    let user = || 0..4_u32;
    let role = || prop_oneof![Just("administrator"), Just("maintainer"), Just("auditor")];
    prop_oneof![
        (user(), role()).prop_map(|(user, role)| format!("access create-user u{user} {role}")),
        (user(), role(), any::<bool>(), expect()).prop_map(|(user, role, active, expect)| {
            format!("access change-user u{user} role={role} active={active}{expect}")
        }),
        user().prop_map(|user| format!("access change-user u{user} password=new")),
        user().prop_map(|user| format!("access delete-user u{user}")),
        (user(), 0..3_u32, prop_oneof![Just(4_u64), 0..40_u64]).prop_map(
            |(user, session, checked)| format!(
                "access sign-in u{user} s{session} checked={checked}"
            )
        ),
        user().prop_map(|user| format!("access wrong-password u{user}")),
        (0..3_u32).prop_map(|session| format!("access sign-out s{session}")),
        (0..3_u32, role(), 0..4_000_000_u64).prop_map(|(token, role, ttl)| format!(
            "access create-token k{token} x{token} {role} ttl={ttl}"
        )),
        (5..40_u64).prop_map(|id| format!("access delete-token {id}")),
    ]
}

fn hosts() -> impl Strategy<Value = String> {
    let host = || 1..4_u32;
    let id = || 10..40_u64;
    let roles = || prop_oneof![Just("web_portal"), Just("postgres,zookeeper"), Just("")];
    let way = || prop_oneof![Just("agent"), Just("agent:km1:7445"), Just("ssh:kyvos@km1:22")];
    prop_oneof![
        (host(), way(), roles())
            .prop_map(|(host, way, roles)| format!("hosts register km{host} {way} roles={roles}")),
        (id(), way(), roles(), expect()).prop_map(|(id, way, roles, expect)| format!(
            "hosts change {id} transport={way} roles={roles}{expect}"
        )),
        (id(), expect()).prop_map(|(id, expect)| format!("hosts remove {id}{expect}")),
        (id(), 0..3_u32, 0..90_000_000_u64)
            .prop_map(|(id, token, ttl)| format!("hosts invite {id} e{token} ttl={ttl}")),
        (id(), 0..3_u32).prop_map(|(id, token)| format!("hosts enrol {id} e{token} km1:7445")),
        (id(), 0..3_u32, expect())
            .prop_map(|(id, key, expect)| format!("hosts trust {id} key{key}{expect}")),
        (0..3_u32).prop_map(|key| format!("hosts set-ssh-key key{key}")),
        (id(), 0..2_u32, id()).prop_map(|(id, version, asked)| format!(
            "hosts note {id} answers 0.{version} asked={asked}"
        )),
        id().prop_map(|id| format!("hosts look {id}")),
        (id(), 0..700_usize)
            .prop_map(|(id, long)| format!("hosts note {id} silent repeat(w,{long})")),
    ]
}

fn prechecks() -> impl Strategy<Value = String> {
    let check = || prop_oneof![Just("cli"), Just("portal_ha"), Just("port_matrix")];
    let run = || 10..50_u64;
    let about = || prop_oneof![Just("km1"), Just("km2"), Just("km9"), Just("")];
    prop_oneof![
        about().prop_map(|host| format!("prechecks ask {host}").trim_end().to_owned()),
        any::<bool>().prop_map(|everything| format!("prechecks begin everything={everything}")),
        (run(), check(), 0..700_usize, 0..70_usize, about()).prop_map(
            |(run, check, long, times, host)| {
                let host = if host.is_empty() { "".into() } else { format!(" host={host}") };
                format!("prechecks note {run} {check} fail repeat(w,{long}) times={times}{host}")
            }
        ),
        run().prop_map(|run| format!("prechecks finish {run}")),
    ]
}

fn operations() -> impl Strategy<Value = String> {
    let id = || prop_oneof![10..12_u64, 7..40_u64];
    let epoch = || prop_oneof![Just(2_u64), 0..40_u64];
    let end = prop_oneof![Just("done"), Just("skipped"), Just("failed"), Just("needs-decision")];
    prop_oneof![
        (7..40_u64, 1..6_u32)
            .prop_map(|(member, host)| format!("operations begin add-manager {member} km{host}")),
        (prop_oneof![Just(1_u64), 7..9_u64], one_of_a_kind())
            .prop_map(|(member, kind)| format!("operations begin {kind} {member} km")),
        vec(7..9_u64, 1..3).prop_map(|members| {
            let members: Vec<String> = members.iter().map(u64::to_string).collect();
            format!("operations begin restart-passives {}", members.join(" "))
        }),
        (on_hosts(), 7..9_u64, 10..40_u64).prop_map(|(kind, member, host)| {
            let words = kind.replace("MEMBER", &member.to_string());
            format!("operations begin {}", words.replace("HOST", &host.to_string()))
        }),
        (id(), 0..3_u32, 0..1_200_usize, epoch()).prop_map(|(id, step, long, epoch)| {
            format!("operations step-started {id} {step} repeat(d,{long}) epoch={epoch}")
        }),
        (id(), 0..3_u32, end, epoch()).prop_map(|(id, step, end, epoch)| format!(
            "operations step-ended {id} {step} {end} so epoch={epoch}"
        )),
        id().prop_map(|id| format!("operations cancel {id}")),
        id().prop_map(|id| format!("operations retry {id}")),
    ]
}

fn one_of_a_kind() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("make-active"),
        Just("step-aside"),
        Just("restart-active"),
        Just("remove-manager")
    ]
}

fn on_hosts() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("start MEMBER:km2:HOST"),
        Just("stop MEMBER:km2:HOST all=true"),
        Just("restart-down MEMBER:km2:HOST"),
        Just("add-on-host HOST km1"),
        Just("replace MEMBER km2 HOST km1 old_at=HOST"),
        Just("push-script HOST:km1"),
        Just("services restart one web_portal:HOST:km1"),
        Just("services stop cluster web_portal:HOST:km1"),
    ]
}

impl Step {
    pub(super) fn proposal(&self) -> Proposal {
        Proposal {
            at: Timestamp(self.at),
            by: self.by.clone(),
            via: ManagerId(self.leader),
            source: None,
            request: RequestId::new(format!("q{}", self.request)).unwrap(),
            fingerprint: Digest::of(self.line.as_bytes()),
            fence: self.fence.map(Epoch),
            reason: None,
            command: command_of(&self.line),
        }
    }

    /// The entry this step is in a log that held so many before it.
    pub(super) fn entry(&self, before: u64) -> Committed {
        let payload = Some(Bytes::from(self.proposal().encode()));
        Committed { index: before + 1, term: self.term, leader: self.leader, payload }
    }
}

/// The entries of a walk, from index 1 on.
pub(super) fn log(walk: &[Step]) -> Vec<Committed> {
    walk.iter().zip(0..).map(|(step, before)| step.entry(before)).collect()
}

/// Applies entries to a machine.
pub(super) fn told(state: &mut State, log: &[Committed]) -> Vec<Applied> {
    log.iter().map(|entry| apply(state, entry)).collect()
}

fn installs() -> impl Strategy<Value = String> {
    let member = || prop_oneof![Just(1_u64), 7..9_u64, 7..40_u64];
    prop_oneof![
        (member(), 0..40_u64).prop_map(|(id, by)| format!("installs note-stop {id} {by} pid={by}")),
        member().prop_map(|id| format!("installs note-start {id}")),
        (10..40_u64, 0..40_u64, 0..1_100_usize).prop_map(|(host, by, long)| format!(
            "installs note-push {host} {by} written /repeat(w,{long}) script"
        )),
        (10..40_u64, 0..700_usize).prop_map(|(host, long)| format!(
            "installs note-push {host} 1 failed repeat(w,{long})"
        )),
    ]
}

fn services() -> impl Strategy<Value = String> {
    let path = || 0..4_u32;
    prop_oneof![
        (any::<bool>(), expect()).prop_map(|(verified, expect)| format!(
            "services set-profile /k/{{host}}:{{port}} verified={verified}{expect}"
        )),
        expect().prop_map(|expect| format!("services reset-profile{expect}")),
        (0..3_u32, expect())
            .prop_map(|(name, expect)| format!("services set-access username=u{name}{expect}")),
        (0..3_usize, 0..700_usize).prop_map(|(standing, long)| match standing {
            0 => format!("services note-watch off repeat(w,{long})"),
            1 => format!("services note-watch away repeat(w,{long})"),
            _ => "services note-watch watching server=zk1:2181 mode=leader".to_owned(),
        }),
        (path(), path(), 0..300_usize).prop_map(|(path, host, times)| format!(
            "services note-seen /k/p{path} h{host} times={times}"
        )),
        path().prop_map(|path| format!("services note-gone /k/p{path}")),
        Just("services discover /k".to_owned()),
        (10..60_u64).prop_map(|ask| format!("services note-discovery {ask} /k")),
        (0..70_usize, expect()).prop_map(|(long, expect)| format!(
            "services set-control bi_server repeat(u,{long}) tcp={long}{expect}"
        )),
        (10..40_u64, any::<bool>(), expect()).prop_map(|(host, runs, expect)| {
            let want = if runs { "running" } else { "stopped" };
            format!("services want {want} web_portal:{host}{expect}")
        }),
        (10..40_u64, 0..700_usize, any::<bool>()).prop_map(|(host, long, whole)| format!(
            "services note-verdicts down repeat(b,{long}) web_portal:{host} whole={whole}"
        )),
        (any::<bool>(), 0..30_u32, expect()).prop_map(|(on, restarts, expect)| {
            let on = if on { "on" } else { "off" };
            format!("services set-ha {on} settle=0 restarts={restarts}{expect}")
        }),
        (10..40_u64)
            .prop_map(|host| format!("services note-verdicts up so web_portal:{host} whole=true")),
        (10..40_u64, 0..4_000_000_u64, 0..300_usize).prop_map(|(host, until, long)| format!(
            "services open-window web_portal:{host} until={until} note=repeat(n,{long})"
        )),
        (10..60_u64).prop_map(|id| format!("services close-window {id}")),
        (10..40_u64).prop_map(|host| format!("services recover web_portal:{host}")),
        (10..40_u64).prop_map(|host| format!("services settle web_portal:{host}")),
        (10..40_u64).prop_map(|host| format!("services acknowledge web_portal:{host}")),
        (0..1_600_u16, 0..80_usize, expect()).prop_map(|(minute, long, expect)| format!(
            "services set-schedule stopped {:02}:{:02} name=repeat(n,{long}){expect}",
            minute / 60,
            minute % 60
        )),
        (10..60_u64, 0..4_000_u64)
            .prop_map(|(id, minute)| format!("services note-due {id} {}", minute * 60_000)),
        (10..60_u64).prop_map(|id| format!("services settle-schedule {id}")),
        (10..40_u64, 1..60_usize).prop_map(|(host, times)| format!(
            "services note-at-rest kyvos/N 1 web_portal:{host} times={times}"
        )),
        (10..60_u64).prop_map(|id| format!("services remove-schedule {id}")),
        (10..60_u64, 10..40_u64).prop_map(|(ask, host)| format!(
            "operations begin recover {ask} web_portal:{host}:km1"
        )),
    ]
}

fn alerts() -> impl Strategy<Value = String> {
    let (id, key) = (|| 3..60_u64, || 0..4_u32);
    prop_oneof![
        (key(), 0..600_usize).prop_map(|(key, long)| format!(
            "alerts raise k{key} HOST_SILENT text=repeat(t,{long})"
        )),
        (key(), 0..5_u32, any::<bool>()).prop_map(|(key, time, grave)| {
            let severity = if grave { "error" } else { "info" };
            format!("alerts raise m{key} ACTIVE_CHANGED occurrence={time} severity={severity}")
        }),
        key().prop_map(|key| format!("alerts resolve k{key}")),
        id().prop_map(|id| format!("alerts acknowledge {id} seen")),
        key().prop_map(|name| format!("alerts add-channel c{name} least=info webhook https://h")),
        (id(), expect())
            .prop_map(|(id, expect)| format!("alerts set-channel {id} c0 email h:25 a@b{expect}")),
        (id(), expect()).prop_map(|(id, expect)| format!("alerts remove-channel {id}{expect}")),
        id().prop_map(|id| format!("alerts try-out {id}")),
        (id(), id()).prop_map(|(id, asked)| format!("alerts note-try-out {id} {asked}")),
        (id(), id(), any::<bool>()).prop_map(|(id, letter, failed)| {
            let failed = if failed { " failed=no" } else { "" };
            format!("alerts note-told {id} {letter}{failed}")
        }),
    ]
}
