//! What the services need of the outside: somebody who watches ZooKeeper, and tells.

#[cfg(test)]
pub(crate) mod fake;
pub mod observing;
pub mod zookeeper;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::model::{Sighted, Znode};
use super::plan::Order;

/// Most news that wait to be told. Whoever watches goes on watching meanwhile, and tells the newest.
const NEWS_MAX: usize = 16;
/// Most asks that wait for their answer.
const ASKS_MAX: usize = 4;

/// Watches ZooKeeper, and never changes anything there.
pub trait Zookeeper: Send + Sync {
    /// Begins to watch. The watch ends when the session is dropped, or by itself when it can go on no more.
    fn watch(&self, order: &Order) -> Session;

    /// How one server stands: its own word for what it is, or why it does not serve.
    fn stands<'a>(
        &'a self,
        order: &'a Order,
        address: &'a str,
    ) -> BoxFuture<'a, Result<String, String>>;
}

/// A watch under way, seen by whoever ordered it.
pub struct Session {
    /// What is seen, in order.
    pub news: mpsc::Receiver<News>,
    /// What the tree holds, for who wants to know.
    pub asks: mpsc::Sender<Ask>,
}

/// A watch under way, seen by whoever watches.
pub struct Watcher {
    /// Tells.
    pub news: mpsc::Sender<News>,
    /// Is asked.
    pub asks: mpsc::Receiver<Ask>,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Everything there is, and what cannot be seen. What is not in it is not there.
    Whole {
        /// What the znodes say, by path.
        seen: BTreeMap<String, Sighted>,
        /// What cannot be seen.
        troubles: Vec<String>,
    },
    /// Some znodes as they are now; `None`: it is gone.
    Some(BTreeMap<String, Option<Sighted>>),
    /// The ensemble does not answer. The watch goes on trying; what follows is everything, or the end.
    Lost(String),
    /// The watch is over.
    Ended(String),
}

/// Somebody wants to know what the tree holds.
#[derive(Debug)]
pub struct Ask {
    /// Beneath which path.
    pub root: String,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Dump>,
}

/// What a tree holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// Why it is not everything; `None`: it is.
    pub because: Option<String>,
    /// The znodes, parents before children.
    pub znodes: Vec<Znode>,
}

/// The two ends of a watch.
pub(crate) fn session() -> (Session, Watcher) {
    let (tell, news) = mpsc::channel(NEWS_MAX);
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    (Session { news, asks }, Watcher { news: tell, asks: asked })
}
