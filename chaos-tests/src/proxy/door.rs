//! Where connections to one Manager arrive: who opened them, and whether they may.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::carry::{Common, carry, reset};
use super::counts::add;
use super::rules::Rules;

/// The place of whoever has the far end of a connection, by its far and its near address.
pub type Who = Arc<dyn Fn(SocketAddr, SocketAddr) -> Option<usize> + Send + Sync>;

/// How often is looked for whoever opened a connection: it may be a process that is being started.
const LOOKS: usize = 3;
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// How often is looked whether somebody who is not let in still waits.
const GIVEN_UP_PERIOD: Duration = Duration::from_millis(100);
/// Pause after the system refused a connection, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The door of one Manager.
#[derive(Clone)]
pub(super) struct Door {
    pub common: Common,
    pub who: Who,
    /// Whose it is.
    pub place: usize,
    /// Where that Manager listens.
    pub behind: SocketAddr,
}

impl Door {
    /// Lets in who may, for as long as it is polled. Dropping it closes every connection.
    pub(super) async fn attend(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, far)) => {
                    connections.spawn(self.clone().receive(stream, far));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn receive(mut self, caller: TcpStream, far: SocketAddr) {
        let near = caller.local_addr();
        let found = match near {
            Ok(near) => self.find(&caller, far, near).await,
            Err(_) => None,
        };
        let Some(from) = found else {
            // Whoever is not known might be one who is not to be heard. Who is gone again cannot be known.
            add(&self.common.counts.strangers, u64::from(!has_given_up(&caller)));
            return reset(caller);
        };
        if !self.admits(from, &caller).await {
            return reset(caller);
        }
        match TcpStream::connect(self.behind).await {
            Ok(called) if both_at_once(&caller, &called) => {
                carry(self.common, (from, caller), (self.place, called)).await;
            }
            // Nobody listens there.
            Ok(_) | Err(_) => reset(caller),
        }
    }

    async fn find(&self, caller: &TcpStream, far: SocketAddr, near: SocketAddr) -> Option<usize> {
        for _ in 0..LOOKS {
            if has_given_up(caller) {
                return None;
            }
            let who = self.who.clone();
            // It reads files, of which there may be many.
            let found = spawn_blocking(move || who(far, near)).await.ok().flatten();
            if found.is_some() {
                return found;
            }
            sleep(LOOK_PERIOD).await;
        }
        None
    }

    /// Waits until a call may come in; `false`: it is to be reset, or its caller has given up.
    async fn admits(&mut self, from: usize, caller: &TcpStream) -> bool {
        loop {
            let verdict = judge(&self.common.rules.borrow_and_update(), from, self.place);
            match verdict {
                Call::ComesIn => return !has_given_up(caller),
                Call::IsReset => {
                    add(&self.common.counts.reset, 1);
                    self.common.counts.keep_out(self.place);
                    return false;
                }
                Call::Waits => self.common.counts.keep_out(self.place),
            }
            if !waits(&mut self.common.rules, caller).await {
                return false;
            }
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    ComesIn,
    Waits,
    IsReset,
}

fn judge(rules: &Rules, from: usize, to: usize) -> Call {
    match (rules.resets(from, to), rules.may_call(from, to)) {
        (true, _) => Call::IsReset,
        (false, true) => Call::ComesIn,
        (false, false) => Call::Waits,
    }
}

/// Waits for other rules; `false`: the caller has given up before.
async fn waits(rules: &mut watch::Receiver<Rules>, caller: &TcpStream) -> bool {
    loop {
        match timeout(GIVEN_UP_PERIOD, rules.changed()).await {
            Ok(changed) => return changed.is_ok(),
            Err(_) if has_given_up(caller) => return false,
            Err(_) => {}
        }
    }
}

/// Whether a caller has closed the connection. A call that never arrived leaves nothing behind either.
fn has_given_up(caller: &TcpStream) -> bool {
    // Asked of the kernel: what the runtime knows may be of a moment before.
    let mut end = [PollFd::new(caller, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut end, Some(&now)).is_ok_and(|ended| ended > 0)
}

/// Has what is written sent at once, as Managers do themselves.
fn both_at_once(one: &TcpStream, other: &TcpStream) -> bool {
    one.set_nodelay(true).and_then(|()| other.set_nodelay(true)).is_ok()
}
