//! etcd's gRPC, by hand: HTTP/2 frames from a library, the few protobuf fields from here.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{Method, Request, Version};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::link::What;
use crate::Failure;

/// Bytes before every message: not compressed, and the length.
const PREFIX: usize = 5;
/// Protobuf's kinds of field.
const NUMBER: u8 = 0;
const BYTES: u8 = 2;
/// Fields of `PutRequest` and `RangeRequest`.
const KEY: u8 = 1;
const VALUE: u8 = 2;
const SERIALIZABLE: u8 = 7;
/// Fields of `StatusResponse`, and of the header that is its first.
const HEADER: u8 = 1;
const LEADER: u8 = 4;
const MEMBER_ID: u8 = 2;

/// One HTTP/2 connection, one request at a time.
pub struct Link {
    sender: SendRequest<Bytes>,
    authority: String,
    _connection: AbortOnDropHandle<()>,
}

impl Link {
    /// Opens a connection to the member at `address`.
    pub async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let tcp = TcpStream::connect(address).await.map_err(grpc)?;
        tcp.set_nodelay(true).map_err(grpc)?;
        let (sender, connection) = h2::client::handshake(tcp).await.map_err(grpc)?;
        // Its end is seen by whoever asks next.
        #[expect(clippy::disallowed_methods, reason = "aborted when the link is dropped")]
        let connection = tokio::spawn(async move { drop(connection.await) });
        let authority = address.to_string();
        Ok(Self { sender, authority, _connection: AbortOnDropHandle::new(connection) })
    }

    /// One call on one key.
    pub async fn call(&mut self, what: What, key: u64, value: &str) -> Result<(), Failure> {
        let mut message = BytesMut::with_capacity(PREFIX + 300);
        put_bytes(&mut message, KEY, format!("bench.{key}").as_bytes());
        let path = match what {
            What::Write => {
                put_bytes(&mut message, VALUE, value.as_bytes());
                "/etcdserverpb.KV/Put"
            }
            What::Read => "/etcdserverpb.KV/Range",
            What::LocalRead => {
                put_number(&mut message, SERIALIZABLE, 1);
                "/etcdserverpb.KV/Range"
            }
        };
        self.ask(path, &message).await.map(drop)
    }

    /// Whether this member leads.
    pub async fn leads(&mut self) -> Result<bool, Failure> {
        let status = self.ask("/etcdserverpb.Maintenance/Status", &[]).await?;
        let Some(Field::Bytes(header)) = field(&status, HEADER) else {
            return Err(Failure("a status without a header".into()));
        };
        let number = |found| match found {
            Some(Field::Number(number)) => number,
            Some(Field::Bytes(_)) | None => 0,
        };
        let (leader, here) = (number(field(&status, LEADER)), number(field(header, MEMBER_ID)));
        Ok(leader != 0 && leader == here)
    }

    async fn ask(&mut self, path: &str, message: &[u8]) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(format!("http://{}{path}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(grpc)?;
        let mut body = BytesMut::with_capacity(PREFIX + message.len());
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len()).expect("requests are short"));
        body.put_slice(message);
        std::future::poll_fn(|context| self.sender.poll_ready(context)).await.map_err(grpc)?;
        let (answer, mut stream) = self.sender.send_request(request, false).map_err(grpc)?;
        stream.send_data(body.freeze(), true).map_err(grpc)?;
        received(answer.await.map_err(grpc)?).await
    }
}

/// The message of an answer whose status is 0.
async fn received(answer: http::Response<h2::RecvStream>) -> Result<Bytes, Failure> {
    let early = status_of(answer.headers());
    let mut body = answer.into_body();
    let mut message = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(grpc)?;
        body.flow_control().release_capacity(part.len()).map_err(grpc)?;
        message.put_slice(&part);
    }
    let trailers = body.trailers().await.map_err(grpc)?;
    let late = trailers.as_ref().and_then(status_of);
    match late.or(early).as_deref() {
        Some("0") if message.len() >= PREFIX => Ok(message.freeze().slice(PREFIX..)),
        other => Err(Failure(format!("gRPC status {other:?}"))),
    }
}

fn status_of(headers: &http::HeaderMap) -> Option<String> {
    Some(headers.get("grpc-status")?.to_str().ok()?.to_owned())
}

fn put_bytes(out: &mut BytesMut, number: u8, value: &[u8]) {
    out.put_u8(number << 3 | BYTES);
    put_varint(out, value.len() as u64);
    out.put_slice(value);
}

fn put_number(out: &mut BytesMut, number: u8, value: u64) {
    out.put_u8(number << 3 | NUMBER);
    put_varint(out, value);
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A field of a message that has only numbers and bytes.
fn field(mut message: &[u8], wanted: u8) -> Option<Field<'_>> {
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let field = match (tag & 7) as u8 {
            NUMBER => Field::Number(take_varint(&mut message)?),
            BYTES => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(length)?;
                message = rest;
                Field::Bytes(bytes)
            }
            _ => return None,
        };
        if tag >> 3 == u64::from(wanted) {
            return Some(field);
        }
    }
    None
}

fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn grpc(error: impl std::fmt::Display) -> Failure {
    Failure(format!("etcd: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_behind_others() {
        let mut message = BytesMut::new();
        put_bytes(&mut message, 1, b"header");
        put_number(&mut message, 3, 300);
        put_number(&mut message, 4, u64::MAX);
        assert!(matches!(field(&message, 1), Some(Field::Bytes(b"header"))));
        assert!(matches!(field(&message, 4), Some(Field::Number(u64::MAX))));
        assert!(field(&message, 5).is_none());
    }

    #[test]
    fn a_cut_message_is_no_message() {
        let mut message = BytesMut::new();
        put_bytes(&mut message, 1, b"header");
        assert!(field(&message[..4], 1).is_none());
        assert!(field(&[0x80; 11], 1).is_none());
    }
}
