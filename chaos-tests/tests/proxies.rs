//! The proxies alone, between real sockets: what they hold, delay and reset, and that they tell of it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chaos_tests::fault::Break;
use chaos_tests::fault::network::{Sides, filters};
use chaos_tests::lab::Filter;
use chaos_tests::proxy::{Proxies, Who};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes here that is not held.
const SOON: Duration = Duration::from_secs(5);
/// What is held is not there after so long.
const A_WHILE: Duration = Duration::from_millis(200);
/// How often is looked whether something is so by now.
const GLANCE: Duration = Duration::from_millis(2);
/// Of two that are due so far apart, the earlier comes first: timers know nothing finer than a millisecond.
const APART: Duration = Duration::from_millis(20);

/// Three hosts, each with a listener of its own behind a proxy.
struct Three {
    proxies: Proxies,
    /// Where each is called.
    known: Vec<SocketAddr>,
    listeners: Vec<TcpListener>,
    /// Who called from which address.
    callers: Arc<Mutex<BTreeMap<SocketAddr, usize>>>,
}

impl Three {
    async fn start() -> Self {
        let callers: Arc<Mutex<BTreeMap<SocketAddr, usize>>> = Arc::default();
        let known_callers = callers.clone();
        let who: Who = Arc::new(move |far, _| known_callers.lock().unwrap().get(&far).copied());
        let proxies = Proxies::new(3, who).unwrap();
        let (mut known, mut listeners) = (Vec::new(), Vec::new());
        for place in 0..3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let front = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            known.push(front.local_addr().unwrap());
            proxies.put_before(place, front, listener.local_addr().unwrap()).unwrap();
            listeners.push(listener);
        }
        Self { proxies, known, listeners, callers }
    }

    /// One host calls another; whether that one hears of it is another matter.
    async fn call(&self, from: usize, to: usize) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        self.callers.lock().unwrap().insert(socket.local_addr().unwrap(), from);
        socket.connect(self.known[to]).await.unwrap()
    }

    /// Both ends of a connection that came through.
    async fn connect(&self, from: usize, to: usize) -> (TcpStream, TcpStream) {
        let caller = self.call(from, to).await;
        let (called, _) = timeout(SOON, self.listeners[to].accept()).await.unwrap().unwrap();
        (caller, called)
    }

    async fn nobody_comes(&self, to: usize) -> bool {
        timeout(A_WHILE, self.listeners[to].accept()).await.is_err()
    }

    fn set(&self, filters: &[Filter]) {
        for (place, filter) in filters.iter().enumerate() {
            self.proxies.filter(place, filter);
        }
    }

    fn break_it(&self, way: Break, victims: &[usize]) {
        self.set(&filters(Sides::of(3), way, victims));
    }

    fn heal(&self) {
        self.set(&vec![Filter::default(); 3]);
    }

    fn kept_out(&self) -> Vec<u64> {
        (0..3).map(|place| self.proxies.kept_out(place)).collect()
    }

    /// Waits until so much has arrived at a proxy and was not let in.
    async fn keeps_out(&self, expected: [u64; 3]) {
        soon(|| self.kept_out() == expected).await;
        assert_eq!(self.kept_out(), expected);
    }
}

/// Waits until something is so; whoever waits asserts it, since it may never be.
async fn soon(is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            sleep(GLANCE).await;
        }
    };
    let _ = timeout(SOON, looking).await;
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn hear(stream: &mut TcpStream, text: &str) {
    let mut buffer = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(buffer, text.as_bytes());
}

async fn hears_nothing(stream: &mut TcpStream) {
    let mut buffer = [0; 1];
    assert!(timeout(A_WHILE, stream.read(&mut buffer)).await.is_err(), "something was heard");
}

async fn is_reset(stream: &mut TcpStream) {
    let mut buffer = [0; 1];
    let error = timeout(SOON, stream.read(&mut buffer)).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_is_said_comes_through_both_ways_and_so_does_the_end() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    say(&mut one, "a question").await;
    hear(&mut two, "a question").await;
    say(&mut two, "an answer").await;
    hear(&mut one, "an answer").await;
    one.shutdown().await.unwrap();
    assert_eq!(timeout(SOON, two.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    say(&mut two, "the last word").await;
    hear(&mut one, "the last word").await;
    let seen = three.proxies.seen();
    assert_eq!((seen.connections, seen.bytes, seen.kept_out), (1, 32, 0));
}

#[tokio::test]
async fn in_a_split_bytes_are_held_and_come_in_order_once_it_is_healed() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    let (mut third, mut first) = three.connect(2, 0).await;
    three.break_it(Break::Split, &[1]);
    say(&mut one, "held ").await;
    say(&mut two, "held as well").await;
    three.keeps_out([1, 1, 0]).await;
    hears_nothing(&mut two).await;
    hears_nothing(&mut one).await;
    say(&mut third, "within a side").await;
    hear(&mut first, "within a side").await;
    assert_eq!(three.kept_out(), [1, 1, 0]);
    say(&mut one, "in order").await;
    three.heal();
    hear(&mut two, "held in order").await;
    hear(&mut one, "held as well").await;
    // One host is healed after the other, and what waited may have been counted in between.
    three.heal();
    assert_eq!(three.kept_out(), [0, 0, 0]);
}

#[tokio::test]
async fn that_a_host_is_gone_is_not_heard_through_a_split_either() {
    let three = Three::start().await;
    let (one, mut two) = three.connect(0, 1).await;
    three.break_it(Break::Split, &[1]);
    one.set_zero_linger().unwrap();
    drop(one);
    hears_nothing(&mut two).await;
    three.heal();
    is_reset(&mut two).await;
}

#[tokio::test]
async fn who_is_deaf_is_heard_and_hears_nobody() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    three.break_it(Break::Deaf, &[1]);
    say(&mut two, "can you hear me?").await;
    hear(&mut one, "can you hear me?").await;
    say(&mut one, "yes").await;
    let _call = three.call(1, 2).await;
    three.keeps_out([0, 1, 1]).await;
    hears_nothing(&mut two).await;
    assert!(three.nobody_comes(2).await, "a call takes an answer");
    assert_eq!(three.kept_out(), [0, 1, 1]);
    three.heal();
    hear(&mut two, "yes").await;
}

#[tokio::test]
async fn who_takes_no_calls_goes_on_with_what_is_open_and_can_call() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    three.break_it(Break::NoCalls, &[1]);
    say(&mut one, "still here").await;
    hear(&mut two, "still here").await;
    three.connect(1, 0).await;
    let mut waiting = three.call(0, 1).await;
    say(&mut waiting, "let me in").await;
    let mut impatient = three.call(2, 1).await;
    three.keeps_out([0, 2, 0]).await;
    assert!(three.nobody_comes(1).await);
    assert_eq!(three.kept_out(), [0, 2, 0]);
    // Closing it is not enough: a child that another test starts has it open as well, until it has become its own program.
    impatient.shutdown().await.unwrap();
    three.heal();
    let (mut called, _) = timeout(SOON, three.listeners[1].accept()).await.unwrap().unwrap();
    hear(&mut called, "let me in").await;
    assert!(three.nobody_comes(1).await, "a call that was given up never comes");
}

#[tokio::test]
async fn connections_are_reset_at_both_ends_and_so_are_new_ones() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    let (mut back, mut forth) = three.connect(1, 0).await;
    let (mut aside, mut beside) = three.connect(0, 2).await;
    three.proxies.filter(1, &Filter { resets: [0].into(), ..Filter::default() });
    for stream in [&mut one, &mut two, &mut back, &mut forth] {
        is_reset(stream).await;
    }
    is_reset(&mut three.call(0, 1).await).await;
    say(&mut aside, "not concerned").await;
    hear(&mut beside, "not concerned").await;
    assert_eq!(three.proxies.seen().reset, 3);
    assert!(three.kept_out()[1] > 0);
}

#[tokio::test]
async fn what_a_late_host_sends_comes_later_and_what_it_is_sent_does_not() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    let (mut aside, mut beside) = three.connect(0, 2).await;
    three.proxies.make_late(0, A_WHILE);
    let asked = Instant::now();
    for (word, said) in [("one", 1), ("two", 2), ("three", 3)] {
        say(&mut one, word).await;
        soon(|| three.proxies.late(0) == said).await;
    }
    say(&mut two, "at once").await;
    hear(&mut one, "at once").await;
    assert_eq!(three.proxies.late(1), 0);
    sleep(APART).await;
    say(&mut aside, "last").await;
    hear(&mut beside, "last").await;
    assert!(asked.elapsed() >= A_WHILE);
    assert_eq!(three.proxies.late(0), 4);
    // Each is as late as it is sent; none waits for the one before: when the last one comes, all have come.
    assert_eq!(three.proxies.seen().bytes, 22);
    hear(&mut two, "onetwothree").await;
}

#[tokio::test]
async fn what_a_slow_host_sends_waits_for_its_link_until_that_is_lifted() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    // 64,000 bytes a second.
    three.proxies.throttle(0, Some(512));
    let (much, begun) = ("x".repeat(24 * 1024), Instant::now());
    say(&mut one, &much).await;
    hear(&mut two, &much).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(180), "{took:?}");
    assert!(three.proxies.held_up(0) > 0);
    say(&mut one, &"x".repeat(640 * 1024)).await;
    three.proxies.throttle(0, None);
    timeout(SOON, hear(&mut two, &"x".repeat(640 * 1024))).await.unwrap();
}

#[tokio::test]
async fn beyond_its_quota_a_host_is_sent_nothing() {
    let three = Three::start().await;
    let (mut one, mut two) = three.connect(0, 1).await;
    three.proxies.filter(1, &Filter { quota_kib: Some(8), ..Filter::default() });
    say(&mut one, &"x".repeat(64 * 1024)).await;
    hear(&mut two, &"x".repeat(8 * 1024)).await;
    soon(|| three.kept_out()[1] > 0).await;
    assert!(three.kept_out()[1] > 0);
    three.heal();
    hear(&mut two, &"x".repeat(56 * 1024)).await;
}

#[tokio::test]
async fn a_stranger_is_not_let_in_and_counted() {
    let three = Three::start().await;
    is_reset(&mut TcpStream::connect(three.known[0]).await.unwrap()).await;
    assert!(three.nobody_comes(0).await);
    assert_eq!(three.proxies.seen().strangers, 1);
}
