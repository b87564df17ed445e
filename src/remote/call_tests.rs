//! What an asker concludes from whatever a host does: a scripted host at the other end of the line.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::DuplexStream;

use super::*;
use crate::remote::act::{UnitName, UnitState, UnitStatus};
use crate::remote::units::told_of_units;
use crate::remote::wire::{
    PROTOCOL_MAX, PROTOCOL_MIN, UNITS_MAX, UnitStateV1, UnitStatusV1, UnitVerbV1,
};

const SOON: Duration = Duration::from_secs(30);

/// Lines that are opened one after the other.
struct Prepared(Mutex<VecDeque<DuplexStream>>);

impl Prepared {
    /// So many lines to a host, which is at their other ends.
    fn of(lines: usize) -> (Self, Vec<Script>) {
        let ends = (0..lines).map(|_| tokio::io::duplex(1 << 20));
        let (here, there): (VecDeque<_>, Vec<_>) = ends.unzip();
        let script = |there| {
            let (reader, writer) = tokio::io::split(there);
            Script { reader: FrameReader::new(reader), writer: FrameWriter::new(writer) }
        };
        (Self(Mutex::new(here)), there.into_iter().map(script).collect())
    }
}

impl Carrier for Prepared {
    fn open(&self) -> BoxFuture<'_, Result<OpenLine, RemoteFailure>> {
        let line = self.0.lock().unwrap().pop_front().expect("no line is left");
        async { Ok(Box::new(line) as OpenLine) }.boxed()
    }
}

/// The other end.
struct Script {
    reader: FrameReader<ReadHalf<DuplexStream>>,
    writer: FrameWriter<WriteHalf<DuplexStream>>,
}

impl Script {
    async fn says<T: bincode::Encode>(&mut self, kind: Kind, body: &T) {
        send(&mut self.writer, kind, wire::encode(body)).await.unwrap();
    }

    async fn hears(&mut self, kind: Kind) -> Frame {
        let frame = self.reader.next().await.unwrap().unwrap();
        assert_eq!(frame.kind, kind);
        frame
    }

    /// Introduces itself as one that speaks this protocol.
    async fn meets(&mut self, protocol: u16) {
        self.hears(Kind::AgentHello).await;
        let build = "0.1.0".into();
        let welcome = WelcomeV1 { protocol, build, certificate_ends_ms: None };
        self.says(Kind::AgentWelcome, &welcome).await;
    }

    /// The next question.
    async fn is_asked(&mut self) -> WhatV1 {
        let frame = self.hears(Kind::AgentAsk).await;
        wire::decode::<AskV1>(&frame.body).unwrap().what
    }
}

fn hello() -> HelloV1 {
    HelloV1 {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        cluster_id: [7; 16],
        host: 12,
        manager: 1,
        build: "0.1.0".into(),
    }
}

async fn met() -> (Call, Script) {
    let (carrier, mut hosts) = Prepared::of(1);
    let (mut host, hello) = (hosts.remove(0), hello());
    let (call, ()) = tokio::join!(Call::open(&carrier, &hello), host.meets(1));
    (call.unwrap(), host)
}

fn stop() -> WhatV1 {
    WhatV1::Order { unit: "km".into(), verb: UnitVerbV1::Stop }
}

#[tokio::test]
async fn an_act_whose_answer_is_lost_is_unknown_and_a_look_is_not() {
    let (mut call, mut host) = met().await;
    let (told, ()) = tokio::join!(call.act(Epoch(5), stop(), SOON), async {
        host.hears(Kind::AgentAsk).await;
        drop(host);
    });
    let failure = told.err().unwrap();
    assert!(matches!(failure, RemoteFailure::Unknown(_)) && !failure.did_nothing());

    let (call, mut host) = met().await;
    let (told, ()) = tokio::join!(call.look(WhatV1::Unit("km".into()), SOON), async {
        host.hears(Kind::AgentAsk).await;
        drop(host);
    });
    assert!(told.err().unwrap().did_nothing());
}

#[tokio::test(start_paused = true)]
async fn a_host_at_work_is_waited_for_and_a_silent_one_is_not() {
    let (mut call, mut host) = met().await;
    let (told, ()) = tokio::join!(call.act(Epoch(5), stop(), SOON), async {
        for _ in 0..3 {
            tokio::time::sleep(SILENCE_MAX / 2).await;
            send(&mut host.writer, Kind::AgentWorking, Bytes::new()).await.unwrap();
        }
        host.says(Kind::AgentAnswer, &AnswerV1::Done).await;
    });
    assert!(told.is_ok_and(|answer| answer == AnswerV1::Done));
    let before = Instant::now();
    let told = call.act(Epoch(5), stop(), SOON).await;
    assert!(matches!(told, Err(RemoteFailure::Unknown(why)) if why.contains("silent")));
    assert_eq!(before.elapsed(), SILENCE_MAX);
}

#[tokio::test]
async fn a_no_of_the_host_is_told_as_it_is() {
    let (mut call, mut host) = met().await;
    host.says(Kind::AgentNo, &NoV1::Fenced { highest: 8 }).await;
    let fenced = RemoteFailure::Fenced { asked: Epoch(5), highest: Epoch(8) };
    assert_eq!(call.act(Epoch(5), stop(), SOON).await.err(), Some(fenced));
    host.says(Kind::AgentNo, &NoV1::Refused("no such unit".into())).await;
    let told = call.act(Epoch(5), stop(), SOON).await.err().unwrap();
    assert!(told.did_nothing());
    host.says(Kind::AgentNo, &NoV1::Failed("it does not end".into())).await;
    let told = call.act(Epoch(5), stop(), SOON).await.err().unwrap();
    assert!(!told.did_nothing());
}

#[tokio::test]
async fn a_file_cut_on_its_way_has_not_replaced_anything_and_after_its_end_it_may_have() {
    let (mut call, mut host) = met().await;
    let upload = Upload::of("content", 0o644);
    let (told, ()) = tokio::join!(call.put(Epoch(5), "/a", upload, SOON), async {
        host.hears(Kind::AgentAsk).await;
        drop(host);
    });
    assert!(told.unwrap_err().did_nothing());

    let (mut call, mut host) = met().await;
    let upload = Upload::of("content", 0o644);
    let (told, ()) = tokio::join!(call.put(Epoch(5), "/a", upload, SOON), async {
        host.hears(Kind::AgentAsk).await;
        host.says(Kind::AgentAnswer, &AnswerV1::GoOn).await;
        host.hears(Kind::AgentPiece).await;
        host.hears(Kind::AgentEnd).await;
        drop(host);
    });
    assert!(matches!(told, Err(RemoteFailure::Unknown(_))));
}

#[tokio::test]
async fn a_file_of_another_length_than_announced_is_not_ended() {
    let (mut call, mut host) = met().await;
    let upload = Upload { length: 8, ..Upload::of("content", 0o644) };
    let (told, ()) = tokio::join!(call.put(Epoch(5), "/a", upload, SOON), async {
        host.hears(Kind::AgentAsk).await;
        host.says(Kind::AgentAnswer, &AnswerV1::GoOn).await;
        host.hears(Kind::AgentPiece).await;
    });
    assert!(matches!(told, Err(RemoteFailure::NotReady(_))));
    drop(call);
    assert!(host.reader.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_stream_ends_well_only_with_the_checksum_of_what_arrived() {
    let content = Bytes::from_static(b"lines");
    let mut digest = Context::new(&SHA256);
    digest.update(&content);
    let right = StampV1 { length: 5, sha256: finished(digest) };
    for (end, well) in [(right.clone(), true), (StampV1 { length: 4, ..right }, false)] {
        let (call, mut host) = met().await;
        host.says(Kind::AgentAnswer, &AnswerV1::Coming).await;
        send(&mut host.writer, Kind::AgentPiece, content.clone()).await.unwrap();
        host.says(Kind::AgentEnd, &end).await;
        let told = call.look(WhatV1::Get("/a".into()), SOON).await;
        let pieces: Result<Vec<Bytes>, _> = told.ok().unwrap().1.stream().try_collect().await;
        assert_eq!(pieces.is_ok(), well);
    }
}

#[tokio::test]
async fn whoever_is_not_one_of_ours_is_unreachable() {
    let (here, mut there) = tokio::io::duplex(1 << 20);
    tokio::io::AsyncWriteExt::write_all(&mut there, b"sh: /usr/bin/km: not found\n").await.unwrap();
    let carrier = Prepared(Mutex::new([here].into()));
    let failure = Call::open(&carrier, &hello()).await.err().unwrap();
    assert!(matches!(failure, RemoteFailure::Unreachable(_)));
}

fn runs() -> UnitStatusV1 {
    UnitStatusV1 { state: UnitStateV1::Running, pid: Some(7), since_ms: None, ended: String::new() }
}

fn names(count: usize) -> Vec<UnitName> {
    (0..count).map(|number| format!("unit-{number}").parse().unwrap()).collect()
}

#[tokio::test]
async fn a_host_tells_of_all_its_units_at_once_and_of_each_what_it_can() {
    let (carrier, mut hosts) = Prepared::of(2);
    let (hello, units) = (hello(), names(UNITS_MAX + 2));
    let (told, ()) = tokio::join!(told_of_units(&carrier, &hello, &units, SOON), async {
        for host in &mut hosts {
            host.meets(PROTOCOL_MAX).await;
            let WhatV1::Units(asked) = host.is_asked().await else { panic!("something else") };
            let tell = |name: &String| match name.as_str() {
                "unit-1" => Err("no such unit".to_owned()),
                _ => Ok(runs()),
            };
            let told = asked.iter().map(tell).collect();
            host.says(Kind::AgentAnswer, &AnswerV1::Units(told)).await;
        }
    });
    let told = told.unwrap();
    assert_eq!(told.len(), units.len());
    assert_eq!(told[1], Err(RemoteFailure::Refused("no such unit".into())));
    let running =
        |one: &&Result<_, _>| matches!(one, Ok(UnitStatus { state: UnitState::Running, .. }));
    assert_eq!(told.iter().filter(running).count(), units.len() - 1);
}

#[tokio::test]
async fn a_host_of_the_version_before_is_asked_of_one_unit_a_line() {
    let (carrier, mut hosts) = Prepared::of(2);
    let (hello, units) = (hello(), names(2));
    let (told, ()) = tokio::join!(told_of_units(&carrier, &hello, &units, SOON), async {
        for (host, name) in hosts.iter_mut().zip(["unit-0", "unit-1"]) {
            host.meets(1).await;
            assert!(host.is_asked().await == WhatV1::Unit(name.into()));
            host.says(Kind::AgentAnswer, &AnswerV1::Unit(runs())).await;
        }
    });
    assert!(told.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_host_that_tells_of_fewer_units_than_it_was_asked_of_has_told_nothing() {
    let (carrier, mut hosts) = Prepared::of(1);
    let (hello, units) = (hello(), names(2));
    let (told, ()) = tokio::join!(told_of_units(&carrier, &hello, &units, SOON), async {
        hosts[0].meets(PROTOCOL_MAX).await;
        hosts[0].is_asked().await;
        hosts[0].says(Kind::AgentAnswer, &AnswerV1::Units(vec![Ok(runs())])).await;
    });
    assert!(matches!(told, Err(RemoteFailure::Unreachable(_))));
}
