//! Attacks that an earlier reading of the page allowed, each as small as it gets: they must not come back.

use super::model::{EPOCH, Held, MESH, Verdict, World, has, ids, only, verb};
use super::real::{Node, Real};
use super::worlds::ALL;

/// Were all in the set that anything names, a void grant would be in the set of `@mesh` where a void write relies on it and a write
/// that counts names that write: only on nodes that hold the writes' scope.
#[test]
fn a_void_grant_is_aside_also_where_a_write_needs_it() {
    let mut world = World::new(1, 1);
    let k = world.grant(0, EPOCH, 1, ALL, "");
    let y = world.grant(0, EPOCH, 3, ALL, "");
    let h = world.grant(1, k, 2, verb::WRITE, "");
    let by_x = world.write(2, h, &["t/a"], &[]);
    let by_y = world.write(3, y, &["t/a"], &[by_x]);
    world.revoke(0, EPOCH, 1, "", &[]);
    let all = Held::of(&world, world.all());
    assert_eq!(
        [h, by_x, by_y].map(|id| all.verdict(id)),
        [Verdict::Struck, Verdict::Refused, Verdict::Counts],
        "the grant to X is void, its write with it, and an innocent write names that"
    );
    let mesh = ids(world.all()).filter(|id| world.said[*id].scope == MESH).map(only).sum();
    let alone = Held::of(&world, mesh);
    assert!(!has(all.replicated(), h) && !has(alone.replicated(), h));
    assert!(has(all.replicated(), by_x) && has(all.needed(), h));
    let real = Real::of(&world);
    let (mut all, mut alone) = (Node::new(&real), Node::new(&real));
    for id in ids(world.all()) {
        all.arrive(&real.statements[id]);
        if has(mesh, id) {
            alone.arrive(&real.statements[id]);
        }
    }
    assert!(!has(all.replicated(&real), h) && !has(alone.replicated(&real), h));
    assert!(has(all.replicated(&real), by_x) && all.log.contains(&real.statements[h].id()));
}

/// No hole: that a write is accepted says nothing of the grant it relies on, or nodes that do not hold the write's scope would
/// not know.
#[test]
fn who_accepts_a_write_does_not_accept_its_grant() {
    let mut world = World::new(1, 1);
    let k = world.grant(0, EPOCH, 1, ALL, "");
    let h = world.grant(1, k, 2, verb::WRITE, "");
    let by_x = world.write(2, h, &["t/a"], &[]);
    let by_k = world.write(1, k, &["t/a"], &[by_x]);
    world.revoke(0, EPOCH, 1, "", &[by_k]);
    let held = Held::of(&world, world.all());
    assert_eq!([h, by_x, by_k].map(|id| held.verdict(id)), [Verdict::Struck, Verdict::Refused, Verdict::Counts]);
    let real = Real::of(&world);
    let (trust, accepted) = real.judged(world.all());
    let found = [h, by_x, by_k].map(|id| trust.authorised(&real.statements[id], &accepted).is_ok());
    assert_eq!(found, [false, false, true]);
}

/// Were a grant void as soon as it overlaps, who may revoke under `s/a` alone could take away what a third key wrote in `t`, and
/// its membership.
#[test]
fn a_narrow_revocation_reaches_nothing_beyond_its_prefix() {
    let mut world = World::new(1, 1);
    let j = world.grant(0, EPOCH, 1, verb::REVOKE, "s/a");
    let d = world.grant(0, EPOCH, 2, ALL, "");
    let k = world.grant(2, d, 3, ALL, "");
    let h = world.grant(3, k, 4, verb::WRITE | verb::MEMBER, "");
    let write = world.write(4, h, &["t/a"], &[]);
    let before = Held::of(&world, world.all());
    assert!(before.counts(write) && before.holds(3, "t") && before.holds(4, "t"));
    world.revoke(1, j, 3, "s/a", &[]);
    let inside = world.write(4, h, &["s/a"], &[]);
    let after = Held::of(&world, world.all());
    assert!(after.counts(write) && after.holds(3, "t") && after.holds(4, "t"));
    assert!(after.may(3, verb::WRITE, "t/a", 0), "the revoked key itself keeps what lies outside");
    assert_eq!(after.verdict(inside), Verdict::Struck, "and whom it granted something loses what lies inside");
    let real = Real::of(&world);
    let (trust, accepted) = real.judged(world.all());
    let found = [write, inside].map(|id| trust.authorised(&real.statements[id], &accepted).is_ok());
    assert_eq!(found, [true, false]);
}

/// Were everything in the set that a frontier lists, who may revoke anywhere could fill every scope with what a key of its own
/// signed, though that key holds no grant.
#[test]
fn a_list_brings_in_nothing_that_could_never_count() {
    let mut world = World::new(1, 1);
    let j = world.grant(0, EPOCH, 1, verb::REVOKE, "s/a");
    let k = world.grant(0, EPOCH, 2, verb::WRITE, "s/a");
    let junk = world.write(3, k, &["t/a"], &[]);
    let outside = world.write(2, k, &["t/a"], &[]);
    let good = world.write(2, k, &["s/a"], &[]);
    world.revoke(1, j, 3, "s/a", &[junk]);
    world.revoke(0, EPOCH, 2, "", &[outside, good]);
    let held = Held::of(&world, world.all());
    assert_eq!([junk, outside, good].map(|id| has(held.replicated(), id)), [false, false, true]);
    let real = Real::of(&world);
    let mut node = Node::new(&real);
    ids(world.all()).for_each(|id| node.arrive(&real.statements[id]));
    assert_eq!([junk, outside, good].map(|id| has(node.replicated(&real), id)), [false, false, true]);
}

/// Were only what counts in the set, and not all that a rotation accepts, two nodes could hold equal sets and accept different
/// things: here the write, which nobody lets in, is how the grant comes to be accepted.
#[test]
fn what_a_rotation_accepts_is_in_the_set() {
    let mut world = World::new(1, 1);
    let grant = world.grant(0, EPOCH, 1, ALL, "");
    let refused = world.write(0, EPOCH, &["@mesh/x"], &[]);
    world.said[refused].prev = vec![grant];
    let rotation = world.rotate(0, EPOCH, &[8], 1, &[refused]);
    let all = Held::of(&world, world.all());
    assert_eq!(
        [grant, refused, rotation].map(|id| all.verdict(id)),
        [Verdict::Counts, Verdict::Refused, Verdict::Counts]
    );
    assert!(has(all.replicated(), refused));
    let less = Held::of(&world, world.all() & !only(refused));
    assert_eq!(less.verdict(grant), Verdict::Superseded, "until the write is fetched, which the frontier lists");
    let real = Real::of(&world);
    for order in [[0, grant, refused, rotation], [0, rotation, refused, grant], [0, rotation, grant, refused]] {
        let mut node = Node::new(&real);
        order.iter().for_each(|id| node.arrive(&real.statements[*id]));
        assert_eq!(node.replicated(&real), all.replicated(), "{order:?}");
    }
}

/// Were only what is held already accepted, who gets to know a rotation before what it accepts would never let that in.
#[test]
fn what_a_rotation_accepts_may_come_after_it() {
    let mut world = World::new(1, 1);
    let grant = world.grant(0, EPOCH, 1, ALL, "");
    let rotation = world.rotate(0, EPOCH, &[8], 1, &[grant]);
    let real = Real::of(&world);
    let mut node = Node::new(&real);
    [0, rotation, grant].iter().for_each(|id| node.arrive(&real.statements[*id]));
    assert_eq!(node.replicated(&real), Held::of(&world, world.all()).replicated());
}

/// Were the scope that an approval names passed over, who approves with a wide grant could name another scope, and a revocation in
/// the write's scope would not concern the approval.
#[test]
fn an_approval_that_names_another_scope_adds_nothing() {
    let mut world = World::new(1, 1);
    let writer = world.grant(0, EPOCH, 1, ALL, "");
    let approver = world.grant(0, EPOCH, 2, ALL, "");
    world.terms(writer).demand = Some((1, vec![2]));
    let write = world.write(1, writer, &["s/a"], &[]);
    let approval = world.approve(2, approver, "t", write);
    world.revoke(0, EPOCH, 2, "s", &[]);
    let held = Held::of(&world, world.all());
    assert_eq!([write, approval].map(|id| held.verdict(id)), [Verdict::Unapproved, Verdict::Counts]);
}

/// A limit, not mended: of an epoch that was ended twice counts what both rotations accept, so old root keys beyond the threshold
/// can take back a revocation, and whom it removed is there again.
#[test]
fn a_fork_brings_back_whom_only_one_branch_removed() {
    let mut world = World::new(1, 1);
    let grant = world.grant(0, EPOCH, 1, ALL, "");
    let removal = world.revoke(0, EPOCH, 1, "", &[]);
    world.rotate(0, EPOCH, &[8], 1, &[grant, removal]);
    assert!(!Held::of(&world, world.all()).may(1, verb::WRITE, "s/a", 0));
    world.rotate(0, EPOCH, &[9], 1, &[grant]);
    let forked = Held::of(&world, world.all());
    assert_eq!((forked.in_force(), forked.verdict(removal)), ((EPOCH, true), Verdict::Superseded));
    assert!(forked.may(1, verb::WRITE, "s/a", 0));
}

/// A limit, not mended: a pending rotation never lapses. Who signed one and then another has left the first to be finished by fewer
/// old root keys than the threshold, and the chain is forked.
#[test]
fn an_abandoned_rotation_can_be_finished_by_one_old_key() {
    let mut world = World::new(3, 2);
    let abandoned = world.rotate(0, EPOCH, &[8], 1, &[]);
    let rotation = world.rotate(0, EPOCH, &[9], 1, &[]);
    world.approve(1, EPOCH, MESH, rotation);
    assert_eq!(Held::of(&world, world.all()).in_force(), (rotation, false));
    world.approve(2, EPOCH, MESH, abandoned);
    assert_eq!(Held::of(&world, world.all()).in_force(), (EPOCH, true), "key 2 alone, long after");
}
