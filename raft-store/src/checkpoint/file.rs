//! The form of a checkpoint file: a head, the image in pieces, the history, and an end with the hash of all before it.
//!
//! The history is blocks, byte for byte as they lie on the shelves, and packs of the rows between them. Every frame
//! has its own checksum, which says where damage is; the hash says that nothing is missing.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::checkpoint::pace::Pace;
use crate::envelope::{self, Envelope, HEADER_BYTES, Kind, Malformed};
use crate::pack;
use crate::stored::{
    self, BlockV1, CheckpointEndV1, CheckpointHeadV1, LogId, LogIdV1, RowV1, StoredMembership,
    StoredMembershipV1, V1,
};

/// Length of one piece of the image, and of one pack of rows. Small enough to be framed in memory, large enough to cost nothing.
const PIECE_BYTES: usize = 256 << 10;

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub cluster_id: [u8; 16],
    pub log_id: Option<LogId>,
    pub membership: StoredMembership,
    /// Oldest revision of the history in it.
    pub history_floor: u64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Error)]
pub(crate) enum Unusable {
    #[error("at offset {offset}: {malformed}")]
    Damaged { offset: u64, malformed: Malformed },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Unusable> for io::Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Io(error) => error,
            damaged @ Unusable::Damaged { .. } => {
                io::Error::new(io::ErrorKind::InvalidData, damaged.to_string())
            }
        }
    }
}

/// Writes a checkpoint under a name that does not count yet.
pub(crate) struct CheckpointWriter {
    path: PathBuf,
    out: File,
    hash: blake3::Hasher,
    /// Frames that are neither hashed nor written yet: both cost a fraction when there is much at once.
    frames: Vec<u8>,
    piece: Vec<u8>,
    /// Rows that are not packed yet.
    plain: Vec<u8>,
    image_bytes: u64,
    rows: u64,
    blocks: u64,
    pace: Pace,
}

impl CheckpointWriter {
    pub(crate) fn create(path: &Path, head: &Head) -> io::Result<CheckpointWriter> {
        let mut writer = CheckpointWriter {
            path: path.to_owned(),
            out: File::create(path)?,
            hash: blake3::Hasher::new(),
            frames: Vec::new(),
            piece: Vec::new(),
            plain: Vec::new(),
            image_bytes: 0,
            rows: 0,
            blocks: 0,
            pace: Pace::begin(),
        };
        stored::put(&mut writer.frames, Kind::CheckpointHead, &CheckpointHeadV1::from(head));
        Ok(writer)
    }

    /// Adds a history row. The image must be complete by then.
    pub(crate) fn row(&mut self, row: &RowV1<'_>) -> io::Result<()> {
        self.put_piece();
        self.rows += 1;
        stored::put_plain(&mut self.plain, row);
        if self.plain.len() >= PIECE_BYTES {
            self.put_rows();
        }
        if self.frames.len() >= PIECE_BYTES { self.write_out() } else { Ok(()) }
    }

    /// Adds a block of history rows as it lies on the shelves. The image must be complete by then.
    pub(crate) fn block(&mut self, frame: &[u8]) -> io::Result<()> {
        self.put_piece();
        self.put_rows();
        self.blocks += 1;
        self.frames.extend_from_slice(frame);
        if self.frames.len() >= PIECE_BYTES { self.write_out() } else { Ok(()) }
    }

    /// Completes the file and makes it durable under its present name.
    pub(crate) fn finish(mut self) -> io::Result<PathBuf> {
        self.put_piece();
        self.put_rows();
        self.write_out()?;
        let end = CheckpointEndV1 {
            image_bytes: self.image_bytes,
            rows: self.rows,
            blocks: self.blocks,
            blake3: *self.hash.finalize().as_bytes(),
        };
        self.out.write_all(&stored::framed(Kind::CheckpointEnd, &end))?;
        self.out.sync_all()?;
        Ok(self.path)
    }

    fn put_piece(&mut self) {
        if self.piece.is_empty() {
            return;
        }
        let start = envelope::begin(&mut self.frames);
        self.frames.append(&mut self.piece);
        envelope::seal(&mut self.frames, start, Kind::CheckpointImage, V1);
    }

    fn put_rows(&mut self) {
        if !self.plain.is_empty() {
            pack::put(&mut self.frames, Kind::CheckpointRows, &self.plain);
            self.plain.clear();
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.hash.update(&self.frames);
        self.out.write_all(&self.frames)?;
        self.pace.keep(self.frames.len(), &self.out)?;
        self.frames.clear();
        Ok(())
    }
}

/// The image is written here, in pieces.
impl Write for CheckpointWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        self.image_bytes += taken as u64;
        if self.piece.len() == PIECE_BYTES {
            self.put_piece();
            self.write_out()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads all of a checkpoint and says what it is, if nothing is wrong with it.
pub(crate) fn verify(path: &Path) -> Result<Head, Unusable> {
    walk(path, &mut |_part| Ok(()))
}

/// The head and the image of a checkpoint with which nothing is wrong.
pub(crate) fn read_image(path: &Path) -> Result<(Head, Vec<u8>), Unusable> {
    let mut image = Vec::new();
    let head = walk(path, &mut |part| {
        if let Part::Image(piece) = part {
            image.extend_from_slice(piece);
        }
        Ok(())
    })?;
    Ok((head, image))
}

/// Shows the history rows of a checkpoint that was verified before.
pub(crate) fn read_rows(
    path: &Path,
    visit: &mut dyn FnMut(RowV1<'_>) -> io::Result<()>,
) -> Result<(), Unusable> {
    walk(path, &mut |part| match part {
        Part::Row(row) => visit(row),
        Part::Image(_) => Ok(()),
    })?;
    Ok(())
}

enum Part<'a> {
    Image(&'a [u8]),
    Row(RowV1<'a>),
}

/// Shows all parts in order and checks the whole.
fn walk(path: &Path, visit: &mut dyn FnMut(Part<'_>) -> io::Result<()>) -> Result<Head, Unusable> {
    let file = File::open(path)?;
    let left = file.metadata()?.len();
    let mut walk = Walk {
        input: BufReader::with_capacity(PIECE_BYTES, file),
        offset: 0,
        left,
        hash: blake3::Hasher::new(),
        frame: Vec::new(),
    };
    let at = |offset| move |malformed| Unusable::Damaged { offset, malformed };
    walk.next()?;
    let head = head_in(&walk.frame).map_err(at(0))?;
    let (mut image_bytes, mut rows, mut blocks) = (0, 0, 0);
    loop {
        let offset = walk.offset;
        walk.next()?;
        let (envelope, _) = Envelope::open(&walk.frame).map_err(at(offset))?;
        match envelope.kind {
            Kind::CheckpointImage => {
                let piece = envelope.expect(Kind::CheckpointImage, V1).map_err(at(offset))?;
                image_bytes += piece.len() as u64;
                visit(Part::Image(piece))?;
            }
            Kind::CheckpointRows => {
                let plain = pack::get(envelope, Kind::CheckpointRows).map_err(at(offset))?;
                let mut rest = plain.as_slice();
                while !rest.is_empty() {
                    let (row, later) = stored::get_plain(rest).map_err(at(offset))?;
                    rows += 1;
                    visit(Part::Row(row))?;
                    rest = later;
                }
            }
            Kind::HistoryBlock => {
                let plain = pack::get(envelope, Kind::HistoryBlock).map_err(at(offset))?;
                let (block, _): (BlockV1<'_>, _) = stored::get_plain(&plain).map_err(at(offset))?;
                blocks += 1;
                block.rows.into_iter().try_for_each(|row| visit(Part::Row(row)))?;
            }
            _ => {
                let end = stored::get(envelope, Kind::CheckpointEnd).map_err(at(offset))?;
                let blake3 = *walk.hash.finalize().as_bytes();
                let found = CheckpointEndV1 { image_bytes, rows, blocks, blake3 };
                return walk.end(&found, &end).map(|()| head).map_err(at(offset));
            }
        }
    }
}

fn head_in(frame: &[u8]) -> Result<Head, Malformed> {
    let head: CheckpointHeadV1 = stored::get_only(frame, Kind::CheckpointHead)?;
    Ok(Head {
        cluster_id: head.cluster_id,
        log_id: head.log_id.map(LogId::from),
        membership: head.membership.try_into()?,
        history_floor: head.history_floor,
    })
}

struct Walk {
    input: BufReader<File>,
    offset: u64,
    left: u64,
    /// Of all frames before the present one.
    hash: blake3::Hasher,
    frame: Vec<u8>,
}

impl Walk {
    /// Reads the next frame. Its length is believed only as far as the file reaches.
    fn next(&mut self) -> Result<(), Unusable> {
        let damaged = |offset, malformed| Unusable::Damaged { offset, malformed };
        if self.left < HEADER_BYTES as u64 {
            return Err(damaged(self.offset, Malformed::Short));
        }
        self.hash.update(&self.frame);
        let mut header = [0; HEADER_BYTES];
        self.input.read_exact(&mut header)?;
        let bytes = envelope::announced_bytes(&header)
            .map_err(|malformed| damaged(self.offset, malformed))?;
        if bytes as u64 > self.left {
            return Err(damaged(self.offset, Malformed::Short));
        }
        self.frame.clear();
        self.frame.extend_from_slice(&header);
        self.frame.resize(bytes, 0);
        self.input.read_exact(&mut self.frame[HEADER_BYTES..])?;
        self.offset += bytes as u64;
        self.left -= bytes as u64;
        Ok(())
    }

    fn end(&self, found: &CheckpointEndV1, end: &CheckpointEndV1) -> Result<(), Malformed> {
        if found != end {
            return Err(Malformed::Content("its end does not fit what is before it".to_owned()));
        }
        if self.left != 0 {
            return Err(Malformed::Content(format!("{} bytes after its end", self.left)));
        }
        Ok(())
    }
}

impl From<&Head> for CheckpointHeadV1 {
    fn from(head: &Head) -> Self {
        CheckpointHeadV1 {
            cluster_id: head.cluster_id,
            log_id: head.log_id.as_ref().map(LogIdV1::from),
            membership: StoredMembershipV1::from(&head.membership),
            history_floor: head.history_floor,
        }
    }
}
