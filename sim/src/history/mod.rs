//! A real history replayed in the world, branch by branch: what its authors did without knowing of each other, nodes do
//! that have not seen each other; where the history merges, they meet. At the end all are joined, must be equal, and
//! every conflict that stands is explained. It must not know how the world works.

mod file;
mod lanes;
mod replay;
mod seen;
mod told;

pub use file::{BadHistory, Commit, History};
pub use lanes::{Lanes, Step, plan};
pub use replay::replay;
