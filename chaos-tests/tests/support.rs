//! Histories written by hand: one call a line, times in steps.

use chaos_tests::history::{Action, Kind, Line, Operation, Outcome, Process, operations};
use chaos_tests::pasts;
use serde_json::{Value, json};

/// A call that is none on a register.
#[derive(Clone)]
pub(crate) struct Asked {
    pub f: &'static str,
    pub key: &'static str,
    pub req: Option<&'static str>,
    pub value: Value,
    pub process: u64,
    pub times: (u64, u64),
}

/// A second in the time of histories.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// What a history says of a fault that bit.
pub(crate) fn bit() -> Value {
    json!("installed")
}

/// Manager 1 is asked when a probe says it is Active.
pub(crate) fn active(story: Story, node: u64, epoch: u64, at: u64) -> Story {
    let value = json!({ "epoch": epoch, "sent": at, "received": at + 1 });
    story.at(at + 1, "probe", "active", node, value)
}

/// When watchers begin to be told of anything.
const WATCHED: u64 = 1_000;

fn numbered(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().zip(0..).map(|(line, index)| Line { index, ..line }).collect()
}

/// A history that grows.
#[derive(Default)]
pub(crate) struct Story(Vec<Line>);

impl Story {
    /// A call of process `process` on key `k`, from `invoked` to `returned`.
    #[must_use]
    pub(crate) fn call(
        self,
        process: u64,
        times: (u64, u64),
        action: Action,
        outcome: Outcome,
    ) -> Self {
        self.on("k", process, times, action, outcome, None)
    }

    /// The same with a key and a revision.
    #[must_use]
    pub(crate) fn on(
        mut self,
        key: &str,
        process: u64,
        (invoked, returned): (u64, u64),
        action: Action,
        outcome: Outcome,
        rev: Option<u64>,
    ) -> Self {
        let (f, value) = action.written();
        let begin = Line {
            time: invoked,
            key: Some(key.to_owned()),
            node: Some(1),
            ..Line::new(Process::Client(process), Kind::Invoke, f, value)
        };
        let (kind, error) = match outcome {
            Outcome::Done | Outcome::Seen(_) => (Kind::Ok, None),
            Outcome::Refused => (Kind::Fail, Some("CHANGED".to_owned())),
            Outcome::Failed => (Kind::Fail, Some("NO_ACTIVE".to_owned())),
            Outcome::Unknown => (Kind::Info, Some("timeout".to_owned())),
        };
        let value = match outcome {
            Outcome::Seen(seen) => json!(seen),
            _ => begin.value.clone(),
        };
        let end = Line { time: returned, kind, error, value, rev, ..begin.clone() };
        self.0.extend([begin, end]);
        self
    }

    /// A call on the key of that name through a Manager.
    #[must_use]
    pub(crate) fn through(
        self,
        node: u64,
        process: u64,
        times: (u64, u64),
        action: Action,
        outcome: Outcome,
    ) -> Self {
        let rev = (outcome == Outcome::Done).then_some(times.0);
        let mut story = self.on("k", process, times, action, outcome, rev);
        let both = story.0.len() - 2;
        story.0[both..].iter_mut().for_each(|line| line.node = Some(node));
        story
    }

    fn ended(mut self, asked: &Asked, kind: Kind, rev: Option<u64>, error: Option<&str>) -> Self {
        let begin = Line {
            time: asked.times.0,
            key: Some(asked.key.to_owned()),
            node: Some(1),
            req: asked.req.map(str::to_owned),
            ..Line::new(Process::Client(asked.process), Kind::Invoke, asked.f, asked.value.clone())
        };
        let error = error.map(str::to_owned);
        let end = Line { time: asked.times.1, kind, rev, error, ..begin.clone() };
        self.0.extend([begin, end]);
        self
    }

    /// A call that was done.
    #[must_use]
    pub(crate) fn done(self, asked: &Asked, rev: Option<u64>) -> Self {
        self.ended(asked, Kind::Ok, rev, None)
    }

    /// A call that was done, as of when it shows what, and all that was answered.
    #[must_use]
    pub(crate) fn shown(self, asked: &Asked, (rev, mod_rev): (u64, u64), told: &Value) -> Self {
        let mut story = self.done(asked, Some(rev));
        let end = story.0.last_mut().expect("one was told");
        (end.mod_rev, end.value) = (Some(mod_rev), told.clone());
        story
    }

    /// A call that was refused or not tried.
    #[must_use]
    pub(crate) fn not(self, asked: &Asked, code: &str) -> Self {
        self.ended(asked, Kind::Fail, None, Some(code))
    }

    /// The call that was told last was made on this condition.
    #[must_use]
    pub(crate) fn if_match(mut self, revision: u64) -> Self {
        let call = self.0.len() - 2;
        self.0[call..].iter_mut().for_each(|line| line.if_match = Some(revision));
        self
    }

    /// A call of which nobody knows.
    #[must_use]
    pub(crate) fn unknown(self, asked: &Asked) -> Self {
        self.ended(asked, Kind::Info, None, Some("timeout"))
    }

    /// What a property was, at the end.
    #[must_use]
    pub(crate) fn past(mut self, key: &str, past: &Value) -> Self {
        let line = Line::of_harness(pasts::NAME, pasts::READ, Some(1), past.clone());
        self.0.push(Line { time: u64::MAX, key: Some(key.to_owned()), ..line });
        self
    }

    /// What others told.
    pub(crate) fn of(lines: Vec<Line>) -> Self {
        Self(lines)
    }

    /// A line of the harness.
    #[must_use]
    pub(crate) fn line(mut self, name: &str, f: &str, node: u64, value: Value) -> Self {
        self.0.push(Line::of_harness(name, f, Some(node), value));
        self
    }

    /// A line of the harness, written at a time.
    #[must_use]
    pub(crate) fn at(self, time: u64, name: &str, f: &str, node: u64, value: Value) -> Self {
        let mut story = self.line(name, f, node, value);
        story.0.last_mut().expect("one was told").time = time;
        story
    }

    /// What was to be broken of whom, from when to when, and how it came out.
    #[must_use]
    pub(crate) fn strike(
        self,
        class: &str,
        (from, to): (u64, u64),
        victims: &[u64],
        outcome: Value,
    ) -> Self {
        self.at(from, "nemesis", class, 0, json!({ "begins": victims })).at(
            to,
            "nemesis",
            class,
            0,
            json!({ "ends": victims, "outcome": outcome }),
        )
    }

    /// What a watcher was told by a Manager, after everything that clients did.
    #[must_use]
    pub(crate) fn watch(mut self, name: &str, f: &str, node: u64, value: Value) -> Self {
        let (key, time) = (Some(name.to_owned()), WATCHED + self.0.len() as u64);
        self.0.push(Line { key, time, ..Line::of_harness("watch", f, Some(node), value) });
        self
    }

    /// In the order of time.
    pub(crate) fn lines(mut self) -> Vec<Line> {
        self.0.sort_by_key(|line| line.time);
        numbered(self.0)
    }

    /// In the order they were told.
    pub(crate) fn unsorted(self) -> Vec<Line> {
        numbered(self.0)
    }

    /// Its calls.
    pub(crate) fn operations(self) -> Vec<Operation> {
        operations(&self.lines())
    }
}
