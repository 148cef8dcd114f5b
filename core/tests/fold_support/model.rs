//! What the fold means, said as plainly as possible and computed from scratch: closures are sets, every value ever
//! written is kept with who overwrote it, and conflicts are found by comparing all pairs.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::fold::{Breach, Fate, Limits, Member, Skipped};
use driftless_statement::{
    After, Edit, ElementId, ElementRef, Op, Path, Pointer, Skip, StatementId, Step, Tree, Value, codec,
};

use super::generate::edits_of;

type Seen = BTreeSet<usize>;

#[derive(Clone)]
enum Node {
    Leaf(Value),
    Counter(i64, Vec<(usize, i64)>),
    List(usize),
    Map(usize),
}

#[derive(Clone)]
struct Written {
    by: usize,
    node: Node,
    gone: Vec<usize>,
}

/// All values ever written at one place.
type Register = Vec<Written>;

#[derive(Clone)]
struct Element {
    name: ElementId,
    by: usize,
    gone: Vec<usize>,
    register: Register,
}

#[derive(Clone, Default)]
struct Store {
    root: Register,
    maps: Vec<BTreeMap<String, Register>>,
    lists: Vec<Vec<Element>>,
}

#[derive(Clone)]
enum Place {
    Root,
    Key(usize, String),
    Element(usize, usize),
}

fn shows(by: usize, gone: &[usize], seen: &Seen) -> bool {
    seen.contains(&by) && !gone.iter().any(|killer| seen.contains(killer))
}

fn winner<'a>(register: &'a Register, seen: &Seen) -> Option<&'a Written> {
    register.iter().filter(|written| shows(written.by, &written.gone, seen)).max_by_key(|written| written.by)
}

impl Store {
    fn register(&self, place: &Place) -> Register {
        match place {
            Place::Root => self.root.clone(),
            Place::Key(map, key) => self.maps[*map].get(key).cloned().unwrap_or_default(),
            Place::Element(list, at) => self.lists[*list][*at].register.clone(),
        }
    }

    fn register_mut(&mut self, place: &Place) -> &mut Register {
        match place {
            Place::Root => &mut self.root,
            Place::Key(map, key) => self.maps[*map].entry(key.clone()).or_default(),
            Place::Element(list, at) => &mut self.lists[*list][*at].register,
        }
    }

    fn node(&self, place: &Place, seen: &Seen) -> Option<Node> {
        winner(&self.register(place), seen).map(|written| written.node.clone())
    }

    fn find(&self, list: usize, name: ElementId, seen: &Seen) -> Option<usize> {
        let at = self.lists[list].iter().position(|element| element.name == name)?;
        let element = &self.lists[list][at];
        shows(element.by, &element.gone, seen).then_some(at)
    }

    fn step(&self, node: Option<Node>, step: &Step, own: StatementId, seen: &Seen) -> Option<Place> {
        match (node?, step) {
            (Node::Map(map), Step::Key(key)) => Some(Place::Key(map, key.clone())),
            (Node::List(list), Step::Element(element)) => {
                self.find(list, element.resolve(own), seen).map(|at| Place::Element(list, at))
            }
            _ => None,
        }
    }

    fn place(&self, at: &[Step], own: StatementId, seen: &Seen) -> Option<Place> {
        at.iter().try_fold(Place::Root, |place, step| self.step(self.node(&place, seen), step, own, seen))
    }

    fn build(&mut self, value: &Value, by: usize, name: &mut impl FnMut() -> ElementId) -> Node {
        match value {
            Value::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    let name_here = name();
                    let node = self.build(item, by, name);
                    let register = vec![Written { by, node, gone: vec![] }];
                    list.push(Element { name: name_here, by, gone: vec![], register });
                }
                self.lists.push(list);
                Node::List(self.lists.len() - 1)
            }
            Value::Map(entries) => {
                let mut map = BTreeMap::new();
                for (key, item) in entries {
                    let node = self.build(item, by, name);
                    map.insert(key.clone(), vec![Written { by, node, gone: vec![] }]);
                }
                self.maps.push(map);
                Node::Map(self.maps.len() - 1)
            }
            other => Node::Leaf(other.clone()),
        }
    }

    fn write(&mut self, place: &Place, node: Option<Node>, by: usize, seen: &Seen) {
        let register = self.register_mut(place);
        for written in register.iter_mut().filter(|written| shows(written.by, &written.gone, seen)) {
            written.gone.push(by);
        }
        // A statement's own earlier value at this place is replaced for everybody.
        register.retain(|written| !(written.by == by && written.gone.contains(&by)));
        if let Some(node) = node {
            register.push(Written { by, node, gone: vec![] });
        }
    }

    fn edit(&mut self, edit: &Edit, number: u32, by: usize, own: StatementId, seen: &Seen) -> Result<(), Skip> {
        let mut next = 0;
        let mut name = || {
            next += 1;
            ElementId { statement: own, edit: number, ordinal: next - 1 }
        };
        match &edit.op {
            Op::Put(value) => {
                let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
                let node = self.build(value, by, &mut name);
                self.write(&place, Some(node), by, seen);
            }
            Op::Counter(start) => {
                let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
                self.write(&place, Some(Node::Counter(*start, vec![])), by, seen);
            }
            Op::Delete => {
                let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
                self.node(&place, seen).ok_or(Skip::NoTarget)?;
                match place {
                    Place::Element(list, at) => self.lists[list][at].gone.push(by),
                    place => self.write(&place, None, by, seen),
                }
            }
            Op::Increment(step) => {
                let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
                match self.node(&place, seen).ok_or(Skip::NoTarget)? {
                    Node::Counter(..) => {}
                    _ => return Err(Skip::NotACounter),
                }
                for written in self.register_mut(&place) {
                    if let (true, Node::Counter(_, steps)) = (shows(written.by, &written.gone, seen), &mut written.node)
                    {
                        steps.push((by, *step));
                    }
                }
            }
            Op::Insert(after, value) => {
                let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
                let Node::List(list) = self.node(&place, seen).ok_or(Skip::NoTarget)? else {
                    return Err(Skip::NotAList);
                };
                let at = match after {
                    After::Head => 0,
                    After::Element(element) => 1 + self.find(list, element.resolve(own), seen).ok_or(Skip::NoAnchor)?,
                };
                let name_here = name();
                let node = self.build(value, by, &mut name);
                let register = vec![Written { by, node, gone: vec![] }];
                self.lists[list].insert(at, Element { name: name_here, by, gone: vec![], register });
            }
        }
        Ok(())
    }

    fn tree(&self, node: &Node, seen: &Seen) -> Tree {
        match node {
            Node::Leaf(value) => Tree::Leaf(value.clone()),
            Node::Counter(start, steps) => {
                let seen = steps.iter().filter(|(by, _)| seen.contains(by));
                Tree::Counter(start + seen.map(|(_, step)| step).sum::<i64>())
            }
            Node::List(list) => Tree::List(
                self.lists[*list]
                    .iter()
                    .filter(|element| shows(element.by, &element.gone, seen))
                    .map(|element| {
                        let shown = winner(&element.register, seen).expect("an element always has a value");
                        (element.name, self.tree(&shown.node, seen))
                    })
                    .collect(),
            ),
            Node::Map(map) => Tree::Map(
                self.maps[*map]
                    .iter()
                    .filter_map(|(key, register)| Some((key.clone(), self.tree(&winner(register, seen)?.node, seen))))
                    .collect(),
            ),
        }
    }

    fn leaves(&self, register: &Register, seen: &Seen, at: &mut Pointer, out: &mut Vec<(Pointer, usize)>) {
        let Some(shown) = winner(register, seen) else { return };
        let before = out.len();
        match &shown.node {
            Node::List(list) => {
                for element in self.lists[*list].iter().filter(|element| shows(element.by, &element.gone, seen)) {
                    at.push(Step::Element(ElementRef::Of(element.name)));
                    self.leaves(&element.register, seen, at, out);
                    at.pop();
                }
            }
            Node::Map(map) => {
                for (key, register) in &self.maps[*map] {
                    at.push(Step::Key(key.clone()));
                    self.leaves(register, seen, at, out);
                    at.pop();
                }
            }
            Node::Leaf(_) | Node::Counter(..) => {}
        }
        if out.len() == before {
            out.push((at.clone(), shown.by));
        }
    }
}

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
        let all = self.all();
        winner(&self.store.root, &all).map(|shown| self.store.tree(&shown.node, &all))
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(|item| 1 + depth(item)).max().unwrap_or(0),
        Value::Map(entries) => entries.values().map(|item| 1 + depth(item)).max().unwrap_or(0),
        _ => 0,
    }
}

pub fn fold(members: &[Member], limits: &Limits) -> Model {
    let mut set: BTreeMap<_, &Member> = BTreeMap::new();
    set.extend(members.iter().map(|member| (member.statement.key(), member)));
    let order: Vec<&Member> = set.into_values().collect();
    let places: BTreeMap<StatementId, usize> =
        order.iter().enumerate().map(|(at, member)| (member.statement.id(), at)).collect();
    let mut entries: BTreeMap<Path, Entry> = BTreeMap::new();
    let mut fates = BTreeMap::new();
    let mut reached: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut reach = |what| *reached.entry(what).or_default() += 1;
    for (at, member) in order.iter().enumerate() {
        let id = member.statement.id();
        if !member.counts {
            fates.insert(id, None);
            continue;
        }
        let mut tried: Vec<(Path, Entry)> = Vec::new();
        let mut breach: Option<(Path, Breach)> = None;
        for (touch, edits) in member.statement.statement().touches.iter().zip(edits_of(&member.statement)) {
            let mut entry = entries.get(&touch.path).cloned().unwrap_or_default();
            let mut seen = Seen::new();
            let mut walked = BTreeSet::new();
            let mut open: Vec<StatementId> = touch.bases.clone();
            while let Some(base) = open.pop() {
                let Some(place) = places.get(&base).filter(|place| **place < at) else { continue };
                if let Some((_, closure)) = entry.fit.iter().find(|(fit, _)| fit == place) {
                    seen.extend(closure);
                } else if walked.insert(base) {
                    let more = order[*place].statement.statement().bases_of(&touch.path).unwrap_or_default();
                    if !more.is_empty() {
                        reach("a base replaced");
                    }
                    open.extend(more);
                }
            }
            if seen.len() < entry.fit.len() {
                reach("concurrent");
            }
            seen.insert(at);
            let mut skips = Vec::new();
            for (edit, number) in edits.iter().zip(0u32..) {
                if let Err(skip) = entry.store.edit(edit, number, at, id, &seen) {
                    skips.push((number, skip));
                    reach(match skip {
                        Skip::NoTarget => "skip: no target",
                        Skip::NoAnchor => "skip: no anchor",
                        Skip::NotACounter => "skip: not a counter",
                        Skip::NotAList => "skip: not a list",
                    });
                }
            }
            entry.fit.push((at, seen));
            entry.skips.insert(at, skips);
            let heads = entry.heads().len();
            let value = entry.tree().map(|tree| tree.to_value());
            let size = value.as_ref().map(|value| codec::encode(&value.to_item()).len()).unwrap_or(0);
            let levels = value.as_ref().map(depth).unwrap_or(0);
            let broken = if heads > limits.heads {
                reach("unfit: heads");
                Some(Breach::Heads { max: limits.heads, got: heads })
            } else if size > limits.entry_bytes {
                reach("unfit: size");
                Some(Breach::Size { max: limits.entry_bytes, got: size })
            } else if levels > limits.value_depth {
                reach("unfit: depth");
                Some(Breach::Depth { max: limits.value_depth, got: levels })
            } else {
                None
            };
            if let (Some(broken), None) = (broken, &breach) {
                breach = Some((touch.path.clone(), broken));
            }
            tried.push((touch.path.clone(), entry));
        }
        let fate = match breach {
            Some((path, breach)) => {
                if tried.len() > 1 {
                    reach("unfit in two entries");
                }
                Fate::Unfit { path, breach }
            }
            None => {
                let mut skipped = Vec::new();
                for (path, entry) in &tried {
                    let skips = &entry.skips[&at];
                    skipped.extend(skips.iter().map(|(edit, why)| Skipped {
                        path: path.clone(),
                        edit: *edit,
                        why: *why,
                    }));
                }
                entries.extend(tried);
                Fate::Fit { skipped }
            }
        };
        fates.insert(id, Some(fate));
    }
    let shown = entries.into_iter().map(|(path, entry)| {
        let shown = show(&path, &entry, &order, &mut reach);
        (path, shown)
    });
    Model { entries: shown.collect(), fates, reached }
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
            let insert = matches!(edit.op, Op::Insert(..));
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

fn show(path: &Path, entry: &Entry, order: &[&Member], reach: &mut impl FnMut(&'static str)) -> Shown {
    let id = |at: usize| order[at].statement.id();
    let all: Vec<(usize, &Seen, Vec<Mark>)> =
        entry.fit.iter().map(|(at, seen)| (*at, seen, marks(path, entry, *at, order))).collect();
    let live = |at: usize, own: &[Mark], mark: &Mark| {
        !own.iter().any(|later| later.edit > mark.edit && ends(later, mark))
            && !all.iter().any(|(other, seen, marks)| {
                *other != at && seen.contains(&at) && marks.iter().any(|newer| ends(newer, mark))
            })
    };
    let mut conflicts = BTreeSet::new();
    for (left, _, left_marks) in &all {
        for (right, seen, right_marks) in all.iter().filter(|(right, ..)| right > left) {
            if seen.contains(left) {
                continue;
            }
            for a in left_marks {
                for b in right_marks {
                    let near = a.at.starts_with(&b.at) || b.at.starts_with(&a.at);
                    if near && a.increment && b.increment {
                        reach("increments that commute");
                    }
                    if a.insert
                        && b.insert
                        && a.at.len() == b.at.len()
                        && a.at[..a.at.len() - 1] == b.at[..b.at.len() - 1]
                    {
                        reach("inserts into one list");
                    }
                    if !near || (a.increment && b.increment) {
                        continue;
                    }
                    if !live(*left, left_marks, a) || !live(*right, right_marks, b) {
                        reach("conflict resolved or replaced");
                        continue;
                    }
                    reach(match (a, b) {
                        _ if a.increment != b.increment => "conflict: increment and write",
                        _ if a.at == b.at => "conflict: same pointer",
                        (a, b) if a.delete || b.delete => "conflict: delete and inner edit",
                        _ => "conflict: prefix",
                    });
                    conflicts.insert(((id(*left), a.edit), (id(*right), b.edit)));
                }
            }
        }
    }
    let mut heads: Vec<StatementId> = entry.heads().into_iter().map(id).collect();
    heads.sort_unstable();
    let mut leaves = Vec::new();
    entry.store.leaves(&entry.store.root, &entry.all(), &mut Vec::new(), &mut leaves);
    let leaves = leaves.into_iter().map(|(at, by)| (at, id(by))).collect();
    Shown { heads, tree: entry.tree(), conflicts, leaves }
}
