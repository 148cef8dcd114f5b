//! Signing from an export: it answers what trust answers, and what is signed from it follows on it.

use std::io::Cursor;

use driftless_client::Signer;
use driftless_client::offline::{BadAddition, Need, Offline, Unmerged};
use driftless_client::sign::{self, Desired};
use driftless_client::tree;
use driftless_statement::{Frontier, Grant, Note, Path, Prefix, Terms, Value, Verb, Verbs, Verified};

use crate::world::{World, eventful, judge, key, secret};

fn read(world: &World) -> Offline {
    Offline::read(&mut Cursor::new(world.export().into_bytes()), Some(world.mesh())).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn value(offline: &Offline, at: &str) -> Option<Value> {
    let merged = offline.merged(&path(at), None, Need::Value, 0).unwrap();
    merged.tree.map(|tree| tree::from_json(&tree).unwrap().to_value())
}

fn put(offline: &Offline, by: u8, at: &str, wanted: i128, now_ms: u64) -> Verified {
    let signer = Signer::new(secret(by));
    let merged = offline.merged(&path(at), Some(&signer.public()), Need::Heads, now_ms).unwrap();
    signer.write(&merged, &Desired::Value(Value::Int(wanted)), &Note::default(), now_ms).unwrap().unwrap()
}

#[test]
fn every_fate_is_the_one_that_the_export_tells() {
    let world = eventful();
    let offline = read(&world);
    let mut fates: Vec<String> = Vec::new();
    for said in &world.said {
        fates.push(offline.words(said).fate);
    }
    let told = judge(&world.export(), None).unwrap().report.fates;
    for (fate, count) in told {
        assert_eq!(fates.iter().filter(|one| **one == fate).count() as u64, count, "{fate}");
    }
    assert_eq!(value(&offline, "shop/limits"), Some(Value::Int(1)));
    assert_eq!(value(&offline, "shop/job"), Some(Value::Int(3)), "what the revocation did not accept does not show");
    assert_eq!(value(&offline, "shop/other"), None);
    assert_eq!(value(&offline, "shop/future"), None, "its time has not come");
    let pending = offline.pending();
    assert_eq!((pending.total, pending.pending[0].wanted[0].have, pending.pending[0].wanted[0].need), (1, 1, 2));
    let job = offline.author(&key(4), None);
    assert!(job.scopes.iter().all(|scope| scope.kept <= 2), "what is void is not among what it said: {job:?}");
}

#[test]
fn of_concurrent_edits_only_the_heads_are_known_until_the_whole_value_is_put() {
    let mut world = World::new();
    let operator = world.by_roots(|world, genesis| world.grant(0, genesis, 3, &[Verb::Write], ""));
    let one = world.write(3, operator, "shop/a", 1);
    world.forget("shop/a");
    let two = world.write(3, operator, "shop/a", 2);
    let offline = read(&world);
    let unknown = offline.merged(&path("shop/a"), None, Need::Value, 0);
    assert_eq!(unknown.unwrap_err(), Unmerged::Concurrent(path("shop/a")));
    let mut heads = vec![one, two];
    heads.sort_unstable();
    assert_eq!(offline.merged(&path("shop/a"), None, Need::Heads, 0).unwrap().heads, heads);

    let mut offline = offline;
    let healed = put(&offline, 3, "shop/a", 3, world.floor_ms() + 1000);
    assert_eq!(healed.statement().touches[0].bases, heads);
    assert_eq!(offline.add(&[&healed.wire()]).unwrap(), 1);
    assert_eq!(offline.add(&[&healed.wire()]).unwrap(), 0, "once is enough");
    assert_eq!(value(&offline, "shop/a"), Some(Value::Int(3)));
}

#[test]
fn what_is_signed_follows_on_the_export_and_on_bundles() {
    let mut world = World::new();
    let operator = world.by_roots(|world, genesis| world.grant(0, genesis, 3, &[Verb::Write], ""));
    world.write(3, operator, "shop/a", 1);
    let now = world.floor_ms() + 1000;
    let mut offline = read(&world);
    let first = put(&offline, 3, "shop/a", 2, now);
    let mut ahead = read(&world);
    ahead.add(&[&first.wire()]).unwrap();
    let second = put(&ahead, 3, "shop/a", 3, now);
    assert_eq!(second.statement().prev, [first.id()]);
    assert_eq!(second.statement().touches[0].bases, [first.id()]);
    let missing = BadAddition::Missing { id: second.id(), named: first.id() };
    assert_eq!(offline.add(&[&second.wire()]).unwrap_err(), missing);
    assert_eq!(value(&offline, "shop/a"), Some(Value::Int(1)), "nothing was added");
    assert_eq!(offline.add(&[&second.wire(), &first.wire()]).unwrap(), 2, "in any order");
    assert_eq!(value(&offline, "shop/a"), Some(Value::Int(3)));
    let mut wire = first.wire().to_vec();
    *wire.last_mut().unwrap() ^= 1;
    assert!(matches!(read(&world).add(&[&wire]), Err(BadAddition::Invalid { place: 0, .. })));
    let foreign = World::called("another");
    assert!(matches!(read(&foreign).add(&[&first.wire()]), Err(BadAddition::Invalid { place: 0, .. })));
}

#[test]
fn a_root_act_and_its_approval_are_signed_apart_and_count_together() {
    let world = World::new();
    let now = world.floor_ms() + 1000;
    let offline = read(&world);
    let (first, second) = (Signer::new(secret(0)), Signer::new(secret(1)));
    let verbs = Verbs::from_iter([Verb::Write]);
    let (prefix, terms) = (Prefix::parse("shop").unwrap(), Terms::default());
    let grant = Grant { key: key(7), verbs, prefix, scopes: Vec::new(), terms };
    let grants = offline.grants(Some(&first.public()));
    let frame = first.grant_frame(world.mesh(), &grants, &grant, now).unwrap();
    let act = first.grant(&frame, grant, &[], Note::default(), now).unwrap();

    let mut seen = read(&world);
    seen.add(&[&act.wire()]).unwrap();
    assert_eq!(seen.words(&act).fate, "pending");
    let grants = seen.grants(Some(&second.public()));
    let frame = second.root_frame(world.mesh(), &grants).unwrap();
    let approval = second.approve(&frame, driftless_statement::Scope::mesh(), act.id(), Note::default(), now).unwrap();
    seen.add(&[&approval.wire()]).unwrap();
    assert_eq!(seen.words(&act).fate, "fit");
    let job = put(&seen, 7, "shop/job", 1, now + 1000);
    assert_eq!(job.statement().grant, act.id());
    let mut other = read(&world);
    other.add(&[&job.wire(), &approval.wire(), &act.wire()]).unwrap();
    assert_eq!(value(&other, "shop/job"), Some(Value::Int(1)));
}

#[test]
fn a_revocation_is_previewed_without_a_node() {
    let mut world = World::new();
    let operator = world.by_roots(|world, genesis| world.grant(0, genesis, 3, &[Verb::Write], ""));
    world.write(3, operator, "shop/a", 1);
    world.write(3, operator, "shop/a", 2);
    world.write(3, operator, "shop/b", 1);
    world.forget("shop/b");
    world.write(3, operator, "shop/b", 2);
    let offline = read(&world);
    let root = Signer::new(secret(0));
    let grants = offline.grants(Some(&root.public()));
    let (prefix, now) = (Prefix::parse("shop").unwrap(), world.floor_ms() + 1000);
    let frame = root.revoke_frame(world.mesh(), &grants, &prefix, now).unwrap();
    let revoke = |frontier: &Frontier| {
        let acts = root.revoke(&frame, key(3), prefix.clone(), frontier, &Note::default(), now).unwrap();
        offline.preview(&acts)
    };
    let (nothing, untold) = revoke(&Frontier::nothing());
    assert_eq!((nothing.voided.get("shop"), nothing.entries.len(), untold), (Some(&4), 1, 1));
    assert_eq!((nothing.entries[0].now.clone(), nothing.entries[0].then.clone()), (Some(Value::Int(2)), None));
    let (all, untold) = revoke(&sign::frontier(&offline.author(&key(3), None)));
    assert_eq!((all.voided.len(), all.entries.len(), untold, all.refused), (0, 0, 0, vec![None]));
}
