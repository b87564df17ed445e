//! Passes on a real machine, with made-up answers: every check, as it should be and as it should not.

use super::pass;
use crate::base::{HostId, ManagerId};
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::capabilities::prechecks::model::{Grade, Outcome, Subject};
use crate::capabilities::prechecks::plan::{Answer, Question, Tool};
use crate::capabilities::prechecks::port::fake::FakeAnswers;
use crate::leadership::Pass;

mod repository;

const KM1: HostId = HostId(4);
const KM2: HostId = HostId(5);
const TOOL: Tool = Tool::Hdfs;

/// Three Managers on hosts with everything they need, and a word to change it before the Active looks.
struct Site {
    group: FakeGroup,
    answers: FakeAnswers,
}

impl Site {
    fn new() -> Self {
        let group = FakeGroup::founded();
        for line in [
            "hosts register km1 agent:km1:7445 roles=web_portal,zookeeper",
            "hosts register km2 agent:km2:7445 roles=web_portal,zookeeper",
            "hosts register km3 ssh:kyvos@km3:22 roles=web_portal,zookeeper",
            "hosts register db1 agent:db1:7445 roles=postgres",
            "properties set kyvos-manager/SNAPSHOT_LOCATION /kyvos",
        ] {
            group.say(line);
        }
        for host in ["km2", "km3"] {
            let member = group.admit(host, "manager");
            group.inside().seen.voters.insert(member);
        }
        Self { group, answers: FakeAnswers::default() }
    }

    fn with(self, line: &str) -> Self {
        self.group.say(line);
        self
    }

    fn said(self, question: Question, answer: Answer) -> Self {
        self.answers.say(question, answer);
        self
    }

    async fn looks(&self) -> Pass {
        pass(&self.group, &self.answers).await
    }

    /// `check host` → `grade CODE`, and its detail.
    async fn found(&self, check: &str, host: &str) -> (String, String) {
        assert!(matches!(self.looks().await, Pass::Did(_)));
        self.kept(check, host)
    }

    fn kept(&self, check: &str, host: &str) -> (String, String) {
        let state = &self.group.inside().state;
        let is_it = |(subject, _): &(&Subject, &Outcome)| {
            subject.check.as_str() == check && subject.host.as_deref().unwrap_or("-") == host
        };
        let (_, outcome) = state.prechecks.results.iter().find(is_it).expect("a result");
        let code = outcome.trouble.map(|code| format!(" {}", code.as_str())).unwrap_or_default();
        (format!("{}{code}", outcome.grade.as_str()), outcome.detail.clone())
    }
}

fn bad(why: &str) -> Answer {
    Answer::Bad(why.into())
}

fn silent() -> Answer {
    Answer::Silent("no TCP connection".into())
}

fn find(host: HostId) -> Question {
    Question::Find { host, tool: TOOL }
}

fn canary(host: HostId) -> Question {
    Question::Canary { host, tool: TOOL, location: "/kyvos".into() }
}

fn identity(host: HostId) -> Question {
    Question::Identity { host, tool: TOOL }
}

fn port(host: HostId, address: &str) -> Question {
    Question::Port { host, address: address.into() }
}

fn zookeeper(host: &str) -> Question {
    Question::Zookeeper { address: format!("{host}:2181") }
}

fn balancer() -> Question {
    Question::LoadBalancer { url: "https://lb".into() }
}

fn postgres() -> Question {
    Question::Postgres { address: "db1:5432".into() }
}

#[tokio::test]
async fn where_everything_is_as_it_should_be_every_check_passes() {
    let site = Site::new().with("properties set kyvos-manager/LOAD_BALANCER_URL https://lb");
    assert_eq!(site.looks().await, Pass::Did("the prechecks found 21 results".into()));
    let state = &site.group.inside().state;
    for (subject, outcome) in &state.prechecks.results {
        assert_eq!(
            (outcome.grade, outcome.trouble),
            (Grade::Pass, None),
            "{subject:?} {outcome:?}"
        );
    }
    let said = |subject: &Subject| {
        format!("{} {}", subject.check.as_str(), subject.host.as_deref().unwrap_or("-"))
    };
    let subjects: Vec<_> = state.prechecks.results.keys().map(said).collect();
    assert_eq!(
        subjects,
        [
            "portal_role km1",
            "portal_role km2",
            "portal_role km3",
            "portal_ha -",
            "failure_tolerance -",
            "zookeeper -",
            "cli db1",
            "cli km1",
            "cli km2",
            "cli km3",
            "load_balancer -",
            "repository -",
            "repository km1",
            "repository km2",
            "repository km3",
            "identity km1",
            "identity km2",
            "identity km3",
            "port_matrix km1",
            "port_matrix km2",
            "port_matrix km3",
        ]
    );
    assert!(!state.prechecks.running());
}

// row 11
#[tokio::test]
async fn a_manager_s_host_has_the_web_portal() {
    let site =
        Site::new().with("hosts register bi1 agent roles=bi_server").with("prechecks ask bi1");
    assert_eq!(site.found("portal_role", "bi1").await.0, "fail KM_REQUIRES_WEB_PORTAL");
    assert_eq!(site.kept("portal_role", "km1").0, "pass");
    let site = Site { group: FakeGroup::founded(), answers: FakeAnswers::default() };
    let (result, detail) = site.found("portal_role", "km1").await;
    assert_eq!(result, "warn HOST_NOT_REGISTERED");
    assert!(detail.starts_with("km1 is not registered"), "{detail}");
}

// row 13
#[tokio::test]
async fn one_web_portal_is_no_web_portal_ha() {
    let site = Site { group: FakeGroup::founded(), answers: FakeAnswers::default() }
        .with("hosts register km1 agent roles=web_portal");
    let (result, detail) = site.found("portal_ha", "-").await;
    assert_eq!(result, "fail WEB_PORTAL_HA_REQUIRED");
    assert!(detail.contains("there are 1"), "{detail}");
}

// A5, requirements 3.3
#[tokio::test]
async fn two_voters_are_told_to_be_no_failover_and_three_with_one_down_too() {
    let site = Site::new();
    let removed = ManagerId(site.group.inside().seen.voters.last().unwrap().0);
    site.group.inside().seen.processes.remove(&removed);
    let (result, detail) = site.found("failure_tolerance", "-").await;
    assert_eq!(result, "warn NO_AUTOMATIC_FAILOVER");
    assert_eq!(
        detail,
        "One more failure stops Kyvos Manager: 2 of 3 voters answer, 2 are required."
    );
    site.group.inside().seen.voters.remove(&removed);
    site.group.say("prechecks ask");
    let banner = "No automatic failover: 2 of 2 Kyvos Manager instances are required. Add a third instance or a witness.";
    assert_eq!(site.found("failure_tolerance", "-").await.1, banner);
}

// rows 14, 31, 37
#[tokio::test]
async fn zookeeper_is_never_more_than_a_warning_and_says_that_ha_is_not_affected() {
    let one = || {
        let site = Site { group: FakeGroup::founded(), answers: FakeAnswers::default() };
        site.with("hosts register zk1 agent roles=zookeeper")
    };
    let none = Site { group: FakeGroup::founded(), answers: FakeAnswers::default() };
    let cases = [
        (none, "NO_ZOOKEEPER"),
        (one(), "ZOOKEEPER_NOT_REDUNDANT"),
        (one().with("hosts register zk2 agent roles=zookeeper"), "ZOOKEEPER_NOT_REDUNDANT"),
        (one().said(zookeeper("zk1"), silent()), "ZOOKEEPER_DOWN"),
        (Site::new().said(zookeeper("km2"), silent()), "ZOOKEEPER_DEGRADED"),
        (
            Site::new()
                .said(zookeeper("km2"), bad("not currently serving requests"))
                .said(zookeeper("km3"), silent()),
            "ZOOKEEPER_DOWN",
        ),
        (
            Site::new().with("properties set kyvos-manager/ZK_SERVICE_WATCH off"),
            "ZOOKEEPER_NOT_WATCHED",
        ),
    ];
    for (site, code) in cases {
        let (result, detail) = site.found("zookeeper", "-").await;
        assert_eq!(result, format!("warn {code}"), "{detail}");
        assert!(detail.contains("Kyvos Manager HA is not affected."), "{detail}");
    }
}

// rows 15, 16
#[tokio::test]
async fn every_host_has_the_tool_and_may_use_it_at_the_snapshot_location() {
    let found =
        async |question, answer| Site::new().said(question, answer).found("cli", "km2").await;
    let (result, detail) = found(find(KM2), bad("")).await;
    assert_eq!(result, "fail CLI_MISSING");
    assert!(detail.contains("km2") && detail.contains("hdfs"), "{detail}");
    let denied = Answer::Denied("Permission denied: user=kyvos".into());
    assert_eq!(found(canary(KM2), denied).await.0, "fail ACCESS_DENIED");
    assert_eq!(found(canary(KM2), bad("no space left")).await.0, "fail CANARY_FAILED");
    assert_eq!(found(canary(KM2), silent()).await.0, "fail HOST_SILENT");
    let (result, detail) = found(find(KM2), silent()).await;
    assert_eq!(result, "fail HOST_SILENT");
    assert_eq!(detail, "km2 does not answer: no TCP connection");

    let nowhere = Site::new().with("properties reset kyvos-manager/SNAPSHOT_LOCATION");
    assert_eq!(nowhere.found("cli", "km2").await.0, "warn NO_SNAPSHOT_LOCATION");
}

#[tokio::test]
async fn each_cloud_has_its_own_tool() {
    for (cloud, tool) in [("aws", Tool::Aws), ("azure", Tool::Azcopy), ("gcp", Tool::Gsutil)] {
        let site = Site::new()
            .with(&format!("properties set kyvos-manager/DEPLOYMENT {cloud}"))
            .said(Question::Find { host: KM2, tool }, bad(""));
        let (result, detail) = site.found("cli", "km2").await;
        assert_eq!(result, "fail CLI_MISSING");
        assert!(detail.contains(tool.command()), "{detail}");
    }
}

// row 17
#[tokio::test]
async fn a_cloud_needs_a_load_balancer_and_it_leads_to_the_active() {
    let lb = || Site::new().with("properties set kyvos-manager/LOAD_BALANCER_URL https://lb");
    assert_eq!(Site::new().found("load_balancer", "-").await.0, "pass");
    let cloud = Site::new().with("properties set kyvos-manager/DEPLOYMENT aws");
    assert_eq!(cloud.found("load_balancer", "-").await.0, "fail LOAD_BALANCER_REQUIRED");
    assert_eq!(lb().found("load_balancer", "-").await.0, "pass");
    let astray = lb().said(balancer(), Answer::Good("10".into()));
    let (result, detail) = astray.found("load_balancer", "-").await;
    assert_eq!(result, "fail LOAD_BALANCER_ASTRAY");
    assert!(detail.contains("leads to Kyvos Manager 10, but 1 is Active"), "{detail}");
    for answer in [silent(), bad("somebody else answered with 404")] {
        let lost = lb().said(balancer(), answer);
        assert_eq!(lost.found("load_balancer", "-").await.0, "fail LOAD_BALANCER_UNREACHABLE");
    }
}

// rows 18, 19, 34
#[tokio::test]
async fn a_repository_that_is_away_is_looked_at_from_every_manager_and_never_more_than_a_warning() {
    let down = Site::new().said(postgres(), silent());
    let (result, detail) = down.found("repository", "-").await;
    assert_eq!(result, "warn REPOSITORY_UNREACHABLE");
    assert!(detail.ends_with("Kyvos Manager works without it."), "{detail}");
    let other = Site::new().said(postgres(), bad("what listens there is no PostgreSQL"));
    assert_eq!(other.found("repository", "-").await.0, "warn REPOSITORY_NOT_POSTGRES");
    let walled = Site::new().said(port(KM2, "db1:5432"), bad("connection refused"));
    assert_eq!(walled.found("repository", "km2").await.0, "warn REPOSITORY_UNREACHABLE");
    assert_eq!(
        (walled.kept("repository", "km1").0, walled.kept("port_matrix", "km2").0),
        ("pass".into(), "pass".into())
    );
    let gone = Site::new().said(find(KM2), silent());
    assert_eq!(gone.found("repository", "km2").await.0, "warn HOST_SILENT");

    // An external one, of whatever kind.
    let external = Site::new()
        .with("properties set kyvos-manager/REPOSITORY_HOST rds.example")
        .with("properties set kyvos-manager/REPOSITORY_PORT 6432");
    assert_eq!(
        external.found("repository", "-").await.1,
        "PostgreSQL answers at rds.example:6432. A sign-in is not tried: REPOSITORY_USER is empty."
    );
    let none = Site { group: FakeGroup::founded(), answers: FakeAnswers::default() };
    assert_eq!(none.found("repository", "-").await.0, "warn NO_REPOSITORY");
}

// row 20
#[tokio::test]
async fn all_managers_are_the_same_to_their_cloud() {
    let other = Site::new().said(identity(KM2), Answer::Good("role/other".into()));
    let (result, detail) = other.found("identity", "km2").await;
    assert_eq!(result, "fail IDENTITY_DIFFERS");
    assert_eq!(detail, "km2 is role/other, but km1 is role/kyvos.");
    assert_eq!(other.kept("identity", "km3").0, "pass");
    let mute = Site::new().said(identity(KM2), bad("Unable to locate credentials"));
    assert_eq!(mute.found("identity", "km2").await.0, "fail IDENTITY_UNKNOWN");
    let empty = Site::new().said(identity(KM2), Answer::Good(" ".into()));
    assert_eq!(empty.found("identity", "km2").await.0, "fail IDENTITY_UNKNOWN");
    let alone = Site::new().said(find(KM1), silent());
    let (result, detail) = alone.found("identity", "km2").await;
    assert_eq!(result, "fail HOST_SILENT");
    assert!(detail.starts_with("Nothing to compare with: km1 does not answer"), "{detail}");
}

// row 20: the role counts, not the machine behind it
#[tokio::test]
async fn one_role_taken_by_two_machines_is_one_identity() {
    let says = |role: &str, machine: &str| {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/{machine}");
        Answer::Good(format!("{{ \"UserId\": \"AROA:{machine}\", \"Arn\": \"{arn}\" }}"))
    };
    let aws = |host| Question::Identity { host, tool: Tool::Aws };
    let site = |role: &str| {
        Site::new()
            .with("properties set kyvos-manager/DEPLOYMENT aws")
            .said(aws(KM1), says("kyvos", "i-1"))
            .said(aws(KM2), says(role, "i-2"))
    };
    assert_eq!(site("kyvos").found("identity", "km2").await.0, "pass");
    let (result, detail) = site("other").found("identity", "km2").await;
    assert_eq!(result, "fail IDENTITY_DIFFERS");
    assert!(detail.contains("assumed-role/other, but km1") && !detail.contains("i-2"), "{detail}");
    let google = Site::new().with("properties set kyvos-manager/DEPLOYMENT gcp");
    assert_eq!(google.found("identity", "km2").await.0, "warn IDENTITY_UNKNOWN");
}

// row 21
#[tokio::test]
async fn a_blocked_port_is_named_with_where_it_was_looked_from() {
    let walled = Site::new()
        .said(port(KM2, "km1:8443"), bad("connection refused"))
        .said(port(KM2, "km3:22"), bad("timed out"));
    let (result, detail) = walled.found("port_matrix", "km2").await;
    assert_eq!(result, "fail PORT_BLOCKED");
    assert_eq!(
        detail,
        "km2 → km1:8443 (peer port): connection refused; km2 → km3:22 (SSH server): timed out"
    );
    let state = &walled.group.inside().state;
    let failures: Vec<_> =
        state.prechecks.failures("km2").map(|(subject, _)| subject.check.as_str()).collect();
    assert_eq!((failures, state.prechecks.failures("km1").count()), (vec!["port_matrix"], 0));
}

#[tokio::test]
async fn so_many_blocked_ports_that_they_fill_the_detail_are_counted() {
    let site = Site::new();
    for number in 0..20 {
        site.group.say(&format!("hosts register bi{number} agent:bi{number}:7445 roles=bi_server"));
        site.answers.say(port(KM1, &format!("bi{number}:7445")), bad("refused"));
    }
    let (result, detail) = site.found("port_matrix", "km1").await;
    assert_eq!(result, "fail PORT_BLOCKED");
    assert!(detail.ends_with("; and 12 more"), "{detail}");
}

// row 21: a witness needs its peers and nothing else
#[tokio::test]
async fn a_witness_is_looked_at_for_its_peers_only() {
    let site = Site::new().with("hosts register w1 agent:w1:7445");
    site.group.admit("w1", "witness");
    assert!(matches!(site.looks().await, Pass::Did(_)));
    let (result, detail) = site.kept("port_matrix", "w1");
    assert_eq!((result.as_str(), detail.as_str()), ("pass", "w1 reaches all 3 ports it needs."));
    let state = &site.group.inside().state;
    let about: Vec<_> =
        state.prechecks.about("w1").filter(|(subject, _)| subject.host.is_some()).collect();
    let about: Vec<_> = about.iter().map(|(subject, _)| subject.check.as_str()).collect();
    assert_eq!(about, ["cli", "port_matrix"]);
}

#[tokio::test]
async fn an_ask_is_answered_by_a_run_about_what_it_asked() {
    let site = Site::new();
    site.looks().await;
    assert_eq!(site.looks().await, Pass::Nothing);
    site.group.wait(1_000);
    site.group.say("prechecks ask km2");
    let ask = site.group.inside().state.kernel.revision;
    assert!(!site.group.inside().state.prechecks.has_answered(ask));
    site.answers.inside().asked.clear();
    assert!(matches!(site.looks().await, Pass::Did(_)));
    let state = &site.group.inside().state;
    assert!(state.prechecks.has_answered(ask) && !state.prechecks.running());
    let at = |host: &str| {
        let mut about = state.prechecks.results.iter();
        let is_it = |(subject, _): &(&Subject, &Outcome)| {
            subject.check.as_str() == "cli" && subject.host.as_deref() == Some(host)
        };
        about.find(is_it).unwrap().1.at
    };
    assert!(at("km2") > at("km1"), "only km2 was looked at anew");
}

#[tokio::test]
async fn a_run_that_a_failover_broke_off_is_begun_anew_and_ends() {
    let site = Site::new();
    site.answers.inside().questions_left = Some(3);
    let Pass::Failed(why) = site.looks().await else { panic!("the tenure was over") };
    assert!(why.contains("has ended"), "{why}");
    assert!(site.group.inside().state.prechecks.running());
    site.answers.inside().questions_left = None;
    site.group.fail_over();
    assert!(matches!(site.looks().await, Pass::Did(_)));
    let state = &site.group.inside().state;
    assert_eq!((state.prechecks.running(), state.prechecks.results.len()), (false, 21));
}

#[tokio::test]
async fn a_host_that_was_let_go_is_in_no_result_of_the_next_run() {
    let site = Site::new().with("hosts register bi1 agent roles=bi_server");
    let id = site.group.inside().state.kernel.revision;
    site.looks().await;
    site.kept("cli", "bi1");
    site.group.say(&format!("hosts remove {id}"));
    site.group.say("prechecks ask");
    site.looks().await;
    let state = &site.group.inside().state;
    assert!(state.prechecks.results.keys().all(|subject| subject.host.as_deref() != Some("bi1")));
}

#[tokio::test]
async fn many_results_are_told_in_parts() {
    let site = Site::new();
    for number in 0..100 {
        site.group.say(&format!("hosts register bi{number} agent roles=bi_server"));
    }
    let before = site.group.inside().state.kernel.revision.0;
    assert_eq!(site.looks().await, Pass::Did("the prechecks found 121 results".into()));
    let state = &site.group.inside().state;
    assert_eq!(state.kernel.revision.0 - before, 4, "begin, two parts, finish");
    assert_eq!(state.prechecks.results.len(), 121);
}
