//! `km login` and `km logout`.

use clap::Args;
use serde_json::{Value, json};

use super::client::{Change, Client, Trust};
use super::connect::Connect;
use super::outcome::Failure;
use super::output::Output;
use super::password;
use super::session::{self, Session};

/// `km login`.
#[derive(Args, Debug)]
pub(super) struct Login {
    /// Who signs in; the password is asked for, read from standard input, or taken from KM_PASSWORD
    #[arg(long, default_value = "admin")]
    username: String,
}

/// Signs in and remembers servers, authority and token.
pub(super) async fn login(login: Login, connect: &Connect) -> Result<(), Failure> {
    let password = password::ask("KM_PASSWORD", &format!("Password of {}", login.username))?;
    let mut access = connect.access(session::load())?;
    access.token = None;
    let client = Client::new(access.clone())?;
    let body = json!({ "username": login.username, "password": password.reveal() });
    let answer = client.change(Change::post("/login", body)).await?.body;
    let text = |pointer| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let token = text("/token").to_owned();
    let ca_pem = match access.trust {
        Trust::Authority(pem) => Some(pem),
        Trust::System | Trust::Fingerprint(_) => None,
    };
    let session = Session { servers: access.servers, ca_pem, token };
    let path = session::store(&session)?;
    let sentence = format!(
        "Signed in as {} ({}) until {}. Remembered in {}.",
        text("/user/username"),
        text("/user/role"),
        text("/expires_at"),
        path.display()
    );
    let told =
        json!({ "user": answer["user"], "expires_at": answer["expires_at"], "remembered": path });
    connect.output().done(&sentence, &told);
    Ok(())
}

/// Ends the session at the group, then forgets it here.
pub(super) async fn logout(client: &Client, output: Output) -> Result<(), Failure> {
    let ended = client.change(Change::post("/logout", Value::Null)).await;
    session::forget()?;
    // A session that has ended already is what was asked for.
    match ended {
        Ok(_) | Err(Failure::Problem(_)) => {
            output.done("Signed out.", &json!({ "signed_out": true }));
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}
