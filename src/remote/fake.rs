//! Hosts for tests: units that do at once what they are told, files in memory, and hosts that can be made silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::act::{
    Command, FileStamp, LogAsk, Output, Probe, Probed, RemotePath, UnitName, UnitState, UnitStatus,
    UnitVerb, Upload,
};
use super::{ByteStream, Remote, RemoteFailure, Told, Watch};
use crate::base::{Epoch, HostId};

/// The hosts and what they are like.
pub(crate) struct FakeHosts {
    inside: Mutex<Inside>,
}

#[derive(Default)]
pub(crate) struct Inside {
    /// The epoch that acts carry.
    pub(crate) epoch: Epoch,
    /// The highest epoch each host has seen.
    pub(crate) gates: BTreeMap<HostId, Epoch>,
    /// Hosts that do not answer.
    pub(crate) silent: BTreeSet<HostId>,
    /// Hosts whose SSH server shows another key than the one that is trusted.
    pub(crate) strange: BTreeSet<HostId>,
    /// How units stand; one that is not here is stopped.
    pub(crate) units: BTreeMap<(HostId, String), UnitStatus>,
    /// What was put.
    pub(crate) files: BTreeMap<(HostId, String), Bytes>,
    /// What commands answer, by their debug form; others succeed and say nothing.
    pub(crate) outputs: BTreeMap<String, Output>,
    /// What letting the host in answers, if it does not succeed.
    pub(crate) joins: Option<Output>,
    /// What probes find, by their debug form; others find something.
    pub(crate) probed: BTreeMap<String, Probed>,
    /// The keys that SSH servers show; a host without one has no SSH server.
    pub(crate) keys: BTreeMap<HostId, String>,
    /// Every act in order, such as `5 stop kyvos-manager`.
    pub(crate) done: Vec<String>,
    /// Who was asked how units stand, and of how many at once.
    pub(crate) asked: Vec<(HostId, usize)>,
    /// How many are being greeted, and most that ever were at a time.
    greeting: usize,
    pub(crate) greeting_most: usize,
    next_pid: u32,
}

impl FakeHosts {
    /// Hosts that all answer, asked in an epoch.
    pub(crate) fn in_epoch(epoch: Epoch) -> Self {
        Self { inside: Mutex::new(Inside { epoch, next_pid: 1_000, ..Inside::default() }) }
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }
}

impl Inside {
    fn reach(&self, host: HostId) -> Result<(), RemoteFailure> {
        if self.strange.contains(&host) {
            let (expected, offered) = ("SHA256:ours".into(), "SHA256:theirs".into());
            return Err(RemoteFailure::HostKeyChanged { expected, offered });
        }
        let silent = || RemoteFailure::Unreachable("no TCP connection".into());
        (!self.silent.contains(&host)).then_some(()).ok_or_else(silent)
    }

    fn act(&mut self, host: HostId, what: String) -> Result<(), RemoteFailure> {
        self.reach(host)?;
        let highest = self.gates.entry(host).or_default();
        if *highest > self.epoch {
            return Err(RemoteFailure::Fenced { asked: self.epoch, highest: *highest });
        }
        *highest = self.epoch;
        self.done.push(format!("{host} {what}"));
        Ok(())
    }

    fn status(&self, host: HostId, unit: &UnitName) -> UnitStatus {
        let stopped =
            UnitStatus { state: UnitState::Stopped, pid: None, since: None, ended: String::new() };
        self.units.get(&(host, unit.to_string())).cloned().unwrap_or(stopped)
    }

    fn order(&mut self, host: HostId, unit: &UnitName, verb: UnitVerb) -> UnitStatus {
        let mut status = self.status(host, unit);
        let (state, fresh) = match verb {
            UnitVerb::Stop => (UnitState::Stopped, false),
            UnitVerb::Start => (UnitState::Running, status.pid.is_none()),
            UnitVerb::Restart => (UnitState::Running, true),
        };
        self.next_pid += u32::from(fresh);
        status.pid = match state {
            UnitState::Running if fresh => Some(self.next_pid),
            UnitState::Running => status.pid,
            _ => None,
        };
        status.state = state;
        self.units.insert((host, unit.to_string()), status.clone());
        status
    }
}

fn now<'a, T: Send + 'a>(told: Result<T, RemoteFailure>) -> Told<'a, T> {
    async { told }.boxed()
}

impl Watch for FakeHosts {
    fn unit<'a>(&'a self, host: HostId, unit: &'a UnitName) -> Told<'a, UnitStatus> {
        let inside = self.inside();
        now(inside.reach(host).map(|()| inside.status(host, unit)))
    }

    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>> {
        let mut inside = self.inside();
        inside.asked.push((host, units.len()));
        let told = units.iter().map(|unit| Ok(inside.status(host, unit))).collect();
        now(inside.reach(host).map(|()| told))
    }

    fn get<'a>(&'a self, host: HostId, path: &'a RemotePath) -> Told<'a, ByteStream> {
        let inside = self.inside();
        let found = inside.files.get(&(host, path.to_string())).cloned();
        let found = found.ok_or_else(|| RemoteFailure::Refused(format!("there is no {path}")));
        now(inside.reach(host).and(found).map(|bytes| futures::stream::iter([Ok(bytes)]).boxed()))
    }

    fn logs<'a>(&'a self, host: HostId, ask: &'a LogAsk) -> Told<'a, ByteStream> {
        let line = Bytes::from(format!("a line of {:?}\n", ask.source));
        now(self.inside().reach(host).map(|()| futures::stream::iter([Ok(line)]).boxed()))
    }

    fn probe<'a>(&'a self, host: HostId, probe: &'a Probe) -> Told<'a, Probed> {
        let inside = self.inside();
        let found = Probed { answers: true, status: None, detail: String::new() };
        let found = inside.probed.get(&format!("{probe:?}")).cloned().unwrap_or(found);
        now(inside.reach(host).map(|()| found))
    }

    fn offered_key(&self, host: HostId) -> Told<'_, String> {
        let inside = self.inside();
        let key = inside.keys.get(&host).cloned();
        let key = key.ok_or_else(|| RemoteFailure::Unreachable("no SSH server".into()));
        now(inside.reach(host).and(key))
    }
}

impl Remote for FakeHosts {
    fn epoch(&self) -> Epoch {
        self.inside().epoch
    }

    fn greet(&self, host: HostId) -> Told<'_, String> {
        async move {
            {
                let mut inside = self.inside();
                inside.greeting += 1;
                inside.greeting_most = inside.greeting_most.max(inside.greeting);
            }
            // As over a network: whoever else is greeted at the same time gets as far.
            tokio::task::yield_now().await;
            let mut inside = self.inside();
            inside.greeting -= 1;
            inside.act(host, "greet".into()).map(|()| "0.1.0".into())
        }
        .boxed()
    }

    fn run<'a>(&'a self, host: HostId, command: &'a Command) -> Told<'a, Output> {
        let mut inside = self.inside();
        let name = format!("{command:?}");
        let nothing = Output { exit: Some(0), stdout: Bytes::new(), stderr: Bytes::new() };
        let joins = inside.joins.clone().filter(|_| matches!(command, Command::Join { .. }));
        let output = joins.or_else(|| inside.outputs.get(&name).cloned()).unwrap_or(nothing);
        now(inside.act(host, format!("run {name}")).map(|()| output))
    }

    fn put<'a>(
        &'a self,
        host: HostId,
        path: &'a RemotePath,
        upload: Upload,
    ) -> Told<'a, FileStamp> {
        Box::pin(async move {
            let parts: Vec<Bytes> = upload.content.try_collect().await.unwrap();
            let bytes = Bytes::from(parts.concat());
            let mut inside = self.inside();
            inside.act(host, format!("put {path}"))?;
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
            let sha256 = digest.as_ref().try_into().unwrap();
            let length = bytes.len() as u64;
            inside.files.insert((host, path.to_string()), bytes);
            Ok(FileStamp { length, sha256 })
        })
    }

    fn order<'a>(
        &'a self,
        host: HostId,
        unit: &'a UnitName,
        verb: UnitVerb,
    ) -> Told<'a, UnitStatus> {
        let mut inside = self.inside();
        let word = format!("{verb:?}").to_lowercase();
        let allowed = inside.act(host, format!("{word} {unit}"));
        now(allowed.map(|()| inside.order(host, unit, verb)))
    }
}

#[tokio::test]
async fn the_fake_refuses_a_past_epoch_as_a_host_does() {
    let (hosts, host) = (FakeHosts::in_epoch(Epoch(7)), HostId(4));
    let unit = UnitName::manager();
    assert_eq!(hosts.order(host, &unit, UnitVerb::Start).await.unwrap().pid, Some(1_001));
    assert_eq!(hosts.order(host, &unit, UnitVerb::Start).await.unwrap().pid, Some(1_001));
    assert_eq!(hosts.order(host, &unit, UnitVerb::Restart).await.unwrap().pid, Some(1_002));
    hosts.inside().epoch = Epoch(6);
    let fenced = RemoteFailure::Fenced { asked: Epoch(6), highest: Epoch(7) };
    assert_eq!(hosts.order(host, &unit, UnitVerb::Stop).await, Err(fenced));
    hosts.inside().silent.insert(host);
    assert!(hosts.unit(host, &unit).await.unwrap_err().did_nothing());
    assert_eq!(
        hosts.inside().done,
        ["4 start kyvos-manager", "4 start kyvos-manager", "4 restart kyvos-manager"]
    );
}
