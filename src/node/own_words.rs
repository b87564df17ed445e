//! What the HTTP library says in its own words: bytes it cannot read as a request it answers with a bare status.
//! Every "no" of ours is a problem document, so on the way out a bare one is exchanged for one.
//!
//! It knows the form of the library's bare answer to HTTP/1 and nothing of routes. On HTTP/2 the library answers
//! a head beyond the hard bound with a bare 431, and ends the stream or the connection for other nonsense.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_server::accept::Accept;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::api::answer_to_unreadable;

/// Longest bare answer: a status line, `content-length: 0`, `connection` and `date`.
const BARE_MAX_BYTES: usize = 256;

/// Accepts connections as `A` does and watches over what is said on them.
#[derive(Clone, Debug)]
pub(super) struct OwnWords<A>(A);

impl<A> OwnWords<A> {
    pub(super) fn around(acceptor: A) -> Self {
        Self(acceptor)
    }
}

impl<I, S, A> Accept<I, S> for OwnWords<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Spoken<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepting = self.0.accept(stream, service);
        accepting.map(|done| done.map(|(stream, service)| (Spoken::on(stream), service))).boxed()
    }
}

/// A connection on which bare refusals are exchanged for problem documents.
pub(super) struct Spoken<S> {
    stream: S,
    /// What goes out in place of a bare answer, as far as it has not gone out yet.
    instead: Vec<u8>,
}

impl<S> Spoken<S> {
    fn on(stream: S) -> Self {
        Self { stream, instead: Vec::new() }
    }
}

impl<S: AsyncWrite + Unpin> Spoken<S> {
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        said: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        match in_our_words(said) {
            None => Pin::new(&mut self.stream).poll_write(cx, said),
            Some(instead) => {
                self.instead = instead;
                Poll::Ready(Ok(said.len()))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        said: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A bare answer has no body, so it comes in one piece.
        if let [alone] = said {
            return self.poll_write(cx, alone);
        }
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The whole answer to send in place of the library's bare one; `None` when what is said is anything else.
/// Answers of ours name the Manager that served them, and have a body unless they are 204 or 304.
fn in_our_words(said: &[u8]) -> Option<Vec<u8>> {
    let head = said.strip_prefix(b"HTTP/1.").filter(|_| said.len() <= BARE_MAX_BYTES)?;
    let head = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
    let bare = head.contains("\r\ncontent-length: 0") && !head.contains("\r\nx-km-");
    let status = head.get(2..5).filter(|_| bare)?.parse().ok()?;
    let (status, document) = answer_to_unreadable(status)?;
    let mut answer = format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        document.len()
    )
    .into_bytes();
    answer.extend(document);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn heard(said: &[u8]) -> String {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let speaking = async {
            let mut spoken = Spoken::on(ours);
            spoken.write_all(said).await.unwrap();
            spoken.shutdown().await.unwrap();
        };
        let mut text = String::new();
        let ((), read) = tokio::join!(speaking, theirs.read_to_string(&mut text));
        read.unwrap();
        text
    }

    #[tokio::test]
    async fn a_bare_refusal_becomes_a_problem_document() {
        let date = "date: Sun, 22 Nov 2026 21:00:00 GMT";
        for (bare, status, code) in [
            ("400 Bad Request", 400, "MALFORMED_REQUEST"),
            ("431 Request Header Fields Too Large", 431, "HEADERS_TOO_LARGE"),
            ("414 URI Too Long", 431, "HEADERS_TOO_LARGE"),
        ] {
            let said = format!("HTTP/1.1 {bare}\r\ncontent-length: 0\r\n{date}\r\n\r\n");
            let text = heard(said.as_bytes()).await;
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()));
        }
    }

    #[tokio::test]
    async fn whatever_else_is_said_goes_out_as_it_is() {
        for said in [
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nx-km-served-by: 1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            "data: HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.",
            "",
        ] {
            assert_eq!(heard(said.as_bytes()).await, said);
        }
    }
}
