//! What a member has applied since it was looked at last, in numbers small enough to be compared after every step.
//!
//! This costs what was applied and not what there is, so facts that went apart are found where they did. Of what a change
//! made of the facts only the properties are looked at, and only while it is the last one: a digest of everything shows the
//! rest a little later, unless it was overwritten meanwhile.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use futures::FutureExt;
use kyvos_manager::base::Revision;
use kyvos_manager::capabilities::properties::{model as properties, schema::File};
use kyvos_manager::cluster::Group;
use kyvos_manager::machine::{Change, Event, State, history_bytes};

/// What was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Revision by revision what changed there; `None`: nothing did. What came in a checkpoint is not in it.
    pub changes: Vec<(u64, Option<u64>)>,
    /// The last revision, and the sum of how the facts came to be what they are there.
    pub sum: (u64, u64),
    /// The properties that the last revision's change names, as they are then; `None`: that change was not seen.
    pub settings: Option<u64>,
}

/// What was applied after a revision, which may be 0, up to where the member is now.
pub fn since(group: &Group, after: u64) -> Applied {
    let sum = group.view(|state| (state.kernel.revision.0, sum_of(state)));
    let feed = group.feed();
    let (after, subscription) = match feed.subscribe(Some(Revision(after))) {
        Ok(subscription) => (after, Some(subscription)),
        Err(old) => (old.floor.0, feed.subscribe(Some(old.floor)).ok()),
    };
    let (mut changes, mut next, mut settings) = (Vec::new(), after + 1, None);
    let nothing = |revisions: Range<u64>| revisions.map(|revision| (revision, None));
    if let Some(mut subscription) = subscription {
        // What was told already is there at once, in order.
        while let Some(Ok(change)) = subscription.next().now_or_never() {
            let revision = change.revision.0;
            changes.extend(nothing(next..revision));
            changes.push((revision, Some(hash(&history_bytes(change.as_ref())))));
            next = revision + 1;
            if revision == sum.0 {
                settings = Some(group.view(|state| settings_of(state, &change)));
            }
        }
    }
    changes.extend(nothing(next..sum.0 + 1));
    Applied { changes, sum, settings }
}

fn settings_of(state: &State, change: &Change) -> u64 {
    let named = change.events.iter().filter_map(|event| match event {
        Event::Properties(
            properties::Event::Set { file, name, .. } | properties::Event::Reset { file, name },
        ) => Some(history_bytes(&state.properties.setting(*file, name))),
        _ => None,
    });
    hash(&named.collect::<Vec<_>>())
}

/// The audit's head stands for everything that was ever asked, and for what was answered and found there.
fn sum_of(state: &State) -> u64 {
    let (kernel, managers) = (&state.kernel, &state.managers);
    hash(&(
        kernel.audit_head.0,
        (kernel.clock.0, kernel.level.0, managers.epoch().0),
        (managers.members.len(), managers.join_tokens.len(), managers.removed.len()),
        (state.properties.count(File::Custom), state.properties.count(File::KyvosManager)),
    ))
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
