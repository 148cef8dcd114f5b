//! Worlds from choices: the same builder serves the exhaustive search, which tries all choices one after another, and the random
//! one. Every act relies on the epoch or an earlier grant, and its author is who may rely on that. It knows how statements look,
//! not how they are judged.

use super::model::{Body, EPOCH, Held, Id, Key, MESH, Statement, Verdict, World, verb};

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

/// How much may happen in a world.
#[derive(Clone, Copy)]
pub struct Alphabet {
    /// Keys that hold no root.
    pub keys: usize,
    pub verbs: &'static [u8],
    pub prefixes: usize,
    pub touched: usize,
    /// Own heads and bases beyond those that a rule reads, approvals, accepts, unknown parts, wrong grants.
    pub rich: bool,
}

/// Small enough for every world of a few acts.
pub const SMALL: Alphabet =
    Alphabet { keys: 3, verbs: &[ALL, verb::WRITE | verb::MEMBER], prefixes: 3, touched: 2, rich: false };

pub const RICH: Alphabet = Alphabet {
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
    rich: true,
};

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
        self.say(author, on, MESH, Body::Grant { key, verbs, prefix, scopes: vec![] })
    }

    pub fn revoke(&mut self, author: Key, on: Id, key: Key, prefix: &'static str, frontier: &[Id]) -> Id {
        self.say(author, on, MESH, Body::Revoke { key, prefix, frontier: frontier.to_vec() })
    }

    pub fn write(&mut self, author: Key, on: Id, paths: &[&'static str], bases: &[Id]) -> Id {
        let scope = paths[0].split('/').next().unwrap();
        let id = self.say(author, on, scope, Body::Write);
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

    fn grants(&self) -> Vec<(Id, Key)> {
        let holder = |(id, said): (Id, &Statement)| match said.body {
            Body::Grant { key, .. } => Some((id, key)),
            _ => None,
        };
        self.said.iter().enumerate().filter_map(holder).collect()
    }

    fn by(&self, key: Key) -> Vec<Id> {
        (1..self.said.len()).filter(|id| self.said[*id].author == key).collect()
    }

    /// One more act. The first is always a root grant, or nothing could follow.
    pub fn act(&mut self, alphabet: &Alphabet, choose: &mut impl Choose) {
        let grants = self.grants();
        let mut on = choose.of(grants.len() + 1);
        if alphabet.rich && on == 0 && choose.of(3) != 0 {
            on = grants.len();
        }
        let (on, mut author) = if on == 0 { (EPOCH, 0) } else { grants[on - 1] };
        if on == EPOCH && alphabet.rich {
            author = choose.of(self.roots.len()) as Key;
        }
        let kinds = if grants.is_empty() && !alphabet.rich { 1 } else { 3 - usize::from(on == EPOCH) };
        match choose.of(kinds + usize::from(alphabet.rich)) {
            0 => self.some_grant(author, on, alphabet, choose),
            1 => self.some_revocation(author, on, alphabet, choose),
            2 if on != EPOCH => self.some_write(author, on, alphabet, choose),
            _ => self.some_odd(author, on, alphabet, choose),
        }
        if alphabet.rich {
            self.enrich(choose);
        }
    }

    /// Any working key that occurred, or the next one: keys that nobody mentioned are alike.
    fn some_key(&self, alphabet: &Alphabet, choose: &mut impl Choose) -> Key {
        let first = self.roots.len();
        let mentioned = self.said.iter().skip(1).filter_map(|said| match said.body {
            Body::Grant { key, .. } | Body::Revoke { key, .. } => Some(usize::from(key) + 1),
            _ => None,
        });
        let next = mentioned.max().unwrap_or(first).max(first);
        let least = if alphabet.rich { 0 } else { first };
        (least + choose.of((next + 1).min(first + alphabet.keys) - least)) as Key
    }

    fn some_grant(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
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
    }

    fn some_revocation(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let mut key = self.some_key(alphabet, choose);
        let grants = self.grants();
        if alphabet.rich && !grants.is_empty() && choose.of(3) != 0 {
            key = grants[choose.of(grants.len())].1;
        }
        let prefix = PREFIXES[choose.of(alphabet.prefixes)];
        let said = self.by(key);
        let mut writes = said.iter().copied().filter(|id| self.said[*id].body == Body::Write);
        let frontier = match choose.of((said.len() + 1).min(3) + 2 * usize::from(alphabet.rich)) {
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

    fn some_write(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let touched = TOUCHED[choose.of(alphabet.touched)];
        let before: Vec<Id> = (1..self.said.len())
            .filter(|id| {
                self.said[*id].body == Body::Write
                    && touched.iter().all(|path| self.said[*id].touches.iter().any(|(other, _)| other == path))
            })
            .collect();
        let base = choose.of(before.len() + 1);
        let bases = if base == 0 { vec![] } else { vec![before[base - 1]] };
        self.write(author, on, touched, &bases);
    }

    /// Approvals, lists of their own, unknown ones, and what relies on something that is none of its grants.
    fn some_odd(&mut self, author: Key, on: Id, alphabet: &Alphabet, choose: &mut impl Choose) {
        let mark = choose.of(self.said.len());
        match choose.of(8) {
            0..=2 => _ = self.say(author, on, MESH, Body::Approve { scope: MESH, id: mark }),
            3 => _ = self.say(author, on, MESH, Body::Approve { scope: ["s", "t"][choose.of(2)], id: mark }),
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
        let trust = !matches!(self.said[id].body, Body::Write | Body::Unknown);
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

/// A world of the rich alphabet. Most acts that nobody would let in are not made, and most root acts are signed at once, or
/// little would ever count.
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
            let author = world.said[at].author;
            let other = (author + 1) % roots as Key;
            world.say(other, EPOCH, MESH, Body::Approve { scope: MESH, id: at });
        }
    }
    world
}

/// All worlds of so many acts over an alphabet in which every act is let in when it is made.
pub fn every(acts: usize, alphabet: &Alphabet, mut check: impl FnMut(&World)) -> u64 {
    let mut choose = Every::default();
    let mut worlds = 0;
    loop {
        let mut world = World::new(1, 1);
        let mut alive = true;
        for _ in 0..acts {
            let at = world.said.len();
            world.act(alphabet, &mut choose);
            alive = Held::of(&world, world.all()).verdict(at).admissible();
            if !alive {
                break;
            }
        }
        if alive {
            check(&world);
            worlds += 1;
        }
        if !choose.next() {
            return worlds;
        }
    }
}
