//! The network between Managers on one computer, without root: in front of each Manager's port for the others stands a proxy
//! that knows who calls, and holds, delays or resets what is said.
//!
//! ```text
//!   Manager 1 ── calls the address of 2 ──→ proxy of 2 ──→ Manager 2, at a port that nobody else knows
//! ```
//!
//! It carries bytes of connections, not packets: it can lose none of them, change their order or send them twice.

mod carry;
mod counts;
mod dialers;
mod door;
mod install;
mod pace;
mod rules;
mod socket_number;
mod works;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::carry::Common;
pub use self::counts::Seen;
use self::counts::{Counts, clear, read};
pub use self::dialers::Dialers;
use self::door::Door;
pub use self::door::Who;
pub(crate) use self::install::put_in_front;
use self::pace::Pace;
pub use self::rules::{Host, Rules};
use self::works::Works;
use crate::Failure;
use crate::lab::Filter;

/// The proxies of a group. Dropped, they close every connection.
pub struct Proxies {
    rules: watch::Sender<Rules>,
    common: Common,
    who: Who,
    works: Works,
}

impl Proxies {
    /// For so many hosts, none of which has one yet.
    pub fn new(hosts: usize, who: Who) -> Result<Self, Failure> {
        let (rules, known) = watch::channel(Rules::whole(hosts));
        let paces = (0..hosts).map(|_| Pace::new()).collect();
        let counts = Arc::new(Counts::of(hosts));
        let common = Common { rules: known, counts, paces: Arc::new(paces) };
        Ok(Self { rules, common, who, works: Works::start()? })
    }

    /// Puts one in front of a host, who listens at `behind`.
    pub fn put_before(
        &self,
        place: usize,
        listener: TcpListener,
        behind: SocketAddr,
    ) -> Result<(), Failure> {
        let door = Door { common: self.common.clone(), who: self.who.clone(), place, behind };
        self.works.open(door, listener)
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.common.counts.hosts.len()
    }

    /// Makes a host let in what this filter lets in, from now on.
    pub fn filter(&self, place: usize, filter: &Filter) {
        clear(&self.common.counts.hosts[place].kept_out);
        clear(&self.common.counts.hosts[place].came_in);
        self.change(place, |host| host.lets_in = filter.clone());
    }

    /// How many connections and pieces were kept out of a host since its filter was set.
    pub fn kept_out(&self, place: usize) -> u64 {
        read(&self.common.counts.hosts[place].kept_out)
    }

    /// Makes what a host sends slow: so many kilobits a second; `None` lifts it.
    pub fn throttle(&self, place: usize, kilobits: Option<u32>) {
        if kilobits.is_some() {
            clear(&self.common.counts.hosts[place].held_up);
            self.common.paces[place].rest();
        }
        self.change(place, |host| host.kilobits = kilobits);
    }

    /// How often a throttled host had to wait before it could send.
    pub fn held_up(&self, place: usize) -> u64 {
        read(&self.common.counts.hosts[place].held_up)
    }

    /// Makes everything that a host sends so late; zero lifts it.
    pub fn make_late(&self, place: usize, late: Duration) {
        if !late.is_zero() {
            clear(&self.common.counts.hosts[place].late);
        }
        self.change(place, |host| host.late = late);
    }

    /// How many pieces of a host were late since.
    pub fn late(&self, place: usize) -> u64 {
        read(&self.common.counts.hosts[place].late)
    }

    /// What they saw and did since they were there.
    pub fn seen(&self) -> Seen {
        self.common.counts.seen()
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Host)) {
        self.rules.send_modify(|rules| {
            if let Some(host) = rules.of_mut(place) {
                change(host);
            }
        });
    }
}
