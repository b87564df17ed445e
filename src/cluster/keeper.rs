//! The keeper of a Manager's last will: waits for the end of the Manager's process, then tells the others.
//!
//! A process of its own on the same host, because a process cannot tell of its own death by kill -9, and nobody
//! elsewhere can know of it: a cut connection looks the same. It keeps its connections open, so that telling takes
//! one packet. It does not outlive its telling. When its host dies with the Manager, nobody tells, and the others
//! wait for the lease as ever. See [`will`](super::will).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::call_link::CallLink;
use super::dial::{AddressBook, Dialer};
use super::frames::Kind;
use super::home::{Home, HomeFailure};
use super::pki::PeerIdentity;
use super::road::{Road, TlsRoad};
use super::tls::Shown;
use super::will::Instructions;
use super::wire::{self, DeathV1, Purpose};

/// Longest time one member may take to hear of the death.
const TELL_DEADLINE: Duration = Duration::from_secs(1);

/// How often the connections are used, so that nobody closes them: the others do after a minute.
const CARE_PERIOD: Duration = Duration::from_secs(10);

type Addresses = Arc<Mutex<BTreeMap<u64, String>>>;

/// What a keeper hears from its Manager.
pub enum Heard {
    /// Whom to tell what.
    Instructions(Instructions),
    /// The Manager's process is gone. Said only when the kernel said so.
    Gone,
}

/// What a keeper works with.
pub struct Keeper {
    /// Whose certificate is shown, and where; nothing is shown on a road that needs none.
    shows: Option<(Home, Arc<Shown>)>,
    dialer: Dialer,
    addresses: Addresses,
    secret: Option<[u8; 32]>,
    links: BTreeMap<u64, CallLink>,
}

impl Keeper {
    /// Speaks in the name of the Manager whose home this is.
    pub fn new(home: Home) -> Result<Self, HomeFailure> {
        let credentials = home.credentials()?;
        let shown = Shown::of(&credentials)?;
        let here = credentials.identity()?;
        let road = TlsRoad::new(credentials.peer_client(shown.clone())?, here);
        Ok(Keeper { shows: Some((home, shown)), ..Keeper::on(Arc::new(road), here) })
    }

    /// Speaks in the name of `here`, on a road that needs no certificate.
    pub fn on(road: Arc<dyn Road>, here: PeerIdentity) -> Self {
        let addresses = Addresses::default();
        let known = addresses.clone();
        let book: AddressBook = Arc::new(move |id| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
        });
        let dialer = Dialer::new(road, here, book);
        Keeper { shows: None, dialer, addresses, secret: None, links: BTreeMap::new() }
    }

    /// Follows instructions until their author is gone, then tells. When it can no longer hear whether that is so,
    /// it ends and tells nothing.
    pub async fn keep(mut self, mut words: mpsc::Receiver<Heard>) {
        let mut care = interval(CARE_PERIOD);
        care.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                word = words.recv() => match word {
                    Some(Heard::Instructions(next)) => {
                        self.follow(next);
                        self.care().await;
                    }
                    Some(Heard::Gone) => return self.tell().await,
                    None => return,
                },
                _ = care.tick() => {
                    self.show_newest_certificate();
                    self.care().await;
                }
            }
        }
    }

    /// The Manager has its certificate renewed while it runs; what cannot be read now is read at the next look.
    fn show_newest_certificate(&self) {
        if let Some((home, shown)) = &self.shows
            && let Ok(credentials) = home.credentials()
        {
            drop(shown.show(&credentials));
        }
    }

    fn follow(&mut self, Instructions { secret, heirs }: Instructions) {
        self.secret = Some(secret.0);
        let heirs: BTreeMap<u64, String> = heirs.into_iter().collect();
        self.links.retain(|id, _| heirs.contains_key(id));
        for id in heirs.keys() {
            let link = || CallLink::new(self.dialer.clone(), *id, Purpose::Control);
            self.links.entry(*id).or_insert_with(link);
        }
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = heirs;
    }

    /// Opens connections that are not open yet and keeps the others in use. Whether it works shows when it counts.
    async fn care(&self) {
        let pings = self.links.values().map(|link| {
            let asked = link.call(Kind::Ping, Bytes::new(), Duration::from_millis(500));
            async move { drop(asked.await) }
        });
        join_all(pings).await;
    }

    async fn tell(&self) {
        let Some(secret) = self.secret else { return };
        let body = wire::encode(&DeathV1 { secret });
        let told = self.links.values().map(|link| {
            let asked = link.call(Kind::Death, body.clone(), TELL_DEADLINE);
            async move { drop(asked.await) }
        });
        join_all(told).await;
    }
}
