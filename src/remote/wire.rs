//! How an act is said to a host: one frozen structure for each frame body, version 1.
//!
//! ```text
//!   asker                                        host
//!   AgentHello  who asks whom            ──→
//!                                        ←──     AgentWelcome or AgentNo
//!   AgentAsk    epoch and act            ──→
//!                                        ←──     AgentWorking, again and again while it takes time
//!                                        ←──     AgentAnswer or AgentNo
//!   put: AgentPiece … AgentEnd           ──→     after the first answer; then a second one
//!   get, logs:                           ←──     AgentPiece … AgentEnd, after the answer
//! ```
//!
//! One connection carries one act. The envelope is that of [`crate::cluster::frames`]; bodies are bincode with a limit
//! and must be consumed to the last byte. What comes from the wire is checked by the types of [`act`](super::act)
//! before anything is done with it. Deliberately without `Debug`: an act may hold a secret.

use bincode::{Decode, Encode};
use bytes::Bytes;

pub(crate) use crate::cluster::wire::{decode, encode};

use super::act::{
    CanaryStep, Command, FileStamp, LogAsk, LogSource, Malformed, Output, Probe, Probed, Tool,
    UnitState, UnitStatus, UnitVerb,
};
use crate::base::{Secret, Timestamp};

/// The protocol versions this build speaks.
pub(crate) const PROTOCOL_MIN: u16 = 1;
/// See [`PROTOCOL_MIN`].
pub(crate) const PROTOCOL_MAX: u16 = 2;
/// Since this one a host tells of several units at once.
pub(crate) const UNITS_SINCE: u16 = 2;
/// Most units in one question.
pub(crate) const UNITS_MAX: usize = 64;

/// Longest piece of a file or of log lines in one frame.
pub(crate) const PIECE_MAX_BYTES: usize = 256 << 10;

/// First word of whoever asks.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HelloV1 {
    pub protocol_min: u16,
    pub protocol_max: u16,
    pub cluster_id: [u8; 16],
    /// The host that is meant.
    pub host: u64,
    /// The Manager that asks.
    pub manager: u64,
    pub build: String,
}

/// Answer to an acceptable [`HelloV1`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct WelcomeV1 {
    pub protocol: u16,
    pub build: String,
    /// When the certificate ends that the host shows; `None` where it shows none.
    pub certificate_ends_ms: Option<u64>,
}

/// One question. Acts carry an epoch, looks do not.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AskV1 {
    pub epoch: Option<u64>,
    pub what: WhatV1,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum WhatV1 {
    Greet {
        revision: u64,
        members: Vec<u64>,
    },
    Run(CommandV1),
    Put {
        path: String,
        mode: u32,
        length: u64,
    },
    Order {
        unit: String,
        verb: UnitVerbV1,
    },
    Unit(String),
    Get(String),
    Logs(LogAskV1),
    Probe(ProbeV1),
    /// Asks for a request to have the agent's key certified anew.
    Csr,
    /// Gives the agent a newer certificate for its key.
    Certify(String),
    /// How several units stand. Since protocol 2.
    Units(Vec<String>),
}

/// What the host answers.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum AnswerV1 {
    /// Done, and there is nothing to tell.
    Done,
    /// The file may come.
    GoOn,
    /// Pieces follow.
    Coming,
    Ran(OutputV1),
    Put(StampV1),
    Unit(UnitStatusV1),
    Probed(ProbedV1),
    Csr(String),
    /// In the order in which they were asked for; `Err`: why nothing can be said of one. Since protocol 2.
    Units(Vec<Result<UnitStatusV1, String>>),
}

/// Why the host did not.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum NoV1 {
    Fenced { highest: u64 },
    Refused(String),
    Failed(String),
}

/// The pieces are complete.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StampV1 {
    pub length: u64,
    pub sha256: [u8; 32],
}

#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum UnitVerbV1 {
    Start,
    Stop,
    Restart,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct UnitStatusV1 {
    pub state: UnitStateV1,
    pub pid: Option<u32>,
    pub since_ms: Option<u64>,
    pub ended: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum UnitStateV1 {
    Running,
    Starting,
    Stopping,
    Stopped,
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ToolV1 {
    Aws,
    Azcopy,
    Gsutil,
    Hdfs,
}

#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum CanaryStepV1 {
    Put,
    Get,
    Delete,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum CommandV1 {
    Find(ToolV1),
    Canary { tool: ToolV1, location: String, step: CanaryStepV1 },
    Identity(ToolV1),
    Join { config: String, token: String },
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct OutputV1 {
    pub exit: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum LogSourceV1 {
    Unit(String),
    File(String),
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LogAskV1 {
    pub source: LogSourceV1,
    pub since_ms: Option<u64>,
    pub until_ms: Option<u64>,
    pub bytes_max: u64,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ProbeV1 {
    Tcp(String),
    Http(String),
    Process(u32),
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ProbedV1 {
    pub answers: bool,
    pub status: Option<u16>,
    pub detail: String,
}

/// Two enums that say the same, one for the wire and one for us.
macro_rules! same {
    ($wire:ident, $ours:ident: $($name:ident),+) => {
        impl From<$ours> for $wire {
            fn from(ours: $ours) -> Self {
                match ours { $($ours::$name => Self::$name),+ }
            }
        }
        impl From<$wire> for $ours {
            fn from(wire: $wire) -> Self {
                match wire { $($wire::$name => Self::$name),+ }
            }
        }
    };
}

same!(UnitVerbV1, UnitVerb: Start, Stop, Restart);
same!(UnitStateV1, UnitState: Running, Starting, Stopping, Stopped, Failed);
same!(ToolV1, Tool: Aws, Azcopy, Gsutil, Hdfs);
same!(CanaryStepV1, CanaryStep: Put, Get, Delete);

impl From<&Command> for CommandV1 {
    fn from(command: &Command) -> Self {
        match command {
            Command::Find(tool) => Self::Find((*tool).into()),
            Command::Canary { tool, location, step } => Self::Canary {
                tool: (*tool).into(),
                location: location.as_str().to_owned(),
                step: (*step).into(),
            },
            Command::Identity(tool) => Self::Identity((*tool).into()),
            Command::Join { config, token } => {
                Self::Join { config: config.to_string(), token: token.reveal().to_owned() }
            }
        }
    }
}

impl TryFrom<CommandV1> for Command {
    type Error = Malformed;

    fn try_from(wire: CommandV1) -> Result<Self, Malformed> {
        Ok(match wire {
            CommandV1::Find(tool) => Self::Find(tool.into()),
            CommandV1::Canary { tool, location, step } => {
                Self::Canary { tool: tool.into(), location: location.parse()?, step: step.into() }
            }
            CommandV1::Identity(tool) => Self::Identity(tool.into()),
            CommandV1::Join { config, token } => {
                Self::Join { config: config.parse()?, token: Secret::new(token) }
            }
        })
    }
}

impl From<&LogAsk> for LogAskV1 {
    fn from(ask: &LogAsk) -> Self {
        let source = match &ask.source {
            LogSource::Unit(unit) => LogSourceV1::Unit(unit.to_string()),
            LogSource::File(path) => LogSourceV1::File(path.to_string()),
        };
        let ms = |time: Option<Timestamp>| time.map(|time| time.0);
        Self { source, since_ms: ms(ask.since), until_ms: ms(ask.until), bytes_max: ask.bytes_max }
    }
}

impl TryFrom<LogAskV1> for LogAsk {
    type Error = Malformed;

    fn try_from(wire: LogAskV1) -> Result<Self, Malformed> {
        let source = match wire.source {
            LogSourceV1::Unit(unit) => LogSource::Unit(unit.parse()?),
            LogSourceV1::File(path) => LogSource::File(path.parse()?),
        };
        Ok(Self {
            source,
            since: wire.since_ms.map(Timestamp),
            until: wire.until_ms.map(Timestamp),
            bytes_max: wire.bytes_max,
        })
    }
}

impl From<&Probe> for ProbeV1 {
    fn from(probe: &Probe) -> Self {
        match probe {
            Probe::Tcp(address) => Self::Tcp(address.clone()),
            Probe::Http(url) => Self::Http(url.clone()),
            Probe::Process(pid) => Self::Process(*pid),
        }
    }
}

impl From<ProbeV1> for Probe {
    fn from(wire: ProbeV1) -> Self {
        match wire {
            ProbeV1::Tcp(address) => Self::Tcp(address),
            ProbeV1::Http(url) => Self::Http(url),
            ProbeV1::Process(pid) => Self::Process(pid),
        }
    }
}

impl From<Output> for OutputV1 {
    fn from(output: Output) -> Self {
        let Output { exit, stdout, stderr } = output;
        Self { exit, stdout: stdout.into(), stderr: stderr.into() }
    }
}

impl From<OutputV1> for Output {
    fn from(wire: OutputV1) -> Self {
        let OutputV1 { exit, stdout, stderr } = wire;
        Self { exit, stdout: Bytes::from(stdout), stderr: Bytes::from(stderr) }
    }
}

impl From<UnitStatus> for UnitStatusV1 {
    fn from(status: UnitStatus) -> Self {
        let UnitStatus { state, pid, since, ended } = status;
        Self { state: state.into(), pid, since_ms: since.map(|time| time.0), ended }
    }
}

impl From<UnitStatusV1> for UnitStatus {
    fn from(wire: UnitStatusV1) -> Self {
        let UnitStatusV1 { state, pid, since_ms, ended } = wire;
        Self { state: state.into(), pid, since: since_ms.map(Timestamp), ended }
    }
}

impl From<Probed> for ProbedV1 {
    fn from(Probed { answers, status, detail }: Probed) -> Self {
        Self { answers, status, detail }
    }
}

impl From<ProbedV1> for Probed {
    fn from(ProbedV1 { answers, status, detail }: ProbedV1) -> Self {
        Self { answers, status, detail }
    }
}

impl From<FileStamp> for StampV1 {
    fn from(FileStamp { length, sha256 }: FileStamp) -> Self {
        Self { length, sha256 }
    }
}

impl From<StampV1> for FileStamp {
    fn from(StampV1 { length, sha256 }: StampV1) -> Self {
        Self { length, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_an_act_are_a_contract() {
        let start = WhatV1::Order { unit: "km".into(), verb: UnitVerbV1::Restart };
        let put = WhatV1::Put { path: "/a".into(), mode: 0o644, length: 300 };
        let greet = WhatV1::Greet { revision: 9, members: vec![1, 4] };
        let logs = WhatV1::Logs(LogAskV1 {
            source: LogSourceV1::Unit("km".into()),
            since_ms: Some(7),
            until_ms: None,
            bytes_max: 64,
        });
        let units = WhatV1::Units(vec!["a".into(), "b".into()]);
        let told = [start, put, greet, logs, WhatV1::Csr, units]
            .map(|what| hex(&encode(&AskV1 { epoch: Some(5), what })));
        let expected = [
            "010503026b6d02",
            "010502022f61fba401fb2c01",
            "01050009020104",
            "01050600026b6d01070040",
            "010508",
            "01050a0201610162",
        ];
        assert_eq!(told, expected);
        let fenced = encode(&NoV1::Fenced { highest: 8 });
        assert_eq!(hex(&fenced), "0008");
    }

    #[test]
    fn what_is_ill_formed_on_the_wire_does_not_become_an_act() {
        let canary = |location: &str| CommandV1::Canary {
            tool: ToolV1::Aws,
            location: location.into(),
            step: CanaryStepV1::Put,
        };
        assert!(Command::try_from(canary("s3://bucket")).is_ok());
        assert!(Command::try_from(canary("--profile")).is_err());
        let join = CommandV1::Join { config: "etc/km.toml".into(), token: "t".into() };
        assert!(Command::try_from(join).is_err());
        let logs = |source| LogAskV1 { source, since_ms: None, until_ms: None, bytes_max: 1 };
        assert!(LogAsk::try_from(logs(LogSourceV1::Unit("a b".into()))).is_err());
        assert!(LogAsk::try_from(logs(LogSourceV1::File("/a/../b".into()))).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_act_or_an_error_and_never_a_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            // Either answer will do; lengths are checked against the bound before anything is allocated.
            let _ = (decode::<HelloV1>(&noise), decode::<WelcomeV1>(&noise), decode::<AskV1>(&noise));
            let _ = (decode::<AnswerV1>(&noise), decode::<NoV1>(&noise), decode::<StampV1>(&noise));
        }

        #[test]
        fn a_length_of_the_senders_choosing_is_not_believed(length in (8_u64 << 20)..u64::MAX) {
            // A Get whose path claims that length.
            let mut body = vec![0, 5, 0xfd];
            body.extend(length.to_le_bytes());
            prop_assert!(decode::<AskV1>(&body).is_err());
        }
    }
}
