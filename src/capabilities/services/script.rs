//! How the scripts speak of services.

use super::command::Command;
use super::model::{
    Access, Configuration, Configurations, Control, Evidence, Form, Freshness, Identity, Judgement,
    Login, Marks, Observer, Payload, Probe, Profile, Rule, Says, Scope, Server, ServiceId,
    ServiceType, Settings, Sighted, Standing, Timetable, Tls, Verdict, Want, Weekday, Why, Znode,
    freshness, verdict_freshness,
};
use crate::base::{HostId, Timestamp};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &[
    "set-profile",
    "reset-profile",
    "set-access",
    "note-watch",
    "note-seen",
    "note-gone",
    "discover",
    "note-discovery",
    "set-control",
    "reset-control",
    "want",
    "note-verdicts",
    "set-ha",
    "reset-ha",
    "open-window",
    "close-window",
    "acknowledge",
    "recover",
    "settle",
    "set-schedule",
    "remove-schedule",
    "note-due",
    "settle-schedule",
    "note-at-rest",
];

/// `set-profile PATTERN [service=] [marks=] [address=true] [json=HOST,PORT] [verified=true] [times=N] [expect=@N]` ·
/// `reset-profile [expect=@N]` ·
/// `set-access [ca=PEM] [certificate=PEM] [key_bytes=N] [username=] [password_bytes=N] [expect=@N]` ·
/// `note-watch off|away BECAUSE`, `note-watch watching`, with `[server=] [mode=|down=] [trouble=] [times=N]` ·
/// `note-seen PATH HOST [port=] [service=] [marks=] [ephemeral=false] [trouble=] [times=N]`: with `times`, so many
/// paths · `note-gone PATH…` · `discover ROOT` ·
/// `note-discovery @ASK PATH [form=json|address] [because=] [propose=PATTERN] [times=N]` ·
/// `set-control TYPE UNIT [tcp=PORT] [http=PATH] [probe=none] [expect=@N]` · `reset-control TYPE [expect=@N]` ·
/// `want running|stopped TYPE:HOST… [why=] [operation=@N] [expect=@N]` ·
/// `set-ha on|off [automation=false] [off=TYPE] [restarts=N] [settle=MS] [pause=MS] [standby=TYPE:HOST] [expect=@N]` ·
/// `reset-ha [expect=@N]` · `open-window cluster|TYPE|TYPE:HOST|HOST [from=MS] until=MS [note=]` · `close-window @N` ·
/// `acknowledge TYPE:HOST` · `recover TYPE:HOST` · `settle TYPE:HOST` ·
/// `set-schedule running|stopped HH:MM name= [type=] [offset=MINUTES] [days=mon,tue] [enabled=false] [id=@N] [expect=@N]` ·
/// `remove-schedule @N [expect=@N]` · `note-due @N MS` · `settle-schedule @N` · `note-at-rest FILE/NAME VALUE TYPE:HOST… [times=N]`: with `times`, so many names ·
/// `note-verdicts up|down|degraded|unknown BECAUSE TYPE:HOST… [whole=true] [says=not_there|nothing] [at=MS] [observers=N] [times=N]`.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "set-profile" => {
            let times = words.read_option("times").unwrap_or(1);
            let rule = rule(words);
            let verified = words.read_option("verified").unwrap_or_default();
            let profile = Some(Profile { verified, rules: vec![rule; times] });
            Command::SetProfile { profile, expect: words.read_option("expect") }
        }
        "reset-profile" => {
            Command::SetProfile { profile: None, expect: words.read_option("expect") }
        }
        "set-access" => {
            Command::SetAccess { access: access(words), expect: words.read_option("expect") }
        }
        "note-watch" => note_watch(words),
        "note-seen" => {
            let (path, times) = (words.next(), words.read_option("times").unwrap_or(1));
            let sighted = sighted(words);
            let path = |nth: usize| if times == 1 { path.clone() } else { format!("{path}{nth}") };
            let seen = (0..times).map(|nth| (path(nth), sighted.clone())).collect();
            Command::NoteSightings { seen, gone: Vec::new() }
        }
        "note-gone" => Command::NoteSightings { seen: Vec::new(), gone: words.rest() },
        "discover" => Command::Discover { root: words.next() },
        "note-discovery" => note_discovery(words),
        "set-control" => {
            let (service, unit) = (service_type(&words.next()), words.next());
            let port = words.read_option("tcp");
            let probe = match (words.option("http"), words.option("probe")) {
                (Some(path), _) => Probe::Http { port, path },
                (None, Some(_)) => Probe::None,
                (None, None) => Probe::Tcp { port },
            };
            let control = Some(Control { unit, probe });
            Command::SetControl { service, control, expect: words.read_option("expect") }
        }
        "reset-control" => {
            let service = service_type(&words.next());
            Command::SetControl { service, control: None, expect: words.read_option("expect") }
        }
        "want" => want(words),
        "note-verdicts" => note_verdicts(words),
        "set-ha" => set_ha(words),
        "reset-ha" => Command::SetHa { settings: None, expect: words.read_option("expect") },
        "open-window" => {
            let scope = scope(&words.next());
            let (from, until) = (words.read_option("from"), words.read_option("until"));
            let (from, until) = (from.map(Timestamp), Timestamp(until.expect("until=MS")));
            let note = words.option("note").unwrap_or_default();
            Command::OpenWindow { scope, from, until, note }
        }
        "close-window" => Command::CloseWindow { id: words.revision() },
        "acknowledge" => Command::Acknowledge { service: one(&words.next()) },
        "recover" => Command::Recover { of: one(&words.next()) },
        "settle" => Command::SettleRecovery { of: one(&words.next()) },
        "set-schedule" => {
            let setting = timetable(words);
            let (id, expect) = (words.read_option("id"), words.read_option("expect"));
            Command::SetSchedule { id, setting, expect }
        }
        "remove-schedule" => {
            Command::RemoveSchedule { id: words.revision(), expect: words.read_option("expect") }
        }
        "note-due" => Command::NoteDue { id: words.revision(), at: Timestamp(words.read()) },
        "settle-schedule" => Command::SettleSchedule { id: words.revision() },
        "note-at-rest" => note_at_rest(words),
        other => panic!("services know no {other}"),
    }
}

fn service_type(name: &str) -> ServiceType {
    ServiceType::named(name).expect("a type of service")
}

fn services(words: &mut Words) -> Vec<ServiceId> {
    words.rest().iter().map(|word| one(word)).collect()
}

fn one(word: &str) -> ServiceId {
    let (kind, host) = word.split_once(':').expect("TYPE:HOST");
    let host = HostId(host.trim_start_matches('@').parse().unwrap());
    ServiceId { service: service_type(kind), host }
}

fn scope(word: &str) -> Scope {
    match word {
        "cluster" => Scope::Cluster,
        word if word.contains(':') => Scope::Service(one(word)),
        word => match ServiceType::named(word) {
            Some(kind) => Scope::Type(kind),
            None => Scope::Host(HostId(word.trim_start_matches('@').parse().unwrap())),
        },
    }
}

fn timetable(words: &mut Words) -> Timetable {
    let want = match words.next().as_str() {
        "running" => Want::Running,
        "stopped" => Want::Stopped,
        other => panic!("nobody wants {other}"),
    };
    let at = words.next();
    let (hours, minutes) = at.split_once(':').expect("HH:MM");
    let minute = hours.parse::<u32>().unwrap() * 60 + minutes.parse::<u32>().unwrap();
    let days = words.option("days");
    let day = |name: &str| Weekday::named(name).expect("a day");
    Timetable {
        name: words.option("name").unwrap_or_default(),
        want,
        kind: words.option("type").map(|name| service_type(&name)),
        second: minute * 60,
        offset: words.read_option("offset").unwrap_or_default(),
        days: days.map_or(Weekday::ALL.into(), |days| days.split(',').map(day).collect()),
        enabled: words.read_option("enabled").unwrap_or(true),
    }
}

fn set_ha(words: &mut Words) -> Command {
    let usual = Settings::default();
    let settings = Settings {
        enabled: words.next() == "on",
        automation: words.read_option("automation").unwrap_or(true),
        off: words.option("off").iter().map(|name| service_type(name)).collect(),
        restarts_max: words.read_option("restarts").unwrap_or(usual.restarts_max),
        settle_ms: words.read_option("settle").unwrap_or(usual.settle_ms),
        pause_ms: words.read_option("pause").unwrap_or(usual.pause_ms),
        standbys: words.option("standby").iter().map(|name| one(name)).collect(),
        ..usual
    };
    Command::SetHa { settings: Some(settings), expect: words.read_option("expect") }
}

fn want(words: &mut Words) -> Command {
    let want = match words.next().as_str() {
        "running" => Want::Running,
        "stopped" => Want::Stopped,
        other => panic!("nobody wants {other}"),
    };
    let why = match words.option("why").as_deref() {
        Some("schedule") => Why::Schedule,
        Some("maintenance") => Why::Maintenance,
        _ => Why::Operator,
    };
    let (operation, expect) = (words.read_option("operation"), words.read_option("expect"));
    Command::Want { services: services(words), want, why, operation, expect }
}

fn note_verdicts(words: &mut Words) -> Command {
    let verdict = match words.next().as_str() {
        "up" => Verdict::Up,
        "down" => Verdict::Down,
        "degraded" => Verdict::Degraded,
        "unknown" => Verdict::Unknown,
        other => panic!("{other} is no verdict"),
    };
    let because = words.next();
    let whole = words.read_option("whole").unwrap_or(false);
    let (observers, times) = (words.read_option("observers"), words.read_option("times"));
    let says = match words.option("says").as_deref() {
        Some("not_there") => Says::NotThere,
        Some("nothing") => Says::Nothing,
        _ => Says::There,
    };
    let at = Timestamp(words.read_option("at").unwrap_or(7));
    let seen = Evidence { observer: Observer::Unit, says, because: because.clone(), at };
    let evidence = vec![seen; observers.unwrap_or(1)];
    let judgement = Judgement { verdict, because, evidence };
    let judged = services(words).into_iter().map(|service| (service, judgement.clone()));
    Command::NoteVerdicts { judged: repeated(judged.collect(), times.unwrap_or(1)), whole }
}

fn note_at_rest(words: &mut Words) -> Command {
    let (name, value) = (words.next(), words.next());
    let times: usize = words.read_option("times").unwrap_or(1);
    let name = |nth: usize| if times == 1 { name.clone() } else { format!("{name}{nth}") };
    let configuration = Configuration::reading((0..times).map(|nth| (name(nth), value.as_str())));
    let read = services(words).into_iter().map(|service| (service, configuration.clone()));
    Command::NoteAtRest { read: read.collect() }
}

fn rule(words: &mut Words) -> Rule {
    let pattern = words.next();
    let address = words.read_option("address").unwrap_or(false);
    let payload = match (words.option("json"), address) {
        (Some(json), _) => {
            let (host, port) = json.split_once(',').expect("HOST,PORT");
            let pointer = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Payload::Json { host: pointer(host), port: pointer(port) }
        }
        (None, true) => Payload::Address,
        (None, false) => Payload::Ignored,
    };
    Rule { pattern, service: service(words), marks: marks(words), payload }
}

fn service(words: &mut Words) -> ServiceType {
    let named = |name: String| ServiceType::named(&name).expect("a service");
    words.option("service").map_or(ServiceType::BiServer, named)
}

fn marks(words: &mut Words) -> Marks {
    match words.option("marks").as_deref() {
        Some("master") => Marks::Master,
        Some("presence") | None => Marks::Presence,
        Some(other) => panic!("a znode does not mark {other}"),
    }
}

fn access(words: &mut Words) -> Access {
    let sealed = |bytes: Option<usize>| vec![7; bytes.unwrap_or(3)];
    let (certificate, key) = (words.option("certificate"), words.read_option("key_bytes"));
    let identity =
        certificate.map(|pem| Identity { certificate_pem: pem, sealed_key: sealed(key) });
    let tls = words.option("ca").map(|ca_pem| Tls { ca_pem, identity });
    let password = words.read_option("password_bytes");
    let login = |username| Login { username, sealed_password: sealed(password) };
    Access { tls, digest: words.option("username").map(login) }
}

fn note_watch(words: &mut Words) -> Command {
    let standing = match words.next().as_str() {
        "off" => Standing::Off { because: words.next() },
        "away" => Standing::Away { because: words.next() },
        "watching" => Standing::Watching,
        other => panic!("a watch is not {other}"),
    };
    let (mode, down) = (words.option("mode"), words.option("down"));
    let serves = down.map_or(Ok(mode.unwrap_or_default()), Err);
    let server = words.option("server").map(|address| Server { address, serves });
    let times = words.read_option("times").unwrap_or(1);
    let troubles: Vec<_> = words.option("trouble").into_iter().collect();
    let servers: Vec<_> = server.into_iter().collect();
    Command::NoteWatch {
        standing,
        servers: repeated(servers, times),
        troubles: repeated(troubles, times),
    }
}

fn repeated<T: Clone>(list: Vec<T>, times: usize) -> Vec<T> {
    let length = list.len() * times;
    list.into_iter().cycle().take(length).collect()
}

fn sighted(words: &mut Words) -> Sighted {
    Sighted {
        host: words.next(),
        service: service(words),
        marks: marks(words),
        port: words.read_option("port"),
        ephemeral: words.read_option("ephemeral").unwrap_or(true),
        trouble: words.option("trouble"),
    }
}

fn note_discovery(words: &mut Words) -> Command {
    let (asked, path) = (words.revision(), words.next());
    let form = match words.option("form").as_deref() {
        Some("json") => Form::Json { fields: ["host".to_owned(), "port".to_owned()].into() },
        Some("address") => Form::Address,
        Some(other) => panic!("no payload looks {other}"),
        None => Form::Empty,
    };
    let znode = Znode { path, children: 2, bytes: 9, ephemeral: true, form };
    let propose = words.option("propose").map(|pattern| Rule {
        pattern,
        service: ServiceType::BiServer,
        marks: Marks::Presence,
        payload: Payload::Ignored,
    });
    let times = words.read_option("times").unwrap_or(1);
    let because = words.option("because");
    let proposed = propose.into_iter().collect();
    Command::NoteDiscovery { asked, because, znodes: vec![znode; times], proposed }
}

/// `show services`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let facts = &state.services;
    let mut said = Vec::new();
    let profile = facts.profile();
    let verified = if profile.verified { "verified" } else { "unverified" };
    said.push(format!("profile: {} rules, {verified}", profile.rules.len()));
    if let Some(watch) = &facts.watch {
        let servers: Vec<_> = watch.servers.iter().map(|server| format!("{server:?}")).collect();
        said.push(format!(
            "watch: {:?} {} {:?}",
            watch.standing,
            servers.join(" "),
            watch.troubles
        ));
    }
    said.push(match freshness(state) {
        Freshness::Fresh => "fresh".into(),
        Freshness::StaleSince(_) => "stale".into(),
        Freshness::Never => "never looked".into(),
    });
    for (path, known) in &facts.sightings {
        let there = if known.present { "there" } else { "gone" };
        let (service, host) = (known.sighted.service.as_str(), &known.sighted.host);
        let trouble = known.sighted.trouble.as_ref().map(|told| format!(": {told}"));
        said.push(format!("{path} {service} on {host} {there}{}", trouble.unwrap_or_default()));
    }
    for (service, set) in &facts.controls {
        said.push(format!("{} is controlled by {:?}", service.as_str(), set.value));
    }
    for (service, wanted) in &facts.wanted {
        let (want, why) = (wanted.want.as_str(), wanted.why.as_str());
        let name = service.name(state);
        said.push(format!("{name} is wanted {want} ({why}) by {} @{}", wanted.by, wanted.revision));
    }
    for (service, judged) in &facts.verdicts {
        let (is, was) = (judged.judgement.verdict.as_str(), judged.was.map(Verdict::as_str));
        let (name, last_up) = (service.name(state), judged.last_up.is_some());
        said.push(format!("{name} is {is}, was {was:?}, ever up: {last_up}"));
    }
    let configurations = Configurations::of(state);
    for service in facts.started_with.keys() {
        let (name, old) = (service.name(state), configurations.old(*service));
        said.push(format!("{name} runs with older values of: {}", old.join(" ")));
    }
    for (id, window) in &facts.ha.windows {
        said.push(format!("@{id} window {:?} until {}", window.scope, window.until));
    }
    for (service, known) in &facts.ha.recoveries {
        let (name, times, last) = (service.name(state), known.times.len(), &known.last);
        let (asked, on, end) = (last.asked, last.on.name(state), last.ended.map(|(end, _)| end));
        said.push(format!("{name} recovered {times} times, last @{asked} on {on}: {end:?}"));
    }
    for (id, known) in &facts.schedules {
        let (name, last) = (&known.setting.name, known.last.as_ref().map(|due| due.outcome));
        said.push(format!("@{id} schedule {name}, enabled: {}: {last:?}", known.setting.enabled));
    }
    match verdict_freshness(state) {
        Freshness::Fresh => said.push("verdicts are fresh".into()),
        Freshness::StaleSince(_) => said.push("verdicts are stale".into()),
        Freshness::Never => {}
    }
    if let Some((asked, root)) = facts.discovery.open() {
        said.push(format!("asked @{asked} what is beneath {root}"));
    }
    said
}

#[test]
fn the_scripts_of_services_tell_what_happens() {
    tell_all_of("services");
}
