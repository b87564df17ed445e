//! The network between the hosts: streams as TCP has them, which arrive in order and whole or not at all.
//!
//! What is lost on the way is sent again, so a loss is a delay and a cut is a long one. A host that died answers with a
//! reset, one whose power is gone not at all until it is back. Every delay is drawn from the seed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use kyvos_manager::cluster::PeerIdentity;

use crate::clock::WorldTime;
use crate::dice::Dice;
use crate::stream::SimStream;

/// A host, by its place.
pub type Host = usize;

/// Bytes that may be under way in one direction of a stream.
const WINDOW_BYTES: usize = 4 << 20;

/// How long it takes until something that was lost is sent again, at least and less than.
const RETRY_US: std::ops::Range<u64> = 200_000..600_000;

/// One direction between two hosts.
#[derive(Clone, Debug)]
struct Link {
    cut: bool,
    least_us: u64,
    jitter_us: u64,
    loss_per_mille: u64,
}

/// How the end of a stream looks from its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was closed in good order.
    Closed,
    /// Whoever was there is gone.
    Reset,
}

/// One direction of a stream.
#[derive(Debug)]
pub struct Pipe {
    from: Host,
    to: Host,
    chunks: VecDeque<(u64, Bytes)>,
    bytes: usize,
    last_due: u64,
    end: Option<(u64, End)>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whatever is written is read by nobody.
    reader_gone: bool,
    /// How many sides of its stream are not given up.
    sides: u8,
}

/// What a reader of a pipe finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Bytes.
    Bytes(Bytes),
    /// No more.
    End(End),
    /// Nothing before this time.
    NotBefore(u64),
    /// Nothing, until it is woken.
    Nothing,
}

/// Somebody who connected and was not let in yet.
pub struct Arrival {
    pub due: u64,
    pub from: PeerIdentity,
    pub stream: SimStream,
}

#[derive(Default)]
struct Port {
    node_id: u64,
    arrivals: VecDeque<Arrival>,
    waker: Option<Waker>,
}

/// The network. Clones are the same.
#[derive(Clone)]
pub struct Net {
    state: Arc<Mutex<State>>,
    pub time: Arc<WorldTime>,
}

struct State {
    dice: Dice,
    links: Vec<Vec<Link>>,
    ports: BTreeMap<Host, Port>,
    pipes: Vec<Pipe>,
    free: Vec<usize>,
    /// Hosts without power: they neither send nor answer.
    dark: Vec<bool>,
}

/// How a link behaves when nothing is wrong with it.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    pub least_us: u64,
    pub jitter_us: u64,
    pub loss_per_mille: u64,
}

impl Net {
    pub fn new(time: Arc<WorldTime>, dice: Dice, hosts: usize, quality: Quality) -> Self {
        let Quality { least_us, jitter_us, loss_per_mille } = quality;
        let link = Link { cut: false, least_us, jitter_us, loss_per_mille };
        let state = State {
            dice,
            links: vec![vec![link; hosts]; hosts],
            ports: BTreeMap::new(),
            pipes: Vec::new(),
            free: Vec::new(),
            dark: vec![false; hosts],
        };
        Self { state: Arc::new(Mutex::new(state)), time }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts or heals one direction.
    pub fn set_cut(&self, from: Host, to: Host, cut: bool) {
        let now = self.time.now();
        let mut state = self.lock();
        if state.links[from][to].cut == cut {
            return;
        }
        state.links[from][to].cut = cut;
        if !cut {
            state.send_again(now, from, to);
        }
    }

    /// Heals every link.
    pub fn heal(&self, quality: Quality) {
        let hosts = self.lock().links.len();
        for from in 0..hosts {
            for to in 0..hosts {
                self.set_cut(from, to, false);
                self.set_quality(from, to, quality);
            }
        }
    }

    pub fn set_quality(&self, from: Host, to: Host, quality: Quality) {
        let mut state = self.lock();
        let link = &mut state.links[from][to];
        (link.least_us, link.jitter_us) = (quality.least_us, quality.jitter_us);
        link.loss_per_mille = quality.loss_per_mille;
    }

    /// When a message that is sent now arrives; `None`: never.
    pub fn message(&self, now: u64, from: Host, to: Host) -> Option<u64> {
        let mut state = self.lock();
        let link = &state.links[from][to];
        if link.cut || state.dark[from] || state.dark[to] {
            return None;
        }
        let loss = link.loss_per_mille;
        if state.dice.chance(loss) {
            return None;
        }
        Some(now + state.delay(from, to))
    }

    /// Somebody listens on this host from now on.
    pub fn listen(&self, host: Host, node_id: u64) {
        let mut state = self.lock();
        state.dark[host] = false;
        let before = state.ports.insert(host, Port { node_id, ..Port::default() });
        drop(state);
        // Whoever waited before a door that is no more closes its stream, which takes the lock.
        drop(before);
    }

    /// The process of a host is gone. With its power, the others do not hear of it.
    pub fn gone(&self, host: Host, with_power: bool) {
        let now = self.time.now();
        let mut state = self.lock();
        state.dark[host] = with_power;
        let port = state.ports.remove(&host);
        for at in 0..state.pipes.len() {
            let (from, to) = (state.pipes[at].from, state.pipes[at].to);
            if to == host {
                state.pipes[at].reader_gone = true;
                wake(&mut state.pipes[at].writer);
            }
            if from == host && !with_power {
                state.end(at, now, End::Reset);
            }
        }
        drop(state);
        drop(port);
    }

    /// A host whose power was gone is back: whoever still believes in a stream to it learns better.
    pub fn lit(&self, host: Host) {
        let now = self.time.now();
        let mut state = self.lock();
        state.dark[host] = false;
        for at in 0..state.pipes.len() {
            if state.pipes[at].from == host && state.pipes[at].end.is_none() {
                state.end(at, now, End::Reset);
            }
        }
    }

    /// Begins a stream, if somebody of that number listens there: its two directions, and when it stands.
    pub fn connect(
        &self,
        now: u64,
        (from, to): (Host, Host),
        node_id: u64,
    ) -> Result<Option<(usize, usize, u64, u64)>, u64> {
        let mut state = self.lock();
        let cut = state.links[from][to].cut || state.links[to][from].cut;
        if cut || state.dark[from] || state.dark[to] {
            return Ok(None);
        }
        let there = now + state.delay(from, to);
        let back = there + state.delay(to, from);
        if state.ports.get(&to).is_none_or(|port| port.node_id != node_id) {
            return Err(back);
        }
        let (out, home) = (state.pipe(from, to), state.pipe(to, from));
        Ok(Some((out, home, there, back)))
    }

    /// Puts somebody before the door of a host. `false`: nobody is there any more.
    pub fn arrive(&self, host: Host, arrival: Arrival) -> bool {
        let mut state = self.lock();
        let Some(port) = state.ports.get_mut(&host) else { return false };
        port.arrivals.push_back(arrival);
        wake(&mut port.waker);
        true
    }

    /// Whoever has arrived at a host by now; else when the next one will.
    pub fn arrived(&self, now: u64, host: Host, waker: &Waker) -> Result<Arrival, Option<u64>> {
        let mut state = self.lock();
        let Some(port) = state.ports.get_mut(&host) else { return Err(None) };
        port.waker = Some(waker.clone());
        match port.arrivals.front().map(|arrival| arrival.due) {
            Some(due) if due <= now => port.arrivals.pop_front().ok_or(None),
            next => Err(next),
        }
    }

    pub fn read(&self, now: u64, at: usize, waker: &Waker) -> Found {
        let mut state = self.lock();
        let state = &mut *state;
        let pipe = &mut state.pipes[at];
        pipe.reader = Some(waker.clone());
        if state.links[pipe.from][pipe.to].cut {
            return Found::Nothing;
        }
        match (pipe.chunks.front(), pipe.end) {
            (Some((due, _)), _) if *due <= now => {
                let (_, bytes) = pipe.chunks.pop_front().expect("just looked at");
                pipe.bytes -= bytes.len();
                wake(&mut pipe.writer);
                Found::Bytes(bytes)
            }
            (Some((due, _)), _) => Found::NotBefore(*due),
            (None, Some((due, end))) if due <= now => Found::End(end),
            (None, Some((due, _))) => Found::NotBefore(due),
            (None, None) => Found::Nothing,
        }
    }

    /// Takes bytes; `None` while there are too many under way.
    pub fn write(&self, now: u64, at: usize, bytes: &[u8], waker: &Waker) -> Option<usize> {
        let mut state = self.lock();
        let (from, to) = (state.pipes[at].from, state.pipes[at].to);
        if state.pipes[at].reader_gone || state.dark[from] {
            return Some(bytes.len());
        }
        let room = WINDOW_BYTES.saturating_sub(state.pipes[at].bytes);
        if room == 0 {
            state.pipes[at].writer = Some(waker.clone());
            return None;
        }
        let taken = room.min(bytes.len());
        let due = (now + state.delay_with_loss(from, to)).max(state.pipes[at].last_due);
        let pipe = &mut state.pipes[at];
        pipe.chunks.push_back((due, Bytes::copy_from_slice(&bytes[..taken])));
        (pipe.bytes, pipe.last_due) = (pipe.bytes + taken, due);
        wake(&mut pipe.reader);
        Some(taken)
    }

    /// One side of a stream is given up: `out` carries no more, and nobody reads `home`.
    pub fn close(&self, out: usize, home: usize) {
        let now = self.time.now();
        let mut state = self.lock();
        let host = state.pipes[out].from;
        if !state.dark[host] {
            state.end(out, now, End::Closed);
        }
        state.pipes[home].reader_gone = true;
        wake(&mut state.pipes[home].writer);
        for at in [out, home] {
            state.pipes[at].sides -= 1;
            if state.pipes[at].sides == 0 {
                state.free.push(at);
            }
        }
    }
}

impl State {
    fn delay(&mut self, from: Host, to: Host) -> u64 {
        let link = &self.links[from][to];
        let (least, jitter) = (link.least_us, link.jitter_us);
        least + self.dice.within(0..jitter + 1)
    }

    fn delay_with_loss(&mut self, from: Host, to: Host) -> u64 {
        let loss = self.links[from][to].loss_per_mille;
        let lost = loss > 0 && self.dice.chance(loss);
        let again = if lost { self.dice.within(RETRY_US) } else { 0 };
        again + self.delay(from, to)
    }

    fn pipe(&mut self, from: Host, to: Host) -> usize {
        let pipe = Pipe {
            from,
            to,
            chunks: VecDeque::new(),
            bytes: 0,
            last_due: 0,
            end: None,
            reader: None,
            writer: None,
            reader_gone: false,
            sides: 2,
        };
        match self.free.pop() {
            Some(at) => {
                self.pipes[at] = pipe;
                at
            }
            None => {
                self.pipes.push(pipe);
                self.pipes.len() - 1
            }
        }
    }

    fn end(&mut self, at: usize, now: u64, end: End) {
        if self.pipes[at].end.is_some() {
            return;
        }
        let (from, to) = (self.pipes[at].from, self.pipes[at].to);
        let due = (now + self.delay(from, to)).max(self.pipes[at].last_due);
        self.pipes[at].end = Some((due, end));
        wake(&mut self.pipes[at].reader);
    }

    /// After a cut, everything that did not arrive is sent again.
    fn send_again(&mut self, now: u64, from: Host, to: Host) {
        for at in 0..self.pipes.len() {
            if (self.pipes[at].from, self.pipes[at].to) != (from, to) {
                continue;
            }
            let due = now + self.dice.within(RETRY_US);
            let pipe = &mut self.pipes[at];
            pipe.chunks.iter_mut().for_each(|(chunk, _)| *chunk = due.max(*chunk));
            if !pipe.chunks.is_empty() {
                pipe.last_due = pipe.last_due.max(due);
            }
            if let Some((end, _)) = &mut pipe.end {
                *end = due.max(*end);
            }
            wake(&mut pipe.reader);
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
