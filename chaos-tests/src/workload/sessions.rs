//! Sessions: people sign in at one Manager, are known at every Manager across whatever is broken, sign out, and are
//! known nowhere any more. `checker/sessions.rs` judges it.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Asked, Shared, Worker};
use crate::Failure;
use crate::client::{Answer, Call, Client, Reply};

/// Looks from a sign-in to its sign-out.
const LOOKS: std::ops::Range<u32> = 4..24;
/// Looks after the sign-out.
const LOOKS_AFTER: u32 = 6;
const BETWEEN_MS: std::ops::Range<u64> = 30..400;
/// One user signs in ten times at once at each Manager and then every six seconds.
const BETWEEN_SIGN_INS: Duration = Duration::from_millis(1_500);
/// How often a sign-in or sign-out of unknown outcome is repeated under its key.
const TRIES: u32 = 5;
/// "I do not know you" is an answer here and no failure.
const EXPECTED: &[(u16, &str)] = &[(401, "UNAUTHENTICATED"), (429, "TOO_MANY_LOGINS")];

/// Somebody who signs in.
#[derive(Clone, Debug)]
pub struct Person {
    pub username: String,
    pub password: String,
}

/// Makes so many people, before anything is broken.
pub async fn people(client: &Client, count: u32) -> Result<Vec<Person>, Failure> {
    let mut people = Vec::new();
    for nth in 1..=count {
        let person =
            Person { username: format!("person-{nth}"), password: format!("password of {nth}") };
        let body = json!({
            "username": person.username, "password": person.password, "role": "auditor",
        });
        match client.send(Call::change(Method::POST, "/users", Some(body))).await {
            Reply::Done(_) => people.push(person),
            other => return Err(Failure(format!("make a user: {other:?}"))),
        }
    }
    Ok(people)
}

/// Signs in and out until told to stop.
pub async fn run(shared: Arc<Shared>, number: u64, person: Person) {
    let mut visitor = Visitor { worker: Worker::new(&shared, number), person, visits: 0 };
    while shared.going_on() {
        visitor.visit().await;
        sleep(BETWEEN_SIGN_INS).await;
    }
}

struct Visitor {
    worker: Worker,
    person: Person,
    visits: u64,
}

impl Visitor {
    async fn visit(&mut self) {
        self.visits += 1;
        let session = format!("{}.{}", self.person.username, self.visits);
        let Some(token) = self.sign_in(&session).await else { return };
        let looks = self.worker.random.random_range(LOOKS);
        self.look(&session, &token, looks).await;
        self.sign_out(&session, &token).await;
        self.look(&session, &token, LOOKS_AFTER).await;
    }

    /// The token, once it is known. A repetition under the same key shows the same one.
    async fn sign_in(&mut self, session: &str) -> Option<Arc<str>> {
        let Person { username, password } = &self.person;
        let body = json!({ "username": username, "password": password });
        let mut call = Call::change(Method::POST, "/login", Some(body));
        call.request = Some(self.worker.new_request());
        for _ in 0..TRIES {
            let at = self.worker.any().with_token("".into());
            match self.worker.ask(asked("login", session, |_| Value::Null), &at, call.clone()).await
            {
                Reply::Done(answer) => return answer.body["token"].as_str().map(Into::into),
                Reply::Refused { .. } => return None,
                Reply::Untried(_) | Reply::Unknown(_) => {}
            }
        }
        None
    }

    /// Asks Managers whether they know who this is.
    async fn look(&mut self, session: &str, token: &Arc<str>, times: u32) {
        for _ in 0..times {
            if !self.worker.shared.going_on() {
                return;
            }
            let at = self.worker.any().with_token(token.clone());
            let name = |answer: &Answer| answer.body["username"].clone();
            self.worker.ask(asked("me", session, name), &at, Call::get("/me")).await;
            let between_ms = self.worker.random.random_range(BETWEEN_MS);
            sleep(Duration::from_millis(between_ms)).await;
        }
    }

    async fn sign_out(&mut self, session: &str, token: &Arc<str>) {
        let mut call = Call::change(Method::POST, "/logout", None);
        call.request = Some(self.worker.new_request());
        for _ in 0..TRIES {
            let at = self.worker.any().with_token(token.clone());
            let out = asked("logout", session, |_| Value::Null);
            match self.worker.ask(out, &at, call.clone()).await {
                Reply::Done(_) | Reply::Refused { .. } => return,
                Reply::Untried(_) | Reply::Unknown(_) => {}
            }
        }
    }
}

fn asked(f: &'static str, session: &str, tells: fn(&Answer) -> Value) -> Asked {
    let key = session.to_owned();
    Asked { f, key, value: Value::Null, expected: EXPECTED, tells: Some(tells) }
}
