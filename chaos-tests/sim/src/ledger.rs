//! What must hold in a group at every moment, judged from what every member has on its disk and says of itself.
//!
//! | what | how |
//! |---|---|
//! | log matching | an entry's id (term, node, index) has one content and one predecessor, on every disk for ever |
//! | election safety | a vote (term, node) is led by one run of one process |
//! | leader completeness | whoever leads has every entry that was committed under a lower vote |
//! | committed is for ever | at an index one entry is ever committed, whoever says so |
//! | equal facts | `applied`: revision by revision what changed, on every member; now and then one digest of all facts |
//! | nothing goes back | a member's term; its commit, its facts and its revision while its process runs |
//! | one Active | at no moment do two members say they are; an epoch is of one member |
//! | fences | `fence`: on a host no act begins after one of a later epoch, or while one of another goes on |

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use openraft::EntryPayload;
use raft_store::{LogReader, Record};

use crate::applied::Applied;
use crate::deeds::Act;
use crate::disk::{Entry, LogId};
use crate::fence::Fence;

/// A log id as a key: term, node, index.
pub type Id = (u64, u64, u64);

pub fn id_of(id: &LogId) -> Id {
    (id.leader_id.term, id.leader_id.node_id, id.index)
}

/// A member's log, as far as it is asked.
pub trait Held {
    /// The entry with this index, if the log holds it.
    fn id_at(&self, index: u64) -> Option<LogId>;
    /// The last entry that was forgotten.
    fn forgotten(&self) -> Option<LogId>;
}

impl Held for LogReader {
    fn id_at(&self, index: u64) -> Option<LogId> {
        LogReader::id_at(self, index)
    }

    fn forgotten(&self) -> Option<LogId> {
        self.ends().0
    }
}

/// What a member says of itself at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub term: u64,
    pub leading: bool,
    pub committed: u64,
    pub applied: u64,
    pub revision: u64,
}

/// What was seen so far.
#[derive(Default)]
pub struct Ledger {
    /// What each entry was and what it followed, by whoever wrote it first.
    entries: HashMap<Id, (Option<Id>, u64)>,
    /// The end of each member's log as it was written.
    ends: BTreeMap<usize, Vec<Id>>,
    committed: Vec<Option<Id>>,
    leaders: BTreeMap<(u64, u64), (usize, u64)>,
    digests: HashMap<u64, [u8; 32]>,
    /// What changed at each of the latest revisions, and the sums and the changed properties there.
    changes: BTreeMap<u64, Option<u64>>,
    sums: BTreeMap<u64, u64>,
    settings: BTreeMap<u64, u64>,
    /// Of each host that is acted on.
    fences: BTreeMap<usize, Fence>,
    pub acts: ActsSeen,
    epochs: BTreeMap<u64, usize>,
    before: BTreeMap<usize, (u64, Said)>,
    /// Everything that must not be.
    pub violations: Vec<String>,
}

/// What became of acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActsSeen {
    pub let_through: u64,
    pub kept_out: u64,
    pub broken_off: u64,
}

/// Sentences kept: the first ones tell.
const KEPT: usize = 20;
/// Revisions whose changes are kept. A member that comes back from further away has a checkpoint.
const REVISIONS_KEPT: usize = 16_384;

impl Ledger {
    pub fn violated(&mut self, what: String) {
        if self.violations.len() < KEPT {
            self.violations.push(what);
        }
    }

    /// A member's log as it is after a start.
    pub fn opened(&mut self, member: usize, purged: Option<LogId>, entries: &[Entry]) {
        let ids = purged.iter().map(id_of).chain(entries.iter().map(|entry| id_of(&entry.log_id)));
        self.ends.insert(member, ids.collect());
    }

    /// Another member is at this place from now on, with a disk of its own.
    pub fn replaced(&mut self, member: usize) {
        self.ends.remove(&member);
        self.before.remove(&member);
    }

    /// A member's log is written on.
    pub fn written(&mut self, member: usize, record: &Record) {
        let log = self.ends.entry(member).or_default();
        match record {
            Record::Vote(_) => {}
            Record::Truncate(after) => {
                let after = after.as_ref().map(|id| id.index);
                while log.last().is_some_and(|last| Some(last.2) > after) {
                    log.pop();
                }
            }
            Record::Purge(upto) => {
                log.retain(|id| id.2 > upto.index);
                log.insert(0, id_of(upto));
            }
            Record::Entry(entry) => {
                let (id, before) = (id_of(&entry.log_id), log.last().copied());
                log.push(id);
                self.entry(member, id, before, content_of(entry));
            }
        }
    }

    fn entry(&mut self, member: usize, id: Id, before: Option<Id>, content: u64) {
        let known = *self.entries.entry(id).or_insert((before, content));
        if known != (before, content) {
            let what =
                if known.1 == content { "follows another one" } else { "has another content" };
            self.violated(format!(
                "log matching: entry {id:?} on member {member} {what} than elsewhere: {before:?}, first seen after {:?}",
                known.0
            ));
        }
    }

    /// The revision a member was at when it was looked at last in this run of its process; 0 when it was not.
    pub fn looked_at(&self, member: usize, run: u64) -> u64 {
        let before = self.before.get(&member).filter(|(before_run, _)| *before_run == run);
        before.map_or(0, |(_, said)| said.revision)
    }

    /// What a member says. `run` counts the starts of its process.
    pub fn said(&mut self, member: usize, node: u64, run: u64, said: Said, log: &impl Held) {
        let (before_run, before) = self.before.insert(member, (run, said)).unwrap_or_default();
        if said.term < before.term {
            self.violated(format!(
                "member {member} went back from term {} to {}",
                before.term, said.term
            ));
        }
        let same = before_run == run;
        for (what, was, is) in [
            ("commit", before.committed, said.committed),
            ("facts", before.applied, said.applied),
            ("revision", before.revision, said.revision),
        ] {
            if same && is < was {
                self.violated(format!("member {member}: its {what} went back from {was} to {is}"));
            }
        }
        let from = if same { before.committed } else { 0 };
        if said.committed > from {
            self.commit(member, from, said.committed, log);
        }
        if said.leading && (!same || !before.leading || before.term != said.term) {
            self.leads(member, node, run, said.term, log);
        }
    }

    fn commit(&mut self, member: usize, from: u64, upto: u64, log: &impl Held) {
        let upto_at = usize::try_from(upto).expect("an index");
        if self.committed.len() <= upto_at {
            self.committed.resize(upto_at + 1, None);
        }
        for index in from + 1..=upto {
            let Some(id) = log.id_at(index).as_ref().map(id_of) else { continue };
            let at = usize::try_from(index).expect("an index");
            match self.committed[at] {
                None => self.committed[at] = Some(id),
                Some(known) if known != id => self.violated(format!(
                    "member {member} committed {id:?} where {known:?} was committed"
                )),
                Some(_) => {}
            }
        }
    }

    fn leads(&mut self, member: usize, node: u64, run: u64, term: u64, log: &impl Held) {
        let known = *self.leaders.entry((term, node)).or_insert((member, run));
        if known != (member, run) {
            self.violated(format!(
                "vote ({term}, {node}) is led by run {run} of member {member}, and was by run {} of member {}",
                known.1, known.0
            ));
        }
        let from = log.forgotten().map_or(0, |forgotten| forgotten.index) as usize;
        let lacking = self.committed.iter().enumerate().skip(from + 1).find(|(index, id)| {
            id.is_some_and(|id| {
                let has = log.id_at(*index as u64).as_ref().map(id_of);
                (id.0, id.1) < (term, node) && has != Some(id)
            })
        });
        if let Some((index, Some(id))) = lacking {
            let has = log.id_at(index as u64).as_ref().map(id_of);
            self.violated(format!(
                "member {member} leads term {term} without the committed {id:?}; it has {has:?}"
            ));
        }
    }

    /// The digest of all facts of a member at a revision.
    pub fn digest(&mut self, member: usize, revision: u64, digest: [u8; 32]) {
        let known = *self.digests.entry(revision).or_insert(digest);
        if known != digest {
            self.violated(format!(
                "the facts of member {member} at revision {revision} are others"
            ));
        }
    }

    /// What a member has applied since it was looked at last.
    pub fn applied(&mut self, member: usize, applied: &Applied) {
        for (revision, change) in &applied.changes {
            if known(&mut self.changes, *revision, *change) != *change {
                self.violated(format!(
                    "member {member} made another change of revision {revision}"
                ));
            }
        }
        let (revision, sum) = applied.sum;
        if known(&mut self.sums, revision, sum) != sum {
            self.violated(format!("member {member} came to revision {revision} in another way"));
        }
        if let Some(settings) = applied.settings
            && known(&mut self.settings, revision, settings) != settings
        {
            self.violated(format!(
                "member {member} has other properties after the change of revision {revision}"
            ));
        }
    }

    /// Who says to be Active, and in which epoch, at one moment.
    pub fn active(&mut self, claims: &[(usize, u64)]) {
        if claims.len() > 1 {
            self.violated(format!("several are Active: (member, epoch) {claims:?}"));
        }
        claims.iter().for_each(|(member, epoch)| self.epoch_is_of(*member, *epoch));
    }

    fn epoch_is_of(&mut self, member: usize, epoch: u64) {
        let known = *self.epochs.entry(epoch).or_insert(member);
        if known != member {
            self.violated(format!("epoch {epoch} is of member {known} and of member {member}"));
        }
    }

    /// Somebody asks an agent for an act.
    pub fn act_asked(&mut self, act: Act) {
        self.fence(act).asked(act.epoch);
    }

    /// The agent begins it.
    pub fn act_let_through(&mut self, act: Act) {
        self.acts.let_through += 1;
        self.epoch_is_of(act.member, act.epoch);
        let judged = self.fence(act).let_through(act.epoch);
        self.of_agent(act.agent, judged);
    }

    /// The agent does not, since this epoch has begun.
    pub fn act_kept_out(&mut self, act: Act, by: u64) {
        self.acts.kept_out += 1;
        let judged = self.fence(act).kept_out(act.epoch, by);
        self.of_agent(act.agent, judged);
    }

    /// It has ended, or was broken off.
    pub fn act_ended(&mut self, act: Act, broken_off: bool) {
        self.fence(act).ended(act.epoch);
        if broken_off {
            self.acts.broken_off += 1;
            let judged = self.fence(act).broken_off(act.epoch);
            self.of_agent(act.agent, judged);
        }
    }

    /// An agent is gone, and whatever it did.
    pub fn agent_gone(&mut self, agent: usize) {
        self.fences.entry(agent).or_default().gone();
    }

    fn fence(&mut self, act: Act) -> &mut Fence {
        self.fences.entry(act.agent).or_default()
    }

    fn of_agent(&mut self, agent: usize, judged: Result<(), String>) {
        if let Err(what) = judged {
            self.violated(format!("agent {agent}: {what}"));
        }
    }

    /// How many different votes were led.
    pub fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// How many tenures were seen.
    pub fn tenures(&self) -> usize {
        self.epochs.len()
    }
}

/// What was told of a revision first.
fn known<T: Copy>(told: &mut BTreeMap<u64, T>, revision: u64, now: T) -> T {
    let known = *told.entry(revision).or_insert(now);
    if told.len() > REVISIONS_KEPT {
        told.pop_first();
    }
    known
}

fn content_of(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &entry.payload {
        EntryPayload::Blank => 0_u8.hash(&mut hasher),
        EntryPayload::Normal(payload) => payload.0.hash(&mut hasher),
        EntryPayload::Membership(membership) => format!("{membership:?}").hash(&mut hasher),
    }
    hasher.finish()
}
