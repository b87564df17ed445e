//! What an agent answers to whatever comes over a line.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::agent::config::AgentConfig;
use crate::base::HostId;
use crate::cluster::AgentIdentity;
use crate::config::{Log, LogFormat};
use crate::remote::wire::{AnswerV1, UNITS_MAX, UnitVerbV1, WhatV1};

const GROUP: Uuid = Uuid::from_u128(7);
const HOST: HostId = HostId(12);

fn agent(dir: &std::path::Path) -> Agent {
    let config = AgentConfig {
        data_dir: dir.join("data"),
        listen: "127.0.0.1:7447".parse().unwrap(),
        advertise: "h:7447".into(),
        search_path: "/nowhere".into(),
        roots: vec![dir.join("root")],
        units: BTreeMap::new(),
        log: Log { level: "info", renewals: false, format: LogFormat::Text },
    };
    Agent::of(config, Some(AgentIdentity { cluster_id: GROUP, host: HOST }), None).unwrap()
}

/// What somebody says differently.
type Change = fn(&mut HelloV1);

fn hello() -> HelloV1 {
    HelloV1 {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        cluster_id: GROUP.into_bytes(),
        host: HOST.0,
        manager: 3,
        build: "test".into(),
    }
}

fn proven() -> Caller {
    Caller::Proven(PeerIdentity { cluster_id: GROUP, node_id: 3 })
}

/// What is answered to an introduction and, if that was taken, to a question.
async fn told(agent: &Agent, caller: Caller, hello: HelloV1, ask: AskV1) -> Frame {
    let (here, there) = tokio::io::duplex(1 << 16);
    let asking = async {
        let (reader, writer) = tokio::io::split(here);
        let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
        let frame = |kind, body| Frame { kind, call: 0, body };
        writer.send(&frame(Kind::AgentHello, wire::encode(&hello))).await.unwrap();
        let first = reader.next().await.unwrap().unwrap();
        if first.kind != Kind::AgentWelcome {
            return first;
        }
        writer.send(&frame(Kind::AgentAsk, wire::encode(&ask))).await.unwrap();
        reader.next().await.unwrap().unwrap()
    };
    let (told, answered) = tokio::join!(asking, converse(agent, caller, there));
    answered.unwrap();
    told
}

fn refusal(frame: &Frame) -> String {
    assert_eq!(frame.kind, Kind::AgentNo);
    match wire::decode::<NoV1>(&frame.body).unwrap() {
        NoV1::Refused(why) => why,
        NoV1::Failed(why) => panic!("failed: {why}"),
        NoV1::Fenced { .. } => panic!("fenced"),
    }
}

fn greet(epoch: u64) -> AskV1 {
    let what = WhatV1::Greet { revision: 20, members: vec![1, 3] };
    AskV1 { epoch: Some(epoch), what }
}

#[tokio::test]
async fn who_is_not_who_they_say_is_refused_before_anything_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path());
    let changes: [(&str, Change); 4] = [
        ("somebody else", |hello| hello.manager = 4),
        ("somebody else", |hello| hello.cluster_id = [9; 16]),
        ("this is host 12", |hello| hello.host = 13),
        ("protocols", |hello| hello.protocol_min = PROTOCOL_MAX + 1),
    ];
    for (expected, change) in changes {
        let mut other = hello();
        change(&mut other);
        let why = refusal(&told(&agent, proven(), other, greet(5)).await);
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("data/gate")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_act_needs_an_epoch_and_a_look_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path());
    let stop = || WhatV1::Order { unit: "bi".into(), verb: UnitVerbV1::Stop };
    for (epoch, what) in [(None, stop()), (Some(5), WhatV1::Unit("bi".into()))] {
        let why = refusal(&told(&agent, proven(), hello(), AskV1 { epoch, what }).await);
        assert!(why.contains("epoch"), "{why}");
    }
}

#[tokio::test]
async fn of_each_unit_that_was_asked_for_is_told_how_it_stands_or_why_nothing_can_be_said() {
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path());
    let ask = |names: Vec<String>| AskV1 { epoch: None, what: WhatV1::Units(names) };
    let two = ask(vec!["bi".into(), "qe".into()]);
    let answer = told(&agent, proven(), hello(), two).await;
    let AnswerV1::Units(told_of) = wire::decode::<AnswerV1>(&answer.body).unwrap() else {
        panic!("something else")
    };
    let why: Vec<_> = told_of.into_iter().map(|one| one.err().unwrap()).collect();
    assert!(why[0].contains("no unit bi") && why[1].contains("no unit qe"), "{why:?}");
    let many = ask(vec!["bi".into(); UNITS_MAX + 1]);
    let why = refusal(&told(&agent, proven(), hello(), many).await);
    assert!(why.contains("too many"), "{why}");
}

#[tokio::test]
async fn a_lower_epoch_is_told_the_highest_and_a_removed_manager_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path());
    let answer = told(&agent, proven(), hello(), greet(9)).await;
    assert!(wire::decode::<AnswerV1>(&answer.body).unwrap() == AnswerV1::Done);
    let late = told(&agent, proven(), hello(), greet(8)).await;
    assert!(wire::decode::<NoV1>(&late.body).unwrap() == NoV1::Fenced { highest: 9 });
    let removed = HelloV1 { manager: 2, ..hello() };
    let look = AskV1 { epoch: None, what: WhatV1::Unit("bi".into()) };
    let why = refusal(&told(&agent, Caller::SignedIn, removed, look).await);
    assert!(why.contains("not in the group"), "{why}");
}

#[tokio::test]
async fn a_file_is_taken_only_as_long_as_its_epoch_is_the_highest() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("root")).unwrap();
    let agent = agent(dir.path());
    let (here, there) = tokio::io::duplex(1 << 16);
    let asking = async {
        let (reader, writer) = tokio::io::split(here);
        let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
        let frame = |kind, body| Frame { kind, call: 0, body };
        writer.send(&frame(Kind::AgentHello, wire::encode(&hello()))).await.unwrap();
        reader.next().await.unwrap().unwrap();
        let path = dir.path().join("root/file").to_str().unwrap().to_owned();
        let what = WhatV1::Put { path, mode: 0o644, length: 8 };
        let ask = wire::encode(&AskV1 { epoch: Some(5), what });
        writer.send(&frame(Kind::AgentAsk, ask)).await.unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap().kind, Kind::AgentAnswer);
        writer.send(&frame(Kind::AgentPiece, Bytes::from_static(b"half"))).await.unwrap();
        let later = told(&agent, proven(), hello(), greet(6)).await;
        assert_eq!(later.kind, Kind::AgentAnswer);
        reader.next().await.unwrap().unwrap()
    };
    let (end, answered) = tokio::join!(asking, converse(&agent, proven(), there));
    answered.unwrap();
    assert!(wire::decode::<NoV1>(&end.body).is_ok_and(|no| matches!(no, NoV1::Failed(_))));
    assert_eq!(std::fs::read_dir(dir.path().join("root")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(dir.path().join("data/puts")).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_end_in_an_error_or_a_refusal_and_never_in_a_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        introduced: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let agent = agent(dir.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut here, there) = tokio::io::duplex(1 << 16);
            let asking = async {
                if introduced {
                    let mut bytes = bytes::BytesMut::new();
                    let body = wire::encode(&hello());
                    let frame = Frame { kind: Kind::AgentHello, call: 0, body };
                    crate::cluster::frames::encode(&frame, &mut bytes);
                    here.write_all(&bytes).await.unwrap();
                }
                // The agent may have hung up already.
                let _ = here.write_all(&noise).await;
                let _ = here.shutdown().await;
                here
            };
            let (_, answered) = tokio::join!(asking, converse(&agent, proven(), there));
            drop(answered); // either end will do
        });
        prop_assert_eq!(std::fs::read_dir(dir.path().join("data/gate")).unwrap().count(), 0);
    }
}
