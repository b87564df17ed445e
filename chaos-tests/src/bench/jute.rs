//! ZooKeeper's own protocol, as far as a benchmark needs it: one session, one request at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::link::What;
use crate::Failure;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const SYNC: i32 = 9;
/// The transaction number of a watch that fired.
const NOTIFICATION: i32 = -1;
const NODE_EXISTS: i32 = -110;
const LASTING: i32 = 0;
const EPHEMERAL: i32 = 1;
const SESSION_TIMEOUT_MS: i32 = 30_000;
/// All permissions, for everybody.
const ACL_ALL: i32 = 31;
/// Longest answer taken; ZooKeeper's own bound on a node is 1 MiB.
const ANSWER_MAX: usize = 2 << 20;

/// One session on one connection.
pub struct Link {
    stream: BufReader<TcpStream>,
    number: i32,
    out: Vec<u8>,
    /// Where in `out` the last request begins.
    begun_at: usize,
    answer: Vec<u8>,
    /// Watches that fired while an answer was waited for.
    fired: usize,
}

impl Link {
    /// Opens a session with the server at `address`.
    pub async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(jute)?;
        stream.set_nodelay(true).map_err(jute)?;
        let stream = BufReader::new(stream);
        let (out, answer) = (Vec::new(), Vec::new());
        let mut link = Self { stream, number: 0, out, begun_at: 0, answer, fired: 0 };
        link.begin();
        link.int(0);
        link.long(0);
        link.int(SESSION_TIMEOUT_MS);
        link.long(0);
        link.bytes(&[0; 16]);
        link.end();
        link.send().await?;
        link.receive().await?;
        Ok(link)
    }

    /// One call on one node.
    pub async fn call(&mut self, what: What, key: u64, value: &str) -> Result<(), Failure> {
        let path = format!("/bench.{key}");
        match what {
            What::Write => self.set(&path, value).await,
            What::LocalRead => self.get(&path, false).await,
            What::Read => {
                // Sent together: the read is answered after the sync has reached this server.
                let (sync, get) = (self.start_sync(&path), self.start_get(&path, false));
                self.send().await?;
                self.answered(sync).await?;
                self.answered(get).await
            }
        }
    }

    /// Makes a node; one that is there already stays.
    pub async fn create(&mut self, path: &str, value: &str) -> Result<(), Failure> {
        self.make(path, value, LASTING).await
    }

    /// Makes a node that goes with this session.
    pub async fn create_ephemeral(&mut self, path: &str) -> Result<(), Failure> {
        self.make(path, "", EPHEMERAL).await
    }

    async fn make(&mut self, path: &str, value: &str, flags: i32) -> Result<(), Failure> {
        let number = self.start(CREATE);
        self.bytes(path.as_bytes());
        self.bytes(value.as_bytes());
        self.int(1);
        self.int(ACL_ALL);
        self.bytes(b"world");
        self.bytes(b"anyone");
        self.int(flags);
        self.end();
        self.send().await?;
        match self.outcome(number).await? {
            0 | NODE_EXISTS => Ok(()),
            error => Err(Failure(format!("create {path}: error {error}"))),
        }
    }

    /// Removes a node.
    pub async fn delete(&mut self, path: &str) -> Result<(), Failure> {
        let number = self.start(DELETE);
        self.bytes(path.as_bytes());
        self.int(-1);
        self.end();
        self.send().await?;
        self.answered(number).await
    }

    /// Sets a node's value.
    pub async fn set(&mut self, path: &str, value: &str) -> Result<(), Failure> {
        let number = self.start(SET_DATA);
        self.bytes(path.as_bytes());
        self.bytes(value.as_bytes());
        self.int(-1);
        self.end();
        self.send().await?;
        self.answered(number).await
    }

    /// Reads a node, and leaves a watch on it if asked to.
    pub async fn get(&mut self, path: &str, watch: bool) -> Result<(), Failure> {
        let number = self.start_get(path, watch);
        self.send().await?;
        self.answered(number).await
    }

    /// Waits until a watch of this session fires.
    pub async fn notified(&mut self) -> Result<(), Failure> {
        while self.fired == 0 {
            self.next_answer().await?;
        }
        self.fired -= 1;
        Ok(())
    }

    fn start_sync(&mut self, path: &str) -> i32 {
        let number = self.start(SYNC);
        self.bytes(path.as_bytes());
        self.end();
        number
    }

    fn start_get(&mut self, path: &str, watch: bool) -> i32 {
        let number = self.start(GET_DATA);
        self.bytes(path.as_bytes());
        self.out.push(u8::from(watch));
        self.end();
        number
    }

    async fn answered(&mut self, number: i32) -> Result<(), Failure> {
        match self.outcome(number).await? {
            0 => Ok(()),
            error => Err(Failure(format!("error {error}"))),
        }
    }

    async fn outcome(&mut self, number: i32) -> Result<i32, Failure> {
        loop {
            let (answered, error) = self.next_answer().await?;
            if answered == number {
                return Ok(error);
            }
        }
    }

    /// The request an answer is for, and its error.
    async fn next_answer(&mut self) -> Result<(i32, i32), Failure> {
        self.receive().await?;
        let head = self.answer.first_chunk::<16>();
        let head = head.ok_or_else(|| Failure("a short answer".into()))?;
        let [a, b, c, d, .., w, x, y, z] = *head;
        let number = i32::from_be_bytes([a, b, c, d]);
        self.fired += usize::from(number == NOTIFICATION);
        Ok((number, i32::from_be_bytes([w, x, y, z])))
    }

    fn start(&mut self, kind: i32) -> i32 {
        self.number += 1;
        let number = self.number;
        self.begin();
        self.int(number);
        self.int(kind);
        number
    }

    /// Leaves room for the length, behind whatever is not sent yet.
    fn begin(&mut self) {
        self.begun_at = self.out.len();
        self.int(0);
    }

    fn end(&mut self) {
        let (_, request) = self.out.split_at_mut(self.begun_at);
        let length = i32::try_from(request.len() - 4).expect("requests are short");
        request[..4].copy_from_slice(&length.to_be_bytes());
    }

    fn int(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn long(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.int(i32::try_from(value.len()).expect("values are short"));
        self.out.extend_from_slice(value);
    }

    async fn send(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.out).await.map_err(jute)?;
        self.out.clear();
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        let length = self.stream.read_u32().await.map_err(jute)? as usize;
        if length > ANSWER_MAX {
            return Err(Failure("an answer is too long".into()));
        }
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer).await.map_err(jute).map(drop)
    }
}

fn jute(error: impl std::fmt::Display) -> Failure {
    Failure(format!("zookeeper: {error}"))
}
