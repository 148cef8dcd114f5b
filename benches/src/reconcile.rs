//! What finding a difference costs: bytes, round trips and work, for sets of many sizes and differences of many sizes,
//! held against range-based reconciliation as the crate `negentropy` does it. Statements themselves are not counted on
//! either side. Bytes need no repetition: they are the same in every run.

use std::collections::BTreeMap;

use driftless_core::reconcile::{Session, Shelf, Step, Summary, answer};
use driftless_core::wire::Request;
use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, MeshId, Scope, StatementId};
use negentropy::{Id, Negentropy, NegentropyStorageVector};

use crate::pairing::{Effort, pair, span, work_seconds};
use crate::table::{Row, Want};

fn scope() -> Scope {
    Scope::parse("shop").unwrap()
}

fn id(seed: u64) -> StatementId {
    StatementId(*blake3::hash(&seed.to_be_bytes()).as_bytes())
}

/// One side, as far as a session looks at it.
struct Side(Summary);

impl Shelf for Side {
    fn summary(&mut self, asked: &Scope) -> Option<&mut Summary> {
        (*asked == scope()).then_some(&mut self.0)
    }

    fn statement(&self, _: &StatementId) -> Option<Bytes> {
        None
    }
}

/// What one comparison took.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    bytes: usize,
    rounds: usize,
    seconds: f64,
}

/// A set of `n` ids in common and `d` that only one side has, alternately; `recent`: these are the newest.
struct Sets {
    n: usize,
    d: usize,
    recent: bool,
}

impl Sets {
    fn time(&self, seed: u64) -> u64 {
        let new = seed >> 40 == 1;
        if new && !self.recent {
            (seed & 0xff_ffff) * self.n as u64 / self.d.max(1) as u64
        } else {
            seed & 0xff_ffff | u64::from(new) << 24
        }
    }

    fn differing(&self, left: bool) -> impl Iterator<Item = u64> + use<> {
        (0..self.d as u64).filter(move |at| (at % 2 == 0) == left).map(|at| 1 << 40 | at)
    }

    fn ours(&self, base: &Summary) -> (Side, Side) {
        let side = |left| {
            let mut summary = base.clone();
            self.differing(left).for_each(|seed| assert!(summary.insert(id(seed), Hlc(self.time(seed)))));
            Side(summary)
        };
        (side(true), side(false))
    }

    fn theirs(&self) -> (NegentropyStorageVector, NegentropyStorageVector) {
        let side = |left| {
            let mut storage = NegentropyStorageVector::with_capacity(self.n + self.d);
            for seed in (0..self.n as u64).chain(self.differing(left)) {
                storage.insert(self.time(seed), Id::from_byte_array(id(seed).0)).unwrap();
            }
            storage.seal().unwrap();
            storage
        };
        (side(true), side(false))
    }
}

/// Runs a session until it knows the difference; what follows moves statements.
fn ours((a, b): &mut (Side, Side), d: usize) -> Cost {
    let mut cost = Cost::default();
    let (took, ()) = work_seconds(|| {
        let (mut session, mut request) = Session::start(scope(), &a.0);
        loop {
            if matches!(request, Request::Pull { .. } | Request::Push { .. }) {
                let found = session.abandon();
                assert_eq!(found.only_local + found.only_remote, d, "it found what differs");
                return;
            }
            let sent = request.encode();
            let response = answer(b, &Request::decode(&sent).unwrap()).unwrap();
            let got = response.encode();
            cost.bytes += sent.len() + got.len();
            cost.rounds += 1;
            let response = driftless_core::wire::Response::decode(&got).unwrap();
            match session.answer(&mut a.0, &|_| Some(Vec::new().into()), &response) {
                Step::Ask(next) => request = next,
                Step::Done(outcome) => {
                    assert_eq!(outcome.only_local + outcome.only_remote, d, "it found what differs");
                    return;
                }
            }
        }
    });
    cost.seconds = took;
    cost
}

fn theirs((a, b): &(NegentropyStorageVector, NegentropyStorageVector), d: usize) -> Cost {
    let mut cost = Cost::default();
    let (took, ()) = work_seconds(|| {
        let mut client = Negentropy::borrowed(a, 0).unwrap();
        let mut server = Negentropy::borrowed(b, 0).unwrap();
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let mut query = Some(client.initiate().unwrap());
        while let Some(sent) = query {
            let got = server.reconcile(&sent).unwrap();
            cost.bytes += sent.len() + got.len();
            cost.rounds += 1;
            query = client.reconcile_with_ids(&got, &mut have, &mut need).unwrap();
        }
        assert_eq!(have.len() + need.len(), d, "the yardstick found what differs");
    });
    cost.seconds = took;
    cost
}

fn name(sets: &Sets) -> String {
    let place = if sets.recent { "recent" } else { "scattered" };
    format!("n = {}, d = {}, {place}", sets.n, sets.d)
}

fn one(sets: &Sets, base: &Summary, rows: &mut Vec<Row>) -> (Cost, Cost) {
    let mut pair_of_ours = sets.ours(base);
    let pair_of_theirs = sets.theirs();
    // The first session may have to lengthen the sketch, which is then kept: that is the dearest case, and the one told.
    let our = ours(&mut pair_of_ours, sets.d);
    let their = theirs(&pair_of_theirs, sets.d);
    let want = if sets.d == 0 { 96.0 } else { 60.0 * sets.d as f64 + 200.0 };
    let each = our.bytes as f64 / sets.d.max(1) as f64;
    rows.push(
        Row::plain(format!("reconcile, {}: bytes", name(sets)), Want::AtMost(want), " B", our.bytes as f64).note(
            format!(
                "{each:.1} B a difference; negentropy {} B, {:.1} × as many",
                their.bytes,
                their.bytes as f64 / our.bytes as f64
            ),
        ),
    );
    let few = our.bytes <= 65_536;
    let want = match (sets.d, few) {
        (0, _) => Want::AtMost(1.0),
        (_, true) => Want::AtMost(2.0),
        (_, false) => Want::Shown,
    };
    rows.push(
        Row::plain(format!("reconcile, {}: round trips", name(sets)), want, "", our.rounds as f64).note(format!(
            "negentropy {}; {} against {}",
            their.rounds,
            span(our.seconds),
            span(their.seconds)
        )),
    );
    (our, their)
}

/// All rows about reconciliation.
pub fn run(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut at_100 = BTreeMap::new();
    for n in [effort.size(100_000, 10_000), effort.size(1_000_000, 30_000)] {
        let mut base = Summary::new(&MeshId([1; 32]), &scope());
        let plain = Sets { n, d: 0, recent: false };
        (0..n as u64).for_each(|seed| assert!(base.insert(id(seed), Hlc(plain.time(seed)))));
        for (d, recent) in [(0, false), (1, false), (100, false), (100, true), (10_000, false), (10_000, true)] {
            let sets = Sets { n, d, recent };
            let (our, their) = one(&sets, &base, &mut rows);
            if d == 100 && !recent {
                let less = their.bytes as f64 / our.bytes as f64;
                let want = if at_100.is_empty() { Want::AtLeast(20.0) } else { Want::Shown };
                rows.push(Row::plain(
                    format!("reconcile, {}: fewer bytes than negentropy", name(&sets)),
                    want,
                    " ×",
                    less,
                ));
                at_100.insert(n, sets.ours(&base));
            }
        }
    }
    let [mut small, mut large]: [(Side, Side); 2] = at_100.into_values().collect::<Vec<_>>().try_into().ok().unwrap();
    let paired = pair(effort, || ours(&mut large, 100).seconds, || ours(&mut small, 100).seconds);
    rows.push(
        Row::ratio(
            "reconcile, d = 100: time with ten times as many ids",
            "with n = 100,000",
            Want::AtMost(2.0),
            &paired,
        )
        .note(format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median()))),
    );
    rows
}
