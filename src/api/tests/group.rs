//! A group in exactly the state a test needs: the real state machine, without consensus around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use raft_store::HealthReport;
use raft_store::machine::{Committed, Row};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::api::port::{FeedItem, Group, HistoryFailure, HistoryRow};
use crate::base::{Digest, Epoch, HostId, ManagerId, RequestId, Revision, Secret, Term, Timestamp};
use crate::capabilities::hosts::model::SshKey;
use crate::capabilities::managers::model as managers;
use crate::capabilities::operations::model as operations;
use crate::cluster::{
    About, AdmitFailure, AgentCertificate, Consistency, Difference, Draft, GroupKey, JoinGrant,
    JoinRequest, LogFailure, LogFile, MemberStatus, PeerReport, ProposeFailure, ReadFailure,
    ReadStamp, Settled, Standing,
};
use crate::leadership::{Mode, Rule, Verdict};
use crate::machine::{Actor, Change, Command, LEVEL_MAX, Proposal, State, apply};

/// The Manager these tests talk to.
pub(super) const HERE: ManagerId = ManagerId(1);
/// The moment the tests begin: 2026-01-01.
pub(super) const START: Timestamp = Timestamp(1_767_225_600_000);

/// A group in memory.
pub(super) struct TestGroup {
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Arc<Change>>,
}

/// What a test may set up.
pub(super) struct Inner {
    pub(super) state: State,
    rows: Vec<(Revision, Row)>,
    past: Vec<Arc<Change>>,
    /// Changes up to here are no longer kept.
    pub(super) feed_floor: Revision,
    /// Of what was before, no row is left.
    pub(super) kept_from: Revision,
    pub(super) now: Timestamp,
    pub(super) mode: Mode,
    pub(super) leader: Option<ManagerId>,
    /// How long ago a leader was heard here.
    pub(super) heard_ago: Duration,
    pub(super) peers: BTreeMap<ManagerId, PeerReport>,
    pub(super) propose_failure: Option<ProposeFailure>,
    pub(super) read_failure: Option<ReadFailure>,
    /// Applied to the facts when a read is next settled: what another Manager did a moment ago.
    pub(super) unseen: Vec<Command>,
    pub(super) disk_full: Option<&'static str>,
    /// Why this one is no member any more.
    pub(super) removed: Option<String>,
    pub(super) certificate_expires_at: Timestamp,
    /// Every proposal as it would stand in the log.
    pub(super) log: Vec<Vec<u8>>,
    pub(super) settled_reads: usize,
    /// What each Manager's log files hold; one that is not here does not answer.
    pub(super) logs: BTreeMap<ManagerId, Vec<(String, String)>>,
}

impl TestGroup {
    /// A founded group of one, Active here.
    pub(super) fn founded() -> Arc<Self> {
        let inner = Inner {
            state: State::default(),
            rows: Vec::new(),
            past: Vec::new(),
            feed_floor: Revision(0),
            kept_from: Revision(0),
            now: START,
            mode: Mode::Active(Epoch(2)),
            leader: Some(HERE),
            heard_ago: Duration::from_millis(40),
            peers: BTreeMap::new(),
            propose_failure: None,
            read_failure: None,
            unseen: Vec::new(),
            disk_full: None,
            removed: None,
            certificate_expires_at: START.plus_ms(365 * 24 * 3_600_000),
            log: Vec::new(),
            settled_reads: 0,
            logs: [(HERE, Vec::new())].into(),
        };
        let group = Self { inner: Mutex::new(inner), changes: broadcast::channel(64).0 };
        group.commit(found());
        group.commit(become_active(HERE));
        Arc::new(group)
    }

    /// The inside, to set something up.
    pub(super) fn set(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Commits a Manager's own command.
    pub(super) fn commit(&self, command: impl Into<Command>) -> Revision {
        let settled = self.judge(Draft::own(HERE, command));
        settled.answer.into_result().unwrap()
    }

    /// Lets another Manager in, and makes it reachable.
    pub(super) fn admit_peer(&self, host: &str) -> ManagerId {
        let token = Digest::of(host.as_bytes());
        let role = managers::Role::Manager;
        self.commit(managers::Command::CreateJoinToken { digest: token, role, ttl_ms: 60_000 });
        let (profile, disk_id) = (profile(host), Uuid::new_v4());
        let id = self.commit(managers::Command::Admit { token, role, profile, disk_id });
        let id = ManagerId(id.0);
        let status = Some(status(id, Revision(id.0)));
        let report = PeerReport {
            id,
            reachable: true,
            status,
            age_ms: Some(80),
            newest_then: Some(Revision(id.0)),
            clock_ahead_ms: Some(0),
        };
        self.set().peers.insert(id, report);
        id
    }

    /// Makes another Manager the Active, as this one sees it.
    pub(super) fn follow_leader(&self, leader: ManagerId) {
        {
            let mut inner = self.set();
            (inner.mode, inner.leader) = (Mode::Passive, Some(leader));
        }
        self.commit(become_active(leader));
    }

    /// Takes the quorum away, as this Manager sees it.
    pub(super) fn lose_quorum(&self) {
        let mut inner = self.set();
        (inner.mode, inner.leader) = (Mode::NoQuorum, None);
        inner.propose_failure = Some(ProposeFailure::NoLeader { held_ms: 10 });
        inner.read_failure = Some(ReadFailure::NoQuorum { held_ms: 10 });
        inner.peers.values_mut().for_each(|peer| peer.reachable = false);
    }

    fn judge(&self, draft: Draft) -> Settled {
        let mut inner = self.set();
        let leader = inner.leader.unwrap_or(HERE);
        let proposal = Proposal {
            at: inner.now,
            by: draft.by,
            via: HERE,
            source: draft.source,
            request: draft.request.unwrap_or_else(fresh),
            fingerprint: draft.fingerprint.unwrap_or_default(),
            fence: draft.fence,
            reason: draft.reason,
            command: draft.command,
        };
        let bytes = proposal.encode();
        inner.log.push(bytes.clone());
        let index = inner.state.kernel.revision.0 + 1;
        let entry = Committed { index, term: 1, leader: leader.0, payload: Some(bytes.into()) };
        let applied = apply(&mut inner.state, &entry);
        inner.rows.extend(applied.rows.into_iter().map(|row| (Revision(index), row)));
        if let Some(change) = applied.change.map(Arc::new) {
            inner.past.push(change.clone());
            // Nobody may be listening.
            drop(self.changes.send(change));
        }
        Settled { answer: applied.answer.unwrap(), committed_by: leader, term: Term(1) }
    }
}

impl Group for TestGroup {
    fn here(&self) -> ManagerId {
        HERE
    }

    fn now(&self) -> Timestamp {
        self.set().now
    }

    fn propose(&self, draft: Draft) -> BoxFuture<'_, Result<Settled, ProposeFailure>> {
        let failure = self.set().propose_failure.clone();
        Box::pin(async move { failure.map_or_else(|| Ok(self.judge(draft)), Err) })
    }

    fn settle(&self, consistency: Consistency) -> BoxFuture<'_, Result<ReadStamp, ReadFailure>> {
        let failure = self.set().read_failure.clone();
        let local = consistency == Consistency::Local;
        Box::pin(async move {
            if let Some(failure) = failure.filter(|_| !local) {
                return Err(failure);
            }
            let unseen = if local { Vec::new() } else { std::mem::take(&mut self.set().unseen) };
            unseen.into_iter().for_each(|command| {
                self.commit(command);
            });
            let mut inner = self.set();
            inner.settled_reads += usize::from(!local);
            Ok(ReadStamp { revision: inner.state.kernel.revision, age_ms: Some(40) })
        })
    }

    fn look(&self, look: &mut dyn FnMut(&State)) {
        look(&self.set().state);
    }

    fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Option<Revision>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<HistoryRow>, HistoryFailure>> {
        Box::pin(async move {
            let inner = self.set();
            let fits = |(revision, row): &&(Revision, Row)| {
                *revision >= inner.kept_from
                    && row.table == table
                    && row.key == key
                    && before.is_none_or(|before| *revision < before)
            };
            let found = inner.rows.iter().rev().filter(fits).take(limit);
            let row = |(revision, row): &(Revision, Row)| HistoryRow {
                revision: *revision,
                value: row.value.clone(),
            };
            Ok(found.map(row).collect())
        })
    }

    fn kept_from(&self) -> Result<Revision, HistoryFailure> {
        Ok(self.set().kept_from)
    }

    fn follow(&self, after: Revision) -> BoxStream<'static, FeedItem> {
        let inner = self.set();
        let newest = inner.state.kernel.revision;
        if after < inner.feed_floor {
            return stream::once(async move { FeedItem::Lost { newest } }).boxed();
        }
        let missed = inner.past.iter().filter(move |change| change.revision > after).cloned();
        let missed = stream::iter(missed.collect::<Vec<_>>()).map(FeedItem::Change);
        let live = stream::unfold(self.changes.subscribe(), |mut changes| async {
            match changes.recv().await {
                Ok(change) => Some((FeedItem::Change(change), changes)),
                Err(_) => None,
            }
        });
        missed.chain(live).boxed()
    }

    fn standing(&self) -> Standing {
        let inner = self.set();
        let managers: BTreeSet<ManagerId> = inner.state.managers.members.keys().copied().collect();
        let revision = inner.state.kernel.revision;
        Standing {
            here: HERE,
            term: Term(1),
            kept_term: Term(1),
            leader: inner.leader,
            leading: inner.leader == Some(HERE),
            quorum_acked: None,
            configs: vec![managers.clone()],
            voters: managers,
            learners: BTreeSet::new(),
            settled: true,
            last_log: revision,
            committed: revision,
            applied: revision,
            checkpoint: Revision(0),
            purged: Revision(0),
            matched: BTreeMap::new(),
            leader_heard_ago: Some(inner.heard_ago),
            stopped: None,
            removed: inner.removed.clone(),
        }
    }

    fn verdict(&self) -> Verdict {
        let mode = self.set().mode;
        let rule = Rule {
            rule: "It leads the group",
            pass: matches!(mode, Mode::Active(_)),
            detail: "term 1".into(),
        };
        Verdict { mode, because: "As the test wants it.".into(), until: None, rules: vec![rule] }
    }

    fn own_status(&self) -> MemberStatus {
        let inner = self.set();
        let mut own = status(HERE, inner.state.kernel.revision);
        own.disk_full = inner.disk_full.map(str::to_owned);
        own.about.certificate_expires_at = Some(inner.certificate_expires_at);
        own
    }

    fn peers(&self) -> Vec<PeerReport> {
        self.set().peers.values().cloned().collect()
    }

    fn difference(&self) -> Option<Difference> {
        None
    }

    fn store_health(&self) -> HealthReport {
        let disk_full = self.set().disk_full;
        HealthReport {
            quarantined: Vec::new(),
            disk_full,
            checkpoint_waits: false,
            log_bytes: 0,
            log_segments: 1,
            log_written_bytes: 0,
            checkpoint_bytes: 0,
            history_bytes: 0,
        }
    }

    fn log_files(&self, of: ManagerId) -> BoxFuture<'_, Result<Vec<LogFile>, LogFailure>> {
        let file = |(name, text): &(String, String)| LogFile {
            name: name.clone(),
            length: text.len() as u64,
            written_at: START,
        };
        let found = self.set().logs.get(&of).map(|files| files.iter().map(file).collect());
        Box::pin(async { found.ok_or_else(|| LogFailure::NotReached("no answer".into())) })
    }

    fn log_piece(
        &self,
        of: ManagerId,
        name: String,
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, LogFailure>> {
        let inner = self.set();
        let files = inner.logs.get(&of).into_iter().flatten();
        let mut texts = files.filter(|(file, _)| *file == name).map(|(_, text)| text);
        // In small pieces, so that they are put together.
        let piece = texts.next().map(|text| {
            let rest = text.as_bytes().iter().skip(usize::try_from(offset).unwrap());
            rest.take(7).copied().collect()
        });
        Box::pin(async { piece.ok_or_else(|| LogFailure::Failed("it is gone".into())) })
    }

    fn admit(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinGrant, AdmitFailure>> {
        Box::pin(async move {
            let JoinRequest { token, role, profile, disk_id, csr_pem, .. } = request;
            if !csr_pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
                return Err(AdmitFailure::NoAuthority("the test knows no such request".into()));
            }
            let admit = managers::Command::Admit { token, role, profile: profile.clone(), disk_id };
            let mut draft = Draft::own(HERE, admit);
            draft.by = Actor::Anonymous;
            let host = profile.host.clone();
            let admitted = self.propose(draft).await?.answer.into_result()?;
            let manager = ManagerId(admitted.0);
            // As the Active does for all whom the group admitted.
            self.commit(operations::Command::Begin {
                kind: operations::Kind::AddManager { manager, host },
            });
            Ok(JoinGrant {
                member: ManagerId(admitted.0),
                cluster_id: Uuid::nil(),
                ca_pem: "ca".into(),
                certificate_pem: "certificate".into(),
                group_key: None,
            })
        })
    }

    fn certify_agent(&self, host: HostId, csr_pem: &str) -> Result<AgentCertificate, AdmitFailure> {
        if !csr_pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
            return Err(AdmitFailure::NoAuthority("the test knows no such request".into()));
        }
        Ok(AgentCertificate {
            cluster_id: Uuid::nil(),
            ca_pem: "ca".into(),
            certificate_pem: format!("certificate of host {host}"),
        })
    }

    fn seal(&self, purpose: &str, secret: &Secret) -> Result<Vec<u8>, AdmitFailure> {
        let key = GroupKey::from_hex(group_key().reveal()).unwrap();
        Ok(key.seal(purpose, secret.reveal().as_bytes()).unwrap())
    }

    fn new_ssh_key(&self) -> Result<SshKey, AdmitFailure> {
        let number = self.set().log.len();
        Ok(SshKey { public: format!("ssh-ed25519 AAAA{number}"), sealed: SEALED.into() })
    }
}

/// The key of the group the tests talk to.
pub(super) fn group_key() -> Secret {
    Secret::new("00".repeat(32))
}

fn found() -> managers::Command {
    let group = managers::Group {
        cluster_id: Uuid::nil(),
        name: "test".into(),
        ca_pem: CA_PEM.into(),
        sealed_ca_key: b"sealed".to_vec(),
    };
    managers::Command::Found { group, profile: profile("km1"), disk_id: Uuid::new_v4() }
}

/// What stands for a sealed private key; it must never be shown.
pub(super) const SEALED: &[u8] = b"sealed-private-key";

/// PEM around bytes that nobody verifies here.
const CA_PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn become_active(manager: ManagerId) -> managers::Command {
    managers::Command::BecomeActive { manager, term: Term(1), because: "test".into() }
}

pub(super) fn profile(host: &str) -> managers::Profile {
    managers::Profile {
        host: host.into(),
        peer_addr: format!("{host}:7442"),
        api_url: format!("https://{host}:7443"),
        health_url: format!("http://{host}:7444"),
        version: "0.1.0".into(),
        level: LEVEL_MAX,
        lease_ms: 1000,
    }
}

fn status(id: ManagerId, applied: Revision) -> MemberStatus {
    MemberStatus {
        about: About {
            pid: 4711,
            started_at: START,
            version: "0.1.0".into(),
            install_path: "/usr/bin/km".into(),
            data_dir: format!("/var/lib/km{id}").into(),
            disk_id: Uuid::nil(),
            certificate_expires_at: None,
        },
        term: Term(1),
        leader: Some(HERE),
        last_log: applied,
        applied,
        checkpoint: Revision(0),
        data_bytes: 1024,
        disk_full: None,
        rebuilt: 0,
        readings: Vec::new(),
    }
}

fn fresh() -> RequestId {
    RequestId::new(Uuid::new_v4().to_string()).unwrap()
}
