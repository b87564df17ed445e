//! Tests of the whole surface: requests go into the router, the real state machine answers.

mod client;
mod control;
mod group;

mod access;
mod alerts;
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
mod schedules;
mod services;
mod services_counted;
mod services_ha;
mod services_operated;
mod shape;
mod without_quorum;
