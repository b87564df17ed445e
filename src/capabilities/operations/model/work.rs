//! Of which steps each kind of operation consists.

use super::kind::{Instance, Kind, Site, Target};
use super::order::{self, told};
use crate::base::{HostId, ManagerId, Timestamp};

/// One step's work: what is to be done, and with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work<'k> {
    /// What.
    pub task: Task,
    /// With whom; `None` for the newcomer, who is known only once it was let in, and for nobody.
    pub manager: Option<ManagerId>,
    /// On which host, for people.
    pub host: &'k str,
    /// The way to that host, if it is needed.
    pub at: Option<HostId>,
    /// The process it is about, if it is about one.
    pub process: Option<Timestamp>,
    /// The services it is about, side by side.
    pub wave: &'k [order::Target],
}

/// What steps there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Let it follow, without a vote.
    Learner,
    /// Wait until it has the log.
    CatchUp,
    /// Give it its vote.
    Voter,
    /// Have it take over from whoever is Active.
    TakeOver,
    /// Have somebody else take over from it.
    HandOver,
    /// Have its process end and begin anew.
    Restart,
    /// Wait until it is back and has the log.
    Return,
    /// Take its vote.
    Demote,
    /// Take it out of the facts.
    Withdraw,
    /// Take it out of Raft's membership.
    Leave,
    /// See whether its host is fit.
    Prechecks,
    /// Let it into the group, from its host.
    Join,
    /// Start its service on its host.
    Start,
    /// Stop its service on its host.
    Stop,
    /// Stop the service of a member that is no more, for good.
    Uninstall,
    /// Write the Disaster Recovery script to its host.
    Push,
    /// Say what was passed over.
    Confirm,
    /// See what speaks for a service being down.
    Evidence,
    /// Start services.
    StartServices,
    /// Stop services.
    StopServices,
    /// Wait until services serve.
    ServeServices,
}

impl Kind {
    /// The work of its steps, in order. The steps of an operation are made once from this: a kind whose steps are
    /// to be others is another kind.
    pub fn works(&self) -> Vec<Work<'_>> {
        use Task::{
            CatchUp, Confirm, HandOver, Learner, Push, Restart, Return, Start, Stop, TakeOver,
            Voter,
        };
        match self {
            Self::AddManager { manager, host } => works(*manager, host, &[Learner, CatchUp, Voter]),
            Self::MakeActive { manager, host } => works(*manager, host, &[TakeOver]),
            Self::StepAside { manager, host } => works(*manager, host, &[HandOver]),
            Self::RestartActive(instance) => instance.works(&[HandOver, Restart, Return]),
            Self::SwitchHa { instance, .. } => instance.works(&[Restart, Return]),
            Self::RestartPassives { instances, .. } => {
                instances.iter().flat_map(|instance| instance.works(&[Restart, Return])).collect()
            }
            Self::RemoveManager { manager, host, at, .. } => removal(*manager, host, *at),
            Self::Start { targets, all } => of_all(targets, &[Start, Return], *all),
            Self::Stop { targets, all } => of_all(targets, &[Stop], *all),
            Self::RestartDown(target) => target.works(&[Stop, Start, Return]),
            Self::AddOnHost(site) => site.works(),
            Self::Replace { old, old_host, old_at, new } => {
                let mut works = new.works();
                works.extend(removal(*old, old_host, *old_at));
                works
            }
            Self::PushScript { hosts } => {
                let pushes =
                    hosts.iter().map(|(at, host)| Work { at: Some(*at), ..nobody(Push, host) });
                pushes.chain([nobody(Confirm, "")]).collect()
            }
            Self::Services(order) => order.works(),
            Self::Recover(recover) => recover.works(),
        }
    }
}

/// The service on the host goes last, where there is a way to it (row 87).
fn removal(manager: ManagerId, host: &str, at: Option<HostId>) -> Vec<Work<'_>> {
    use Task::{Demote, HandOver, Leave, Uninstall, Withdraw};
    let mut works = works(manager, host, &[HandOver, Demote, Withdraw, Leave]);
    works.extend(at.map(|_| Work {
        task: Uninstall,
        manager: Some(manager),
        host,
        at,
        process: None,
        wave: &[],
    }));
    works
}

fn of_all<'k>(targets: &'k [Target], tasks: &[Task], all: bool) -> Vec<Work<'k>> {
    let works = targets.iter().flat_map(|target| target.works(tasks));
    works.chain(all.then(|| nobody(Task::Confirm, ""))).collect()
}

fn works<'k>(manager: ManagerId, host: &'k str, tasks: &[Task]) -> Vec<Work<'k>> {
    tasks.iter().map(|task| Work { manager: Some(manager), ..nobody(*task, host) }).collect()
}

fn nobody(task: Task, host: &str) -> Work<'_> {
    Work { task, manager: None, host, at: None, process: None, wave: &[] }
}

impl Instance {
    fn works(&self, tasks: &[Task]) -> Vec<Work<'_>> {
        let of_process = |work| Work { process: Some(self.process), ..work };
        works(self.manager, &self.host, tasks).into_iter().map(of_process).collect()
    }
}

impl Target {
    fn works(&self, tasks: &[Task]) -> Vec<Work<'_>> {
        let on_host = |work| Work { at: Some(self.at), ..work };
        works(self.manager, &self.host, tasks).into_iter().map(on_host).collect()
    }
}

impl Site {
    fn works(&self) -> Vec<Work<'_>> {
        use Task::{CatchUp, Join, Learner, Prechecks, Start, Voter};
        let work = |task: &Task| Work { at: Some(self.at), ..nobody(*task, &self.host) };
        [Prechecks, Join, Start, Learner, CatchUp, Voter].iter().map(work).collect()
    }
}

impl Task {
    /// Whether it is done by ending the tenure it is done in.
    pub fn ends_the_tenure(self) -> bool {
        matches!(self, Self::TakeOver | Self::HandOver)
    }

    /// Whether it can be done only with somebody who belongs to the group.
    pub fn needs_its_member(self) -> bool {
        match self {
            Self::Learner
            | Self::CatchUp
            | Self::Voter
            | Self::TakeOver
            | Self::HandOver
            | Self::Restart
            | Self::Return
            | Self::Demote
            | Self::Start
            | Self::Stop => true,
            Self::Withdraw
            | Self::Leave
            | Self::Prechecks
            | Self::Join
            | Self::Uninstall
            | Self::Push
            | Self::Confirm
            | Self::Evidence
            | Self::StartServices
            | Self::StopServices
            | Self::ServeServices => false,
        }
    }
}

impl Work<'_> {
    /// The step's name, stable.
    pub fn name(&self) -> &'static str {
        match self.task {
            Task::Learner => "learner",
            Task::CatchUp => "catch-up",
            Task::Voter => "voter",
            Task::TakeOver => "take-over",
            Task::HandOver => "hand-over",
            Task::Restart => "restart",
            Task::Return => "return",
            Task::Demote => "demote",
            Task::Withdraw => "withdraw",
            Task::Leave => "leave",
            Task::Prechecks => "prechecks",
            Task::Join => "join",
            Task::Start => "start",
            Task::Stop => "stop",
            Task::Uninstall => "uninstall",
            Task::Push => "push",
            Task::Confirm => "confirm",
            Task::Evidence => "evidence",
            Task::StartServices => "start-services",
            Task::StopServices => "stop-services",
            Task::ServeServices => "serve",
        }
    }

    /// What the step does, for people.
    pub fn title(&self) -> String {
        let host = self.host;
        match self.task {
            Task::Learner => "Add as learner".to_owned(),
            Task::CatchUp => "Wait until it has caught up".to_owned(),
            Task::Voter => "Make it a voter".to_owned(),
            Task::TakeOver => format!("Hand over to {host}"),
            Task::HandOver => format!("Hand over from {host}"),
            Task::Restart => format!("Restart {host}"),
            Task::Return => format!("Wait until {host} is back and caught up"),
            Task::Demote => format!("Take the vote of {host}"),
            Task::Withdraw => format!("Take {host} out of the group"),
            Task::Leave => format!("Send no more of the log to {host}"),
            Task::Prechecks => format!("See whether {host} is fit"),
            Task::Join => format!("Let {host} into the group"),
            Task::Start => format!("Start the service on {host}"),
            Task::Stop => format!("Stop the service on {host}"),
            Task::Uninstall => format!("Stop the service on {host} for good"),
            Task::Push => format!("Write the script to {host}"),
            Task::Confirm => "See that nothing was passed over".to_owned(),
            Task::Evidence => "See what is known of it".to_owned(),
            Task::StartServices => format!("Start {}", told(self.wave)),
            Task::StopServices => format!("Stop {}", told(self.wave)),
            Task::ServeServices => format!("Wait for {} to serve", told(self.wave)),
        }
    }
}
