//! The hosts that are acted on: the product's own gate on a folder of each, and acts that take their time behind it.
//!
//! ```text
//!   Active ─→ network ─→ perhaps late ─→ gate ─→ takes a while, unless a later epoch breaks it off
//! ```
//!
//! An act that is late comes when its sender may have been followed. An agent is killed now and then and started again, and
//! knows then what is in its folder; whoever asked meanwhile asks again. Nothing of this comes back to the members, and all
//! of it has dice of its own. The folder is a real one, so an agent's power is never cut.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kyvos_manager::agent::{Gate, No};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::clock::ProcessClock;
use crate::deeds::Act;
use crate::dice::Dice;
use crate::disk::Lie;
use crate::ledger::Ledger;
use crate::plan::Plan;

/// So many acts of a thousand are taken of those that are not late. One is like the next, and each costs some files.
const TAKEN_PER_MILLE: u64 = 100;
/// So many of all acts are late, and less than by how much.
const LATE_PER_MILLE: u64 = 50;
const LATE_US: u64 = 8_000_000;
/// Less than this an act takes, and one of a few much longer.
const TAKES_MS: u64 = 150;
const LONG_PER_MILLE: u64 = 40;
const LONG_MS: u64 = 3_000;
/// From one kill of an agent to the next, and until it is there again.
const KILLED_AFTER_US: Range<u64> = 2_000_000..10_000_000;
const STARTS_AFTER_US: Range<u64> = 50_000..1_500_000;
/// Less than this after it is there again, whoever found nobody asks again.
const AGAIN_US: u64 = 500_000;

/// All agents.
pub struct Agents {
    dice: Dice,
    cluster_id: Uuid,
    ledger: Arc<Mutex<Ledger>>,
    agents: Vec<Agent>,
    on_the_way: Vec<Act>,
    next_kill: u64,
    lie: Option<Lie>,
}

struct Agent {
    gate: PathBuf,
    process: Option<Process>,
    starts_at: u64,
}

struct Process {
    gate: Arc<Gate>,
    clock: ProcessClock,
    acts: JoinSet<()>,
    /// Dropped last, with everything that runs in it.
    runtime: Runtime,
}

impl Agents {
    pub fn new(plan: &Plan, cluster_id: Uuid, homes: &Path, ledger: Arc<Mutex<Ledger>>) -> Self {
        let mut dice = Dice::of(plan.seed, "agents");
        let agent = |agent: usize| Agent {
            gate: homes.join(format!("agent-{agent}")),
            process: None,
            starts_at: 0,
        };
        Self {
            next_kill: dice.within(KILLED_AFTER_US),
            dice,
            cluster_id,
            ledger,
            agents: (0..plan.agents).map(agent).collect(),
            on_the_way: Vec::new(),
            lie: plan.lie,
        }
    }

    /// Everybody runs until this moment of the world. `sent` are acts that were sent since the last one.
    pub fn run_to(&mut self, now: u64, sent: Vec<Act>) {
        for mut act in sent {
            if self.dice.chance(LATE_PER_MILLE) {
                act.due += self.dice.within(0..LATE_US);
            } else if !self.dice.chance(TAKEN_PER_MILLE) {
                continue;
            }
            self.on_the_way.push(act);
        }
        let mut due: Vec<Act> = self.on_the_way.extract_if(.., |act| act.due <= now).collect();
        due.sort_unstable();
        due.into_iter().for_each(|act| self.arrived(act));
        for agent in &mut self.agents {
            if let Err(error) = agent.run_to(now) {
                told(&self.ledger).violated(format!("an agent does not start: {error}"));
            }
        }
    }

    fn arrived(&mut self, act: Act) {
        let takes = self.takes();
        let agent = &mut self.agents[act.agent];
        match &mut agent.process {
            Some(process) => process.begin(act, takes, self.cluster_id, self.ledger.clone()),
            None => {
                let due = agent.starts_at + self.dice.within(0..AGAIN_US);
                self.on_the_way.push(Act { due, ..act });
            }
        }
    }

    /// One may be killed: which, and until when.
    pub fn trouble(&mut self, now: u64) -> Option<(usize, u64)> {
        if now < self.next_kill {
            return None;
        }
        self.next_kill = now + self.dice.within(KILLED_AFTER_US);
        let number = self.dice.within(0..self.agents.len() as u64);
        let number = usize::try_from(number).expect("an index");
        let starts_at = now + self.dice.within(STARTS_AFTER_US);
        let agent = &mut self.agents[number];
        drop(agent.process.take()?);
        agent.starts_at = starts_at;
        let mut ledger = told(&self.ledger);
        ledger.agent_gone(number);
        if self.lie == Some(Lie::ForgetsEpochs)
            && let Err(error) = std::fs::remove_dir_all(&agent.gate)
        {
            ledger.violated(format!("the folder of agent {number}: {error}"));
        }
        drop(ledger);
        Some((number, starts_at))
    }

    fn takes(&mut self) -> Duration {
        let most = if self.dice.chance(LONG_PER_MILLE) { LONG_MS } else { TAKES_MS };
        Duration::from_millis(self.dice.within(0..most))
    }
}

impl Agent {
    fn run_to(&mut self, now: u64) -> io::Result<()> {
        match &mut self.process {
            Some(process) => process.run_to(now),
            None if now >= self.starts_at => self.process = Some(Process::start(&self.gate, now)?),
            None => {}
        }
        Ok(())
    }
}

impl Process {
    fn start(gate: &Path, now: u64) -> io::Result<Self> {
        std::fs::create_dir_all(gate)?;
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let clock = runtime.block_on(async { ProcessClock::begin(now, 0) });
        let gate = Arc::new(Gate::at(gate.to_owned()));
        Ok(Self { gate, clock, acts: JoinSet::new(), runtime })
    }

    fn begin(&mut self, act: Act, takes: Duration, cluster_id: Uuid, ledger: Arc<Mutex<Ledger>>) {
        let (gate, arrives) = (self.gate.clone(), self.clock.not_before(act.due));
        let obeyed = obey(gate, cluster_id, act, (arrives, takes), ledger);
        self.acts.spawn_on(obeyed, self.runtime.handle());
    }

    fn run_to(&mut self, now: u64) {
        if self.acts.is_empty() {
            return;
        }
        let until = self.clock.at(now);
        self.runtime.block_on(async move { sleep_until(until).await });
        // A panic is told by whoever watches for them.
        while self.acts.try_join_next().is_some() {}
    }
}

/// One act, as an agent does it.
async fn obey(
    gate: Arc<Gate>,
    cluster_id: Uuid,
    act: Act,
    (arrives, takes): (Instant, Duration),
    ledger: Arc<Mutex<Ledger>>,
) {
    sleep_until(arrives).await;
    told(&ledger).act_asked(act);
    let pass = match gate.enter(cluster_id, act.epoch).await {
        Ok(pass) => pass,
        Err(No::Fenced { highest }) => return told(&ledger).act_kept_out(act, highest),
        Err(no) => {
            let what = format!("agent {} does not take epoch {}: {no}", act.agent, act.epoch);
            return told(&ledger).violated(what);
        }
    };
    told(&ledger).act_let_through(act);
    let work = async {
        sleep(takes).await;
        Ok(())
    };
    let done = pass.while_it_holds(work).await;
    // Before the pass is given back, and with it the right to begin to somebody else.
    told(&ledger).act_ended(act, done.is_err());
    drop(pass);
}

fn told(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
