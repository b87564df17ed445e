//! A cable that is late, that changes the order of what it carries, loses some of it or carries it twice: a thread in the switch's
//! namespace that takes every frame of one host's port and hands it on when its time has come. The kernel would do the same
//! (netem), and is often built without it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send,
    socket,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::network::CLIENTS;
use crate::Failure;

/// No frame between hosts is longer: nothing is put together or taken apart on the way while a wire is laid.
const FRAME_MAX: usize = 2048;
/// How long the thread looks away when nothing happens.
const LOOK_MAX: Duration = Duration::from_millis(20);
/// What the kernel calls a frame that this host sends itself.
const OUTGOING: u8 = 4;
/// Where a frame says what it carries, and that it is IPv4; where the addresses of its sender and of its receiver end.
const KIND_AT: usize = 12;
const IPV4: [u8; 2] = [8, 0];
const ADDRESSES_END_AT: [usize; 2] = [29, 33];

/// What becomes of the frames of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How late each is, drawn for each: with a range, later ones overtake earlier ones.
    pub late_ms: RangeInclusive<u64>,
    /// So many of a hundred come a second time, as late again.
    pub twice_percent: u8,
    /// So many of a hundred packets between two hosts do not come.
    pub lost_percent: u8,
}

impl Manner {
    /// At once, in order, once.
    pub const PLAIN: Self = Self { late_ms: 0..=0, twice_percent: 0, lost_percent: 0 };

    /// Whether a frame does not come.
    fn loses(&self, frame: &[u8], random: &mut StdRng) -> bool {
        self.lost_percent > 0
            && is_between_hosts(frame)
            && random.random_range(0..100) < self.lost_percent
    }

    /// How late each copy of a frame is.
    fn copies(&self, random: &mut StdRng) -> Vec<Duration> {
        let late = Duration::from_millis(random.random_range(self.late_ms.clone()));
        let mut copies = vec![late];
        if random.random_range(0..100) < self.twice_percent {
            copies.push(late + Duration::from_millis(random.random_range(self.late_ms.clone())));
        }
        copies
    }
}

/// Whether a frame carries a packet from one host to another: those from and to clients are not lost.
fn is_between_hosts(frame: &[u8]) -> bool {
    let of_host = |at: &usize| frame.get(*at).is_some_and(|last| *last != CLIENTS);
    frame.get(KIND_AT..KIND_AT + IPV4.len()) == Some(IPV4.as_slice())
        && ADDRESSES_END_AT.iter().all(of_host)
}

/// What becomes of everything on the cable of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// Of what the host sends.
    pub sent: Manner,
    /// Of what it is sent.
    pub received: Manner,
}

/// What a wire did so far.
#[derive(Debug, Default)]
struct Counted {
    late: AtomicU64,
    overtaken: AtomicU64,
    twice: AtomicU64,
    lost: AtomicU64,
}

/// What a wire did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were handed on later than they came.
    pub late: u64,
    /// Frames that were handed on before one that had come earlier, the same way.
    pub overtaken: u64,
    /// Frames that were handed on twice.
    pub twice: u64,
    /// Frames that were not handed on.
    pub lost: u64,
}

/// A wire between two ports of one namespace, until it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    counted: Arc<Counted>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Carries frames between the port of a host and the port to everybody else.
    pub(super) fn between(
        namespace: &str,
        (host, group): (&str, &str),
        manners: Manners,
        random: StdRng,
    ) -> Result<Self, Failure> {
        let path = format!("/run/netns/{namespace}");
        let namespace = File::open(&path).map_err(Failure::doing(&path))?;
        let (host, group) = (host.to_owned(), group.to_owned());
        let (counted, ends) = (Arc::new(Counted::default()), Arc::new(AtomicBool::new(false)));
        let (counts, end) = (counted.clone(), ends.clone());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let carry = move || {
            let laid = Carrier::new(&namespace, &host, &group, manners, random, counts);
            let told = laid.as_ref().map(drop).map_err(|failure| Failure(failure.0.clone()));
            // Whoever lays it may have been cancelled; then nobody wants to know.
            let _ = ready.send(told);
            if let Ok(mut carrier) = laid {
                while !end.load(Ordering::Relaxed) {
                    carrier.step();
                }
            }
        };
        let thread = std::thread::Builder::new().name("wire".into()).spawn(carry);
        let thread = thread.map_err(Failure::doing("lay a wire"))?;
        is_ready.recv().map_err(Failure::doing("lay a wire"))??;
        Ok(Self { counted, ends, thread: Some(thread) })
    }

    /// What it did so far.
    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            late: read(&self.counted.late),
            overtaken: read(&self.counted.overtaken),
            twice: read(&self.counted.twice),
            lost: read(&self.counted.lost),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whatever it carried is lost, as on a cable that is pulled.
            let _ = thread.join();
        }
    }
}

/// A port, as frames are read from and written to it.
struct Port {
    socket: OwnedFd,
    address: LinkAddr,
}

impl Port {
    fn of(name: &str) -> Result<Self, Failure> {
        let mut interfaces = getifaddrs().map_err(Failure::doing(name))?;
        let address = interfaces.find_map(|interface| {
            let address = (interface.interface_name == name).then_some(interface.address)??;
            address.as_link_addr().copied()
        });
        let address = address.ok_or_else(|| Failure(format!("{name} has no address")))?;
        let (flags, every) = (SockFlag::SOCK_NONBLOCK, SockProtocol::EthAll);
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, every);
        let socket = socket.map_err(Failure::doing(name))?;
        bind(socket.as_raw_fd(), &address).map_err(Failure::doing(name))?;
        Ok(Self { socket, address })
    }

    /// The next frame that came in here. Before it was bound the socket may have heard others' frames.
    fn next(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            // A port that is down says so once, and has nothing until it is up again.
            let (length, from) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer).ok()?;
            let from = from?;
            if from.ifindex() == self.address.ifindex() && from.pkttype() != OUTGOING {
                return Some(length);
            }
        }
    }

    /// What cannot be sent is lost, as on any cable.
    fn send(&self, frame: &[u8]) {
        let _ = send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Sent,
    Received,
}

/// A frame on its way: the one that is due first, and came first, is the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Frame {
    due: Instant,
    nth: u64,
    way: Way,
    bytes: Vec<u8>,
}

struct Carrier {
    host: Port,
    group: Port,
    manners: Manners,
    /// What is drawn for each way, so that neither depends on what goes the other.
    random: [StdRng; 2],
    under_way: BinaryHeap<Reverse<Frame>>,
    taken: u64,
    /// The last that was handed on, each way.
    handed_on: [u64; 2],
    counted: Arc<Counted>,
}

impl Carrier {
    fn new(
        namespace: &File,
        host: &str,
        group: &str,
        manners: Manners,
        mut random: StdRng,
        counted: Arc<Counted>,
    ) -> Result<Self, Failure> {
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(Failure::doing("enter the switch"))?;
        let (host, group, under_way) = (Port::of(host)?, Port::of(group)?, BinaryHeap::new());
        let random = [(); 2].map(|()| StdRng::seed_from_u64(random.random()));
        Ok(Self { host, group, manners, random, under_way, taken: 0, handed_on: [0; 2], counted })
    }

    /// Waits for what comes first, a frame or the time of one; takes in what came, and hands on what is due.
    fn step(&mut self) {
        let wait = self.under_way.peek().map_or(LOOK_MAX, |Reverse(first)| {
            first.due.saturating_duration_since(Instant::now()).min(LOOK_MAX)
        });
        let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let [host, group] =
            [&self.host, &self.group].map(|port| PollFd::new(&port.socket, PollFlags::IN));
        // Interrupted or not, everything is looked at.
        let _ = poll(&mut [host, group], Some(&wait));
        self.take(Way::Sent);
        self.take(Way::Received);
        self.hand_on();
    }

    fn take(&mut self, way: Way) {
        let mut buffer = [0; FRAME_MAX];
        let manner = match way {
            Way::Sent => self.manners.sent.clone(),
            Way::Received => self.manners.received.clone(),
        };
        loop {
            let port = if way == Way::Sent { &self.host } else { &self.group };
            let Some(length) = port.next(&mut buffer) else { return };
            let random = &mut self.random[way as usize];
            if manner.loses(&buffer[..length], random) {
                self.counted.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let (now, copies) = (Instant::now(), manner.copies(random));
            self.counted.twice.fetch_add(copies.len() as u64 - 1, Ordering::Relaxed);
            self.taken += 1;
            for late in copies {
                let bytes = buffer[..length].to_vec();
                let frame = Frame { due: now + late, nth: self.taken, way, bytes };
                self.counted.late.fetch_add(u64::from(!late.is_zero()), Ordering::Relaxed);
                self.under_way.push(Reverse(frame));
            }
        }
    }

    fn hand_on(&mut self) {
        let now = Instant::now();
        while self.under_way.peek().is_some_and(|Reverse(first)| first.due <= now) {
            let Some(Reverse(frame)) = self.under_way.pop() else { return };
            let last = &mut self.handed_on[frame.way as usize];
            self.counted.overtaken.fetch_add(u64::from(frame.nth < *last), Ordering::Relaxed);
            *last = frame.nth.max(*last);
            let port = if frame.way == Way::Sent { &self.group } else { &self.host };
            port.send(&frame.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_way_carries_each_frame_once_and_at_once() {
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..100 {
            assert_eq!(Manner::PLAIN.copies(&mut random), [Duration::ZERO]);
        }
    }

    #[test]
    fn some_frames_come_twice_and_each_as_late_as_drawn() {
        let (mut random, manner) = (
            StdRng::seed_from_u64(1),
            Manner { late_ms: 5..=20, twice_percent: 30, lost_percent: 0 },
        );
        let all: Vec<_> = (0..1_000).map(|_| manner.copies(&mut random)).collect();
        let twice = all.iter().filter(|copies| copies.len() == 2).count();
        assert!((200..400).contains(&twice), "{twice} of a thousand");
        let within = |late: &Duration| (5..=20).contains(&late.as_millis());
        assert!(all.iter().all(|copies| within(&copies[0])));
        assert!(all.iter().any(|copies| copies[0].as_millis() == 5));
    }

    /// A frame that carries such a packet, from and to addresses that end so.
    fn frame(kind: [u8; 2], from: u8, to: u8) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..14].copy_from_slice(&kind);
        (frame[29], frame[33]) = (from, to);
        frame
    }

    #[test]
    fn a_part_of_what_goes_between_hosts_is_lost_and_the_same_part_with_the_same_seed() {
        let manner = Manner { lost_percent: 15, ..Manner::PLAIN };
        let lost = |seed: u64| -> Vec<usize> {
            let mut random = StdRng::seed_from_u64(seed);
            (0..1_000).filter(|_| manner.loses(&frame(IPV4, 1, 2), &mut random)).collect()
        };
        assert!((100..200).contains(&lost(1).len()), "{} of a thousand", lost(1).len());
        assert_eq!(lost(1), lost(1));
        assert_ne!(lost(1), lost(2));
    }

    #[test]
    fn nothing_of_clients_is_lost_nor_what_is_no_packet_and_draws_nothing_either() {
        let manner = Manner { lost_percent: 100, ..Manner::PLAIN };
        let mut random = StdRng::seed_from_u64(1);
        let spared = [frame(IPV4, CLIENTS, 1), frame(IPV4, 1, CLIENTS), frame([8, 6], 1, 2)];
        assert!(spared.iter().all(|it| !manner.loses(it, &mut random)));
        assert!(
            !manner.loses(&[], &mut random) && !manner.loses(&frame(IPV4, 1, 2)[..33], &mut random)
        );
        assert!(!Manner::PLAIN.loses(&frame(IPV4, 1, 2), &mut random));
        assert_eq!(random, StdRng::seed_from_u64(1));
        assert!(manner.loses(&frame(IPV4, 1, 2), &mut random));
    }

    #[test]
    fn the_frame_that_is_due_first_is_handed_on_first_and_of_equals_the_one_that_came_first() {
        let now = Instant::now();
        let frame = |late, nth| {
            let due = now + Duration::from_millis(late);
            Reverse(Frame { due, nth, way: Way::Sent, bytes: Vec::new() })
        };
        let mut heap = BinaryHeap::from([frame(9, 1), frame(3, 2), frame(3, 3)]);
        let order: Vec<_> = std::iter::from_fn(|| heap.pop().map(|Reverse(it)| it.nth)).collect();
        assert_eq!(order, [2, 3, 1]);
    }
}
