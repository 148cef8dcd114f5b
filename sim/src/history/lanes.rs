//! Which node writes which commit, and who meets whom before: so that each commit is written by a node that has seen
//! exactly what its author had seen. The counterpart of register allocation; it must not know what commits say.
//!
//! A node holds a commit's closure as long as some child of the commit is still to be written. For each child but the
//! last, another node joins it until their sets are equal; only a node that has seen nothing beyond can do so without
//! spoiling the closure. At a merge the nodes of both sides join, one writes, the other is free again.

use super::file::Commit;
use super::seen::{Seen, closures};

/// One step of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Two nodes, and no others, are linked until their sets are equal, and cut off again.
    Meet {
        /// The one.
        a: usize,
        /// The other.
        b: usize,
        /// Whether a merge of the history makes them meet, or a fork.
        merge: bool,
    },
    /// A node writes a commit.
    Write {
        /// The node.
        node: usize,
        /// The commit.
        commit: usize,
    },
}

/// A plan of a whole replay.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// Nodes that it takes.
    pub nodes: usize,
}

/// The plan of a history.
pub fn plan(commits: &[Commit]) -> Lanes {
    let mut children = vec![0; commits.len()];
    commits.iter().flat_map(|commit| &commit.parents).for_each(|parent| children[*parent] += 1);
    let count = commits.len();
    let mut planner = Planner {
        closures: closures(commits),
        children,
        holders: vec![None; count],
        nodes: Vec::new(),
        free: Vec::new(),
        steps: Vec::new(),
    };
    (0..count).for_each(|commit| planner.commit(commit, &commits[commit].parents));
    Lanes { steps: planner.steps, nodes: planner.nodes.len() }
}

struct Planner {
    closures: Vec<Seen>,
    /// Children of each commit that are still to be written.
    children: Vec<usize>,
    /// The node that holds exactly the closure of a commit whose children are still to be written.
    holders: Vec<Option<usize>>,
    /// What each node has seen.
    nodes: Vec<Seen>,
    /// Nodes that hold nobody's closure.
    free: Vec<usize>,
    steps: Vec<Step>,
}

impl Planner {
    fn commit(&mut self, commit: usize, parents: &[usize]) {
        let mut sides: Vec<usize> = parents.iter().map(|parent| self.side(*parent)).collect();
        let node = sides.pop().unwrap_or_else(|| self.newcomer(&Seen::none(self.closures.len())));
        for side in sides {
            self.meet(node, side, true);
            self.free.push(side);
        }
        self.steps.push(Step::Write { node, commit });
        if self.closures[commit].has(commit) {
            self.nodes[node].add(commit);
        }
        debug_assert!(self.nodes[node] == self.closures[commit], "node {node} has seen too much for {commit}");
        if self.children[commit] > 0 {
            self.holders[commit] = Some(node);
        } else {
            self.free.push(node);
        }
    }

    /// A node that holds exactly the closure of a parent and that nobody else needs.
    fn side(&mut self, parent: usize) -> usize {
        self.children[parent] -= 1;
        let holder = if self.children[parent] > 0 { self.holders[parent] } else { self.holders[parent].take() };
        let holder = holder.unwrap_or_else(|| panic!("nobody holds commit {parent}"));
        if self.children[parent] == 0 {
            return holder;
        }
        let fork = self.newcomer(&self.nodes[holder].clone());
        if self.nodes[fork] != self.nodes[holder] {
            self.meet(fork, holder, false);
        }
        fork
    }

    /// A free node that has seen nothing beyond a set, and most of it; a new one when there is none.
    fn newcomer(&mut self, within: &Seen) -> usize {
        let fits = |(_, node): &(usize, &usize)| self.nodes[**node].is_within(within);
        let best = self.free.iter().enumerate().filter(fits).max_by_key(|(_, node)| self.nodes[**node].len());
        if let Some((at, _)) = best {
            return self.free.remove(at);
        }
        self.nodes.push(Seen::none(self.closures.len()));
        self.nodes.len() - 1
    }

    fn meet(&mut self, a: usize, b: usize, merge: bool) {
        let both = self.nodes[b].clone();
        self.nodes[a].add_all(&both);
        self.nodes[b] = self.nodes[a].clone();
        self.steps.push(Step::Meet { a, b, merge });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Commits that each change something, but for merges.
    fn commits(parents: &[Vec<usize>]) -> Vec<Commit> {
        let change = |parents: &Vec<usize>| (parents.len() < 2).then(|| ("app/x".parse().unwrap(), None));
        let commit = |parents: &Vec<usize>| Commit {
            parents: parents.clone(),
            time: 0,
            author: 0,
            changes: change(parents).into_iter().collect(),
        };
        parents.iter().map(commit).collect()
    }

    /// Follows the steps by themselves: every commit is written once, by a node that has seen exactly its parents' closures.
    fn check(parents: &[Vec<usize>], lanes: &Lanes) {
        let closures = closures(&commits(parents));
        let mut seen = vec![Seen::none(parents.len()); lanes.nodes];
        let mut written = Vec::new();
        for step in &lanes.steps {
            match step {
                Step::Meet { a, b, .. } => {
                    assert_ne!(a, b);
                    let both = seen[*b].clone();
                    seen[*a].add_all(&both);
                    seen[*b] = seen[*a].clone();
                }
                Step::Write { node, commit } => {
                    if parents[*commit].len() < 2 {
                        seen[*node].add(*commit);
                    }
                    assert_eq!(seen[*node], closures[*commit], "commit {commit} on node {node}");
                    written.push(*commit);
                }
            }
        }
        assert_eq!(written, (0..parents.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_needs_one_node_and_a_diamond_two() {
        let line = [vec![], vec![0], vec![1]];
        let lanes = plan(&commits(&line));
        check(&line, &lanes);
        assert_eq!((lanes.nodes, lanes.steps.len()), (1, 3));

        let diamond = [vec![], vec![0], vec![0], vec![1, 2], vec![3], vec![3], vec![4, 5]];
        let lanes = plan(&commits(&diamond));
        check(&diamond, &lanes);
        // The second fork needs no meeting: whoever joined in the merge before has seen the same.
        let met = |merge: bool| {
            lanes.steps.iter().filter(move |step| matches!(step, Step::Meet { merge: is, .. } if *is == merge))
        };
        assert_eq!((lanes.nodes, met(true).count(), met(false).count()), (2, 2, 1));
    }

    proptest! {
        #[test]
        fn any_history_is_written_by_nodes_that_have_seen_what_its_authors_had(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..10u8), 1..60),
        ) {
            let mut parents: Vec<Vec<usize>> = Vec::new();
            for (number, (a, b, roll)) in picks.iter().enumerate() {
                let mut own = Vec::new();
                if number > 0 && *roll > 0 {
                    own.push(a.index(number));
                    let b = b.index(number);
                    if *roll > 6 && b != own[0] {
                        own.push(b);
                    }
                }
                parents.push(own);
            }
            check(&parents, &plan(&commits(&parents)));
        }
    }
}
