//! A real service that is killed, told of through a real webhook, while the Active is killed as well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::services::{SERVICE, host_with_a_service, process, service, succeeds, verdict};
use super::support::{Demo, free_ports, km, run, signal, until};
use rustix::process::Signal;

/// Letters by their names, in the order in which they came first.
type Letters = Arc<Mutex<Vec<(String, Value)>>>;

/// Takes letters until the test is over.
fn mailbox() -> (String, Letters) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let letters = Letters::default();
    let taken = letters.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A Manager that is killed in the middle of a letter has told nothing.
            let _ = take(stream, &taken);
        }
    });
    (url, letters)
}

fn take(stream: TcpStream, taken: &Letters) -> std::io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let (mut name, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((key, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match key.to_lowercase().as_str() {
            "x-km-id" => name = value.to_owned(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let letter = serde_json::from_slice(&body).unwrap();
    let mut taken = taken.lock().unwrap();
    // The same letter may be told twice, when who told it died before noting that (at least once): its name tells.
    if taken.iter().all(|(known, _)| *known != name) {
        taken.push((name, letter));
    }
    (&stream).write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

/// What was told of services that are down.
fn told(letters: &Letters) -> Vec<String> {
    let letters = letters.lock().unwrap();
    let of_it = letters.iter().filter(|(_, letter)| letter["alert"]["code"] == "SERVICE_DOWN");
    of_it.map(|(_, letter)| letter["event"].as_str().unwrap().to_owned()).collect()
}

fn add_channel(demo: &Demo, url: &str) {
    let mut verb = km();
    verb.args(["alerts", "channels", "add-webhook", "pager", "--url", url]);
    verb.env("KM_WEBHOOK_SECRET", "a-secret-of-thirty-two-letters-x");
    verb.env("KM_CA", demo.dir().join("ca.pem")).env("KM_TOKEN", demo.token());
    let told = run(verb.env("KM_SERVER", &demo.managers[0].api_url));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
}

/// The alerts that say a service is down, with their state.
fn alerts(demo: &Demo) -> Vec<(Value, String)> {
    let all = demo.ask_any(["alerts", "list"]).json();
    let items = all["items"].as_array().unwrap().iter();
    let of_it = items.filter(|alert| alert["code"] == "SERVICE_DOWN");
    of_it.map(|alert| (alert.clone(), alert["state"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_killed_service_is_told_of_once_across_a_failover_and_resolved_by_itself() {
    let (demo, [port, ..]) = (Demo::start(3), free_ports());
    let (url, letters) = mailbox();
    let _agent = host_with_a_service(&demo, port);
    let (unit, port) = ("--unit=kyvos-bi-server", format!("--port={port}"));
    demo.ask_any(["services", "types", "set", "bi_server", unit, "--probe=tcp", &port]).json();
    add_channel(&demo, &url);
    succeeds(&demo, "start");
    until("it to be up", || verdict(&demo) == ("up".into(), false));
    let running = || {
        service(&demo)["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .any(|seen| seen["observer"] == "unit" && seen["says"] == "there")
    };
    until("its host to see it", running);

    signal(process(&service(&demo)), Signal::KILL);
    until("it to be down", || verdict(&demo).0 == "down");
    let (active, _) = demo.roles();
    demo.kill(&active);
    demo.successor_of(active.id);
    until("the alert", || !alerts(&demo).is_empty());
    until("the letter", || !told(&letters).is_empty());
    let (alert, state) = alerts(&demo).pop().unwrap();
    assert_eq!((alert["subject"].as_str(), state.as_str()), (Some(SERVICE), "open"));
    // What it says follows what the next Active sees.
    until("what, why and what to do", || {
        let (alert, _) = alerts(&demo).pop().unwrap();
        let text = alert["text"].as_str().unwrap();
        ["BI Server on localhost", "km services start", "its unit does not run"]
            .iter()
            .all(|part| text.contains(part))
    });

    succeeds(&demo, "start");
    until("it to be resolved", || alerts(&demo).iter().all(|(_, state)| state == "resolved"));
    until("that to be told", || told(&letters).contains(&"resolved".to_owned()));
    assert_eq!(told(&letters), ["raised", "resolved"]);
    assert_eq!(alerts(&demo).len(), 1);
    assert_eq!(alerts(&demo)[0].0["count"], 1);
}
