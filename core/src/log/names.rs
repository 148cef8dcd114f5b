//! What the statements of one scope name there: places in the order in which they are held, in one list. Whoever follows names
//! from one to the next looks at no statement.

/// By place. What is named is held before what names it.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// All names, one statement's behind those of the one before. Each stands for 32 bytes that are held, so 2^32 of them are
    /// more than any memory has.
    named: Vec<u32>,
    /// Where each one's end.
    ends: Vec<u32>,
}

impl Names {
    /// Notes what the next statement names.
    pub fn push(&mut self, named: impl Iterator<Item = u32>) {
        let begin = self.named.len();
        for place in named {
            // A statement's base is most often its author's last word too.
            if self.named.get(begin..).and_then(<[u32]>::last) != Some(&place) {
                self.named.push(place);
            }
        }
        self.ends.push(u32::try_from(self.named.len()).unwrap_or(u32::MAX));
    }

    /// What the statement at a place names.
    fn of(&self, place: usize) -> &[u32] {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        self.named.get(place.checked_sub(1).map_or(0, end)..end(place)).unwrap_or_default()
    }

    /// Marks what marked ones name, directly or through others.
    pub fn close(&self, marked: &mut [bool]) {
        for place in (0..marked.len()).rev().filter(|place| *place < self.ends.len()) {
            if marked.get(place) == Some(&true) {
                for named in self.of(place) {
                    marked.get_mut(*named as usize).into_iter().for_each(|mark| *mark = true);
                }
            }
        }
    }

    /// Keeps those that stay; none of them names one that does not. `places`: where each one is afterwards.
    pub fn keep(&mut self, stays: &[bool], places: &[u32]) {
        let mut kept = Self::default();
        for (place, _) in stays.iter().enumerate().filter(|(_, stays)| **stays) {
            kept.push(self.of(place).iter().filter_map(|named| places.get(*named as usize).copied()));
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Names;

    /// Of each of some statements, what it names: places before its own.
    fn graph() -> impl Strategy<Value = Vec<Vec<u32>>> {
        let graph = prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..30);
        graph.prop_map(|all| {
            let before = |(at, named): (usize, Vec<prop::sample::Index>)| match at {
                0 => vec![],
                at => named.into_iter().map(|one| one.index(at) as u32).collect(),
            };
            all.into_iter().enumerate().map(before).collect()
        })
    }

    fn reached(graph: &[Vec<u32>], from: &[bool]) -> Vec<bool> {
        let mut open: Vec<usize> = (0..graph.len()).filter(|at| from[*at]).collect();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        while let Some(at) = open.pop() {
            if found.insert(at) {
                open.extend(graph[at].iter().map(|named| *named as usize));
            }
        }
        (0..graph.len()).map(|at| found.contains(&at)).collect()
    }

    proptest! {
        #[test]
        fn what_is_marked_is_what_can_be_reached(graph in graph(), marks in any::<u32>(), starts in any::<u32>()) {
            let mut names = Names::default();
            graph.iter().for_each(|named| names.push(named.iter().copied()));
            let bits = |bits: u32| (0..graph.len()).map(|at| bits >> at & 1 == 1).collect::<Vec<bool>>();
            let mut marked = bits(marks);
            names.close(&mut marked);
            prop_assert_eq!(&marked, &reached(&graph, &bits(marks)));

            // What is marked names nothing else, so all else may go.
            let mut next = 0..;
            let places: Vec<u32> = marked.iter().map(|stays| if *stays { next.next().unwrap() } else { u32::MAX }).collect();
            names.keep(&marked, &places);
            let stays: Vec<usize> = (0..graph.len()).filter(|at| marked[*at]).collect();
            let kept = |named: &Vec<u32>| named.iter().map(|one| places[*one as usize]).collect::<Vec<u32>>();
            let smaller: Vec<Vec<u32>> = stays.iter().map(|at| kept(&graph[*at])).collect();
            let begin: Vec<bool> = stays.iter().map(|at| bits(starts)[*at]).collect();
            let mut again = begin.clone();
            names.close(&mut again);
            prop_assert_eq!(again, reached(&smaller, &begin));
        }
    }
}
