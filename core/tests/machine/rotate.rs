//! Rotation of root keys in whole machines: what the old ones said is judged anew when their epoch ends, not at the next start.

use driftless_core::machine::Fate;
use driftless_core::trust::Refusal;
use driftless_statement::{Body, Frontier, Rotate, Scope, Signed, StatementId, Verb};

use crate::random::assert_equal;
use crate::world::{World, granting, key};

fn ids(wires: &[Vec<u8>]) -> impl Iterator<Item = StatementId> {
    wires.iter().map(|wire| Signed::decode(wire).unwrap().id())
}

/// Found by the simulator: an act that stays in the set, because something names it, was still told to count.
#[test]
fn what_a_rotation_does_not_accept_counts_no_longer_also_where_it_stays() {
    let mut world = World::founded(2);
    let lost = world.grant(key(110).public(), Verb::Write, "shop", world.now_ms);
    let lost_id = ids(&lost).next().unwrap();
    world.submit(0, lost);
    world.run_ms(1_000);
    // The rotation's own author names it, so it stays.
    let named = world.root_act(granting(key(111).public(), &[Verb::Write]), &[lost_id], world.now_ms);
    let kept = ids(&named).next().unwrap();
    world.submit(0, named);
    world.run_ms(1_000);
    let fate = |world: &World, node: usize, id: &StatementId| world.nodes[node].machine.statement(id).unwrap().fate;
    assert_eq!(fate(&world, 1, &lost_id), Fate::Fit);
    let mut frontier = Frontier::default();
    let accepted = ids(&world.bundle).skip(1).collect::<Vec<_>>();
    accepted.into_iter().for_each(|id| frontier.insert(Scope::mesh(), id));
    let rotate = Body::from(Rotate { keys: vec![key(210).public()], threshold: 1, frontier });
    let rotate = world.root_act(rotate, &[kept], world.now_ms);
    world.submit(0, rotate);
    world.run_ms(3_000);
    for told in ["at once", "after a start"] {
        for node in 0..2 {
            let fate = fate(&world, node, &lost_id);
            assert!(matches!(fate, Fate::Void(Refusal::Superseded { .. })), "{told}, node {node}: {fate:?}");
        }
        assert_equal(&world);
        world.restart(1);
        world.run_ms(1_000);
    }
}
