//! What a check keeps for each node, joiners included. It must not know what is kept.

/// One of something for each node.
#[derive(Debug)]
pub struct PerNode<T>(Vec<T>);

impl<T> Default for PerNode<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> PerNode<T> {
    /// A node's.
    pub fn of(&mut self, node: usize) -> &mut T {
        if self.0.len() <= node {
            self.0.resize_with(node + 1, T::default);
        }
        &mut self.0[node]
    }

    /// A node's, from nothing again.
    pub fn forget(&mut self, node: usize) {
        *self.of(node) = T::default();
    }
}
