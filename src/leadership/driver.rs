//! Takes the office when it is vacant, runs the reconcilers while it lasts, and ends in order.

#![expect(
    clippy::disallowed_methods,
    reason = "the handle aborts the task when it is dropped, and shutdown joins it"
)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::clock::{BootAhead, SleepWatch, boot_ahead, monotonic_ns, monotonic_ns_at};
use super::office::Office;
use super::reconciler::{self, Reconciler};
use super::record::Record;
use super::tenure::Tenure;
use crate::base::{Epoch, ManagerId, Term};
use crate::capabilities::managers::model::{Command, Role, epoch_of};
use crate::cluster::{Changes, Draft, Group, MembershipFailure};
use crate::machine::State;

/// How often is looked when nothing tells that something changed.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Under load the Raft core reports a thousand changes a second, and one look answers for all of them. Losing the
/// lead is noticed so much later; the claim is bounded by the clock and not by noticing.
const GLANCE: Duration = Duration::from_millis(10);

/// Pause after the office could not be taken.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Longest time a reconciler may take to notice the end of its tenure. It is dropped at its next `await`, so
/// only one that blocks its thread takes longer, and that is a bug.
const JOIN_DEADLINE: Duration = Duration::from_secs(10);

/// Longest time given to a successor when this Manager goes down in good order.
const FAREWELL_DEADLINE: Duration = Duration::from_secs(2);

/// How long the disk has to be full before another is asked to take over. By then the others have heard why, too.
const FULL_SETTLES: Duration = Duration::from_secs(2);

/// Pause after nobody took over from this Manager, whose disk is full.
const FULL_PAUSE: Duration = Duration::from_secs(5);

/// Orders that may wait. One is the rule.
const ORDERS: usize = 4;

/// The leadership of this member: its office, its tenures, and the way down. Dropping it stops everything at
/// once, as a crash would; [`shutdown`](Self::shutdown) ends in order.
pub struct Driver {
    office: Office,
    record: Record,
    orders: Orders,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// Where orders to hand over are given.
#[derive(Clone)]
pub(super) struct Orders(mpsc::Sender<Order>);

impl Orders {
    /// Waits until the order was carried out or refused.
    pub(super) async fn hand_over(&self, to: ManagerId) -> Result<(), HandOverFailure> {
        let (done, outcome) = oneshot::channel();
        self.0.send(Order { to, done }).await.map_err(|_| HandOverFailure::Stopping)?;
        outcome.await.map_err(|_| HandOverFailure::Stopping)?
    }
}

/// Why the office was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandOverFailure {
    /// There is nothing to hand over here.
    #[error("this Manager is not Active")]
    NotActive,
    /// The other one cannot take it, or did not.
    #[error(transparent)]
    Membership(#[from] MembershipFailure),
    /// This Manager is stopping.
    #[error("this Manager is stopping")]
    Stopping,
}

/// "Hand over to `to`."
struct Order {
    to: ManagerId,
    done: oneshot::Sender<Result<(), HandOverFailure>>,
}

/// Why a tenure ended.
enum Because {
    Lost(String),
    Stopping,
    Ordered(Order),
    /// The disk here is full, and that one has room.
    Full(ManagerId),
}

impl Driver {
    /// Begins to watch for the office. `reconcilers` run whenever this Manager is Active.
    pub fn start(group: &Group, reconcilers: Vec<Arc<dyn Reconciler>>) -> Self {
        Self::start_on(group, reconcilers, Box::new(boot_ahead))
    }

    /// The same with clocks of one's own to tell when the machine slept. Only a simulation has any but the kernel's.
    pub fn start_on(
        group: &Group,
        reconcilers: Vec<Arc<dyn Reconciler>>,
        ahead: BootAhead,
    ) -> Self {
        let office = Office::new(group, SleepWatch::new(ahead));
        let record = Record::of(group.here());
        let (orders, taken) = mpsc::channel(ORDERS);
        let orders = Orders(orders);
        let stop = CancellationToken::new();
        let watch = Watch {
            changes: office.group().changes(),
            office: office.clone(),
            record: record.clone(),
            reconcilers,
            orders: orders.clone(),
            taken,
            full_from: None,
            stop: stop.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(watch.run()));
        Driver { office, record, orders, stop, task }
    }

    /// Whether this Manager is Active, and why.
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// When it was.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Makes another Manager Active: ends the tenure here, then hands the lead over.
    pub async fn hand_over(&self, to: ManagerId) -> Result<(), HandOverFailure> {
        self.orders.hand_over(to).await
    }

    /// Ends the tenure, joins every task, and leaves the lead to another if there is one.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "leadership did not end well");
        }
    }
}

/// Why a Manager becomes Active, for the history of tenures: somebody wanted it, or the one before is gone.
fn why_it_changes(
    state: &State,
    here: ManagerId,
    term: Term,
    full: impl Fn(ManagerId) -> bool,
) -> String {
    let host = |id: ManagerId| match state.managers.members.get(&id) {
        Some(member) => member.profile.host.clone(),
        None => format!("Kyvos Manager {id}"),
    };
    let Some(before) = &state.managers.tenure else { return "the group was founded".to_owned() };
    let wanted =
        state.operations.open().find(|(_, operation)| operation.moves_the_office(before.active));
    match wanted {
        Some((id, operation)) => {
            let title = operation.kind.title();
            format!("{title} (operation {id}, asked for by {})", operation.requested_by)
        }
        None if before.active == here && before.term == term => {
            "its claim had lapsed and came back".to_owned()
        }
        None if before.active == here => format!("elected again, leader of term {term}"),
        None if full(before.active) => {
            format!("the disk of {} is full; leader of term {term}", host(before.active))
        }
        None => format!("{} went away; elected leader of term {term}", host(before.active)),
    }
}

/// The task behind a [`Driver`].
struct Watch {
    office: Office,
    record: Record,
    reconcilers: Vec<Arc<dyn Reconciler>>,
    changes: Changes,
    orders: Orders,
    taken: mpsc::Receiver<Order>,
    /// From when another is asked to take over; `None` while the disk here has room.
    full_from: Option<Instant>,
    stop: CancellationToken,
}

impl Watch {
    async fn run(mut self) {
        while let Some(term) = self.wait_for_vacancy().await {
            match self.take_office(term).await {
                Some(epoch) => self.hold_office(term, epoch).await,
                None => tokio::time::sleep(RETRY_PAUSE).await,
            }
        }
        self.office.stop();
        if self.office.group().standing().leading {
            self.leave_to_another().await;
        }
    }

    /// The term to take the office in; `None` when this process is stopping.
    async fn wait_for_vacancy(&mut self) -> Option<Term> {
        loop {
            // No lead may be handed over under a tenure that began without the answer being heard.
            self.office.end_unheld();
            let standing = self.office.group().standing();
            if standing.leads_without_a_vote() {
                self.leave_to_another().await;
            }
            if standing.leading
                && let Some(to) = self.roomier()
            {
                self.leave_to(to).await;
            }
            if self.office.group().role() == Role::Manager
                && let Some(term) = self.office.vacant()
            {
                return Some(term);
            }
            let leading = standing.leading;
            tokio::select! {
                () = self.stop.cancelled() => return None,
                Some(order) = self.taken.recv() => {
                    // The asker may be gone; then nobody wants to know.
                    drop(order.done.send(Err(HandOverFailure::NotActive)));
                }
                () = self.changes.next_if(leading) => {}
                () = tokio::time::sleep(LOOK_PERIOD) => {}
            }
        }
    }

    /// Has the group note this Manager as Active, and waits until that is applied here.
    async fn take_office(&self, term: Term) -> Option<Epoch> {
        let group = self.office.group();
        let here = group.here();
        let full = |id: ManagerId| group.was_full(id);
        let because = group.view(|state| why_it_changes(state, here, term, full));
        let draft = Draft::own(here, Command::BecomeActive { manager: here, term, because });
        let revision = match group.propose_here(draft).await {
            Ok(settled) => settled.answer.into_result(),
            Err(failure) => {
                tracing::info!(%term, %failure, "the office could not be taken");
                return None;
            }
        };
        match revision {
            Ok(revision) => Some(epoch_of(revision, term)),
            Err(refusal) => {
                tracing::warn!(%term, %refusal, "the group refused to note this Manager as Active");
                None
            }
        }
    }

    /// One tenure, from its first act to its last task.
    async fn hold_office(&mut self, term: Term, epoch: Epoch) {
        let Some(until) = self.office.holds_until(epoch) else { return };
        let tenure = Arc::new(Tenure::begin(self.office.clone(), epoch, self.orders.clone()));
        self.record.began(epoch, monotonic_ns_at(until));
        let mut tasks = JoinSet::new();
        for reconciler in &self.reconcilers {
            let feed = self.office.group().feed().clone();
            tasks.spawn(reconciler::run(reconciler.clone(), tenure.clone(), feed));
        }
        let because = self.until_it_ends(epoch).await;
        if let Because::Ordered(_) | Because::Stopping | Because::Full(_) = because {
            self.office.lay_down(term);
        }
        tenure.end();
        self.join(tasks).await;
        match because {
            Because::Lost(why) => self.record.ended(epoch, &why),
            Because::Stopping => self.record.ended(epoch, "this Manager is stopping"),
            Because::Ordered(order) => {
                self.record.ended(epoch, "handed over");
                let outcome = self.give_up_for(order.to).await;
                // The asker may be gone; then nobody wants to know.
                drop(order.done.send(outcome.map_err(HandOverFailure::from)));
            }
            Because::Full(to) => {
                self.record.ended(epoch, "its disk is full");
                if self.give_up_for(to).await.is_err() {
                    self.full_from = Some(Instant::now() + FULL_PAUSE);
                }
            }
        }
    }

    /// Watches the claim by the clock, and by what the Raft core reports, whichever comes first.
    async fn until_it_ends(&mut self, epoch: Epoch) -> Because {
        loop {
            // Read before the look: being held up in between then only makes it say less.
            let looked_ns = monotonic_ns();
            let Some(until) = self.office.holds_until(epoch) else {
                return Because::Lost(self.office.verdict().because);
            };
            self.record.renewed(epoch, looked_ns, monotonic_ns_at(until));
            if let Some(to) = self.roomier() {
                return Because::Full(to);
            }
            tokio::select! {
                () = self.stop.cancelled() => return Because::Stopping,
                Some(order) = self.taken.recv() => match self.refusal(order.to) {
                    None => return Because::Ordered(order),
                    // The asker may be gone; then nobody wants to know.
                    Some(failure) => drop(order.done.send(Err(failure.into()))),
                },
                () = self.changes.next() => sleep_until(until.min(Instant::now() + GLANCE)).await,
                () = sleep_until(until.min(Instant::now() + LOOK_PERIOD)) => {}
            }
        }
    }

    /// What can be known to be wrong with a successor before the tenure is given up for it.
    fn refusal(&self, to: ManagerId) -> Option<MembershipFailure> {
        let group = self.office.group();
        group.may_lead(&group.standing(), to).err()
    }

    async fn join(&self, mut tasks: JoinSet<()>) {
        let joined = async { while tasks.join_next().await.is_some() {} };
        if timeout(JOIN_DEADLINE, joined).await.is_err() {
            tracing::error!("a reconciler does not end; it is aborted");
            tasks.shutdown().await;
        }
    }

    /// Hands the lead to a successor, for whom the tenure was given up.
    async fn give_up_for(&self, to: ManagerId) -> Result<(), MembershipFailure> {
        let outcome = self.office.group().transfer_to(to).await;
        if let Err(failure) = &outcome {
            tracing::warn!(%to, %failure, "the office was not handed over");
            // After `NotTakenOver` the others may still elect past the lease; before it, nothing was asked.
            if !matches!(failure, MembershipFailure::NotTakenOver(_)) {
                self.office.keep_after_all();
            }
        }
        outcome
    }

    /// Who is to lead because the disk here is full, and has been for a while.
    fn roomier(&mut self) -> Option<ManagerId> {
        if !self.office.group().is_full() {
            self.full_from = None;
            return None;
        }
        let from = *self.full_from.get_or_insert_with(|| Instant::now() + FULL_SETTLES);
        if Instant::now() >= from { self.office.group().roomier() } else { None }
    }

    /// The member that has most of the log takes over, without waiting for an election.
    async fn leave_to_another(&self) {
        let group = self.office.group();
        let standing = group.standing();
        let successor = standing
            .matched
            .iter()
            .filter(|(id, _)| group.may_lead(&standing, **id).is_ok())
            .max_by_key(|(_, matched)| **matched);
        if let Some((successor, _)) = successor {
            self.leave_to(*successor).await;
        }
    }

    async fn leave_to(&self, successor: ManagerId) {
        match timeout(FAREWELL_DEADLINE, self.office.group().transfer_to(successor)).await {
            Ok(Ok(())) => tracing::info!(%successor, "left the lead to another Manager"),
            Ok(Err(failure)) => tracing::info!(%failure, "nobody took the lead over"),
            Err(_) => tracing::info!("nobody took the lead over in time"),
        }
    }
}
