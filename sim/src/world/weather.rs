//! What happens to a message between two nodes: how long it takes, whether it is lost, whether it comes twice. Links by
//! region, and the faults that act on them now. It must not know what messages say.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::rng::Rng;

use crate::plan::{Class, Fault, stream};
use crate::scenario::{Link, Scenario};

/// What kind of message: some faults act on one kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// A gossip message.
    Gossip,
    /// A request, or its response.
    Exchange,
    /// The handshake of a new link.
    Handshake,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It never arrives.
    Lost,
    /// It arrives then, and a second time when the second is given. Microseconds.
    Arrives(u64, Option<u64>),
}

/// A fault that acts on links now.
struct Acting {
    number: usize,
    fault: Fault,
    begun_us: u64,
    /// Of each node: 1 on the one side, 2 on the other, 0 on neither.
    sides: Vec<u8>,
}

/// A link, with what every draw of its latency needs.
#[derive(Clone, Copy)]
struct Way {
    link: Link,
    sigma: f64,
}

/// All links.
pub struct Weather {
    rng: Rng,
    places: Vec<usize>,
    links: Vec<Vec<Way>>,
    acting: Vec<Acting>,
    /// When a link with a bound on its bytes is free again.
    free_us: BTreeMap<(usize, usize), u64>,
    /// Where a director opens links one by one: the pairs that are open.
    open: Option<BTreeSet<(usize, usize)>>,
    /// Messages that were lost.
    pub lost: u64,
}

/// Gossip that would wait longer than this for a narrow link is dropped: the queue towards a slow peer is bounded.
const GOSSIP_WAIT_US: u64 = 2_000_000;

/// The 2.326 standard deviations between the median and the 99th percentile of a normal distribution.
const P99: f64 = 2.326_347_874;

impl Weather {
    /// Links of a scenario under a seed.
    pub fn new(scenario: &Scenario, places: Vec<usize>, seed: u64) -> Self {
        let regions = 0..scenario.regions.len();
        let way = |link: Link| Way { link, sigma: sigma(link.median_ms, link.p99_ms) };
        let links =
            regions.clone().map(|a| regions.clone().map(|b| way(scenario.link_between(a, b))).collect()).collect();
        Self {
            rng: stream(seed, "links"),
            places,
            links,
            acting: Vec::new(),
            free_us: BTreeMap::new(),
            open: None,
            lost: 0,
        }
    }

    /// Another node, in a region.
    pub fn add_node(&mut self, place: usize) {
        self.places.push(place);
        self.acting.iter_mut().for_each(|acting| acting.sides.push(if acting.fault.others.is_empty() { 2 } else { 0 }));
    }

    /// A fault begins to act.
    pub fn begin(&mut self, number: usize, fault: &Fault, now_us: u64) {
        let side = |node: usize| match (fault.nodes.contains(&node), fault.others.is_empty()) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) if fault.others.contains(&node) => 2,
            (false, false) => 0,
        };
        let sides = (0..self.places.len()).map(side).collect();
        self.acting.push(Acting { number, fault: fault.clone(), begun_us: now_us, sides });
    }

    /// A fault no longer acts.
    pub fn end(&mut self, number: usize) {
        self.acting.retain(|acting| acting.number != number);
    }

    /// Closes all links but these; `None`: opens all.
    pub fn open_only(&mut self, pairs: Option<BTreeSet<(usize, usize)>>) {
        self.open = pairs;
    }

    /// Opens the link of a pair, where links are closed.
    pub fn open(&mut self, a: usize, b: usize) {
        if let Some(open) = &mut self.open {
            open.insert((a.min(b), a.max(b)));
        }
    }

    /// Closes it again.
    pub fn close(&mut self, a: usize, b: usize) {
        if let Some(open) = &mut self.open {
            open.remove(&(a.min(b), a.max(b)));
        }
    }

    fn is_closed(&self, a: usize, b: usize) -> bool {
        self.open.as_ref().is_some_and(|open| !open.contains(&(a.min(b), a.max(b))))
    }

    /// Whether nothing at all gets from one node to another now.
    pub fn is_cut(&self, from: usize, to: usize, now_us: u64) -> bool {
        self.is_closed(from, to) || self.acting.iter().any(|acting| acting.cuts(from, to, now_us))
    }

    /// The usual time of one way between two nodes, microseconds: what a check may count with.
    pub fn usual_us(&self, from: usize, to: usize) -> u64 {
        (self.way(from, to).link.p99_ms * 1_000.0) as u64
    }

    fn way(&self, from: usize, to: usize) -> &Way {
        &self.links[self.places[from]][self.places[to]]
    }

    fn chance(&mut self, thousandths: f64) -> bool {
        thousandths > 0.0 && (self.rng.below(1_000_000) as f64) < thousandths * 1_000.0
    }

    /// Sends a message of so many bytes.
    pub fn send(&mut self, from: usize, to: usize, bytes: usize, carries: Carries, now_us: u64) -> Passage {
        if self.is_closed(from, to) {
            self.lost += 1;
            return Passage::Lost;
        }
        let Way { link, sigma } = *self.way(from, to);
        let mut loss = if carries == Carries::Handshake { 0.0 } else { link.loss };
        let (mut twice, mut extra_us, mut spread_us, mut bandwidth) = (link.duplicate, 0, 0, link.bandwidth);
        for acting in &self.acting {
            if acting.cuts(from, to, now_us) {
                self.lost += 1;
                return Passage::Lost;
            }
            if !acting.crosses(from, to) {
                continue;
            }
            let amount = acting.fault.amount;
            match acting.fault.class {
                Class::Loss => loss += amount as f64,
                Class::RequestsFail if carries == Carries::Exchange => loss += amount as f64,
                Class::GossipMute if carries == Carries::Gossip => loss += amount as f64,
                Class::Duplicate => twice += amount as f64,
                Class::Latency => extra_us += amount * 1_000,
                Class::Reorder => spread_us += amount * 1_000,
                Class::Bandwidth => bandwidth = if bandwidth == 0 { amount } else { bandwidth.min(amount) },
                _ => {}
            }
        }
        if self.chance(loss) {
            self.lost += 1;
            return Passage::Lost;
        }
        let Some(wait_us) = self.wait(from, to, bytes, bandwidth, carries, now_us) else {
            self.lost += 1;
            return Passage::Lost;
        };
        let arrives = |weather: &mut Self| {
            let spread = if spread_us == 0 { 0 } else { weather.rng.below(spread_us) };
            now_us + wait_us + extra_us + spread + weather.latency_us(link.median_ms, sigma)
        };
        let first = arrives(self);
        let again = carries == Carries::Gossip && self.chance(twice);
        let second = again.then(|| arrives(self));
        Passage::Arrives(first, second)
    }

    /// How long a message waits for a narrow link; `None`: it is dropped.
    fn wait(&mut self, from: usize, to: usize, bytes: usize, kib: u64, carries: Carries, now_us: u64) -> Option<u64> {
        if kib == 0 {
            return Some(0);
        }
        let free_us = self.free_us.get(&(from, to)).copied().unwrap_or(0).max(now_us);
        let wait_us = free_us - now_us;
        if carries == Carries::Gossip && wait_us > GOSSIP_WAIT_US {
            return None;
        }
        let takes_us = bytes as u64 * 1_000_000 / (kib * 1_024);
        self.free_us.insert((from, to), free_us + takes_us);
        Some(wait_us + takes_us)
    }

    /// A lognormal draw.
    fn latency_us(&mut self, median_ms: f64, sigma: f64) -> u64 {
        (lognormal(&mut self.rng, median_ms, sigma) * 1_000.0) as u64
    }
}

impl Acting {
    fn crosses(&self, from: usize, to: usize) -> bool {
        matches!((self.sides[from], self.sides[to]), (1, 2) | (2, 1))
    }

    fn cuts(&self, from: usize, to: usize, now_us: u64) -> bool {
        match self.fault.class {
            Class::Partition | Class::Isolation => self.crosses(from, to),
            Class::OneWay => (self.sides[from], self.sides[to]) == (1, 2),
            Class::Flapping => {
                let turn = (now_us - self.begun_us) / (self.fault.amount.max(1) * 1_000);
                turn.is_multiple_of(2) && self.crosses(from, to)
            }
            Class::PartialPartition => {
                let pair = (from.min(to) as u64, from.max(to) as u64);
                let mut rng = Rng::new(pair.0 << 40 ^ pair.1 << 8 ^ self.number as u64);
                self.crosses(from, to) && rng.below(1_000) < self.fault.amount
            }
            _ => false,
        }
    }
}

/// A lognormal draw with this median and 99th percentile.
pub fn lognormal_ms(rng: &mut Rng, median: f64, p99: f64) -> f64 {
    lognormal(rng, median, sigma(median, p99))
}

/// The deviation of the logarithm.
fn sigma(median: f64, p99: f64) -> f64 {
    (p99 / median).ln() / P99
}

fn lognormal(rng: &mut Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// A standard normal draw: the sum of twelve uniform ones less six (the tails end at six deviations, which suits links).
fn normal(rng: &mut Rng) -> f64 {
    let mut sum = 0u64;
    for _ in 0..3 {
        // Four uniform numbers of 16 bits each from one draw.
        let bits = rng.next_u64();
        sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    }
    sum as f64 / 65_535.0 - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weather() -> Weather {
        let scenario = Scenario::parse("name = \"x\"\n[link]\nmedian_ms = 10\np99_ms = 40\n").unwrap();
        Weather::new(&scenario, vec![0; 4], 1)
    }

    fn fault(class: Class, nodes: &[usize], amount: u64) -> Fault {
        Fault { class, at_ms: 0, for_ms: 1_000, nodes: nodes.to_vec(), others: Vec::new(), amount }
    }

    #[test]
    fn latencies_have_the_median_and_the_tail_that_were_asked_for() {
        let mut rng = Rng::new(3);
        let mut draws: Vec<f64> = (0..20_000).map(|_| lognormal_ms(&mut rng, 10.0, 40.0)).collect();
        draws.sort_by(f64::total_cmp);
        assert!((9.7..10.3).contains(&draws[10_000]), "median {}", draws[10_000]);
        assert!((37.0..43.0).contains(&draws[19_800]), "p99 {}", draws[19_800]);
    }

    #[test]
    fn cuts_act_on_their_sides_and_directions_alone() {
        let mut weather = weather();
        weather.begin(1, &fault(Class::Partition, &[0, 1], 0), 0);
        assert!(weather.is_cut(0, 2, 5) && weather.is_cut(3, 1, 5));
        assert!(!weather.is_cut(0, 1, 5) && !weather.is_cut(2, 3, 5));
        weather.end(1);
        weather.begin(2, &fault(Class::OneWay, &[0], 0), 0);
        assert!(weather.is_cut(0, 2, 5) && !weather.is_cut(2, 0, 5));
        weather.end(2);
        weather.begin(3, &fault(Class::Flapping, &[0], 10), 0);
        assert!(weather.is_cut(0, 1, 5_000) && !weather.is_cut(0, 1, 15_000) && weather.is_cut(0, 1, 25_000));
    }

    #[test]
    fn a_narrow_link_delays_and_then_drops_gossip() {
        let mut weather = weather();
        weather.begin(1, &fault(Class::Bandwidth, &[0], 4), 0);
        let sent: Vec<Passage> = (0..8).map(|_| weather.send(0, 1, 4_096, Carries::Gossip, 0)).collect();
        assert!(matches!(sent[1], Passage::Arrives(at, None) if at > 2_000_000), "{sent:?}");
        assert_eq!(sent[7], Passage::Lost);
    }
}
