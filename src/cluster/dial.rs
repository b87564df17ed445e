//! Reaching another member: a stream to it, and the mutual introduction. What is said afterwards is not known here.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{ReadHalf, WriteHalf};

use super::frames::{Frame, FrameFailure, FrameReader, FrameWriter, Kind};
use super::pki::PeerIdentity;
use super::removed::Farewell;
use super::road::{Road, Stream};
use super::wire::{self, Hello, PROTOCOL_MAX, PROTOCOL_MIN, Purpose, Reason, Welcome};

/// Longest time for the introduction. A member of the same group answers within milliseconds.
const INTRODUCTION_DEADLINE: Duration = Duration::from_secs(1);

/// Why another member could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialFailure {
    #[error("no address is known for member {0}")]
    NoAddress(u64),
    #[error("connect: {0}")]
    Io(#[from] std::io::Error),
    #[error("introduction: {0}")]
    Frame(#[from] FrameFailure),
    #[error("refused by the peer: {0}")]
    Refused(String),
    #[error("told by the peer: {0}")]
    NoMember(String),
    #[error("unexpected answer to the introduction")]
    Unexpected,
}

/// An open, introduced connection.
pub(crate) struct Connection {
    pub reader: FrameReader<ReadHalf<Stream>>,
    pub writer: FrameWriter<WriteHalf<Stream>>,
}

/// Where a member listens, as far as this one knows.
pub(crate) type AddressBook = Arc<dyn Fn(u64) -> Option<String> + Send + Sync>;

/// Opens connections to other members in the name of this one.
#[derive(Clone)]
pub(crate) struct Dialer {
    road: Arc<dyn Road>,
    here: PeerIdentity,
    book: AddressBook,
    /// Whether anybody said that this one is no member any more.
    pub farewell: Arc<Farewell>,
}

impl Dialer {
    pub(crate) fn new(road: Arc<dyn Road>, here: PeerIdentity, book: AddressBook) -> Self {
        Dialer { road, here, book, farewell: Arc::new(Farewell::unheard()) }
    }

    /// In whose name connections are opened.
    pub(crate) fn here(&self) -> PeerIdentity {
        self.here
    }

    /// Opens a connection to `peer`. Whoever answers has proven to be that very member of this group.
    pub(crate) async fn dial(
        &self,
        peer: u64,
        purpose: Purpose,
    ) -> Result<Connection, DialFailure> {
        let address = (self.book)(peer).ok_or(DialFailure::NoAddress(peer))?;
        let stream = self.road.reach(peer, address).await?;
        let (reader, writer) = tokio::io::split(stream);
        let connection =
            Connection { reader: FrameReader::new(reader), writer: FrameWriter::new(writer) };
        self.introduce(connection, purpose).await
    }

    async fn introduce(
        &self,
        mut connection: Connection,
        purpose: Purpose,
    ) -> Result<Connection, DialFailure> {
        let hello = Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            cluster_id: self.here.cluster_id.into_bytes(),
            node_id: self.here.node_id,
            purpose,
            build: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let body = wire::encode(&hello);
        connection.writer.send(&Frame { kind: Kind::Hello, call: 0, body }).await?;
        let answer = connection.reader.expect(INTRODUCTION_DEADLINE).await?;
        match answer.kind {
            Kind::Welcome => wire::decode::<Welcome>(&answer.body)
                .map(|_| connection)
                .map_err(|_| DialFailure::Unexpected),
            Kind::Refused => Err(DialFailure::Refused(reason(&answer)?)),
            Kind::NoMember => {
                let why = reason(&answer)?;
                self.farewell.hear(&why);
                Err(DialFailure::NoMember(why))
            }
            _ => Err(DialFailure::Unexpected),
        }
    }
}

fn reason(answer: &Frame) -> Result<String, DialFailure> {
    let reason = wire::decode::<Reason>(&answer.body).map_err(|_| DialFailure::Unexpected)?;
    Ok(reason.text)
}
