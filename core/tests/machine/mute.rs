//! Who hands on statements of strangers without end is not heard for a while, and loses nothing by it.

use driftless_core::machine::{Effect, Event, Verdict};
use driftless_core::wire::Gossip;
use driftless_statement::{PublicKey, Verb};

use crate::rates::{Author, gossip};
use crate::world::{START_MS, World, key};

/// Statements that one peer may hand on at once before the grant is here.
const BURST: u64 = 500;

/// The length of the mute that a message brings about.
fn mute(world: &mut World, wire: &[u8], from: PublicKey) -> Option<u64> {
    let bytes = Gossip::Statement { wire: wire.to_vec().into() }.encode();
    let now = world.now(0);
    let mut effects = Vec::new();
    world.nodes[0].machine.handle(now, Event::Gossip { id: vec![1; 16], from, bytes: bytes.into() }, &mut effects);
    effects.iter().find_map(|effect| match effect {
        Effect::Mute { peer, lasts_ms } => {
            assert_eq!(*peer, from);
            world.nodes[0].muted.insert(*peer, world.now_ms + lasts_ms);
            Some(*lasts_ms)
        }
        _ => None,
    })
}

/// An author whose grant is only on the second node: what it writes is a stranger's on the first.
fn stranger(world: &mut World) -> Author {
    world.isolate(1);
    let grant = world.grant(key(60).public(), Verb::Write, "shop", START_MS - 1_000);
    let author = Author::granted(key(60), &grant[0]);
    world.submit(1, grant);
    world.run_ms(1_000);
    author
}

#[test]
fn who_hands_on_strangers_without_end_is_muted() {
    let mut world = World::founded(3);
    let author = stranger(&mut world);
    let (foe, friend) = (world.nodes[1].machine.node(), world.nodes[2].machine.node());
    let mut total = 0;
    for lasts_ms in [5_000, 10_000] {
        let told_ms = (0..BURST).find_map(|_| {
            total += 1;
            let wire = author.writes(&world, total);
            mute(&mut world, &wire, foe)
        });
        assert_eq!(told_ms, Some(lasts_ms));
        // What was on its way is judged as ever, and makes it no worse.
        let wire = author.writes(&world, total);
        assert_eq!((0..1_000).find_map(|_| mute(&mut world, &wire, foe)), None);
        assert_eq!(gossip(&mut world, &wire, foe), (Verdict::Ignore, 0));
        assert_eq!(gossip(&mut world, &wire, friend), (Verdict::Ignore, 0), "others have an allowance of their own");
        world.now_ms += lasts_ms;
    }
    assert_eq!(total, BURST + BURST / 2);
    assert_eq!(world.nodes[0].machine.counts().mutes, 2);
    // Who leaves and comes back is as muted as before.
    let wire = author.writes(&world, total + 1);
    let lasts_ms = (0..BURST).find_map(|_| mute(&mut world, &wire, foe)).unwrap();
    world.now_ms += 1_000;
    let (now, mut effects) = (world.now(0), Vec::new());
    world.nodes[0].machine.handle(now, Event::Disconnected { peer: foe }, &mut effects);
    world.nodes[0].machine.handle(now, Event::Connected { peer: foe }, &mut effects);
    let again = effects.iter().find_map(|effect| match effect {
        Effect::Mute { peer, lasts_ms } if *peer == foe => Some(*lasts_ms),
        _ => None,
    });
    assert_eq!(again, Some(lasts_ms - 1_000));
}

/// An honest peer that is muted because the grant came late: everything it has comes by comparison meanwhile.
#[test]
fn a_mute_delays_and_loses_nothing() {
    let mut world = World::founded(2);
    let author = stranger(&mut world);
    let honest = world.nodes[1].machine.node();
    let writes = author.many(&world, BURST + 100);
    let muted = writes.iter().filter(|wire| mute(&mut world, wire, honest).is_some()).count();
    assert_eq!(muted, 1);
    world.submit(1, writes.clone());
    world.heal();
    // Its beacons are gossip too; the first one after the mute tells of what is not here.
    world.run_ms(15_000);
    let machine = &world.nodes[0].machine;
    assert!(machine.counts().mutes == 1 && world.now_ms < START_MS + 60_000);
    let id = |wire: &Vec<u8>| driftless_statement::Signed::decode(wire).unwrap().id();
    assert!(writes.iter().all(|wire| machine.statement(&id(wire)).is_some()), "all of it is here");
}
