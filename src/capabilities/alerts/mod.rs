//! Alerts: what happened and is worth a person's attention, until somebody saw it or its cause is gone; and telling people.
//!
//! An alert is raised once for each cause, found again by its key. That it is there, who acknowledged it and what was
//! told to whom of it are facts of the group, so the next Active goes on where the last one was.
//!
//! Another room has two ways to alert a person:
//! - what lasts: a line in [`plan`]'s list of causes, a pure function of its own facts. The alert resolves by itself when the
//!   function does not name the cause any more. Nothing else is needed, and nothing can be forgotten.
//! - what happens in a moment: its reconciler proposes [`model::Command::Raise`] with an occurrence, a revision that names the event, in
//!   its own tenure. Asked twice it is raised once.
//!
//! Either way the kind of the alert is a line in [`model::Kind`], and has its line in `docs/running/alerts.md`.
//!
//! `reconciler::Alerts` derives and proposes; `reconciler::Couriers` tells channels what waits for them, at least once.

pub mod api;
pub mod cli;
mod command;
pub mod model;
pub mod plan;
pub mod port;
pub mod reconciler;
pub mod rules;
#[cfg(test)]
pub(crate) mod script;
