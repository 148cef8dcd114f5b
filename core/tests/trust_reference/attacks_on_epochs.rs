//! Attacks on rotation, inside the model: what old root keys can do, and what a fork gives to whom.

use super::attacks::{by_roots, cases, everything, fixed, juniors_change_nothing};
use super::figures;
use super::model::{Body, Held, Id, Key, MESH, Set, Verdict, World, has, ids, only};
use super::small::EPOCHS;
use super::worlds::{Choose, Random, every, random, some};

/// An epoch that one rotation ended, and that one.
fn ended_once(held: &Held) -> Vec<(Id, Id)> {
    let epochs = ids(held.set).filter(|id| held.is_epoch(*id) && held.epoch(*id) == Verdict::Counts);
    let ended = epochs.map(|epoch| (epoch, held.rotations(epoch)));
    ended.filter(|(_, by)| by.count_ones() == 1).map(|(epoch, by)| (epoch, by.trailing_zeros() as Id)).collect()
}

fn rotates(world: &World, id: Id) -> bool {
    matches!(world.said[id].body, Body::Rotate { .. })
}

/// Everything but rotations that the old root keys could say, all of them together.
fn late_acts(world: &mut World, epoch: Id, choose: &mut Random) {
    let roots = world.roots_of(epoch);
    let before = world.said.len();
    let mut acts = Vec::new();
    for act in 0..4 {
        let author = roots[choose.of(roots.len())];
        let key = choose.of(8) as Key;
        let frontier: Vec<Id> = (1..before).filter(|_| choose.of(3) == 0).collect();
        acts.push(match act {
            0 => world.grant(author, epoch, key, super::worlds::ALL, ""),
            1 => world.revoke(author, epoch, key, "", &frontier),
            2 => world.say(author, epoch, MESH, Body::Accept { frontier }),
            _ => world.say(author, epoch, MESH, Body::Unknown),
        });
        let id = world.said.len() - 1;
        let mesh: Vec<Id> = (1..id).filter(|id| world.said[*id].scope == MESH).collect();
        if choose.of(2) == 0 && !mesh.is_empty() {
            world.name(id, &[mesh[choose.of(mesh.len())]]);
        }
    }
    acts.extend((1..before).filter(|id| world.said[*id].grant == epoch && !rotates(world, *id) && choose.of(3) == 0));
    for act in acts {
        for root in &roots {
            if world.said.len() < 60 {
                world.approve(*root, epoch, MESH, act);
            }
        }
    }
}

/// "Old root keys are worth nothing from then on: they can neither say anything new nor finish what was pending": also all of them
/// together, short of another rotation.
fn old_keys_say_nothing(world: &World, choose: &mut Random) -> bool {
    let before = Held::of(world, world.all());
    let ended = ended_once(&before);
    for (epoch, _) in &ended {
        let mut later = world.clone();
        late_acts(&mut later, *epoch, choose);
        let after = Held::of(&later, later.all());
        for id in ids(before.set) {
            assert_eq!(after.verdict(id), before.verdict(id), "{id}, late acts on {epoch}: {later:?}");
        }
        for id in ids(after.set).skip_while(|id| *id < world.said.len()) {
            assert_eq!(after.verdict(id), Verdict::Superseded, "{id}, late acts on {epoch}: {later:?}");
        }
        assert_eq!(everything(&after, 10), everything(&before, 10), "{later:?}");
        assert_eq!(after.replicated(), before.replicated(), "{later:?}");
    }
    !ended.is_empty()
}

#[test]
fn old_root_keys_say_nothing_new_and_finish_nothing() {
    let mut worlds = 0;
    for acts in 1..=3 {
        every(acts, &EPOCHS, |world| worlds += u64::from(old_keys_say_nothing(world, &mut Random(world.all()))));
    }
    for seed in 0..cases() {
        let mut world = random(seed, 4 + seed as usize % 12);
        // Half of the time the old keys are ended for sure.
        if seed % 2 == 0 {
            rotate_all(&mut world, &mut Random(seed ^ 3));
        }
        worlds += u64::from(old_keys_say_nothing(&world, &mut Random(seed ^ 0x01d)));
    }
    figures::say(&format!("figure: trust, old root keys gained nothing in {worlds} worlds"));
    assert!(worlds > 100);
}

/// A rotation of the epoch in force that accepts all that was said on it.
fn rotate_all(world: &mut World, choose: &mut Random) -> bool {
    let keys: &[Key] = if choose.of(2) == 0 { &[8] } else { &[8, 9] };
    by_roots(world, |world, root, epoch| {
        let said: Vec<Id> = (1..world.said.len()).filter(|id| world.said[*id].grant == epoch).collect();
        world.rotate(root, epoch, keys, keys.len(), &said)
    })
}

/// Fewer old root keys than the threshold can rotate as often as they like: no rotation of theirs counts.
#[test]
fn too_few_old_root_keys_cannot_fork() {
    let mut worlds = 0;
    for seed in 0..cases() {
        let mut world = random(seed, 4 + seed as usize % 8);
        let mut choose = Random(seed ^ 0xf0f);
        rotate_all(&mut world, &mut choose);
        let before = Held::of(&world, world.all());
        let (ended, others) = (ended_once(&before), world.clone());
        for (epoch, by) in ended {
            let (roots, threshold) = before.roots(epoch);
            let signed = |id: Id| rotates(&others, id) && others.said[id].grant == epoch && id != by;
            if threshold < 2 || (1..others.said.len()).any(signed) {
                continue;
            }
            let mut later = others.clone();
            let traitors = &roots[roots.len() - (threshold - 1)..];
            let said: Vec<Id> = (1..later.said.len()).filter(|_| choose.of(2) == 0).collect();
            let forged = later.rotate(traitors[0], epoch, traitors, traitors.len(), &said);
            for traitor in traitors {
                later.approve(*traitor, epoch, MESH, forged);
                later.grant(*traitor, forged, 5, super::worlds::ALL, "");
            }
            let after = Held::of(&later, later.all());
            assert_eq!(after.verdict(forged), Verdict::Pending, "{later:?}");
            assert_eq!(everything(&after, 10), everything(&before, 10), "{later:?}");
            worlds += 1;
        }
    }
    assert!(worlds > 20, "{worlds}");
}

/// Another rotation of an epoch that is ended, by its own root keys, with any frontier.
fn fork(world: &mut World, epoch: Id, choose: &mut Random) -> Id {
    let roots = world.roots_of(epoch);
    let frontier: Vec<Id> = (1..world.said.len()).filter(|_| choose.of(3) != 0).collect();
    let forged = world.rotate(roots[0], epoch, &[9], 1, &frontier);
    roots[1..].iter().for_each(|root| _ = world.approve(*root, epoch, MESH, forged));
    world.grant(9, forged, 5, super::worlds::ALL, "");
    world.approve(9, forged, MESH, forged);
    forged
}

/// Whoever may do something after a fork could do it before, where nothing was revoked (`holes.rs` has why not elsewhere), and no
/// root act counts that did not count before.
fn a_fork_gives_nothing(world: &World, choose: &mut Random) -> u64 {
    let before = Held::of(world, world.all());
    let mut forks = 0;
    for (epoch, _) in ended_once(&before) {
        let mut later = world.clone();
        let forged = fork(&mut later, epoch, choose);
        let after = Held::of(&later, later.all());
        assert_eq!(after.in_force(), (epoch, true), "{later:?}");
        assert_eq!((after.verdict(forged), after.epoch(forged)), (Verdict::Counts, Verdict::Forked), "{later:?}");
        for id in ids(before.set).skip(1).filter(|id| before.is_epoch(world.said[*id].grant) && after.counts(*id)) {
            assert!(before.counts(id), "{id} after {forged}: {later:?}");
        }
        if !world.said.iter().any(|said| matches!(said.body, Body::Revoke { .. })) {
            let more = everything(&before, 10).into_iter().zip(everything(&after, 10)).any(|(was, is)| is && !was);
            assert!(!more, "{later:?}");
        }
        // Nobody can say anything on any epoch from now on.
        let mut last = later.clone();
        for late in later.epochs() {
            for root in last.roots_of(late) {
                let act = last.grant(root, late, 5, super::worlds::ALL, "");
                let verdict = Held::of(&last, last.all()).verdict(act);
                assert!(!verdict.admissible(), "{act} after {forged}: {last:?}");
                last.said.pop();
            }
        }
        fixed(&later, later.all());
        forks += 1;
    }
    forks
}

#[test]
fn a_fork_gives_nobody_anything() {
    let mut forks = 0;
    for acts in 1..=3 {
        every(acts, &EPOCHS, |world| forks += a_fork_gives_nothing(world, &mut Random(world.all())));
    }
    for seed in 0..cases() {
        let mut world = random(seed, 4 + seed as usize % 10);
        rotate_all(&mut world, &mut Random(seed ^ 3));
        forks += a_fork_gives_nothing(&world, &mut Random(seed ^ 0xf02c));
    }
    figures::say(&format!("figure: trust, nobody gained anything by {forks} forks"));
    assert!(forks > 100);
}

/// What relies on grants is not touched by a rotation that accepts them: one that accepts all changes no verdict at all.
#[test]
fn a_rotation_that_accepts_all_changes_nothing() {
    let mut worlds = 0;
    let mut check = |world: &World, seed: u64| {
        let before = Held::of(world, world.all());
        let mut later = world.clone();
        if rotate_all(&mut later, &mut Random(seed)) {
            let after = Held::of(&later, later.all());
            for id in ids(before.set) {
                assert_eq!(after.verdict(id), before.verdict(id), "{id} {later:?}");
            }
            assert_eq!(everything(&after, 10), everything(&before, 10), "{later:?}");
            assert_eq!(after.replicated() & before.set, before.replicated(), "{later:?}");
            worlds += 1;
        }
    };
    for acts in 1..=3 {
        every(acts, &EPOCHS, |world| check(world, world.all()));
    }
    for seed in 0..cases() {
        check(&random(seed, 4 + seed as usize % 12), seed);
    }
    assert!(worlds > 100, "{worlds}");
}

/// One that accepts some grants leaves what relies on those as it was, when all that was revoked stays revoked.
#[test]
fn a_rotation_takes_only_what_it_does_not_accept() {
    let (mut stays, mut falls) = (0, 0);
    for seed in 0..cases() {
        let mut world = random(seed, 4 + seed as usize % 12);
        let mut choose = Random(seed ^ 0x7a4e);
        let junior = |said: &super::model::Statement| {
            matches!(said.body, Body::Revoke { .. }) && matches!(world.said[said.grant].body, Body::Grant { .. })
        };
        if world.said.iter().any(junior) {
            continue;
        }
        let dropped: Set = (1..world.said.len())
            .filter(|id| matches!(world.said[*id].body, Body::Grant { .. }) && choose.of(2) == 0)
            .map(only)
            .sum();
        let before = world.all();
        let rotated = by_roots(&mut world, |world, root, epoch| {
            let said = (1..world.said.len()).filter(|id| world.said[*id].grant == epoch && !has(dropped, *id));
            let said: Vec<Id> = said.collect();
            world.rotate(root, epoch, &[8], 1, &said)
        });
        let (before, after) = (Held::of(&world, before), Held::of(&world, world.all()));
        for id in ids(before.set).skip(1).filter(|id| rotated && before.counts(*id)) {
            let Some(root) = before.chain(world.said[id].grant).last() else { continue };
            if after.counts(root) {
                assert!(after.verdict(id).admissible(), "{id} {world:?}");
                stays += 1;
            } else {
                assert!(!after.verdict(id).admissible(), "{id} {world:?}");
                falls += 1;
            }
        }
    }
    assert!(stays > 100 && falls > 100, "{stays} {falls}");
}

/// The laws of every set hold where epochs are rotated in all small ways.
#[test]
fn the_laws_hold_in_every_small_world_of_epochs() {
    let mut worlds = 0;
    for acts in 1..=3 {
        worlds += every(acts, &EPOCHS, |world| {
            fixed(world, world.all());
            juniors_change_nothing(world);
        });
    }
    for acts in 4..=6 {
        some(cases(), acts, &EPOCHS, |world| {
            fixed(world, world.all());
            juniors_change_nothing(world);
            worlds += 1;
        });
    }
    figures::say(&format!("figure: trust, laws in {worlds} small worlds of epochs"));
}
