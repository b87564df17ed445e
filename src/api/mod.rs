//! The HTTP API: one surface, the same on every Manager.
//!
//! A request meets, in this order: `envelope` (its name, X-KM headers, a problem for whatever goes wrong) →
//! `identity` (who) → `reading` or `changing` (how fresh, under which condition) → the room's own
//! `api.rs`, which builds a command or looks at the facts → `answer`. Every "no" is a line of the one table
//! in `codes`. Rooms keep their routes and wire types; nothing here knows what a property is.
//!
//! It knows the group only as [`port::Group`], which [`Member`] fulfils, and deliberately nothing of Raft, TLS
//! or sockets.

mod answer;
mod changing;
mod cluster;
mod codes;
mod condition;
mod confirm;
mod crowd;
mod dashboard;
mod envelope;
mod error;
mod events;
mod explain;
mod health;
mod identity;
mod input;
mod keys;
mod logs;
mod member;
pub mod metrics;
mod notices;
mod openapi;
mod page;
pub mod port;
mod privilege;
mod reading;
mod redirect;
mod requests;
mod router;
mod sight;
mod surface;
mod throttle;
mod unreadable;
mod wire;

#[cfg(test)]
mod tests;

pub use member::Member;
pub use openapi::openapi;
pub use router::{health_router, router};
pub use surface::Surface;
pub use unreadable::answer_to_unreadable;

pub(crate) use answer::Answer;
pub(crate) use changing::{Change, Committed};
pub(crate) use codes::Fault;
pub(crate) use condition::IfMatch;
pub(crate) use error::Problem;
pub(crate) use identity::COOKIE;
pub(crate) use input::{Asked, Nothing, Path, reason};
pub(crate) use keys::TokenKind;
pub(crate) use page::{Paging, Window};
pub(crate) use privilege::{
    AcknowledgeAlerts, Anyone, ChangeMembership, ChangeProperties, ControlManagers,
    ControlOperations, ManageChannels, ManageHosts, ManageServices, ManageTokens, ManageUsers,
    NameManagers, Privilege, SignedIn, TrustHosts, TrustServices, View, ViewAudit,
};
pub(crate) use reading::{Onlooker, Reader};
pub(crate) use router::Routes;
pub(crate) use sight::Sight;
pub(crate) use wire::{Done, Page, Past, Time};
