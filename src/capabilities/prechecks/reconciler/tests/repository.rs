//! Signing in at the repository: by the Active for the group, and by each Manager from its own host.

use super::{KM2, Site, bad, find, postgres, silent};
use crate::base::ManagerId;
use crate::capabilities::prechecks::plan::{Answer, Question};

// row 19
#[tokio::test]
async fn who_was_set_to_sign_in_at_the_repository_does_so_or_it_is_a_failure_with_its_remedy() {
    let signing_in = || {
        Site::new()
            .with("properties set kyvos-manager/REPOSITORY_USER kyvos")
            .with("properties set kyvos-manager/REPOSITORY_DATABASE repo")
    };
    let login = || sign_in_by(None);
    let well = signing_in().found("repository", "-").await;
    assert_eq!(well, ("pass".into(), "kyvos signs in to repo at db1:5432.".into()));
    let no = Answer::Denied("password authentication failed for user kyvos".into());
    let (result, detail) = signing_in().said(login(), no).found("repository", "-").await;
    assert_eq!(result, "fail REPOSITORY_LOGIN_REFUSED");
    assert!(
        detail.contains("password authentication failed") && detail.contains("km properties set")
    );
    let away = signing_in().said(login(), silent());
    assert_eq!(away.found("repository", "-").await.0, "warn REPOSITORY_UNREACHABLE");
    // Where nothing answers nobody tries to sign in.
    let down = signing_in().said(postgres(), silent());
    assert_eq!(down.found("repository", "-").await.0, "warn REPOSITORY_UNREACHABLE");
    assert!(!down.answers.inside().asked.contains(&login()));
}

fn sign_in_by(by: Option<u64>) -> Question {
    Question::Login {
        by: by.map(ManagerId),
        address: "db1:5432".into(),
        user: "kyvos".into(),
        database: "repo".into(),
    }
}

// rows 18, 19: each Manager's host has a line of its own in the repository's rules
#[tokio::test]
async fn every_manager_signs_in_from_its_own_host() {
    let site = || {
        Site::new()
            .with("properties set kyvos-manager/REPOSITORY_USER kyvos")
            .with("properties set kyvos-manager/REPOSITORY_DATABASE repo")
    };
    let [km2, km3] = ["km2", "km3"].map(|host| {
        let group = site().group;
        let inside = group.inside();
        let mut members = inside.state.managers.members.iter();
        members.find(|(_, member)| member.profile.host == host).unwrap().0.0
    });
    let well = site();
    let (result, detail) = well.found("repository", "km2").await;
    assert_eq!(
        (result.as_str(), detail.as_str()),
        ("pass", "kyvos signs in to repo at db1:5432 from km2.")
    );
    assert_eq!(well.kept("repository", "km1").1, "kyvos signs in to repo at db1:5432 from km1.");
    // The Active tries from where it is, once.
    let asked = well.answers.inside().asked.clone();
    let of_login = |by| asked.iter().filter(|asked| **asked == sign_in_by(by)).count();
    assert_eq!(
        [of_login(None), of_login(Some(1)), of_login(Some(km2)), of_login(Some(km3))],
        [1, 0, 1, 1]
    );

    let no = Answer::Denied("no pg_hba.conf entry for host km2".into());
    let (result, detail) = site().said(sign_in_by(Some(km2)), no).found("repository", "km2").await;
    assert_eq!(result, "fail REPOSITORY_LOGIN_REFUSED");
    assert!(
        detail.starts_with("db1:5432 does not let kyvos sign in to repo from km2: no pg_hba"),
        "{detail}"
    );
    assert!(detail.contains("km properties set"), "{detail}");

    let away = site().said(sign_in_by(Some(km2)), silent());
    assert_eq!(away.found("repository", "km2").await.0, "warn REPOSITORY_UNREACHABLE");
    assert_eq!(
        (away.kept("repository", "km3").0, away.kept("repository", "-").0),
        ("pass".into(), "pass".into())
    );

    let gone = site().said(sign_in_by(Some(km2)), Answer::Unasked("no connection".into()));
    let (result, detail) = gone.found("repository", "km2").await;
    assert_eq!(result, "warn HOST_SILENT");
    assert!(detail.contains("The Kyvos Manager on km2 did not try"), "{detail}");

    // A port that is shut is not knocked at twice; a host that cannot tell still has its Manager.
    let port = Question::Port { host: KM2, address: "db1:5432".into() };
    let shut = site().said(port, bad("refused"));
    assert_eq!(shut.found("repository", "km2").await.0, "warn REPOSITORY_UNREACHABLE");
    assert!(!shut.answers.inside().asked.contains(&sign_in_by(Some(km2))));
    let mute = site().said(find(KM2), silent());
    assert_eq!(mute.found("repository", "km2").await.0, "pass");
}

#[tokio::test]
async fn a_witness_signs_in_nowhere_and_that_is_said() {
    let site = Site::new().with("properties set kyvos-manager/REPOSITORY_USER kyvos");
    site.group.say("hosts register w1 agent:w1:7445");
    site.group.admit("w1", "witness");
    let (result, detail) = site.found("repository", "w1").await;
    assert_eq!(result, "pass");
    assert!(detail.contains("a witness has no key"), "{detail}");
}
