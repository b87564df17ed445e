//! Watches who claims to be Active, from outside, and tells when two did for certain.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often each Manager is asked.
const PERIOD: Duration = Duration::from_millis(20);

/// A paused process answers when it is resumed: its answer is waited for longer than any pause lasts.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// One Manager said it was Active, at some moment between `sent` and `received`.
#[derive(Clone, Debug)]
pub struct Claim {
    pub manager: usize,
    pub epoch: u64,
    pub sent: Instant,
    pub received: Instant,
}

/// Asks every Manager's health port all the time, until dropped.
pub struct Watch {
    claims: Arc<Mutex<Vec<Claim>>>,
    asked: Vec<Arc<Mutex<u64>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    pub fn over(health: &[SocketAddr]) -> Self {
        let claims: Arc<Mutex<Vec<Claim>>> = Arc::default();
        let stop: Arc<AtomicBool> = Arc::default();
        let asked: Vec<Arc<Mutex<u64>>> = health.iter().map(|_| Arc::default()).collect();
        let threads = health.iter().zip(&asked).enumerate().map(|(manager, (address, asked))| {
            let (address, claims, stop, asked) =
                (*address, claims.clone(), stop.clone(), asked.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    if let Some(answer) = ask(address) {
                        *asked.lock().unwrap() += 1;
                        let received = Instant::now();
                        if let Some(epoch) = answer {
                            claims.lock().unwrap().push(Claim { manager, epoch, sent, received });
                        }
                    }
                    std::thread::sleep(PERIOD.saturating_sub(sent.elapsed()));
                }
            })
        });
        let threads = threads.collect();
        Watch { claims, asked, stop, threads }
    }

    /// Who claimed the highest epoch so far.
    pub fn newest(&self) -> Option<Claim> {
        self.claims
            .lock()
            .unwrap()
            .iter()
            .max_by_key(|claim| (claim.epoch, claim.received))
            .cloned()
    }

    /// How many answers a Manager has given.
    pub fn answers(&self, manager: usize) -> u64 {
        *self.asked[manager].lock().unwrap()
    }

    /// Waits for a claim that fits.
    pub fn wait_for(&self, what: &str, fits: impl Fn(&Claim) -> bool) -> Claim {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(claim) = self.newest().filter(|claim| fits(claim)) {
                return claim;
            }
            assert!(Instant::now() < deadline, "nobody became Active: {what}");
            std::thread::sleep(PERIOD);
        }
    }

    /// Ends the watch and hands over what was seen.
    pub fn finish(mut self) -> Vec<Claim> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.claims.lock().unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The epoch under which a Manager says it is Active; `Some(None)` if it says it is not.
fn ask(address: SocketAddr) -> Option<Option<u64>> {
    let (active, body) = health(address)?;
    Some(active.then(|| body["epoch"].as_u64()).flatten())
}

/// How many more failures the group says it tolerates.
pub fn failure_tolerance(address: SocketAddr) -> u64 {
    health(address).and_then(|(_, body)| body["failure_tolerance"].as_u64()).unwrap_or(0)
}

/// Whether a Manager says it is Active, and all it says.
fn health(address: SocketAddr) -> Option<(bool, serde_json::Value)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()?;
    stream.set_read_timeout(Some(ANSWER_DEADLINE)).ok()?;
    stream
        .write_all(b"GET /health/active HTTP/1.1\r\nhost: km\r\nconnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.starts_with("HTTP/1.1 200"), serde_json::from_str(body).ok()?))
}

/// Pairs of claims that for certain were both held at one moment, or in the wrong order, or one epoch held by
/// two Managers. An answer may be old when it arrives, so only this is certain: whoever claims an epoch after
/// (it was even asked only after) an answer with a newer one had arrived.
pub fn certain_overlaps(claims: &[Claim]) -> Vec<(Claim, Claim)> {
    let mut first_of: BTreeMap<u64, &Claim> = BTreeMap::new();
    for claim in claims {
        let first = first_of.entry(claim.epoch).or_insert(claim);
        if claim.received < first.received {
            *first = claim;
        }
    }
    let mut found = Vec::new();
    for claim in claims {
        let newer = first_of.range(claim.epoch + 1..).map(|(_, first)| *first);
        found.extend(
            newer
                .filter(|newer| newer.received < claim.sent)
                .map(|newer| (claim.clone(), newer.clone())),
        );
        let same = first_of[&claim.epoch];
        if same.manager != claim.manager {
            found.push((claim.clone(), same.clone()));
        }
    }
    found
}
