//! Bringing a letter to a program: an HTTP POST of JSON, signed.

use aws_lc_rs::hmac;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};

use super::wording::told;
use super::{ANSWER_TOLD_BYTES, BRING_WAIT, Sender, causes, one_line};
use crate::base::Secret;
use crate::capabilities::alerts::model::{Letter, SECRET_PURPOSE, Webhook};

/// Names the letter: the same for every try.
const ID: &str = "x-km-id";
/// When it was sent, in Unix seconds; signed with it, so that an old letter can be told from a new one.
const TIMESTAMP: &str = "x-km-timestamp";
/// `sha256=` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY`, in hexadecimal.
const SIGNATURE: &str = "x-km-signature";

/// Posts it. Anything but 2xx is a failure; a redirect is none that is followed.
pub(super) async fn post(
    webhook: &Webhook,
    open: &(impl Fn(&str, &[u8]) -> Result<Secret, String> + Sync),
    sender: &Sender,
    letter: &Letter,
) -> Result<String, String> {
    let secret = open(SECRET_PURPOSE, &webhook.sealed_secret)?;
    let body = serde_json::to_vec(&told(sender, letter)).map_err(|error| error.to_string())?;
    let (id, sent) = (sender.name(letter), crate::cluster::wall_clock().0 / 1_000);
    let signature = sign(&secret, &id, sent, &body);
    let request = client(webhook.ca_pem.as_deref())?
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("user-agent", "kyvos-manager")
        .header(ID, id)
        .header(TIMESTAMP, sent)
        .header(SIGNATURE, signature)
        .body(body);
    // The address of an error may hold what its owner keeps secret, and whoever set it knows it.
    let answer = request.send().await.map_err(|error| causes(&error.without_url()))?;
    judge(answer).await
}

/// What a letter is signed with.
pub(super) fn sign(secret: &Secret, id: &str, sent: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{id}.{sent}.").as_bytes());
    signing.update(body);
    let tag = signing.sign();
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn client(ca_pem: Option<&str>) -> Result<Client, String> {
    let mut builder = Client::builder().timeout(BRING_WAIT).redirect(Policy::none()).no_proxy();
    if let Some(pem) = ca_pem {
        let bundle = Certificate::from_pem_bundle(pem.as_bytes());
        builder = builder.tls_certs_only(bundle.map_err(|error| causes(&error))?);
    }
    builder.build().map_err(|error| causes(&error))
}

async fn judge(answer: Response) -> Result<String, String> {
    let status = answer.status();
    if status.is_success() {
        return Ok(format!("it answered {status}"));
    }
    let said = first_bytes(answer).await;
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(format!("it answered {status}{said}"))
}

/// The beginning of what was said; the rest is not waited for.
async fn first_bytes(mut answer: Response) -> String {
    let mut said = Vec::new();
    while said.len() < ANSWER_TOLD_BYTES {
        match answer.chunk().await {
            Ok(Some(piece)) => said.extend_from_slice(&piece),
            Ok(None) | Err(_) => break,
        }
    }
    said.truncate(ANSWER_TOLD_BYTES);
    one_line(&String::from_utf8_lossy(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with OpenSSL: `printf 'g-7.1700000000.{}' | openssl dgst -sha256 -hmac sixteen-letters!`.
    #[test]
    fn a_signature_is_the_one_that_others_compute() {
        let told = sign(&Secret::new("sixteen-letters!"), "g-7", 1_700_000_000, b"{}");
        assert_eq!(told, "sha256=ec36639960e1b08cf754fc2a608f3bd355100cca444d61701105c87165e6a977");
    }
}
