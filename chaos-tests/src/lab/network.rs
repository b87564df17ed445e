//! The network of a lab: a namespace for each host, one for the bridge between them, and a link into the one that this
//! program is in, where the clients are.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;

use super::names;
use super::tool::{run, run_with};
use super::wire::{Counts, Manners, Wire};
use crate::Failure;
use crate::cluster::Process;

/// Networks 10.77.x.0/24 of labs that run side by side.
const NETWORKS: u32 = 250;
/// The clients' own address in it.
pub(super) const CLIENTS: u8 = 254;

/// What a host does not let in. Everything else passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Hosts whose packets are lost.
    pub deaf_to: BTreeSet<usize>,
    /// Hosts that cannot open connections; those that are open go on.
    pub no_calls_from: BTreeSet<usize>,
    /// Hosts whose connections are reset.
    pub resets: BTreeSet<usize>,
    /// How many kilobytes of other hosts come in before all further ones are lost.
    pub quota_kib: Option<u32>,
}

/// The namespaces and links of a lab.
#[derive(Debug)]
pub struct Network {
    name: String,
    third: u8,
    hosts: usize,
    /// How many wires are laid.
    wires: AtomicUsize,
}

impl Network {
    /// Makes them.
    pub(super) fn new(hosts: usize) -> Result<Self, Failure> {
        let pid = std::process::id();
        let third = u8::try_from(pid % NETWORKS).expect("it is below 250");
        let network = Self { name: names::own(), third, hosts, wires: AtomicUsize::new(0) };
        let (name, switch) = (&network.name, network.switch());
        run(&format!("ip netns add {switch}"))?;
        run(&format!("ip -n {switch} link add br0 type bridge"))?;
        run(&format!("ip -n {switch} link set br0 up"))?;
        run(&format!("ip link add {name} type veth peer name uplink netns {switch}"))?;
        run(&format!("ip -n {switch} link set uplink master br0 up"))?;
        run(&format!("ip addr add 10.77.{third}.{CLIENTS}/24 dev {name}"))?;
        run(&format!("ip link set {name} up"))?;
        for place in 0..hosts {
            network.plug_in(place)?;
        }
        Ok(network)
    }

    fn plug_in(&self, place: usize) -> Result<(), Failure> {
        let (switch, own, address) = (self.switch(), self.namespace(place), self.address(place));
        run(&format!("ip netns add {own}"))?;
        run(&format!("ip -n {switch} link add p{place} type veth peer name eth0 netns {own}"))?;
        run(&format!("ip -n {switch} link set p{place} master br0 up"))?;
        run(&format!("ip -n {own} addr add {address}/24 dev eth0"))?;
        run(&format!("ip -n {own} link set lo up"))?;
        run(&format!("ip -n {own} link set eth0 up"))?;
        Ok(())
    }

    /// The namespace of a host.
    pub(super) fn namespace(&self, place: usize) -> String {
        names::host(&self.name, place)
    }

    /// The address of a host.
    pub fn address(&self, place: usize) -> Ipv4Addr {
        let last = u8::try_from(place + 1).expect("a lab has few hosts");
        Ipv4Addr::new(10, 77, self.third, last)
    }

    /// Everything that runs on a host.
    pub(super) fn processes(&self, place: usize) -> Result<Vec<Process>, Failure> {
        let told = run(&format!("ip netns pids {}", self.namespace(place)))?;
        Ok(told.lines().filter_map(|pid| Process::of(pid.trim().parse().ok()?)).collect())
    }

    /// Puts a host's cable in or pulls it out.
    pub fn cable(&self, place: usize, plugged: bool) -> Result<(), Failure> {
        let word = if plugged { "up" } else { "down" };
        run(&format!("ip -n {} link set p{place} {word}", self.switch())).map(drop)
    }

    /// How many packets the cable of a host has carried, both ways, since it was made.
    pub fn carried(&self, place: usize) -> Result<u64, Failure> {
        let switch = self.switch();
        let counter = |way: &str| format!("/sys/class/net/p{place}/statistics/{way}_packets");
        let told = run(&format!("ip netns exec {switch} cat {} {}", counter("rx"), counter("tx")))?;
        let number =
            |line: &str| line.trim().parse::<u64>().map_err(Failure::doing("count packets"));
        told.lines().map(number).sum()
    }

    /// Makes a host let in what this filter lets in, from now on.
    pub fn filter(&self, place: usize, filter: &Filter) -> Result<(), Failure> {
        let line = format!("ip netns exec {} nft -f -", self.namespace(place));
        run_with(&line, &self.rules(filter)).map(drop)
    }

    /// How many packets a host's filter has kept out since it was set.
    pub fn kept_out(&self, place: usize) -> Result<u64, Failure> {
        let rules = run(&format!("ip netns exec {} nft list ruleset", self.namespace(place)))?;
        let mut words = rules.split_whitespace();
        let mut packets = 0;
        while words.any(|word| word == "packets") {
            packets += words.next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(packets)
    }

    /// Makes what a host sends slow: so many kilobits a second, and a queue of at most 400 ms; `None` lifts it.
    pub fn throttle(&self, place: usize, kilobits: Option<u32>) -> Result<(), Failure> {
        let own = self.namespace(place);
        run(&match kilobits {
            Some(rate) => format!(
                "tc -n {own} qdisc replace dev eth0 root tbf rate {rate}kbit burst 8kb latency 400ms"
            ),
            None => format!("tc -n {own} qdisc del dev eth0 root"),
        })
        .map(drop)
    }

    /// How often a throttled host had to wait before it could send.
    pub fn held_up(&self, place: usize) -> Result<u64, Failure> {
        let told = run(&format!("tc -n {} -s qdisc show dev eth0", self.namespace(place)))?;
        let mut words = told.split_whitespace();
        let counted = words.any(|word| word == "overlimits").then(|| words.next()).flatten();
        Ok(counted.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Lays a wire of such manners between a host and the others, until it is taken up.
    pub fn lay_wire(
        &self,
        place: usize,
        manners: Manners,
        random: StdRng,
    ) -> Result<Laid<'_>, Failure> {
        let is_first = self.wires.fetch_add(1, Ordering::Relaxed) == 0;
        let mut laid = Laid { network: self, place, wire: None, is_there: true };
        let switch = self.switch();
        let (host, group, port) = (format!("p{place}"), format!("w{place}"), format!("x{place}"));
        if is_first {
            self.whole_frames(false)?;
        }
        run(&format!("ip -n {switch} link add {group} type veth peer name {port}"))?;
        run(&format!("ip -n {switch} link set {port} master br0 up"))?;
        run(&format!("ip -n {switch} link set {group} up"))?;
        run(&format!("ip -n {switch} link set {host} nomaster"))?;
        laid.wire = Some(Wire::between(&switch, (&host, &group), manners, random)?);
        Ok(laid)
    }

    fn take_up_wire(&self, place: usize) -> Result<(), Failure> {
        let (switch, is_last) = (self.switch(), self.wires.fetch_sub(1, Ordering::Relaxed) == 1);
        let plugged_in = run(&format!("ip -n {switch} link set p{place} master br0"));
        let taken_up = plugged_in.and_then(|_| run(&format!("ip -n {switch} link del w{place}")));
        // Wires that are left still carry frames as they are.
        let whole = if is_last { self.whole_frames(true) } else { Ok(()) };
        taken_up.and(whole)
    }

    /// Whether hosts hand the kernel what it is to cut into frames and to reckon the checksums of. A program that carries
    /// frames gets them as they are at that moment, so they have to be whole.
    fn whole_frames(&self, later: bool) -> Result<(), Failure> {
        let word = if later { "on" } else { "off" };
        for place in 0..self.hosts {
            let own = self.namespace(place);
            run(&format!("ip netns exec {own} ethtool -K eth0 tx {word} tso {word} gso {word}"))?;
        }
        run(&format!("ethtool -K {} tx {word} tso {word} gso {word}", self.name)).map(drop)
    }

    fn switch(&self) -> String {
        names::switch(&self.name)
    }

    fn rules(&self, filter: &Filter) -> String {
        let mut rules = String::from(
            "table inet chaos\ndelete table inet chaos\ntable inet chaos {\n chain in {\n  type filter hook input priority -10;\n",
        );
        let mut rule = |from: &BTreeSet<usize>, rest: &str| {
            if !from.is_empty() {
                let from: Vec<_> =
                    from.iter().map(|place| self.address(*place).to_string()).collect();
                writeln!(rules, "  ip saddr {{ {} }} {rest}", from.join(", "))
                    .expect("it is a String");
            }
        };
        rule(&filter.deaf_to, "counter drop");
        rule(&filter.resets, "meta l4proto tcp counter reject with tcp reset");
        rule(&filter.no_calls_from, "tcp flags & (syn | ack) == syn counter drop");
        if let Some(quota) = filter.quota_kib {
            let everybody = (0..self.hosts).collect();
            rule(&everybody, &format!("quota over {quota} kbytes counter drop"));
        }
        rules.push_str(" }\n}\n");
        rules
    }
}

/// A wire between a host and the others. Dropped, it is taken up.
#[derive(Debug)]
pub struct Laid<'a> {
    network: &'a Network,
    place: usize,
    wire: Option<Wire>,
    is_there: bool,
}

impl Laid<'_> {
    /// Puts the host's own cable in again; what the wire did.
    pub fn take_up(mut self) -> Result<Counts, Failure> {
        let counts = self.wire.as_ref().map_or_else(Counts::default, Wire::counts);
        self.undo()?;
        Ok(counts)
    }

    fn undo(&mut self) -> Result<(), Failure> {
        // Nobody carries any more before the cable does.
        self.wire = None;
        match std::mem::take(&mut self.is_there) {
            true => self.network.take_up_wire(self.place),
            false => Ok(()),
        }
    }
}

impl Drop for Laid<'_> {
    fn drop(&mut self) {
        // What cannot be mended shows in the recovery.
        let _ = self.undo();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A half made network is removed as far as it was made.
        for place in 0..self.hosts {
            let _ = run(&format!("ip netns del {}", self.namespace(place)));
        }
        let _ = run(&format!("ip netns del {}", self.switch()));
        let _ = run(&format!("ip link del {}", self.name));
    }
}
