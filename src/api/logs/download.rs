//! An archive on its way to whoever asked: made while it is sent, one file in memory at a time.
//!
//! Whoever goes away takes everything along: the stream holds the task, the task holds the file, the place in the
//! queue and the connection to where it reads.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::archive::Archive;
use super::lines::{Lines, Window};
use super::redact::Redactor;
use super::source::Source;
use crate::api::codes::Fault;
use crate::api::error::Problem;
use crate::api::surface::Surface;
use crate::cluster::shelf::SETTINGS;

/// Downloads under way at a time; each holds one file of a log in memory.
pub(in crate::api) const DOWNLOADS_MAX: usize = 4;
/// Pieces that wait for a client that reads slowly.
const WAITING: usize = 2;
/// Bytes of one piece that is sent.
const PIECE: usize = 64 << 10;

/// An archive being made and sent.
pub(super) struct Download {
    archive: Option<Archive>,
    sink: mpsc::Sender<io::Result<Bytes>>,
}

/// The client has gone, or the archive cannot go on.
#[derive(Debug)]
pub(super) struct Broken;

/// A place among the downloads.
pub(super) fn place(surface: &Surface) -> Result<OwnedSemaphorePermit, Problem> {
    let full = |_| Problem::new(Fault::TooBusy, "Too many logs are downloaded here already.");
    surface.downloads.clone().try_acquire_owned().map_err(full)
}

/// Answers with the archive that `make` makes, under a name.
#[expect(
    clippy::disallowed_methods,
    reason = "the answer's body aborts the task when it is dropped"
)]
pub(super) fn answer<F>(
    name: &str,
    place: OwnedSemaphorePermit,
    made_at_s: u64,
    make: impl FnOnce(Download) -> F,
) -> Response
where
    F: Future<Output = Result<(), Broken>> + Send + 'static,
{
    let (sink, pieces) = mpsc::channel(WAITING);
    let making = make(Download { archive: Some(Archive::new(made_at_s)), sink });
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        // Broken off: the client sees an archive that does not end, or has gone.
        drop(making.await);
        drop(place);
    }));
    let body = stream::unfold((pieces, task), |(mut pieces, task)| async {
        pieces.recv().await.map(|piece| (piece, (pieces, task)))
    });
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("the name is of plain letters");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, Body::from_stream(body)).into_response()
}

impl Download {
    /// Adds a file as it is.
    pub(super) async fn add(&mut self, name: String, content: Vec<u8>) -> Result<(), Broken> {
        self.with(move |archive| archive.add(&name, &content)).await
    }

    /// Adds the log of one Manager, in a folder: the lines of a time, without secrets. Says what it held.
    pub(super) async fn add_log(
        &mut self,
        folder: &str,
        source: &Source,
        window: Window,
        rotated: bool,
    ) -> Result<Value, Broken> {
        let (mut held, mut missing) = (Vec::new(), Vec::new());
        let newest = source.files.iter().rfind(|file| file.name != SETTINGS);
        for file in &source.files {
            let settings = file.name == SETTINGS;
            let over = window.since.is_some_and(|since| file.written_at < since);
            if !settings && (over || !rotated && Some(file) != newest) {
                continue;
            }
            match source.read(&file.name).await {
                Err(because) => missing.push(json!({ "file": file.name, "because": because })),
                Ok(raw) => {
                    let name = format!("{folder}/{}", file.name);
                    let window = if settings { Window::default() } else { window };
                    self.with(move |archive| archive.add(&name, &shown(&raw, window))).await?;
                    held.push(json!(file.name));
                }
            }
        }
        Ok(json!({ "read_from": source.way(), "files": held, "missing": missing }))
    }

    /// Ends the archive.
    pub(super) async fn finish(mut self) -> Result<(), Broken> {
        let archive = self.archive.take().ok_or(Broken)?;
        match archive.finish() {
            Ok(rest) => self.send(rest).await,
            Err(_) => Err(Broken),
        }
    }

    /// Works on the archive away from the requests' threads, and sends what is finished of it.
    async fn with(
        &mut self,
        work: impl FnOnce(&mut Archive) -> io::Result<()> + Send + 'static,
    ) -> Result<(), Broken> {
        let mut archive = self.archive.take().ok_or(Broken)?;
        let worked = tokio::task::spawn_blocking(move || work(&mut archive).map(|()| archive));
        let mut archive = match worked.await {
            Ok(Ok(archive)) => archive,
            Ok(Err(error)) => {
                let told = self.sink.send(Err(error)).await;
                return told.map_err(|_| Broken).and(Err(Broken));
            }
            Err(_) => return Err(Broken),
        };
        let finished = archive.take();
        self.archive = Some(archive);
        self.send(finished).await
    }

    async fn send(&self, mut bytes: Bytes) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.sink.send(Ok(piece)).await.map_err(|_| Broken)?;
        }
        Ok(())
    }
}

/// What of a file is shown.
fn shown(raw: &[u8], window: Window) -> Vec<u8> {
    let (mut lines, mut redactor) = (Lines::of(window), Redactor::default());
    let mut shown = Vec::new();
    for line in String::from_utf8_lossy(raw).lines() {
        // Redacted whether taken or not: a key may begin in a line that is not.
        let told = redactor.line(line);
        if lines.takes(line) {
            shown.extend_from_slice(told.as_bytes());
            shown.push(b'\n');
        }
    }
    shown
}

/// A text without secrets, for parts that are no log.
pub(super) fn without_secrets(text: &[u8]) -> Vec<u8> {
    shown(text, Window::default())
}
