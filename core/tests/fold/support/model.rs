//! What the fold means, said as plainly as possible and computed from scratch: closures are sets, every value ever
//! written is kept with who overwrote it, and conflicts are found by comparing all pairs.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::fold::{Breach, Fate, Limits, Member, Skipped};
use driftless_statement::{
    Edit, ElementId, ElementRef, Hlc, Op, Path, Pointer, Skip, StatementId, Step, Tree, Value, codec,
};

use super::generate::edits_of;
use super::store::{Seen, Store};

/// A conflict: (statement, edit) of the earlier and of the later side.
pub type Pair = ((StatementId, u32), (StatementId, u32));

/// What one entry must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub heads: Vec<StatementId>,
    pub tree: Option<Tree>,
    pub conflicts: BTreeSet<Pair>,
    pub leaves: Vec<(Pointer, StatementId)>,
}

/// What the whole fold must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub entries: BTreeMap<Path, Shown>,
    pub fates: BTreeMap<StatementId, Option<Fate>>,
    /// Interesting states that were reached.
    pub reached: BTreeMap<&'static str, usize>,
}

#[derive(Clone, Default)]
struct Entry {
    store: Store,
    /// Fit statements with their closure in this entry, themselves included.
    fit: Vec<(usize, Seen)>,
    skips: BTreeMap<usize, Vec<(u32, Skip)>>,
}

impl Entry {
    fn all(&self) -> Seen {
        self.fit.iter().map(|(at, _)| *at).collect()
    }

    fn heads(&self) -> Vec<usize> {
        let named = |at: &usize| self.fit.iter().any(|(other, seen)| other != at && seen.contains(at));
        self.fit.iter().map(|(at, _)| *at).filter(|at| !named(at)).collect()
    }

    fn tree(&self) -> Option<Tree> {
        self.store.read(&self.all())
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(|item| 1 + depth(item)).max().unwrap_or(0),
        Value::Map(entries) => entries.values().map(|item| 1 + depth(item)).max().unwrap_or(0),
        _ => 0,
    }
}

/// What a value breaks besides the limits when it is written to an entry at a time.
pub type Rules<'a> = &'a dyn Fn(&Path, Hlc, &Value) -> Option<Breach>;

/// A fold from scratch while it runs.
struct Fold<'a> {
    rules: Rules<'a>,
    order: Vec<&'a Member>,
    places: BTreeMap<StatementId, usize>,
    limits: Limits,
    entries: BTreeMap<Path, Entry>,
    reached: BTreeMap<&'static str, usize>,
}

pub fn fold(members: &[Member], limits: &Limits) -> Model {
    governed(members, limits, &|_, _, _| None)
}

pub fn governed(members: &[Member], limits: &Limits, rules: Rules<'_>) -> Model {
    let mut set: BTreeMap<_, &Member> = BTreeMap::new();
    set.extend(members.iter().map(|member| (member.statement.key(), member)));
    let order: Vec<&Member> = set.into_values().collect();
    let places = order.iter().enumerate().map(|(at, member)| (member.statement.id(), at)).collect();
    let mut fold = Fold { rules, order, places, limits: *limits, entries: BTreeMap::new(), reached: BTreeMap::new() };
    let fates = (0..fold.order.len()).map(|at| (fold.order[at].statement.id(), fold.decide(at))).collect();
    let entries = std::mem::take(&mut fold.entries);
    let shown = entries.iter().map(|(path, entry)| (path.clone(), fold.show(path, entry))).collect();
    Model { entries: shown, fates, reached: fold.reached }
}

impl Fold<'_> {
    fn reach(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    fn decide(&mut self, at: usize) -> Option<Fate> {
        let member = self.order[at].clone();
        if !member.counts {
            return None;
        }
        let mut tried: Vec<(Path, Entry)> = Vec::new();
        let mut breach: Option<(Path, Breach)> = None;
        for (touch, edits) in member.statement.statement().touches.iter().zip(edits_of(&member.statement)) {
            let entry = self.attempt(at, &touch.path, &edits);
            let broken = self.broken(&entry).or_else(|| {
                let value = entry.tree()?.to_value();
                (self.rules)(&touch.path, member.statement.statement().hlc, &value)
            });
            if let (Some(broken), None) = (broken, &breach) {
                breach = Some((touch.path.clone(), broken));
            }
            tried.push((touch.path.clone(), entry));
        }
        if let Some((path, breach)) = breach {
            if tried.len() > 1 {
                self.reach("unfit in two entries");
            }
            return Some(Fate::Unfit { path, breach });
        }
        let mut skipped = Vec::new();
        for (path, entry) in &tried {
            let skips = entry.skips[&at].iter();
            skipped.extend(skips.map(|(edit, why)| Skipped { path: path.clone(), edit: *edit, why: *why }));
        }
        self.entries.extend(tried);
        Some(Fate::Fit { skipped })
    }

    /// What the statement has seen of an entry: the closures of its effective bases.
    fn seen(&mut self, at: usize, path: &Path, entry: &Entry) -> Seen {
        let mut seen = Seen::new();
        let mut walked = BTreeSet::new();
        let mut open: Vec<StatementId> =
            self.order[at].statement.statement().bases_of(path).unwrap_or_default().to_vec();
        while let Some(base) = open.pop() {
            let Some(place) = self.places.get(&base).copied().filter(|place| *place < at) else { continue };
            if let Some((_, closure)) = entry.fit.iter().find(|(fit, _)| *fit == place) {
                seen.extend(closure);
            } else if walked.insert(base) {
                let more = self.order[place].statement.statement().bases_of(path).unwrap_or_default().to_vec();
                if !more.is_empty() {
                    self.reach("a base replaced");
                }
                open.extend(more);
            }
        }
        seen
    }

    /// The entry as it would be with the statement.
    fn attempt(&mut self, at: usize, path: &Path, edits: &[Edit]) -> Entry {
        let mut entry = self.entries.get(path).cloned().unwrap_or_default();
        let mut seen = self.seen(at, path, &entry);
        if seen.len() < entry.fit.len() {
            self.reach("concurrent");
        }
        seen.insert(at);
        let mut skips = Vec::new();
        for (edit, number) in edits.iter().zip(0u32..) {
            if let Err(skip) = entry.store.edit(edit, number, at, self.order[at].statement.id(), &seen) {
                skips.push((number, skip));
                self.reach(match skip {
                    Skip::NoTarget => "skip: no target",
                    Skip::NoAnchor => "skip: no anchor",
                    Skip::NotACounter => "skip: not a counter",
                    Skip::NotAList => "skip: not a list",
                });
            }
        }
        entry.fit.push((at, seen));
        entry.skips.insert(at, skips);
        entry
    }

    fn broken(&mut self, entry: &Entry) -> Option<Breach> {
        let heads = entry.heads().len();
        let value = entry.tree().map(|tree| tree.to_value());
        let size = value.as_ref().map(|value| codec::encode(&value.to_item()).len()).unwrap_or(0);
        let levels = value.as_ref().map(depth).unwrap_or(0);
        if heads > self.limits.heads {
            self.reach("unfit: heads");
            Some(Breach::Heads { max: self.limits.heads, got: heads })
        } else if size > self.limits.entry_bytes {
            self.reach("unfit: size");
            Some(Breach::Size { max: self.limits.entry_bytes, got: size })
        } else if levels > self.limits.value_depth {
            self.reach("unfit: depth");
            Some(Breach::Depth { max: self.limits.value_depth, got: levels })
        } else {
            None
        }
    }
}

#[derive(Clone)]
struct Mark {
    edit: u32,
    at: Pointer,
    increment: bool,
    insert: bool,
    delete: bool,
}

fn marks(path: &Path, entry: &Entry, at: usize, order: &[&Member]) -> Vec<Mark> {
    let statement = &order[at].statement;
    let id = statement.id();
    let which =
        statement.statement().touches.iter().position(|touch| touch.path == *path).expect("it touches the entry");
    let edits = &edits_of(statement)[which];
    let skipped = &entry.skips[&at];
    let numbered = edits.iter().zip(0u32..).filter(|(_, number)| !skipped.iter().any(|(skip, _)| skip == number));
    numbered
        .map(|(edit, number)| {
            let mut pointer: Pointer = edit
                .at
                .iter()
                .map(|step| match step {
                    Step::Element(element) => Step::Element(ElementRef::Of(element.resolve(id))),
                    key => key.clone(),
                })
                .collect();
            let insert = matches!(edit.op, Op::Insert(_));
            if insert {
                pointer.push(Step::Element(ElementRef::Of(ElementId { statement: id, edit: number, ordinal: 0 })));
            }
            let increment = matches!(edit.op, Op::Increment(_));
            Mark { edit: number, at: pointer, increment, insert, delete: matches!(edit.op, Op::Delete) }
        })
        .collect()
}

fn ends(newer: &Mark, older: &Mark) -> bool {
    older.at.starts_with(&newer.at) && (older.increment || !newer.increment)
}

impl Fold<'_> {
    fn show(&mut self, path: &Path, entry: &Entry) -> Shown {
        let all: Vec<(usize, &Seen, Vec<Mark>)> =
            entry.fit.iter().map(|(at, seen)| (*at, seen, marks(path, entry, *at, &self.order))).collect();
        let mut conflicts = BTreeSet::new();
        for (at, left) in all.iter().enumerate() {
            for right in &all[at + 1..] {
                if !right.1.contains(&left.0) {
                    self.compare(left, right, &all, &mut conflicts);
                }
            }
        }
        let id = |at: usize| self.order[at].statement.id();
        let mut heads: Vec<StatementId> = entry.heads().into_iter().map(id).collect();
        heads.sort_unstable();
        let leaves = entry.store.writers(&entry.all()).into_iter().map(|(at, by)| (at, id(by))).collect();
        Shown { heads, tree: entry.tree(), conflicts, leaves }
    }

    /// All pairs of edits of two concurrent statements.
    fn compare(&mut self, left: &Fit<'_>, right: &Fit<'_>, all: &[Fit<'_>], conflicts: &mut BTreeSet<Pair>) {
        for a in &left.2 {
            for b in &right.2 {
                let near = a.at.starts_with(&b.at) || b.at.starts_with(&a.at);
                if near && a.increment && b.increment {
                    self.reach("increments that commute");
                }
                if a.insert && b.insert && a.at.len() == b.at.len() && a.at[..a.at.len() - 1] == b.at[..b.at.len() - 1]
                {
                    self.reach("inserts into one list");
                }
                if !near || (a.increment && b.increment) {
                    continue;
                }
                if !live(left, a, all) || !live(right, b, all) {
                    self.reach("conflict resolved or replaced");
                    continue;
                }
                self.reach(match (a, b) {
                    _ if a.increment != b.increment => "conflict: increment and write",
                    _ if a.at == b.at => "conflict: same pointer",
                    (a, b) if a.delete || b.delete => "conflict: delete and inner edit",
                    _ => "conflict: prefix",
                });
                let id = |at: usize| self.order[at].statement.id();
                conflicts.insert(((id(left.0), a.edit), (id(right.0), b.edit)));
            }
        }
    }
}

/// A fit statement, what it has seen, and its edits that were not skipped.
type Fit<'a> = (usize, &'a Seen, Vec<Mark>);

fn live(own: &Fit<'_>, mark: &Mark, all: &[Fit<'_>]) -> bool {
    let by_itself = own.2.iter().any(|later| later.edit > mark.edit && ends(later, mark));
    let by_others = all.iter().any(|(other, seen, marks)| {
        *other != own.0 && seen.contains(&own.0) && marks.iter().any(|newer| ends(newer, mark))
    });
    !by_itself && !by_others
}
