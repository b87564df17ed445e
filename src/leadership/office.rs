//! The rule of `mode`, applied to this member at this moment, and remembered.
//!
//! Remembering is what makes a tenure unbroken. Each look notes until when the claim holds; a look that comes
//! later than that, after the process was paused say, ends the tenure for good, even if the quorum has come
//! back meanwhile. Everybody who asks whether this Manager is Active asks here: there is one answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::clock::{self, SleepWatch};
use super::mode::{Mode, Sight, Verdict};
use crate::base::{Epoch, Term};
use crate::cluster::Group;

/// The office of the Active, as this member sees it. Clones are the same.
#[derive(Clone)]
pub struct Office {
    inner: Arc<Inner>,
}

struct Inner {
    group: Group,
    sleep: SleepWatch,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The tenure in force here and until when its claim was seen to hold.
    claim: Option<(Epoch, Instant)>,
    ended: Option<Epoch>,
    laid_down: Option<Term>,
    stopping: bool,
}

impl Office {
    pub(super) fn new(group: &Group, sleep: SleepWatch) -> Self {
        let memory = Mutex::new(Memory::default());
        // The owners of the group decide when it ends; looking at it does not keep it alive.
        let group = group.unowned();
        Office { inner: Arc::new(Inner { group, sleep, memory }) }
    }

    /// Whether this Manager is Active now, and why.
    pub fn verdict(&self) -> Verdict {
        self.look(&mut self.memory()).verdict()
    }

    /// The short form of [`verdict`](Self::verdict).
    pub fn mode(&self) -> Mode {
        self.verdict().mode
    }

    /// The group this is about.
    pub fn group(&self) -> &Group {
        &self.inner.group
    }

    /// Ends a tenure that began all the same, because the answer to its proposal was lost. Asked by a driver that holds none.
    pub(super) fn end_unheld(&self) {
        let mut memory = self.memory();
        self.look(&mut memory);
        if let Some((unheld, _)) = memory.claim {
            memory.end(unheld);
        }
    }

    /// The term to take the office in, if it should be taken. Asked by a driver that holds no tenure: one that is not heard of
    /// is ended, and another one begun.
    pub(super) fn vacant(&self) -> Option<Term> {
        self.end_unheld();
        let mut memory = self.memory();
        let sight = self.look(&mut memory);
        sight.may_take_office().then_some(sight.standing.term)
    }

    /// Until when the claim of `epoch` holds as far as is known now; `None` once it has ended.
    pub(super) fn holds_until(&self, epoch: Epoch) -> Option<Instant> {
        let mut memory = self.memory();
        self.look(&mut memory);
        memory.claim.filter(|(claimed, _)| *claimed == epoch).map(|(_, until)| until)
    }

    /// Ends the tenure for good.
    pub(super) fn end(&self, epoch: Epoch) {
        self.memory().end(epoch);
    }

    /// Lays the office down for the rest of `term`. From here on this member is not Active, whatever Raft
    /// says.
    pub(super) fn lay_down(&self, term: Term) {
        self.memory().laid_down = Some(term);
    }

    /// Takes a laying-down back, when nothing was handed over after all.
    pub(super) fn keep_after_all(&self) {
        self.memory().laid_down = None;
    }

    /// This process is on its way down: not Active any more.
    pub(super) fn stop(&self) {
        self.memory().stopping = true;
    }

    /// Looks, and notes what was seen. What it returns is what holds after that.
    fn look(&self, memory: &mut Memory) -> Sight {
        let mut sight = self.sight(memory);
        let verdict = sight.verdict();
        match (verdict.mode, memory.claim) {
            (Mode::Active(epoch), Some((claimed, until)))
                if epoch == claimed && sight.now < until =>
            {
                let seen = verdict.until.unwrap_or(until);
                memory.claim = Some((epoch, until.max(seen)));
            }
            (Mode::Active(epoch), Some((claimed, _))) if epoch == claimed => memory.end(epoch),
            (Mode::Active(epoch), _) => {
                memory.claim = verdict.until.map(|until| (epoch, until));
            }
            (Mode::Passive | Mode::NoQuorum, Some((claimed, _))) => memory.end(claimed),
            (Mode::Passive | Mode::NoQuorum, None) => {}
        }
        sight.ended = memory.ended;
        sight
    }

    fn sight(&self, memory: &Memory) -> Sight {
        let group = &self.inner.group;
        // The clock is read last but one: what was seen is then older than the moment it is judged by. The
        // standing counts its own clock from before, so being held up anywhere here only shortens a claim.
        let standing = group.standing();
        Sight {
            standing,
            tenure: group.view(|state| state.managers.tenure.clone()),
            window: group.claim_window(),
            not_before: self.inner.sleep.slept(),
            laid_down: memory.laid_down,
            ended: memory.ended,
            stopping: memory.stopping,
            now: clock::lease_now(memory.claim.map(|(_, until)| until)),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn end(&mut self, epoch: Epoch) {
        self.ended = self.ended.max(Some(epoch));
        self.claim = self.claim.filter(|(claimed, _)| *claimed > epoch);
    }
}
