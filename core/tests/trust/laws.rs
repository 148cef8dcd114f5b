//! Laws of trust: a function of the set, rooted in genesis, confined to what was granted, and the same as a naive model.

use driftless_core::trust::Accepted;
use driftless_statement::{Body, StatementId};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::history::{Act, History, acts};
use crate::world::model::{Model, Set};
use crate::world::{Reached, cases, evaluate, genesis_of};

fn histories() -> impl Strategy<Value = (u64, Vec<Act>)> {
    (1u64..=2, acts(24))
}

fn set_of(history: &History) -> Set {
    history
        .made
        .iter()
        .map(|s| (s.id(), s.clone()))
        .chain([(history.maker.genesis.id(), history.maker.genesis.clone())])
        .collect()
}

/// P14 and more: every verdict is the naive model's, in any order of the set.
#[test]
fn verdicts_are_those_of_the_model() {
    let reached = Reached::default();
    TestRunner::new(cases())
        .run(&(histories(), any::<u64>()), |((threshold, acts), seed)| {
            let history = History::of(threshold, &acts);
            let genesis = &history.maker.genesis;
            let set = set_of(&history);
            let trust = evaluate(genesis, set.values());
            let mut shuffled = history.made.clone();
            shuffled.sort_by_key(|s| s.id().0.map(|byte| byte ^ seed as u8));
            shuffled.extend(history.made.iter().take(3).cloned());
            prop_assert_eq!(&trust, &evaluate(genesis, &shuffled), "order, repetition and genesis do not matter");
            let model = Model { genesis, set: &set };
            for (id, s) in &set {
                let (admissible, authorised) =
                    (trust.admissible(s, &Accepted::default()), trust.authorised(s, &Accepted::default()));
                prop_assert_eq!(admissible.is_ok(), model.admissible(*id, s.statement()), "{:?} {:?}", s, admissible);
                prop_assert_eq!(authorised.is_ok(), model.authorised(*id, s.statement()), "{:?} {:?}", s, authorised);
                prop_assert!(authorised.is_err() || admissible.is_ok(), "what counts is let in");
                reached.note(authorised.err().map_or("authorised", |refusal| refusal.word()));
                if let (Body::Grant(_), Some(standing)) = (&s.statement().body, trust.grant(id)) {
                    reached.note(if standing.rank > 2 { "long chain" } else { "chain" });
                    prop_assert_eq!(trust.chain(id).len(), standing.rank + 1);
                    prop_assert_eq!(standing.is_authorised(), trust.authorised(s, &Accepted::default()).is_ok());
                }
            }
            Ok(())
        })
        .unwrap();
    reached.all(&[
        "authorised",
        "no_such_grant",
        "grant_pending",
        "not_grantee",
        "not_root",
        "not_root_act",
        "verb",
        "outside",
        "outside_scope",
        "wider",
        "pending",
        "unknown",
        "chain",
        "long chain",
    ]);
}

/// P13: whatever counts stops counting when any link between it and genesis is missing, and in every other mesh.
#[test]
fn authority_is_rooted() {
    let reached = Reached::default();
    TestRunner::new(cases())
        .run(&histories(), |(threshold, acts)| {
            let history = History::of(threshold, &acts);
            let genesis = &history.maker.genesis;
            let set = set_of(&history);
            let trust = evaluate(genesis, set.values());
            let other = genesis_of(&[0], 1, "another");
            let elsewhere = evaluate(&other, set.values());
            for s in
                set.values().filter(|s| s.id() != genesis.id() && trust.authorised(s, &Accepted::default()).is_ok())
            {
                let refused = elsewhere.authorised(s, &Accepted::default()).map_err(|refusal| refusal.word());
                prop_assert_eq!(refused, Err("other_mesh"));
                let chain = trust.chain(&s.statement().grant);
                prop_assert_eq!(chain.last(), Some(&genesis.id()));
                for link in chain.iter().filter(|link| **link != genesis.id()) {
                    let broken = evaluate(genesis, set.values().filter(|s| s.id() != *link));
                    prop_assert!(
                        broken.admissible(s, &Accepted::default()).is_err(),
                        "{:?} stands without {:?}",
                        s,
                        link
                    );
                    reached.note("link broken");
                }
                let root: StatementId = match chain.iter().rev().nth(1) {
                    Some(root) => *root,
                    None if matches!(s.statement().body, Body::Grant(_)) => s.id(),
                    None => continue,
                };
                let unsigned = evaluate(
                    genesis,
                    set.values().filter(|s| !matches!(&s.statement().body, Body::Approve(a) if a.id == root)),
                );
                prop_assert_eq!(
                    unsigned.authorised(s, &Accepted::default()).is_ok(),
                    threshold == 1,
                    "a root act without approvals"
                );
                reached.note(if threshold == 1 { "one root key" } else { "approvals withdrawn" });
            }
            Ok(())
        })
        .unwrap();
    reached.all(&["link broken", "one root key", "approvals withdrawn"]);
}

/// What a key may do never grows beyond what the keys above it may do: each grant that stands gives nothing that the one it
/// relies on does not.
#[test]
fn grants_only_narrow() {
    TestRunner::new(cases())
        .run(&histories(), |(threshold, acts)| {
            let history = History::of(threshold, &acts);
            let trust = evaluate(&history.maker.genesis, &history.made);
            for (id, standing) in trust.grants() {
                prop_assert_eq!(*id, standing.id);
                let Some(parent) = trust.grant(&standing.parent) else {
                    prop_assert!(trust.epoch().unwrap().is_root(&standing.issuer));
                    continue;
                };
                prop_assert!(parent.is_authorised() && parent.grant.key == standing.issuer);
                prop_assert_eq!(parent.rank + 1, standing.rank);
                prop_assert!(parent.grant.prefix.contains(&standing.grant.prefix));
                prop_assert!(standing.grant.verbs.is_subset(&parent.grant.verbs));
                prop_assert!(parent.held().contains(&standing.held()));
            }
            for (key, member) in trust.members() {
                prop_assert!(trust.is_author(key) && trust.member(key) == Some(member));
            }
            Ok(())
        })
        .unwrap();
}
