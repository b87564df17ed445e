//! What is malformed, too much or somebody else is shown, and is never fatal.

#![expect(clippy::disallowed_methods, reason = "a test ends the tasks it spawns")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::capabilities::services::model::{
    Command, Freshness, Marks, Payload, Profile, Rule, SIGHTINGS_MAX, ServiceType, freshness,
};
use kyvos_manager::machine::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zookeeper_client::{Acls, Client, CreateMode};

use crate::ensemble::{Ensemble, PATIENCE, Told, announce, connected, free_port, make, read};
use crate::stage::{Stage, because, is_gone, is_there};
use crate::support::{greeting, seen_greeting, set, setting};

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const BI2: &str = "/kyvos/bi_servers/bi2:8081";
/// The branch that holds too much.
const ENGINES: &str = "/kyvos/query_engines";
/// More children than are listed.
const MANY: usize = 20_100;
/// More services than are kept, and few enough children to be listed.
const OVERFLOWING: usize = SIGHTINGS_MAX + 100;
const FEW_ENOUGH: usize = SIGHTINGS_MAX - 1_000;
const _: () = assert!(OVERFLOWING < 20_000, "they need a second branch");
/// Made or deleted at once.
const BATCH: usize = 500;
/// Such batches that are under way at a time.
const BATCHES: usize = 4;
/// How much the process with the Manager and all else in this test may have held, in kilobytes.
const MEMORY_MAX_KB: u64 = 200 << 10;

enum Act {
    Make,
    Delete,
}

/// Makes or deletes so many children of the branch.
async fn engines(kyvos: &Client, act: Act, which: std::ops::Range<usize>) {
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let (act, options) = (&act, &options);
    let batches = which.clone().step_by(BATCH).map(|batch| {
        let mut writer = kyvos.new_multi_writer();
        for n in batch..which.end.min(batch + BATCH) {
            let path = format!("{ENGINES}/q{n:07}:1");
            match act {
                Act::Make => writer.add_create(&path, b"", options).unwrap(),
                Act::Delete => writer.add_delete(&path, None).unwrap(),
            }
        }
        async move { drop(writer.commit().await.unwrap()) }
    });
    stream::iter(batches).buffer_unordered(BATCHES).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_with_too_many_children_is_told_of_and_the_others_are_seen() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, ENGINES, "").await;
    announce(&kyvos, BI1, "").await;
    engines(&kyvos, Act::Make, 0..MANY).await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    assert_eq!(stage.there(), [BI1]);
    assert_eq!(stage.watch().troubles, [too_many(MANY)]);
    is_found_to_be_too_many(&stage, MANY).await;
    stage.end().await;
}

fn too_many(children: usize) -> String {
    format!("{ENGINES} has {children} children; more than 20000 are not listed")
}

async fn is_found_to_be_too_many(stage: &Stage, children: usize) {
    stage.says(Command::Discover { root: "/kyvos".into() }).await;
    stage.until("the tree is looked at", |state| state.services.discovery.open().is_none()).await;
    let found = stage.group().view(|state| state.services.discovery.found.clone()).unwrap();
    assert_eq!(found.because, Some(format!("{ENGINES} has {children} children")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_services_than_are_kept_the_first_are_shown_and_the_watch_goes_on() {
    // No session is to end because the machine is busy: here they are counted.
    let settings = "maxSessionTimeout=60000\n".into();
    let ensemble = Ensemble::told(1, Told { settings, ..Told::default() }).await;
    let patient = || Client::connector().with_session_timeout(PATIENCE);
    let kyvos = connected(patient, &ensemble.address(0)).await;
    make(&kyvos, ENGINES, "").await;
    engines(&kyvos, Act::Make, 0..FEW_ENOUGH).await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    assert_eq!((stage.there().len(), stage.watch().troubles), (FEW_ENOUGH, Vec::new()));
    let before = ensemble.transactions(0).await;
    // It grows while it is watched: one look at what is new finds it to be too much.
    engines(&kyvos, Act::Make, FEW_ENOUGH..OVERFLOWING).await;
    let trouble =
        format!("more than {SIGHTINGS_MAX} znodes look like services; the others are not seen");
    let is_told = |state: &State| {
        state.services.watch.as_ref().is_some_and(|watch| watch.troubles == [trouble.as_str()])
    };
    stage.until("it is told that there are more", is_told).await;
    let full = |state: &State| {
        let there = state.services.sightings.values().filter(|known| known.present);
        there.count() == SIGHTINGS_MAX
    };
    stage.until("as many are shown as are kept", full).await;
    let shown = stage.there();
    // What is shown is followed still, and stays when another takes the place of one that went.
    engines(&kyvos, Act::Make, OVERFLOWING..OVERFLOWING + 1).await;
    kyvos.delete(&shown[0], None).await.unwrap();
    stage.until("what went is seen", is_gone(&shown[0])).await;
    stage.until("another has its place", full).await;
    let now = BTreeSet::from_iter(stage.there());
    assert!(shown[1..].iter().all(|path| now.contains(path)));
    // One for each batch, the last engine and the first one, and no session that was begun anew.
    let batches = (OVERFLOWING - FEW_ENOUGH).div_ceil(BATCH) as u64;
    assert_eq!(ensemble.transactions(0).await - before, batches + 2);
    engines(&kyvos, Act::Delete, FEW_ENOUGH..OVERFLOWING + 1).await;
    let untroubled = |state: &State| {
        state.services.watch.as_ref().is_some_and(|watch| watch.troubles.is_empty())
    };
    stage.until("there is room for all", untroubled).await;
    stage
        .until("what is left is shown", |state| {
            let there = state.services.sightings.values().filter(|known| known.present);
            there.count() == FEW_ENOUGH - 1
        })
        .await;
    stage.end().await;
}

/// Most memory that this process ever held since it was last asked to forget, in kilobytes.
fn most_memory_kb() -> u64 {
    let told = read(Path::new("/proc/self/status"));
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Writes, one after the other, until it is done; how many there were, and the longest.
async fn writes_while(stage: &Stage, done: impl Future<Output = ()>) -> (usize, Duration) {
    let (mut writes, mut longest) = (0, Duration::ZERO);
    tokio::pin!(done);
    loop {
        let began = Instant::now();
        let value = writes.to_string();
        let write = async {
            set(stage.group(), greeting(&value)).await.unwrap();
            longest = longest.max(began.elapsed());
            assert_eq!(seen_greeting(stage.group()).as_ref(), Some(&value));
            writes += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // A write that is under way when it is done is not waited for.
        tokio::select! {
            biased;
            () = &mut done => return (writes, longest),
            () = write => {}
        }
    }
}

// It takes minutes, a gigabyte for ZooKeeper, and both processors:
//     cargo test --locked -p kyvos-manager --test zookeeper -- --ignored --nocapture a_million
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes; the command is above it, the figures are in docs/benchmarks.md"]
async fn a_million_children_made_and_deleted_while_it_watches_are_told_of_and_harm_nothing() {
    const MILLION: usize = 1_000_000;
    let java = vec!["-Xmx1500m".into()];
    let ensemble = Ensemble::told(1, Told { java, ..Told::default() }).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, ENGINES, "").await;
    announce(&kyvos, BI1, "").await;
    let stage = Stage::at(ensemble.port(), 1).await;
    stage.watches().await;
    let before = most_memory_kb();

    let began = Instant::now();
    let (writes, longest) = writes_while(&stage, engines(&kyvos, Act::Make, 0..MILLION)).await;
    println!("made in {:?}; {writes} writes meanwhile, the longest {longest:?}", began.elapsed());
    let last = Instant::now();
    let says = |troubles: Vec<String>| {
        move |state: &State| {
            state.services.watch.as_ref().is_some_and(|watch| watch.troubles == troubles)
        }
    };
    stage.until("it is told that there are too many", says(vec![too_many(MILLION)])).await;
    println!("told after {:?}: {:?}", last.elapsed(), stage.watch().troubles);
    assert_eq!(stage.there(), [BI1]);
    println!("VmHWM {before} kB before, {} kB with a million", most_memory_kb());

    // Beside it everything is seen as ever, by a watch that begins with it too.
    let began = Instant::now();
    announce(&kyvos, BI2, "").await;
    stage.until("what comes beside it is seen", is_there(BI2)).await;
    println!("what came beside it was seen after {:?}", began.elapsed());
    is_found_to_be_too_many(&stage, MILLION).await;
    for wanted in ["off", "on"] {
        let wants = setting(File::KyvosManager, "ZK_SERVICE_WATCH", wanted);
        set(stage.group(), wants).await.unwrap();
        stage
            .until("it is watched or not", |state| {
                (freshness(state) == Freshness::Fresh) == (wanted == "on")
            })
            .await;
    }
    assert_eq!(
        (stage.there(), stage.watch().troubles),
        (vec![BI1.into(), BI2.into()], vec![too_many(MILLION)])
    );

    let began = Instant::now();
    let (writes, longest) = writes_while(&stage, engines(&kyvos, Act::Delete, 1..MILLION)).await;
    println!(
        "deleted in {:?}; {writes} writes meanwhile, the longest {longest:?}",
        began.elapsed()
    );
    let last = Instant::now();
    stage.until("it is told of no more", says(Vec::new())).await;
    println!("told after {:?}", last.elapsed());
    assert_eq!(stage.there(), [BI1.to_owned(), BI2.to_owned(), format!("{ENGINES}/q0000000:1")]);
    println!("VmHWM {} kB after all", most_memory_kb());
    assert!(most_memory_kb() < MEMORY_MAX_KB, "{} kB", most_memory_kb());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_every_kind_are_read_or_told_of() {
    let ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    let long = "x".repeat(500_000);
    for (name, payload) in [
        ("good", r#"{"host":"bi1"}"#),
        ("empty", ""),
        ("odd", "{"),
        ("other", "[]"),
        ("long", &long),
    ] {
        make(&kyvos, &format!("/site/{name}"), payload).await;
    }
    let stage = Stage::at(ensemble.port(), 1).await;
    let rule = Rule {
        pattern: "/site/{any}".into(),
        service: ServiceType::QueryEngine,
        marks: Marks::Presence,
        payload: Payload::Json { host: Some("/host".into()), port: None },
    };
    let profile = Profile { verified: false, rules: vec![rule] };
    stage.says(Command::SetProfile { profile: Some(profile), expect: None }).await;
    stage.until("all are seen", |state| state.services.sightings.len() == 5).await;
    let well: Vec<String> = stage.group().view(|state| {
        let well =
            state.services.sightings.iter().filter(|(_, known)| known.sighted.trouble.is_none());
        well.map(|(path, _)| path.clone()).collect()
    });
    assert_eq!(well, ["/site/good"]);
    // A map that fits nothing sees nothing, and can be taken back.
    let nothing =
        Rule { pattern: "/nowhere/{host}".into(), payload: Payload::Ignored, ..rule_like() };
    let profile = Profile { verified: false, rules: vec![nothing] };
    stage.says(Command::SetProfile { profile: Some(profile), expect: None }).await;
    stage.watches().await;
    stage.until("nothing is seen", |state| state.services.sightings.is_empty()).await;
    stage.says(Command::SetProfile { profile: None, expect: None }).await;
    announce(&kyvos, "/kyvos/bi_servers/bi1:8081", "").await;
    stage.until("the default sees", is_there("/kyvos/bi_servers/bi1:8081")).await;
    stage.end().await;
}

fn rule_like() -> Rule {
    Rule {
        pattern: String::new(),
        service: ServiceType::BiServer,
        marks: Marks::Presence,
        payload: Payload::Ignored,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_somebody_else_there_are_told_apart_from_nothing() {
    let port = free_port(1);
    let stage = Stage::at(port, 1).await;
    stage.until("nobody lets us in", |state| !because(state).is_empty()).await;
    // Somebody who answers everything with noise, as long as a ZooKeeper's answer and longer.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let noise = tokio::spawn(async move {
        let mut came = 0_u8;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            came = came.wrapping_add(1);
            let mut said = [0; 64];
            // It may hang up first.
            let _ = stream.read(&mut said).await;
            let length = match came % 4 {
                0 => [0, 0, 0, 37],
                1 => [0, 0, 0, 1],
                2 => [0x7f, 0xff, 0xff, 0xff],
                _ => [0xff; 4],
            };
            let noise: Vec<u8> =
                length.into_iter().chain((0..200).map(|n: u8| n.wrapping_mul(came))).collect();
            let _ = stream.write_all(&noise).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(stage.there().is_empty());
    stage.is_away().await;
    noise.abort();
    stage.end().await;
}
