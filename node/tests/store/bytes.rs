//! Damage, exhaustively: every byte of a smallest store flipped, every truncation by sectors. Whatever the bytes: no
//! statement is served but those that were stored, bit for bit, what is gone is told, and nothing panics or exits. What is
//! appended to a damaged store that could be opened is there afterwards.
//!
//! Read the figures: `cargo test -p driftless-node --test store bytes -- --nocapture | grep damage`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use driftless_node::store::{Batch, Event, Loaded, Pace, Store, StoreError, Writer};
use driftless_statement::{MeshId, StatementId, Verified};

use crate::disk::image::{Image, PAGE, SECTOR};
use crate::disk::platter::Platter;
use crate::disk::quiet::{redb_panics, redb_panics_quietly};
use crate::disk::runs::{NAME, OPTIONS};
use crate::disk::{ids, statements};
use crate::figures;

const LATER: [u8; 8] = [2; 8];
const FLOOR: u64 = 77;
/// Bytes of redb's header with its two commit slots.
const HEADER: usize = 320;
/// Of so many damaged bytes one is also tried by appending: that costs two more openings. A prime does not fall into step
/// with what lies in the pages.
const APPENDS: usize = 17;

/// A store of a genesis and one write, and one more statement for afterwards.
struct Small {
    mesh: MeshId,
    all: Vec<Arc<Verified>>,
    next: Arc<Verified>,
    /// As a node that ended leaves it.
    closed: Image,
    /// As one that was killed leaves it: redb repairs it when it is opened.
    killed: Image,
}

impl Small {
    fn make() -> Self {
        redb_panics_quietly();
        let (mesh, mut all) = statements(2);
        let next = all.pop().unwrap();
        let platter = Platter::default();
        append(platter.clone(), mesh, &all, NAME).unwrap();
        // Unused space is given back when the store is closed the second time.
        append(platter.clone(), mesh, &[], NAME).unwrap();
        let closed = platter.record().image.clone().unwrap();
        let (store, _) = Store::open_on(platter.clone(), mesh, NAME, OPTIONS).unwrap();
        let killed = platter.record().image.clone().unwrap();
        drop(store);
        Self { mesh, all, next, closed, killed }
    }

    fn images(&self) -> [(&'static str, &Image); 2] {
        [("closed", &self.closed), ("killed", &self.killed)]
    }
}

/// Opens a store, appends, closes it.
fn append(platter: Platter, mesh: MeshId, statements: &[Arc<Verified>], name: [u8; 8]) -> Result<(), StoreError> {
    let (store, _) = Store::open_on(platter, mesh, name, OPTIONS)?;
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    writer.submit(Batch { id: 0, gone: vec![], statements: statements.to_vec(), floor_ms: FLOOR }).unwrap();
    let event = events.blocking_recv().unwrap();
    writer.close();
    match event {
        Event::Stored { .. } => Ok(()),
        Event::Failed { error, .. } => Err(error),
        Event::ReadOnly { .. } | Event::Recovered { .. } => panic!("{event:?}"),
    }
}

#[derive(Default)]
struct Tally {
    whole: u64,
    fewer: u64,
    refused: u64,
    /// Served what was never stored, or concealed what is gone.
    unverified: u64,
    concealed: u64,
    appended: u64,
    lost: u64,
    examples: Vec<String>,
}

impl Tally {
    fn count(&self) -> u64 {
        self.whole + self.fewer + self.refused
    }

    fn add(&mut self, other: Self) {
        self.whole += other.whole;
        self.fewer += other.fewer;
        self.refused += other.refused;
        self.unverified += other.unverified;
        self.concealed += other.concealed;
        self.appended += other.appended;
        self.lost += other.lost;
        self.examples.extend(other.examples);
    }

    fn must_be_clean(&self, what: &str) {
        figures::say(&format!(
            "damage, {what}: {self}; {} panics inside redb in this process became errors",
            redb_panics()
        ));
        assert_eq!((self.unverified, self.concealed, self.lost), (0, 0, 0), "{what}: {self}\n{:?}", self.examples);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole, fewer, refused, unverified, concealed, appended, lost, .. } = self;
        write!(
            f,
            "{} tried, {unverified} served unverified, {concealed} concealed a loss; {whole} whole, ",
            self.count()
        )?;
        write!(f, "{fewer} with fewer statements, {refused} refused; {appended} appended to, {lost} of these lost it")
    }
}

/// Opens damaged bytes and looks at what is served. The only refusals are those that tell an operator what to do.
fn look(small: &Small, image: Image, tally: &mut Tally, then: bool, what: &dyn fmt::Display) {
    let platter = Platter::of(Some(image));
    let loaded = match Store::open_on(platter.clone(), small.mesh, LATER, OPTIONS) {
        Ok((_, loaded)) => loaded,
        Err(StoreError::Corrupt { .. } | StoreError::Newer { .. } | StoreError::OtherMesh { .. }) => {
            tally.refused += 1;
            return;
        }
        Err(other) => panic!("{what}: {other}"),
    };
    judge(small, &loaded, tally, what);
    if then && append(platter.clone(), small.mesh, std::slice::from_ref(&small.next), LATER).is_ok() {
        tally.appended += 1;
        let again = Store::open_on(platter, small.mesh, LATER, OPTIONS);
        if !again.as_ref().is_ok_and(|(_, loaded)| ids(&loaded.statements).contains(&small.next.id())) {
            tally.lost += 1;
            tally.examples.push(format!("{what}: {:?}", again.map(|(_, loaded)| loaded)));
        }
    }
}

fn judge(small: &Small, loaded: &Loaded, tally: &mut Tally, what: &dyn fmt::Display) {
    let stored = |served: &Arc<Verified>| small.all.iter().any(|stored| stored.wire() == served.wire());
    let held = ids(&loaded.statements);
    if !loaded.statements.iter().all(stored) || (loaded.floor_ms != FLOOR && !held.is_empty()) {
        tally.unverified += 1;
        tally.examples.push(format!("{what}: {loaded:?}"));
    }
    let whole: BTreeSet<StatementId> = ids(&small.all);
    let (gone, told) = (whole.len() - held.len(), loaded.quarantined.len() as u64 + loaded.missing);
    if told < gone as u64 && loaded.store_id != LATER {
        tally.concealed += 1;
        tally.examples.push(format!("{what}: {gone} gone, {told} told"));
    }
    *(if gone == 0 { &mut tally.whole } else { &mut tally.fewer }) += 1;
}

/// Every byte is inverted, and of the header every bit.
fn flips(len: usize) -> Vec<(usize, u8)> {
    let every_bit = (0..HEADER).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit)));
    every_bit.chain((0..len).map(|at| (at, 0xff))).collect()
}

#[test]
fn every_flipped_byte_is_survived() {
    let small = Small::make();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (state, image) in small.images() {
        let bytes = image.bytes();
        let flips = flips(bytes.len());
        let share = |first: usize| {
            let mut tally = Tally::default();
            for (at, flip) in flips.iter().skip(first).step_by(threads) {
                let mut damaged = image.clone();
                damaged.write(*at, &[bytes[*at] ^ flip]);
                let then = *at < HEADER || at % APPENDS == 0;
                look(&small, damaged, &mut tally, then, &format!("{state}: byte {at} xor {flip:#x}"));
            }
            tally
        };
        let mut total = Tally::default();
        std::thread::scope(|scope| {
            let share = &share;
            let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
            workers.into_iter().for_each(|worker| total.add(worker.join().unwrap()));
        });
        total.must_be_clean(&format!("all {} pages of a {state} store flipped", bytes.len() / PAGE));
        assert_eq!(total.count(), flips.len() as u64);
        assert!(total.whole > 0 && total.refused > 0 && total.appended > 0, "too tame: {total}");
    }
}

#[test]
fn every_truncation_is_survived() {
    let small = Small::make();
    for (state, image) in small.images() {
        let mut tally = Tally::default();
        for len in (0..image.len()).step_by(SECTOR) {
            let mut cut = image.clone();
            cut.set_len(len);
            look(&small, cut, &mut tally, true, &format!("{state}: cut to {len} bytes"));
        }
        tally.must_be_clean(&format!("a {state} store of {} pages cut at every sector", image.len() / PAGE));
        assert_eq!(tally.count(), image.len().div_ceil(SECTOR) as u64);
        assert!(tally.refused > 0, "too tame: {tally}");
        let mut uncut = Tally::default();
        look(&small, image.clone(), &mut uncut, true, &state);
        assert_eq!((uncut.whole, uncut.appended, uncut.lost), (1, 1, 0));
    }
}
