//! Golden bytes: every form that stands in a log, a checkpoint or a history, as running groups hold it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::walks::{Step, log, told};
use crate::base::{Code, Digest, Epoch, ManagerId, Refusal, RequestId, Revision, Timestamp};
use crate::machine::script::{VERBS, command_of};
use crate::machine::{Actor, Answer, Outcome, Proposal, State, read_image, tables, write_image};

/// One of each command, with every field that may be left out given once and left out once.
const COMMANDS: &[&str] = &[
    "managers found km1 key_bytes=3",
    "managers create-join-token t1 witness ttl=60000",
    "managers delete-join-token 4",
    "managers admit t1 manager km2",
    "managers withdraw 5 gone",
    "managers announce 5 km2 version=0.2.0 level=2 lease=1500",
    "managers alias 5 Blue expect=7",
    "managers become-active 5 in_term=3",
    "managers raise-level 2",
    "properties set custom/greeting hello expect=3 back_to=2",
    "properties set kyvos-manager/ENABLE_KM_HA yes",
    "properties reset olapengine/BLOCK_CACHE_LIFETIME expect=9",
    "operations begin add-manager 5 km2",
    "operations begin make-active 5 km2",
    "operations begin step-aside 1 km1",
    "operations begin restart-active 1 km1 process=7",
    "operations begin restart-passives 5 9 process=7 all=true",
    "operations begin remove-manager 5 km2 why=lost at=7",
    "operations begin switch-ha 1 km1 process=7 on=true",
    "operations begin start 5:km2:7",
    "operations begin stop 5:km2:7 all=true",
    "operations begin restart-down 5:km2:7",
    "operations begin add-on-host 7 km4 role=witness accept=true",
    "operations begin replace 5 km2 7 km4 old_at=6",
    "operations begin push-script 7:km4",
    "operations begin services restart type bi_server:7:km4 at_once=2 why=schedule",
    "operations begin services stop one bi_server:7:km4",
    "operations begin services start cluster bi_server:7:km4",
    "operations step-started 8 1 half epoch=2",
    "operations step-ended 8 1 needs-decision lost epoch=2",
    "operations cancel 8",
    "operations retry 8",
    "access create-user ann administrator password=x",
    "access change-user ann role=auditor active=false password=y expect=6",
    "access delete-user ann expect=6",
    "access sign-in ann s1 checked=6",
    "access wrong-password ann",
    "access sign-out s1",
    "access create-token ci k1 maintainer ttl=60000",
    "access delete-token 9",
    "hosts register km1 agent:km1:7445 roles=web_portal,bi_server,query_engine,postgres,zookeeper",
    "hosts register db1 ssh:kyvos@db1:22",
    "hosts change 4 roles=web_portal expect=4",
    "hosts change 4 transport=agent",
    "hosts remove 4 expect=4",
    "hosts invite 4 t1 ttl=60000",
    "hosts enrol 4 t1 km1:7445",
    "hosts trust 4 ssh-ed25519 expect=4",
    "hosts set-ssh-key ssh-ed25519 key_bytes=3",
    "hosts note 4 answers 0.1.0",
    "hosts note 4 silent gone asked=7",
    "hosts look 4",
    "prechecks ask km1",
    "prechecks ask",
    "prechecks begin everything=true",
    "prechecks note 9 cli fail gone host=km1 code=CLI_MISSING",
    "prechecks note 9 portal_ha pass two",
    "prechecks finish 9",
    "installs note-stop 5 8 pid=77 process=7",
    "installs note-start 5",
    "installs note-push 4 8 written /var/lib/km/it script",
    "installs note-push 4 8 failed gone",
    "services set-profile /k/{host}:{port} verified=true expect=4",
    "services set-profile /k/{any} json=/h,/p service=query_engine marks=master",
    "services set-profile /k/one address=true",
    "services reset-profile expect=4",
    "services set-access",
    "services set-access ca=AAAA certificate=BBBB key_bytes=3 username=reader password_bytes=3 expect=4",
    "services note-watch off nobody",
    "services note-watch away gone server=zk1:2181 mode=leader trouble=wide",
    "services note-watch watching server=zk1:2181 down=refused",
    "services note-seen /k/h1:1 h1 port=1",
    "services note-seen /k/x h1 service=web_portal marks=master ephemeral=false trouble=odd",
    "services note-gone /k/h1:1",
    "services discover /k",
    "services note-discovery 9 /k form=json because=wide",
    "services note-discovery 9 /k form=address propose=/k/{host}",
    "services set-control bi_server kyvos-bi tcp=8081 expect=4",
    "services set-control web_portal tomcat tcp=8080 http=/up",
    "services set-control postgres pg probe=none",
    "services reset-control bi_server expect=4",
    "services want stopped bi_server:4 why=maintenance operation=9 expect=4",
    "services want running bi_server:4 postgres:5 why=schedule",
    "services note-verdicts down gone bi_server:4 whole=true observers=2",
    "services note-verdicts up so postgres:4",
    "services set-ha on automation=false off=postgres restarts=2 standby=bi_server:4 expect=4",
    "services reset-ha expect=4",
    "services open-window cluster until=90000 note=disks",
    "services open-window bi_server from=5 until=90000",
    "services open-window bi_server:4 until=90000",
    "services open-window 4 until=90000",
    "services close-window 9",
    "services acknowledge bi_server:4",
    "services recover bi_server:4",
    "services settle bi_server:4",
    "services set-schedule stopped 22:00 name=night offset=330 days=mon,fri type=bi_server",
    "services set-schedule running 06:00 name=morning id=9 expect=4 enabled=false",
    "services remove-schedule 9 expect=4",
    "services note-due 9 1767225720000",
    "services settle-schedule 9",
    "services note-at-rest olapengine/BLOCK_CACHE_LIFETIME 60 bi_server:4 bi_server:5",
    "operations begin services stop one bi_server:7:km4 why=schedule asked=9",
    "operations begin recover 9 bi_server:7:km4",
    "operations begin recover 9 bi_server:7:km4 bi_server:8:km5",
    "alerts raise k HOST_SILENT subject=s text=t severity=error",
    "alerts raise k ACTIVE_CHANGED occurrence=9 severity=info",
    "alerts resolve k",
    "alerts acknowledge 9 seen",
    "alerts add-channel w least=error webhook https://h ca=AAAA",
    "alerts add-channel m email h:25 a@b username=u encryption=tls",
    "alerts set-channel 9 m email h:25 a@b encryption=none expect=4",
    "alerts remove-channel 9 expect=4",
    "alerts try-out 9",
    "alerts note-try-out 9 10",
    "alerts note-told 9 10 failed=no",
];

/// A story that leaves a fact of every kind and a row of every table.
const STORY: &[&str] = &[
    "managers found km1",
    "managers become-active 1",
    "properties set kyvos-manager/ENABLE_KM_HA yes",
    "managers create-join-token t1 manager",
    "managers create-join-token t2 witness",
    "managers admit t1 manager km2",
    "managers alias 6 Blue",
    "managers create-join-token t3 manager",
    "managers admit t3 manager km3",
    "managers withdraw 9 gone",
    "operations begin add-manager 6 km2",
    "operations step-started 11 0 asking epoch=2",
    "operations step-ended 11 0 failed silent epoch=2",
    "access create-user ann administrator",
    "access sign-in ann s1 checked=14",
    "access wrong-password ann",
    "access create-token ci k1 maintainer ttl=60000",
    "properties set custom/greeting hello",
    "properties reset custom/never",
    "hosts register km1 agent roles=web_portal",
    "hosts invite 20 t4",
    "hosts enrol 20 t4 km1:7445",
    "hosts look 20",
    "hosts note 20 answers 0.1.0 asked=23",
    "hosts register db1 ssh:kyvos@db1:22 roles=postgres",
    "hosts trust 25 ssh-ed25519",
    "hosts note 25 silent gone",
    "hosts register km2 agent",
    "hosts invite 28 t5",
    "hosts set-ssh-key ssh-ed25519",
    "prechecks ask",
    "prechecks begin",
    "prechecks note 32 cli fail gone host=km1 code=CLI_MISSING",
    "prechecks note 32 portal_ha pass two",
    "prechecks finish 32",
    "prechecks ask km1",
    "prechecks begin",
    "prechecks ask km2",
    "installs note-stop 6 11 pid=77",
    "installs note-push 20 11 written /var/lib/km/it script",
    "installs note-push 24 11 failed gone",
    "services set-profile /k/{host}:{port} verified=true",
    "services set-access ca=AAAA certificate=BBBB username=reader",
    "services note-watch away gone server=zk1:2181 mode=leader trouble=wide",
    "services note-seen /k/h1:1 h1 port=1",
    "services note-seen /k/h2:1 h2 port=1 trouble=odd",
    "services note-gone /k/h2:1",
    "services discover /k",
    "services note-discovery 48 /k form=json because=wide propose=/k/{host}",
    "services set-control bi_server kyvos-bi tcp=8081",
    "services want stopped web_portal:20 why=maintenance",
    "services note-verdicts up so web_portal:20 whole=true",
    "services note-verdicts down gone web_portal:20",
    "alerts add-channel w least=info webhook https://h ca=AAAA",
    "alerts add-channel m email h:25 a@b username=u encryption=tls",
    "alerts raise k HOST_SILENT subject=s text=t severity=error",
    "alerts raise a ACTIVE_CHANGED occurrence=9",
    "alerts acknowledge 56 seen",
    "alerts resolve a",
    "alerts note-told 54 56",
    "alerts note-told 55 56 failed=no",
    "alerts try-out 54",
    "alerts note-try-out 54 62",
    "alerts try-out 55",
    "services want running web_portal:20",
    "services set-ha on off=postgres restarts=2 settle=0",
    "services open-window 28 until=90000 note=disks",
    "services recover web_portal:20",
];

fn step(line: &str, request: u64) -> Step {
    let by = Actor::User("ann".into());
    Step { line: line.into(), at: 1_000 + request, by, leader: 1, term: 1, request, fence: None }
}

/// Compares with the file, or writes it when told to.
fn compare(form: &str, samples: &[(String, Vec<u8>)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine/golden").join(form);
    let said = samples.iter().fold(String::new(), |mut said, (name, bytes)| {
        let hex: Vec<String> = bytes.chunks(32).map(hex_line).collect();
        writeln!(said, "{name}\n{}", hex.join("")).unwrap();
        said
    });
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &said).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let kept =
        written.lines().zip(said.lines()).take_while(|(written, said)| written == said).count();
    assert!(
        written == said,
        "The bytes in {} changed at line {}.\n\
         Running groups hold the old bytes in their logs, checkpoints and histories, and members of two builds \
         send them to each other. If you only added a command, append it behind the last one, and it takes a \
         higher feature level (machine/level.rs). For anything else raise the form's number, keep reading the \
         old one, and say so in docs/compatibility.md. Then UPDATE_GOLDEN=1 cargo test golden.",
        path.display(),
        kept + 1
    );
}

fn hex_line(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("  "), |mut line, byte| {
        write!(line, "{byte:02x}").unwrap();
        line
    }) + "\n"
}

#[test]
fn the_bytes_of_every_command_are_golden() {
    let sample = |line: &&str| {
        let proposal = Proposal {
            at: Timestamp(1_767_225_600_000),
            by: Actor::User("ann".into()),
            via: ManagerId(1),
            source: Some("10.0.0.7".into()),
            request: RequestId::new("r1").unwrap(),
            fingerprint: Digest::of(b"body"),
            fence: Some(Epoch(2)),
            reason: Some("because".into()),
            command: command_of(line),
        };
        let bytes = proposal.encode();
        assert_eq!(Proposal::decode(&bytes), Ok(proposal));
        ((*line).to_owned(), bytes)
    };
    for (room, verbs) in VERBS {
        for verb in verbs {
            let named = format!("{room} {verb}");
            assert!(COMMANDS.iter().any(|line| line.starts_with(&named)), "{named} has no sample");
        }
    }
    let mut samples: Vec<_> = COMMANDS.iter().map(sample).collect();
    samples.extend(actors());
    compare("proposals.hex", &samples);
}

fn actors() -> Vec<(String, Vec<u8>)> {
    let others = [Actor::Token("ci".into()), Actor::Manager(ManagerId(5)), Actor::Anonymous];
    let sample = |by: Actor| {
        let proposal = Proposal { by, ..step("access sign-out s1", 1).proposal() };
        (format!("by {}", proposal.by), proposal.encode())
    };
    others.into_iter().map(sample).collect()
}

#[test]
fn the_bytes_of_every_answer_are_golden() {
    let answer = |outcome, repeated| Answer { revision: Revision(300), outcome, repeated };
    let mut samples = vec![
        ("committed".to_owned(), answer(Outcome::Committed, false).encode()),
        ("committed again".to_owned(), answer(Outcome::Committed, true).encode()),
    ];
    for code in Code::ALL {
        let refused = answer(Outcome::Refused(Refusal::new(*code, "no")), false);
        assert_eq!(Answer::decode(&refused.encode()), Some(refused.clone()));
        samples.push((format!("refused {code}"), refused.encode()));
    }
    compare("answers.hex", &samples);
}

#[test]
fn the_bytes_of_the_image_and_of_every_history_row_are_golden() {
    let story: Vec<Step> = STORY.iter().zip(1..).map(|(line, n)| step(line, n)).collect();
    let mut state = State::default();
    let applied = told(&mut state, &log(&story));
    let mut image = Vec::new();
    write_image(&state, &mut image).unwrap();
    assert_eq!(read_image(&image).unwrap(), state);
    compare("image.hex", &[("facts after the story".to_owned(), image)]);

    let rows: Vec<_> = applied.iter().flat_map(|applied| &applied.rows).collect();
    let sample = |table: u8| {
        let row = rows.iter().rfind(|row| row.table == table).unwrap();
        (format!("table {table}, key {:?}", String::from_utf8_lossy(&row.key)), row.value.clone())
    };
    let tables = [tables::AUDIT, tables::PROPERTY_CHANGES, tables::TENURES];
    compare("history.hex", &tables.map(sample));
}

#[test]
fn an_image_from_before_there_were_hosts_is_still_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine/golden/image_1.hex");
    let text = fs::read_to_string(path).unwrap();
    let digits: String = text.lines().skip(1).map(str::trim).collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let image: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    let state = read_image(&image).unwrap();
    assert_eq!((state.kernel.level.0, state.hosts.hosts.len()), (1, 0));
    // A group that has not agreed on hosts yet goes on writing what builds before them can read.
    let mut again = Vec::new();
    write_image(&state, &mut again).unwrap();
    assert_eq!(again, image);
}
