//! The few shapes that every room's answers share.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::base::Timestamp;

/// A moment, RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-22T21:00:00.000Z"))]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(&self.0)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Give it as `?after=` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One page of what is forgotten after a while: a history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Past<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Give it as `?after=` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// From which revision on everything is kept; 0: all there ever was.
    pub kept_from: u64,
}

/// The answer of a change that leaves nothing to show.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Where it was committed.
    pub revision: u64,
}
