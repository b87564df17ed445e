//! How the scripts speak of access. Passwords and tokens are words; what stands for their hashes is made of them.

use super::command::Command;
use super::model::Role;
use crate::base::{Digest, Timestamp};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &[
    "create-user",
    "change-user",
    "delete-user",
    "sign-in",
    "wrong-password",
    "sign-out",
    "create-token",
    "delete-token",
];

/// `create-user NAME ROLE [password=]` · `change-user NAME [role=] [active=] [password=] [expect=@N]` ·
/// `delete-user NAME [expect=@N]` · `sign-in NAME SESSION checked=@N` · `wrong-password NAME` · `sign-out SESSION` ·
/// `create-token NAME TOKEN ROLE [ttl=MS]` · `delete-token @N`
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "create-user" => Command::CreateUser {
            username: words.next(),
            role: role(&words.next()),
            password_hash: hash(&words.option("password").unwrap_or_else(|| "secret".into())),
        },
        "change-user" => Command::ChangeUser {
            username: words.next(),
            role: words.option("role").map(|name| role(&name)),
            active: words.read_option("active"),
            password_hash: words.option("password").map(|password| hash(&password)),
            expect: words.read_option("expect"),
        },
        "delete-user" => {
            let username = words.next();
            Command::DeleteUser { username, expect: words.read_option("expect") }
        }
        "sign-in" => {
            let (username, digest) = (words.next(), words.digest());
            let checked = words.read_option("checked").expect("checked=@N");
            Command::OpenSession { username, checked, digest }
        }
        "wrong-password" => Command::CountFailure { username: words.next() },
        "sign-out" => Command::CloseSession { digest: words.digest() },
        "create-token" => {
            let (name, digest, role) = (words.next(), words.digest(), role(&words.next()));
            Command::CreateToken { name, digest, role, ttl_ms: words.read_option("ttl") }
        }
        "delete-token" => Command::DeleteToken { id: words.revision() },
        other => panic!("access knows no {other}"),
    }
}

/// `show access user NAME` · `show access who TOKEN`
pub(crate) fn show(state: &State, words: &mut Words, at: Timestamp) -> Vec<String> {
    let facts = &state.access;
    match words.next().as_str() {
        "user" => {
            let name = words.next();
            let Some(user) = facts.users.get(&name) else { return vec![format!("no user {name}")] };
            let lock = user.locked_until.map(|until| format!(", locked until {until:?}"));
            let (failures, lock) = (user.failures, lock.unwrap_or_default());
            vec![format!("{name}: {}, {failures} wrong passwords{lock}", user.in_words())]
        }
        "who" => {
            let token = words.next();
            match facts.identify(Digest::of(token.as_bytes()), at) {
                Some(who) => vec![format!("{token} is {} as {}", who.actor, who.role.as_str())],
                None => vec![format!("{token} is nobody")],
            }
        }
        other => panic!("access cannot show {other}"),
    }
}

fn role(name: &str) -> Role {
    Role::named(name).expect("a role")
}

fn hash(password: &str) -> String {
    format!("$hash${password}")
}

#[test]
fn the_scripts_of_access_tell_what_happens() {
    tell_all_of("access");
}
