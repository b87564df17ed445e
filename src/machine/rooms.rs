//! The index page: one line per capability. The compiler asks for everything a new room needs.

use raft_store::machine::Row;
use serde::{Deserialize, Serialize};

use super::{Capability, Kernel, Moment, Trace};
use crate::base::Refusal;
use crate::capabilities::{
    access, alerts, hosts, installs, managers, operations, prechecks, properties, services,
};

macro_rules! rooms {
    ($($(#[$doc:meta])* $field:ident: $arm:ident,)*) => {
        /// All facts of the group.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct State {
            /// What the machine itself keeps: revision, clock, answered requests.
            pub kernel: Kernel,
            $($(#[$doc])* pub $field: <$field::rules::Room as Capability>::Facts,)*
        }

        /// What can be asked of the group. In the log an arm is its position: append, never reorder.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Command { $($(#[$doc])* $arm($field::model::Command),)* }

        /// What can happen to the facts.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Event { $($(#[$doc])* $arm($field::model::Event),)* }

        impl Command {
            pub(super) fn decide(&self, state: &State, moment: &Moment) -> Result<Vec<Event>, Refusal> {
                match self {
                    $(Self::$arm(command) => $field::rules::Room::decide(state, moment, command)
                        .map(|events| events.into_iter().map(Event::$arm).collect()),)*
                }
            }

            pub(super) fn trace(&self, state: &State) -> Option<Trace> {
                match self { $(Self::$arm(command) => $field::rules::Room::trace(state, command),)* }
            }
        }

        impl State {
            pub(super) fn evolve(&mut self, moment: &Moment, event: &Event) {
                match event {
                    $(Event::$arm(event) => $field::rules::Room::evolve(&mut self.$field, moment, event),)*
                }
            }
        }

        impl Event {
            pub(super) fn rows(&self, moment: &Moment) -> Vec<Row> {
                match self { $(Self::$arm(event) => $field::rules::Room::rows(moment, event),)* }
            }

            /// The room it happened in, as it is named everywhere.
            pub fn room(&self) -> &'static str {
                match self { $(Self::$arm(_) => stringify!($field),)* }
            }
        }

        $(impl From<$field::model::Command> for Command {
            fn from(command: $field::model::Command) -> Self {
                Self::$arm(command)
            }
        })*
    };
}

rooms! {
    /// Our own instances, and which of them is Active.
    managers: Managers,
    /// Settings with their history.
    properties: Properties,
    /// Long work in steps.
    operations: Operations,
    /// Users, sessions and tokens.
    access: Access,
    /// The machines we look after.
    hosts: Hosts,
    /// Whether the surroundings are as they must be.
    prechecks: Prechecks,
    /// Our own instances as services on hosts.
    installs: Installs,
    /// Kyvos services, and what is seen of them.
    services: Services,
    /// What a person should know, and who is told.
    alerts: Alerts,
}
