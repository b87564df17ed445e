//! One record of the log's stream, as it is written and read back.

use crate::envelope::{Envelope, Kind, Malformed};
use crate::stored::{
    self, Entry, EntryV1, LogId, LogIdV1, SegmentHeadV1, TruncateV1, Vote, VoteV1,
};

/// A record as it is read back.
#[derive(Debug)]
pub(crate) enum Record {
    Head(SegmentHeadV1),
    Entry(Entry),
    Vote(Vote),
    Committed(LogId),
    Truncate(Option<LogId>),
    Purge(LogId),
}

impl Record {
    /// The record in a frame.
    pub(crate) fn decode(envelope: Envelope<'_>) -> Result<Record, Malformed> {
        match envelope.kind {
            Kind::SegmentHead => Ok(Record::Head(stored::get(envelope, Kind::SegmentHead)?)),
            Kind::Entry => Ok(Record::Entry(decode_entry(envelope)?)),
            Kind::Vote => Ok(Record::Vote(stored::get::<VoteV1>(envelope, Kind::Vote)?.into())),
            Kind::Committed => Ok(Record::Committed(log_id(envelope, Kind::Committed)?)),
            Kind::Truncate => {
                let truncate: TruncateV1 = stored::get(envelope, Kind::Truncate)?;
                Ok(Record::Truncate(truncate.after.map(LogId::from)))
            }
            Kind::Purge => Ok(Record::Purge(log_id(envelope, Kind::Purge)?)),
            other => Err(Malformed::Kind(other as u16)),
        }
    }
}

fn log_id(envelope: Envelope<'_>, kind: Kind) -> Result<LogId, Malformed> {
    Ok(stored::get::<LogIdV1>(envelope, kind)?.into())
}

/// The entry in a frame.
pub(crate) fn decode_entry(envelope: Envelope<'_>) -> Result<Entry, Malformed> {
    stored::get::<EntryV1>(envelope, Kind::Entry)?.into_entry()
}

pub(crate) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    stored::put(out, Kind::Entry, &EntryV1::from(entry));
}

pub(crate) fn put_vote(out: &mut Vec<u8>, vote: &Vote) {
    stored::put(out, Kind::Vote, &VoteV1::from(vote));
}

pub(crate) fn put_committed(out: &mut Vec<u8>, committed: &LogId) {
    stored::put(out, Kind::Committed, &LogIdV1::from(committed));
}

pub(crate) fn put_truncate(out: &mut Vec<u8>, after: Option<&LogId>) {
    stored::put(out, Kind::Truncate, &TruncateV1 { after: after.map(LogIdV1::from) });
}

pub(crate) fn put_purge(out: &mut Vec<u8>, upto: &LogId) {
    stored::put(out, Kind::Purge, &LogIdV1::from(upto));
}

pub(crate) fn put_head(out: &mut Vec<u8>, head: &SegmentHeadV1) {
    stored::put(out, Kind::SegmentHead, head);
}
