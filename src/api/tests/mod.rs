//! Tests of the whole surface: requests go into the router, the real state machine answers.

mod client;
mod control;
mod group;

mod access;
mod bad_input;
mod events;
mod health;
mod hosts;
mod logs;
mod no_active;
mod on_hosts;
mod pages;
mod prechecks;
mod properties;
mod services;
mod shape;
mod without_quorum;
