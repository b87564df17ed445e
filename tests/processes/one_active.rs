//! At most one Active, asked of real processes while they are paused and killed.

use rustix::process::Signal;

use super::support::{Demo, Sampler, active_epoch, assert_one_active, signal, until};

// rows 47, 91
#[test]
fn a_paused_active_is_not_active_when_it_wakes_up_and_never_overlaps_its_successor() {
    let demo = Demo::start(3);
    let (active, _) = demo.roles();
    let sampler = Sampler::start(&demo.managers);
    let pid = demo.pid(active.id);
    let old_epoch = active_epoch(&active).unwrap();

    signal(pid, Signal::STOP);
    let next = demo.successor_of(active.id);
    assert!(active_epoch(&next).unwrap() > old_epoch);
    signal(pid, Signal::CONT);
    for _ in 0..20 {
        assert_eq!(active_epoch(&active), None, "it woke up and claims an office it has lost");
    }
    demo.ask(&[&active], ["properties", "set", "custom", "greeting", "forwarded"]).json();

    demo.kill(&next);
    demo.successor_of(next.id);
    let claims = sampler.stop();
    let mut epochs: Vec<_> = claims.iter().map(|claim| claim.epoch).collect();
    epochs.sort_unstable();
    epochs.dedup();
    assert!(epochs.len() >= 3, "the test saw too little: {epochs:?}");
    assert_one_active(&claims);
}

// row 68
#[test]
fn a_group_of_one_is_active_by_itself() {
    let demo = Demo::start(1);
    until("it to be Active", || demo.active().is_some());
    let explained = demo.ask_any(["explain", "active"]).json();
    assert!(explained["rules"].as_array().unwrap().iter().all(|rule| rule["pass"] == true));
}
