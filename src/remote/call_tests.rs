//! What an asker concludes from whatever a host does: a scripted host at the other end of the line.

use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::DuplexStream;

use super::*;
use crate::remote::wire::{PROTOCOL_MAX, PROTOCOL_MIN, UnitVerbV1};

const SOON: Duration = Duration::from_secs(30);

/// A line that is opened once.
struct Prepared(Mutex<Option<DuplexStream>>);

impl Carrier for Prepared {
    fn open(&self) -> BoxFuture<'_, Result<OpenLine, RemoteFailure>> {
        let line = self.0.lock().unwrap().take().expect("it is opened once");
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
    let (here, there) = tokio::io::duplex(1 << 20);
    let carrier = Prepared(Mutex::new(Some(here)));
    let (reader, writer) = tokio::io::split(there);
    let mut host = Script { reader: FrameReader::new(reader), writer: FrameWriter::new(writer) };
    let hello = hello();
    let (call, ()) = tokio::join!(Call::open(&carrier, &hello), async {
        host.hears(Kind::AgentHello).await;
        let build = "0.1.0".into();
        let welcome = WelcomeV1 { protocol: 1, build, certificate_ends_ms: None };
        host.says(Kind::AgentWelcome, &welcome).await;
    });
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
    let carrier = Prepared(Mutex::new(Some(here)));
    let failure = Call::open(&carrier, &hello()).await.err().unwrap();
    assert!(matches!(failure, RemoteFailure::Unreachable(_)));
}
