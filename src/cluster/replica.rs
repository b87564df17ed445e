//! This member's copy of the facts: entries change it, everybody reads it.
//!
//! The bridge between [`machine`](crate::machine), which judges, and `raft-store`, which only knows bytes.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use raft_store::machine::{Applied, Committed, Frozen, Machine};
use tokio::sync::watch;

use super::comparing::WINDOW_MS;
use super::feed::Feed;
use crate::base::Revision;
use crate::machine::{self, State};

/// The facts of this member.
pub(crate) struct Replica {
    state: RwLock<State>,
    feed: Feed,
    applied: watch::Sender<Revision>,
    /// Copies of the facts whose digest is to be taken.
    due: Mutex<Vec<State>>,
}

struct Image(State);

impl Replica {
    pub(crate) fn new(feed: Feed) -> Self {
        let (applied, _) = watch::channel(Revision(0));
        Replica { state: RwLock::default(), feed, applied, due: Mutex::default() }
    }

    /// Looks at the facts. Keep it short: entries wait meanwhile.
    pub(crate) fn view<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.read())
    }

    /// The revision up to which the facts are, and a way to wait for more.
    pub(crate) fn applied(&self) -> watch::Receiver<Revision> {
        self.applied.subscribe()
    }

    /// The copies that are due to be compared with those of other members.
    pub(crate) fn take_due(&self) -> Vec<State> {
        std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Only the newest one waits: whoever takes them looks once a second, and a copy takes memory.
    fn set_due(&self, state: State) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = vec![state];
    }

    // A panic while applying is a bug that stops this process; a reader in the moments before that sees
    // facts that were whole before the entry at fault.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for Replica {
    fn apply(&self, entries: &[Committed]) -> Vec<Applied> {
        let mut state = self.write();
        let mut judged = Vec::with_capacity(entries.len());
        for entry in entries {
            let window = state.kernel.clock.0 / WINDOW_MS;
            judged.push(machine::apply(&mut state, entry));
            if state.kernel.clock.0 / WINDOW_MS != window {
                self.set_due(state.clone());
            }
        }
        let revision = state.kernel.revision;
        drop(state);
        let answers = judged.into_iter().map(|applied| self.tell(applied)).collect();
        self.applied.send_replace(revision);
        answers
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Image(self.read().clone()))
    }

    fn restore(&self, image: &[u8]) -> io::Result<()> {
        let restored = machine::read_image(image).map_err(io::Error::other)?;
        let revision = restored.kernel.revision;
        *self.write() = restored;
        self.feed.replaced(revision);
        self.applied.send_replace(revision);
        Ok(())
    }
}

impl Replica {
    /// Planted: tells what a proposal would bring about if it came next, before anybody agreed to it.
    pub(crate) fn foretell(&self, payload: &Bytes) {
        let mut state = self.read().clone();
        let index = state.kernel.revision.0 + 1;
        let entry = Committed { index, term: 0, leader: 0, payload: Some(payload.clone()) };
        self.tell(machine::apply(&mut state, &entry));
    }

    fn tell(&self, applied: machine::Applied) -> Applied {
        if let Some(change) = applied.change {
            self.feed.publish(change);
        }
        let answer = applied.answer.map(|answer| answer.encode().into()).unwrap_or_default();
        Applied { answer, rows: applied.rows }
    }
}

impl Frozen for Image {
    fn write(self: Box<Self>, out: &mut dyn Write) -> io::Result<()> {
        machine::write_image(&self.0, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, ManagerId, RequestId, Timestamp};
    use crate::capabilities::properties::model as properties;
    use crate::capabilities::properties::schema::File;
    use crate::machine::script::command_of;
    use crate::machine::{Actor, Command, Proposal};

    fn greeting(value: &str) -> Command {
        let (file, name, value) = (File::Custom, "greeting".into(), value.into());
        properties::Command::Set { file, name, value, expect: None, reverts_to: None }.into()
    }

    /// The first entry of every log: before it, the group understands nothing.
    fn founding() -> Committed {
        entry(1, command_of("managers found km1"))
    }

    fn entry(index: u64, command: Command) -> Committed {
        let proposal = Proposal {
            at: Timestamp(index),
            by: Actor::Manager(ManagerId(1)),
            via: ManagerId(1),
            source: None,
            request: RequestId::new(format!("request-{index}")).unwrap(),
            fingerprint: Digest::of(&index.to_be_bytes()),
            fence: None,
            reason: None,
            command,
        };
        Committed { index, term: 1, leader: 1, payload: Some(proposal.encode().into()) }
    }

    fn image_of(replica: &Replica) -> Vec<u8> {
        let mut image = Vec::new();
        replica.freeze().write(&mut image).unwrap();
        image
    }

    #[tokio::test]
    async fn applied_entries_change_the_facts_answer_the_proposer_and_reach_the_feed_once() {
        let feed = Feed::default();
        let replica = Replica::new(feed.clone());
        let mut changes = feed.subscribe(None).unwrap();

        let blank = Committed { index: 3, term: 1, leader: 1, payload: None };
        let applied = replica.apply(&[founding(), entry(2, greeting("hello")), blank]);

        assert!(machine::Answer::decode(&applied[1].answer).unwrap().into_result().is_ok());
        assert!(applied[2].answer.is_empty());
        assert_eq!(changes.next().await.unwrap().revision, Revision(1));
        assert_eq!(changes.next().await.unwrap().revision, Revision(2));
        assert_eq!(*replica.applied().borrow(), Revision(3));
        let greeting = replica
            .view(|state| state.properties.value(File::Custom, "greeting").map(str::to_owned));
        assert_eq!(greeting.as_deref(), Some("hello"));
    }

    // row 81
    #[test]
    fn an_image_carries_all_facts_to_another_member() {
        let here = Replica::new(Feed::default());
        here.apply(&[founding(), entry(2, greeting("hello"))]);
        let there = Replica::new(Feed::default());
        there.restore(&image_of(&here)).unwrap();
        assert_eq!(here.view(machine::digest), there.view(machine::digest));
        assert_eq!(*there.applied().borrow(), Revision(2));
    }

    #[test]
    fn a_damaged_image_is_refused_and_changes_nothing() {
        let here = Replica::new(Feed::default());
        here.apply(&[founding()]);
        let mut image = image_of(&here);
        image.push(0);
        let before = here.view(machine::digest);
        for damaged in [&image[..], &image[..1], &image[..image.len() / 2], &[0, 9, 1]] {
            assert!(here.restore(damaged).is_err());
        }
        assert_eq!(here.view(machine::digest), before);
    }
}
