//! A ZooKeeper for tests: it is what the test says, and counts how often it was connected to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Session, Watcher, Zookeeper, session};
use crate::capabilities::services::plan::Order;

#[derive(Default)]
pub(crate) struct FakeZookeeper {
    inside: Mutex<Inside>,
}

#[derive(Default)]
pub(crate) struct Inside {
    /// The other ends of the watches, in the order in which they began.
    pub(crate) watchers: Vec<Option<Watcher>>,
    /// What was ordered.
    pub(crate) orders: Vec<Order>,
    /// Servers that do not serve, and why.
    pub(crate) down: BTreeMap<String, String>,
}

impl FakeZookeeper {
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }
}

impl Zookeeper for FakeZookeeper {
    fn watch(&self, order: &Order) -> Session {
        let (session, watcher) = session();
        let mut inside = self.inside();
        inside.orders.push(order.clone());
        inside.watchers.push(Some(watcher));
        session
    }

    fn stands<'a>(
        &'a self,
        _: &'a Order,
        address: &'a str,
    ) -> BoxFuture<'a, Result<String, String>> {
        let down = self.inside().down.get(address).cloned();
        async move { down.map_or(Ok("follower".to_owned()), Err) }.boxed()
    }
}
