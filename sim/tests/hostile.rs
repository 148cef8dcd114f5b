//! A few seeds of hostile authors and peers, every rule looking on. The gate runs hundreds (`tests/run`).

use std::collections::BTreeSet;

use driftless_sim::plan::{AUTHORS, PEERS, PeerKind};
use driftless_sim::scenario::ready;
use driftless_sim::{Options, draw, run};

#[test]
fn whatever_hostile_actors_do_every_rule_holds() {
    let scenario = ready("hostile").unwrap();
    for seed in 1..=3 {
        let case = draw(&scenario, seed);
        let record = run(&case, Options::default());
        assert_eq!(record.violations, [], "seed {seed}");
        let told = record.hostile.unwrap();
        assert!(told.signed > 0 && told.let_in > 0 && told.strikes > 0, "seed {seed}: {told:?}");
        if seed == 1 {
            assert_eq!(run(&case, Options::default()).trace, record.trace, "the same seed gives the same run");
        }
    }
}

#[test]
fn one_honest_author_among_thirty_is_enough() {
    let scenario = ready("hostile-majority").unwrap();
    let case = draw(&scenario, 1);
    let kinds: BTreeSet<_> = case.plan.hostile.authors.iter().collect();
    assert_eq!((case.plan.hostile.authors.len(), kinds.len()), (29, AUTHORS.len()), "every strategy at once");
    let record = run(&case, Options::default());
    assert_eq!(record.violations, []);
    assert!(record.totals.acknowledged > 20, "the honest author is served: {:?}", record.totals.refused);
}

#[test]
fn who_is_cut_off_from_all_honest_nodes_says_so() {
    for kind in [PeerKind::Eclipse, PeerKind::Frozen] {
        let mut scenario = ready("eclipse").unwrap();
        scenario.hostile.peer_strategies = vec![kind];
        let record = run(&draw(&scenario, 1), Options::default());
        assert_eq!(record.violations, [], "{kind:?}");
        let times = |what: &str| record.sometimes.get(what).copied().unwrap_or(0);
        assert!(times("a node that heard nobody honest said so") > 30, "{kind:?}: {:?}", record.sometimes);
        assert!(times("two other nodes agreed") > 1_000, "{kind:?}: {:?}", record.sometimes);
    }
}

#[test]
fn every_strategy_is_dealt_to_some_seed_and_switched_off_in_another() {
    let scenario = ready("hostile").unwrap();
    let plans: Vec<_> = (0..200).map(|seed| draw(&scenario, seed).plan.hostile).collect();
    for row in AUTHORS {
        let with = plans.iter().filter(|plan| plan.authors.contains(&row.kind)).count();
        assert!((10..190).contains(&with), "{} is in {with} of 200 seeds", row.name);
    }
    for row in PEERS {
        let with = plans.iter().filter(|plan| plan.peers.contains(&row.kind)).count();
        assert!((10..190).contains(&with), "{} is in {with} of 200 seeds", row.name);
    }
    assert!(draw(&ready("storm").unwrap(), 1).plan.hostile.is_empty(), "nobody is hostile where nobody was asked for");
}
