//! Attacks on the rules themselves, inside the model: what must hold of the rules, whoever implements them.

use super::figures;
use super::model::{Body, EPOCH, Held, Id, Key, MESH, SCOPES, Set, Verdict, World, has, ids, only, under, verb};
use super::small::{EPOCHS, TERMS};
use super::worlds::{RICH, Random, SMALL, every, random, some};
use std::collections::BTreeMap;

/// Who may what, before any grant ends: time has no part in what is settled.
pub fn everything(held: &Held, keys: Key) -> Vec<bool> {
    let mut all = Vec::new();
    for key in 0..keys {
        for scope in SCOPES {
            all.push(held.holds(key, scope));
        }
        for verb in [verb::WRITE, verb::DELEGATE, verb::REVOKE, verb::MEMBER] {
            for path in ["s/a", "s/b", "t/a"] {
                all.push(held.may(key, verb, path, 0));
            }
        }
    }
    all
}

pub fn cases() -> u64 {
    u64::from(figures::asked()) * 5
}

/// The replicated set of the replicated set, with what it needs, is itself, and judges as all that is held does.
pub fn fixed(world: &World, set: Set) {
    let held = Held::of(world, set);
    let replicated = held.replicated();
    let again = Held::of(world, held.needed());
    assert_eq!(again.set, held.needed(), "{world:?}");
    assert_eq!(again.replicated(), replicated, "{world:?}");
    for id in ids(replicated) {
        assert_eq!(again.verdict(id), held.verdict(id), "{id} {world:?}");
    }
    assert_eq!(everything(&again, 8), everything(&held, 8));
}

#[test]
fn what_is_not_replicated_decides_nothing() {
    for acts in 1..=3 {
        every(acts, &SMALL, |world| fixed(world, world.all()));
    }
    for seed in 0..cases() {
        let world = random(seed, 4 + seed as usize % 12);
        fixed(&world, world.all());
    }
}

/// Equal replicated sets make equal verdicts, also when each node holds different things beside them; and what two such nodes
/// hold together changes nothing.
fn equal_sets(world: &World) -> u64 {
    let acts = world.said.len() - 1;
    let mut seen: BTreeMap<Set, (Set, Vec<bool>)> = BTreeMap::new();
    for arrived in 0..1u64 << acts {
        let held = Held::of(world, arrived << 1 | 1);
        if held.set != arrived << 1 | 1 {
            continue;
        }
        let replicated = held.replicated();
        let verdicts = ids(replicated).flat_map(|id| [held.counts(id), held.verdict(id).admissible()]);
        let all = everything(&held, 10).into_iter().chain(verdicts).collect();
        if let Some((other, theirs)) = seen.get(&replicated) {
            assert_eq!(&all, theirs, "{world:?}");
            let both = Held::of(world, held.set | other);
            assert_eq!(both.replicated(), replicated, "{} {other} {world:?}", held.set);
        }
        seen.insert(replicated, (held.set, all));
    }
    1 << acts
}

#[test]
fn equal_sets_decide_alike() {
    let mut sets = 0;
    for alphabet in [&SMALL, &EPOCHS, &TERMS] {
        for acts in 1..=2 {
            every(acts, alphabet, |world| sets += equal_sets(world));
        }
        for acts in 3..=6 {
            some(cases() / 20, acts, alphabet, |world| sets += equal_sets(world));
        }
    }
    for seed in 0..cases() / 40 {
        let mut world = random(seed, 8);
        world.said.truncate(11);
        sets += equal_sets(&world);
    }
    figures::say(&format!("figure: trust, equal sets decide alike among {sets} sets"));
}

/// Two nodes that tell each other what is in their replicated sets end with that of all they hold together.
#[test]
fn reconciliation_ends_in_the_whole() {
    for seed in 0..cases() {
        let world = random(seed, 12);
        let mix = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut a = Held::of(&world, mix | 1).set;
        let mut b = Held::of(&world, mix.rotate_left(23) | 1).set;
        let whole = Held::of(&world, a | b).replicated();
        for _ in 0..64 {
            // What the set needs besides is fetched by id.
            (a, b) = (a | Held::of(&world, b).needed(), b | Held::of(&world, a).needed());
        }
        let (left, right) = (Held::of(&world, a), Held::of(&world, b));
        assert_eq!(left.replicated(), right.replicated(), "{world:?}");
        assert_eq!(left.replicated(), whole, "{world:?}");
    }
}

/// "Nothing of a greater rank changes what a smaller one decided": without all that relies on greater ranks, and is listed by no
/// frontier and named by nothing of what stays, what relies on smaller ones is judged as before.
pub fn juniors_change_nothing(world: &World) {
    let whole = Held::of(world, world.all());
    let most = ids(whole.set).map(|id| whole.rank(id)).max().unwrap_or(0);
    for rank in 0..most {
        let mut seniors = only(EPOCH);
        for id in ids(whole.set).skip(1).filter(|id| whole.rank(world.said[*id].grant) <= rank) {
            seniors |= closure(world, id);
            for listed in whole.frontier(id).into_iter().filter(|listed| has(whole.set, *listed)) {
                seniors |= closure(world, listed);
            }
        }
        let less = Held::of(world, seniors);
        for id in ids(less.set).skip(1).filter(|id| less.rank(world.said[*id].grant) <= rank) {
            // Approvers may be of a greater rank than whom they approve: nothing relies on a write.
            let settled = |held: &Held| Some(held.verdict(id)).filter(|verdict| !approvable(*verdict, world, id));
            assert_eq!(settled(&less), settled(&whole), "{id} beside rank {rank} {world:?}");
        }
    }
}

fn approvable(verdict: Verdict, world: &World, id: Id) -> bool {
    world.said[id].is_write() && matches!(verdict, Verdict::Counts | Verdict::Unapproved)
}

fn closure(world: &World, id: Id) -> Set {
    if id == EPOCH {
        only(EPOCH)
    } else {
        world.said[id].names().fold(only(id), |set, name| set | closure(world, name))
    }
}

#[test]
fn nobody_strikes_upwards_or_sideways() {
    for acts in 1..=3 {
        every(acts, &SMALL, juniors_change_nothing);
    }
    for seed in 0..cases() {
        juniors_change_nothing(&random(seed, 4 + seed as usize % 12));
    }
}

/// Whom a counting revocation removed from a prefix cannot come back by any act of who relies on greater ranks than it does.
fn stays_out(seed: u64) -> bool {
    let mut world = random(seed, 7);
    let before = Held::of(&world, world.all());
    let removed: Vec<(Id, usize, Key)> = ids(before.set)
        .skip(1)
        .filter_map(|id| match &world.said[id].body {
            Body::Revoke { key, prefix, .. } if under(prefix, "s/a") && before.counts(id) => {
                Some((id, before.rank(world.said[id].grant), *key))
            }
            _ => None,
        })
        .collect();
    let Some((revocation, rank, key)) = removed.first().copied() else { return false };
    let seniors: Vec<Id> = struck_free(&before, &world, key, rank);
    if before.may(key, verb::WRITE, "s/a", 0) || !seniors.is_empty() {
        return false;
    }
    let mut choose = Random(seed ^ 77);
    for _ in 0..24 {
        let at = world.said.len();
        world.act(&RICH, &mut choose);
        let all = Held::of(&world, world.all());
        if all.rank(world.said[at].grant) <= rank || !all.verdict(at).admissible() {
            world.said.pop();
        }
    }
    let after = Held::of(&world, world.all());
    assert!(after.counts(revocation), "undone: {revocation} {world:?}");
    assert!(!after.may(key, verb::WRITE, "s/a", 0), "{key} is back after {revocation}: {world:?}");
    true
}

/// Grants of the key that the revocation's rank does not reach.
fn struck_free(held: &Held, world: &World, key: Key, rank: usize) -> Vec<Id> {
    ids(held.set)
        .skip(1)
        .filter(|id| matches!(world.said[*id].body, Body::Grant { key: to, .. } if to == key) && held.rank(*id) <= rank)
        .collect()
}

#[test]
fn nobody_undoes_their_own_removal() {
    let removed = (0..cases()).filter(|seed| stays_out(*seed)).count();
    figures::say(&format!("figure: trust, nobody came back in {removed} removals, whatever juniors did"));
    assert!(removed > 0);
}

/// A root act of the epoch in force, signed by all its keys; false when no root key can say anything.
pub fn by_roots(world: &mut World, act: impl Fn(&mut World, Key, Id) -> Id) -> bool {
    let (epoch, ended) = Held::of(world, world.all()).in_force();
    let roots = world.roots_of(epoch);
    if ended || world.said.len() > 63 - roots.len() {
        return false;
    }
    let act = act(world, roots[0], epoch);
    roots[1..].iter().for_each(|root| _ = world.approve(*root, epoch, MESH, act));
    true
}

/// A root revocation that accepts what a hostile revoker had said before brings back whatever its revocations hid.
#[test]
fn root_recovers_what_a_hostile_revoker_hid() {
    let mut hidden = 0;
    for seed in 0..cases() {
        let mut world = random(seed * 5, 8);
        let before = Held::of(&world, world.all());
        let verdicts = before.verdicts();
        let first = world.said.len();
        let mut choose = Random(seed ^ 99);
        let revoker = |id: &Id| match world.said[*id].body {
            Body::Grant { key, verbs, .. } if verbs & verb::REVOKE != 0 && before.counts(*id) => Some(key),
            _ => None,
        };
        let Some(hostile) = (1..first).find_map(|id| revoker(&id)).filter(|key| *key != 0) else { continue };
        for _ in 0..60 {
            let at = world.said.len();
            world.act(&RICH, &mut choose);
            let said = &world.said[at];
            let idle = said.author != hostile || said.grant == EPOCH;
            if idle || at > 24 || !Held::of(&world, world.all()).verdict(at).admissible() {
                world.said.pop();
            }
        }
        let during = Held::of(&world, world.all()).verdicts();
        let hid = verdicts.iter().any(|(id, verdict)| during.iter().any(|(other, now)| other == id && now != verdict));
        hidden += u64::from(hid);
        let frontier: Vec<Id> = (1..first).filter(|id| world.said[*id].author == hostile).collect();
        if !by_roots(&mut world, |world, root, epoch| world.revoke(root, epoch, hostile, "", &frontier)) {
            continue;
        }
        let after = Held::of(&world, world.all());
        for (id, verdict) in verdicts {
            assert_eq!(after.verdict(id), verdict, "{id} hostile {hostile} first {first} {world:?}");
        }
    }
    figures::say(&format!("figure: trust, root recovered from {hidden} hostile revokers that hid something"));
    assert!(hidden > 0);
}

/// Nodes that do not hold a scope judge `@mesh` as those that do, and have the same set of it.
#[test]
fn other_scopes_decide_nothing_in_mesh() {
    for seed in 0..cases() {
        let world = random(seed, 6 + seed as usize % 12);
        let mesh: Set = ids(world.all()).filter(|id| world.said[*id].scope == MESH).map(only).sum();
        let (all, alone) = (Held::of(&world, world.all()), Held::of(&world, mesh));
        for id in ids(alone.set) {
            assert_eq!(alone.verdict(id), all.verdict(id), "{id} {world:?}");
        }
        assert_eq!(everything(&alone, 8), everything(&all, 8), "{world:?}");
        assert_eq!(alone.replicated(), all.replicated() & mesh, "{world:?}");
    }
}

/// A revocation takes nothing from anybody outside of its prefix.
#[test]
fn a_revocation_stays_under_its_prefix() {
    for seed in 0..cases() {
        let mut world = random(seed, 8);
        world.probe(3);
        let all = Held::of(&world, world.all());
        for id in ids(all.set).skip(1) {
            let Body::Revoke { prefix, .. } = &world.said[id].body else { continue };
            // What names it would go with it.
            if world.said.iter().any(|said| said.names().any(|name| name == id)) {
                continue;
            }
            let less = Held::of(&world, world.all() & !only(id));
            for write in ids(less.set).skip(1).filter(|id| world.said[*id].is_write()) {
                let said = &world.said[write];
                let outside = said.touches.iter().all(|(path, _)| !under(prefix, path));
                if outside && less.counts(write) {
                    assert!(all.counts(write), "{write} beside {id} {world:?}");
                }
            }
        }
    }
}
