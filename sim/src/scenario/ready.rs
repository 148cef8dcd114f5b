//! The scenarios that come with the program.

use super::Scenario;

/// Name and text of each.
pub const READY: [(&str, &str); 17] = [
    ("steady", include_str!("../../scenarios/steady.toml")),
    ("storm", include_str!("../../scenarios/storm.toml")),
    ("long-run", include_str!("../../scenarios/long-run.toml")),
    ("three-regions", include_str!("../../scenarios/three-regions.toml")),
    ("edge-behind-nat", include_str!("../../scenarios/edge-behind-nat.toml")),
    ("satellite-link", include_str!("../../scenarios/satellite-link.toml")),
    ("rolling-upgrade", include_str!("../../scenarios/rolling-upgrade.toml")),
    ("datacentre-loss", include_str!("../../scenarios/datacentre-loss.toml")),
    ("long-isolation", include_str!("../../scenarios/long-isolation.toml")),
    ("flapping-link", include_str!("../../scenarios/flapping-link.toml")),
    ("bad-disks", include_str!("../../scenarios/bad-disks.toml")),
    ("wild-clocks", include_str!("../../scenarios/wild-clocks.toml")),
    ("scale", include_str!("../../scenarios/scale.toml")),
    ("hostile", include_str!("../../scenarios/hostile.toml")),
    ("hostile-majority", include_str!("../../scenarios/hostile-majority.toml")),
    ("eclipse", include_str!("../../scenarios/eclipse.toml")),
    ("mass-restart", include_str!("../../scenarios/mass-restart.toml")),
];

/// A ready scenario by its name.
pub fn ready(name: &str) -> Option<Scenario> {
    let (_, text) = READY.iter().find(|(ready, _)| *ready == name)?;
    Scenario::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_scenario_can_be_read_and_bears_its_name() {
        for (name, text) in READY {
            let scenario = Scenario::parse(text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
            assert_eq!(scenario.name, name);
            assert!(scenario.about.len() > 40, "{name} does not say what it is about");
        }
    }
}
