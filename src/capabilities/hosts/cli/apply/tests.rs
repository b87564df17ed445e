//! What is planned for a file, without a Manager.

use super::super::export::written;
use super::*;
use crate::base::Code;

const FILE: &str = "[host.km1]\nroles = [\"web_portal\"]\n\n[host.db1]\nroles = [\"zookeeper\", \"postgres\"]\n\
    ssh = { address = \"db1:22\", user = \"kyvos\" }\n";

fn planned(text: &str, known: &Known, prune: bool) -> Result<Vec<Step>, Refusal> {
    let file = cluster_file::parse(text).unwrap();
    file.check().unwrap();
    plan(&file, known, prune)
}

fn shown(text: &str, known: &Known, prune: bool) -> Vec<String> {
    let steps = planned(text, known, prune).unwrap();
    steps.into_iter().flat_map(|step| step.shown).collect()
}

fn known() -> Known {
    let ssh = json!({ "kind": "ssh", "address": "db1:22", "user": "kyvos", "program": "/usr/bin/km",
        "config": "/etc/km/agent.toml", "trusted_key": null, "fingerprint": null });
    let agent = json!({ "kind": "agent", "address": "km1:7447", "enrolled_at": null });
    let hosts = vec![
        json!({ "id": 4, "name": "km1", "roles": ["web_portal"], "transport": agent, "manager": null, "revision": 4 }),
        json!({ "id": 5, "name": "db1", "roles": ["postgres", "zookeeper"], "transport": ssh, "manager": null, "revision": 5 }),
    ];
    Known { hosts, types: types(), services: services(), ha: ha() }
}

fn types() -> Vec<Value> {
    let kind = |name: &str| {
        json!({ "type": name, "title": name, "unit": format!("kyvos-{name}"), "is_default": true,
            "probe": { "kind": "tcp", "port": null }, "revision": 0 })
    };
    ["zookeeper", "postgres", "bi_server", "query_engine", "web_portal"].map(kind).into()
}

fn services() -> Vec<Value> {
    let service = |kind: &str, host: &str, why: &str, revision: u64| {
        json!({ "id": format!("{kind}.{host}"), "type": kind, "host": host,
            "wanted": { "state": "running", "why": why, "by": null, "since": null }, "revision": revision })
    };
    vec![
        service("zookeeper", "db1", "declared", 0),
        service("postgres", "db1", "operator", 9),
        service("web_portal", "km1", "declared", 0),
        service("kyvos_manager", "km1", "declared", 0),
    ]
}

fn ha() -> Value {
    let types = types();
    let types =
        types.iter().map(|kind| json!({ "type": kind["type"], "title": "", "enabled": true }));
    json!({ "automation": true, "enabled": false, "types": types.collect::<Vec<_>>(), "settle_seconds": 10,
        "restarts_max": 3, "within_seconds": 1800, "pause_seconds": 10, "host_gone_seconds": 60, "standbys": [],
        "is_default": true, "revision": 0 })
}

// row 2
#[test]
fn what_is_missing_is_registered_and_applied_again_nothing_differs() {
    let all = ["+ db1  zookeeper+postgres by ssh kyvos@db1:22", "+ km1  web_portal by agent"];
    assert_eq!(shown(FILE, &Known::default(), false), all);
    assert!(shown(FILE, &known(), true).is_empty());
}

#[test]
fn what_differs_is_shown_and_nobody_goes_unless_that_is_asked_for() {
    let text = "[host.km1]\nroles = [\"web_portal\", \"bi_server\"]\n";
    let changed = "~ km1  web_portal by agent  ->  web_portal+bi_server by agent";
    assert_eq!(shown(text, &known(), false), [changed]);
    let gone = "- db1  postgres+zookeeper by ssh kyvos@db1:22";
    assert_eq!(shown(text, &known(), true), [changed, gone]);
    let moved = FILE.replace("db1:22", "db1:2222");
    assert_eq!(
        shown(&moved, &known(), false),
        [
            "~ db1  postgres+zookeeper by ssh kyvos@db1:22  ->  postgres+zookeeper by ssh kyvos@db1:2222"
        ]
    );
}

#[test]
fn what_is_not_said_of_a_host_stays_and_is_sent_along_with_its_way() {
    assert!(shown("[host.km1]\n[host.db1]\n", &known(), true).is_empty());
    let mut known = known();
    known.hosts[1]["transport"]["program"] = "/opt/km".into();
    assert!(shown(FILE, &known, false).is_empty());
    let moved = planned(&FILE.replace("db1:22", "db1:2222"), &known, false).unwrap();
    assert!(format!("{:?}", moved[0].change).contains("/opt/km"), "{moved:?}");
    let other = FILE.replace("user =", "program = \"/usr/bin/km\", user =");
    assert_eq!(
        shown(&other, &known, false),
        [
            "~ db1  postgres+zookeeper by ssh kyvos@db1:22 with /opt/km and /etc/km/agent.toml  ->  postgres+zookeeper by ssh kyvos@db1:22 with /usr/bin/km and /etc/km/agent.toml"
        ]
    );
    assert_eq!(
        shown("[host.db1]\nagent = {}\n", &known, false),
        ["~ db1  postgres+zookeeper by ssh kyvos@db1:22  ->  postgres+zookeeper by agent"]
    );
}

#[test]
fn a_host_with_a_member_is_not_let_go_and_nothing_is_begun() {
    let mut known = known();
    known.hosts[0]["manager"] = 1.into();
    let no = planned("[host.db1]\nroles = []\n", &known, true).unwrap_err();
    assert_eq!(no.code, Code::HostHasManager);
    assert!(planned("[host.km1]\n", &known, true).is_ok());
}

#[test]
fn how_a_type_is_controlled_is_changed_in_what_is_said_of_it() {
    let text = "[type.bi_server]\nunit = \"bi\"\n\n[type.query_engine]\nprobe = { kind = \"http\", port = 8081, path = \"/up\" }\n\n\
        [type.postgres]\nunit = \"kyvos-postgres\"\nprobe = { kind = \"tcp\" }\n";
    assert_eq!(
        shown(text, &known(), false),
        [
            "~ type bi_server  kyvos-bi_server, probe tcp  ->  bi, probe tcp",
            "~ type query_engine  kyvos-query_engine, probe tcp  ->  kyvos-query_engine, probe http 8081 /up"
        ]
    );
}

#[test]
fn what_is_wanted_is_said_where_it_is_another_and_its_own_word_goes_before_that_about_its_type() {
    let text = "[type.zookeeper]\nwanted = \"stopped\"\nwhy = \"maintenance\"\n\n[type.web_portal]\nwanted = \"running\"\n\n\
        [service.postgres.db1]\nwanted = \"running\"\nwhy = \"maintenance\"\n";
    let differ = [
        "~ postgres.db1  wanted running (operator)  ->  running (maintenance)",
        "~ zookeeper.db1  wanted running (declared)  ->  stopped (maintenance)",
    ];
    assert_eq!(shown(text, &known(), false), differ);
    let own = format!("{text}[service.zookeeper.db1]\nwanted = \"running\"\n");
    assert_eq!(shown(&own, &known(), false), differ[..1]);
    let steps = planned(text, &known(), false).unwrap();
    let sent = format!("{:?}", steps[0].change);
    assert!(sent.contains("/services/postgres.db1/wanted") && sent.contains("Some(9)"), "{sent}");
}

#[test]
fn a_service_may_be_spoken_of_in_the_file_that_makes_it() {
    let bi = "[host.bi1]\nroles = [\"bi_server\"]\n\n[service.bi_server.bi1]\nwanted = ";
    let registered = "+ bi1  bi_server by agent";
    let text = format!("{bi}\"stopped\"\n");
    assert_eq!(
        shown(&text, &known(), false),
        [registered, "+ bi_server.bi1  wanted stopped (operator)"]
    );
    // It runs unless somebody says otherwise, and of a new one nobody has.
    assert_eq!(shown(&format!("{bi}\"running\"\n"), &known(), false), [registered]);
    let again = "[host.km1]\nroles = [\"web_portal\", \"bi_server\"]\n\n[type.bi_server]\nwanted = \"running\"\n";
    assert_eq!(
        shown(again, &known(), false)[1..],
        ["+ bi_server.km1  wanted running (operator)".to_owned()]
    );
}

#[test]
fn a_service_that_there_is_not_is_refused_before_anything_is_changed() {
    for text in [
        "[service.bi_server.km1]\nwanted = \"stopped\"\n",
        "[service.web_portal.km9]\nwanted = \"stopped\"\n",
        "[host.km1]\nroles = []\n\n[service.web_portal.km1]\nwanted = \"stopped\"\n",
        "[services_ha]\nstandbys = [\"bi_server.km1\"]\n",
    ] {
        let no = planned(text, &known(), false).unwrap_err();
        assert_eq!(no.code, Code::NoSuchService, "{text}");
        assert!(no.detail.contains("give the host"), "{}", no.detail);
    }
    let pruned = "[host.db1]\n\n[service.web_portal.km1]\nwanted = \"stopped\"\n";
    assert!(planned(pruned, &known(), false).is_ok());
    assert_eq!(planned(pruned, &known(), true).unwrap_err().code, Code::NoSuchService);
}

#[test]
fn services_ha_is_one_change_with_a_line_for_each_difference() {
    let text = "[services_ha]\nenabled = true\nautomation = true\nsettle_seconds = 5\nrestarts_max = 3\n\
        standbys = [\"web_portal.km1\"]\ntypes = { postgres = false, zookeeper = true }\n";
    let steps = planned(text, &known(), false).unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0].shown,
        [
            "~ services_ha enabled  off  ->  on",
            "~ services_ha postgres  on  ->  off",
            "~ services_ha settle_seconds  10  ->  5",
            "+ services_ha standby  web_portal.km1",
        ]
    );
    let sent = format!("{:?}", steps[0].change);
    assert!(sent.contains("\"off_types\": Array [String(\"postgres\")]"), "{sent}");
    assert!(shown("[services_ha]\nautomation = true\n", &known(), false).is_empty());
}

#[test]
fn a_standby_that_is_gone_is_let_go_with_the_next_change_and_not_before() {
    let mut known = known();
    known.ha["standbys"] = json!(["web_portal.km1", "web_portal.77"]);
    assert!(shown("[services_ha]\nenabled = false\n", &known, false).is_empty());
    assert_eq!(
        shown("[services_ha]\nenabled = true\n", &known, false),
        ["~ services_ha enabled  off  ->  on", "- services_ha standby  web_portal.77"]
    );
    // The word about a type is not about those that stand by.
    let all = "[type.web_portal]\nwanted = \"stopped\"\n";
    assert!(shown(all, &known, false).is_empty());
    let none = "[services_ha]\nstandbys = []\n\n[type.web_portal]\nwanted = \"stopped\"\n";
    assert_eq!(
        shown(none, &known, false),
        [
            "~ web_portal.km1  wanted running (declared)  ->  stopped (operator)",
            "- services_ha standby  web_portal.77",
            "- services_ha standby  web_portal.km1",
        ]
    );
}

#[test]
fn what_is_exported_says_all_of_it_and_differs_in_nothing() {
    let mut known = known();
    known.types[2]["probe"] = json!({ "kind": "http", "port": 8081, "path": "/up" });
    known.services[0]["wanted"] = json!({ "state": "stopped", "why": "schedule" });
    known.services[2]["wanted"] = json!({ "state": "stopped", "why": "maintenance" });
    known.ha["standbys"] = json!(["web_portal.km1"]);
    let text = written(&known.hosts, &known.types, &known.services, &known.ha).unwrap();
    assert!(shown(&text, &known, true).is_empty(), "{text}");
    assert!(!text.contains("schedule"), "{text}");
    for said in [
        "[host.db1.ssh]",
        "[type.bi_server.probe]",
        "path = \"/up\"",
        "[service.web_portal.km1]",
        "why = \"maintenance\"",
        "standbys = [\"web_portal.km1\"]",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let mut elsewhere = self::known();
    elsewhere.ha["enabled"] = true.into();
    assert_eq!(shown(&text, &elsewhere, false).len(), 4, "{text}");
}

#[test]
fn what_ended_early_tells_how_far_it_came() {
    let problem = json!({ "code": "CHANGED", "detail": "It moved.", "hint": "Read again." });
    let shown = ["~ km1".to_owned()];
    let told = ended_early(Failure::Problem(problem), &shown, (1, 3)).to_string();
    let expected = "~ km1: It moved. 1 of 3 changes were made; apply the file again for the others. [CHANGED]\n  hint: Read again.";
    assert_eq!(told, expected);
}
