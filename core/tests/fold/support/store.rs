//! The model's value: everything ever written, with who overwrote it, read through what somebody has seen.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{After, Edit, ElementId, ElementRef, Op, Pointer, Skip, StatementId, Step, Tree, Value};

/// Positions of statements.
pub type Seen = BTreeSet<usize>;

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
pub struct Store {
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

    /// Makes one edit of the statement at position `by`, which has seen `seen`.
    pub fn edit(&mut self, edit: &Edit, number: u32, by: usize, own: StatementId, seen: &Seen) -> Result<(), Skip> {
        let mut next = 0;
        let mut name = || {
            next += 1;
            ElementId { statement: own, edit: number, ordinal: next - 1 }
        };
        let place = self.place(&edit.at, own, seen).ok_or(Skip::NoTarget)?;
        match &edit.op {
            Op::Put(value) => {
                let node = self.build(value, by, &mut name);
                self.write(&place, Some(node), by, seen);
            }
            Op::Counter(start) => self.write(&place, Some(Node::Counter(*start, vec![])), by, seen),
            Op::Delete => {
                self.node(&place, seen).ok_or(Skip::NoTarget)?;
                match place {
                    Place::Element(list, at) => self.lists[list][at].gone.push(by),
                    place => self.write(&place, None, by, seen),
                }
            }
            Op::Increment(step) => self.increment(&place, *step, by, seen)?,
            Op::Insert(inserted) => {
                let Node::List(list) = self.node(&place, seen).ok_or(Skip::NoTarget)? else {
                    return Err(Skip::NotAList);
                };
                let at = match inserted.after {
                    After::Head => 0,
                    After::Element(element) => 1 + self.find(list, element.resolve(own), seen).ok_or(Skip::NoAnchor)?,
                };
                let name_here = name();
                let node = self.build(&inserted.value, by, &mut name);
                let register = vec![Written { by, node, gone: vec![] }];
                self.lists[list].insert(at, Element { name: name_here, by, gone: vec![], register });
            }
        }
        Ok(())
    }

    fn increment(&mut self, place: &Place, step: i64, by: usize, seen: &Seen) -> Result<(), Skip> {
        match self.node(place, seen).ok_or(Skip::NoTarget)? {
            Node::Counter(..) => {}
            _ => return Err(Skip::NotACounter),
        }
        for written in self.register_mut(place).iter_mut().filter(|written| shows(written.by, &written.gone, seen)) {
            match &mut written.node {
                Node::Counter(_, steps) => steps.push((by, step)),
                // As the engine does it: whoever counts settles the place for the counter.
                Node::Leaf(_) | Node::List(_) | Node::Map(_) => written.gone.push(by),
            }
        }
        Ok(())
    }

    /// The value as somebody who has seen this reads it.
    pub fn read(&self, seen: &Seen) -> Option<Tree> {
        winner(&self.root, seen).map(|shown| self.tree(&shown.node, seen))
    }

    /// Who wrote each leaf of it.
    pub fn writers(&self, seen: &Seen) -> Vec<(Pointer, usize)> {
        let mut out = Vec::new();
        self.leaves(&self.root, seen, &mut Vec::new(), &mut out);
        out
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
