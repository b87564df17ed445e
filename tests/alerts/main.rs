//! Alerts told for real: to a program over HTTP and HTTPS, and to Debian's aiosmtpd in the clear, by STARTTLS and over TLS.
//! Installed by `scripts/install-mail`. Nothing here waits for a time: every story waits for what it tells of.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]
#![allow(unreachable_pub, reason = "its files are parts of one program")]

#[path = "../support/mod.rs"]
mod support;

mod mailbox;
mod receiver;
mod stage;

mod mail;
mod webhook;
