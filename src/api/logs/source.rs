//! Where the log files of one Manager are read: from itself while it answers, else through its host.

use std::sync::Arc;

use futures::StreamExt;

use crate::api::sight::Sight;
use crate::api::surface::Surface;
use crate::base::{HostId, ManagerId, Timestamp};
use crate::cluster::shelf::{INDEX, SETTINGS, folder, part_number};
use crate::cluster::{LogFailure, LogFile};
use crate::remote::RemotePath;

/// Most bytes taken of one file. A Manager begins the next one earlier.
const FILE_MAX: usize = 17 << 20;
/// Most bytes of the list of files.
const INDEX_MAX: usize = 64 << 10;

/// The log of one Manager, found.
pub(super) struct Source {
    surface: Arc<Surface>,
    way: Way,
    /// What there is, the oldest first.
    pub(super) files: Vec<LogFile>,
}

enum Way {
    /// Asked of the Manager.
    Itself(ManagerId),
    /// Read from its host, in this folder.
    Host(HostId, String),
}

impl Source {
    /// Finds a Manager's log; why not, for people, when it is nowhere to be had.
    pub(super) async fn find(surface: &Arc<Surface>, of: ManagerId) -> Result<Self, String> {
        let found = |way, files| Self { surface: surface.clone(), way, files };
        let silent = match surface.group.log_files(of).await {
            Ok(files) => return Ok(found(Way::Itself(of), files)),
            Err(LogFailure::Failed(because)) => return Err(because),
            Err(LogFailure::NotReached(because)) => because,
        };
        let (host, folder) = host_of(surface, of)
            .map_err(|no_way| format!("It does not answer ({silent}), and {no_way}"))?;
        let files = through_host(surface, host, &folder).await;
        let files = files.map_err(|because| {
            format!("It does not answer ({silent}), and its host does not give its log: {because}")
        })?;
        Ok(found(Way::Host(host, folder), files))
    }

    /// How it is read, for people.
    pub(super) fn way(&self) -> &'static str {
        match self.way {
            Way::Itself(_) => "the Manager itself",
            Way::Host(..) => "its host, for the Manager does not answer",
        }
    }

    /// A whole file.
    pub(super) async fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        match &self.way {
            Way::Itself(manager) => self.in_pieces(*manager, name).await,
            Way::Host(host, folder) => get(&self.surface, *host, folder, name, FILE_MAX).await,
        }
    }

    async fn in_pieces(&self, of: ManagerId, name: &str) -> Result<Vec<u8>, String> {
        let mut read = Vec::new();
        loop {
            let piece = self.surface.group.log_piece(of, name.to_owned(), read.len() as u64).await;
            let piece = piece.map_err(|failure| failure.to_string())?;
            if piece.is_empty() {
                return Ok(read);
            }
            read.extend_from_slice(&piece);
            if read.len() > FILE_MAX {
                return Err(format!("it is longer than {FILE_MAX} bytes"));
            }
        }
    }
}

/// The host a Manager lives on, and the folder of its log there.
fn host_of(surface: &Surface, of: ManagerId) -> Result<(HostId, String), String> {
    let sight = Sight::of(&*surface.group);
    let host = surface.group.view(|state| {
        let member = state.managers.member(of)?;
        state.hosts.named(&member.profile.host).map(|(id, _)| id)
    });
    let host = host.map_err(|_| "its host is not registered: add it with km hosts add.")?;
    // A Manager that was never heard since this one started keeps its data where this one does, unless somebody
    // chose otherwise; then nothing is found there, and that is told.
    let told = sight.status(of).unwrap_or(&sight.own);
    Ok((host, folder(&told.about.data_dir).display().to_string()))
}

async fn through_host(
    surface: &Surface,
    host: HostId,
    folder: &str,
) -> Result<Vec<LogFile>, String> {
    let index = get(surface, host, folder, INDEX, INDEX_MAX).await?;
    let index = String::from_utf8_lossy(&index).into_owned();
    let shown = |name: &&str| *name == SETTINGS || part_number(name).is_some();
    // When they were written is not known from here: every one is looked into.
    let file =
        |name: &str| LogFile { name: name.into(), length: 0, written_at: Timestamp(u64::MAX) };
    Ok(index.lines().filter(shown).map(file).collect())
}

async fn get(
    surface: &Surface,
    host: HostId,
    folder: &str,
    name: &str,
    bytes_max: usize,
) -> Result<Vec<u8>, String> {
    let path: Result<RemotePath, _> = format!("{folder}/{name}").parse();
    let path = path.map_err(|malformed| malformed.to_string())?;
    let stream = surface.hosts.get(host, &path).await;
    let mut stream = stream.map_err(|failure| failure.to_string())?;
    let mut read = Vec::new();
    while let Some(piece) = stream.next().await {
        read.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        if read.len() > bytes_max {
            return Err(format!("it is longer than {bytes_max} bytes"));
        }
    }
    Ok(read)
}
