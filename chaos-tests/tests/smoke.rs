//! What `scripts/chaos-smoke` makes of the ends of runs, with a `chaos` that only says how it ended.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/chaos-smoke");
/// Says whether there can be hosts, writes down the reasons and the rate it is given and ends with the code it is given, after so
/// long. Writes down that it swept.
const CHAOS: &str = r#"#!/usr/bin/env bash
if [ "$1" = hosts ]; then printf '%s' "$WHY"; exit; fi
if [ "$1" = sweep ]; then echo >>swept; exit; fi
[ "$LASTS_S" = 0 ] || exec sleep "$LASTS_S"
while [ $# -gt 0 ]; do
    case $1 in --out) out=$2 ;; --seed) seed=$2 ;; esac
    shift
done
[ -z "$BECAUSE" ] && exit "$CODE"
mkdir -p "$out/$seed"
printf '{\n  "valid": "unknown",\n  "unknown_because": [\n    %s\n  ],\n  "checks": [{ "calls_per_second": 99 }],\n  "calls_per_second": %s,\n  "seed": 1\n}' "$BECAUSE" "$RATE" >"$out/$seed/result.json"
exit "$CODE"
"#;

/// Puts a program there. Another process writes it: what this one has open, a child that another test starts has open as well
/// until it has become its own program, and what is open to be written cannot be run.
#[expect(clippy::disallowed_methods, reason = "waited for until it ends by itself")]
fn program(dir: &Path, name: &str, text: &str) {
    let draft = dir.join("draft");
    fs::write(&draft, text).unwrap();
    let mut install = Command::new("install");
    install.args(["-m", "755"]).args([draft, dir.join(name)]);
    assert!(install.status().unwrap().success());
}

/// How runs end.
struct Ends<'a> {
    /// There are hosts of their own, not loopback alone.
    hosts: bool,
    code: &'a str,
    because: &'a str,
    rate: &'a str,
    lasts_s: &'a str,
    limit_s: &'a str,
}

/// Whether the smoke passes when each run ends so; with hosts of their own, or on loopback alone.
fn passes(hosts: bool, code: &str, because: &str) -> bool {
    smoke(&Ends { hosts, code, because, rate: "25", lasts_s: "0", limit_s: "600" })
}

fn smoke(ends: &Ends<'_>) -> bool {
    let dir: TempDir = tempfile::tempdir().unwrap();
    program(dir.path(), "chaos", CHAOS);
    #[expect(clippy::disallowed_methods, reason = "waited for until it ends by itself")]
    let mut smoke = Command::new(SCRIPT);
    smoke.arg(dir.path()).current_dir(dir.path());
    smoke.env("WHY", if ends.hosts { "" } else { "hosts of their own need root" });
    smoke.env("CODE", ends.code).env("BECAUSE", ends.because).env("RATE", ends.rate);
    smoke.env("LASTS_S", ends.lasts_s).env("LIMIT_S", ends.limit_s);
    smoke.env_remove("FAULTS").env_remove("SEED");
    let success = smoke.output().unwrap().status.success();
    assert!(dir.path().join("swept").exists(), "nothing was swept");
    success
}

#[test]
fn a_run_that_passed_passes_and_one_that_failed_does_not() {
    assert!(passes(true, "0", "") && passes(false, "0", ""));
    assert!(!passes(true, "1", "") && !passes(false, "1", ""));
}

#[test]
fn the_rate_alone_fails_nothing() {
    assert!(passes(true, "2", r#""too-slow""#) && passes(false, "2", r#""too-slow""#));
}

#[test]
fn what_loopback_lacks_fails_nothing_on_loopback_and_everything_elsewhere() {
    for because in [r#""loopback""#, "\"loopback\",\n    \"too-slow\""] {
        assert!(passes(false, "2", because) && !passes(true, "2", because));
    }
}

#[test]
fn any_other_doubt_fails_and_so_does_a_run_that_says_nothing() {
    for because in [r#""other""#, "\"loopback\",\n    \"too-slow\",\n    \"other\"", ""] {
        assert!(!passes(true, "2", because) && !passes(false, "2", because), "{because}");
    }
    // The reasons are of a run that is unknown, not of one that failed.
    assert!(!passes(true, "1", r#""too-slow""#));
}

#[test]
fn a_rate_at_which_nothing_would_show_fails() {
    for (hosts, because) in [(true, r#""too-slow""#), (false, "\"loopback\",\n    \"too-slow\"")] {
        let at =
            |rate| smoke(&Ends { hosts, code: "2", because, rate, lasts_s: "0", limit_s: "600" });
        assert!(at("25") && !at("24"), "{because}");
    }
    // A run that counts has a floor of its own.
    assert!(smoke(&Ends {
        hosts: true,
        code: "0",
        because: "",
        rate: "0",
        lasts_s: "0",
        limit_s: "600"
    }));
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_fails() {
    for hosts in [true, false] {
        assert!(!smoke(&Ends {
            hosts,
            code: "0",
            because: "",
            rate: "25",
            lasts_s: "600",
            limit_s: "1"
        }));
    }
}
