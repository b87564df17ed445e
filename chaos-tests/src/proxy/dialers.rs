//! Who opened a connection. All of them come from 127.0.0.1, so it is found by the far port: the kernel's table tells the
//! number of the socket that has it, and a process's folder in `/proc` which sockets it has. That takes no root for
//! processes of one's own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::cluster::Process;

/// The hosts whose processes may have opened one: a Manager, and whoever keeps its will and tells the others of its death.
#[derive(Debug)]
pub struct Dialers {
    /// What each host has, by place. Whatever runs there is called with a path in it.
    homes: Vec<PathBuf>,
    /// Their processes when it was last looked, with their places.
    known: Mutex<Vec<(Process, usize)>>,
}

impl Dialers {
    /// Those whose files are in these folders.
    pub fn new(homes: Vec<PathBuf>) -> Self {
        Self { homes, known: Mutex::default() }
    }

    /// The place of whoever has the far end of a connection from `far` to `near`.
    pub fn place(&self, far: SocketAddr, near: SocketAddr) -> Option<usize> {
        let table = fs::read_to_string("/proc/net/tcp").ok()?;
        let socket = format!("socket:[{}]", number_of_socket(&table, far, near)?);
        let has = |(process, _): &&(Process, usize)| has_open(*process, &socket);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(has).map(|(_, place)| *place);
        found.or_else(|| {
            // It may have been started since.
            *known = self.running();
            known.iter().find(has).map(|(_, place)| *place)
        })
    }

    fn running(&self) -> Vec<(Process, usize)> {
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

/// What the kernel's table of IPv4 connections says of the socket between these two ends.
fn number_of_socket(table: &str, own: SocketAddr, other: SocketAddr) -> Option<u64> {
    let (own, other) = (written(own)?, written(other)?);
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_it = words.next()? == own && words.next()? == other;
        // State, queues, timer, retransmissions, user, timeout, number. Without a process it is 0.
        let number = is_it.then(|| words.nth(6)?.parse().ok()).flatten();
        number.filter(|number| *number != 0)
    })
}

/// An address as that table has it: the bytes of IPv4 as one number of this machine's order, and the port.
fn written(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    let ip = u32::from_ne_bytes(address.ip().octets());
    Some(format!("{ip:08X}:{:04X}", address.port()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_socket_is_found_by_both_of_its_ends() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 11 1 0 100 0 0 10 0\n\
            1: 0100007F:C350 0100007F:2329 01 00000000:00000000 00:00000000 00000000  0  0 22 1 0 20 4 30 10 -1\n\
            2: 0100007F:C350 0100007F:2328 01 00000000:00000000 00:00000000 00000000  0  0 33 1 0 20 4 30 10 -1\n\
            3: 0100007F:C351 0100007F:2328 06 00000000:00000000 03:00000D2E 00000000  0  0 0 3 0\n";
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(number_of_socket(table, at(0xC350), at(0x2328)), Some(33));
        assert_eq!(number_of_socket(table, at(0xC351), at(0x2328)), None);
        assert_eq!(number_of_socket("nonsense\n\n", at(1), at(2)), None);
    }

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
