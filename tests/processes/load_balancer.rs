//! Load balancers before real Managers: where requests land, what a hand-over and a death cost, and that nobody
//! is sent round in circles.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::process::Signal;

use super::balancer::{Balancer, certificate, snippet};
use super::calling::{Caller, Connections, Outcome};
use super::patience::have_patience;
use super::support::{Demo, Manager, health, km, run, signal, until};

pub(crate) const ENDING_TLS: &str = "HAProxy, ending TLS";
const PASSING_TLS: &str = "HAProxy, passing TLS through";

/// So many requests in a row show that the balancer has looked at every Manager.
const ROUNDS: usize = 9;
/// Requests whose landing is looked at.
const LANDINGS: usize = 200;
/// How often the balancer may turn to others while landings are looked at.
const TURNS_MAX: usize = 20;
/// Programs that read and write all the time.
const BUSY: usize = 4;
/// How often each of them reads and writes before a hand-over and after it, so that it comes in their midst.
const CALLS: usize = 25;

pub(crate) fn group_ca(demo: &Demo) -> PathBuf {
    demo.dir().join("ca.pem")
}

/// Tells the group the balancer's address.
pub(crate) fn announce(demo: &Demo, balancer: &Balancer) {
    let url = balancer.url.as_str();
    demo.ask_any(["properties", "set", "kyvos-manager", "LOAD_BALANCER_URL", url]).json();
}

/// A Passive is made Active, as an operator does it, past the balancer.
fn make_active(demo: &Demo, chosen: &Manager) {
    let servers: Vec<_> = demo.managers.iter().map(|manager| manager.api_url.as_str()).collect();
    let mut command = km();
    command.args(["--output", "json", "managers", "make-active", &chosen.id.to_string()]);
    command.env("KM_CA", group_ca(demo)).env("KM_TOKEN", demo.token());
    command.env("KM_PASSWORD", demo.record()["admin"]["password"].as_str().unwrap());
    let begun = run(command.env("KM_SERVER", servers.join(","))).json();
    let watched = demo.ask_any(["operations", "watch", &begun["operation"].to_string()]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
}

/// Programs that read and write through a balancer until they are stopped.
struct Busy {
    stop: Arc<AtomicBool>,
    programs: Vec<Program>,
}

struct Program {
    /// How often it has read and written.
    made: Arc<AtomicUsize>,
    outcomes: JoinHandle<Vec<(String, Outcome)>>,
}

impl Busy {
    fn through(demo: &Demo, balancer: &Balancer) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let program = |number: usize| {
            let connections =
                if number.is_multiple_of(2) { Connections::Kept } else { Connections::Fresh };
            let caller = balancer.caller(&group_ca(demo), demo.token(), connections);
            let (base, stop) = (balancer.url.clone(), stop.clone());
            let made = Arc::new(AtomicUsize::new(0));
            let counted = made.clone();
            let outcomes =
                std::thread::spawn(move || busy(number, &caller, &base, &counted, &stop));
            Program { made, outcomes }
        };
        Busy { programs: (0..BUSY).map(program).collect(), stop }
    }

    /// Waits until each of them has made its calls from now on.
    fn go_on(&self) {
        let made = || self.programs.iter().map(|program| program.made.load(Ordering::Relaxed));
        let before: Vec<_> = made().collect();
        until("every program to make its calls", || {
            made().zip(&before).all(|(now, before)| now >= before + CALLS)
        });
    }

    /// What came of every call: the name written, or nothing for a read.
    fn stop(self) -> Vec<(String, Outcome)> {
        self.stop.store(true, Ordering::Relaxed);
        self.programs.into_iter().flat_map(|program| program.outcomes.join().unwrap()).collect()
    }
}

fn busy(
    number: usize,
    caller: &Caller,
    base: &str,
    made: &AtomicUsize,
    stop: &AtomicBool,
) -> Vec<(String, Outcome)> {
    let mut outcomes = Vec::new();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("busy-{number}-{turn}");
        outcomes.push((name.clone(), caller.put(base, &name, "1")));
        let read = caller.get(&format!("{base}/api/v1/properties/custom/busy-{number}-0"));
        outcomes.push((String::new(), read));
        made.fetch_add(1, Ordering::Relaxed);
    }
    outcomes
}

pub(crate) fn good(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(|answer| answer.status == 200)
}

/// A read through the balancer, and who answered it.
fn landing(caller: &Caller, balancer: &Balancer) -> Option<u64> {
    let read = caller.get(&format!("{}/api/v1/cluster", balancer.url)).unwrap();
    assert_eq!(read.status, 200, "{}", String::from_utf8_lossy(&read.body));
    read.served_by()
}

/// Outside a failover window: from here on every request lands on the Active.
///
/// Whoever does not answer one check within half a second is not the Active to the balancer: on a busy machine it may
/// turn to others at any moment, and says so. Then it is waited for again.
fn assert_all_land_on(caller: &Caller, balancer: &Balancer, active: u64) {
    let mut landed = 0;
    for _ in 0..=TURNS_MAX {
        landed += land_while_it_stays(caller, balancer, active, LANDINGS - landed);
        if landed == LANDINGS {
            return;
        }
    }
    panic!("the balancer turned to others too often: only {landed} requests landed between");
}

/// Requests that land on the Active, at most so many: as long as the balancer does not say that it turned.
fn land_while_it_stays(caller: &Caller, balancer: &Balancer, active: u64, wanted: usize) -> usize {
    let mut turns = 0;
    // It takes every Manager for well until it has looked: several rounds have to land there.
    until("the balancer to follow the Active", || {
        turns = balancer.turns();
        (0..ROUNDS).all(|_| landing(caller, balancer) == Some(active))
    });
    for landed in 0..wanted {
        let on = landing(caller, balancer);
        if balancer.turns() != turns {
            return landed;
        }
        assert_eq!(on, Some(active), "after {landed} requests");
    }
    wanted
}

/// Every change that was acknowledged is there.
fn assert_kept(demo: &Demo, asked: &Manager, outcomes: &[(String, Outcome)]) {
    let listed = demo.ask(&[asked], ["properties", "list", "--file", "custom"]).json();
    let there: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str()).collect();
    for (name, outcome) in outcomes.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(!good(outcome) || there.contains(&Some(name)), "{name} is lost");
    }
}

/// All of it with one configuration of the page.
fn lands_hands_over_and_heals(heading: &str, looker: Connections) {
    let demo = Demo::start(3);
    have_patience(&demo);
    let dir = tempfile::tempdir().unwrap();
    let ca = group_ca(&demo);
    let balancer = Balancer::haproxy(&snippet(heading), dir.path(), &demo.managers, &ca);
    announce(&demo, &balancer);
    let caller = balancer.caller(&ca, demo.token(), looker);
    let (active, others) = demo.roles();
    assert_all_land_on(&caller, &balancer, active.id);

    let programs = Busy::through(&demo, &balancer);
    programs.go_on();
    make_active(&demo, &others[0]);
    assert_all_land_on(&caller, &balancer, others[0].id);
    programs.go_on();
    let outcomes = programs.stop();
    let lost: Vec<_> = outcomes.iter().filter(|(_, outcome)| !good(outcome)).collect();
    assert!(lost.is_empty(), "{} of {} calls: {:?}", lost.len(), outcomes.len(), &lost[0]);
    assert_kept(&demo, &others[0], &outcomes);

    let programs = Busy::through(&demo, &balancer);
    demo.kill(&others[0]);
    let next = demo.successor_of(others[0].id);
    assert_all_land_on(&caller, &balancer, next.id);
    let outcomes = programs.stop();
    assert_kept(&demo, &next, &outcomes);
    let failed = outcomes.iter().filter(|(_, outcome)| !good(outcome)).count();
    figure(&format!("{heading}: of {} calls around a death {failed} failed", outcomes.len()));
}

/// A measured figure, for whoever runs the test with `--nocapture`. Nothing depends on it.
#[expect(clippy::print_stdout, reason = "figures are printed")]
pub(crate) fn figure(text: &str) {
    println!("FIGURE {text}");
}

// rows 39, 78
#[test]
fn haproxy_ending_tls_lands_every_request_on_the_active_and_a_hand_over_loses_none() {
    lands_hands_over_and_heals(ENDING_TLS, Connections::Kept);
}

// rows 39, 78: a connection stays where it was opened, so landing is looked at by new ones.
#[test]
fn haproxy_passing_tls_lands_every_connection_on_the_active_and_a_hand_over_loses_none() {
    lands_hands_over_and_heals(PASSING_TLS, Connections::Fresh);
}

/// Follows a browser from a start URL to where it is answered: the hops and the last answer.
fn followed(caller: &Caller, start: &str) -> (usize, super::calling::Answer) {
    let mut url = start.to_owned();
    for hops in 0..=2 {
        let answer = caller.navigate(&url).unwrap();
        match (answer.status, answer.location()) {
            (200 | 503, None) => return (hops, answer),
            (307, Some(next)) => url = next.to_owned(),
            (status, _) => panic!("{url} answered {status}"),
        }
    }
    panic!("{start} leads round in circles: at last {url}")
}

const PATHS: [&str; 3] = ["/", "/nodes?tab=mapping", "/operations/7?km_r=2"];

// rows 40, 41, 101; A1 to A3
#[test]
fn from_any_start_a_browser_is_served_within_two_hops_or_told_to_wait() {
    let demo = Demo::start(3);
    let dir = tempfile::tempdir().unwrap();
    let ca = group_ca(&demo);
    let (active, others) = demo.roles();
    let pinned_to = &others[0];
    // A balancer that knows nothing and sends everything to one Passive.
    let text = snippet(PASSING_TLS).replace(" check port 7448", "").replace(" backup ", " ");
    let kept = |line: &&str| {
        let stray = line.trim_start().strip_prefix("server ");
        stray.is_none_or(|server| server.starts_with(&format!("km{} ", place(&demo, pinned_to))))
    };
    let pinned = text.lines().filter(kept).collect::<Vec<_>>().join("\n") + "\n";
    let balancer = Balancer::haproxy(&pinned, dir.path(), &demo.managers, &ca);
    let caller = balancer.caller(&ca, demo.token(), Connections::Fresh);

    // No balancer is known: to the Active.
    for path in PATHS {
        for manager in &demo.managers {
            let (hops, answer) = followed(&caller, &format!("{}{path}", manager.api_url));
            assert_eq!((answer.status, answer.served_by()), (200, Some(active.id)));
            assert_eq!(hops, usize::from(manager.id != active.id), "{path} at {}", manager.id);
        }
    }

    announce(&demo, &balancer);
    until("the Passive to know the balancer", || {
        let answer = caller.navigate(&format!("{}/", pinned_to.api_url)).unwrap();
        answer.location().is_some_and(|to| to.starts_with(&balancer.url))
    });
    for path in PATHS {
        let sent = caller.navigate(&format!("{}{path}", others[1].api_url)).unwrap();
        let mark = if path.contains('?') { "&" } else { "?" };
        let wanted = format!("{}{path}{mark}km_r=1", balancer.url);
        assert_eq!((sent.status, sent.location()), (307, Some(wanted.as_str())));
        let starts = demo.managers.iter().map(|manager| &manager.api_url).chain([&balancer.url]);
        for start in starts {
            let (hops, answer) = followed(&caller, &format!("{start}{path}"));
            assert_eq!(answer.status, 200);
            // The Active answers for itself; whatever goes through the balancer is served by the Passive there.
            let by = if *start == active.api_url { active.id } else { pinned_to.id };
            assert_eq!(answer.served_by(), Some(by), "{start}{path} after {hops} hops");
        }
    }
    // Through the pinned balancer calls are forwarded, never redirected.
    let put = caller.put(&balancer.url, "pinned", "1").unwrap();
    assert_eq!((put.status, put.served_by()), (200, Some(pinned_to.id)));
    assert_eq!(put.header("x-km-committed-by"), Some(active.id.to_string().as_str()));

    // No Active, no majority: told to wait, sent nowhere.
    signal(demo.pid(active.id), Signal::KILL);
    signal(demo.pid(others[1].id), Signal::KILL);
    until("nobody to lead", || health(pinned_to, "ready") == Some(503));
    for start in [&pinned_to.api_url, &balancer.url] {
        let (hops, answer) = followed(&caller, &format!("{start}/nodes"));
        assert_eq!((hops, answer.status, answer.header("retry-after")), (0, 503, Some("5")));
    }
}

/// Which of the demo's Managers it is, counted from 1.
fn place(demo: &Demo, manager: &Manager) -> usize {
    demo.managers.iter().position(|other| other.id == manager.id).unwrap() + 1
}

/// Gives every Manager the site's certificate, and whoever trusts the group's authority the site's as well.
fn show_the_sites_certificate(demo: &mut Demo, dir: &std::path::Path) {
    let (cert, key) = (certificate(dir), dir.join("km.example.key"));
    for manager in &demo.managers {
        let text = std::fs::read_to_string(&manager.config).unwrap();
        let files = format!("[api]\ntls_cert = {cert:?}\ntls_key = {key:?}\n");
        std::fs::write(&manager.config, text.replace("[api]\n", &files)).unwrap();
    }
    let both =
        std::fs::read_to_string(group_ca(demo)).unwrap() + &std::fs::read_to_string(&cert).unwrap();
    std::fs::write(group_ca(demo), both).unwrap();
    demo.resume();
}

// A1, A3, row 101: what open-source nginx cannot know, forwarding makes good.
#[test]
fn nginx_which_checks_nobody_loses_no_call_at_a_hand_over_and_heals_after_a_death() {
    let mut demo = Demo::start(3);
    let dir = tempfile::tempdir().unwrap();
    show_the_sites_certificate(&mut demo, dir.path());
    let balancer = Balancer::nginx(dir.path(), &demo.managers, &dir.path().join("km.example.crt"));
    announce(&demo, &balancer);
    let caller = balancer.caller(&group_ca(&demo), demo.token(), Connections::Kept);
    let (active, others) = demo.roles();
    for path in PATHS {
        for start in demo.managers.iter().map(|manager| &manager.api_url).chain([&balancer.url]) {
            let (hops, answer) = followed(&caller, &format!("{start}{path}"));
            assert!(answer.status == 200 && hops <= 1, "{start}{path}: {answer:?}");
        }
    }

    let programs = Busy::through(&demo, &balancer);
    make_active(&demo, &others[0]);
    assert_eq!(demo.successor_of(active.id).id, others[0].id);
    let outcomes = programs.stop();
    let lost: Vec<_> = outcomes.iter().filter(|(_, outcome)| !good(outcome)).collect();
    assert!(lost.is_empty(), "{} of {} calls: {:?}", lost.len(), outcomes.len(), &lost[0]);
    assert_kept(&demo, &others[0], &outcomes);

    demo.kill(&others[0]);
    let next = demo.successor_of(others[0].id);
    // It finds out who is gone by sending there; from then on every call is answered.
    until("every Manager left to be found", || {
        (0..20).all(|turn| good(&caller.put(&balancer.url, &format!("healed-{turn}"), "1")))
    });
    assert_kept(&demo, &next, &outcomes);
}
