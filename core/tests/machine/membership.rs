//! The door to the mesh: who lost its membership is not heard from that very event on, and nothing that a
//! stranger sends costs a signature check while something cheaper can tell.

use driftless_core::beacon::Beacon;
use driftless_core::machine::{Effect, Event, Verdict};
use driftless_core::wire::{Gossip, Request, Response, Word};
use driftless_statement::{Body, Frontier, MeshId, Prefix, PublicKey, Revoke, Scope, StatementId, Verified};

use crate::random::ahead;
use crate::world::{World, key};

/// What node 0 makes of an event; nothing of it is carried out.
fn on(world: &mut World, event: Event) -> Vec<Effect> {
    let (now, mut effects) = (world.now(0), Vec::new());
    world.nodes[0].machine.handle(now, event, &mut effects);
    effects
}

fn gossip(world: &mut World, id: u8, from: PublicKey, bytes: Vec<u8>) -> Vec<Effect> {
    on(world, Event::Gossip { id: vec![id], from, bytes: bytes.into() })
}

fn whole(statement: &Verified) -> Vec<u8> {
    Gossip::Statement { wire: statement.wire() }.encode()
}

fn verdicts(effects: &[Effect]) -> Vec<(PublicKey, Verdict)> {
    let verdict = |effect: &Effect| match effect {
        Effect::Verdict { from, verdict, .. } => Some((*from, *verdict)),
        _ => None,
    };
    effects.iter().filter_map(verdict).collect()
}

/// A root's revocation of a node comes to node 0.
fn revoke(world: &mut World, node: PublicKey, from: PublicKey) -> Vec<Effect> {
    let body = Body::from(Revoke { key: node, prefix: Prefix::parse("").unwrap(), frontier: Frontier::default() });
    let acts = world.root_act(body, &[], world.now_ms);
    let acts = acts.into_iter().zip(90..);
    acts.flat_map(|(wire, id)| gossip(world, id, from, Gossip::Statement { wire: wire.into() }.encode())).collect()
}

#[test]
fn a_revoked_node_is_cut_in_the_very_event_that_brings_the_revocation() {
    let (mut world, operator) = World::with_operator(3);
    let (good, bad) = (world.nodes[1].machine.node(), world.nodes[2].machine.node());
    // A message of it waits for what it announces.
    let large = ahead(&world, 1, "shop/announced", &operator, 0);
    let announce = Gossip::Announce { scope: Scope::parse("shop").unwrap(), ids: vec![large.id()] }.encode();
    let effects = gossip(&mut world, 1, bad, announce);
    assert!(matches!(effects[..], [Effect::Request { peer, .. }] if peer == bad), "{effects:?}");
    let effects = revoke(&mut world, bad, good);
    let cut = |effect: &Effect| matches!(effect, Effect::Expelled(keys) if keys.contains(&bad));
    assert!(effects.iter().any(cut), "{effects:?}");
    let left = |effect: &Effect| matches!(effect, Effect::Members(members) if !members.contains(&bad));
    assert!(effects.iter().any(left), "{effects:?}");
    // Until its link is down it may say what it likes, also what others signed.
    let honest = ahead(&world, 1, "shop/relayed", &operator, 0);
    let effects = gossip(&mut world, 2, bad, whole(&honest));
    assert_eq!((verdicts(&effects), effects.len()), (vec![(bad, Verdict::Ignore)], 1), "nothing of it is taken");
    for bytes in [Request::Fetch { ids: vec![large.id()] }.encode(), vec![7; 9]] {
        let effects = on(&mut world, Event::Request { peer: bad, token: 7, bytes });
        let [Effect::Respond { token: 7, bytes }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(
            Response::decode(bytes).unwrap(),
            Response::Refused { word: Word::new("expelled") },
            "no other answer"
        );
    }
    // What it announced comes from somebody else: that message goes on, its own does not.
    let effects = gossip(&mut world, 3, good, whole(&large));
    let told = verdicts(&effects);
    assert!(told.contains(&(bad, Verdict::Ignore)) && told.contains(&(good, Verdict::Accept)), "{told:?}");
    assert!(!told.contains(&(bad, Verdict::Accept)), "{told:?}");
}

/// A beacon of a node, signed with a key that may be another one's.
fn beacon(world: &World, by: u8, change: impl Fn(&mut Beacon)) -> Vec<u8> {
    let mut beacon = Beacon { boot: u64::MAX >> 1, ..world.beacon(key(by).public()) };
    change(&mut beacon);
    Gossip::Beacon { bytes: beacon.sign(&key(by)).unwrap() }.encode()
}

/// The last byte of the bytes that a message carries lies in a signature.
fn forged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

#[test]
fn garbage_costs_no_signature_check_and_a_forgery_exactly_one() {
    let (mut world, operator) = World::with_operator(3);
    let peer = world.nodes[1].machine.node();
    let held = ahead(&world, 0, "shop/held", &operator, 0);
    gossip(&mut world, 0, peer, whole(&held));
    let fresh = ahead(&world, 0, "shop/fresh", &operator, 0);
    // The same bytes by a key that nobody granted anything, and of another mesh.
    let other = World::founded(1);
    let stranger = ahead(&other, 0, "shop/fresh", &key(1), 0);
    let unknown = {
        let mut said = fresh.statement().clone();
        said.author = key(77).public();
        Verified::sign(said, &key(77)).unwrap()
    };
    let mut foreign = stranger.statement().clone();
    foreign.mesh = MeshId([9; 32]);
    let foreign = Verified::sign(foreign, &key(1)).unwrap();
    let mut garbage = vec![
        ("noise", vec![0x9f; 300]),
        ("nothing", Vec::new()),
        ("too large", vec![0; 70_000]),
        ("held already", whole(&held)),
        ("an author without any grant", whole(&unknown)),
        ("another mesh", whole(&foreign)),
        ("a cut statement", Gossip::Statement { wire: fresh.wire()[..fresh.wire_len() / 2].into() }.encode()),
        ("a beacon of nobody", beacon(&world, 77, |_| ())),
        ("a beacon of another mesh", beacon(&world, 2, |beacon| beacon.mesh = MeshId([9; 32]))),
        ("a beacon that has expired", beacon(&world, 2, |beacon| (beacon.time_ms, beacon.expires_ms) = (1, 2))),
        ("a beacon that holds for ever", beacon(&world, 2, |beacon| beacon.expires_ms = u64::MAX)),
        ("a beacon that is old", beacon(&world, 2, |beacon| (beacon.boot, beacon.counter) = (0, 0))),
        ("the node's own beacon", beacon(&world, 1, |_| ())),
    ];
    garbage.extend((0..200u8).map(|seed| ("noise", key(seed).public().0.repeat(usize::from(seed) % 40))));
    let before = world.proofs.checked();
    for (what, bytes) in garbage {
        let effects = gossip(&mut world, 1, peer, bytes);
        assert_eq!(world.proofs.checked(), before, "{what}");
        assert!(matches!(verdicts(&effects)[..], [(_, Verdict::Reject | Verdict::Ignore)]), "{what}: {effects:?}");
    }
    // As an answer to nobody's question, as a push, and as a question it costs none either.
    let wires = vec![foreign.wire(), unknown.wire(), held.wire()];
    on(&mut world, Event::Response { peer, corr: 9_999, bytes: vec![0x9f; 300] });
    on(&mut world, Event::Request { peer, token: 1, bytes: Request::Push { statements: wires.clone() }.encode() });
    on(
        &mut world,
        Event::Request { peer, token: 2, bytes: Request::Fetch { ids: vec![StatementId([1; 32])] }.encode() },
    );
    on(
        &mut world,
        Event::Response { peer, corr: 1, bytes: Response::Statements { statements: wires, missing: vec![] }.encode() },
    );
    assert_eq!(world.proofs.checked(), before);
    for (what, bytes) in [("a statement", forged(&whole(&fresh))), ("a beacon", forged(&beacon(&world, 2, |_| ())))] {
        let before = world.proofs.checked();
        let effects = gossip(&mut world, 1, peer, bytes);
        assert_eq!(verdicts(&effects), [(peer, Verdict::Reject)], "{what}");
        assert_eq!(world.proofs.checked(), before + 1, "{what}");
    }
}
