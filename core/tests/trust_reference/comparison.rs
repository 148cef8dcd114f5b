//! The real code beside the model: every verdict, every membership, who may what, and what the log keeps in its replicated set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use driftless_core::trust::Refusal;
use driftless_statement::{IdTable, Prefix, Scope, StatementId};

use super::figures;
use super::model::{Body, Held, Id, Key, SCOPES, Set, Verdict, World, has, ids, only, verb};
use super::real::{Node, Real, VERBS, in_mesh, public, time};
use super::small::{EPOCHS, TERMS, sorted};
use super::worlds::{Alphabet, Choose, Random, SMALL, every, random, some};

/// The words of the refusals that the model tells apart.
const WORDS: [&str; 8] =
    ["pending", "unapproved", "unknown", "struck", "superseded", "forked", "epoch_pending", "expired"];

type Reached = BTreeMap<&'static str, u64>;

fn scopes() -> &'static [Scope] {
    static PARSED: OnceLock<Vec<Scope>> = OnceLock::new();
    PARSED.get_or_init(|| SCOPES.iter().map(|name| Scope::parse(name).unwrap()).collect())
}

const PATHS: [&str; 3] = ["s/a", "s/b", "t/a"];

fn prefixes() -> &'static [Prefix] {
    static PARSED: OnceLock<Vec<Prefix>> = OnceLock::new();
    PARSED.get_or_init(|| PATHS.iter().map(|path| Prefix::parse(path).unwrap()).collect())
}

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
        let expected = match verdict {
            Verdict::Counts | Verdict::Refused => None,
            Verdict::Pending => Some("pending"),
            Verdict::Unapproved => Some("unapproved"),
            Verdict::Unknown => Some("unknown"),
            Verdict::Struck => Some("struck"),
            Verdict::Superseded => Some("superseded"),
            Verdict::Forked => Some("forked"),
            Verdict::EpochPending => Some("epoch_pending"),
            Verdict::Expired => Some("expired"),
        };
        assert_eq!(word.filter(|word| WORDS.contains(word)), expected, "{}", why());
        note(world, &model, id, verdict, reached);
        if trust.is_shut(&statement.statement().grant) {
            assert!(!verdict.admissible(), "on a grant that is shut: {}", why());
            *reached.entry("a grant is shut").or_default() += 1;
        }
        let said = &world.said[id];
        if said.is_write() && model.demands(said.grant) {
            let approves = |key: &Key| *key != said.author && model.has_approved(*key, id, said);
            let approvers: BTreeSet<_> = (0..10).filter(approves).map(public).collect();
            for wanted in trust.wanted(statement) {
                let expected: BTreeSet<_> = wanted.of.intersection(&approvers).copied().collect();
                assert_eq!(wanted.by, expected, "approvers of {id} in {world:?}");
            }
        }
    }
    let (epoch, forked) = model.in_force();
    let found = trust.epoch().map(|epoch| real.by_id[&epoch.id()]);
    assert_eq!(found, (!forked).then_some(epoch), "epoch in force: {world:?}");
    let holders = world.grants().into_iter().map(|(_, key)| key).chain([7]);
    for key in sorted(holders.collect()) {
        key_agrees(&model, real, &trust, key);
    }
}

/// What counted in one held set is judged in another as by the long way; and what is accepted there follows from what was
/// accepted here.
fn again_agrees(world: &World, real: &Real, (here, there): (Set, Set), reached: &mut Reached) {
    let (here, there) = (Held::of(world, here).set, Held::of(world, there).set);
    let ((before, accepted_before), (after, accepted)) = (real.judged(here), real.judged(there));
    let closure = |listed: &[StatementId]| {
        let mut closure: IdTable<StatementId> = listed.iter().copied().collect();
        for statement in ids(there).collect::<Vec<_>>().into_iter().rev().map(|id| &real.statements[id]) {
            if closure.contains(&statement.id()) {
                closure.extend(statement.statement().each_name_in_scope().copied());
            }
        }
        closure
    };
    let anew = accepted_before.anew(accepted.followed().clone(), closure);
    assert_eq!(anew, accepted, "what is accepted of {there:#x} after {here:#x} in {world:?}");
    for statement in ids(here & there).map(|id| &real.statements[id]).filter(|one| !in_mesh(one)) {
        if before.authorised(statement, &accepted_before).is_err() {
            continue;
        }
        let why = || format!("{:?} of {there:#x} after {here:#x} in {world:?}", statement.id());
        let authorised = after.authorised(statement, &accepted);
        assert_eq!(after.authorised_again(statement, &accepted), authorised, "{}", why());
        let admissible = after.admissible(statement, &accepted);
        assert_eq!(after.admissible_again(statement, &accepted), admissible, "{}", why());
        let open = after.is_open(&statement.statement().grant);
        assert!(!open || admissible.is_ok(), "on a grant that is open: {}", why());
        *reached.entry(if open { "counted, and is open" } else { "counted, and is not open" }).or_default() += 1;
        let now = match authorised {
            Ok(()) => "counts again",
            Err(Refusal::Struck { .. }) => "counted, and is struck",
            Err(_) => "counted, and is refused",
        };
        *reached.entry(now).or_default() += 1;
    }
}

/// What trust says about a key: what it holds, its labels, and what it should rely on.
fn key_agrees(model: &Held, real: &Real, trust: &driftless_core::trust::Trust, key: Key) {
    let world = model.world;
    let member = trust.member(&public(key));
    for (name, scope) in SCOPES.iter().zip(scopes()) {
        let found = member.is_some_and(|member| member.may_hold(scope));
        assert_eq!(found, model.holds(key, name), "{key} holds {name}: {world:?}");
    }
    let labels = member.map(|member| &member.labels).into_iter().flatten();
    let labels: BTreeMap<&str, &str> = labels.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(labels, model.labels(key), "labels of {key}: {world:?}");
    for (bit, verb) in VERBS.iter().filter(|(bit, _)| bit & (verb::WRITE | verb::DELEGATE | verb::REVOKE) != 0) {
        for (path, prefix) in PATHS.iter().zip(prefixes()) {
            let now = world.said.len();
            let found = trust.grant_for(&public(key), *verb, prefix, time(now)).map(|id| real.by_id[&id]);
            let order =
                |id: &usize| (*bit == verb::WRITE && model.demands(*id), model.rank(*id), real.statements[*id].id());
            let expected = model.would_do(key, *bit, path, now).min_by_key(order);
            assert_eq!(found, expected, "{key} {verb:?} {path}: {world:?}");
        }
    }
}

fn note(world: &World, model: &Held, id: usize, verdict: Verdict, reached: &mut Reached) {
    let said = &world.said[id];
    let mut seen = |what| *reached.entry(what).or_default() += 1;
    match (&said.body, verdict) {
        (Body::Revoke { .. }, Verdict::Counts) => seen("a revocation counts"),
        (Body::Revoke { .. }, Verdict::Struck) => seen("a revocation is struck"),
        (Body::Revoke { .. }, Verdict::Pending) => seen("a revocation is pending"),
        (Body::Grant { .. }, Verdict::Struck) => seen("a grant is struck"),
        (Body::Write { .. }, Verdict::Struck) => seen("a write is struck"),
        (Body::Accept { .. }, Verdict::Counts) => seen("an accept counts"),
        (Body::Rotate { .. }, Verdict::Counts) if model.epoch(id) == Verdict::Forked => seen("a rotation forks"),
        (Body::Rotate { .. }, Verdict::Counts) => seen("a rotation counts"),
        (Body::Write { .. }, Verdict::Counts) if model.demands(said.grant) => seen("a write is approved"),
        (Body::Write { .. }, Verdict::Unapproved) => seen("a write is unapproved"),
        (_, Verdict::Unknown) => seen("unknown"),
        (_, Verdict::Superseded) => seen("superseded"),
        (_, Verdict::Forked) => seen("forked"),
        (_, Verdict::EpochPending) => seen("an epoch is pending"),
        (_, Verdict::Expired) => seen("expired"),
        _ => {}
    }
    if let (Body::Revoke { key, frontier, .. }, Verdict::Counts) = (&said.body, verdict) {
        if model.frontier(id).len() > frontier.len() {
            seen("a revocation takes an accept");
        }
        let regrant = |grant: usize| {
            matches!(world.said[grant].body, Body::Grant { key: to, .. } if to == *key)
                && world.said[grant].bases().any(|base| base == id)
                && model.counts(grant)
                && model.rank(grant) > model.rank(said.grant)
                && !has(model.strikers(grant), id)
        };
        if ids(model.set).skip(1).any(regrant) {
            seen("a re-grant stands");
        }
    }
    if verdict == Verdict::Counts && model.is_epoch(said.grant) && model.sealed(said.grant).is_some() {
        seen("an act of an ended epoch counts");
    }
    if verdict == Verdict::Counts && said.grant != 0 && model.strikers(said.grant) != 0 {
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

pub fn shuffled(world: &World, choose: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..world.said.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, choose.of(at + 1));
    }
    order
}

/// All orders of what follows `first`, one after another.
fn orders(first: &[usize], rest: &[usize], check: &mut impl FnMut(&[usize])) {
    if rest.is_empty() {
        check(first);
    }
    for at in 0..rest.len() {
        let mut rest = rest.to_vec();
        let mut longer = first.to_vec();
        longer.push(rest.remove(at));
        orders(&longer, &rest, check);
    }
}

fn say(what: &str, reached: &Reached, expected: &[&str]) {
    figures::say(&format!("figure: trust, {what}, model and code agree"));
    println!("reached: {reached:?}");
    let never: Vec<_> = expected.iter().filter(|what| !reached.contains_key(**what)).collect();
    assert!(never.is_empty(), "never reached: {never:?}");
}

const REVOKED: [&str; 6] = [
    "a revocation counts",
    "a grant is struck",
    "a grant is shut",
    "a write is struck",
    "counts on a struck grant",
    "a re-grant stands",
];
const ROTATED: [&str; 6] = [
    "a rotation counts",
    "a rotation forks",
    "superseded",
    "forked",
    "an epoch is pending",
    "an act of an ended epoch counts",
];
const ON_TERMS: [&str; 3] = ["a write is approved", "a write is unapproved", "expired"];

/// Every world of up to three acts, and of those of four as many as the cases ask for: all from `whole` cases on. Of five and six
/// acts a sample.
fn small_worlds(what: &str, alphabet: &Alphabet, whole: u64, touched: usize, expected: &[&str]) {
    let mut reached = Reached::new();
    let mut check = |world: &World, log: bool, choose: &mut Random| {
        let mut world = world.clone();
        world.probe(touched);
        let real = Real::of(&world);
        trust_agrees(&world, &real, world.all(), &mut reached);
        if log {
            log_agrees(&world, &real, &shuffled(&world, choose));
        }
    };
    let asked = u64::from(figures::asked());
    let (mut worlds, mut choose) = (0, Random(4));
    for acts in 1..=3 {
        worlds += every(acts, alphabet, |world| check(world, choose.of(8) == 0, &mut Random(world.all())));
    }
    let mut four = asked * 8;
    if asked >= whole {
        let mut choose = Random(5);
        four = every(4, alphabet, |world| check(world, choose.of(32) == 0, &mut Random(world.all())));
    } else {
        some(four, 4, alphabet, |world| check(world, choose.of(8) == 0, &mut Random(world.all())));
    }
    for acts in 5..=6 {
        some(asked, acts, alphabet, |world| check(world, choose.of(8) == 0, &mut Random(world.all())));
    }
    let all = if asked >= whole { "all" } else { "some" };
    let figure = format!("{what}: all {worlds} worlds of up to 3 acts, {all} {four} of 4, {} of 5 and 6", 2 * asked);
    say(&figure, &reached, expected);
}

#[test]
fn code_and_model_agree_on_every_small_world_of_revocations() {
    small_worlds("revocations", &SMALL, 10_000, 3, &REVOKED);
}

#[test]
fn code_and_model_agree_on_every_small_world_of_epochs() {
    small_worlds("epochs", &EPOCHS, 10_000, 1, &ROTATED);
}

#[test]
fn code_and_model_agree_on_every_small_world_with_terms() {
    small_worlds("terms", &TERMS, 100_000, 1, &ON_TERMS);
}

/// Of the worlds of so many acts, one of how many is tried in all its orders: with ten thousand cases all of up to three
/// acts, and of four, which arrive in 120 orders each, one of 400. `DRIFTLESS_ORDERS=all` leaves none out.
fn part_tried(acts: usize) -> u64 {
    if std::env::var("DRIFTLESS_ORDERS").is_ok_and(|orders| orders == "all") {
        return 1;
    }
    let fewer = (10_000 / u64::from(figures::asked())).max(1);
    match acts {
        0..=2 => 1,
        3 => fewer,
        _ => fewer * 400,
    }
}

/// Which part of the worlds that are not all tried: `tests/run` sets another one with each commit, so that all have their turn.
fn shard() -> u64 {
    std::env::var("DRIFTLESS_SHARD").map_or(0, |shard| shard.parse().expect("DRIFTLESS_SHARD: a number"))
}

/// The log's replicated set beside the model's, in every order in which genesis and up to four acts can arrive.
fn every_order(what: &str, alphabet: &Alphabet) {
    let shard = shard();
    for acts in 1..=4 {
        let (part, mut seen, mut worlds, mut tried) = (part_tried(acts), 0u64, 0, 0);
        every(acts, alphabet, |world| {
            seen += 1;
            if (seen + shard).is_multiple_of(part) {
                let real = Real::of(world);
                let all: Vec<usize> = (0..world.said.len()).collect();
                orders(&[], &all, &mut |order| {
                    log_agrees(world, &real, order);
                    tried += 1;
                });
                worlds += 1;
            }
        });
        let figure = format!("{worlds} of {seen} worlds of {acts} acts in all {tried} orders of arrival");
        figures::say(&format!("figure: trust, {what}: {figure}"));
    }
}

#[test]
fn the_log_keeps_the_same_in_every_order_of_revocations() {
    every_order("revocations", &SMALL);
}

#[test]
fn the_log_keeps_the_same_in_every_order_of_epochs() {
    every_order("epochs", &EPOCHS);
}

#[test]
fn the_log_keeps_the_same_in_every_order_of_terms() {
    every_order("terms", &TERMS);
}

/// A hundred random graphs for each case, half of them of three to six acts. Two tests, since two cores share the work.
fn random_graphs(shard: u64) {
    let mut reached = Reached::new();
    let graphs = u64::from(figures::asked()) * 100;
    let mut judged = 0;
    for seed in (shard..graphs).step_by(2) {
        let acts = 3 + (seed / 2) as usize % if seed % 4 < 2 { 4 } else { 9 };
        let mut world = random(seed, acts);
        let mut choose = Random(seed ^ 0x5eed);
        let probed = choose.of(6) == 0;
        if probed {
            world.probe(2);
        }
        let real = Real::of(&world);
        trust_agrees(&world, &real, world.all(), &mut reached);
        judged += 1;
        // A revocation taken away and brought back: hardly anything else strikes a write that counted. Only a probed world has
        // writes enough.
        let revokes = |id: &Id| matches!(world.said[*id].body, Body::Revoke { .. });
        let revocations: Vec<Id> = ids(world.all()).filter(revokes).collect();
        if probed && !revocations.is_empty() {
            let less = world.all() & !only(revocations[choose.of(revocations.len())]);
            again_agrees(&world, &real, (less, world.all()), &mut reached);
            again_agrees(&world, &real, (world.all(), less), &mut reached);
        }
        if choose.of(12) == 0 {
            let less = world.all() & !only(1 + choose.of(world.said.len() - 1));
            trust_agrees(&world, &real, less, &mut reached);
            again_agrees(&world, &real, (less, world.all()), &mut reached);
            again_agrees(&world, &real, (world.all(), less), &mut reached);
            let mut order = shuffled(&world, &mut choose);
            log_agrees(&world, &real, &order);
            order.retain(|id| has(less, *id));
            log_agrees(&world, &real, &order);
        }
    }
    let more = ["a revocation is struck", "a revocation is pending", "a revocation takes an accept", "unknown"];
    let again = [
        "counted, and is open",
        "counted, and is not open",
        "counts again",
        "counted, and is struck",
        "counted, and is refused",
    ];
    let expected = [&REVOKED[..], &ROTATED, &ON_TERMS, &more, &again].concat();
    say(&format!("{judged} random graphs ({} of 2)", shard + 1), &reached, &expected);
}

#[test]
fn code_and_model_agree_on_random_graphs_even() {
    random_graphs(0);
}

#[test]
fn code_and_model_agree_on_random_graphs_odd() {
    random_graphs(1);
}
