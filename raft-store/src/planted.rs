//! Mistakes that are planted on purpose, one at a time, to see whether the chaos runs find them.
//!
//! Only a build with the feature `planted-bugs` can make them, and says so wherever it says what it is. In every
//! other build [`planted`] is a constant no, and nothing of this is left. Which mistake such a build makes is chosen
//! once for the life of the process, by the variable `PLANTED_BUG`; without it the build behaves as it should.
//! What each name means, and how it was found, stands in `docs/reliability.md`.

macro_rules! bugs {
    ($($name:literal: $bug:ident,)*) => {
        /// A mistake that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($bug,)* }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// How it is called outside.
            pub fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)* }
            }
        }
    };
}

bugs! {
    "answer-before-flush": AnswerBeforeFlush,
    "flush-without-fsync": FlushWithoutFsync,
    "vote-not-persisted": VoteNotPersisted,
    "reads-from-local-state": ReadsFromLocalState,
    "active-by-raft-state": ActiveByRaftState,
    "epoch-is-term": EpochIsTerm,
    "lease-on-wall-clock": LeaseOnWallClock,
    "no-lease-check-after-pause": NoLeaseCheckAfterPause,
    "agent-forgets-epoch": AgentForgetsEpoch,
    "no-dedupe": NoDedupe,
    "checkpoint-without-answers": CheckpointWithoutAnswers,
    "forward-twice": ForwardTwice,
    "timeout-told-as-failed": TimeoutToldAsFailed,
    "watch-resumes-late": WatchResumesLate,
    "watch-before-commit": WatchBeforeCommit,
    "checkpoint-without-tombstones": CheckpointWithoutTombstones,
    "truncation-cuts-committed": TruncationCutsCommitted,
    "number-reused": NumberReused,
    "session-lost-at-failover": SessionLostAtFailover,
    "last-entry-lost": LastEntryLost,
}

/// Said by a build that can make mistakes, wherever it says what it is.
pub const WARNING: Option<&str> = match cfg!(feature = "planted-bugs") {
    true => Some("holds planted bugs: for tests only, never for data"),
    false => None,
};

/// Whether this process makes this mistake.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn planted(_bug: Bug) -> bool {
    false
}

/// Whether this process makes this mistake.
///
/// # Panics
/// When the variable names none: a run that meant to have one would pass for nothing.
#[cfg(feature = "planted-bugs")]
pub fn planted(bug: Bug) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("PLANTED_BUG").ok()?;
        let known = Bug::ALL.iter().find(|bug| bug.name() == name);
        Some(*known.unwrap_or_else(|| panic!("PLANTED_BUG={name} is none of {:?}", Bug::ALL)))
    });
    *chosen == Some(bug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn twenty_mistakes_have_twenty_names() {
        let names: BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), 20);
    }

    #[test]
    #[cfg(not(feature = "planted-bugs"))]
    fn a_build_as_it_is_shipped_makes_none_of_them() {
        assert_eq!(WARNING, None);
        assert!(Bug::ALL.iter().all(|bug| !planted(*bug)));
    }
}
