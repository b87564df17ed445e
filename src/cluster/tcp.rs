//! What every TCP connection of a Manager to another one, or to an agent, has in common.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// How long the far end may leave unconfirmed what was sent to it. A host that lost its power, and a network that swallows
/// packets, say nothing; without a bound the kernel tries for a quarter of an hour, with ever longer pauses, which go on when
/// the network is whole again. Who waits for something long, as for a checkpoint to be installed, would wait with it.
const UNCONFIRMED_MAX_MS: u32 = 10_000;
/// Nothing was heard for so long: then the far end is asked whether it is there, that often.
const ASKED_AFTER: Duration = Duration::from_secs(5);
const ASKED_EVERY: Duration = Duration::from_secs(2);

/// Has what is written sent at once, and the connection end when nobody is at its far end any more.
pub(crate) fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    sockopt::set_tcp_user_timeout(tcp, UNCONFIRMED_MAX_MS)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, ASKED_AFTER)?;
    sockopt::set_tcp_keepintvl(tcp, ASKED_EVERY)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_has_all_of_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        prepare(&tcp).unwrap();
        assert!(tcp.nodelay().unwrap() && sockopt::socket_keepalive(&tcp).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&tcp).unwrap(), UNCONFIRMED_MAX_MS);
        assert_eq!(sockopt::tcp_keepidle(&tcp).unwrap(), ASKED_AFTER);
        assert_eq!(sockopt::tcp_keepintvl(&tcp).unwrap(), ASKED_EVERY);
    }
}
