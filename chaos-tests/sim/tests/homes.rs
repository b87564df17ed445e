//! Homes of runs that were killed go with the next run, and no others.

use std::fs;

use simulation::homes;

/// No process has a number like this: the kernel's greatest is four million.
const NOBODY: u32 = 4_294_967_294;

#[test]
fn homes_of_a_process_that_is_gone_are_removed_and_of_one_that_runs_are_not() {
    let running = homes::make().unwrap();
    let within = running.path().parent().unwrap();
    let left = |name: &str| {
        let left = within.join(name);
        fs::create_dir_all(left.join("0")).unwrap();
        left
    };
    let gone = left(&format!("km-sim-{NOBODY}-aB3xY9"));
    let another = left(&format!("km-sim-{NOBODY}-of-somebody"));
    let _next = homes::make().unwrap();
    let (removed, kept) = (!gone.exists(), another.exists());
    fs::remove_dir_all(&another).unwrap();
    assert!(removed && kept, "removed {removed}, kept {kept}");
    assert!(running.path().exists());
}

#[test]
fn only_names_that_are_given_tell_whose_homes_they_are() {
    assert_eq!(homes::pid_in("km-sim-77-aB3xY9"), Some(77));
    let made = homes::make().unwrap();
    let name = made.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(homes::pid_in(name), Some(std::process::id()));
    let others = [
        "km-sim-aB3xY9",
        "km-sim-+77-aB3xY9",
        "km-sim-077-aB3xY9",
        "km-sim-77-aB3xY",
        "km-sim-77-aB-xY9",
        "x-km-sim-77-aB3xY9",
    ];
    for other in others {
        assert_eq!(homes::pid_in(other), None, "{other}");
    }
}
