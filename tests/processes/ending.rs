//! Asked to end while it ends anyway in order to begin anew: it is not found there again.

use rustix::process::Signal;

use super::alone::Alone;
use super::support::{signal, until};

/// How often the question is put: each time it comes at another moment of the ending.
const TIMES: usize = 5;

#[test]
fn a_manager_that_is_asked_to_end_while_it_begins_anew_does_not_begin() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    manager.stop();
    for _ in 0..TIMES {
        // What it begins anew for: `tests/processes/damage.rs`.
        std::fs::remove_file(manager.data().join("identity/clocks.json")).unwrap();
        let said = manager.said().len();
        manager.start();
        let since = |manager: &Alone| manager.said()[said..].to_owned();
        until("it to begin anew", || since(&manager).contains("beginning anew"));
        signal(manager.pid(), Signal::TERM);
        // In good order, or by the signal where that found the next process before it listened. Were it forgotten, this would wait in vain.
        manager.ended();
    }
    manager.start();
    until("it to answer", || manager.answers());
}
