//! The small alphabets of rotations and of grants with terms: few keys, few shapes, so that all worlds of a few acts can be tried.
//! Keys that nobody mentioned are alike: the first of them stands for all.

use super::model::{Body, EPOCH, Id, Key, MESH, World};
use super::worlds::{ALL, Alphabet, Choose, Kinds};

/// Rotations: one working key, one fresh root key.
pub const EPOCHS: Alphabet = Alphabet { kinds: Kinds::Epochs, keys: 1, verbs: &[ALL], prefixes: 1, touched: 1 };
/// Terms: an author, two approvers.
pub const TERMS: Alphabet = Alphabet { kinds: Kinds::Terms, keys: 3, verbs: &[ALL], prefixes: 1, touched: 2 };

const WORKER: Key = 4;
const FRESH: Key = 8;

pub fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

pub fn founded(alphabet: &Alphabet, choose: &mut impl Choose) -> World {
    let shapes: &[(usize, usize)] = if alphabet.kinds == Kinds::Epochs { &[(1, 1), (2, 2), (3, 2)] } else { &[(1, 1)] };
    let (roots, threshold) = shapes[choose.of(shapes.len())];
    World::new(roots, threshold)
}

/// The root keys that said or signed something already, and the next one: the others are alike.
fn some_root(world: &World, epoch: Id, choose: &mut impl Choose) -> Key {
    let roots = world.roots_of(epoch);
    let spoke = roots.iter().filter(|root| !world.by(**root).is_empty()).count();
    roots[choose.of((spoke + 1).min(roots.len()))]
}

/// A root grant, a revocation that accepts all or nothing, a rotation, a signature, or a write of who was granted something.
pub fn act_of_epochs(world: &mut World, choose: &mut impl Choose) {
    let (grants, epochs) = (world.grants(), world.epochs());
    let on = choose.of(epochs.len() + grants.len());
    if on >= epochs.len() {
        let (grant, holder) = grants[on - epochs.len()];
        world.write(holder, grant, &["s/a"], &[]);
        return;
    }
    let epoch = epochs[on];
    let author = some_root(world, epoch, choose);
    let acts: Vec<Id> = (1..world.said.len()).filter(|id| world.said[*id].grant == epoch).collect();
    let signable: Vec<Id> =
        acts.iter().copied().filter(|id| !matches!(world.said[*id].body, Body::Approve { .. })).collect();
    match choose.of(3 + usize::from(!signable.is_empty() && world.roots_of(epoch).len() > 1)) {
        0 => _ = world.grant(author, epoch, WORKER, ALL, ""),
        1 => {
            let frontier = if choose.of(2) == 0 { vec![] } else { world.by(WORKER) };
            world.revoke(author, epoch, WORKER, "", &frontier);
        }
        2 => {
            let keys = [FRESH, world.roots[0]][choose.of(2)];
            // Nothing, all, or all but one.
            let dropped = choose.of(acts.len() + 2);
            let accepted = |at: usize| dropped > 0 && at + 2 != dropped;
            let frontier: Vec<Id> =
                acts.iter().enumerate().filter(|(at, _)| accepted(*at)).map(|(_, id)| *id).collect();
            world.rotate(author, epoch, &[keys], 1, &frontier);
        }
        _ => _ = world.approve(author, epoch, MESH, signable[choose.of(signable.len())]),
    }
}

/// A key that a grant or a demand mentions, or the next one.
fn some_key(world: &World, choose: &mut impl Choose) -> Key {
    let mentions = |(id, key): &(Id, Key)| {
        let Body::Grant { terms, .. } = &world.said[*id].body else { return *key };
        let lists = terms.demand.iter().chain(&terms.demand_deletes).flat_map(|(_, list)| list);
        lists.copied().chain([*key]).max().unwrap_or(*key)
    };
    let mentioned = world.grants().iter().map(mentions).max().unwrap_or(0);
    1 + choose.of(usize::from(mentioned + 1).min(3)) as Key
}

/// A grant with one of a few terms, a write or a delete, an approval of one, or a revocation that accepts all or nothing.
pub fn act_with_terms(world: &mut World, choose: &mut impl Choose) {
    let grants = world.grants();
    let on = choose.of(grants.len() + 1);
    let (on, author) = if on == 0 { (EPOCH, 0) } else { grants[on - 1] };
    let writes: Vec<Id> = (1..world.said.len()).filter(|id| world.said[*id].is_write()).collect();
    let may_write = usize::from(on != EPOCH);
    let may_approve = usize::from(on != EPOCH && !writes.is_empty());
    match choose.of(1 + usize::from(!grants.is_empty()) + may_write + may_approve) {
        0 => {
            let key = some_key(world, choose);
            let terms = choose.of(7);
            let id = world.grant(author, on, key, ALL, if terms == 6 { "s/a" } else { "" });
            match terms {
                1 => world.terms(id).demand = Some((1, vec![some_key(world, choose)])),
                2 => world.terms(id).demand = Some((2, vec![1, 2, 3])),
                3 => world.terms(id).demand_deletes = Some((1, vec![some_key(world, choose)])),
                4 => world.terms(id).not_after = Some(id + 1),
                5 => world.terms(id).labels = vec![("zone", ["a", "b", "c"][id % 3])],
                _ => {}
            }
        }
        1 => {
            let key = some_key(world, choose);
            let frontier = if choose.of(2) == 0 { vec![] } else { world.by(key) };
            world.revoke(author, on, key, ["", "s/a"][choose.of(2)], &frontier);
        }
        2 => {
            let id = world.write(author, on, [&["s/a"][..], &["s/b"]][choose.of(2)], &[]);
            world.said[id].body = Body::Write { deletes: choose.of(2) == 0 };
        }
        _ => _ = world.approve(author, on, ["s", MESH][choose.of(2)], writes[choose.of(writes.len())]),
    }
}
