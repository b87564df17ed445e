//! One pass of the managers' room: look, choose, propose.

use std::time::Duration;

use futures::future::BoxFuture;

use super::command::Command;
use super::plan::{Act, plan};
use super::port::{ActFailure, InTenure, Reach};
use crate::capabilities::{installs::model as installs, operations::model as operations};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};

/// Longest time until an admission is noticed, should its event be missed.
const PERIOD: Duration = Duration::from_secs(1);

/// Begins additions, sends strangers away, raises the feature level.
pub struct Managers {
    group: Group,
}

impl Managers {
    /// The reconciler of this group.
    pub fn of(group: Group) -> Self {
        Self { group }
    }
}

impl Reconciler for Managers {
    fn name(&self) -> &'static str {
        "managers"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure)).await })
    }
}

pub(crate) async fn pass(reach: &impl Reach) -> Pass {
    let mut done = Pass::Nothing;
    for step in reach.look(plan) {
        match carry_out(reach, step.act).await {
            Ok(()) => done = Pass::Did(step.because),
            Err(failure) => return Pass::Failed(format!("{}: {failure}", step.because)),
        }
    }
    done
}

async fn carry_out(reach: &impl Reach, act: Act) -> Result<(), ActFailure> {
    match act {
        Act::BeginAddition { member, host } => {
            let kind = operations::Kind::AddManager { manager: member, host };
            reach.propose(operations::Command::Begin { kind }.into()).await
        }
        Act::BeginSwitch { instance, on } => {
            let kind = operations::Kind::SwitchHa { instance, on };
            reach.propose(operations::Command::Begin { kind }.into()).await
        }
        Act::BeginRemoval { member: manager, host, at } => {
            let (why, at) = (operations::Removal::NotAdded, Some(at));
            let kind = operations::Kind::RemoveManager { manager, host, why, at };
            reach.propose(operations::Command::Begin { kind }.into()).await
        }
        Act::NoteStart(manager) => {
            reach.propose(installs::Command::NoteStart { manager }.into()).await
        }
        Act::Remove(member) => reach.remove(member).await,
        Act::RaiseLevel(level) => reach.propose(Command::RaiseLevel { level }.into()).await,
    }
}
