//! How a member learns that it is none any more: from the log, while entries still reach it, or from any other
//! member, which says so instead of a welcome. What is learned is kept beside the identity, for good.
//!
//! One member's word is enough. It has shown a certificate of the group, and what it goes by is an entry it applied:
//! such an entry is committed, and a number that was taken out of the facts is never given again.

use std::path::PathBuf;

use tokio::sync::watch;

use super::Group;
use super::home::{Home, HomeFailure};
use crate::base::ManagerId;
use crate::capabilities::managers::model::Removal;

/// Longest text of another member that is kept. A reason of ours is far shorter.
const WHY_MAX_CHARS: usize = 1_000;

/// What is told when the mark is there and cannot be read: that it is there says enough.
const UNREADABLE: &str = "this Manager was removed from the group";

/// That this member was removed, once it knows.
pub(crate) struct Farewell(watch::Sender<Option<String>>);

impl Farewell {
    pub(crate) fn unheard() -> Self {
        Farewell(watch::Sender::new(None))
    }

    /// What was heard first stands: later words say the same.
    pub(crate) fn hear(&self, why: &str) {
        self.0.send_if_modified(|heard| {
            let first = heard.is_none();
            heard.get_or_insert_with(|| why.chars().take(WHY_MAX_CHARS).collect());
            first
        });
    }

    pub(crate) fn heard(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    async fn wait(&self) -> String {
        let mut heard = self.0.subscribe();
        let why = heard.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.expect("whoever tells is here as long as we are, and was waited for")
    }
}

/// What a removed member is told.
pub(crate) fn told(id: ManagerId, removal: Option<&Removal>) -> String {
    match removal {
        Some(Removal { because, .. }) => {
            format!("Kyvos Manager {id} was removed from the group: {because}")
        }
        // Only the newest removals are remembered with their reasons.
        None => format!("Kyvos Manager {id} is no member of the group any more"),
    }
}

impl Group {
    /// Waits until this member knows that it was removed; gives the reason as a sentence.
    pub async fn removed(&self) -> String {
        self.core.peers.farewell().wait().await
    }

    /// Takes note of a removal that is in the facts here.
    pub fn note_removal(&self) -> bool {
        let (here, farewell) = (self.here(), self.core.peers.farewell());
        let removal = self.view(|state| state.managers.removed.get(&here).cloned());
        if let Some(removal) = &removal {
            farewell.hear(&told(here, Some(removal)));
        }
        removal.is_some()
    }
}

impl Home {
    /// Keeps for good that the member whose home this is was removed.
    pub fn keep_removal(&self, why: &str) -> Result<(), HomeFailure> {
        let path = self.removal_mark();
        super::private_file::write(&path, why.as_bytes()).map_err(super::home::file(&path))
    }

    /// Why the member whose home this is was removed, if it knows that it was.
    pub fn removal(&self) -> Option<String> {
        let path = self.removal_mark();
        path.exists().then(|| std::fs::read_to_string(path).unwrap_or_else(|_| UNREADABLE.into()))
    }

    fn removal_mark(&self) -> PathBuf {
        self.identity_file("removed")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_what_was_heard_first() {
        let farewell = Farewell::unheard();
        let waiting = tokio::time::timeout(Duration::from_secs(60), farewell.wait());
        assert!(waiting.await.is_err() && farewell.heard().is_none());
        farewell.hear("it was deleted");
        farewell.hear(&"x".repeat(5_000));
        assert_eq!(farewell.wait().await, "it was deleted");
        assert_eq!(farewell.heard().as_deref(), Some("it was deleted"));
    }

    #[test]
    fn a_long_word_of_another_member_is_cut() {
        let farewell = Farewell::unheard();
        farewell.hear(&"ü".repeat(5_000));
        assert_eq!(farewell.heard().unwrap().chars().count(), WHY_MAX_CHARS);
    }

    #[test]
    fn a_removed_member_is_told_by_whom_and_why_as_long_as_that_is_remembered() {
        let removal = Removal {
            host: "km3".into(),
            disk_id: uuid::Uuid::nil(),
            at: Timestamp(1),
            by: "Kyvos Manager 1".into(),
            because: "it was deleted, asked for by admin".into(),
        };
        let (id, all) = (ManagerId(7), told(ManagerId(7), Some(&removal)));
        assert_eq!(
            all,
            "Kyvos Manager 7 was removed from the group: it was deleted, asked for by admin"
        );
        assert_eq!(told(id, None), "Kyvos Manager 7 is no member of the group any more");
    }

    #[test]
    fn the_mark_stays_goes_aside_with_the_identity_and_holds_even_when_it_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.found("test", &["km1.example".to_owned()]).unwrap();
        assert_eq!(home.removal(), None);
        home.keep_removal("it was deleted").unwrap();
        assert_eq!(home.removal().as_deref(), Some("it was deleted"));
        assert!(matches!(home.ask_to_join(), Err(HomeFailure::Removed(_))));
        std::fs::write(dir.path().join("identity/removed"), b"\xff").unwrap();
        assert_eq!(home.removal().as_deref(), Some(UNREADABLE));
        home.put_aside().unwrap();
        assert_eq!(home.removal(), None);
        home.ask_to_join().unwrap();
    }
}
