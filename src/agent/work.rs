//! The closed list: what each question comes to on this host. Acts go through the gate, looks do not.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::converse::{Talk, understood};
use super::files::{Arriving, Files, sum};
use super::gate::Pass;
use super::home::AgentHome;
use super::logs::{self, Range};
use super::probe::probe;
use super::run::Runner;
use super::{Agent, No, renewing, systemd};
use crate::cluster::frames::{FrameFailure, Kind};
use crate::remote::act::Malformed;
use crate::remote::wire::{
    AnswerV1, AskV1, CommandV1, HelloV1, LogAskV1, PIECE_MAX_BYTES, StampV1, UNITS_MAX,
    UnitStatusV1, WhatV1,
};
use crate::remote::{Command, FileStamp, LogAsk, LogSource, RemotePath};

/// Longest pause between two pieces of a file that is on its way here.
const PIECE_DEADLINE: Duration = Duration::from_secs(30);
/// Most members a greeting may name.
const MEMBERS_MAX: usize = 64;
/// Most bytes of log lines in one answer.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// How a question was answered.
pub(super) enum Done {
    /// By this.
    Answer(AnswerV1),
    /// By pieces, of which this is the checksum.
    Told(StampV1),
}

/// Answers a question.
pub(super) async fn answer<S>(
    agent: &Agent,
    hello: &HelloV1,
    ask: AskV1,
    talk: &mut Talk<S>,
) -> Result<Done, No>
where
    S: AsyncRead + AsyncWrite,
{
    let AskV1 { epoch, what } = ask;
    match (what, epoch) {
        (WhatV1::Unit(name), None) => {
            let status = talk.while_working(agent.units.status(&name)).await?;
            Ok(Done::Answer(AnswerV1::Unit(status.into())))
        }
        (WhatV1::Units(names), None) => {
            if names.len() > UNITS_MAX {
                return Err(No::Refused("too many units".into()));
            }
            Ok(Done::Answer(AnswerV1::Units(talk.while_working(stand(agent, &names)).await)))
        }
        (WhatV1::Probe(asked), None) => {
            let probed = talk.while_working(probe(&asked.into())).await?;
            Ok(Done::Answer(AnswerV1::Probed(probed.into())))
        }
        (WhatV1::Get(path), None) => get(agent, &path, talk).await,
        (WhatV1::Logs(asked), None) => tell_logs(agent, asked, talk).await,
        (act, Some(epoch)) => self::act(agent, hello, epoch, act, talk).await,
        (_, None) => Err(No::Refused("an act carries an epoch".into())),
    }
}

async fn act<S>(
    agent: &Agent,
    hello: &HelloV1,
    epoch: u64,
    act: WhatV1,
    talk: &mut Talk<S>,
) -> Result<Done, No>
where
    S: AsyncRead + AsyncWrite,
{
    let cluster_id = Uuid::from_bytes(hello.cluster_id);
    let entered = talk.while_working(agent.gate.enter(cluster_id, epoch)).await;
    tell_of_the_gate(hello.manager, epoch, &entered);
    let pass = entered?;
    let done = match act {
        WhatV1::Greet { revision, members } => {
            if members.len() > MEMBERS_MAX {
                return Err(No::Refused("too many members".into()));
            }
            agent.gate.note_members(revision, members)?;
            AnswerV1::Done
        }
        WhatV1::Run(command) => {
            let work = run(agent, hello.host, command);
            talk.while_working(pass.while_it_holds(work)).await?
        }
        WhatV1::Order { unit, verb } => {
            let work = agent.units.order(&unit, verb.into());
            AnswerV1::Unit(talk.while_working(pass.while_it_holds(work)).await?.into())
        }
        WhatV1::Put { path, mode, length } => {
            let path: RemotePath = path.parse().map_err(malformed)?;
            let arriving = files(agent).begin(&path, mode, length)?;
            AnswerV1::Put(pass.while_it_holds(take_in(arriving, talk)).await?.into())
        }
        WhatV1::Csr => AnswerV1::Csr(renewing::request(agent)?),
        WhatV1::Certify(pem) => {
            renewing::keep(agent, pem)?;
            AnswerV1::Done
        }
        WhatV1::Unit(_)
        | WhatV1::Units(_)
        | WhatV1::Get(_)
        | WhatV1::Logs(_)
        | WhatV1::Probe(_) => {
            return Err(No::Refused("a look carries no epoch".into()));
        }
    };
    Ok(Done::Answer(done))
}

/// How units stand, one after the other: each is a few files, or one question to systemd.
async fn stand(agent: &Agent, names: &[String]) -> Vec<Result<UnitStatusV1, String>> {
    let mut told = Vec::new();
    for name in names {
        let status = agent.units.status(name).await;
        told.push(status.map(Into::into).map_err(|no| no.to_string()));
    }
    told
}

/// One line for each act that was let through or kept out, for whoever asks later whom this host obeyed.
fn tell_of_the_gate(manager: u64, epoch: u64, entered: &Result<Pass<'_>, No>) {
    match entered {
        Ok(_) => tracing::info!(target: "kyvos::gate", manager, epoch, "let through"),
        Err(No::Fenced { highest }) => {
            tracing::info!(target: "kyvos::gate", manager, epoch, highest, "kept out");
        }
        Err(No::Refused(_) | No::Failed(_)) => {}
    }
}

async fn run(agent: &Agent, host: u64, command: CommandV1) -> Result<AnswerV1, No> {
    let command: Command = command.try_into().map_err(malformed)?;
    let home = AgentHome::at(&agent.config.data_dir);
    let runner = Runner { search_path: &agent.config.search_path, host, scratch: home.puts() };
    Ok(AnswerV1::Ran(runner.run(&command).await?.into()))
}

/// Takes a file in, to its last byte.
async fn take_in<S>(mut arriving: Arriving, talk: &mut Talk<S>) -> Result<FileStamp, No>
where
    S: AsyncRead + AsyncWrite,
{
    talk.say(Kind::AgentAnswer, &AnswerV1::GoOn).await.map_err(broken)?;
    loop {
        let frame = talk.next(PIECE_DEADLINE).await.map_err(broken)?;
        let frame = frame.ok_or_else(|| No::Refused("it was not sent to its end".into()))?;
        match frame.kind {
            Kind::AgentPiece => arriving.add(&frame.body)?,
            Kind::AgentEnd => {
                let end: StampV1 = understood(&frame, Kind::AgentEnd)?;
                let finish = tokio::task::spawn_blocking(move || arriving.finish(end.into()));
                let done = talk.while_working(finish).await;
                return done.map_err(|error| No::Failed(error.to_string()))?;
            }
            other => return Err(No::Refused(format!("{other:?} is no part of a file"))),
        }
    }
}

async fn get<S>(agent: &Agent, path: &str, talk: &mut Talk<S>) -> Result<Done, No>
where
    S: AsyncRead + AsyncWrite,
{
    let path: RemotePath = path.parse().map_err(malformed)?;
    let found = files(agent).existing(&path)?;
    let mut file = tokio::fs::File::open(found).await.map_err(failed)?;
    talk.say(Kind::AgentAnswer, &AnswerV1::Coming).await.map_err(broken)?;
    let mut telling = Telling::new();
    loop {
        let mut piece = Vec::with_capacity(PIECE_MAX_BYTES);
        (&mut file).take(PIECE_MAX_BYTES as u64).read_to_end(&mut piece).await.map_err(failed)?;
        if piece.is_empty() {
            return Ok(telling.end());
        }
        telling.tell(piece.into(), talk).await?;
    }
}

async fn tell_logs<S>(agent: &Agent, asked: LogAskV1, talk: &mut Talk<S>) -> Result<Done, No>
where
    S: AsyncRead + AsyncWrite,
{
    let ask: LogAsk = asked.try_into().map_err(malformed)?;
    let range = Range { bytes_max: ask.bytes_max.min(LOG_BYTES_MAX), ..Range::from(&ask) };
    let (pieces, mut told) = mpsc::channel(4);
    let mut reading = tokio::task::JoinSet::new();
    match &ask.source {
        LogSource::File(path) => {
            let found = vec![files(agent).existing(path)?];
            reading.spawn_blocking(move || logs::send(&found, range, &pieces));
        }
        LogSource::Unit(unit) => match agent.units.logs(unit.as_str())? {
            Ok(found) => {
                reading.spawn_blocking(move || logs::send(&found, range, &pieces));
            }
            Err(unit) => {
                let journal = systemd::journal(unit, ask.since, ask.until)?;
                reading.spawn(systemd::last_lines(journal, range.bytes_max, pieces));
            }
        },
    }
    talk.say(Kind::AgentAnswer, &AnswerV1::Coming).await.map_err(broken)?;
    let mut telling = Telling::new();
    while let Some(piece) = talk.while_working(told.recv()).await {
        telling.tell(piece.map_err(failed)?, talk).await?;
    }
    match reading.join_next().await {
        Some(Ok(read)) => read.map_err(failed)?,
        Some(Err(_)) | None => return Err(No::Failed("reading broke off".into())),
    }
    Ok(telling.end())
}

/// Pieces on their way to whoever asked, and their checksum.
struct Telling {
    length: u64,
    digest: Context,
}

impl Telling {
    fn new() -> Self {
        Self { length: 0, digest: Context::new(&SHA256) }
    }

    async fn tell<S>(&mut self, bytes: Bytes, talk: &mut Talk<S>) -> Result<(), No>
    where
        S: AsyncRead + AsyncWrite,
    {
        self.length += bytes.len() as u64;
        self.digest.update(&bytes);
        talk.piece(bytes).await.map_err(broken)
    }

    fn end(self) -> Done {
        Done::Told(StampV1 { length: self.length, sha256: sum(self.digest) })
    }
}

fn files(agent: &Agent) -> Files<'_> {
    let puts = AgentHome::at(&agent.config.data_dir).puts();
    Files { roots: &agent.config.roots, puts }
}

fn malformed(malformed: Malformed) -> No {
    No::Refused(malformed.to_string())
}

/// Whoever asked is gone or does not listen.
fn broken(failure: FrameFailure) -> No {
    No::Failed(failure.to_string())
}

fn failed(error: std::io::Error) -> No {
    No::Failed(error.to_string())
}
