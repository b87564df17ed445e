//! The peer port over real sockets and real TLS: who is let in, and what happens to those who are not.

#![expect(clippy::disallowed_methods, reason = "a test joins what it spawns")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use openraft::raft::AppendEntriesRequest;
use raft_store::types::TypeConfig;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::append_stream::{self, Searched};
use super::call_link::{CallFailure, CallLink};
use super::dial::{AddressBook, DialFailure, Dialer};
use super::frames::{self, Frame, Kind};
use super::peer_server::{Desk, PeerServer};
use super::pki::{CertificateRequest, GroupCa, PeerIdentity};
use super::road::{Road, Stream, TlsDoor, TlsRoad};
use super::tls::{Credentials, Shown};
use super::wire::{
    self, AppendReplyV1, AppendV1, Hello, LogIdV1, Purpose, SnapshotBeginV1, SnapshotReplyV1,
    VoteV1,
};

const NOW: u64 = 1_795_000_000;
const SOON: Duration = Duration::from_secs(2);

/// Answers what it is asked with what it was asked, unless told to be silent. Has a log of so many entries.
#[derive(Default)]
struct Echo {
    closed: AtomicBool,
    silent: AtomicBool,
    log_end: AtomicU64,
}

impl Desk for Echo {
    type Receiving = usize;

    fn admits(&self, peer: u64) -> Result<(), String> {
        match peer == 66 || self.closed.load(Ordering::SeqCst) {
            true => Err(format!("member {peer} was removed")),
            false => Ok(()),
        }
    }

    async fn answer(&self, _peer: u64, kind: Kind, body: Bytes) -> Result<(Kind, Bytes), String> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok((kind, body))
    }

    fn append(
        &self,
        requests: BoxStream<'static, AppendEntriesRequest<TypeConfig>>,
    ) -> BoxStream<'static, Result<AppendReplyV1, String>> {
        let log_end = self.log_end.load(Ordering::SeqCst);
        let matches = move |request: &AppendEntriesRequest<TypeConfig>| {
            request.prev_log_id.is_none_or(|prev| prev.index <= log_end)
        };
        let reply = move |request: AppendEntriesRequest<TypeConfig>| match matches(&request) {
            true => AppendReplyV1::Matching(AppendV1::from(&request).prev),
            false => AppendReplyV1::Conflict(AppendV1::from(&request).prev.unwrap()),
        };
        requests.map(move |request| Ok(reply(request))).boxed()
    }

    async fn begin_receiving(&self) -> Result<usize, String> {
        Ok(0)
    }

    async fn receive(&self, receiving: usize, chunk: Bytes) -> Result<usize, String> {
        Ok(receiving + chunk.len())
    }

    async fn install(
        &self,
        begin: SnapshotBeginV1,
        received: usize,
    ) -> Result<SnapshotReplyV1, String> {
        assert_eq!(begin.length, received as u64);
        Ok(SnapshotReplyV1 { vote: begin.vote })
    }
}

struct Port {
    address: SocketAddr,
    desk: Arc<Echo>,
    _server: AbortOnDropHandle<()>,
}

struct Authority(GroupCa, Uuid);

impl Authority {
    fn new(cluster: u128) -> Self {
        let cluster_id = Uuid::from_u128(cluster);
        Authority(GroupCa::generate(cluster_id, NOW).unwrap(), cluster_id)
    }

    fn member(&self, node_id: u64) -> PeerIdentity {
        PeerIdentity { cluster_id: self.1, node_id }
    }

    fn credentials(&self, identity: PeerIdentity) -> Credentials {
        let request = CertificateRequest::generate().unwrap();
        Credentials {
            ca_pem: self.0.certificate_pem().to_owned(),
            certificate_pem: self.0.issue(&request.csr_pem, identity, &[], NOW).unwrap(),
            key_pem: request.key_pem,
        }
    }

    async fn port(&self, node_id: u64) -> Port {
        let here = self.member(node_id);
        let config = peer_server(&self.credentials(here));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Echo::default());
        let server = PeerServer::new(here, desk.clone()).listen(TlsDoor::new(config, listener));
        Port { address, desk, _server: AbortOnDropHandle::new(tokio::spawn(server)) }
    }

    fn dialer(&self, identity: PeerIdentity, to: SocketAddr) -> Dialer {
        self.dialer_with(identity, Arc::new(move |_| Some(to.to_string())))
    }

    fn dialer_with(&self, identity: PeerIdentity, book: AddressBook) -> Dialer {
        let road = TlsRoad::new(peer_client(&self.credentials(identity)), identity);
        Dialer::new(Arc::new(road), identity, book)
    }
}

fn peer_server(credentials: &Credentials) -> Arc<ServerConfig> {
    credentials.peer_server(Shown::of(credentials).unwrap()).unwrap()
}

fn peer_client(credentials: &Credentials) -> Arc<ClientConfig> {
    credentials.peer_client(Shown::of(credentials).unwrap()).unwrap()
}

#[tokio::test]
async fn members_of_one_group_ask_and_answer() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let link = CallLink::new(group.dialer(group.member(2), port.address), 1, Purpose::Control);
    let asked = (0..50).map(|number| {
        let link = &link;
        async move {
            let body = Bytes::from(format!("question {number}"));
            let answer = link.call(Kind::Vote, body.clone(), SOON).await.unwrap();
            assert_eq!(answer.body, body);
        }
    });
    futures::future::join_all(asked).await;
}

// row 89
#[tokio::test]
async fn plaintext_gets_no_answer_of_ours() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let mut hello = BytesMut::new();
    frames::encode(&Frame { kind: Kind::Hello, call: 0, body: Bytes::new() }, &mut hello);
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    // Closed, perhaps after a TLS alert; never a frame.
    drop(tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap());
    assert!(!answer.starts_with(b"KP"), "{answer:?}");
    assert!(answer.len() < 16, "{answer:?}");
}

// row 89
#[tokio::test]
async fn a_foreign_authority_is_refused_in_both_directions() {
    let (ours, theirs) = (Authority::new(1), Authority::new(1));
    let port = ours.port(1).await;
    let stranger = theirs.dialer(theirs.member(2), port.address);
    assert!(stranger.dial(1, Purpose::Control).await.is_err());

    let their_port = theirs.port(1).await;
    let member = ours.dialer(ours.member(2), their_port.address);
    assert!(matches!(member.dial(1, Purpose::Control).await, Err(DialFailure::Io(_))));
}

// row 89
#[tokio::test]
async fn a_certificate_of_another_group_is_refused_even_from_the_same_authority() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let other = PeerIdentity { cluster_id: Uuid::from_u128(2), node_id: 2 };
    let config = peer_client(&group.credentials(other));
    let address = port.address.to_string();
    // It believes to be in this group, as far as its own dialling goes.
    let road = Arc::new(TlsRoad::new(config, group.member(2)));
    let dialer = Dialer::new(road, group.member(2), Arc::new(move |_| Some(address.clone())));
    match dialer.dial(1, Purpose::Control).await {
        Err(DialFailure::Refused(reason)) => assert!(reason.contains("certificate"), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

#[tokio::test]
async fn a_member_that_introduces_itself_as_another_is_refused() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let config = peer_client(&group.credentials(group.member(2)));
    let address = port.address.to_string();
    let road = Arc::new(TlsRoad::new(config, group.member(3)));
    let dialer = Dialer::new(road, group.member(3), Arc::new(move |_| Some(address.clone())));
    match dialer.dial(1, Purpose::Control).await {
        Err(DialFailure::Refused(reason)) => assert!(reason.contains("member 3"), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

#[tokio::test]
async fn a_dialling_member_insists_on_the_very_member_it_meant() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let dialer = group.dialer(group.member(2), port.address);
    assert!(matches!(dialer.dial(7, Purpose::Control).await, Err(DialFailure::Io(_))));
}

// row 99
#[tokio::test]
async fn a_removed_member_is_refused_and_an_open_connection_ends_with_the_removal() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let gone = group.dialer(group.member(66), port.address);
    assert!(matches!(gone.dial(1, Purpose::Append).await, Err(DialFailure::NoMember(_))));
    assert_eq!(gone.farewell.heard().as_deref(), Some("member 66 was removed"));

    let link = CallLink::new(group.dialer(group.member(2), port.address), 1, Purpose::Control);
    link.call(Kind::Vote, Bytes::new(), SOON).await.unwrap();
    port.desk.closed.store(true, Ordering::SeqCst);
    assert!(link.call(Kind::Vote, Bytes::new(), SOON).await.is_err());
}

// row 83
#[tokio::test]
async fn a_caller_learns_whether_its_question_may_have_arrived() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let link = CallLink::new(group.dialer(group.member(2), port.address), 1, Purpose::Forward);
    // The connection is there: what is asked from now on is sent at once.
    link.call(Kind::Propose, Bytes::new(), SOON).await.unwrap();
    port.desk.silent.store(true, Ordering::SeqCst);
    let lost = link.call(Kind::Propose, Bytes::new(), Duration::from_millis(500)).await;
    assert!(matches!(lost, Err(CallFailure::Lost(_))), "{lost:?}");

    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let link = CallLink::new(group.dialer(group.member(2), nobody), 1, Purpose::Forward);
    let never = link.call(Kind::Propose, Bytes::new(), Duration::from_millis(500)).await;
    assert!(matches!(never, Err(CallFailure::NotSent(_))), "{never:?}");
}

#[tokio::test]
async fn a_link_opens_again_after_its_peer_was_away() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let listed = Arc::new(Mutex::new(port.address));
    let known = listed.clone();
    let book: AddressBook = Arc::new(move |_| Some(known.lock().unwrap().to_string()));
    let link = CallLink::new(group.dialer_with(group.member(2), book), 1, Purpose::Control);
    link.call(Kind::Vote, Bytes::new(), SOON).await.unwrap();
    drop(port);
    assert!(link.call(Kind::Vote, Bytes::new(), SOON).await.is_err());

    // At another address: the one it had may be somebody else's by now.
    let port = group.port(1).await;
    *listed.lock().unwrap() = port.address;
    let deadline = tokio::time::Instant::now() + SOON;
    while link.call(Kind::Vote, Bytes::new(), SOON).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline);
    }
}

/// What a welcomed peer must not do, and that it costs it the connection and nothing else.
#[tokio::test]
async fn hostile_frames_end_their_connection_and_no_other() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let dialer = group.dialer(group.member(2), port.address);
    let bodies: [(Purpose, Kind, Bytes); 5] = [
        (Purpose::Append, Kind::Append, Bytes::from_static(b"nonsense")),
        (Purpose::Append, Kind::Vote, Bytes::new()),
        (Purpose::Snapshot, Kind::SnapshotChunk, Bytes::new()),
        (Purpose::Snapshot, Kind::SnapshotBegin, Bytes::from_static(&[0xff; 40])),
        (Purpose::Snapshot, Kind::SnapshotBegin, announced_but_longer()),
    ];
    for (purpose, kind, body) in bodies {
        let mut connection = dialer.dial(1, purpose).await.unwrap();
        connection.writer.send(&Frame { kind, call: 0, body }).await.unwrap();
        let chunk = Frame { kind: Kind::SnapshotChunk, call: 0, body: Bytes::from_static(b"more") };
        // The other side may have hung up already.
        drop(connection.writer.send(&chunk).await);
        let mut last = None;
        while let Ok(frame) = connection.reader.expect(SOON).await {
            last = Some(frame.kind);
        }
        assert!(matches!(last, None | Some(Kind::Failed)), "{last:?}");
    }
    let link = CallLink::new(dialer, 1, Purpose::Control);
    link.call(Kind::Vote, Bytes::new(), SOON).await.unwrap();
}

fn announced_but_longer() -> Bytes {
    let membership = wire::MembershipV1 { configs: vec![], nodes: vec![] };
    let vote = VoteV1 { term: 1, node: 2, committed: true };
    wire::encode(&SnapshotBeginV1 {
        vote,
        last_log: None,
        membership_log: None,
        membership,
        length: 2,
    })
}

#[tokio::test]
async fn a_member_of_an_unknown_protocol_is_told_which_are_spoken() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let config = peer_client(&group.credentials(group.member(2)));
    let tcp = TcpStream::connect(port.address).await.unwrap();
    let name = super::tls::server_name(group.member(1));
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await.unwrap();
    let (reader, writer) = tokio::io::split(stream);
    let hello = Hello {
        protocol_min: 8,
        protocol_max: 9,
        cluster_id: group.1.into_bytes(),
        node_id: 2,
        purpose: Purpose::Control,
        build: "from the future".to_owned(),
    };
    let body = wire::encode(&hello);
    frames::FrameWriter::new(writer)
        .send(&Frame { kind: Kind::Hello, call: 0, body })
        .await
        .unwrap();
    let answer = frames::FrameReader::new(reader).expect(SOON).await.unwrap();
    let reason: wire::Reason = wire::decode(&answer.body).unwrap();
    assert_eq!(answer.kind, Kind::Refused);
    assert!(reason.text.contains("protocols 1 to 1"), "{}", reason.text);
}

/// Counts who is reached over it.
struct Counted {
    road: TlsRoad,
    reached: Arc<AtomicUsize>,
}

impl Road for Counted {
    fn reach(&self, peer: u64, address: String) -> BoxFuture<'_, std::io::Result<Stream>> {
        self.reached.fetch_add(1, Ordering::SeqCst);
        self.road.reach(peer, address)
    }
}

/// One round of a new leader that looks for the end of a follower's log: what the Raft library hears, in order.
async fn round(
    dialer: &Dialer,
    searched: &Searched,
    prevs: &[u64],
) -> Vec<Result<(), &'static str>> {
    let request = |index: &u64| -> AppendEntriesRequest<TypeConfig> {
        let prev = Some(LogIdV1 { term: 1, node: 2, index: *index });
        let vote = VoteV1 { term: 1, node: 2, committed: true };
        AppendV1 { vote, prev, entries: vec![], commit: None }.try_into().unwrap()
    };
    let (answers, heard) = tokio::sync::mpsc::channel(16);
    let requests = futures::stream::iter(prevs.iter().map(request).collect::<Vec<_>>());
    append_stream::run(dialer.clone(), 1, searched.clone(), requests, answers).await;
    let heard = futures::stream::unfold(heard, |mut heard| async {
        heard.recv().await.map(|answer| (answer, heard))
    });
    let told = |answer: append_stream::Outcome| match answer {
        Ok(result) => result.map(|_| ()).map_err(|_| "refused"),
        Err(_) => Err("lost"),
    };
    heard.map(told).collect().await
}

#[tokio::test]
async fn the_end_of_a_log_is_looked_for_on_one_connection() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    port.desk.log_end.store(10, Ordering::SeqCst);
    let here = group.member(2);
    let reached = Arc::new(AtomicUsize::new(0));
    let road = Counted {
        road: TlsRoad::new(peer_client(&group.credentials(here)), here),
        reached: reached.clone(),
    };
    let address = port.address.to_string();
    let dialer = Dialer::new(Arc::new(road), here, Arc::new(move |_| Some(address.clone())));
    let searched = Searched::default();

    for refused in [80, 40, 20] {
        assert_eq!(round(&dialer, &searched, &[refused]).await, [Err("refused")]);
    }
    assert_eq!(round(&dialer, &searched, &[10, 10, 10]).await, [Ok(())]);
    assert_eq!(reached.load(Ordering::SeqCst), 1);

    // It was not kept: something had matched on it, and then the follower ends it with a refusal.
    assert_eq!(round(&dialer, &searched, &[10]).await, [Ok(())]);
    assert_eq!(reached.load(Ordering::SeqCst), 2);

    // Nor where a refusal left another request on the way, whose answer would be taken for the next round's.
    assert_eq!(round(&dialer, &searched, &[20, 19]).await, [Err("refused")]);
    assert_eq!(round(&dialer, &searched, &[5]).await, [Ok(())]);
    assert_eq!(reached.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_kept_connection_that_broke_costs_one_round() {
    let group = Authority::new(1);
    let port = group.port(1).await;
    let dialer = group.dialer(group.member(2), port.address);
    let searched = Searched::default();
    assert_eq!(round(&dialer, &searched, &[20]).await, [Err("refused")]);
    port.desk.closed.store(true, Ordering::SeqCst);
    assert_eq!(round(&dialer, &searched, &[10]).await, [Err("lost")]);
    port.desk.closed.store(false, Ordering::SeqCst);
    assert_eq!(round(&dialer, &searched, &[0]).await, [Ok(())]);
}
