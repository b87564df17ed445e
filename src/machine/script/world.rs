//! The world around the machine in a script: who speaks, what time it is, who leads.

use bytes::Bytes;
use raft_store::machine::Committed;

use super::say;
use super::sight::Sight;
use super::words::{Words, duration_ms};
use crate::base::{Digest, Epoch, ManagerId, RequestId, Sha256, Timestamp};
use crate::capabilities::{
    access, alerts, hosts, installs, managers, operations, prechecks, properties, services,
};
use crate::machine::{Actor, Command, Proposal, State, apply, read_image, write_image};

/// When every script begins: the first second of 2026.
pub(super) const BEGINNING: u64 = 1_767_225_600_000;

/// A machine and what a script has said of its surroundings.
pub(super) struct World {
    state: State,
    at: Timestamp,
    by: Actor,
    sight: Sight,
    leader: u64,
    term: u64,
}

impl Default for World {
    fn default() -> Self {
        let (state, at) = (State::default(), Timestamp(BEGINNING));
        let by = Actor::User("admin".into());
        Self { state, at, by, sight: Sight::default(), leader: 1, term: 1 }
    }
}

impl World {
    /// Tells one step and gives the lines it brings about.
    pub(super) fn told(&mut self, step: &str) -> Vec<String> {
        let step = &self.with_sums(step);
        let mut words = Words::of(step);
        let first = words.next();
        match first.as_str() {
            word if word.starts_with('#') => vec![],
            // A group of one: Manager 1 on km1 is Active in epoch 2, and ann is its administrator from @3 on.
            "founded" => self.founded(),
            // As an operator would, with ENABLE_KM_HA set at @4.
            "ha" => {
                let mut said = self.founded();
                said.extend(self.told_quietly("properties set kyvos-manager/ENABLE_KM_HA yes"));
                said
            }
            // `many 64 STEP`: the step so often, its # being a number. Told quietly.
            "many" => {
                let times: usize = words.read();
                let step = step.splitn(3, ' ').last().expect("many TIMES STEP");
                (1..=times)
                    .flat_map(|number| self.told_quietly(&step.replace('#', &number.to_string())))
                    .collect()
            }
            // Told without its answer; it has to succeed.
            "quietly" => self.told_quietly(step.trim_start_matches("quietly ")),
            "as" => {
                self.by = actor(&words.next(), &mut words);
                vec![]
            }
            "later" => {
                self.at = self.at.plus_ms(duration_ms(&words.next()));
                vec![]
            }
            "earlier" => {
                self.at = Timestamp(self.at.0 - duration_ms(&words.next()));
                vec![]
            }
            "leader" => {
                self.leader = words.read();
                self.term = words.read_option("term").unwrap_or(self.term + 1);
                vec![]
            }
            // Raft's own entry.
            "blank" => self.entry(None),
            // The rest is told to a machine that went through an image.
            "restart" => {
                let mut image = Vec::new();
                write_image(&self.state, &mut image).unwrap();
                self.state = read_image(&image).unwrap();
                vec![]
            }
            "show" => {
                let room = words.next();
                let shown = self.shown(&room, &mut words);
                words.done();
                shown.into_iter().map(|line| say::short(&line)).collect()
            }
            "seen" => {
                self.sight.seen(&mut words);
                words.done();
                vec![]
            }
            "looked" => {
                self.sight.looked(&mut words, &self.state, self.at);
                words.done();
                vec![]
            }
            "answered" => {
                self.sight.answered(&mut words);
                words.done();
                vec![]
            }
            "plan" => {
                let planned = self.sight.plan(&mut words, &self.state, self.at);
                words.done();
                planned.into_iter().map(|line| say::short(&line)).collect()
            }
            room => self.proposed(room, words, step),
        }
    }

    /// `sum=present` is the checksum of the Disaster Recovery script as it would be written now.
    fn with_sums(&self, step: &str) -> String {
        let sum = || Sha256::of(installs::model::recovery_script(&self.state).as_bytes());
        match step.contains("sum=present") {
            true => step.replace("sum=present", &format!("sum={}", sum())),
            false => step.to_owned(),
        }
    }

    fn founded(&mut self) -> Vec<String> {
        self.by = Actor::Manager(ManagerId(1));
        let steps = [
            "managers found km1",
            "managers become-active 1",
            "access create-user ann administrator",
        ];
        let quiet = steps.iter().flat_map(|step| self.told_quietly(step)).collect();
        self.by = Actor::User("ann".into());
        quiet
    }

    /// A step that has to succeed and is not told again in every script.
    fn told_quietly(&mut self, step: &str) -> Vec<String> {
        let said = self.told(step);
        assert!(said[0].ends_with(" done"), "{step}: {}", said[0]);
        vec![]
    }

    fn proposed(&mut self, room: &str, mut words: Words, step: &str) -> Vec<String> {
        let command = command(room, &mut words);
        let request = words.option("request");
        let proposal = Proposal {
            at: self.at,
            by: self.by.clone(),
            via: words.read_option("via").unwrap_or(ManagerId(1)),
            source: words.option("from"),
            request: RequestId::new(
                request.unwrap_or_else(|| format!("r{}", self.state.kernel.revision.0 + 1)),
            )
            .unwrap(),
            fingerprint: Digest::of(step.as_bytes()),
            fence: words.read_option::<Epoch>("fence"),
            reason: words.option("reason"),
            command,
        };
        words.done();
        self.at = self.at.plus_ms(1000);
        self.entry(Some(proposal))
    }

    fn entry(&mut self, proposal: Option<Proposal>) -> Vec<String> {
        let entry = Committed {
            index: self.state.kernel.revision.0 + 1,
            term: self.term,
            leader: self.leader,
            payload: proposal.map(|proposal| Bytes::from(proposal.encode())),
        };
        let applied = apply(&mut self.state, &entry);
        let answer = applied.answer.as_ref().map(say::answer);
        let mut said = vec![answer.unwrap_or_else(|| format!("@{} nothing", entry.index))];
        said.extend(applied.change.iter().flat_map(|change| change.events.iter().map(say::event)));
        said.extend(applied.rows.iter().map(say::row));
        said
    }

    fn shown(&self, room: &str, words: &mut Words) -> Vec<String> {
        match room {
            "managers" => managers::script::show(&self.state, words),
            "properties" => properties::script::show(&self.state, words),
            "operations" => operations::script::show(&self.state, words),
            "hosts" => hosts::script::show(&self.state, words),
            "prechecks" => prechecks::script::show(&self.state, words),
            "installs" => installs::script::show(&self.state, words),
            "services" => services::script::show(&self.state, words),
            "alerts" => alerts::script::show(&self.state, words),
            "access" => access::script::show(&self.state, words, self.at),
            other => panic!("there is no room {other}"),
        }
    }
}

/// The command a line of a script asks for.
pub(crate) fn command_of(line: &str) -> Command {
    let mut words = Words::of(line);
    let room = words.next();
    let command = command(&room, &mut words);
    words.done();
    command
}

fn command(room: &str, words: &mut Words) -> Command {
    match room {
        "managers" => managers::script::command(words).into(),
        "properties" => properties::script::command(words).into(),
        "operations" => operations::script::command(words).into(),
        "hosts" => hosts::script::command(words).into(),
        "prechecks" => prechecks::script::command(words).into(),
        "installs" => installs::script::command(words).into(),
        "services" => services::script::command(words).into(),
        "alerts" => alerts::script::command(words).into(),
        "access" => access::script::command(words).into(),
        other => panic!("there is no room {other}"),
    }
}

fn actor(word: &str, words: &mut Words) -> Actor {
    match word {
        "manager" => Actor::Manager(words.manager()),
        "token" => Actor::Token(words.next()),
        "anonymous" => Actor::Anonymous,
        name => Actor::User(name.into()),
    }
}
