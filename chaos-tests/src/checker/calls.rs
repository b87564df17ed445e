//! Calls that are none on a register, paired with their ends.

use std::collections::HashMap;

use serde_json::Value;

use crate::history::{Kind, Line, Process, UNTRIED};

/// How such a call ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// It was done, at this revision; and when what it shows was last changed.
    Done { rev: Option<u64>, mod_rev: Option<u64>, told: Value },
    /// The group said no, or nobody was asked; the code says which.
    Not(String),
    /// Nobody knows.
    Unknown,
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    /// Number of the line that invoked it.
    pub index: u64,
    pub process: u64,
    pub f: &'a str,
    pub key: &'a str,
    pub value: &'a Value,
    pub node: u64,
    pub req: Option<&'a str>,
    /// The condition, where the history tells it.
    pub if_match: Option<u64>,
    pub end: End,
    pub invoked: u64,
    /// `u64::MAX` when nobody knows.
    pub returned: u64,
}

impl End {
    /// The code of a refusal by the group, which had looked.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Not(code) if !UNTRIED.contains(&code.as_str()) => Some(code),
            Self::Not(_) | Self::Done { .. } | Self::Unknown => None,
        }
    }
}

/// All calls of these names, in the order of their invocation.
pub(super) fn calls<'a>(lines: &'a [Line], names: &[&str]) -> Vec<Call<'a>> {
    let mut open: HashMap<u64, usize> = HashMap::new();
    let mut calls: Vec<Call<'_>> = Vec::new();
    for line in lines.iter().filter(|line| names.contains(&line.f.as_str())) {
        let Process::Client(process) = line.process else { continue };
        match line.kind {
            Kind::Invoke => {
                open.insert(process, calls.len());
                calls.push(Call {
                    index: line.index,
                    process,
                    f: &line.f,
                    key: line.key.as_deref().unwrap_or_default(),
                    value: &line.value,
                    node: line.node.unwrap_or(0),
                    req: line.req.as_deref(),
                    if_match: line.if_match,
                    end: End::Unknown,
                    invoked: line.time,
                    returned: u64::MAX,
                });
            }
            Kind::Ok | Kind::Fail => {
                let Some(which) = open.remove(&process) else { continue };
                calls[which].returned = line.time;
                calls[which].end = match line.kind {
                    Kind::Ok => {
                        let (rev, mod_rev) = (line.rev, line.mod_rev);
                        End::Done { rev, mod_rev, told: line.value.clone() }
                    }
                    _ => End::Not(line.error.clone().unwrap_or_default()),
                };
            }
            Kind::Info => drop(open.remove(&process)),
        }
    }
    calls
}
