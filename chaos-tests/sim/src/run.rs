//! One run, from the founding to the verdict: things go wrong, everything is healed, the group must come back, then all
//! power is cut at once and everything acknowledged must still be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chaos_tests::checker::{Finding, Valid, linearizable, revision, set};
use chaos_tests::history::{Action, Line, Outcome};
use kyvos_manager::base::{Digest, ManagerId, Revision};
use kyvos_manager::capabilities::managers::model::{Command, FOUNDER, Group as GroupFacts, Role};
use kyvos_manager::capabilities::properties::model as properties;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::cluster::{Draft, Founding, Group};
use kyvos_manager::machine;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bugs;
use crate::plan::{Plan, Wanted};
use crate::world::World;

const SECOND: u64 = 1_000_000;
/// Longest time each step of the founding may take.
const FOUNDING: u64 = 30 * SECOND;
/// Longest time the group may take to serve again through every Manager after the last fault.
pub const RECOVERY: u64 = 10 * SECOND;
/// Longest time until every member has everything, after that.
const CONVERGENCE: u64 = 20 * SECOND;

/// What came of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    /// Equal for equal runs.
    pub trace: String,
    pub simulated_s: f64,
    pub acknowledged: u64,
    pub unknown: u64,
    pub reads: u64,
    /// Acts that agents let through, kept out, and broke off.
    pub effects: u64,
    pub kept_out: u64,
    pub broken_off: u64,
    pub elections: u64,
    pub tenures: u64,
    /// Members that came on the spare host, got a vote, and were removed.
    pub visits: u64,
    pub recovery_ms: u64,
    pub faults: BTreeMap<String, u64>,
    /// Nothing: all was well.
    pub violations: Vec<String>,
}

/// Makes the run.
pub fn run(wanted: &Wanted, homes: PathBuf, told: bool) -> Report {
    bugs::watch();
    chance::begin(wanted.seed);
    let mut world = World::new(Plan::draw(wanted), homes, told);
    let mut recovery = 0;
    if let Err(failure) = phases(&mut world, &mut recovery) {
        world.ledger().violated(failure);
    }
    bugs::seen().into_iter().for_each(|panic| world.ledger().violated(panic));
    outcome(&world, recovery)
}

fn phases(world: &mut World, recovery: &mut u64) -> Result<(), String> {
    found(world)?;
    let until = world.now() + world.plan.seconds * SECOND;
    world.nemesis.next_at = world.now() + SECOND;
    while world.now() < until && !world.is_violated() {
        world.trouble();
        world.step();
    }
    if world.is_violated() {
        return Ok(());
    }
    *recovery = recover(world)?;
    converge(world)?;
    (0..world.members.len()).for_each(|member| world.crash(member, true));
    let dark_until = world.now() + SECOND;
    while world.now() < dark_until {
        world.step();
    }
    (0..world.members.len()).for_each(|member| world.start(member));
    if !world.until(RECOVERY, |world| world.active().is_some()) {
        return Err("nobody is Active after all power was cut".to_owned());
    }
    converge(world)?;
    judge(world);
    Ok(())
}

fn found(world: &mut World) -> Result<(), String> {
    world.members[0].node = FOUNDER.0;
    let (cluster_id, disk_id) =
        (world.members[0].identity().cluster_id, world.members[0].disk_id());
    world.members[0].home().begin_promising().map_err(|failure| failure.to_string())?;
    world.start(0);
    let group = GroupFacts {
        cluster_id,
        name: "simulated".into(),
        ca_pem: "none".into(),
        sealed_ca_key: vec![0],
    };
    let founder = group_of(world, 0)?;
    let founding = async move { founder.found(Founding { group, disk_id }).await };
    world.drive(0, founding, FOUNDING)?.map_err(|failure| failure.to_string())?;
    let ha = properties::Command::Set {
        file: File::KyvosManager,
        name: "ENABLE_KM_HA".into(),
        value: "yes".into(),
        expect: None,
        reverts_to: None,
    };
    agree(world, ha.into())?;
    for member in 1..world.plan.founders {
        admit(world, member)?;
    }
    Ok(())
}

fn admit(world: &mut World, member: usize) -> Result<(), String> {
    let (role, profile) = (world.members[member].role, world.members[member].profile());
    let disk_id = world.members[member].disk_id();
    let token = Digest::of(&member.to_be_bytes());
    agree(world, Command::CreateJoinToken { digest: token, role, ttl_ms: 60_000 }.into())?;
    let number = agree(world, Command::Admit { token, role, profile, disk_id }.into())?;
    world.members[member].node = number.0;
    world.members[member].home().begin_promising().map_err(|failure| failure.to_string())?;
    world.start(member);
    let leader = world.leader().ok_or("nobody leads")?;
    let (group, node) = (group_of(world, leader)?, ManagerId(number.0));
    let let_in = async move {
        group.add_learner(node).await?;
        group.promote(node).await
    };
    world.drive(leader, let_in, FOUNDING)?.map_err(|failure| failure.to_string())
}

fn group_of(world: &World, member: usize) -> Result<Group, String> {
    let process = world.members[member].process.as_ref();
    process.map(|process| process.group.clone()).ok_or_else(|| "it does not run".to_owned())
}

/// The group agrees on a command while nothing is wrong.
fn agree(world: &mut World, command: machine::Command) -> Result<Revision, String> {
    let group = group_of(world, 0)?;
    let draft = Draft::own(group.here(), command);
    let settled = world.drive(0, async move { group.propose(draft).await }, FOUNDING)?;
    let answer = settled.map_err(|failure| failure.to_string())?.answer;
    answer.into_result().map_err(|refusal| refusal.detail)
}

/// Everything is healed: how long it took until every Manager took a change again.
fn recover(world: &mut World) -> Result<u64, String> {
    world.heal();
    let healed = world.now();
    if !world.until(RECOVERY, |world| world.active().is_some()) {
        return Err(format!("nobody is Active within {} s", RECOVERY / SECOND));
    }
    for member in 0..world.plan.founders {
        if world.plan.roles[member] == Role::Witness {
            continue;
        }
        let name = format!("recovered.{member}");
        let change = properties::Command::Set {
            file: File::Custom,
            name,
            value: "yes".into(),
            expect: None,
            reverts_to: None,
        };
        let left = (healed + RECOVERY).saturating_sub(world.now());
        let mut taken = false;
        while !taken && world.now() < healed + RECOVERY {
            let group = group_of(world, member)?;
            let draft = Draft::own(group.here(), change.clone());
            let settled = world.drive(member, async move { group.propose(draft).await }, left);
            taken = settled.is_ok_and(|settled| settled.is_ok());
        }
        if !taken {
            return Err(format!("member {member} takes no change within {} s", RECOVERY / SECOND));
        }
    }
    Ok((world.now() - healed) / 1000)
}

/// Clients come to rest, everybody votes, everybody has everything.
fn converge(world: &mut World) -> Result<(), String> {
    world.clients.at_rest = true;
    let deadline = world.now() + CONVERGENCE;
    if !world.until(CONVERGENCE, |world| world.clients.all_answered()) {
        return Err("a client waits for ever".to_owned());
    }
    let mut next_look = world.now();
    while world.now() < deadline && !world.is_violated() {
        world.step();
        if world.now() < next_look {
            continue;
        }
        next_look = world.now() + SECOND / 10;
        if world.all_vote() && world.facts().len() == 1 && world.active().is_some() {
            return Ok(());
        }
    }
    let facts: Vec<u64> = world.facts().into_iter().map(|(revision, _)| revision).collect();
    Err(format!("the members do not come together: they are at {facts:?}"))
}

/// What clients saw, and what is there in the end.
fn judge(world: &mut World) {
    let operations = &world.clients.done;
    let lines = finals(world);
    let managers: Vec<u64> = lines.iter().filter_map(|line| line.node).collect();
    let findings = [
        linearizable::check(operations),
        revision::check(operations, &lines),
        set::check(operations, &lines, &managers),
    ];
    for Finding { check, valid, because, .. } in findings {
        if valid != Valid::Yes {
            world.ledger().violated(format!("{check}: {valid:?}: {}", because.join("; ")));
        }
    }
}

/// The set as every member has it.
fn finals(world: &World) -> Vec<Line> {
    let of = |member: &crate::member::Member| {
        let process = member.process.as_ref()?;
        let elements: BTreeSet<u64> = process.group.view(|state| {
            let names = state.properties.settings(File::Custom).map(|(name, _)| name);
            names.filter_map(|name| name.strip_prefix("set.")?.parse().ok()).collect()
        });
        Some(Line::of_harness("final", "set", Some(member.place as u64), json!(elements)))
    };
    world.members.iter().filter_map(of).collect()
}

fn outcome(world: &World, recovery_ms: u64) -> Report {
    let ledger = world.ledger();
    let count = |wanted: &dyn Fn(&chaos_tests::history::Operation) -> bool| {
        world.clients.done.iter().filter(|operation| wanted(operation)).count() as u64
    };
    Report {
        seed: world.plan.seed,
        trace: world.trace.hash(),
        simulated_s: world.now() as f64 / SECOND as f64,
        acknowledged: count(&|operation| operation.outcome == Outcome::Done),
        unknown: count(&|operation| {
            operation.outcome == Outcome::Unknown && operation.action != Action::Read
        }),
        reads: count(&|operation| matches!(operation.outcome, Outcome::Seen(_))),
        effects: ledger.acts.let_through,
        kept_out: ledger.acts.kept_out,
        broken_off: ledger.acts.broken_off,
        elections: ledger.elections() as u64,
        tenures: ledger.tenures() as u64,
        visits: world.visit.ended,
        recovery_ms,
        faults: world
            .nemesis
            .counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect(),
        violations: ledger.violations.clone(),
    }
}
