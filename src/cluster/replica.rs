//! This member's copy of the facts: entries change it, everybody reads it.
//!
//! The bridge between [`machine`](crate::machine), which judges, and `raft-store`, which only knows bytes.

use std::io::{self, Write};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use raft_store::machine::{Applied, Committed, Frozen, Machine};
use tokio::sync::watch;

use super::feed::Feed;
use crate::base::Revision;
use crate::machine::{self, State};

/// Format number in front of every image.
const FORMAT: u16 = 1;

/// An image is decoded whole into memory; facts beyond this are not facts of a Manager.
const IMAGE_MAX: usize = 1 << 30;

/// The facts of this member.
pub(crate) struct Replica {
    state: RwLock<State>,
    feed: Feed,
    applied: watch::Sender<Revision>,
}

struct Image(State);

impl Replica {
    pub(crate) fn new(feed: Feed) -> Self {
        let (applied, _) = watch::channel(Revision(0));
        Replica { state: RwLock::default(), feed, applied }
    }

    /// Looks at the facts. Keep it short: entries wait meanwhile.
    pub(crate) fn view<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.read())
    }

    /// The revision up to which the facts are, and a way to wait for more.
    pub(crate) fn applied(&self) -> watch::Receiver<Revision> {
        self.applied.subscribe()
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
        let judged: Vec<machine::Applied> =
            entries.iter().map(|entry| machine::apply(&mut state, entry)).collect();
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
        let restored = decode(image)?;
        let revision = restored.kernel.revision;
        *self.write() = restored;
        self.feed.replaced(revision);
        self.applied.send_replace(revision);
        Ok(())
    }
}

impl Replica {
    fn tell(&self, applied: machine::Applied) -> Applied {
        if let Some(change) = applied.change {
            self.feed.publish(change);
        }
        let answer = applied.answer.map(|answer| answer.encode().into()).unwrap_or_default();
        Applied { answer, rows: applied.rows }
    }
}

impl Frozen for Image {
    fn write(self: Box<Self>, mut out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&FORMAT.to_be_bytes())?;
        bincode::serde::encode_into_std_write(&self.0, &mut out, bincode::config::standard())
            .map_err(io::Error::other)?;
        Ok(())
    }
}

fn decode(image: &[u8]) -> io::Result<State> {
    let (format, body) =
        image.split_first_chunk::<2>().ok_or_else(|| io::Error::other("image too short"))?;
    let format = u16::from_be_bytes(*format);
    if format != FORMAT {
        return Err(io::Error::other(format!("image format {format} is not known to this build")));
    }
    let config = bincode::config::standard().with_limit::<IMAGE_MAX>();
    let (state, read) =
        bincode::serde::decode_from_slice(body, config).map_err(io::Error::other)?;
    if read != body.len() {
        return Err(io::Error::other("bytes follow the end of the image"));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, ManagerId, RequestId, Timestamp};
    use crate::capabilities::properties::model as properties;
    use crate::capabilities::properties::schema::File;
    use crate::machine::{Actor, Proposal};

    fn entry(index: u64, value: &str) -> Committed {
        let command = properties::Command::Set {
            file: File::Custom,
            name: "greeting".into(),
            value: value.into(),
            expect: None,
            reverts_to: None,
        };
        let proposal = Proposal {
            at: Timestamp(index),
            by: Actor::Manager(ManagerId(1)),
            via: ManagerId(1),
            source: None,
            request: RequestId::new(format!("request-{index}")).unwrap(),
            fingerprint: Digest::of(value.as_bytes()),
            fence: None,
            reason: None,
            command: command.into(),
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

        let blank = Committed { index: 2, term: 1, leader: 1, payload: None };
        let applied = replica.apply(&[entry(1, "hello"), blank]);

        assert!(machine::Answer::decode(&applied[0].answer).unwrap().into_result().is_ok());
        assert!(applied[1].answer.is_empty());
        assert_eq!(changes.next().await.unwrap().revision, Revision(1));
        assert_eq!(*replica.applied().borrow(), Revision(2));
        let greeting = replica
            .view(|state| state.properties.value(File::Custom, "greeting").map(str::to_owned));
        assert_eq!(greeting.as_deref(), Some("hello"));
    }

    // row 81
    #[test]
    fn an_image_carries_all_facts_to_another_member() {
        let here = Replica::new(Feed::default());
        here.apply(&[entry(1, "hello"), entry(2, "again")]);
        let there = Replica::new(Feed::default());
        there.restore(&image_of(&here)).unwrap();
        assert_eq!(here.view(machine::digest), there.view(machine::digest));
        assert_eq!(*there.applied().borrow(), Revision(2));
    }

    #[test]
    fn a_damaged_image_is_refused_and_changes_nothing() {
        let here = Replica::new(Feed::default());
        here.apply(&[entry(1, "hello")]);
        let mut image = image_of(&here);
        image.push(0);
        let before = here.view(machine::digest);
        for damaged in [&image[..], &image[..1], &image[..image.len() / 2], &[0, 9, 1]] {
            assert!(here.restore(damaged).is_err());
        }
        assert_eq!(here.view(machine::digest), before);
    }
}
