//! Tests in which the point is a process: real `km` binaries, real TLS, real disks, real signals.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start processes, end them, and stop at the first surprise"
)]

mod agents;
mod alone;
mod balancer;
mod calling;
mod command_line;
mod damage;
mod demo_services;
mod disk_full;
mod ending;
mod failing_disk;
mod hosts;
mod joining;
mod load_balancer;
mod logs;
mod lost_hosts;
mod no_manager;
mod no_quorum;
mod on_hosts;
mod one_active;
mod operating;
mod over_ssh;
mod patience;
mod planned_loss;
#[path = "../support/postgres.rs"]
mod postgres;
mod prechecks;
mod restart_active;
mod secrets;
mod service_alerts;
mod services;
mod starting;
mod support;
mod three_managers;
mod zookeeper_away;
mod zookeeper_lost;
mod zookeeper_unwanted;
