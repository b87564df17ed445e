//! Services HA: what went down is started again, once, and when it is not it can be told why.

use super::*;
use crate::base::HostId;
use crate::capabilities::operations::model::Kind;
use crate::capabilities::services::model::{
    Desk, End, HaStanding, Reason, ServiceId, ServiceType, Settings, Want,
};
use crate::capabilities::services::reconciler::recover;
use crate::remote::{UnitState, UnitStatus};

/// Longer than one is down before something is done, and than any pause.
const LONG_MS: u64 = 400_000;

struct Stage {
    group: FakeGroup,
    s1: HostId,
    s2: HostId,
}

/// Two hosts with a BI Server, of which the first was up and Services HA looks after it.
fn stage() -> Stage {
    let group = group();
    group.say("hosts register s1 agent roles=bi_server");
    group.say("hosts register s2 agent roles=bi_server");
    let [s1, s2] = ["s1", "s2"].map(|name| group.inside().state.hosts.named(name).unwrap().0);
    let stage = Stage { group, s1, s2 };
    stage.say("services set-ha on");
    stage.say("hosts note S1 answers 1");
    stage.say("hosts note S2 answers 1");
    stage.say("services note-verdicts up so bi_server:S1 bi_server:S2 whole=true");
    stage
}

impl Stage {
    fn say(&self, words: &str) {
        let said = words.replace("S1", &self.s1.to_string()).replace("S2", &self.s2.to_string());
        self.group.say(&said);
    }

    /// Its process ended, as its host and others say.
    fn goes_down(&self) {
        let status =
            UnitStatus { state: UnitState::Failed, pid: None, since: None, ended: "9".into() };
        let key = (self.s1, "kyvos-bi-server".to_owned());
        self.group.hosts.inside().units.insert(key, status);
        self.say("services note-verdicts down gone bi_server:S1 says=not_there");
    }

    fn comes_up(&self) {
        self.say("services note-verdicts up back bi_server:S1");
    }

    fn service(&self) -> ServiceId {
        ServiceId { service: ServiceType::BiServer, host: self.s1 }
    }

    fn reason(&self) -> Reason {
        self.standing().reason
    }

    fn standing(&self) -> HaStanding {
        let inside = self.group.inside();
        Desk::of(&inside.state, inside.seen.now).standing(self.service())
    }

    /// Some seconds of every reconciler, with the Active that is.
    async fn seconds(&self, count: usize) {
        for _ in 0..count {
            let _ = recover(&self.group).await;
            passes(&self.group, 1).await;
            self.group.wait(1_000);
        }
    }

    /// Seconds until the next recovery has begun and ended.
    async fn until_over(&self) {
        let known = self.recoveries().len();
        for _ in 0..60 {
            self.seconds(1).await;
            if self.recoveries().len() > known && self.end().is_some() {
                return;
            }
        }
        panic!("nothing was recovered: {:?}", self.reason());
    }

    fn recoveries(&self) -> Vec<Status> {
        let inside = self.group.inside();
        let all = inside.state.operations.operations.values();
        let by_itself = all.filter(|operation| matches!(operation.kind, Kind::Recover(_)));
        by_itself.map(|operation| operation.status).collect()
    }

    fn starts(&self) -> usize {
        let inside = self.group.inside();
        inside.deeds.iter().filter(|deed| deed.starts_with("start kyvos-bi-server")).count()
    }

    fn end(&self) -> Option<End> {
        let inside = self.group.inside();
        let known = inside.state.services.ha.recoveries.get(&self.service())?;
        known.last.ended.map(|(end, _)| end)
    }

    fn last_error(&self) -> String {
        let inside = self.group.inside();
        let newest = inside.state.operations.operations.values().next_back().unwrap();
        newest.error.clone().unwrap_or_default()
    }
}

#[tokio::test]
async fn what_went_down_is_started_again_once_with_its_evidence() {
    let stage = stage();
    stage.goes_down();
    assert_eq!(stage.reason(), Reason::Settling);
    stage.seconds(9).await;
    assert_eq!(stage.recoveries(), [], "whoever restarts it by himself goes first");
    stage.until_over().await;
    assert_eq!((stage.starts(), stage.end()), (1, Some(End::Served)));
    let operation = {
        let inside = stage.group.inside();
        inside.state.operations.operations.values().next_back().unwrap().clone()
    };
    assert_eq!(operation.kind.title(), "Recover BI Server on s1");
    assert!(operation.steps[0].detail.ends_with("gone"), "{:?}", operation.steps[0]);
    stage.comes_up();
    stage.seconds(60).await;
    assert_eq!((stage.starts(), stage.recoveries().len()), (1, 1));
}

/// Every act of it, also of deciding and of taking down how it ended.
#[tokio::test]
async fn the_active_may_die_before_any_act_and_it_is_started_once() {
    let mut boundaries = 0;
    for acts in 0.. {
        let stage = stage();
        stage.group.admit("km2", "manager");
        stage.group.admit("km3", "manager");
        settle(&stage.group).await;
        stage.goes_down();
        stage.group.wait(LONG_MS);
        stage.group.inside().acts_left = Some(acts);
        for _ in 0..20 {
            if stage.group.inside().acts_left != Some(0) && stage.end().is_none() {
                stage.seconds(1).await;
            }
        }
        if stage.group.inside().acts_left != Some(0) {
            break;
        }
        boundaries += 1;
        stage.group.kill_active();
        assert_ne!(stage.reason(), Reason::Due, "nobody acts on what another saw");
        match stage.starts() {
            0 => {
                stage.say("services note-verdicts down gone bi_server:S1 says=not_there whole=true")
            }
            _ => stage.say("services note-verdicts up so bi_server:S1 whole=true"),
        }
        stage.seconds(10).await;
        stage.comes_up();
        stage.seconds(20).await;
        assert_eq!(stage.starts(), 1, "after {acts} acts");
        assert_eq!(stage.recoveries(), [Status::Succeeded], "after {acts} acts");
        assert_eq!(stage.end(), Some(End::Served), "after {acts} acts");
    }
    assert!(boundaries >= 5, "only {boundaries} boundaries were met");
}

#[tokio::test]
async fn every_reason_why_nothing_is_done_is_told() {
    let rows: &[(&[&str], Reason)] = &[
        (&[], Reason::Due),
        (&["services note-verdicts up so bi_server:S1"], Reason::Up),
        (&["services note-verdicts degraded so bi_server:S1"], Reason::Degraded),
        (&["services note-verdicts unknown so bi_server:S1"], Reason::Unknown),
        (&["services want stopped bi_server:S1"], Reason::Planned),
        (&["services want stopped bi_server:S1 why=schedule"], Reason::Planned),
        (&["managers become-active 1"], Reason::Stale),
        (&["services reset-ha"], Reason::HaOff),
        (&["services set-ha off"], Reason::HaOff),
        (&["services set-ha on automation=false"], Reason::AutomationOff),
        (&["services set-ha on off=bi_server"], Reason::TypeOff),
        (&["services set-ha on off=postgres"], Reason::Due),
        (&["services open-window cluster until=9000000"], Reason::Window),
        (&["services open-window bi_server until=9000000"], Reason::Window),
        (&["services open-window S1 until=9000000"], Reason::Window),
        (&["services open-window bi_server:S1 until=9000000"], Reason::Window),
        (&["services open-window S2 until=9000000"], Reason::Due),
        (&["services open-window cluster from=8000000 until=9000000"], Reason::Due),
        (&["operations begin services restart one bi_server:S1:s1"], Reason::Operation),
        (&["services recover bi_server:S1"], Reason::Recovering),
        (&["services note-verdicts down gone bi_server:S1 says=nothing"], Reason::HostCannotSay),
        (
            &[
                "services note-verdicts down gone bi_server:S1 says=nothing",
                "hosts note S1 silent gone",
            ],
            Reason::HostSilent,
        ),
        (&["hosts change S1 roles=", "hosts change S1 roles=bi_server"], Reason::Due),
    ];
    for (said, reason) in rows {
        let stage = stage();
        stage.goes_down();
        stage.group.wait(LONG_MS);
        said.iter().for_each(|said| stage.say(said));
        assert_eq!(stage.reason(), *reason, "{said:?}");
        if *reason != Reason::Due {
            let refused = {
                let before = stage.recoveries().len();
                let _ = recover(&stage.group).await;
                stage.recoveries().len() == before || *reason == Reason::Recovering
            };
            assert!(refused, "{said:?}");
        }
    }
    let never = group();
    never.say("hosts register s1 agent roles=bi_server");
    let host = never.inside().state.hosts.named("s1").unwrap().0;
    let service = ServiceId { service: ServiceType::BiServer, host };
    let reason = |group: &FakeGroup| {
        let inside = group.inside();
        Desk::of(&inside.state, inside.seen.now).standing(service).reason
    };
    assert_eq!(reason(&never), Reason::NotLooked);
    never.say(&format!("services note-verdicts down so bi_server:{host} whole=true"));
    assert_eq!(reason(&never), Reason::NeverUp, "a cluster is first started by a person");
}

#[tokio::test]
async fn a_planned_stop_is_not_fought_even_when_it_comes_in_the_middle() {
    let stage = stage();
    stage.goes_down();
    stage.group.wait(LONG_MS);
    stage.say("services recover bi_server:S1");
    stage.say("services want stopped bi_server:S1 why=maintenance");
    stage.seconds(90).await;
    assert_eq!(stage.starts(), 0);
    assert_eq!(stage.recoveries(), [Status::Failed]);
    assert!(stage.last_error().contains("wanted stopped"), "{}", stage.last_error());
    assert_eq!(stage.reason(), Reason::Planned);
}

#[tokio::test]
async fn what_a_person_asks_for_goes_first() {
    let stage = stage();
    stage.goes_down();
    stage.group.wait(LONG_MS);
    let _ = recover(&stage.group).await;
    let _ = recover(&stage.group).await;
    assert_eq!(stage.recoveries(), [Status::Queued]);
    stage.say("operations begin services stop one bi_server:S1:s1");
    assert_eq!(stage.recoveries(), [Status::Cancelled]);
    stage.seconds(60).await;
    assert_eq!((stage.starts(), stage.end()), (0, Some(End::GaveWay)));
    assert_eq!(stage.reason(), Reason::Planned);
}

/// What is known of it is from before: it was down for long, because somebody wanted that.
#[tokio::test]
async fn what_a_person_started_only_now_is_looked_at_once_more_before_it_is_recovered() {
    for comes_up in [true, false] {
        let stage = stage();
        stage.say("operations begin services stop one bi_server:S1:s1");
        settle(&stage.group).await;
        stage.goes_down();
        stage.group.wait(LONG_MS);
        stage.say("operations begin services start one bi_server:S1:s1");
        settle(&stage.group).await;
        stage.seconds(2).await;
        assert_eq!((stage.reason(), stage.recoveries()), (Reason::Pausing, vec![]));
        if comes_up {
            stage.comes_up();
        }
        stage.seconds(10).await;
        assert_eq!(stage.recoveries().len(), usize::from(!comes_up), "comes up: {comes_up}");
    }
}

#[tokio::test]
async fn what_was_called_off_is_left_alone_until_somebody_acknowledges_it() {
    let stage = stage();
    stage.goes_down();
    stage.group.wait(LONG_MS);
    let _ = recover(&stage.group).await;
    let _ = recover(&stage.group).await;
    let id = *stage.group.inside().state.operations.operations.keys().next_back().unwrap();
    stage.say(&format!("operations cancel {id}"));
    stage.seconds(500).await;
    assert_eq!((stage.starts(), stage.reason()), (0, Reason::CalledOff));
    stage.say("services acknowledge bi_server:S1");
    stage.seconds(5).await;
    assert_eq!((stage.starts(), stage.end()), (1, Some(End::Served)));
}

#[tokio::test]
async fn one_that_flaps_is_held_until_somebody_acknowledges_it() {
    let stage = stage();
    for times in 1..=3 {
        stage.goes_down();
        stage.until_over().await;
        assert_eq!(stage.starts(), times);
        stage.comes_up();
        stage.seconds(1).await;
    }
    stage.goes_down();
    stage.seconds(120).await;
    assert_eq!((stage.starts(), stage.reason()), (3, Reason::Held));
    stage.group.wait(86_400_000);
    stage.seconds(20).await;
    assert_eq!((stage.starts(), stage.reason()), (3, Reason::Held), "waiting lets nobody go");
    stage.say("services acknowledge bi_server:S1");
    stage.until_over().await;
    assert_eq!(stage.starts(), 4);
}

#[tokio::test]
async fn each_try_waits_longer_and_there_are_so_many_and_no_more() {
    let stage = stage();
    // Its host cannot start it.
    stage.goes_down();
    stage.say("services set-control bi_server \"not-there\"");
    let mut begun = Vec::new();
    for second in 0..600 {
        stage.seconds(1).await;
        if stage.recoveries().len() > begun.len() {
            begun.push(second);
        }
    }
    assert_eq!(begun.len(), Settings::default().restarts_max as usize, "{begun:?}");
    let pauses: Vec<_> = begun.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses[1] >= pauses[0] + 10, "{pauses:?}");
    assert_eq!(stage.reason(), Reason::Held);
}

#[tokio::test]
async fn a_standby_takes_the_place_of_one_whose_host_is_gone() {
    let stage = stage();
    let wants = |host| {
        let service = ServiceId { service: ServiceType::BiServer, host };
        stage.group.inside().state.services.wanted.get(&service).map(|wanted| wanted.want)
    };
    stage.say("services note-verdicts down gone bi_server:S1 says=nothing");
    stage.say("hosts note S1 silent gone");
    stage.group.hosts.inside().silent.insert(stage.s1);
    stage.group.wait(LONG_MS);
    // Why nobody takes its place is told, of each that could (pain 19).
    let told = |because: &str| {
        let standing = stage.standing();
        assert_eq!(standing.reason, Reason::HostGone, "{because}");
        assert!(standing.because.ends_with(because), "{}", standing.because);
    };
    told(", and no other BI Server is named to stand by.");
    stage.say("services set-ha on standby=bi_server:S2");
    told(": bi_server.s2 is wanted running anyway; what stands by is wanted stopped.");
    stage.say("services want stopped bi_server:S2");
    stage.say("hosts note S2 silent cut");
    told(": bi_server.s2 is on a silent host: cut.");
    stage.say("hosts note S2 answers 1");
    stage.say("services note-verdicts down rests bi_server:S2 says=not_there");
    stage.group.wait(LONG_MS);
    stage.until_over().await;
    assert_eq!(stage.group.inside().deeds, ["start kyvos-bi-server s2"]);
    assert_eq!(stage.end(), Some(End::Served));
    // What is known of the standby is from before.
    stage.seconds(5).await;
    assert_eq!(stage.recoveries(), [Status::Succeeded]);
    stage.say("services note-verdicts up so bi_server:S2");
    stage.seconds(30).await;
    assert_eq!(stage.reason(), Reason::StoodIn);
    assert_eq!((wants(stage.s1), wants(stage.s2)), (None, Some(Want::Running)));
    stage.seconds(500).await;
    assert_eq!(stage.recoveries(), [Status::Succeeded]);
}
