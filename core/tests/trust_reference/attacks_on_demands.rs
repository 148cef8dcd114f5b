//! Attacks on what grants demand and say besides, inside the model.

use super::attacks::{cases, everything, fixed, juniors_change_nothing};
use super::figures;
use super::model::{Body, EPOCH, Held, Id, Key, Set, Terms, Verdict, World, ids, only, verb};
use super::small::TERMS;
use super::worlds::{Choose, RICH, Random, every, random, some};

/// Makes the world's writers and traitors try to get a write through a demand, without the approvers who are honest.
fn press(world: &mut World, grant: Id, honest: &[Key], choose: &mut Random) {
    for _ in 0..20 {
        let at = world.said.len();
        world.act(&RICH, choose);
        let said = &world.said[at];
        let signs = matches!(said.body, Body::Approve { .. }) && honest.contains(&said.author);
        if signs || at > 34 || !Held::of(world, world.all()).verdict(at).admissible() {
            world.said.truncate(at);
        }
    }
    let (chains, now) = (world.grants(), Held::of(world, world.all()));
    let below = |id: &Id| now.chain(*id).any(|above| above == grant);
    let below: Vec<(Id, Key)> = chains.iter().copied().filter(|(id, _)| below(id)).collect();
    // A grant without demands to a key of their own, a write on each, and every approval that they can make of each.
    for (id, holder) in below {
        let sub = world.grant(holder, id, 7, verb::WRITE | verb::APPROVE, "");
        for (author, on) in [(holder, id), (7, sub)] {
            let write = world.write(author, on, &["s/a"], &[]);
            world.said[write].body = Body::Write { deletes: true };
            for (by, key) in chains.iter().chain([&(sub, 7)]).filter(|(_, key)| !honest.contains(key)) {
                if world.said.len() < 62 {
                    world.approve(*key, *by, "s", write);
                }
            }
        }
        if world.said.len() > 50 {
            break;
        }
    }
}

/// "Counts only when at least *k* distinct keys of the list have approved it, its own author never among them", "inherited": while
/// all but k − 1 keys of the list approve nothing, no write counts in whose chain the grant is, whoever writes and whatever
/// everybody else grants, revokes and approves.
#[test]
fn demands_hold_against_all_but_the_approvers() {
    let (mut pressed, mut pending) = (0, 0);
    for seed in 0..cases() {
        let mut world = random(seed, 4 + seed as usize % 8);
        let mut choose = Random(seed ^ 0xde3a);
        if choose.of(2) == 0 {
            let at = world.grants();
            if let Some((id, _)) = at.first() {
                world.terms(*id).demand = Some((1 + choose.of(2), vec![3, 4, 5]));
            }
        }
        let demands = |terms: &Terms| {
            let deletes = terms.demand_deletes.clone().map(|demand| (demand, true));
            terms.demand.clone().map(|demand| (demand, false)).or(deletes)
        };
        let found = world.grants().into_iter().find_map(|(id, _)| Some((id, demands(world.terms(id))?)));
        let Some((grant, ((k, list), deletes))) = found else { continue };
        let honest: Vec<Key> = list.iter().copied().skip(k - 1).collect();
        press(&mut world, grant, &honest, &mut choose);
        let signed =
            |id: &Id| matches!(world.said[*id].body, Body::Approve { .. }) && honest.contains(&world.said[*id].author);
        let silent: Set = ids(world.all()).filter(|id| !signed(id)).map(only).sum();
        let held = Held::of(&world, silent);
        for id in ids(held.set).skip(1).filter(|id| held.chain(world.said[*id].grant).any(|above| above == grant)) {
            let Body::Write { deletes: deleting } = world.said[id].body else { continue };
            pending += u64::from(held.verdict(id) == Verdict::Unapproved);
            assert!(!held.counts(id) || (deletes && !deleting), "{id} on {grant}, {honest:?} are silent: {world:?}");
        }
        pressed += 1;
    }
    figures::say(&format!(
        "figure: trust, {pending} writes stayed pending in {pressed} worlds, whatever others than approvers did"
    ));
    assert!(pressed > 20 && pending > 20, "{pressed} {pending}");
}

/// "Expired" never counts, on no grant below one that ends; and what nobody says later than that is as if grants did not end.
#[test]
fn nothing_counts_after_its_time() {
    let mut refused = 0;
    for seed in 0..cases() {
        let mut world = random(seed, 10);
        let grants = world.grants();
        let Some((grant, _)) = grants.get(seed as usize % grants.len().max(1)).copied() else { continue };
        world.probe(1);
        let endless = {
            let mut world = world.clone();
            world.terms(grant).not_after = None;
            let held = Held::of(&world, world.all());
            held.verdicts()
        };
        let end = grant + seed as usize % 8;
        world.terms(grant).not_after = Some(end);
        let held = Held::of(&world, world.all());
        for id in ids(held.set).skip(1) {
            let on = held.chain(world.said[id].grant).any(|above| above == grant);
            if on && id > end {
                assert!(!held.verdict(id).admissible(), "{id} after {end}: {world:?}");
                refused += u64::from(held.verdict(id) == Verdict::Expired);
            }
        }
        if end + 1 >= world.said.len() {
            assert_eq!(held.verdicts(), endless, "{world:?}");
        }
    }
    assert!(refused > 20, "{refused}");
}

/// "Labels give no authority."
#[test]
fn labels_decide_nothing() {
    for seed in 0..cases() {
        let world = random(seed, 4 + seed as usize % 12);
        let mut bare = world.clone();
        bare.grants().into_iter().for_each(|(grant, _)| bare.terms(grant).labels.clear());
        let (with, without) = (Held::of(&world, world.all()), Held::of(&bare, bare.all()));
        assert_eq!(with.verdicts(), without.verdicts(), "{world:?}");
        assert_eq!(everything(&with, 8), everything(&without, 8), "{world:?}");
        for key in 0..8 {
            assert!(with.labels(key).is_empty() || with.holds(key, super::model::MESH), "{world:?}");
            assert!(without.labels(key).is_empty());
        }
    }
}

/// "A demand is made tighter by a revocation that accepts what was written so far, and a new grant."
#[test]
fn a_demand_is_made_tighter() {
    let mut world = World::new(1, 1);
    let old = world.grant(0, EPOCH, 1, verb::WRITE, "s");
    let approver = world.grant(0, EPOCH, 2, verb::APPROVE, "s");
    let so_far = world.write(1, old, &["s/a"], &[]);
    let revocation = world.revoke(0, EPOCH, 1, "s", &[so_far]);
    let new = world.grant(0, EPOCH, 1, verb::WRITE, "s");
    world.name(new, &[revocation]);
    world.terms(new).demand = Some((1, vec![1, 2]));
    let around = world.write(1, old, &["s/a"], &[]);
    let next = world.write(1, new, &["s/a"], &[]);
    world.approve(1, new, "s", next);
    let verdicts = |world: &World| [so_far, around, next].map(|id| Held::of(world, world.all()).verdict(id));
    assert_eq!(verdicts(&world), [Verdict::Counts, Verdict::Struck, Verdict::Unapproved]);
    let approval = world.approve(2, approver, "s", next);
    assert_eq!(verdicts(&world), [Verdict::Counts, Verdict::Struck, Verdict::Counts]);
    world.revoke(0, EPOCH, 2, "s", &[]);
    assert_eq!(verdicts(&world), [Verdict::Counts, Verdict::Struck, Verdict::Unapproved], "void with the approver");
    world.said.pop();
    world.revoke(0, EPOCH, 2, "s", &[approval]);
    assert_eq!(verdicts(&world)[2], Verdict::Counts, "accepted, it stands");
}

/// What an approval is worth falls and rises with statements of `@mesh` alone, and the laws of every set hold.
#[test]
fn the_laws_hold_in_every_small_world_with_terms() {
    let mut worlds = 0;
    for acts in 1..=3 {
        worlds += every(acts, &TERMS, |world| {
            fixed(world, world.all());
            juniors_change_nothing(world);
        });
    }
    for acts in 4..=6 {
        some(cases(), acts, &TERMS, |world| {
            fixed(world, world.all());
            juniors_change_nothing(world);
            worlds += 1;
        });
    }
    figures::say(&format!("figure: trust, laws in {worlds} small worlds with terms"));
}
