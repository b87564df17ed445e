//! Who opened a connection. All of them come from 127.0.0.1, so it is found by the far end: the kernel tells the number of the
//! socket that has it, and a process's folder in `/proc` which sockets it has. That takes no root for processes of one's own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::socket_number::number_of_socket;
use crate::cluster::Process;

/// A process, and the place of the host it runs on.
type Placed = (Process, usize);

/// The hosts whose processes may have opened one: a Manager, and whoever keeps its will and tells the others of its death.
#[derive(Debug)]
pub struct Dialers {
    /// What each host has, by place. Whatever runs there is called with a path in it.
    homes: Vec<PathBuf>,
    /// The processes when it was last looked; those that called last come first.
    known: Mutex<Vec<Placed>>,
}

impl Dialers {
    /// Those whose files are in these folders.
    pub fn new(homes: Vec<PathBuf>) -> Self {
        Self { homes, known: Mutex::default() }
    }

    /// The place of whoever has the far end of a connection from `far` to `near`.
    pub fn place(&self, far: SocketAddr, near: SocketAddr) -> Option<usize> {
        let (SocketAddr::V4(far), SocketAddr::V4(near)) = (far, near) else { return None };
        let socket = format!("socket:[{}]", number_of_socket(far, near)?);
        let has = |(process, _): &Placed| has_open(*process, &socket);
        // Nobody else waits meanwhile: a look takes a while.
        let mut known = self.known().clone();
        let found = known.iter().position(has).or_else(|| {
            // It may have been started since.
            known = self.running();
            known.iter().position(has)
        })?;
        known[..=found].rotate_right(1);
        let place = known.first().map(|(_, place)| *place);
        *self.known() = known;
        place
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Placed>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Vec<Placed> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes =
            entries.filter_map(|it| Process::of(it.file_name().to_str()?.parse().ok()?));
        let placed = |process: Process| {
            let home = |home: &PathBuf| process.names_within(home);
            Some((process, self.homes.iter().position(home)?))
        };
        processes.filter_map(placed).collect()
    }
}

fn has_open(process: Process, socket: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", process.pid())).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|it| fs::read_link(it.path()).ok());
    targets.any(|target| target == Path::new(socket))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn this_very_process_is_found_by_a_path_of_its_command_line_and_no_other_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = listener.local_addr().unwrap();
        let dialled = TcpStream::connect(near).unwrap();
        let far = dialled.local_addr().unwrap();
        let program = PathBuf::from(std::env::args_os().next().unwrap());
        let home = program.parent().unwrap();
        let dialers = Dialers::new(vec!["no such".into(), home.into()]);
        assert_eq!(dialers.place(far, near), Some(1));
        drop(dialled);
        assert_eq!(dialers.place(far, near), None);
        assert_eq!(Dialers::new(Vec::new()).place(far, near), None);
    }
}
