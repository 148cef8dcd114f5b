//! Draws a plan from a scenario and a seed. Each class draws from numbers of its own, so that switching one off leaves
//! the others as they were.

use driftless_core::rng::Rng;

use super::class::{CLASSES, Class, Trait};
use super::{Case, Fault, How, Plan, Write};
use crate::scenario::{Event, Scenario};

/// The case of a scenario under a seed.
pub fn draw(scenario: &Scenario, seed: u64) -> Case {
    let mut faults = scripted(scenario);
    for class in switched_on(scenario, seed) {
        faults.extend(by_chance(scenario, seed, class));
    }
    faults.sort_by_key(|fault| (fault.at_ms, fault.class));
    let mut writes = writes(scenario, seed, &faults);
    if scenario.hostile.lone {
        // The operator alone writes what is honest.
        let operators = |value: u64| if value.is_multiple_of(2) { How::Pair } else { How::Count };
        writes.iter_mut().for_each(|write| write.how = operators(write.value));
    }
    let hostile = super::hostile::hostility(scenario, seed);
    let trust = super::trust::trust_acts(scenario, seed);
    Case { seed, scenario: scenario.clone(), plan: Plan { faults, writes, absent: Vec::new(), hostile, trust } }
}

/// A generator for one purpose under one seed.
pub fn stream(seed: u64, purpose: &str) -> Rng {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 simulator stream v1");
    hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    Rng::new(u64::from_le_bytes(bytes))
}

/// A number from a range, both ends included.
fn within(rng: &mut Rng, (from, to): (u64, u64)) -> u64 {
    from + rng.below(to.saturating_sub(from) + 1)
}

/// The classes that may happen under this seed.
fn switched_on(scenario: &Scenario, seed: u64) -> Vec<&'static Trait> {
    let faults = &scenario.faults;
    let mut rng = stream(seed, "switches");
    let quiet = rng.below(1_000) < faults.quiet_seeds;
    let halved = faults.halves && rng.below(2) == 0;
    let mut classes = Vec::new();
    for row in &CLASSES {
        // Drawn for every class, whether it is used or not.
        let kept = rng.below(2) == 0 || !halved;
        let allowed = faults.only.is_empty() || faults.only.contains(&row.class);
        if kept && allowed && !faults.never.contains(&row.class) && !quiet && faults.rate > 0.0 {
            classes.push(row);
        }
    }
    classes
}

fn by_chance(scenario: &Scenario, seed: u64, row: &Trait) -> Vec<Fault> {
    let mut rng = stream(seed, row.name);
    let span_ms = scenario.minutes * 60_000;
    let mean_gap_ms = 3_600_000.0 / (row.an_hour as f64 * scenario.faults.rate);
    let mut faults = Vec::new();
    let mut at_ms = gap(&mut rng, mean_gap_ms);
    while at_ms < span_ms {
        let for_ms = within(&mut rng, (row.seconds.0 * 1_000, row.seconds.1 * 1_000)).min(span_ms - at_ms);
        let amount = within(&mut rng, row.amount);
        let nodes = targets(row.class, scenario.nodes, &mut rng);
        faults.push(Fault { class: row.class, at_ms, for_ms, nodes, others: Vec::new(), amount });
        at_ms += for_ms + gap(&mut rng, mean_gap_ms);
    }
    faults
}

/// Time until the next of things that happen independently: exponential, from a table of its quantiles.
pub(super) fn gap(rng: &mut Rng, mean_ms: f64) -> u64 {
    let unit = (rng.below(1 << 30) + 1) as f64 / (1u64 << 30) as f64;
    (-unit.ln() * mean_ms) as u64
}

/// One node, or one side of a cut.
fn targets(class: Class, nodes: usize, rng: &mut Rng) -> Vec<usize> {
    let side = matches!(
        class,
        Class::Loss
            | Class::Duplicate
            | Class::Reorder
            | Class::Latency
            | Class::Bandwidth
            | Class::Partition
            | Class::PartialPartition
            | Class::OneWay
            | Class::Flapping
            | Class::RequestsFail
            | Class::GossipMute
            | Class::MassRestart
            | Class::HotEntry
    );
    let one = rng.below(nodes as u64) as usize;
    if !side {
        return vec![one];
    }
    let mut list: Vec<usize> = (0..nodes).filter(|_| rng.below(2) == 0).collect();
    if list.is_empty() || list.len() == nodes {
        list = vec![one];
    }
    list
}

fn scripted(scenario: &Scenario) -> Vec<Fault> {
    let places = scenario.places(scenario.nodes);
    let of_regions = |names: &[String]| -> Vec<usize> {
        let named = |place: &usize| scenario.regions.get(*place).is_some_and(|region| names.contains(&region.name));
        (0..scenario.nodes).filter(|node| named(&places[*node])).collect()
    };
    let fault = |event: &Event| Fault {
        class: event.fault,
        at_ms: event.at * 1_000,
        for_ms: event.lasts * 1_000,
        nodes: event.nodes.iter().copied().chain(of_regions(&event.regions)).collect(),
        others: of_regions(&event.against),
        amount: event.amount,
    };
    scenario.events.iter().map(fault).collect()
}

/// All writes: the steady load, less what idle times leave out, and what bursts and hot entries add.
fn writes(scenario: &Scenario, seed: u64, faults: &[Fault]) -> Vec<Write> {
    let span_ms = scenario.minutes * 60_000;
    let load = &scenario.load;
    let mut rng = stream(seed, "load");
    let mut list = Vec::new();
    if load.writes_per_second > 0.0 {
        let mean_ms = 1_000.0 / load.writes_per_second;
        let mut at_ms = gap(&mut rng, mean_ms);
        while at_ms < span_ms && (load.writes == 0 || (list.len() as u64) < load.writes) {
            list.push(any_write(scenario, &mut rng, at_ms));
            at_ms += gap(&mut rng, mean_ms);
        }
    }
    let during = |class: Class| faults.iter().filter(move |fault| fault.class == class);
    list.retain(|write| !during(Class::Idle).any(|idle| (idle.at_ms..idle.at_ms + idle.for_ms).contains(&write.at_ms)));
    for large in during(Class::LargeValues) {
        let within = |write: &&mut Write| (large.at_ms..large.at_ms + large.for_ms).contains(&write.at_ms);
        list.iter_mut().filter(within).for_each(|write| write.bytes = large.amount as usize * 1_024);
    }
    for burst in during(Class::Burst) {
        let count = burst.amount * burst.for_ms / 1_000;
        list.extend((0..count).map(|_| {
            let at_ms = burst.at_ms + rng.below(burst.for_ms.max(1));
            any_write(scenario, &mut rng, at_ms)
        }));
    }
    for hot in during(Class::HotEntry) {
        let (count, entry) = (hot.amount * hot.for_ms / 1_000, rng.below(load.entries as u64) as usize);
        list.extend((0..count).map(|_| {
            let at_ms = hot.at_ms + rng.below(hot.for_ms.max(1));
            let node = hot.nodes[rng.below(hot.nodes.len() as u64) as usize];
            Write { node, entry, ..any_write(scenario, &mut rng, at_ms) }
        }));
    }
    list.sort_by_key(|write| (write.at_ms, write.value));
    list
}

fn any_write(scenario: &Scenario, rng: &mut Rng, at_ms: u64) -> Write {
    let load = &scenario.load;
    let how = match rng.below(1_000) {
        roll if roll < load.pairs => How::Pair,
        roll if roll < load.pairs + 60 => How::Count,
        roll if roll < load.pairs + 260 => How::Merge,
        roll if roll < load.pairs + 340 => How::Append,
        roll if roll < load.pairs + 380 => How::Delete,
        _ => How::Put,
    };
    let (node, entry) = (rng.below(scenario.nodes as u64) as usize, rng.below(load.entries as u64) as usize);
    // Every value is another one, also when two nodes write at the same moment.
    Write { at_ms, node, entry, how, value: rng.below(1 << 40), bytes: load.value_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ready;

    fn stormy() -> Scenario {
        ready("storm").unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_plan() {
        assert_eq!(draw(&stormy(), 7), draw(&stormy(), 7));
        assert_ne!(draw(&stormy(), 7).plan, draw(&stormy(), 8).plan);
    }

    #[test]
    fn switching_a_class_off_leaves_the_others_as_they_were() {
        let seed = (0..).find(|seed| draw(&stormy(), *seed).plan.faults.len() > 20).unwrap();
        let all = draw(&stormy(), seed).plan.faults;
        let gone = all[0].class;
        let mut calmer = stormy();
        calmer.faults.never.push(gone);
        let rest: Vec<Fault> = all.into_iter().filter(|fault| fault.class != gone).collect();
        assert_eq!(draw(&calmer, seed).plan.faults, rest);
    }

    #[test]
    fn a_third_of_the_seeds_is_quiet() {
        let quiet = (0..300).filter(|seed| draw(&stormy(), *seed).plan.faults.is_empty()).count();
        assert!((70..130).contains(&quiet), "{quiet} of 300");
    }
}
