//! The Disaster Recovery script: one text for the whole group, made of its facts alone, so that every Manager
//! knows its version.

use crate::machine::State;

/// The script as it is shipped; what it knows of the group stands where `@GROUP@` and `@MEMBERS@` are.
const TEMPLATE: &str = include_str!("recovery.sh");

/// The script for this group. It changes when a member comes, goes or moves: then it has to be pushed anew.
pub fn recovery_script(state: &State) -> String {
    let facts = &state.managers;
    let group = facts.group.as_ref();
    let group = group.map(|group| format!("{} {}", group.cluster_id, group.name));
    let members: Vec<String> = facts
        .members
        .iter()
        .map(|(id, member)| {
            let profile = &member.profile;
            let role = member.role.as_str();
            format!("{id} {} {role} {}", profile.host, profile.health_url)
        })
        .collect();
    TEMPLATE
        .replace("@GROUP@", &group.unwrap_or_default())
        .replace("@MEMBERS@", &members.join("\n"))
}
