//! What is news, what a payload looks like, and what is proposed for a tree.

use std::collections::BTreeMap;

use super::*;
use crate::base::Timestamp;
use crate::capabilities::services::model::{
    Form, Marks, Payload, Rule, ServiceType, Sighting, Znode,
};

fn sighted(host: &str) -> Sighted {
    Sighted {
        service: ServiceType::BiServer,
        marks: Marks::Presence,
        host: host.into(),
        port: None,
        ephemeral: true,
        trouble: None,
    }
}

fn knowing(known: &[(&str, &str, bool)]) -> Facts {
    let sighting = |(path, host, present): &(&str, &str, bool)| {
        let sighting = Sighting { sighted: sighted(host), present: *present, since: Timestamp(1) };
        ((*path).to_owned(), sighting)
    };
    Facts { sightings: known.iter().map(sighting).collect(), ..Facts::default() }
}

fn seeing(seen: &[(&str, &str)]) -> BTreeMap<String, Sighted> {
    seen.iter().map(|(path, host)| ((*path).to_owned(), sighted(host))).collect()
}

fn told(news: &[Command]) -> String {
    let part = |command: &Command| match command {
        Command::NoteSightings { seen, gone } => {
            let seen: Vec<_> = seen.iter().map(|(path, _)| format!("+{path}")).collect();
            let gone: Vec<_> = gone.iter().map(|path| format!("-{path}")).collect();
            [gone, seen].concat().join(" ")
        }
        other => panic!("{other:?} is about no znode"),
    };
    news.iter().map(part).collect::<Vec<_>>().join(" | ")
}

#[test]
fn only_what_is_different_is_told_and_what_went_before_what_came() {
    let facts = knowing(&[("/a", "h1", true), ("/b", "h2", true), ("/c", "h3", false)]);
    let news = |seen: &[(&str, &str)]| told(&sighting_news(&facts, &seeing(seen)));
    assert_eq!(news(&[("/a", "h1"), ("/b", "h2")]), "");
    assert_eq!(news(&[("/a", "h1"), ("/b", "h9"), ("/c", "h3"), ("/d", "h4")]), "+/b +/c +/d");
    assert_eq!(news(&[("/d", "h4")]), "-/a -/b | +/d");
}

#[test]
fn much_news_is_told_in_parts() {
    let paths: Vec<String> = (0..600).map(|n| format!("/k/{n:04}")).collect();
    let seen = paths.iter().map(|path| (path.clone(), sighted("h"))).collect();
    let news = sighting_news(&Facts::default(), &seen);
    let sizes = news.iter().map(|command| match command {
        Command::NoteSightings { seen, .. } => seen.len(),
        other => panic!("{other:?} is about no znode"),
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [256, 256, 88]);
}

#[test]
fn a_payload_is_told_by_its_looks_and_never_by_its_words() {
    for (payload, expected) in [
        ("", "empty"),
        ("bi1:8081", "address"),
        ("bi1.site\n", "address"),
        ("hello, world", "text"),
        ("[1, 2]", "text"),
        (r#"{"host":"bi1","password":"hush"}"#, "json"),
    ] {
        assert_eq!(form(payload.as_bytes()).as_str(), expected, "{payload}");
    }
    assert_eq!(form(b"\xff\x00"), Form::Binary);
    let many: Vec<String> = (0..100).map(|n| format!("\"f{n}\":\"hush\"")).collect();
    let Form::Json { fields } = form(format!("{{{}}}", many.join(",")).as_bytes()) else {
        panic!("an object")
    };
    assert_eq!(fields.len(), 16);
    assert!(!format!("{fields:?}").contains("hush"));
}

fn leaf(path: &str, ephemeral: bool, payload: &str) -> Znode {
    let bytes = u32::try_from(payload.len()).unwrap();
    Znode { path: path.into(), children: 0, bytes, ephemeral, form: form(payload.as_bytes()) }
}

#[test]
fn patterns_are_proposed_for_what_looks_like_services() {
    let folder = |path: &str| Znode { children: 2, ..leaf(path, false, "") };
    let tree = [
        folder("/kyvos"),
        folder("/kyvos/biservers"),
        leaf("/kyvos/biservers/bi1:8081", true, ""),
        leaf("/kyvos/biservers/bi2:8081", true, ""),
        leaf("/kyvos/biservers/master", true, "bi1:8081"),
        folder("/kyvos/qe"),
        leaf("/kyvos/qe/n-0000000001", true, r#"{"hostname":"q1","port":9000,"secret":"x"}"#),
        folder("/kyvos/web"),
        leaf("/kyvos/web/p1", true, ""),
        leaf("/kyvos/config", false, "bi1:8081"),
        folder("/other"),
        leaf("/other/thing:1", true, ""),
    ];
    let rules = propose(&tree);
    let short = |rule: &Rule| {
        let payload = match &rule.payload {
            Payload::Ignored => "".into(),
            Payload::Address => " address".into(),
            Payload::Json { host, port } => format!(" json {host:?} {port:?}"),
        };
        let (service, marks) = (rule.service.as_str(), rule.marks.as_str());
        format!("{} {service} {marks}{payload}", rule.pattern)
    };
    assert_eq!(
        rules.iter().map(short).collect::<Vec<_>>(),
        [
            "/kyvos/biservers/master bi_server master address",
            "/kyvos/biservers/{host}:{port} bi_server presence",
            "/kyvos/qe/{any} query_engine presence json Some(\"/hostname\") Some(\"/port\")",
            "/kyvos/web/{host} web_portal presence",
        ]
    );
    assert!(propose(&[]).is_empty());
}

// row 37
#[test]
fn one_server_or_an_even_number_of_them_is_weak() {
    use crate::capabilities::services::model::weakness;
    assert!(weakness(1).unwrap().starts_with("There is 1 ZooKeeper server"));
    assert!(weakness(2).unwrap().contains("no better than 1"));
    assert!(weakness(4).unwrap().contains("tolerate the loss of 1, as 3 would"));
    assert_eq!((weakness(3), weakness(5), weakness(0)), (None, None, None));
}
