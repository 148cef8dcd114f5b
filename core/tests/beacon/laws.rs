//! Beacons are read exactly as written and taken only when new and from members; marks are a function of the set.

use std::sync::Arc;

use driftless_core::beacon::{
    BEACON_EXPIRY_MAX_MS, BUCKETS, BadBeacon, Beacon, Claim, Divergence, Health, MARK_MS, MARKS, MarkList, Marks,
    NotHeard, Own, Proven, Report, State, folded_digest, pages,
};
use driftless_core::now::Now;
use driftless_core::wire::BEACON_BYTES;
use driftless_statement::{Hlc, MeshId, PublicKey, Scope, SecretKey, StatementId};
use proptest::prelude::*;

use crate::figures;

/// One moment, on two clocks that agree.
fn at(ms: u64) -> Now {
    Now { mono_ms: ms, wall_ms: ms }
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

const NOW: u64 = 5_000_000;
const MESH: MeshId = MeshId([1; 32]);

fn key() -> SecretKey {
    SecretKey::from_bytes([7; 32])
}

fn scope(name: &str) -> Scope {
    Scope::parse(name).unwrap()
}

fn report(name: &str, fill: u8) -> Report {
    Report {
        scope: scope(name),
        count: 12,
        set: [fill; 32],
        marks: MarkList { newest: NOW / MARK_MS, hashes: vec![[fill; 16]; MARKS] },
        folded: [fill; 32],
        merged: [fill; 32],
        effective: [fill; 32],
        newest: Hlc::from_millis(NOW),
    }
}

fn beacon(boot: u64, counter: u64) -> Beacon {
    Beacon {
        mesh: MESH,
        node: key().public(),
        boot,
        counter,
        time_ms: NOW,
        expires_ms: NOW + 15_000,
        fold_version: 1,
        health: Health::READ_ONLY.with(Health::CLOCK),
        peers: 3,
        lag_ms: 120,
        far: true,
        name: "node".to_owned(),
        scopes: vec![report("billing", 4), report("shop", 5)],
    }
}

fn tracker() -> Divergence {
    let mut tracker = Divergence::new(PublicKey([2; 32]), MESH, 10_000);
    tracker.expect(0, Arc::new([PublicKey([2; 32]), key().public()].into_iter().collect()));
    tracker.own(NOW, Own { time_ms: NOW, lag_ms: 1, scopes: vec![report("shop", 5)] });
    tracker
}

#[test]
fn a_beacon_is_read_as_signed() {
    let beacon = beacon(1, 1);
    let bytes = beacon.sign(&key()).unwrap();
    assert!(bytes.len() <= BEACON_BYTES);
    let claim = Claim::decode(&bytes).unwrap();
    assert_eq!(claim.beacon(), &beacon);
    assert_eq!(claim.verify().unwrap().beacon(), &beacon);
    assert_eq!(beacon.sign(&SecretKey::from_bytes([8; 32])), Err(BadBeacon::Key(beacon.node)));
}

#[test]
fn a_beacon_of_twelve_scopes_fits_and_more_are_divided() {
    let reports: Vec<Report> = (0..40).map(|at| report(&format!("scope-{at:03}"), at)).collect();
    let pages = pages(reports.clone());
    assert!(pages[0].len() >= 12, "{}", pages[0].len());
    for page in &pages {
        let beacon = Beacon { scopes: page.clone(), ..beacon(u64::MAX, u64::MAX) };
        assert!(beacon.sign(&key()).unwrap().len() <= BEACON_BYTES);
    }
    assert_eq!(pages.concat(), reports);
    let long = report(&"s".repeat(512), 1);
    assert!(Beacon { scopes: vec![long], ..beacon(1, 1) }.sign(&key()).is_ok());
}

#[test]
fn a_beacon_reports_each_scope_once_and_in_order() {
    let with = |names: &[&str]| Beacon { scopes: names.iter().map(|name| report(name, 4)).collect(), ..beacon(1, 1) };
    assert!(with(&["billing", "shop"]).sign(&key()).is_ok());
    for names in [["shop", "billing"], ["shop", "shop"]] {
        let refused = with(&names).sign(&key()).unwrap_err();
        assert!(refused.to_string().contains("ascending order"), "{refused}");
    }
}

#[test]
fn a_forged_beacon_does_not_verify() {
    let bytes = beacon(1, 1).sign(&key()).unwrap();
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        if let Ok(claim) = Claim::decode(&forged) {
            assert!(claim.verify().is_err(), "byte {at}");
        }
    }
    // A statement's context does not sign beacons.
    let canonical = &bytes[..bytes.len() - 64];
    let other = [canonical, &key().sign_for(b"driftless/statement/v1\0", canonical)].concat();
    assert!(Claim::decode(&other).unwrap().verify().is_err());
}

#[test]
fn a_beacon_is_taken_only_when_new_and_from_a_member() {
    let mut tracker = tracker();
    let hear = |tracker: &mut Divergence, now, beacon: Beacon| tracker.hear(at(now), &Arc::new(Proven::assume(beacon)));
    assert_eq!(hear(&mut tracker, NOW, beacon(2, 5)), Ok(()));
    assert_eq!(hear(&mut tracker, NOW, beacon(2, 5)), Err(NotHeard::Old), "repeated");
    assert_eq!(hear(&mut tracker, NOW, beacon(2, 4)), Err(NotHeard::Old));
    assert_eq!(hear(&mut tracker, NOW, beacon(1, 9)), Err(NotHeard::Old), "an earlier boot");
    assert_eq!(hear(&mut tracker, NOW, beacon(3, 1)), Ok(()), "a later boot");
    assert_eq!(hear(&mut tracker, NOW + 75_000, beacon(3, 2)), Err(NotHeard::Expired), "by any clock");
    let far = Beacon { time_ms: NOW + 61_000, expires_ms: NOW + 62_000, ..beacon(3, 2) };
    assert_eq!(hear(&mut tracker, NOW, far), Err(NotHeard::Time));
    let long = Beacon { expires_ms: NOW + BEACON_EXPIRY_MAX_MS + 1, ..beacon(3, 2) };
    assert_eq!(hear(&mut tracker, NOW, long), Err(NotHeard::Time));
    let backwards = Beacon { expires_ms: NOW - 1, ..beacon(3, 2) };
    assert_eq!(hear(&mut tracker, NOW, backwards), Err(NotHeard::Time));
    assert_eq!(hear(&mut tracker, NOW, Beacon { mesh: MeshId([9; 32]), ..beacon(3, 2) }), Err(NotHeard::Mesh));
    let stranger = Beacon { node: PublicKey([9; 32]), ..beacon(3, 2) };
    assert_eq!(hear(&mut tracker, NOW, stranger), Err(NotHeard::NotMember));
    let own = Beacon { node: PublicKey([2; 32]), ..beacon(3, 2) };
    assert_eq!(hear(&mut tracker, NOW, own), Err(NotHeard::Own));
    // A node restored with a lower boot is heard again once its last beacon has expired.
    let later = NOW + 76_000;
    let restored = Beacon { time_ms: later, expires_ms: later + 15_000, ..beacon(1, 1) };
    assert_eq!(hear(&mut tracker, later, restored), Ok(()));
    // Who is no member any more is forgotten.
    tracker.expect(0, Arc::new([PublicKey([3; 32])].into_iter().collect()));
    assert_eq!(tracker.node(&key().public(), at(later)), None);
    assert_eq!(tracker.picture(at(later)).expected, 1);
}

/// Found by the simulator: a clock that was set back kept silent nodes alive for as long as it had been ahead.
#[test]
fn silence_is_measured_on_a_clock_that_cannot_jump() {
    let mut tracker = tracker();
    tracker.hear(at(NOW), &Arc::new(Proven::assume(beacon(1, 1)))).unwrap();
    let set_back = Now { mono_ms: NOW + 15_000, wall_ms: NOW - 40_000 };
    assert!(tracker.node(&key().public(), set_back).unwrap().silent);
    assert!(tracker.picture(set_back).hears_nobody);
    let set_ahead = Now { mono_ms: NOW + 1_000, wall_ms: NOW + 40_000 };
    assert!(!tracker.node(&key().public(), set_ahead).unwrap().silent);
    assert!(!tracker.picture(set_ahead).hears_nobody);
}

#[test]
fn equal_sets_with_unequal_merged_digests_raise_the_alarm() {
    let mut tracker = tracker();
    let same = report("shop", 5);
    let wrong = Report { merged: [99; 32], ..same.clone() };
    tracker.hear(at(NOW), &Arc::new(Proven::assume(Beacon { scopes: vec![wrong], ..beacon(1, 1) }))).unwrap();
    let alarms = tracker.picture(at(NOW)).alarms;
    assert_eq!((alarms.len(), &alarms[0].node, &alarms[0].scope), (1, &key().public(), &scope("shop")));
    // It is also raised for a set that this node has moved on from.
    let mut moved = tracker.clone();
    moved.own(NOW, Own { time_ms: NOW, lag_ms: 1, scopes: vec![report("shop", 6)] });
    assert_eq!(moved.picture(at(NOW)).alarms.len(), 1);
    // It ends when the folds agree.
    tracker.hear(at(NOW), &Arc::new(Proven::assume(Beacon { scopes: vec![same], ..beacon(1, 2) }))).unwrap();
    assert!(tracker.picture(at(NOW)).alarms.is_empty());
    // Different sets raise none.
    let other = Report { folded: [77; 32], merged: [99; 32], ..report("shop", 5) };
    tracker.hear(at(NOW), &Arc::new(Proven::assume(Beacon { scopes: vec![other], ..beacon(1, 3) }))).unwrap();
    assert!(tracker.picture(at(NOW)).alarms.is_empty());
    assert_ne!(folded_digest(&[1; 32], &[2; 32], 1), folded_digest(&[1; 32], &[2; 32], 2));
}

#[test]
fn nodes_are_shown_with_what_is_known() {
    let mut tracker = tracker();
    let node = key().public();
    let before = tracker.node(&node, at(NOW)).unwrap();
    assert!(before.silent && before.heard_ms.is_none() && before.scopes.is_empty());
    assert!(tracker.picture(at(NOW)).hears_nobody);
    let behind = Report { count: 10, ..report("shop", 5) };
    tracker.hear(at(NOW), &Arc::new(Proven::assume(Beacon { scopes: vec![behind], ..beacon(1, 1) }))).unwrap();
    let state = tracker.node(&node, at(NOW)).unwrap();
    assert!(!state.silent && state.health.has(Health::READ_ONLY) && !state.health.has(Health::OWN_BRANCH));
    let shop = &state.scopes[0];
    assert_eq!((shop.state, shop.behind, shop.ahead, shop.merged_equal), (State::InSync, 2, 0, Some(true)));
    assert_eq!(shop.at_mark_ms, Some((NOW - 5_000) / MARK_MS * MARK_MS));
    assert_eq!(tracker.picture(at(NOW)).peers_lag_ms, 120);
    // In a large mesh a node that was never heard is awaited for a while.
    let other = PublicKey([9; 32]);
    tracker.expect(NOW, Arc::new([node, other].into_iter().collect()));
    tracker.be_patient(10_000, 60_000);
    let early = tracker.picture(at(NOW + 1_000));
    assert_eq!((early.expected, early.heard, early.silent), (2, 1, 0));
    assert!(!tracker.node(&other, at(NOW + 1_000)).unwrap().silent);
    assert_eq!(tracker.picture(at(NOW + 60_000)).silent, 2);
    assert!(tracker.node(&other, at(NOW + 60_000)).unwrap().silent);
    tracker.expect(NOW, Arc::new([PublicKey([2; 32]), node].into_iter().collect()));
    tracker.be_patient(10_000, 0);
    // Time alone changes nothing about what was compared: the mark says how old that is.
    let later = NOW + 10 * MARK_MS;
    let mut moved = report("shop", 5);
    moved.marks.newest = later / MARK_MS;
    tracker.own(later, Own { time_ms: later, lag_ms: 1, scopes: vec![moved] });
    let state = tracker.node(&node, at(later)).unwrap();
    assert_eq!((state.scopes[0].state, state.scopes[0].at_mark_ms), (State::InSync, shop.at_mark_ms));
    assert!(state.silent);
    // A statement that came late does: marks that no longer overlap tell nothing.
    let mut late = report("shop", 6);
    late.marks.newest = later / MARK_MS;
    tracker.own(later + 20_000, Own { time_ms: later + 20_000, lag_ms: 1, scopes: vec![late] });
    assert_eq!(tracker.node(&node, at(later)).unwrap().scopes[0].state, State::Unknown);
}

fn id(at: u64) -> StatementId {
    StatementId::of(&at.to_be_bytes())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Claim::decode(&bytes).is_err());
    }

    #[test]
    fn damaged_beacons_are_no_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Beacon { scopes: vec![report("shop", 5)], ..beacon(1, 1) }.sign(&key()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(claim) = Claim::decode(&bytes) {
            prop_assert_eq!(claim.beacon().to_bytes(), &bytes[..bytes.len() - 64]);
        }
    }

    /// Whatever the order of arrival, of time passing, and of removals: marks are a function of set and time.
    #[test]
    fn marks_are_a_function_of_the_set(
        steps in prop::collection::vec((0u64..40, 0u64..400_000, prop::option::of(0u64..40_000), any::<bool>()), 0..40),
        rest in 0u64..40_000,
    ) {
        let mut set = std::collections::BTreeMap::new();
        let mut marks = Marks::default();
        let mut now = 150_000;
        for (seed, millis, pass, take) in steps {
            if let Some(pass) = pass {
                now += pass / 5;
                marks.advance(now);
                marks.list(now);
            }
            if take {
                if let Some(hlc) = set.remove(&seed) {
                    marks.remove(&id(seed), hlc);
                }
            } else if let std::collections::btree_map::Entry::Vacant(slot) = set.entry(seed) {
                slot.insert(Hlc::from_millis(millis));
                marks.insert(&id(seed), Hlc::from_millis(millis));
            }
        }
        let end = now + rest;
        let mut fresh = Marks::default();
        fresh.advance(end);
        set.iter().rev().for_each(|(seed, hlc)| fresh.insert(&id(*seed), *hlc));
        prop_assert_eq!(marks.list(end), fresh.list(end));
        prop_assert!(marks.kept() as u64 <= BUCKETS + 1);
        // And each is the hash of exactly the statements below the mark.
        let newest = end / MARK_MS;
        for mark in newest + 1 - MARKS as u64..=newest {
            let mut only = Marks::default();
            only.advance(end);
            set.iter().filter(|(_, hlc)| hlc.millis() < mark * MARK_MS).for_each(|(seed, hlc)| only.insert(&id(*seed), *hlc));
            prop_assert_eq!(only.hash_at(newest), marks.hash_at(mark));
        }
    }
}

#[test]
fn far_times_cost_no_buckets() {
    let mut marks = Marks::default();
    marks.advance(NOW);
    for at in 0..500 {
        marks.insert(&id(at), Hlc::from_millis(NOW + at * 1_000_000_007));
        marks.insert(&id(1_000 + at), Hlc(u64::MAX - at));
        marks.insert(&id(2_000 + at), Hlc(at));
    }
    assert!(marks.kept() as u64 <= BUCKETS + 1);
    marks.advance(u64::MAX);
    marks.advance(0);
    assert!(marks.kept() as u64 <= BUCKETS + 1);
    assert_eq!(marks.hash_at(u64::MAX), None);
}
