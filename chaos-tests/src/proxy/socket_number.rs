//! The number of a socket, by both of its ends. The kernel is asked for that one (`sock_diag`): its table in `/proc` takes tens of
//! milliseconds to write on a computer with many connections, and a call between Managers has one second. It is read where the
//! kernel does not answer.

use std::fs;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
const IS_ERROR: u16 = 2;
const IS_REQUEST: u16 = 1;
const INET: u8 = 2;
const TCP: u8 = 6;
/// Where it is in an answer that tells of a socket, and the code in one that is an error.
const NUMBER_AT: usize = 84;
const CODE_AT: usize = 16;

/// Of the socket that has `own` and is connected to `other`; `None`: there is none that a process has.
pub(super) fn number_of_socket(own: SocketAddrV4, other: SocketAddrV4) -> Option<u64> {
    let number = asked(own, other).unwrap_or_else(|_| {
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        in_table(&table, own, other)
    });
    number.filter(|number| *number != 0)
}

fn asked(own: SocketAddrV4, other: SocketAddrV4) -> nix::Result<Option<u64>> {
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    let nobody = MsgFlags::empty();
    sendto(kernel.as_raw_fd(), &question(own, other), &NetlinkAddr::new(0, 0), nobody)?;
    let mut answer = [0; 1024];
    // It has been answered when sending returns.
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT)?;
    read(&answer[..length])
}

/// `nlmsghdr` and `inet_diag_req_v2`.
fn question(own: SocketAddrV4, other: SocketAddrV4) -> Vec<u8> {
    const LENGTH: u32 = 72;
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(IS_REQUEST.to_ne_bytes());
    // One question on a socket of its own needs no number, and no sender.
    bytes.extend([0; 8]);
    bytes.extend([INET, TCP, 0, 0]);
    // In whatever state it is.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(own.port().to_be_bytes());
    bytes.extend(other.port().to_be_bytes());
    for address in [own, other] {
        bytes.extend(address.ip().octets());
        bytes.extend([0; 12]);
    }
    // Over any interface, with any cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xFF; 8]);
    bytes
}

fn read(answer: &[u8]) -> nix::Result<Option<u64>> {
    let word = |at: usize| {
        let bytes = answer.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    let kind = answer.get(4..6).and_then(|bytes| Some(u16::from_ne_bytes(bytes.try_into().ok()?)));
    match kind {
        Some(BY_FAMILY) => word(NUMBER_AT).map(|number| Some(number.into())).ok_or(Errno::EBADMSG),
        Some(IS_ERROR) => {
            let code = word(CODE_AT).ok_or(Errno::EBADMSG)?;
            match Errno::from_raw(code.cast_signed().wrapping_neg()) {
                Errno::ENOENT => Ok(None),
                errno => Err(errno),
            }
        }
        _ => Err(Errno::EBADMSG),
    }
}

/// What the kernel's table of IPv4 connections says.
fn in_table(table: &str, own: SocketAddrV4, other: SocketAddrV4) -> Option<u64> {
    let (own, other) = (written(own), written(other));
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_it = words.next()? == own && words.next()? == other;
        // State, queues, timer, retransmissions, user, timeout, number.
        is_it.then(|| words.nth(6)?.parse().ok()).flatten()
    })
}

/// An address as that table has it: the bytes of IPv4 as one number of this machine's order, and the port.
fn written(address: SocketAddrV4) -> String {
    let ip = u32::from_ne_bytes(address.ip().octets());
    format!("{ip:08X}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn at(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("it was bound to IPv4"),
        }
    }

    #[test]
    fn a_socket_is_found_in_the_table_by_both_of_its_ends() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 11 1 0 100 0 0 10 0\n\
            1: 0100007F:C350 0100007F:2329 01 00000000:00000000 00:00000000 00000000  0  0 22 1 0 20 4 30 10 -1\n\
            2: 0100007F:C350 0100007F:2328 01 00000000:00000000 00:00000000 00000000  0  0 33 1 0 20 4 30 10 -1\n";
        assert_eq!(in_table(table, at(0xC350), at(0x2328)), Some(33));
        assert_eq!(in_table(table, at(0xC351), at(0x2328)), None);
        assert_eq!(in_table("nonsense\n\n", at(1), at(2)), None);
    }

    #[test]
    fn the_kernel_tells_the_same_as_its_table_and_nothing_of_a_socket_that_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = v4(listener.local_addr().unwrap());
        let dialled = TcpStream::connect(near).unwrap();
        let far = v4(dialled.local_addr().unwrap());
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let number = number_of_socket(far, near);
        assert!(number.is_some());
        assert_eq!(number, in_table(&table, far, near));
        drop(dialled);
        assert_eq!(number_of_socket(far, near), None);
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_none() {
        assert_eq!(read(&[]), Err(Errno::EBADMSG));
        assert_eq!(read(&[0; 20]), Err(Errno::EBADMSG));
        let mut cut_short = vec![0; 20];
        cut_short[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        assert_eq!(read(&cut_short), Err(Errno::EBADMSG));
    }
}
