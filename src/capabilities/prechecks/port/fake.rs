//! Answers for tests: what is not said is as it should be.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::Ask;
use crate::base::Epoch;
use crate::capabilities::prechecks::plan::{Answer, Question};
use crate::leadership::Ended;

/// Whoever answers, and what was asked of him.
#[derive(Default)]
pub(crate) struct FakeAnswers {
    inside: Mutex<Inside>,
}

#[derive(Default)]
pub(crate) struct Inside {
    /// Answers that are not as they should be.
    pub(crate) said: BTreeMap<Question, Answer>,
    /// Every question in order.
    pub(crate) asked: Vec<Question>,
    /// After so many questions the tenure is over.
    pub(crate) questions_left: Option<usize>,
}

impl FakeAnswers {
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Answers a question otherwise than it should be.
    pub(crate) fn say(&self, question: Question, answer: Answer) {
        self.inside().said.insert(question, answer);
    }
}

/// The answer that everybody wishes for.
pub(crate) fn wished(question: &Question) -> Answer {
    let said = match question {
        Question::Zookeeper { .. } => "follower",
        Question::LoadBalancer { .. } => "1",
        Question::Postgres { .. } => "with TLS",
        Question::Login { .. } => "signed in",
        Question::Find { .. } => "/usr/bin/tool",
        Question::Identity { .. } => "role/kyvos",
        Question::Canary { .. } | Question::Port { .. } => "",
    };
    Answer::Good(said.into())
}

impl Ask for FakeAnswers {
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, Ended>> {
        let mut inside = self.inside();
        if inside.questions_left == Some(0) {
            return async { Err(Ended(Epoch(2))) }.boxed();
        }
        inside.questions_left = inside.questions_left.map(|left| left - 1);
        inside.asked.push(question.clone());
        let answer = inside.said.get(question).cloned().unwrap_or_else(|| wished(question));
        async { Ok(answer) }.boxed()
    }
}
