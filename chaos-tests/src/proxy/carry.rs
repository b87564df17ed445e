//! One connection through a proxy, both ways, until it ends or is reset.
//!
//! What cannot pass waits here, with all that is behind it, and goes on when it can: so TCP does with packets that were
//! lost, only that it takes a while longer to try again. Its end is something a host says as well, and waits its turn.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::counts::{Counts, add, read};
use super::pace::Pace;
use super::rules::Rules;

/// Read at once, so that those who share a slow link have their turns often.
const PIECE_BYTES: usize = 4 * 1024;
/// So many pieces are under way each way; what comes after them stays with the kernel, and its sender waits.
const UNDER_WAY: usize = 256;

/// What all connections have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub rules: watch::Receiver<Rules>,
    pub counts: Arc<Counts>,
    pub paces: Arc<Vec<Pace>>,
}

/// A piece of what was said, when it is due; an error is the end of a connection that was broken off.
type Piece = io::Result<(Instant, Vec<u8>)>;

/// Carries what is said between two hosts, of whom `from` opened the connection.
pub(super) async fn carry(
    common: Common,
    (from, mut caller): (usize, TcpStream),
    (to, mut called): (usize, TcpStream),
) {
    add(&common.counts.connections, 1);
    let broken = {
        let (caller_reads, caller_writes) = caller.split();
        let (called_reads, called_writes) = called.split();
        let there = Way { common: common.clone(), from, to };
        let back = Way { common: common.clone(), from: to, to: from };
        let both = async {
            tokio::try_join!(
                there.go(caller_reads, called_writes),
                back.go(called_reads, caller_writes)
            )
        };
        tokio::select! {
            ended = both => ended.is_err(),
            () = to_be_reset(common.rules.clone(), from, to) => {
                add(&common.counts.reset, 1);
                common.counts.keep_out(to);
                true
            }
        }
    };
    if broken {
        reset(caller);
        reset(called);
    }
}

/// Ends a connection as if its far end had never heard of it.
pub(super) fn reset(stream: TcpStream) {
    // One that is gone already needs no reset.
    let _ = stream.set_zero_linger();
}

async fn to_be_reset(mut rules: watch::Receiver<Rules>, one: usize, other: usize) {
    if rules.wait_for(|rules| rules.resets(one, other)).await.is_err() {
        // Nobody makes rules any more: all connections end with the proxies.
        std::future::pending::<()>().await;
    }
}

/// One direction of a connection.
struct Way {
    common: Common,
    from: usize,
    to: usize,
}

impl Way {
    async fn go(mut self, reads: ReadHalf<'_>, writes: WriteHalf<'_>) -> io::Result<()> {
        let (pieces, taken) = mpsc::channel(UNDER_WAY);
        let taking = take(reads, pieces, self.common.clone(), self.from);
        let handing_on = self.hand_on(taken, writes);
        tokio::pin!(handing_on);
        tokio::select! {
            ended = &mut handing_on => ended,
            () = taking => handing_on.await,
        }
    }

    async fn hand_on(
        &mut self,
        mut pieces: mpsc::Receiver<Piece>,
        mut writes: WriteHalf<'_>,
    ) -> io::Result<()> {
        while let Some(piece) = pieces.recv().await {
            if let Ok((due, bytes)) = &piece {
                sleep_until(*due).await;
                self.take_turn(bytes.len()).await;
            }
            self.pass(self.from, self.to).await;
            let (_, bytes) = piece?;
            // Before it is heard, so that whoever heard it finds it counted.
            self.common.counts.let_in(self.to, bytes.len());
            if let Err(error) = writes.write_all(&bytes).await {
                // That the far end is gone is what it says: it may not be heard.
                self.pass(self.to, self.from).await;
                return Err(error);
            }
        }
        self.pass(self.from, self.to).await;
        writes.shutdown().await
    }

    /// Waits until what one says reaches the other.
    async fn pass(&mut self, from: usize, to: usize) {
        let Common { rules, counts, .. } = &mut self.common;
        loop {
            let came_in = counts.hosts.get(to).map_or(0, |host| read(&host.came_in));
            if rules.borrow_and_update().passes(from, to, came_in) {
                return;
            }
            counts.keep_out(to);
            if rules.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the link of whoever says it is free, or the rules are others.
    async fn take_turn(&mut self, bytes: usize) {
        let Common { rules, counts, paces } = &mut self.common;
        let Some(kilobits) = rules.borrow_and_update().of(self.from).kilobits else { return };
        let now = Instant::now();
        let turn = paces[self.from].turn(now, bytes, kilobits);
        if turn > now {
            add(&counts.hosts[self.from].held_up, 1);
            tokio::select! {
                () = sleep_until(turn) => {}
                _ = rules.changed() => {}
            }
        }
    }
}

/// Reads to the end, whatever becomes of it.
async fn take(
    mut reads: ReadHalf<'_>,
    pieces: mpsc::Sender<Piece>,
    Common { rules, counts, .. }: Common,
    from: usize,
) {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let piece = match reads.read(&mut buffer).await {
            Ok(0) => return,
            Ok(length) => {
                let late = rules.borrow().of(from).late;
                add(&counts.hosts[from].late, u64::from(!late.is_zero()));
                Ok((Instant::now() + late, buffer[..length].to_vec()))
            }
            Err(error) => Err(error),
        };
        let over = piece.is_err();
        if pieces.send(piece).await.is_err() || over {
            return;
        }
    }
}
