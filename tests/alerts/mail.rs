//! Alerts told by e-mail.

use kyvos_manager::capabilities::alerts::model::{Encryption, Login, Mail, PASSWORD_PURPOSE, Way};

use crate::mailbox::Mailbox;
use crate::stage::{Certified, Stage, raise};
use crate::support::until;

type Seal<'s> = &'s dyn Fn(&str, &str) -> Vec<u8>;

fn way(
    mailbox: &Mailbox,
    encryption: Encryption,
    ca: Option<&str>,
    password: Option<&str>,
) -> impl Fn(Seal<'_>) -> Way + use<> {
    let (server, ca_pem) = (mailbox.server.clone(), ca.map(str::to_owned));
    let password = password.map(str::to_owned);
    move |seal| {
        let login = password.as_ref().map(|password| Login {
            username: "km".into(),
            sealed_password: seal(PASSWORD_PURPOSE, password),
        });
        Way::Mail(Mail {
            server: server.clone(),
            encryption,
            ca_pem: ca_pem.clone(),
            login,
            from: "km@example.com".into(),
            to: vec!["ops@example.com".into(), "boss@example.com".into()],
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_arrives_by_starttls_from_somebody_who_signed_in() {
    let certified = Certified::new();
    let mailbox = Mailbox::open("starttls", &certified);
    let way = way(&mailbox, Encryption::StartTls, Some(&certified.ca), Some("open sesame"));
    let stage = Stage::telling(way).await;
    let id = raise(stage.group(), "h5").await;
    until("it was noted as told", || stage.channel().told == 1).await;
    let message = mailbox.next();
    assert_eq!((&message["tls"], &message["user"]), (&true.into(), &"km".into()));
    assert_eq!(message["to"], serde_json::json!(["ops@example.com", "boss@example.com"]));
    let text = message["text"].as_str().unwrap();
    for part in
        ["Subject: ", "Auto-Submitted: auto-generated", "To: ops@example.com, boss@example.com"]
    {
        assert!(text.contains(part), "{part} is missing of {text}");
    }
    assert!(text.contains(&format!("-{id}@example.com>")), "its name: {text}");
    let last = stage.channel().last.unwrap();
    let expected =
        format!("{} took it for 2 recipients: 250 2.0.0 taken as number 7", mailbox.server);
    assert_eq!(last.outcome, Ok(expected));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_arrives_over_tls_and_in_the_clear() {
    let certified = Certified::new();
    for (mode, encryption) in [("tls", Encryption::Tls), ("clear", Encryption::Off)] {
        let mailbox = Mailbox::open(mode, &certified);
        let stage = Stage::telling(way(&mailbox, encryption, Some(&certified.ca), None)).await;
        stage.tries_out().await.unwrap();
        let message = mailbox.next();
        assert!(message["text"].as_str().unwrap().contains("tries out whether alerts arrive here"));
        assert_eq!(message["user"], serde_json::Value::Null);
        stage.end().await;
    }
}

/// Each "no" is told as the server said it, and nothing is sent where it should not be.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_mail_server_does_not_take_is_told_with_its_reason() {
    let (certified, other) = (Certified::new(), Certified::new());
    let mailbox = Mailbox::open("starttls", &certified);
    let ca = Some(certified.ca.as_str());
    let wrong_password = way(&mailbox, Encryption::StartTls, ca, Some("guessed"));
    let stranger = way(&mailbox, Encryption::StartTls, Some(&other.ca), Some("open sesame"));
    let in_the_clear = way(&mailbox, Encryption::Off, None, None);
    for (way, expected) in
        [(wrong_password, "535"), (stranger, "certificate"), (in_the_clear, "530")]
    {
        let stage = Stage::telling(way).await;
        let refused = stage.tries_out().await.unwrap_err();
        assert!(refused.to_lowercase().contains(expected), "{expected} is not in: {refused}");
        stage.end().await;
    }
    let clear = Mailbox::open("clear", &certified);
    let stage = Stage::telling(way(&clear, Encryption::StartTls, ca, None)).await;
    let refused = stage.tries_out().await.unwrap_err();
    assert!(refused.to_lowercase().contains("starttls"), "{refused}");
    stage.end().await;
    let stage = Stage::telling(|seal| {
        let Way::Mail(mail) = way(&clear, Encryption::Off, None, None)(seal) else {
            unreachable!()
        };
        Way::Mail(Mail { to: vec!["refused@example.com".into()], ..mail })
    })
    .await;
    let refused = stage.tries_out().await.unwrap_err();
    assert!(refused.contains("nobody of that name here"), "{refused}");
    stage.end().await;
}
