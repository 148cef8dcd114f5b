//! Sets of commits: what a node, or the author of a commit, had seen. It must not know what commits say.

use super::file::Commit;

/// A set of commits, by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen(Vec<u64>);

impl Seen {
    /// The set of none of so many commits.
    pub fn none(commits: usize) -> Self {
        Self(vec![0; commits.div_ceil(64)])
    }

    /// Takes a commit in.
    pub fn add(&mut self, commit: usize) {
        self.0[commit / 64] |= 1 << (commit % 64);
    }

    /// Takes in what another one has.
    pub fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether it has a commit.
    pub fn has(&self, commit: usize) -> bool {
        self.0[commit / 64] >> (commit % 64) & 1 == 1
    }

    /// Whether another one has all of it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(word, more)| word & !more == 0)
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Its commits, ascending.
    pub fn commits(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 64).filter(|commit| self.has(*commit))
    }
}

/// What the author of each commit had seen, the commit itself included: its closure. Commits that change nothing are left
/// out: who has seen all others cannot know whether one of these was made.
pub fn closures(commits: &[Commit]) -> Vec<Seen> {
    let mut closures: Vec<Seen> = Vec::with_capacity(commits.len());
    for (number, commit) in commits.iter().enumerate() {
        let mut seen = Seen::none(commits.len());
        commit.parents.iter().for_each(|parent| seen.add_all(&closures[*parent]));
        if !commit.changes.is_empty() {
            seen.add(number);
        }
        closures.push(seen);
    }
    closures
}
