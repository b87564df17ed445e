//! Passes of judging over a group whose hosts and Managers see what the test says.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::capabilities::services::model::{Freshness, ServiceType, Verdict, verdict_freshness};
use crate::remote::{Told, Watch};

/// Three Managers, a host with a BI Server that runs, whose znode was seen, and who sees it.
struct Stage {
    group: FakeGroup,
    memory: Memory,
    host: HostId,
    /// Managers that do not reach the service.
    blind: Mutex<BTreeSet<ManagerId>>,
    /// Managers that cannot be asked.
    silent: Mutex<BTreeSet<ManagerId>>,
    /// Whether the znode goes while Managers look.
    goes_meanwhile: AtomicBool,
}

impl Observe for Stage {
    fn here(&self) -> ManagerId {
        ManagerId(1)
    }

    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>> {
        self.group.hosts.units(host, units)
    }

    fn look<'a>(
        &'a self,
        by: ManagerId,
        endpoints: &'a [Endpoint],
    ) -> BoxFuture<'a, Result<Vec<crate::cluster::Looked>, String>> {
        if self.goes_meanwhile.swap(false, Ordering::SeqCst) {
            self.later();
            self.znode_goes();
        }
        let silent = self.silent.lock().unwrap().contains(&by);
        let blind = self.blind.lock().unwrap().contains(&by);
        let looked = if blind { Err("refused".to_owned()) } else { Ok(()) };
        let looked = vec![looked; endpoints.len()];
        let told = if silent { Err("no answer".to_owned()) } else { Ok(looked) };
        async { told }.boxed()
    }
}

impl Stage {
    fn new() -> Self {
        let group = FakeGroup::founded();
        group.admit("km2", "manager");
        group.admit("km3", "manager");
        group.say("hosts register s1 agent roles=bi_server");
        let host = HostId(group.inside().state.kernel.revision.0);
        group.say("services note-watch watching");
        let stage = Self {
            group,
            memory: Memory::default(),
            host,
            blind: Mutex::default(),
            silent: Mutex::default(),
            goes_meanwhile: AtomicBool::default(),
        };
        stage.unit(UnitState::Running);
        stage.group.say("services note-seen /kyvos/bi_servers/s1:8081 s1 port=8081");
        stage
    }

    fn unit(&self, state: UnitState) {
        let pid = (state == UnitState::Running).then_some(77);
        let status = UnitStatus { state, pid, since: None, ended: "killed".into() };
        let key = (self.host, "kyvos-bi-server".to_owned());
        self.group.hosts.inside().units.insert(key, status);
    }

    fn nobody_reaches_it(&self) {
        let everybody: Vec<_> = self.group.inside().seen.processes.keys().copied().collect();
        self.blind.lock().unwrap().extend(everybody);
    }

    fn later(&self) {
        let mut inside = self.group.inside();
        inside.seen.now = inside.seen.now.plus_ms(10);
    }

    fn znode_goes(&self) {
        self.group.say("services note-gone /kyvos/bi_servers/s1:8081");
    }

    /// Looks anew, whenever the last time was.
    async fn judge(&self) -> Verdict {
        self.memory.0.lock().unwrap().1.clear();
        let pass = pass(&self.group, self, &self.memory).await;
        assert!(!matches!(pass, Pass::Failed(_)), "{pass:?}");
        let inside = self.group.inside();
        let service = ServiceId { service: ServiceType::BiServer, host: self.host };
        inside.state.services.verdicts[&service].judgement.verdict
    }

    fn evidence(&self) -> Vec<(Observer, Says)> {
        let inside = self.group.inside();
        let judged = inside.state.services.verdicts.values().next().unwrap();
        judged.judgement.evidence.iter().map(|seen| (seen.observer, seen.says)).collect()
    }
}

#[tokio::test]
async fn a_service_is_down_when_its_host_and_the_managers_agree() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    let probes =
        stage.evidence().iter().filter(|(who, _)| matches!(who, Observer::Probe(_))).count();
    assert_eq!(probes, 3, "{:?}", stage.evidence());
    stage.unit(UnitState::Failed);
    assert_eq!(stage.judge().await, Verdict::Degraded, "those who ask it still get an answer");
    stage.nobody_reaches_it();
    assert_eq!(stage.judge().await, Verdict::Down);
    let inside = stage.group.inside();
    let judged = inside.state.services.verdicts.values().next().unwrap();
    assert_eq!((judged.was, judged.last_up.is_some()), (Some(Verdict::Degraded), true));
    assert!(judged.judgement.because.contains("its unit does not run (killed)"));
    assert!(judged.judgement.because.ends_with("Its znode has not gone yet."));
}

// issue 6, point 8: what vanished is on screen at once, however many services wait for their turn
#[tokio::test]
async fn whose_znode_went_is_looked_at_before_its_turn_and_once() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    let due_now = || {
        let looks = stage.memory.looks(stage.group.inside().epoch);
        stage.group.look(|state, _| due(state, &looks, MOST).len())
    };
    assert_eq!(due_now(), 0);
    stage.later();
    stage.unit(UnitState::Failed);
    stage.nobody_reaches_it();
    stage.znode_goes();
    assert_eq!(due_now(), 1);
    stage.later();
    pass(&stage.group, &stage, &stage.memory).await;
    let inside = stage.group.inside();
    let judged = inside.state.services.verdicts.values().next().unwrap();
    assert_eq!(judged.judgement.verdict, Verdict::Down);
    drop(inside);
    assert_eq!(due_now(), 0);
}

// issue 6, point 8: to reach a host costs more than all it has to say
#[tokio::test]
async fn a_host_is_asked_once_for_all_of_its_services() {
    let stage = Stage::new();
    stage.group.say("hosts register s2 agent roles=bi_server,query_engine,web_portal");
    stage.judge().await;
    let asked = stage.group.hosts.inside().asked.clone();
    assert_eq!(asked.iter().map(|(_, units)| *units).collect::<Vec<_>>(), [1, 3]);
    // When the turn of one has come, the others come with it.
    stage.group.hosts.inside().asked.clear();
    let (host, _) = asked[1];
    let engine = ServiceId { service: ServiceType::QueryEngine, host };
    stage.memory.0.lock().unwrap().1.remove(&engine).unwrap();
    pass(&stage.group, &stage, &stage.memory).await;
    assert_eq!(stage.group.hosts.inside().asked, [(host, 3)]);
}

// issue 6, point 8
#[tokio::test]
async fn whose_znode_goes_in_the_middle_of_a_round_does_not_wait_for_its_end() {
    let stage = Stage::new();
    for number in 2..=2 * PART {
        stage.group.say(&format!("hosts register s{number} agent roles=bi_server"));
    }
    stage.goes_meanwhile.store(true, Ordering::SeqCst);
    let epoch = stage.group.inside().epoch;
    let looks = |most| {
        let looks = stage.memory.looks(epoch);
        stage.group.look(|state, _| due(state, &looks, most))
    };
    assert_eq!(looks(MOST).len(), 2 * PART);
    pass(&stage.group, &stage, &stage.memory).await;
    assert_eq!(stage.memory.looks(epoch).len(), PART, "the rest waits");
    let next = looks(MOST);
    assert_eq!(next[0].host, stage.host);
    assert!(next.len() < PART, "few are looked at with it: {}", next.len());
    pass(&stage.group, &stage, &stage.memory).await;
    pass(&stage.group, &stage, &stage.memory).await;
    assert_eq!(stage.memory.looks(epoch).len(), 2 * PART, "nobody is forgotten");
}

// issue 6: what holds too much, or is closed to us, is not listed
#[tokio::test]
async fn a_znode_that_cannot_be_seen_is_not_one_that_is_gone() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    stage.znode_goes();
    assert_eq!(stage.judge().await, Verdict::Degraded, "it went");
    for (trouble, verdict) in [
        ("/kyvos/bi_servers has 20001 children; more than 20000 are not listed", Verdict::Up),
        ("/kyvos has children that we may not list", Verdict::Up),
        ("more than 100000 znodes; the others are not seen", Verdict::Up),
        (
            "/kyvos/query_engines has 20001 children; more than 20000 are not listed",
            Verdict::Degraded,
        ),
        ("/kyvos/bi has children that we may not list", Verdict::Degraded),
        ("a name beneath /kyvos/bi_servers is too long", Verdict::Degraded),
    ] {
        stage.group.say(&format!("services note-watch watching trouble=\"{trouble}\""));
        assert_eq!(stage.judge().await, verdict, "{trouble}");
    }
}

// rows 31-33
#[tokio::test]
async fn zookeepers_silence_says_nothing_of_a_service() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    stage.znode_goes();
    assert_eq!(stage.judge().await, Verdict::Degraded, "the znode alone went");
    stage.group.say("services note-watch away lost");
    assert_eq!(stage.judge().await, Verdict::Up);
    stage.group.hosts.inside().silent.insert(stage.host);
    stage.nobody_reaches_it();
    assert_eq!(stage.judge().await, Verdict::Unknown, "Managers that are cut off are one voice");
    stage.group.say("services note-watch watching");
    assert_eq!(stage.judge().await, Verdict::Down, "with the znode gone they are two");
}

#[tokio::test]
async fn a_manager_that_is_cut_off_or_cannot_be_asked_calls_nobody_down() {
    let stage = Stage::new();
    stage.blind.lock().unwrap().insert(ManagerId(1));
    assert_eq!(stage.judge().await, Verdict::Degraded);
    let others: Vec<_> = stage.group.inside().seen.processes.keys().skip(1).copied().collect();
    stage.silent.lock().unwrap().extend(others);
    assert_eq!(stage.judge().await, Verdict::Up, "one that gets no answer says nothing alone");
}

#[tokio::test]
async fn what_is_said_already_is_not_said_again_and_each_tenure_looks_itself() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    let fresh = |stage: &Stage| verdict_freshness(&stage.group.inside().state);
    assert_eq!(fresh(&stage), Freshness::Fresh);
    let before = stage.group.inside().state.kernel.revision;
    assert_eq!(stage.judge().await, Verdict::Up);
    assert_eq!(stage.group.inside().state.kernel.revision, before);
    stage.group.fail_over();
    assert_ne!(fresh(&stage), Freshness::Fresh);
    stage.judge().await;
    assert_eq!(fresh(&stage), Freshness::Fresh);
}

#[tokio::test]
async fn other_words_for_the_same_are_told_after_a_while_and_not_for_ever() {
    let stage = Stage::new();
    let words = |stage: &Stage| {
        let inside = stage.group.inside();
        let judged = inside.state.services.verdicts.values().next().unwrap();
        let evidence = &judged.judgement.evidence;
        let unit = evidence.iter().find(|seen| seen.observer == Observer::Unit).unwrap();
        (judged.judgement.verdict, judged.since, unit.because.clone())
    };
    let later = |stage: &Stage, ms| {
        let mut inside = stage.group.inside();
        inside.seen.now = inside.seen.now.plus_ms(ms);
    };
    let runs_as = |stage: &Stage, pid| {
        let key = (stage.host, "kyvos-bi-server".to_owned());
        stage.group.hosts.inside().units.get_mut(&key).unwrap().pid = Some(pid);
    };
    stage.judge().await;
    let (verdict, since, because) = words(&stage);
    assert_eq!((verdict, because.as_str()), (Verdict::Up, "it runs as process 77"));
    // It was restarted between two looks.
    runs_as(&stage, 78);
    later(&stage, 59_000);
    stage.judge().await;
    assert_eq!(
        words(&stage).2,
        "it runs as process 77",
        "whoever restarts for ever is not told for ever"
    );
    later(&stage, 1_000);
    stage.judge().await;
    assert_eq!(words(&stage), (Verdict::Up, since, "it runs as process 78".into()));

    // What is too long to be kept is no news because of that.
    let long =
        UnitStatus { state: UnitState::Failed, pid: None, since: None, ended: "why ".repeat(200) };
    let key = (stage.host, "kyvos-bi-server".to_owned());
    stage.group.hosts.inside().units.insert(key, long);
    stage.judge().await;
    let before = stage.group.inside().state.kernel.revision;
    later(&stage, 120_000);
    stage.judge().await;
    assert_eq!(stage.group.inside().state.kernel.revision, before);
}

#[tokio::test]
async fn a_host_of_which_nothing_is_heard_keeps_nobody_waiting() {
    let stage = Stage::new();
    stage.group.say(&format!("hosts note {} silent \"no route\"", stage.host));
    stage.judge().await;
    let inside = stage.group.inside();
    let judged = inside.state.services.verdicts.values().next().unwrap();
    let unit = judged.judgement.evidence.iter().find(|seen| seen.observer == Observer::Unit);
    assert_eq!(unit.unwrap().because, "its host is silent: no route");
}

#[tokio::test]
async fn a_service_that_its_host_is_starting_is_not_called_down() {
    let stage = Stage::new();
    stage.judge().await;
    stage.nobody_reaches_it();
    stage.unit(UnitState::Starting);
    assert_ne!(stage.judge().await, Verdict::Down);
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_long_ago_says_nothing() {
    let stage = Stage::new();
    assert_eq!(stage.judge().await, Verdict::Up);
    let looks = |stage: &Stage| stage.memory.looks(stage.group.inside().epoch);
    tokio::time::advance(Duration::from_secs(60)).await;
    let looks = looks(&stage);
    stage.znode_goes();
    let told = stage.group.look(|state, seen| news(state, &looks, seen.now));
    let told = format!("{told:?}");
    assert!(told.contains("Unknown") && told.contains("not looked at since "), "{told}");
}
