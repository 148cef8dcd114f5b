//! What the fold's tests share: forged statements, a hostile generator, and a naive model of what the fold means.

pub mod generate;
pub mod model;
pub mod store;

use std::sync::Arc;

use driftless_statement::{
    Body, Edit, Hlc, MeshId, Note, Path, PublicKey, Signed, Statement, StatementId, Touch, Verified, Write,
};

use crate::figures;

/// A statement as another author might have signed it. Its signature is not checked: the fold never looks at it.
pub fn forge(author: u8, hlc: u64, entries: Vec<(Path, Vec<StatementId>, Vec<Edit>)>) -> Arc<Verified> {
    let (mut touches, mut edits) = (Vec::new(), Vec::new());
    for (path, mut bases, list) in entries {
        bases.sort_unstable();
        bases.dedup();
        touches.push(Touch { path, bases });
        edits.push(list);
    }
    let statement = Statement {
        mesh: MeshId([1; 32]),
        scope: touches[0].path.scope(),
        author: PublicKey([author; 32]),
        grant: StatementId([2; 32]),
        prev: Vec::new(),
        touches,
        hlc: Hlc(hlc),
        body: Body::Write(Write { edits }),
        note: Note::default(),
        unknown: Vec::new(),
    };
    let mut wire = statement.encode();
    wire.extend_from_slice(&[0; 64]);
    let signed = Signed::decode(&wire).expect("forged statements are well formed");
    let id = signed.id();
    Arc::new(signed.trust_stored(id).expect("its own id"))
}

/// How a property test runs: as many cases as are asked for.
pub fn cases() -> proptest::test_runner::Config {
    one_in(1)
}

/// As many cases as are asked for, divided by this.
pub fn one_in(part: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: figures::law(figures::asked().div_ceil(part)),
        failure_persistence: None,
        max_shrink_iters: if std::env::var_os("DRIFTLESS_NO_SHRINK").is_some() { 0 } else { 1000 },
        ..proptest::test_runner::Config::default()
    }
}
