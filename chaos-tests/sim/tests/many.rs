//! A run that leaves no report is told from one that found something, and seeds that fail are kept as they are read.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use simulation::apart::{self, NoReport};
use simulation::disk::Lie;
use simulation::kept;
use simulation::many::{self, Seed};

use super::{finds, program};

const SEED: Seed = Seed { seed: 1, seconds: 20 };
const PANIC: &[u8] = b"thread 'main' panicked at src/x.rs:1:1:\nlost\n";

/// As the kernel tells of a process that ended with this code.
fn exit(code: i32) -> ExitStatus {
    ExitStatus::from_raw(code << 8)
}

#[test]
fn a_program_that_is_not_there_or_takes_no_such_argument_finds_no_lie() {
    for program in ["/no/such/program", "/bin/false"] {
        let run = apart::run(Path::new(program), SEED, Some(Lie::ForgetsVotes));
        assert!(matches!(run, Err(NoReport::Failed(_))), "{run:?}");
        assert!(finds(run).is_err());
    }
    let told = apart::report_in(exit(2), b"no place for homes: no space left\n", b"");
    assert!(finds(told).unwrap_err().contains("no place for homes"));
}

#[test]
fn a_panic_that_took_the_run_down_finds_it() {
    let run = apart::report_in(exit(101), b"", PANIC);
    assert!(matches!(&run, Err(NoReport::Panicked(said)) if said.contains("lost")), "{run:?}");
    assert_eq!(finds(run), Ok(true));
}

#[test]
fn a_run_that_a_signal_ended_finds_no_lie_whatever_it_said_before() {
    let run = apart::report_in(ExitStatus::from_raw(9), b"", PANIC);
    assert!(matches!(&run, Err(NoReport::Signalled(9, _))), "{run:?}");
    let failure = finds(run).unwrap_err();
    assert!(failure.contains("ended by signal 9") && failure.contains("lost"), "{failure}");
}

#[test]
fn a_run_that_takes_too_long_is_killed_and_finds_no_lie() {
    let longest = Duration::from_millis(1);
    let run = apart::run_within(longest, &program(), SEED, Some(Lie::ForgetsVotes));
    assert!(matches!(&run, Err(NoReport::Late(_))), "{run:?}");
    assert!(finds(run).unwrap_err().contains("no report in time"));
}

#[test]
fn many_come_to_an_end_when_no_run_leaves_a_report() {
    let seeds = (1..).map(|seed| Seed { seed, seconds: 50 });
    let sum = many::all(Path::new("/bin/false"), seeds, 1, &|_| ());
    assert!(sum.is_given_up());
    assert_eq!((sum.runs, sum.failed.len()), (0, 20));
}

#[test]
fn a_line_that_is_kept_is_read_again() {
    let violations = ["several are Active # twice\nmore".to_owned()];
    let line = kept::line(SEED, "abc", &violations);
    assert_eq!(line, "1 20 # at abc: several are Active # twice\n");
    assert_eq!(kept::read(&line), [SEED]);
}
