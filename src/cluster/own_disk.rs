//! A witness is sent only what its leader has on its own disk.
//!
//! To Managers entries go out while the leader still writes them, which saves a flush. A leader that loses its power
//! meanwhile comes back without them, and whoever has them leads in its place. A witness never leads, and passes nothing
//! on to the author of what it has (see [`relay`](super::relay)): were those two the only ones left, the witness would refuse
//! its vote for ever. So it never has what its leader could lose.
//!
//! What that costs is one flush, for changes that need the witness's word: those made while another Manager is away, or while
//! the leader's disk is the slow one.

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use openraft::raft::AppendEntriesRequest;
use raft_store::types::TypeConfig;
use tokio::sync::watch;

type Append = AppendEntriesRequest<TypeConfig>;

/// The index of the last entry on the own disk, as it changes.
pub(crate) type OnDisk = watch::Receiver<Option<u64>>;

/// Holds each request back until all of its entries are on the own disk.
pub(crate) fn first<S>(requests: S, on_disk: OnDisk) -> BoxStream<'static, Append>
where
    S: Stream<Item = Append> + Send + 'static,
{
    let held = requests.then(move |request| {
        let mut on_disk = on_disk.clone();
        async move {
            let last = request.entries.last().map(|entry| entry.log_id.index);
            // Nobody tells any more when the log is closed, and then nothing of it is answered either.
            drop(on_disk.wait_for(|flushed| *flushed >= last).await);
            request
        }
    });
    held.boxed()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{FutureExt, stream};
    use openraft::EntryPayload;
    use raft_store::types::Payload;

    use super::super::translation::RaftLogId;
    use super::super::wire::{LogIdV1, VoteV1};
    use super::*;

    fn request(indexes: &[u64]) -> Append {
        let id = |index| RaftLogId::from(LogIdV1 { term: 1, node: 1, index });
        let payload = || EntryPayload::Normal(Payload(Bytes::from_static(b"x")));
        let entry = |index: &u64| openraft::Entry { log_id: id(*index), payload: payload() };
        Append {
            vote: VoteV1 { term: 1, node: 1, committed: true }.into(),
            prev_log_id: None,
            entries: indexes.iter().map(entry).collect(),
            leader_commit: None,
        }
    }

    #[tokio::test]
    async fn a_request_waits_until_its_last_entry_is_on_the_disk_and_one_without_entries_does_not()
    {
        let (flushed, on_disk) = watch::channel(Some(4));
        let requests = stream::iter([request(&[]), request(&[4]), request(&[5, 6]), request(&[])]);
        let mut held = first(requests, on_disk);
        assert!(held.next().await.is_some_and(|request| request.entries.is_empty()));
        assert!(held.next().await.is_some_and(|request| request.entries.len() == 1));
        flushed.send_replace(Some(5));
        assert!(held.next().now_or_never().is_none(), "entry 6 is not on the disk");
        flushed.send_replace(Some(6));
        assert!(held.next().await.is_some_and(|request| request.entries.len() == 2));
        assert!(held.next().await.is_some_and(|request| request.entries.is_empty()));
        assert!(held.next().await.is_none());
    }
}
