//! Worlds from choices: the same builder serves the exhaustive search, which tries all choices one after another, and the random
//! one. Every act relies on the epoch or an earlier grant, and its author is who may rely on that. It knows how statements look,
//! not how they are judged.

use super::model::{Body, EPOCH, Held, Id, Key, MESH, Statement, Terms, Verdict, World, verb};
use super::small;

/// Where choices come from.
pub trait Choose {
    /// A number below `n`.
    fn of(&mut self, n: usize) -> usize;
}

/// All sequences of choices, one after another: an odometer whose wheels come into being as they are asked for.
#[derive(Default)]
pub struct Every {
    wheels: Vec<(usize, usize)>,
    at: usize,
}

impl Every {
    /// Turns to the next sequence; false when there is none.
    pub fn next(&mut self) -> bool {
        self.wheels.truncate(self.at);
        self.at = 0;
        while let Some((choice, n)) = self.wheels.pop() {
            if choice + 1 < n {
                self.wheels.push((choice + 1, n));
                return true;
            }
        }
        false
    }
}

impl Choose for Every {
    fn of(&mut self, n: usize) -> usize {
        if self.at == self.wheels.len() {
            self.wheels.push((0, n));
        }
        self.at += 1;
        self.wheels[self.at - 1].0
    }
}

/// SplitMix64: the same seed gives the same world everywhere.
pub struct Random(pub u64);

impl Choose for Random {
    fn of(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }
}

pub const ALL: u8 = 63;
const PREFIXES: [&str; 4] = ["", "s", "s/a", "t"];
/// What the writes of these worlds touch. In each list all lie in one scope.
pub const TOUCHED: [&[&str]; 6] = [&["s/a"], &["s/b"], &["t/a"], &["s/a", "s/b"], &["@mesh/x"], &["s/ab"]];

/// What happens in a world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Grants, revocations and writes.
    Grants,
    /// Rotations, root acts and approvals of them: of one epoch or several.
    Epochs,
    /// Grants that demand approvals, or end; writes, approvals and revocations.
    Terms,
    /// All of these, own heads and bases beyond those that a rule reads, accepts, unknown parts, wrong grants.
    Rich,
}

/// How much may happen in a world.
#[derive(Clone, Copy)]
pub struct Alphabet {
    pub kinds: Kinds,
    /// Keys that hold no root.
    pub keys: usize,
    pub verbs: &'static [u8],
    pub prefixes: usize,
    pub touched: usize,
}

/// Small enough for every world of a few acts.
pub const SMALL: Alphabet =
    Alphabet { kinds: Kinds::Grants, keys: 3, verbs: &[ALL, verb::WRITE | verb::MEMBER], prefixes: 3, touched: 2 };

pub const RICH: Alphabet = Alphabet {
    kinds: Kinds::Rich,
    keys: 4,
    verbs: &[
        ALL,
        ALL,
        ALL,
        ALL,
        ALL,
        ALL,
        verb::WRITE | verb::MEMBER,
        verb::DELEGATE | verb::WRITE,
        verb::REVOKE,
        verb::APPROVE | verb::OPERATE,
        verb::REVOKE | verb::DELEGATE | verb::MEMBER,
    ],
    prefixes: 4,
    touched: 6,
};

/// A line for each statement.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "roots {:?}, threshold {}", self.roots, self.threshold)?;
        for (id, said) in self.said.iter().enumerate().skip(1) {
            let Statement { author, grant, scope, body, prev, touches, odd } = said;
            write!(f, "\n  {id}: key {author} on {grant} in {scope}: {body:?}")?;
            write!(f, " prev {prev:?} touches {touches:?}{}", if *odd { " odd" } else { "" })?;
        }
        Ok(())
    }
}

impl World {
    pub fn new(roots: usize, threshold: usize) -> Self {
        let genesis = Statement {
            author: 0,
            scope: MESH,
            grant: EPOCH,
            prev: vec![],
            touches: vec![],
            body: Body::Unknown,
            odd: false,
        };
        Self { roots: (0..roots as Key).collect(), threshold, said: vec![genesis] }
    }

    pub fn say(&mut self, author: Key, grant: Id, scope: &'static str, body: Body) -> Id {
        let statement = Statement { author, scope, grant, prev: vec![], touches: vec![], body, odd: false };
        self.said.push(statement);
        self.said.len() - 1
    }

    pub fn grant(&mut self, author: Key, on: Id, key: Key, verbs: u8, prefix: &'static str) -> Id {
        self.say(author, on, MESH, Body::Grant { key, verbs, prefix, scopes: vec![], terms: Terms::default() })
    }

    pub fn terms(&mut self, grant: Id) -> &mut Terms {
        let Body::Grant { terms, .. } = &mut self.said[grant].body else { panic!("no grant") };
        terms
    }

    pub fn approve(&mut self, author: Key, on: Id, scope: &'static str, id: Id) -> Id {
        self.say(author, on, MESH, Body::Approve { scope, id })
    }

    pub fn rotate(&mut self, author: Key, on: Id, keys: &[Key], threshold: usize, frontier: &[Id]) -> Id {
        self.say(author, on, MESH, Body::Rotate { keys: keys.to_vec(), threshold, frontier: frontier.to_vec() })
    }

    /// The root keys of an epoch.
    pub fn roots_of(&self, epoch: Id) -> Vec<Key> {
        Held::of(self, 1).roots(epoch).0.to_vec()
    }

    pub fn revoke(&mut self, author: Key, on: Id, key: Key, prefix: &'static str, frontier: &[Id]) -> Id {
        self.say(author, on, MESH, Body::Revoke { key, prefix, frontier: frontier.to_vec() })
    }

    pub fn write(&mut self, author: Key, on: Id, paths: &[&'static str], bases: &[Id]) -> Id {
        let scope = paths[0].split('/').next().unwrap();
        let id = self.say(author, on, scope, Body::Write { deletes: false });
        self.said[id].touches = paths.iter().map(|path| (*path, bases.to_vec())).collect();
        id
    }

    /// A statement of `@mesh` names others as bases of an entry of its own.
    pub fn name(&mut self, id: Id, bases: &[Id]) {
        self.said[id].touches = vec![("@mesh/x", bases.to_vec())];
    }

    pub fn all(&self) -> u64 {
        (1 << self.said.len()) - 1
    }

    pub fn grants(&self) -> Vec<(Id, Key)> {
        let holder = |(id, said): (Id, &Statement)| match said.body {
            Body::Grant { key, .. } => Some((id, key)),
            _ => None,
        };
        self.said.iter().enumerate().filter_map(holder).collect()
    }

    pub fn epochs(&self) -> Vec<Id> {
        (0..self.said.len()).filter(|id| *id == EPOCH || matches!(self.said[*id].body, Body::Rotate { .. })).collect()
    }

    pub fn by(&self, key: Key) -> Vec<Id> {
        (1..self.said.len()).filter(|id| self.said[*id].author == key).collect()
    }

    /// One more act. The first is always a root grant, or nothing could follow.
    pub fn act(&mut self, alphabet: &Alphabet, choose: &mut impl Choose) {
        match alphabet.kinds {
            Kinds::Grants => {}
            Kinds::Epochs => return small::act_of_epochs(self, choose),
            Kinds::Terms => return small::act_with_terms(self, choose),
            Kinds::Rich => return self.rich_act(alphabet, choose),
        }
        let grants = self.grants();
        let on = choose.of(grants.len() + 1);
        let (on, author) = if on == 0 { (EPOCH, 0) } else { grants[on - 1] };
        match choose.of(if grants.is_empty() { 1 } else { 3 - usize::from(on == EPOCH) }) {
            0 => _ = self.some_grant(author, on, alphabet, choose),
            1 => self.some_revocation(author, on, alphabet, choose),
            _ => _ = self.some_write(author, on, alphabet, choose),
        }
    }

    fn rich_act(&mut self, alphabet: &Alphabet, choose: &mut impl Choose) {
        let (grants, epochs) = (self.grants(), self.epochs());
        let mut on = choose.of(grants.len() + 1);
        if on == 0 && choose.of(3) != 0 {
            on = grants.len();
        }
        if on > 0 {
            let (on, author) = grants[on - 1];
            match choose.of(4) {
                0 => self.rich_grant(author, on, alphabet, choose),
                1 => self.some_revocation(author, on, alphabet, choose),
                2 => {
                    let id = self.some_write(author, on, alphabet, choose);
                    self.said[id].body = Body::Write { deletes: choose.of(3) == 0 };
                }
                _ => self.some_odd(author, on, alphabet, choose),
            }
        } else {
            let late = if choose.of(3) == 0 { choose.of(epochs.len()) } else { epochs.len() - 1 };
            let roots = self.roots_of(epochs[late]);
            let author = roots[choose.of(roots.len())];
            match choose.of(8) {
                0..=2 => self.rich_grant(author, epochs[late], alphabet, choose),
                3 | 4 => self.some_revocation(author, epochs[late], alphabet, choose),
                5 => self.some_rotation(author, epochs[late], choose),
                _ => self.some_odd(author, epochs[late], alphabet, choose),
            }
        }
        self.enrich(choose);
    }

    fn rich_grant(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let id = self.some_grant(author, on, alphabet, choose);
        let first = self.roots.len() as Key;
        let list = |choose: &mut dyn FnMut(usize) -> usize| {
            let keys: Vec<Key> = (0..1 + choose(3)).map(|_| first + choose(alphabet.keys) as Key).collect();
            let keys = small::sorted(keys);
            (keys.len().min(1 + choose(2)), keys)
        };
        let mut of = |n| choose.of(n);
        let demand = (of(6) == 0).then(|| list(&mut of));
        let demand_deletes = (of(8) == 0).then(|| list(&mut of));
        let not_after = (of(8) == 0).then(|| id + of(6));
        let labels = match of(6) {
            0 => vec![("zone", ["a", "b"][of(2)])],
            1 => vec![("role", "x"), ("zone", "c")],
            _ => vec![],
        };
        *self.terms(id) = Terms { demand, demand_deletes, not_after, labels };
    }

    /// Most accept what was said, or little would ever follow one.
    fn some_rotation(&mut self, author: Key, on: Id, choose: &mut impl Choose) {
        let (keys, threshold): (&[Key], usize) =
            [(&[8][..], 1), (&[8, 9], 2), (&[0, 8, 9], 2), (&[0], 1)][choose.of(4)];
        let mut frontier: Vec<Id> = (1..self.said.len()).filter(|id| self.said[*id].grant == on).collect();
        match choose.of(8) {
            0 => frontier.clear(),
            1 if !frontier.is_empty() => _ = frontier.remove(choose.of(frontier.len())),
            2 => frontier = vec![choose.of(self.said.len())],
            _ => {}
        }
        frontier.retain(|id| *id != EPOCH && self.said[*id].scope == MESH);
        self.rotate(author, on, keys, threshold, &frontier);
    }

    /// Any working key that occurred, or the next one: keys that nobody mentioned are alike.
    fn some_key(&self, alphabet: &Alphabet, choose: &mut impl Choose) -> Key {
        let first = self.roots.len();
        let mentioned = self.said.iter().skip(1).filter_map(|said| match said.body {
            Body::Grant { key, .. } | Body::Revoke { key, .. } => Some(usize::from(key) + 1),
            _ => None,
        });
        let next = mentioned.max().unwrap_or(first).max(first);
        let least = if alphabet.kinds == Kinds::Rich { 0 } else { first };
        (least + choose.of((next + 1).min(first + alphabet.keys) - least)) as Key
    }

    fn some_grant(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) -> Id {
        let key = self.some_key(alphabet, choose);
        let verbs = alphabet.verbs[choose.of(alphabet.verbs.len())];
        let prefix = PREFIXES[choose.of(alphabet.prefixes)];
        let revocations: Vec<Id> = (1..self.said.len())
            .filter(|id| matches!(self.said[*id].body, Body::Revoke { key: revoked, .. } if revoked == key))
            .collect();
        let named = choose.of(revocations.len() + 1);
        let id = self.grant(author, on, key, verbs, prefix);
        if named > 0 {
            self.name(id, &[revocations[named - 1]]);
        }
        id
    }

    fn some_revocation(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let rich = alphabet.kinds == Kinds::Rich;
        let mut key = self.some_key(alphabet, choose);
        let grants = self.grants();
        if rich && !grants.is_empty() && choose.of(3) != 0 {
            key = grants[choose.of(grants.len())].1;
        }
        let prefix = PREFIXES[choose.of(alphabet.prefixes)];
        let said = self.by(key);
        let mut writes = said.iter().copied().filter(|id| self.said[*id].is_write());
        let frontier = match choose.of((said.len() + 1).min(3) + 2 * usize::from(rich)) {
            0 => vec![],
            1 if !said.is_empty() => vec![said[said.len() - 1]],
            2 => said,
            3 => writes.next_back().into_iter().collect(),
            _ => vec![choose.of(self.said.len() + 3), choose.of(self.said.len())],
        };
        // What comes later cannot be listed by its hash.
        let frontier: Vec<Id> = frontier.into_iter().filter(|id| *id != EPOCH && *id < self.said.len()).collect();
        self.revoke(author, on, key, prefix, &frontier);
    }

    fn some_write(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) -> Id {
        let touched = TOUCHED[choose.of(alphabet.touched)];
        let before: Vec<Id> = (1..self.said.len())
            .filter(|id| {
                self.said[*id].is_write()
                    && touched.iter().all(|path| self.said[*id].touches.iter().any(|(other, _)| other == path))
            })
            .collect();
        let base = choose.of(before.len() + 1);
        let bases = if base == 0 { vec![] } else { vec![before[base - 1]] };
        self.write(author, on, touched, &bases)
    }

    /// Approvals, lists of their own, unknown ones, and what relies on something that is none of its grants.
    fn some_odd(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let mark = choose.of(self.said.len());
        match choose.of(8) {
            0..=2 => _ = self.approve(author, on, MESH, mark),
            3 if choose.of(3) > 0 => _ = self.approve(author, on, self.said[mark].scope, mark),
            3 => _ = self.approve(author, on, ["s", "t"][choose.of(2)], mark),
            4 | 5 => {
                let mut frontier: Vec<Id> = self.by(self.some_key(alphabet, choose));
                if frontier.is_empty() {
                    frontier.push(EPOCH);
                }
                _ = self.say(author, on, MESH, Body::Accept { frontier });
            }
            6 => {
                let (scope, path) = [(MESH, "@mesh/x"), ("s", "s/a"), ("t", "t/a")][choose.of(3)];
                let id = self.say(author, on, scope, Body::Unknown);
                if choose.of(2) == 0 {
                    self.said[id].touches = vec![(path, vec![])];
                }
            }
            _ => {
                let mesh: Vec<Id> = (0..self.said.len()).filter(|id| self.said[*id].scope == MESH).collect();
                let stray = mesh[choose.of(mesh.len())];
                let author = choose.of(self.roots.len() + alphabet.keys) as Key;
                _ = self.say(author, stray, MESH, Body::Approve { scope: "s", id: mark });
            }
        }
    }

    /// Own heads, further bases, and now and then an unknown part.
    fn enrich(&mut self, choose: &mut impl Choose) {
        let id = self.said.len() - 1;
        let (author, scope) = (self.said[id].author, self.said[id].scope);
        let near = |other: &Id, said: &[Statement]| said[*other].scope == scope;
        let own: Vec<Id> =
            self.by(author).into_iter().filter(|other| *other != id && near(other, &self.said)).collect();
        if !own.is_empty() && choose.of(3) == 0 {
            self.said[id].prev = vec![own[choose.of(own.len())]];
        }
        let trust = !self.said[id].is_write() && self.said[id].body != Body::Unknown;
        if trust && choose.of(4) == 0 {
            let others: Vec<Id> = (1..id).filter(|other| near(other, &self.said)).collect();
            if !others.is_empty() {
                let mut accepts =
                    others.iter().copied().filter(|id| matches!(self.said[*id].body, Body::Accept { .. }));
                let base = accepts.next_back().unwrap_or(others[choose.of(others.len())]);
                let mut bases: Vec<Id> = self.said[id].bases().chain([base]).collect();
                bases.sort_unstable();
                bases.dedup();
                self.name(id, &bases);
            }
        }
        self.said[id].odd = choose.of(24) == 0;
    }

    /// Whoever may approve does, or one of them does.
    pub fn approve_by_some(&mut self, write: Id, choose: &mut Random) {
        let scope = self.said[write].scope;
        let all = choose.of(2) == 0;
        for (grant, key) in self.grants() {
            let may = matches!(self.said[grant].body, Body::Grant { verbs, .. } if verbs & verb::APPROVE != 0);
            if may && (all || choose.of(2) == 0) && self.said.len() < 48 {
                self.approve(key, grant, scope, write);
            }
        }
    }

    /// What every key would like to write at last, on every grant that it was ever given.
    pub fn probe(&mut self, touched: usize) {
        for (grant, holder) in self.grants() {
            for paths in &TOUCHED[..touched] {
                if self.said.len() < 64 {
                    self.write(holder, grant, paths, &[]);
                }
            }
        }
    }
}

/// A world of the rich alphabet. Most acts that nobody would let in are not made, most root acts are signed at once, and most
/// writes approved, or little would ever count.
pub fn random(seed: u64, acts: usize) -> World {
    let mut choose = Random(seed);
    let (roots, threshold) = [(1, 1), (3, 2), (2, 2)][(seed % 5 / 2) as usize];
    let mut world = World::new(roots, threshold);
    let mut tries = 0;
    while world.said.len() <= acts && tries < 8 * acts {
        tries += 1;
        let at = world.said.len();
        world.act(&RICH, &mut choose);
        let verdict = Held::of(&world, world.all()).verdict(at);
        if !verdict.admissible() && choose.of(8) != 0 {
            world.said.truncate(at);
        } else if verdict == Verdict::Pending && choose.of(4) != 0 {
            let (author, on) = (world.said[at].author, world.said[at].grant);
            let roots = world.roots_of(on);
            let next = roots.iter().position(|key| *key == author).map_or(0, |at| (at + 1) % roots.len());
            world.approve(roots[next], on, MESH, at);
        } else if verdict == Verdict::Unapproved && choose.of(4) != 0 {
            world.approve_by_some(at, &mut choose);
        }
    }
    world
}

/// So many acts over an alphabet, if every one is let in when it is made, or would be but for rotations.
fn world_of(acts: usize, alphabet: &Alphabet, choose: &mut impl Choose) -> Option<World> {
    let mut world = small::founded(alphabet, choose);
    for _ in 0..acts {
        let at = world.said.len();
        world.act(alphabet, choose);
        let verdict = Held::of(&world, world.all()).verdict(at);
        let by_rotation = matches!(verdict, Verdict::Superseded | Verdict::Forked | Verdict::EpochPending);
        if !verdict.admissible() && !by_rotation {
            return None;
        }
    }
    Some(world)
}

/// All worlds of so many acts.
pub fn every(acts: usize, alphabet: &Alphabet, mut check: impl FnMut(&World)) -> u64 {
    let mut choose = Every::default();
    let mut worlds = 0;
    loop {
        if let Some(world) = world_of(acts, alphabet, &mut choose) {
            check(&world);
            worlds += 1;
        }
        if !choose.next() {
            return worlds;
        }
    }
}

/// So many of them, any.
pub fn some(worlds: u64, acts: usize, alphabet: &Alphabet, mut check: impl FnMut(&World)) {
    let mut choose = Random(acts as u64);
    for _ in 0..worlds {
        let world = std::iter::repeat_with(|| world_of(acts, alphabet, &mut choose)).flatten().next();
        world.iter().for_each(&mut check);
    }
}
