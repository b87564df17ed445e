//! Law of secrets: what stands for a password or key is kept, and never seen again.

use crate::base::ManagerId;
use crate::machine::laws::walks::{Step, log, told};
use crate::machine::{Actor, State, digest};

const SECRET: &str = "correct-horse-battery-staple";
/// The key's bytes in a script's founding, as a derived Debug would print them.
const KEY: &str = "7, 7, 7";

/// A story in which every command that carries a secret carries one.
fn story() -> Vec<Step> {
    let lines = [
        "managers found km1 key_bytes=64".to_owned(),
        format!("access create-user u0 administrator password={SECRET}"),
        format!("access create-user u0 auditor password={SECRET}"),
        format!("access create-user u1 auditor password={SECRET}"),
        format!("access change-user u1 password={SECRET}"),
        format!("access change-user u9 password={SECRET}"),
        format!("access sign-in u1 {SECRET} checked=5"),
        format!("access sign-in u1 {SECRET} checked=1"),
        format!("access sign-out {SECRET}"),
        format!("access create-token ci {SECRET} auditor"),
        format!("managers create-join-token {SECRET} manager"),
        "properties set kyvos-manager/ENABLE_KM_HA yes".to_owned(),
        format!("managers create-join-token {SECRET} manager"),
        format!("managers admit {SECRET} manager km2"),
        format!("managers admit {SECRET} manager km3"),
        "hosts set-ssh-key public key_bytes=64".to_owned(),
        "hosts register km1 agent".to_owned(),
        format!("hosts invite 17 {SECRET}"),
        format!("hosts enrol 17 {SECRET} km1:7445"),
        "services set-access ca=AAAA certificate=BBBB key_bytes=64 username=u password_bytes=64"
            .to_owned(),
        "alerts add-channel w webhook https://h secret_bytes=64".to_owned(),
        "alerts add-channel m email h:25 a@b username=u password_bytes=64".to_owned(),
    ];
    let step = |(line, request): (String, u64)| Step {
        line,
        at: 1,
        by: Actor::Manager(ManagerId(1)),
        leader: 1,
        term: 1,
        request,
        fence: None,
    };
    lines.into_iter().zip(0..).map(step).collect()
}

// row 59
#[test]
fn no_secret_is_printed_told_or_audited() {
    let story = story();
    let mut state = State::default();
    let applied = told(&mut state, &log(&story));
    let printed: Vec<String> = story.iter().map(|step| format!("{:?}", step.proposal())).collect();
    let told = format!("{applied:?}");
    for seen in printed.iter().chain([&told, &format!("{state:?}")]) {
        assert!(!seen.contains(SECRET) && !seen.contains(KEY), "{seen}");
    }
    for row in applied.iter().flat_map(|applied| &applied.rows) {
        let text = String::from_utf8_lossy(&row.value);
        assert!(!text.contains(SECRET), "{text}");
    }
    for answer in applied.iter().filter_map(|applied| applied.answer.as_ref()) {
        let bytes = answer.encode();
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET));
    }
    assert_ne!(digest(&state), digest(&State::default()));
}
