//! Keeps a demo's Managers running and its record current.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::Demo;
use super::child::Process;
use super::record::{Manager, Record};
use crate::cli::outcome::Failure;
use crate::cli::output::complain;

/// The Managers of a demo and what is recorded of them, in the same order.
pub(super) struct Supervisor {
    dir: PathBuf,
    record: Option<Record>,
    processes: Vec<Process>,
}

impl Supervisor {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), record: None, processes: Vec::new() }
    }

    /// Starts the Managers of an earlier run.
    pub(super) fn resume(&mut self, record: Record) -> Result<(), Failure> {
        let managers = record.managers.clone();
        self.record = Some(Record { managers: Vec::new(), ..record });
        managers.into_iter().try_for_each(|manager| self.add(manager))
    }

    /// Begins a record, as long as there is no Manager yet.
    pub(super) fn begin(&mut self, record: Record) {
        assert!(self.record.is_none(), "a demo is founded once");
        self.record = Some(record);
    }

    /// Starts a further Manager and records it.
    pub(super) fn add(&mut self, mut manager: Manager) -> Result<(), Failure> {
        let process = Process::start(&manager)?;
        manager.pid = process.pid();
        self.processes.push(process);
        self.record_mut()?.managers.push(manager);
        self.save()
    }

    /// What there is; a failure before the founding.
    pub(super) fn record(&self) -> Result<&Record, Failure> {
        self.record.as_ref().ok_or_else(unfounded)
    }

    /// How many Managers there are.
    pub(super) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Watches the Managers until interrupted; starts those again that ended, each after its own pause.
    pub(super) async fn watch(&mut self, demo: &Demo, interrupted: &mut Interrupted) {
        let mut returns: VecDeque<(Instant, usize)> = VecDeque::new();
        loop {
            let next_return = returns.front().copied();
            tokio::select! {
                (which, how) = next_end(&mut self.processes) => {
                    self.tell(which, &how, demo);
                    if !demo.no_restart {
                        returns.push_back((Instant::now() + demo.pause(), which));
                    }
                }
                which = due(next_return) => {
                    returns.pop_front();
                    self.start_again(which);
                }
                () = interrupted.wait() => return,
            }
        }
    }

    fn tell(&mut self, which: usize, how: &str, demo: &Demo) {
        let manager = self.manager(which);
        let pid = manager.pid.take().map_or("-".to_owned(), |pid| pid.to_string());
        let next = match demo.no_restart {
            true => "It stays away.".to_owned(),
            false => format!("It comes back in {} ms.", demo.restart_after_ms),
        };
        complain(&format!("Manager {} (pid {pid}) ended: {how}. {next}", manager.id));
        self.save_or_tell();
    }

    fn start_again(&mut self, which: usize) {
        let manager = self.manager(which);
        match Process::start(manager) {
            Ok(process) => {
                manager.pid = process.pid();
                self.processes[which] = process;
            }
            Err(failure) => complain(&failure.to_string()),
        }
        self.save_or_tell();
    }

    /// Stops all Managers, all at once: each hands over while there is somebody to hand over to.
    pub(super) async fn stop(mut self) {
        let stopping: FuturesUnordered<_> = self.processes.iter_mut().map(Process::stop).collect();
        stopping.collect::<()>().await;
        if let Some(record) = &mut self.record {
            record.managers.iter_mut().for_each(|manager| manager.pid = None);
            self.save_or_tell();
        }
    }

    fn manager(&mut self, which: usize) -> &mut Manager {
        let record = self.record.as_mut().expect("whoever watches has founded");
        &mut record.managers[which]
    }

    fn record_mut(&mut self) -> Result<&mut Record, Failure> {
        self.record.as_mut().ok_or_else(unfounded)
    }

    fn save(&self) -> Result<(), Failure> {
        self.record()?.save(&self.dir)
    }

    fn save_or_tell(&self) {
        if let Err(failure) = self.save() {
            complain(&failure.to_string());
        }
    }
}

fn unfounded() -> Failure {
    Failure::Refused("the demo has no Manager yet".into())
}

/// Waits until a Manager is to come back. All pauses are equally long, so the first is the next.
async fn due(next_return: Option<(Instant, usize)>) -> usize {
    match next_return {
        Some((at, which)) => {
            tokio::time::sleep_until(at).await;
            which
        }
        None => std::future::pending().await,
    }
}

/// The next Manager that ends, and how. One whose end was told stays silent.
async fn next_end(processes: &mut [Process]) -> (usize, String) {
    let running = processes.iter_mut().enumerate().filter(|(_, process)| process.pid().is_some());
    let mut ends: FuturesUnordered<_> =
        running.map(|(which, process)| async move { (which, process.ended().await) }).collect();
    match ends.next().await {
        Some(end) => end,
        None => std::future::pending().await,
    }
}

/// Ctrl-C and its kin.
pub(super) struct Interrupted {
    signals: [Signal; 3],
    seen: bool,
}

impl Interrupted {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::local("listen for signals"));
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        Ok(Self { signals, seen: false })
    }

    /// Waits for the first of them.
    pub(super) async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        self.seen = true;
    }

    /// Whether one came.
    pub(super) fn seen(&self) -> bool {
        self.seen
    }
}
