//! What patterns fit, and what payloads say, well formed or not.

use proptest::prelude::*;

use super::*;

fn rule(pattern: &str, payload: Payload) -> Rule {
    let (service, marks) = (ServiceType::BiServer, Marks::Presence);
    Rule { pattern: pattern.into(), service, marks, payload }
}

fn profile(rules: &[Rule]) -> Profile {
    let profile = Profile { verified: true, rules: rules.to_vec() };
    profile.check().unwrap();
    profile
}

fn place(profile: &Profile, path: &str, payload: &str) -> Option<(String, Option<u16>)> {
    let sighted = profile.read(path, true, payload.as_bytes())?;
    assert_eq!(sighted.trouble, None);
    Some((sighted.host, sighted.port))
}

fn trouble(profile: &Profile, payload: &[u8]) -> String {
    profile.read("/k/one", false, payload).unwrap().trouble.unwrap()
}

#[test]
fn the_default_profile_is_well_formed_and_says_that_it_is_a_guess() {
    let guessed = Profile::guessed();
    assert_eq!((guessed.check(), guessed.verified), (Ok(()), false));
    let said = place(&guessed, "/kyvos/bi_servers/bi1.site:8081", "whatever");
    assert_eq!(said, Some(("bi1.site".into(), Some(8081))));
    assert_eq!(place(&guessed, "/kyvos/coordination_master", "bi2"), Some(("bi2".into(), None)));
    assert_eq!(place(&guessed, "/kyvos/bi_servers", ""), None);
    assert_eq!(place(&guessed, "/kyvos/bi_servers/bi1", ""), None);
    assert_eq!(place(&guessed, "/kyvos/bi_servers/bi1:8081/child", ""), None);
}

#[test]
fn a_part_is_taken_apart_at_what_stands_between_its_placeholders() {
    let profile = profile(&[rule("/k/srv-{host}_{port}-{any}", Payload::Ignored)]);
    let said = |path: &str| place(&profile, path, "");
    assert_eq!(said("/k/srv-a_b.c_80-0000000012"), Some(("a_b.c".into(), Some(80))));
    assert_eq!(said("/k/srv-a_80-"), None);
    assert_eq!(said("/k/srv-_80-1"), None);
    assert_eq!(said("/k/srv-a_0-1"), None);
    assert_eq!(said("/k/srv-a_70000-1"), None);
    assert_eq!(said("/k/srv-a_+80-1"), None);
    assert_eq!(said("/k/srv-größe_80-1"), None);
}

#[test]
fn only_what_may_lead_to_a_service_is_walked() {
    let profile = profile(&[
        rule("/k/{any}/up/{host}", Payload::Ignored),
        rule("/k/one/two", Payload::Address),
        rule("/other/{host}", Payload::Ignored),
    ]);
    assert_eq!(profile.bases(), ["/k", "/other"]);
    for on in ["/", "/k", "/k/x", "/k/x/up", "/other"] {
        assert!(profile.leads_on(on), "{on}");
    }
    for off in ["/zookeeper", "/k/x/down", "/k/x/up/h", "/other/h"] {
        assert!(!profile.leads_on(off), "{off}");
    }
    // One beneath the other is watched once; a name that only begins alike is another.
    let close = self::profile(&[
        rule("/a/{host}", Payload::Ignored),
        rule("/a/b/{host}", Payload::Ignored),
        rule("/ab/{host}", Payload::Ignored),
    ]);
    assert_eq!(close.bases(), ["/a", "/ab"]);
}

#[test]
fn a_payload_says_the_host_or_what_is_wrong_with_it() {
    let by_text = profile(&[rule("/k/one", Payload::Address)]);
    assert_eq!(place(&by_text, "/k/one", "bi1:8081\n"), Some(("bi1".into(), Some(8081))));
    assert_eq!(trouble(&by_text, b"\xff\xfe"), "its payload is no text");
    assert_eq!(trouble(&by_text, b"bi 1"), "its payload is no address");
    assert_eq!(trouble(&by_text, b"bi1:x"), "its payload is no address");
    assert_eq!(trouble(&by_text, b""), "its payload is no address");
    let long = vec![b'x'; PAYLOAD_MAX_BYTES + 1];
    assert!(trouble(&by_text, &long).contains("16385 bytes"));

    let (host, port) = (Some("/at/host".into()), Some("/at/port".into()));
    let by_json = profile(&[rule("/k/one", Payload::Json { host, port })]);
    for json in [r#"{"at":{"host":"bi1","port":8081}}"#, r#"{"at":{"host":"bi1","port":"8081"}}"#] {
        assert_eq!(place(&by_json, "/k/one", json), Some(("bi1".into(), Some(8081))));
    }
    assert!(trouble(&by_json, b"{").starts_with("its payload is no JSON"));
    assert_eq!(trouble(&by_json, b"{}"), "its payload has nothing at /at/host");
    let wrong = trouble(&by_json, br#"{"at":{"host":7,"port":8081}}"#);
    assert_eq!(wrong, "what its payload has at /at/host is no host");
    let wrong = trouble(&by_json, br#"{"at":{"host":"bi1","port":70000}}"#);
    assert_eq!(wrong, "what its payload has at /at/port is no port");
    // As deep as a payload may be long.
    assert!(trouble(&by_json, "[".repeat(PAYLOAD_MAX_BYTES).as_bytes()).contains("no JSON"));
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused() {
    let json = |host: &str| Payload::Json { host: Some(host.into()), port: None };
    for (pattern, payload, why) in [
        ("k/{host}", Payload::Ignored, "is no absolute path"),
        ("/", Payload::Address, "is no absolute path"),
        ("/k//{host}", Payload::Ignored, "is no absolute path"),
        ("/k/../{host}", Payload::Ignored, "is no absolute path"),
        ("/{any}/{host}", Payload::Ignored, "must begin with a literal part"),
        ("/k/{host}/{host}", Payload::Ignored, "{host} more than once"),
        ("/k/{host}/{port}/{port}", Payload::Ignored, "{port} more than once"),
        ("/k/{host}{port}", Payload::Ignored, "nothing between them"),
        ("/k/{name}", Payload::Ignored, "none of {host}, {port} and {any}"),
        ("/k/{host", Payload::Ignored, "{ without its }"),
        ("/k/host}", Payload::Address, "} without its {"),
        ("/k/{any}-{any}-{any}-{any}", Payload::Address, "more than three placeholders"),
        ("/k/a/b/c/d/e/f/g/h/i/j/k/l", Payload::Address, "more than 12 parts"),
        ("/k/{port}", Payload::Ignored, "says nowhere on which host"),
        ("/k/{host}", Payload::Address, "says twice on which host"),
        ("/k/{host}", json("/host"), "says twice on which host"),
        ("/k/{any}", json("host"), "does not begin with /"),
    ] {
        let refusal = Profile { verified: false, rules: vec![rule(pattern, payload)] }.check();
        let refusal = refusal.unwrap_err();
        assert!(refusal.detail.contains(why), "{pattern}: {refusal}");
    }
    let none = Profile { verified: false, rules: Vec::new() };
    assert_eq!(none.check().unwrap_err().code, Code::TooMany);
    let long = rule(&format!("/k/{}{{host}}", "x".repeat(PATH_MAX_BYTES)), Payload::Ignored);
    let long = Profile { verified: false, rules: vec![long] };
    assert_eq!(long.check().unwrap_err().code, Code::TooLong);
}

proptest! {
    #[test]
    fn no_path_and_no_payload_is_too_much(path in "(/[-{}:a-c0-9_.]{0,12}){0,6}", payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let profile = profile(&[
            rule("/k/{any}-{host}:{port}", Payload::Ignored),
            rule("/a/{any}", Payload::Json { host: Some("/h".into()), port: None }),
            rule("/b/{any}/{port}", Payload::Address),
        ]);
        let sighted = profile.read(&path, true, &payload);
        prop_assert!(sighted.is_none_or(|sighted| sighted.host.is_empty() != sighted.trouble.is_none()));
        let _ = profile.leads_on(&path);
    }

    #[test]
    fn no_pattern_is_too_much(pattern in "(/[-{}:a-c0-9_.]{0,12}){0,6}") {
        let _ = Profile { verified: true, rules: vec![rule(&pattern, Payload::Ignored)] }.check();
    }
}
