//! Whose digest is taken at the chosen revision.

use simulation::comparing::Comparing;

#[test]
fn whoever_comes_to_the_chosen_revision_later_is_compared_there_once_in_each_run() {
    let mut comparing = Comparing::at(Some(7));
    assert!(comparing.takes(0, 1, 7));
    assert!(!comparing.takes(1, 1, 6));
    assert!(comparing.takes(1, 1, 7));
    assert!(!comparing.takes(1, 1, 7));
    assert!(!comparing.takes(1, 2, 8));
    assert!(comparing.takes(1, 2, 7));
    assert!(!Comparing::default().takes(0, 1, 0));
}
