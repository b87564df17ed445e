//! Real load balancers before real Managers, configured by the very text of `docs/running/load-balancers.md`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;

use super::calling::{Caller, Connections};
use super::support::{Manager, free_ports, signal, until};

const PAGE: &str = "docs/running/load-balancers.md";

/// A running balancer. Where it listens, and what it said.
pub(crate) struct Balancer {
    pub(crate) url: String,
    /// Its own certificate, which stands for the site's authority here.
    pub(crate) trusted: PathBuf,
    log: PathBuf,
    child: Child,
}

/// What the page says to write into a balancer's configuration: the block of code below a heading.
pub(crate) fn snippet(heading: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let (_, below) =
        page.split_once(&format!("\n## {heading}\n")).expect("the page has the heading");
    let below = below.split("\n## ").next().unwrap();
    let (_, code) = below.split_once("\n```").expect("a block of code stands below it");
    let (_, code) = code.split_once('\n').unwrap();
    code.split_once("\n```").expect("the block ends").0.to_owned() + "\n"
}

/// The page's hosts, ports and files, replaced by this test's: nothing else of the text is touched.
fn placed(text: &str, dir: &Path, port: u16, managers: &[Manager]) -> String {
    let dir = dir.display().to_string();
    let mut text = text
        .replace("bind :443", &format!("bind 127.0.0.1:{port}"))
        .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
        .replace("/etc/haproxy", &dir)
        .replace("/etc/nginx", &dir);
    for (number, manager) in (1..).zip(managers) {
        let host = format!("km{number}.example");
        let health = manager.health_url.rsplit(':').next().unwrap();
        let line = |line: &str| match line.contains(&host) {
            true => line
                .replace("port 7448", &format!("port {health}"))
                .replace(&format!("{host}:7443"), manager.api_url.strip_prefix("https://").unwrap())
                .replace(&host, &format!("km{number}")),
            false => line.to_owned(),
        };
        text = text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n";
    }
    text
}

impl Balancer {
    /// HAProxy with the text of a configuration; it trusts the authority in `ca` to have named the Managers.
    pub(crate) fn haproxy(text: &str, dir: &Path, managers: &[Manager], ca: &Path) -> Self {
        let (port, config) = (free_ports()[0], dir.join("haproxy.cfg"));
        std::fs::copy(ca, dir.join("km-ca.pem")).unwrap();
        let trusted = certificate(dir);
        let key = std::fs::read_to_string(dir.join("km.example.key")).unwrap();
        let chain = std::fs::read_to_string(&trusted).unwrap();
        std::fs::write(dir.join("km.example.pem"), chain + &key).unwrap();
        std::fs::write(&config, placed(text, dir, port, managers)).unwrap();
        let mut command = program("haproxy");
        // In the foreground, so that it ends with the test; "-db": no children, no demon.
        command.args(["-db", "-f"]).arg(&config);
        Self::started(command, dir, port, trusted)
    }

    /// nginx as the page writes it, inside the least that makes a whole configuration of it.
    pub(crate) fn nginx(dir: &Path, managers: &[Manager], ca: &Path) -> Self {
        let (port, config) = (free_ports()[0], dir.join("nginx.conf"));
        std::fs::copy(ca, dir.join("km-ca.pem")).unwrap();
        let trusted = certificate(dir);
        let at = dir.display();
        let site = placed(&snippet("nginx"), dir, port, managers);
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/nginx-error.log info;\n\
             events {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path {at}/body;\n\
             proxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\nuwsgi_temp_path {at}/uwsgi;\n\
             scgi_temp_path {at}/scgi;\n{site}}}\n"
        );
        std::fs::write(&config, whole).unwrap();
        let mut command = program("nginx");
        command
            .arg("-c")
            .arg(&config)
            .arg("-p")
            .arg(dir)
            .arg("-e")
            .arg(dir.join("nginx-error.log"));
        Self::started(command, dir, port, trusted)
    }

    fn started(mut command: Command, dir: &Path, port: u16, trusted: PathBuf) -> Self {
        let log = dir.join("balancer.log");
        let said = std::fs::File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let mut child =
            command.spawn().expect("a balancer is installed (scripts/install-balancers)");
        until("the balancer to listen", || {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "the balancer ended: {}", said());
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Balancer { url: format!("https://127.0.0.1:{port}"), trusted, log, child }
    }

    /// How often HAProxy told until now that it takes a Manager for well, or for well no more.
    pub(crate) fn turns(&self) -> usize {
        let said = std::fs::read_to_string(&self.log).unwrap();
        said.lines().filter(|line| line.contains(" is UP") || line.contains(" is DOWN")).count()
    }

    /// Somebody who calls through it, or past it.
    pub(crate) fn caller(&self, group_ca: &Path, token: &str, connections: Connections) -> Caller {
        Caller::new(&[group_ca, &self.trusted], token, connections)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.child.id(), Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn program(name: &str) -> Command {
    // Debian keeps servers where the path of people does not always lead.
    let installed = PathBuf::from("/usr/sbin").join(name);
    if installed.exists() { Command::new(installed) } else { Command::new(name) }
}

/// A certificate of the site: for the balancer's name and for this computer. Made once in a folder.
pub(crate) fn certificate(dir: &Path) -> PathBuf {
    let file = dir.join("km.example.crt");
    if file.exists() {
        return file;
    }
    let key = KeyPair::generate().unwrap();
    let names = ["km.example".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    std::fs::write(dir.join("km.example.key"), key.serialize_pem()).unwrap();
    std::fs::write(&file, certificate.pem()).unwrap();
    file
}
