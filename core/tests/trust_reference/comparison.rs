//! The real code beside the model: every verdict, every membership, who may what, and what the log keeps in its replicated set.

use std::collections::BTreeMap;

use driftless_statement::{Prefix, Scope};

use super::figures;
use super::model::{Body, Held, Set, Verdict, World, has, ids, only, verb};
use super::real::{Node, Real, VERBS, public};
use super::worlds::{Choose, Random, SMALL, every, random};

/// Worlds of four acts over the small alphabet.
const FOUR_ACTS: u64 = 406_575;

/// The words of the refusals that the model tells apart.
const WORDS: [&str; 8] =
    ["pending", "unapproved", "unknown", "struck", "superseded", "forked", "epoch_pending", "expired"];

type Reached = BTreeMap<&'static str, u64>;

/// All that trust says about a held set.
fn trust_agrees(world: &World, real: &Real, arrived: Set, reached: &mut Reached) {
    let model = Held::of(world, arrived);
    let (trust, accepted) = real.judged(model.set);
    for id in ids(model.set).skip(1) {
        let statement = &real.statements[id];
        let verdict = model.verdict(id);
        let (admissible, authorised) = (trust.admissible(statement, &accepted), trust.authorised(statement, &accepted));
        let found = (admissible.is_ok(), authorised.is_ok());
        let why =
            || format!("{id}: model {verdict:?}, code {admissible:?} {authorised:?}, of {arrived:#x} in {world:?}");
        assert_eq!(found, (verdict.admissible(), verdict == Verdict::Counts), "{}", why());
        let word = authorised.as_ref().err().map(|refusal| refusal.word());
        let alike = match verdict {
            Verdict::Counts => word.is_none(),
            Verdict::Pending => word == Some("pending"),
            Verdict::Unknown => word == Some("unknown"),
            Verdict::Struck => word == Some("struck"),
            Verdict::Unapproved => word == Some("unapproved"),
            Verdict::Superseded => word == Some("superseded"),
            Verdict::Forked => word == Some("forked"),
            Verdict::EpochPending => word == Some("epoch_pending"),
            Verdict::Expired => word == Some("expired"),
            Verdict::Refused => word.is_some_and(|word| !WORDS.contains(&word)),
        };
        assert!(alike, "{}", why());
        note(world, &model, id, verdict, reached);
    }
    for key in 0..7 {
        for name in super::model::SCOPES {
            let scope = Scope::parse(name).unwrap();
            let found = trust.member(&public(key)).is_some_and(|member| member.may_hold(&scope));
            assert_eq!(found, model.holds(key, name), "{key} holds {name}: {world:?}");
        }
        for (bit, verb) in VERBS.iter().filter(|(bit, _)| bit & (verb::WRITE | verb::DELEGATE | verb::REVOKE) != 0) {
            for path in ["s/a", "s/b", "t/a"] {
                let epoch = real.statements[0].id();
                let found = trust.grant_for(&public(key), *verb, &Prefix::parse(path).unwrap(), 0);
                let found = found.is_some_and(|grant| grant != epoch);
                assert_eq!(found, model.may(key, *bit, path, world.said.len()), "{key} {verb:?} {path}: {world:?}");
            }
        }
    }
}

fn note(world: &World, model: &Held, id: usize, verdict: Verdict, reached: &mut Reached) {
    let mut seen = |what| *reached.entry(what).or_default() += 1;
    match (&world.said[id].body, verdict) {
        (Body::Revoke { .. }, Verdict::Counts) => seen("a revocation counts"),
        (Body::Revoke { .. }, Verdict::Struck) => seen("a revocation is struck"),
        (Body::Revoke { .. }, Verdict::Pending) => seen("a revocation is pending"),
        (Body::Grant { .. }, Verdict::Struck) => seen("a grant is struck"),
        (Body::Write { .. }, Verdict::Struck) => seen("a write is struck"),
        (Body::Accept { .. }, Verdict::Counts) => seen("an accept counts"),
        (_, Verdict::Unknown) => seen("unknown"),
        _ => {}
    }
    if let (Body::Revoke { key, frontier, .. }, Verdict::Counts) = (&world.said[id].body, verdict) {
        if model.frontier(id).len() > frontier.len() {
            seen("a revocation takes an accept");
        }
        let regrant = |grant: usize| {
            matches!(world.said[grant].body, Body::Grant { key: to, .. } if to == *key)
                && world.said[grant].bases().any(|base| base == id)
                && model.counts(grant)
                && model.rank(grant) > model.rank(world.said[id].grant)
                && !model.strikers(grant).contains(&id)
        };
        if ids(model.set).skip(1).any(regrant) {
            seen("a re-grant stands");
        }
    }
    if verdict == Verdict::Counts && world.said[id].grant != 0 && !model.strikers(world.said[id].grant).is_empty() {
        seen("counts on a struck grant");
    }
}

/// What the log keeps of what arrived, in this order.
fn log_agrees(world: &World, real: &Real, order: &[usize]) {
    let mut node = Node::new(real);
    order.iter().for_each(|id| node.arrive(&real.statements[*id]));
    let arrived: Set = order.iter().map(|id| only(*id)).sum();
    let model = Held::of(world, arrived);
    let (found, expected) = (node.replicated(real), model.replicated());
    let list = |set: Set| ids(set).collect::<Vec<_>>();
    assert_eq!(list(found), list(expected), "in the order {order:?} of {world:?}");
}

fn shuffled(world: &World, choose: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..world.said.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, choose.of(at + 1));
    }
    order
}

fn say(what: &str, worlds: u64, reached: &Reached, expected: &[&str]) {
    figures::say(&format!("figure: {what}: {worlds} worlds, model and code agree"));
    println!("reached: {reached:?}");
    let never: Vec<_> = expected.iter().filter(|what| !reached.contains_key(**what)).collect();
    assert!(never.is_empty(), "never reached: {never:?}");
}

const REACHED: [&str; 5] =
    ["a revocation counts", "a grant is struck", "a write is struck", "counts on a struck grant", "a re-grant stands"];

/// Every world of up to three acts, and of those of four as many as the cases ask for: all from 50,300 cases on.
#[test]
fn code_and_model_agree_on_every_small_world() {
    let mut reached = Reached::new();
    let mut worlds = 0;
    let part = (FOUR_ACTS / (u64::from(figures::asked()) * 8)).max(1);
    for acts in 1..=4 {
        let mut at = 0;
        every(acts, &SMALL, |world| {
            at += 1;
            if acts == 4 && at % part != 0 {
                return;
            }
            let mut world = world.clone();
            world.probe(3);
            let real = Real::of(&world);
            trust_agrees(&world, &real, world.all(), &mut reached);
            if at % 8 == 0 {
                log_agrees(&world, &real, &shuffled(&world, &mut Random(at)));
            }
            worlds += 1;
        });
        assert!(acts < 4 || at == FOUR_ACTS, "{at} worlds of four acts");
    }
    say("trust, small worlds", worlds, &reached, &REACHED);
}

#[test]
fn code_and_model_agree_on_random_worlds() {
    let mut reached = Reached::new();
    let cases = figures::law(figures::asked().saturating_mul(4));
    for seed in 0..u64::from(cases) {
        let mut world = random(seed, 4 + seed as usize % 12);
        if !super::real::speaks(&world) {
            continue;
        }
        let mut choose = Random(seed ^ 0x5eed);
        if choose.of(2) == 0 {
            world.probe(2);
        }
        let real = Real::of(&world);
        trust_agrees(&world, &real, world.all(), &mut reached);
        let less = world.all() & !only(1 + choose.of(world.said.len() - 1));
        trust_agrees(&world, &real, less, &mut reached);
        let mut order = shuffled(&world, &mut choose);
        log_agrees(&world, &real, &order);
        order.retain(|id| has(less, *id));
        log_agrees(&world, &real, &order);
    }
    let more = ["a revocation is struck", "a revocation is pending", "a revocation takes an accept", "unknown"];
    say("trust, random worlds", u64::from(cases), &reached, &[&REACHED[..], &more[..]].concat());
}
