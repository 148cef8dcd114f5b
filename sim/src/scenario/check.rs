//! Reading a scenario: unknown keys, values out of range and names that mean nothing are refused, each with its place.

use super::{Link, Scenario};

/// Why a text is no scenario. Nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScenario {
    /// Not TOML, or not the keys of a scenario.
    #[error("scenario: {0}")]
    Form(String),
    /// A value that cannot be.
    #[error("scenario: `{key}` {what}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong, and what would be right.
        what: String,
    },
}

/// The most nodes that a scenario may have: above the largest mesh that Driftless is meant for.
const NODES: usize = 20_000;

pub(super) fn bad(key: impl Into<String>, what: impl Into<String>) -> BadScenario {
    BadScenario::Value { key: key.into(), what: what.into() }
}

impl Scenario {
    /// Reads a scenario file.
    pub fn parse(text: &str) -> Result<Self, BadScenario> {
        let scenario: Self = toml::from_str(text).map_err(|error| BadScenario::Form(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Refuses what cannot be.
    pub fn check(&self) -> Result<(), BadScenario> {
        if !(1..=NODES).contains(&self.nodes) {
            return Err(bad("nodes", format!("is {}; from 1 to {NODES}", self.nodes)));
        }
        if !(1..=60 * 24 * 60).contains(&self.minutes) {
            return Err(bad("minutes", format!("is {}; from 1 to 86400 (60 days)", self.minutes)));
        }
        if self.regions.is_empty() || self.regions.iter().all(|region| region.weight == 0) {
            return Err(bad("regions", "names no region with a weight; leave it out for one region"));
        }
        for (at, link) in self.links.iter().enumerate() {
            for name in [&link.between.0, &link.between.1] {
                self.knows(name, &format!("links[{at}].between"))?;
            }
            check_link(&link.over(self.link), &format!("links[{at}]"))?;
        }
        check_link(&self.link, "link")?;
        self.check_load()?;
        self.hostile.check()?;
        self.trust.check()?;
        self.check_events()
    }

    fn check_load(&self) -> Result<(), BadScenario> {
        let load = &self.load;
        if !(0.0..=100_000.0).contains(&load.writes_per_second) {
            return Err(bad("load.writes_per_second", format!("is {}; from 0 to 100000", load.writes_per_second)));
        }
        if !(1..=1_000_000).contains(&load.entries) {
            return Err(bad("load.entries", format!("is {}; from 1 to 1000000", load.entries)));
        }
        if load.value_bytes > 200_000 {
            return Err(bad("load.value_bytes", format!("is {}; at most 200000", load.value_bytes)));
        }
        if load.pairs > 600 {
            return Err(bad("load.pairs", format!("is {}; at most 600 thousandths", load.pairs)));
        }
        if !(0.0..=100.0).contains(&self.faults.rate) {
            return Err(bad("faults.rate", format!("is {}; from 0 to 100 times the usual", self.faults.rate)));
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), BadScenario> {
        for (at, event) in self.events.iter().enumerate() {
            for name in event.regions.iter().chain(&event.against) {
                self.knows(name, &format!("events[{at}].regions"))?;
            }
            if let Some(node) = event.nodes.iter().find(|node| **node >= self.nodes) {
                let what = format!("names node {node}; there are 0 to {}", self.nodes - 1);
                return Err(bad(format!("events[{at}].nodes"), what));
            }
            if event.nodes.is_empty() && event.regions.is_empty() {
                return Err(bad(format!("events[{at}]"), "is about no node; give `nodes` or `regions`"));
            }
            if event.at > self.minutes * 60 {
                return Err(bad(format!("events[{at}].at"), "lies behind the end of the run; raise `minutes`"));
            }
        }
        Ok(())
    }

    fn knows(&self, name: &str, key: &str) -> Result<(), BadScenario> {
        if self.regions.iter().any(|region| region.name == name) {
            return Ok(());
        }
        let names: Vec<&str> = self.regions.iter().map(|region| region.name.as_str()).collect();
        Err(bad(key, format!("names region `{name}`; there are {names:?}")))
    }
}

fn check_link(link: &Link, key: &str) -> Result<(), BadScenario> {
    let times = link.median_ms > 0.0 && link.p99_ms >= link.median_ms && link.p99_ms <= 600_000.0;
    if !times {
        return Err(bad(key, "needs 0 < median_ms ≤ p99_ms ≤ 600000"));
    }
    if !(0.0..=1_000.0).contains(&link.loss) || !(0.0..=1_000.0).contains(&link.duplicate) {
        return Err(bad(key, "needs loss and duplicate from 0 to 1000 thousandths"));
    }
    Ok(())
}
