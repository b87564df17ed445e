//! The product's roads and doors over the simulated network.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use kyvos_manager::cluster::{Door, PeerIdentity, Road, Stream, Visitor};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use crate::clock::ProcessClock;
use crate::net::{Arrival, End, Found, Host, Net};

/// One side of a stream. It has no clock before its side took it.
pub struct SimStream {
    net: Net,
    clock: Option<ProcessClock>,
    out: usize,
    home: usize,
    rest: Bytes,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl SimStream {
    fn of_side(net: Net, clock: Option<ProcessClock>, out: usize, home: usize) -> Self {
        Self { net, clock, out, home, rest: Bytes::new(), alarm: None }
    }

    fn clock(&self) -> &ProcessClock {
        self.clock.as_ref().expect("whoever takes a stream gives it its clock")
    }

    /// Waits until that time of the world; `Ready`: it is that time.
    fn wait(&mut self, until: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = Box::pin(sleep_until(self.clock().not_before(until)));
        let rang = alarm.as_mut().poll(context);
        self.alarm = Some(alarm);
        rang
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.net.close(self.out, self.home);
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            let now = this.clock().world_now();
            match this.net.read(now, this.home, context.waker()) {
                Found::Bytes(bytes) => this.rest = bytes,
                Found::End(End::Closed) => return Poll::Ready(Ok(())),
                Found::End(End::Reset) => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Found::NotBefore(due) => {
                    if this.wait(due, context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Found::Nothing => return Poll::Pending,
            }
        }
        let taken = this.rest.len().min(buffer.remaining());
        buffer.put_slice(&this.rest[..taken]);
        this.rest.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = self.clock().world_now();
        match self.net.write(now, self.out, bytes, context.waker()) {
            Some(taken) => Poll::Ready(Ok(taken)),
            None => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Where a process stands in the network.
#[derive(Clone)]
pub struct Place {
    pub net: Net,
    pub host: Host,
    pub clock: ProcessClock,
    pub here: PeerIdentity,
}

impl Place {
    async fn connect(&self, peer: u64, address: &str) -> io::Result<Stream> {
        let to = host_at(address).ok_or(io::ErrorKind::InvalidInput)?;
        let now = self.clock.world_now();
        match self.net.connect(now, (self.host, to), peer) {
            // Nothing comes back. The way there has no deadline of its own here, as TCP's is long.
            Ok(None) => {
                sleep_until(self.clock.not_before(now + NO_ROUTE_US)).await;
                Err(io::ErrorKind::TimedOut.into())
            }
            Err(refused) => {
                sleep_until(self.clock.not_before(refused)).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Ok(Some((out, home, there, back))) => {
                let stream =
                    SimStream::of_side(self.net.clone(), Some(self.clock.clone()), out, home);
                let theirs = SimStream::of_side(self.net.clone(), None, home, out);
                let arrival = Arrival { due: there, from: self.here, stream: theirs };
                if !self.net.arrive(to, arrival) {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                sleep_until(self.clock.not_before(back)).await;
                Ok(Box::new(stream))
            }
        }
    }
}

/// As long as the product's own road waits for TCP.
const NO_ROUTE_US: u64 = 1_000_000;

/// Where a host's member listens.
pub fn address_of(host: Host) -> String {
    format!("host-{host}:7447")
}

fn host_at(address: &str) -> Option<Host> {
    address.strip_prefix("host-")?.split(':').next()?.parse().ok()
}

impl Road for Place {
    fn reach(&self, peer: u64, address: String) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(async move { self.connect(peer, &address).await })
    }
}

impl Door for Place {
    fn knock(&mut self) -> BoxFuture<'_, io::Result<Visitor>> {
        Box::pin(async {
            let mut alarm: Option<Pin<Box<Sleep>>> = None;
            let arrival = poll_fn(|context| {
                loop {
                    let now = self.clock.world_now();
                    match self.net.arrived(now, self.host, context.waker()) {
                        Ok(arrival) => return Poll::Ready(arrival),
                        Err(None) => return Poll::Pending,
                        Err(Some(due)) => {
                            let mut next = Box::pin(sleep_until(self.clock.not_before(due)));
                            let rang = next.as_mut().poll(context);
                            alarm = Some(next);
                            if rang.is_pending() {
                                return Poll::Pending;
                            }
                        }
                    }
                }
            })
            .await;
            drop(alarm);
            let Arrival { from, mut stream, .. } = arrival;
            stream.clock = Some(self.clock.clone());
            let enters = Box::pin(async move { Ok((from, Box::new(stream) as Stream)) });
            Ok(Visitor { from: format!("member {}", from.node_id), enters })
        })
    }
}
