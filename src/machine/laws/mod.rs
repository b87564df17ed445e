//! The machine's laws, tested on walks: random stories told to real machines.
//!
//! A walk that breaks a law is shrunk to the shortest one that does and printed as a story; keep it as a golden
//! script before fixing what it found.

mod bytes;
mod facts;
mod golden;
mod log;
mod secrets;
mod walks;
