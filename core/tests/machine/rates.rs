//! Intake rates: they delay, and never change what a set is or means.

use driftless_core::machine::{CallId, Effect, Event, Rates, SubmitOutcome, Verdict};
use driftless_core::rng::Rng;
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::edit::{Edit, Op};
use driftless_statement::statement::Bytes;
use driftless_statement::{
    Body, Frontier, Grant, Hlc, MeshId, Note, Prefix, PublicKey, Revoke, Scope, SecretKey, Signed, Statement,
    StatementId, Terms, Touch, Value, Verb, Verified, Write,
};
use proptest::prelude::*;

use crate::figures;
use crate::world::{START_MS, World, key};

/// So much may come at once, and so much a second after that.
fn tight(statements: u64) -> Rates {
    Rates { author_statements: statements, burst_ms: 1_000, ..Rates::default() }
}

/// An author with a grant to write everywhere under `shop`.
pub struct Author {
    key: SecretKey,
    grant: StatementId,
}

impl Author {
    fn of(world: &mut World, seed: u8) -> Self {
        let key = key(seed);
        let grant = world.grant(key.public(), Verb::Write, "shop", START_MS - 1_000);
        for node in 0..world.nodes.len() {
            world.submit(node, grant.clone());
        }
        world.run_ms(2_000);
        Self::granted(key, &grant[0])
    }

    pub fn granted(key: SecretKey, grant: &[u8]) -> Self {
        Self { key, grant: Signed::decode(grant).unwrap().id() }
    }

    pub fn writes(&self, world: &World, number: u64) -> Vec<u8> {
        let path = format!("shop/by-{}/{number}", self.key.public().short()).parse().unwrap();
        let edit = Edit { at: Vec::new(), op: Op::Put(Value::Int(number.into())) };
        let statement = Statement {
            mesh: MeshId::from(world.genesis.id()),
            scope: Scope::parse("shop").unwrap(),
            author: self.key.public(),
            grant: self.grant,
            prev: Vec::new(),
            touches: vec![Touch { path, bases: Vec::new() }],
            hlc: Hlc::from_millis(START_MS + 1_000 + number),
            body: Body::Write(Write { edits: vec![vec![edit]] }),
            note: Note::default(),
            unknown: Vec::new(),
        };
        Verified::sign(statement, &self.key).unwrap().wire().to_vec()
    }

    pub fn many(&self, world: &World, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.writes(world, number)).collect()
    }
}

fn handle(world: &mut World, node: usize, event: Event) -> Vec<Effect> {
    let now = world.now(node);
    let mut effects = Vec::new();
    world.nodes[node].machine.handle(now, event, &mut effects);
    effects
}

/// The verdict on a statement that comes by gossip, and how many other effects there were.
pub fn gossip(world: &mut World, wire: &[u8], from: PublicKey) -> (Verdict, usize) {
    let statement = Signed::decode(wire).map(|signed| signed.id()).unwrap_or(StatementId([1; 32]));
    let bytes = Gossip::Statement { wire: Bytes::from(wire.to_vec()) }.encode();
    let effects = handle(world, 0, Event::Gossip { id: statement.as_bytes().to_vec(), from, bytes: bytes.into() });
    let verdict = effects.iter().find_map(|effect| match effect {
        Effect::Verdict { verdict, .. } => Some(*verdict),
        _ => None,
    });
    (verdict.unwrap(), effects.len() - 1)
}

fn delayed(world: &World, node: usize, cause: &str) -> u64 {
    world.nodes[node].machine.counts().delayed.get(cause).copied().unwrap_or(0)
}

#[test]
fn gossip_over_an_authors_rate_is_dropped_and_names_the_author() {
    let mut world = World::limited(2, tight(5));
    let (flooder, honest) = (Author::of(&mut world, 60), Author::of(&mut world, 61));
    let from = world.nodes[1].machine.node();
    let began_ms = world.now_ms;
    for wire in flooder.many(&world, 5) {
        assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Accept);
    }
    assert!(world.nodes[0].machine.floods().is_empty());
    for number in 5..9 {
        let wire = flooder.writes(&world, number);
        assert_eq!(gossip(&mut world, &wire, from), (Verdict::Ignore, 0), "neither handed on nor stored");
    }
    let told = world.nodes[0].machine.floods();
    let flood = told.first().unwrap();
    assert_eq!((flood.author, flood.delayed, flood.now), (flooder.key.public(), 4, true));
    assert_eq!(flood.since_ms, began_ms);
    assert_eq!(delayed(&world, 0, "author_statements"), 4);
    // Others, and acts in `@mesh`, are not delayed: not by the flood, and not by the peer that hands it on.
    let wire = honest.writes(&world, 1);
    assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Accept);
    let revoke = Revoke { key: flooder.key.public(), prefix: Prefix::all(), frontier: Frontier::nothing() };
    let wire = world.root_act(Body::from(revoke), &[], world.now_ms).remove(0);
    assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Accept);
    // And with time the flooder may go on.
    world.now_ms += 20_000;
    let told = world.nodes[0].machine.floods();
    assert!(told[0].now, "nothing happened since");
    handle(&mut world, 0, Event::Tick);
    assert!(!world.nodes[0].machine.floods()[0].now);
}

/// What a node does when a peer announces a statement by id, and then brings it.
fn announce(world: &mut World, wire: &[u8], from: PublicKey) -> Vec<Effect> {
    let id = Signed::decode(wire).unwrap().id();
    let bytes = Gossip::Announce { scope: Scope::parse("shop").unwrap(), ids: vec![id] }.encode();
    let asked = handle(world, 0, Event::Gossip { id: id.as_bytes().to_vec(), from, bytes: bytes.into() });
    let corr = asked.iter().find_map(|effect| match effect {
        Effect::Request { peer, corr, bytes } if *peer == from => {
            assert!(matches!(Request::decode(bytes), Ok(Request::Fetch { ids }) if ids == [id]));
            Some(*corr)
        }
        _ => None,
    });
    let answer = Response::Statements { statements: vec![Bytes::from(wire.to_vec())], missing: vec![] };
    handle(world, 0, Event::Response { peer: from, corr: corr.unwrap(), bytes: answer.encode() })
}

/// Where some nodes may not hold a scope, all of it is announced.
#[test]
fn what_is_announced_is_held_to_its_authors_rate_too() {
    let mut world = World::limited(2, tight(5));
    let (flooder, honest) = (Author::of(&mut world, 60), Author::of(&mut world, 61));
    let from = world.nodes[1].machine.node();
    let good = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Verdict { verdict: Verdict::Accept, .. }))
    };
    let given_up = |effects: &[Effect]| matches!(effects, [Effect::Verdict { verdict: Verdict::Ignore, .. }]);
    for wire in flooder.many(&world, 5) {
        assert!(good(&announce(&mut world, &wire, from)));
    }
    for number in 5..9 {
        let wire = flooder.writes(&world, number);
        let effects = announce(&mut world, &wire, from);
        assert!(given_up(&effects), "neither handed on nor stored, and its message keeps no place: {effects:?}");
    }
    let told = world.nodes[0].machine.floods();
    assert_eq!((told[0].author, told[0].delayed, told[0].now), (flooder.key.public(), 4, true));
    let wire = honest.writes(&world, 1);
    assert!(good(&announce(&mut world, &wire, from)), "others are not delayed");
}

#[test]
fn what_a_door_delays_it_takes_whole_later() {
    let mut world = World::limited(1, tight(5));
    let author = Author::of(&mut world, 60);
    let wires = author.many(&world, 24);
    // More than the burst passes when there is room: no submission is too large for ever.
    let call = world.submit(0, wires[..20].to_vec());
    world.settle();
    assert!(world.nodes[0].submitted[&call].iter().all(|outcome| matches!(outcome, SubmitOutcome::Stored { .. })));
    let statements = wires[20..].to_vec();
    let effects = handle(&mut world, 0, Event::Submit { call: CallId(900), statements: statements.clone() });
    let [Effect::Submitted { outcome, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let Some(SubmitOutcome::Delayed { author: named, wait_ms }) = outcome.first() else { panic!("{outcome:?}") };
    assert_eq!((outcome.len(), *named), (4, author.key.public()));
    assert!((1..=1_001).contains(wait_ms), "{wait_ms}");
    // The node's own writes, and other authors, go on.
    let own = world.put(0, "shop/own", "1");
    world.settle();
    assert!(world.nodes[0].wrote[&own].is_ok());
    world.now_ms += wait_ms;
    let call = world.submit(0, statements);
    world.settle();
    assert!(world.nodes[0].submitted[&call].iter().all(|outcome| matches!(outcome, SubmitOutcome::Stored { .. })));
}

#[test]
fn a_peer_pays_for_bad_signatures_and_the_name_under_them_does_not() {
    let rates = Rates { peer_checks: 40, burst_ms: 1_000, ..tight(1_000) };
    let mut world = World::limited(3, rates);
    let author = Author::of(&mut world, 60);
    let (bad, good) = (world.nodes[1].machine.node(), world.nodes[2].machine.node());
    for number in 0..3 {
        let mut wire = author.writes(&world, number);
        *wire.last_mut().unwrap() ^= 1;
        assert_eq!(gossip(&mut world, &wire, bad).0, Verdict::Reject);
    }
    let wire = author.writes(&world, 9);
    assert_eq!(gossip(&mut world, &wire, bad), (Verdict::Ignore, 0));
    assert_eq!(gossip(&mut world, &wire, good).0, Verdict::Accept);
    assert_eq!(delayed(&world, 0, "peer_checks"), 1);
    assert!(world.nodes[0].machine.floods().is_empty(), "no author is to blame");
}

#[test]
fn a_name_under_bad_signatures_spends_nothing() {
    let mut world = World::limited(2, tight(3));
    let author = Author::of(&mut world, 60);
    let from = world.nodes[1].machine.node();
    for number in 0..6 {
        let mut wire = author.writes(&world, number);
        *wire.last_mut().unwrap() ^= 1;
        assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Reject);
    }
    let wire = author.writes(&world, 9);
    assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Accept);
}

#[test]
fn a_flood_elsewhere_delays_no_act_of_the_same_key() {
    let mut world = World::limited(2, tight(3));
    let author = Author::of(&mut world, 60);
    let delegate = world.grant(author.key.public(), Verb::Delegate, "shop", START_MS - 900);
    let relied_on = Signed::decode(&delegate[0]).unwrap().id();
    world.submit(0, delegate);
    world.run_ms(2_000);
    let from = world.nodes[1].machine.node();
    for wire in author.many(&world, 5) {
        gossip(&mut world, &wire, from);
    }
    assert_eq!(delayed(&world, 0, "author_statements"), 2);
    let terms = Terms::default();
    let verbs = [Verb::Delegate].into_iter().collect();
    let prefix = Prefix::parse("shop/a").unwrap();
    let grant = Grant { key: key(70).public(), verbs, prefix, scopes: Vec::new(), terms };
    let act = world.act(&author.key, relied_on, Body::from(grant), world.now_ms);
    let wire = act.wire().to_vec();
    assert_eq!(gossip(&mut world, &wire, from).0, Verdict::Accept);
}

#[test]
fn a_push_over_a_peers_bytes_is_refused_by_word() {
    let rates = Rates { peer_bytes: 1_000, burst_ms: 1_000, ..Rates::default() };
    let mut world = World::limited(2, rates);
    let author = Author::of(&mut world, 60);
    world.run_ms(5_000);
    let statements: Vec<Bytes> = author.many(&world, 20).into_iter().map(Bytes::from).collect();
    let peer = world.nodes[1].machine.node();
    let bytes = Request::Push { statements }.encode();
    let effects = handle(&mut world, 0, Event::Request { peer, token: 7, bytes });
    let batch = effects.iter().find_map(|effect| match effect {
        Effect::Store { batch, statements, .. } => Some((*batch, statements.len())),
        _ => None,
    });
    let (batch, stored) = batch.unwrap();
    assert!((1..20).contains(&stored), "{stored}");
    let effects = handle(&mut world, 0, Event::Stored { batch });
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Respond { token: 7, bytes } => Response::decode(bytes).ok(),
        _ => None,
    });
    let Some(Response::Taken { taken, refused }) = answer else { panic!("{answer:?}") };
    assert_eq!((taken, refused.len()), (stored, 20 - stored));
    assert!(refused.iter().all(|(_, word)| word.as_str() == "delayed"));
}

/// Hands statements in at a door, as a tool does that heeds what it is told.
fn hand_in(world: &mut World, node: usize, wires: &[Vec<u8>]) {
    for part in wires.chunks(16) {
        for _ in 0..200 {
            let call = world.submit(node, part.to_vec());
            world.settle();
            match world.nodes[node].submitted[&call].first() {
                Some(SubmitOutcome::Delayed { wait_ms, .. }) => world.run_ms(*wait_ms),
                _ => break,
            }
        }
    }
}

#[test]
fn a_flood_goes_on_at_its_rate_and_others_are_not_held_up() {
    let mut world = World::limited(3, tight(20));
    let flooder = Author::of(&mut world, 60);
    world.put(1, "shop/honest", "0");
    world.run_ms(20_000);
    // It has a door of its own: a node that hands everything on.
    let began = world.now_ms;
    let wires = flooder.many(&world, 400);
    for part in wires.chunks(50) {
        world.now_ms += 1;
        for wire in part {
            let id = blake3::hash(wire).as_bytes().to_vec();
            let from = world.nodes[2].machine.node();
            let bytes = Gossip::Statement { wire: Bytes::from(wire.clone()) }.encode();
            world.happen(0, Event::Gossip { id: id.clone(), from, bytes: bytes.clone().into() });
            world.happen(1, Event::Gossip { id, from, bytes: bytes.into() });
        }
        world.submit(2, part.to_vec());
        world.run_ms(500);
        let call = world.put(1, "shop/honest", &part.len().to_string());
        world.run_ms(500);
        assert!(world.nodes[1].wrote[&call].is_ok());
        assert_eq!(world.read(0, "shop/honest"), Some("50".to_owned()), "an honest write waits for the flood");
    }
    assert!(world.nodes[0].machine.floods()[0].now);
    assert!(delayed(&world, 0, "author_statements") > 100);
    hand_in(&mut world, 2, &wires);
    let statements = |world: &World, node: usize| world.nodes[node].machine.status().statements;
    world.run_ms(60_000);
    assert!(world.all_equal());
    assert!(statements(&world, 0) > 400);
    let seconds = (world.now_ms - began) / 1_000;
    assert!(seconds < 120, "{seconds} s");
}

#[test]
fn catching_up_is_not_held_to_an_authors_rate() {
    let mut world = World::limited(2, tight(20));
    let author = Author::of(&mut world, 60);
    world.isolate(1);
    let wires = author.many(&world, 1_000);
    hand_in(&mut world, 0, &wires);
    world.run_ms(5_000);
    world.heal();
    // At 20 a second it would take fifty seconds.
    world.run_ms(2_000);
    assert!(world.all_equal());
    assert!(world.nodes[1].machine.floods().is_empty(), "nobody floods who was caught up with");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: figures::law((figures::asked() / 100).max(8)), failure_persistence: None, ..ProptestConfig::default()
    })]

    /// The same statements under any rates and in any order of arrival: the same sets and states.
    #[test]
    fn rates_change_no_set_and_no_state(
        seed in any::<u64>(), statements in 1u64..60, bytes in 1u64..8_192, checks in 1u64..60, burst_ms in 1u64..3_000,
    ) {
        let rates = Rates {
            author_statements: statements, author_bytes: bytes * 4, peer_bytes: bytes * 8, peer_checks: checks, burst_ms,
        };
        let play = |rates: Rates| {
            let mut world = World::limited(3, rates);
            let authors = [Author::of(&mut world, 60), Author::of(&mut world, 61)];
            let mut rng = Rng::new(seed);
            world.order = Some(Rng::new(seed ^ 1));
            let mut wires: Vec<Vec<u8>> = authors.iter().flat_map(|author| author.many(&world, 40)).collect();
            for place in (1..wires.len()).rev() {
                wires.swap(place, usize::try_from(rng.below(place as u64 + 1)).unwrap());
            }
            for part in wires.chunks(10) {
                hand_in(&mut world, usize::try_from(rng.below(3)).unwrap(), part);
            }
            world.run_ms(120_000);
            let held: Vec<u64> = world.nodes.iter().map(|node| node.machine.status().statements).collect();
            let revoke = Revoke { key: key(61).public(), prefix: Prefix::all(), frontier: Frontier::nothing() };
            let act = world.root_act(Body::from(revoke), &[], START_MS + 500_000);
            world.now_ms = world.now_ms.max(START_MS + 500_000);
            world.submit(0, act);
            world.run_ms(60_000);
            (world, held)
        };
        let ((free, all), (limited, held)) = (play(Rates::default()), play(rates));
        prop_assert!(free.all_equal() && limited.all_equal());
        prop_assert_eq!(free.digests(0), limited.digests(0));
        // All of it got in, at any rate.
        prop_assert!(all.iter().all(|count| *count > 80), "{:?}", all);
        prop_assert_eq!(all, held);
    }
}
