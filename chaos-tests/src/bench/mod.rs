//! How fast: our Managers, etcd and ZooKeeper side by side on one machine, under the same work.
//!
//! ```text
//! group (km | etcd | zookeeper: starts and stops three nodes) ──→ link (one kept connection) ──→ load (closed loop)
//! steady · failover · handover · restarts · resting · watchers · scale (on a fleet, before a browser): one measure a file ──→ row ──→ report
//! ```
//!
//! Absolute figures of a shared machine mean little, so all systems are measured within the same minutes, round by
//! round, with a disk sample beside each row, and the report compares medians. Nothing is tuned on any side: what
//! ships is what runs. Ours speaks HTTPS, the others plain TCP, as their packages do.

pub mod browser;
pub mod calm;
pub mod etcd;
pub mod failover;
pub mod fleet;
pub mod group;
pub mod grpc;
pub mod handover;
pub mod https;
pub mod jute;
pub mod km;
pub mod link;
pub mod load;
pub mod machine;
pub mod nodes;
pub mod report;
pub mod restarts;
pub mod resting;
pub mod row;
pub mod scale;
pub mod steady;
pub mod watchers;
pub mod zookeeper;
