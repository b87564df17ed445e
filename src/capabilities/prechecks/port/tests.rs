//! What is asked of hosts, in the words of the closed list, and of real servers on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use bytes::Bytes;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpSocket;

use super::{Ask, Asking, FromHere, Managers, one_line, told};
use crate::base::{Epoch, HostId, ManagerId};
use crate::capabilities::prechecks::plan::{Answer, Question, Tool};
use crate::leadership::Ended;
use crate::remote::RemoteFailure;
use crate::remote::act::{Output, Probed};
use crate::remote::fake::FakeHosts;

const HOST: HostId = HostId(4);

fn canary() -> Question {
    Question::Canary { host: HOST, tool: Tool::Aws, location: "s3://box/km".into() }
}

/// Managers that tell who was asked.
struct Told;

impl Managers for Told {
    fn sign_in<'a>(&'a self, by: ManagerId, address: &'a str) -> BoxFuture<'a, Answer> {
        async move { Answer::Good(format!("{by} at {address}")) }.boxed()
    }
}

fn asking() -> Asking<FakeHosts, Told> {
    Asking::of(FakeHosts::in_epoch(Epoch(2)), Told, FromHere::believing(None))
}

fn failed(stderr: &str) -> Output {
    Output { exit: Some(1), stdout: Bytes::new(), stderr: Bytes::from(stderr.to_owned()) }
}

fn step(step: &str) -> String {
    format!("Canary {{ tool: Aws, location: Location(\"s3://box/km\"), step: {step} }}")
}

#[tokio::test]
async fn a_sign_in_from_another_host_is_that_managers_to_try() {
    let login = Question::Login {
        by: Some(ManagerId(2)),
        address: "db1:5432".into(),
        user: "kyvos".into(),
        database: "repo".into(),
    };
    assert_eq!(asking().ask(&login).await, Ok(Answer::Good("2 at db1:5432".into())));
}

#[tokio::test]
async fn a_canary_is_written_read_and_cleared() {
    let asking = asking();
    assert_eq!(asking.ask(&canary()).await, Ok(Answer::Good(String::new())));
    let done = asking.hosts.inside().done.clone();
    let expected = ["Put", "Get", "Delete"].map(|part| format!("4 run {}", step(part)));
    assert_eq!(done, expected);
}

#[tokio::test]
async fn what_was_written_is_cleared_even_if_it_cannot_be_read() {
    let asking = asking();
    let denial = failed(
        "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden\n",
    );
    asking.hosts.inside().outputs.insert(step("Get"), denial);
    let Ok(Answer::Denied(why)) = asking.ask(&canary()).await else { panic!("it was denied") };
    assert!(why.starts_with("reading: ") && why.contains("403"), "{why}");
    assert_eq!(asking.hosts.inside().done.last(), Some(&format!("4 run {}", step("Delete"))));
}

#[tokio::test]
async fn what_cannot_be_written_is_not_read() {
    let asking = asking();
    asking.hosts.inside().outputs.insert(step("Put"), failed("No space left on device"));
    let expected = Answer::Bad("writing: No space left on device".into());
    assert_eq!(asking.ask(&canary()).await, Ok(expected));
    assert_eq!(asking.hosts.inside().done.len(), 1);
}

#[tokio::test]
async fn a_location_that_could_be_an_option_reaches_no_host() {
    let asking = asking();
    let location = "--profile".to_owned();
    let asked = Question::Canary { host: HOST, tool: Tool::Aws, location };
    assert!(matches!(asking.ask(&asked).await, Ok(Answer::Bad(_))));
    assert!(asking.hosts.inside().done.is_empty());
}

#[tokio::test]
async fn a_silent_host_is_an_answer_and_a_fence_is_none_of_its_own() {
    let asking = asking();
    asking.hosts.inside().silent.insert(HOST);
    let expected = Answer::Silent("no TCP connection".into());
    let find = Question::Find { host: HOST, tool: Tool::Hdfs };
    let port = Question::Port { host: HOST, address: "km1:7442".into() };
    assert_eq!(asking.ask(&find).await, Ok(expected.clone()));
    assert_eq!(asking.ask(&port).await, Ok(expected));
    let ended = RemoteFailure::Ended(Ended(Epoch(2)));
    assert_eq!(super::unanswered(ended), Err(Ended(Epoch(2))));
}

#[tokio::test]
async fn a_port_is_seen_from_the_host() {
    let asking = asking();
    let refused = Probed { answers: false, status: None, detail: "connection refused".into() };
    asking.hosts.inside().probed.insert("Tcp(\"km1:7442\")".into(), refused);
    let port = |address: &str| Question::Port { host: HOST, address: address.into() };
    let expected = Answer::Bad("connection refused".into());
    assert_eq!(asking.ask(&port("km1:7442")).await, Ok(expected));
    assert_eq!(asking.ask(&port("km2:7442")).await, Ok(Answer::Good(String::new())));
}

#[test]
fn how_tools_say_no_is_understood() {
    for denial in [
        "upload failed: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
        "put: Permission denied: user=kyvos, access=WRITE, inode=\"/kyvos\":hdfs:hdfs:drwxr-xr-x",
        "RESPONSE 403: AuthorizationPermissionMismatch",
        "AccessDeniedException: 403 kyvos does not have storage.objects.create access",
    ] {
        assert_eq!(told(&failed(denial)), Answer::Denied(denial.into()));
    }
    let other = "put: File /kyvos/canary could only be written to 0 of the 1 minReplication nodes";
    assert_eq!(told(&failed(other)), Answer::Bad(other.into()));
    assert_eq!(told(&failed("")), Answer::Bad("it ended with 1 and said nothing".into()));
    let killed = Output { exit: None, stdout: Bytes::new(), stderr: Bytes::new() };
    assert_eq!(told(&killed), Answer::Bad("it was ended by a signal".into()));
}

#[test]
fn what_a_tool_says_is_one_line_and_has_an_end() {
    assert_eq!(one_line("a\n\tb\u{1b}[31m c \n"), "a b [31m c");
    let long = format!("{}the end", "x ".repeat(1_000));
    assert!(one_line(&long).len() <= super::TEXT_MAX_BYTES && one_line(&long).ends_with("the end"));
}

/// A server on this machine that answers whoever has written enough, and closes.
fn server(asked: usize, answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut said = vec![0; asked];
        stream.read_exact(&mut said).unwrap();
        stream.write_all(answer).unwrap();
    });
    address
}

async fn zookeeper(answer: &'static [u8]) -> Answer {
    FromHere::believing(None).zookeeper(&server(4, answer).to_string()).await
}

/// The words of ZooKeeper 3.8; a real one is asked in `tests/prechecks.rs`.
#[tokio::test]
async fn a_zookeeper_tells_how_it_stands() {
    let srvr = b"Zookeeper version: 3.8.0-5a02a05\nLatency min/avg/max: 0/0.0/0\nMode: leader\nNode count: 5\n";
    assert_eq!(zookeeper(srvr).await, Answer::Good("leader".into()));
    let idle = b"This ZooKeeper instance is not currently serving requests\n";
    let expected = "This ZooKeeper instance is not currently serving requests";
    assert_eq!(zookeeper(idle).await, Answer::Bad(expected.into()));
    assert_eq!(zookeeper(b"").await, Answer::Bad("it said nothing".into()));
}

#[tokio::test]
async fn a_postgres_is_told_from_whatever_else_listens_there() {
    let postgres =
        async |answer| FromHere::believing(None).postgres(&server(8, answer).to_string()).await;
    assert_eq!(postgres(b"S").await, Answer::Good("with TLS".into()));
    assert_eq!(postgres(b"N").await, Answer::Good("without TLS".into()));
    let other = Answer::Bad("what listens there is no PostgreSQL".into());
    assert_eq!(postgres(b"HTTP/1.1 400 Bad Request\r\n").await, other);
    assert_eq!(postgres(b"").await, other);
}

#[tokio::test]
async fn nobody_there_is_silence() {
    // It does not listen, and while it is there nobody else is given its port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mute = socket.local_addr().unwrap().to_string();
    let here = FromHere::believing(None);
    assert!(matches!(here.zookeeper(&mute).await, Answer::Silent(_)));
    assert!(matches!(here.postgres(&mute).await, Answer::Silent(_)));
    assert!(matches!(here.load_balancer(&format!("http://{mute}")).await, Answer::Silent(_)));
}

#[tokio::test]
async fn behind_the_balancer_the_manager_says_its_number() {
    let answer =
        b"HTTP/1.1 200 OK\r\nx-km-served-by: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let url = format!("http://{}", server(4, answer));
    assert_eq!(FromHere::believing(None).load_balancer(&url).await, Answer::Good("7".into()));
    let stranger = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let url = format!("http://{}", server(4, stranger));
    let Answer::Bad(why) = FromHere::believing(None).load_balancer(&url).await else {
        panic!("a stranger")
    };
    assert!(why.contains("404"), "{why}");
}
