//! The image of all facts, as a checkpoint holds it: a format number, then bincode.

use std::borrow::Cow;
use std::io;

use bincode::error::EncodeError;
use raft_store::planted::{Bug, planted};

use super::level::HOSTS;
use super::{LEVEL_MAX, Level, State};
use crate::capabilities::alerts::model as alerts;
use crate::capabilities::hosts::model as hosts;
use crate::capabilities::installs::model as installs;
use crate::capabilities::prechecks::model as prechecks;
use crate::capabilities::services::model as services;

/// The format number in front of every image.
const FORMAT: u16 = 2;

/// The format before there were hosts and what came with them: the same bytes without theirs, which came last.
const BEFORE_HOSTS: u16 = 1;

/// Reading an image never allocates much more than this, whatever lengths its bytes claim. All bounds of all
/// rooms together stay below half of it.
const LIMIT_BYTES: usize = 256 << 20;

/// Why bytes are no image this build can go on from.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Written by a newer build.
    #[error("image format {found} is not known to this build (it knows {FORMAT})")]
    Format {
        /// The format number found.
        found: u16,
    },
    /// The group has agreed on a feature level this build does not speak.
    #[error("the group has agreed on feature level {}, this build speaks {}: install a newer build", found.0, LEVEL_MAX.0)]
    Level {
        /// The level found.
        found: Level,
    },
    /// Not the bytes of an image.
    #[error("malformed image: {0}")]
    Malformed(String),
}

/// Writes the image. Equal facts give equal bytes. As long as the group has not agreed on hosts there are none,
/// and the image is one that a build before them can read.
pub fn write_image(state: &State, mut out: &mut dyn io::Write) -> io::Result<()> {
    if state.kernel.level < HOSTS {
        let mut body =
            bincode::serde::encode_to_vec(state, bincode::config::standard()).map_err(as_io)?;
        body.truncate(body.len() - no_later_rooms().len());
        out.write_all(&BEFORE_HOSTS.to_be_bytes())?;
        return out.write_all(&body);
    }
    out.write_all(&FORMAT.to_be_bytes())?;
    bincode::serde::encode_into_std_write(state, &mut out, bincode::config::standard())
        .map_err(as_io)?;
    Ok(())
}

/// The disk's own error where there is one: the store goes on after a full disk, and after no other.
fn as_io(error: EncodeError) -> io::Error {
    if let EncodeError::Io { inner, .. } = error { inner } else { io::Error::other(error) }
}

/// Reads what [`write_image`] wrote. Hostile bytes give an error, never a panic.
pub fn read_image(bytes: &[u8]) -> Result<State, ImageError> {
    let malformed = |why: &str| ImageError::Malformed(why.into());
    let (format, body) = bytes.split_first_chunk::<2>().ok_or_else(|| malformed("too short"))?;
    let found = u16::from_be_bytes(*format);
    let body = match found {
        FORMAT => Cow::Borrowed(body),
        BEFORE_HOSTS => Cow::Owned([body, &no_later_rooms()].concat()),
        _ => return Err(ImageError::Format { found }),
    };
    let config = bincode::config::standard().with_limit::<LIMIT_BYTES>();
    let (mut state, read): (State, usize) = bincode::serde::decode_from_slice(&body, config)
        .map_err(|error| malformed(&error.to_string()))?;
    if read != body.len() {
        return Err(malformed("bytes after the end"));
    }
    if state.kernel.level > LEVEL_MAX {
        return Err(ImageError::Level { found: state.kernel.level });
    }
    if planted(Bug::CheckpointWithoutAnswers) {
        state.kernel.forget();
    }
    if planted(Bug::CheckpointWithoutTombstones) {
        state.managers.removed.clear();
    }
    Ok(state)
}

/// The bytes of the rooms that came with hosts before there were any.
fn no_later_rooms() -> Vec<u8> {
    let rooms = (
        hosts::Facts::default(),
        prechecks::Facts::default(),
        installs::Facts::default(),
        services::Facts::default(),
        alerts::Facts::default(),
    );
    bincode::serde::encode_to_vec(rooms, bincode::config::standard())
        .expect("empty facts are plain data")
}
