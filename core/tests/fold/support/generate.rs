//! Hostile sets of statements, each built from a list of numbers, so that a failing set shrinks by losing statements.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::fold::Member;
use driftless_statement::{After, Edit, ElementId, ElementRef, Op, Path, Pointer, StatementId, Step, Value, Verified};

use super::forge;

/// A small generator of numbers (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

pub fn paths() -> [Path; 2] {
    ["s/one", "s/two"].map(|text| text.parse().expect("a path"))
}

/// How wild a set is.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Percent of statements that name all heads of the entry as bases.
    pub sequential: usize,
    /// Percent that count.
    pub counting: usize,
}

pub const WILD: Manner = Manner { sequential: 40, counting: 88 };
pub const TAME: Manner = Manner { sequential: 100, counting: 100 };

/// What was made so far.
#[derive(Default)]
struct Made {
    statements: Vec<Arc<Verified>>,
    counts: Vec<bool>,
    /// Elements that the edits so far may have created.
    elements: Vec<ElementId>,
}

/// A set of statements, in the order in which they were made: each names only earlier ones.
pub fn set(seeds: &[u64], manner: Manner) -> Vec<Member> {
    let mut made = Made::default();
    for (index, seed) in seeds.iter().enumerate() {
        let mut dice = Dice(*seed);
        let statement = statement(&mut dice, index, &made, manner);
        for (touch, edits) in statement.statement().touches.iter().zip(edits_of(&statement)) {
            let _ = touch;
            for (edit, number) in edits.iter().zip(0u32..) {
                let lists = match &edit.op {
                    Op::Put(value) => elements_in(value),
                    Op::Insert(inserted) => 1 + elements_in(&inserted.value),
                    _ => 0,
                };
                let name = |ordinal| ElementId { statement: statement.id(), edit: number, ordinal };
                made.elements.extend((0..lists).map(name));
            }
        }
        made.counts.push(dice.chance(manner.counting));
        made.statements.push(statement);
    }
    made.statements.into_iter().zip(made.counts).map(|(statement, counts)| Member { statement, counts }).collect()
}

pub fn edits_of(statement: &Verified) -> Vec<Vec<Edit>> {
    match &statement.statement().body {
        driftless_statement::Body::Write(write) => write.edits.clone(),
        _ => Vec::new(),
    }
}

fn elements_in(value: &Value) -> u32 {
    match value {
        Value::List(items) => items.len() as u32 + items.iter().map(elements_in).sum::<u32>(),
        Value::Map(entries) => entries.values().map(elements_in).sum(),
        _ => 0,
    }
}

fn statement(dice: &mut Dice, index: usize, made: &Made, manner: Manner) -> Arc<Verified> {
    let both = dice.chance(15);
    let first = usize::from(dice.chance(25));
    let chosen: Vec<usize> = if both { vec![0, 1] } else { vec![first] };
    // Some statements share a time, so that ids decide; none is earlier than what it names.
    let hlc = 1000 + 2 * index as u64;
    let author = dice.below(3) as u8;
    let mut entries = Vec::new();
    let mut shared = false;
    for which in chosen {
        let path = paths()[which].clone();
        let (bases, recent) = bases(dice, index, made, &path, manner);
        shared |= recent;
        let mut edits: Vec<Edit> = Vec::new();
        if bases.is_empty() && dice.chance(70) {
            edits.push(Edit { at: vec![], op: Op::Put(whole(dice)) });
            edits.push(Edit { at: vec![Step::Key("c".into())], op: Op::Counter(1) });
        }
        edits.extend((0..1 + dice.below(3)).map(|number| edit(dice, made, number as u32)));
        entries.push((path, bases, edits));
    }
    let hlc = if !shared && dice.chance(20) { hlc - 2 } else { hlc };
    forge(author, hlc.max(1000), entries)
}

/// Bases, and whether the statement right before is among them (then the times must differ).
fn bases(dice: &mut Dice, index: usize, made: &Made, path: &Path, manner: Manner) -> (Vec<StatementId>, bool) {
    let earlier: Vec<usize> =
        (0..index).filter(|at| made.statements[*at].statement().bases_of(path).is_some()).collect();
    let mut named: Vec<usize> = Vec::new();
    if dice.chance(manner.sequential) {
        // All that nobody names yet: the heads, void ones included.
        let taken: Vec<StatementId> = earlier
            .iter()
            .flat_map(|at| made.statements[*at].statement().bases_of(path).unwrap_or_default())
            .copied()
            .collect();
        named.extend(earlier.iter().filter(|at| !taken.contains(&made.statements[**at].id())));
        if named.len() > 16 {
            named.drain(..named.len() - 16);
        }
    } else {
        for _ in 0..dice.below(4) {
            // Mostly something recent that touches the entry, sometimes anything at all.
            let pool = if dice.chance(85) { earlier.clone() } else { (0..index).collect() };
            if !pool.is_empty() {
                let reach = 1 + dice.below(8);
                let back = dice.below(pool.len().min(reach));
                named.push(pool[pool.len() - 1 - back]);
            }
        }
    }
    let mut ids: Vec<StatementId> = named.iter().map(|at| made.statements[*at].id()).collect();
    if dice.chance(4) {
        ids.push(StatementId([dice.below(256) as u8; 32]));
    }
    let late = named.iter().any(|at| *at + 1 == index);
    (ids, late)
}

fn element(dice: &mut Dice, made: &Made, number: u32) -> ElementRef {
    if number > 0 && dice.chance(30) {
        return ElementRef::Own(dice.below(number as usize + 1) as u32, dice.below(3) as u32);
    }
    match made.elements.len() {
        0 => ElementRef::Own(0, 0),
        len => ElementRef::Of(made.elements[len - 1 - dice.below(len.min(6))]),
    }
}

fn pointer(dice: &mut Dice, made: &Made, number: u32) -> Pointer {
    let key = |text: &str| Step::Key(text.into());
    match dice.below(16) {
        0 => vec![],
        1 | 2 => vec![key("m")],
        3 | 4 => vec![key("m"), key("x")],
        5 => vec![key("m"), key("")],
        6 => vec![key("m"), key("x"), key("z")],
        7 | 8 => vec![key("l")],
        9 | 10 => vec![key("c")],
        11..=13 => vec![key("l"), Step::Element(element(dice, made, number))],
        14 => vec![key("l"), Step::Element(element(dice, made, number)), key("k")],
        _ => vec![key("l"), Step::Element(element(dice, made, number)), Step::Element(element(dice, made, number))],
    }
}

fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 9 } else { 13 }) {
        0 => Value::Null,
        1 => Value::Bool(dice.chance(50)),
        2 | 3 => Value::Int(dice.below(3) as i128),
        4 => Value::Int(u64::MAX.into()),
        5 => Value::Float(*dice.pick(&[1.0, -0.0, 0.1])),
        6 | 7 => Value::Text("t".repeat(dice.below(4)).into()),
        8 => Value::Int(-1),
        9 | 10 => Value::List((0..dice.below(3)).map(|_| value(dice, depth - 1)).collect()),
        _ => {
            let keys = ["x", "", "k", "z"];
            Value::Map((0..dice.below(3)).map(|_| ((*dice.pick(&keys)).into(), value(dice, depth - 1))).collect())
        }
    }
}

fn whole(dice: &mut Dice) -> Value {
    let mut map = BTreeMap::new();
    map.insert("m".into(), Value::Map([("x".into(), value(dice, 1))].into()));
    map.insert("l".into(), Value::List((0..dice.below(4)).map(|_| value(dice, 1)).collect()));
    Value::Map(map)
}

fn edit(dice: &mut Dice, made: &Made, number: u32) -> Edit {
    let key = |text: &str| Step::Key(text.into());
    match dice.below(21) {
        0 => Edit { at: vec![], op: Op::Put(whole(dice)) },
        1 if dice.chance(20) => Edit { at: vec![], op: Op::Delete },
        1..=3 => Edit { at: vec![key("c")], op: Op::Counter(dice.below(5) as i64) },
        4 => Edit { at: pointer(dice, made, number), op: Op::Counter(1) },
        5..=7 => Edit { at: vec![key("c")], op: Op::Increment(dice.below(7) as i64 - 3) },
        8 => Edit { at: pointer(dice, made, number), op: Op::Increment(1) },
        9..=11 => Edit { at: pointer(dice, made, number), op: Op::Delete },
        12..=15 => {
            let after = if dice.chance(45) { After::Head } else { After::Element(element(dice, made, number)) };
            let at = if dice.chance(85) { vec![key("l")] } else { pointer(dice, made, number) };
            Edit { at, op: Op::insert(after, value(dice, 2)) }
        }
        _ => Edit { at: pointer(dice, made, number), op: Op::Put(value(dice, 2)) },
    }
}

/// The same set in another order.
pub fn shuffle<T: Clone>(of: &[T], dice: &mut Dice) -> Vec<T> {
    let mut out = of.to_vec();
    for last in (1..out.len()).rev() {
        out.swap(last, dice.below(last + 1));
    }
    out
}
