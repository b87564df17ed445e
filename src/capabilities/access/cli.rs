//! `km users` and `km tokens`: people and programs that may sign in.

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::ask_new_password;
use crate::cli::client::{Change, Client, segment};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// What can be asked of users.
#[derive(Subcommand, Debug)]
pub enum UserVerb {
    /// All users
    List,
    /// Make a user; the password is asked for, read from standard input, or taken from KM_NEW_PASSWORD
    Create {
        /// The name
        username: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: UserRole,
    },
    /// Change what a user may do, or whether they may sign in
    Change {
        /// The name
        username: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: Option<UserRole>,
        /// Whether they may sign in
        #[arg(long, value_enum)]
        status: Option<Status>,
    },
    /// Give a user a new password; from the prompt, standard input, or KM_NEW_PASSWORD
    Password {
        /// The name
        username: String,
    },
    /// Remove a user
    Delete {
        /// The name
        username: String,
    },
}

/// What can be asked of API tokens.
#[derive(Subcommand, Debug)]
pub enum TokenVerb {
    /// All tokens; the secrets themselves are kept nowhere
    List,
    /// Make a token for a program; it is shown once
    Create {
        /// What people call it
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: UserRole,
        /// How long it holds; for ever when not given
        #[arg(long)]
        expires_in_days: Option<u32>,
    },
    /// Take a token back
    Delete {
        /// Its number
        id: u64,
    },
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum UserRole {
    /// Everything.
    Administrator,
    /// Properties, managers and operations; no users.
    Maintainer,
    /// Looks, changes nothing.
    Auditor,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    /// May sign in.
    Active,
    /// May not.
    Inactive,
}

const USERS: &[Column] = &[
    ("USER", "/username"),
    ("ROLE", "/role"),
    ("STATUS", "/status"),
    ("LOCKED UNTIL", "/locked_until"),
    ("CHANGED AT", "/changed_at"),
];

const TOKENS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ROLE", "/role"),
    ("CREATED BY", "/created_by"),
    ("EXPIRES AT", "/expires_at"),
];

/// Does it.
pub async fn run_users(verb: UserVerb, client: &Client, output: Output) -> Result<(), Failure> {
    let path = |username: &str| format!("/users/{}", segment(username));
    let (change, sentence) = match verb {
        UserVerb::List => {
            output.list(&client.get_all("/users", &[]).await?, USERS);
            return Ok(());
        }
        UserVerb::Create { username, role } => {
            let password = ask_new_password("KM_NEW_PASSWORD", &format!("Password of {username}"))?;
            let body =
                json!({ "username": username, "role": word(role), "password": password.reveal() });
            (Change::post("/users", body), format!("User {username} exists."))
        }
        UserVerb::Change { username, role, status } => {
            let body = given([("role", role.map(word)), ("status", status.map(word))]);
            (
                Change::new(Method::PATCH, path(&username), body),
                format!("User {username} is changed."),
            )
        }
        UserVerb::Password { username } => {
            let prompt = format!("New password of {username}");
            let password = ask_new_password("KM_NEW_PASSWORD", &prompt)?;
            let body = json!({ "password": password.reveal() });
            let sentence = format!("User {username} has a new password.");
            (Change::new(Method::PATCH, path(&username), body), sentence)
        }
        UserVerb::Delete { username } => {
            (Change::delete(path(&username)), format!("User {username} is removed."))
        }
    };
    let answer = client.change(change).await?;
    output.done(&sentence, &answer.body);
    Ok(())
}

/// Does it.
pub async fn run_tokens(verb: TokenVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        TokenVerb::List => output.list(&client.get_all("/tokens", &[]).await?, TOKENS),
        TokenVerb::Create { name, role, expires_in_days } => {
            let mut body = json!({ "name": name, "role": word(role) });
            if let Some(days) = expires_in_days {
                body["expires_in_days"] = days.into();
            }
            let answer = client.change(Change::post("/tokens", body)).await?.body;
            output.done(answer["token"].as_str().unwrap_or_default(), &answer);
        }
        TokenVerb::Delete { id } => {
            let answer = client.change(Change::delete(format!("/tokens/{id}"))).await?;
            output.done(&format!("Token {id} is taken back."), &answer.body);
        }
    }
    Ok(())
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().expect("no value is hidden").get_name().to_owned()
}

fn given<const N: usize>(fields: [(&str, Option<String>); N]) -> Value {
    let present =
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    Value::Object(present.collect())
}
