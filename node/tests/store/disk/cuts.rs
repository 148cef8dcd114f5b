//! Which images a power cut can leave of a history: what was synced, and of the rest any part in any order, down to
//! single sectors. The idea is that of ALICE (Pillai et al., OSDI 2014) and of CrashMonkey's bounded black-box testing
//! (Mohan et al., OSDI 2018): record what the program did to the disk, enumerate what the disk may make of it, let the
//! program's own recovery judge. It must not know redb or the store.

use super::image::{Image, SECTOR};
use super::platter::Step;

/// The steps between two syncs: a power cut before the second one keeps any of them.
#[derive(Debug)]
pub struct Window {
    /// What is durable; no file before there is one.
    pub before: Option<Image>,
    pub steps: Vec<Step>,
    /// Place in the history at which all of `steps` are done, and the sync behind them is not.
    pub end: usize,
}

/// The windows of a history that begins on `start`, in order. The last one is not closed by a sync.
pub fn windows(start: Option<Image>, history: &[Step]) -> Vec<Window> {
    let mut windows = Vec::new();
    let (mut durable, mut steps) = (start, Vec::new());
    for (at, step) in history.iter().enumerate() {
        if !step.is_barrier() {
            steps.push(step.clone());
            continue;
        }
        let window = Window { before: durable.clone(), steps: std::mem::take(&mut steps), end: at };
        let mut image = durable.unwrap_or_default();
        window.steps.iter().chain([step]).for_each(|step| step.apply(&mut image));
        windows.push(window);
        durable = Some(image);
    }
    windows.push(Window { before: durable, steps, end: history.len() });
    windows
}

/// What survives of the steps of a window.
#[derive(Debug, Clone, Copy)]
pub enum Survives {
    /// Those whose bit is set.
    Steps(u64),
    /// Those whose bit is set, and of the one at `torn` only so many sectors: the first, or the last ones.
    Torn { steps: u64, torn: usize, sectors: usize, last: bool },
    /// Of every step those units whose bit is set in a hash of the seed and their place.
    Scattered { seed: u64, unit: usize },
}

impl Window {
    /// The image that a power cut leaves.
    pub fn cut(&self, survives: Survives) -> Option<Image> {
        let mut image = self.before.clone()?;
        for (at, step) in self.steps.iter().enumerate() {
            let bit = |mask: u64| mask >> (at % 64) & 1 == 1;
            match (survives, step) {
                (Survives::Steps(mask), _) if bit(mask) => step.apply(&mut image),
                (Survives::Torn { torn, sectors, last, .. }, Step::Write(offset, bytes)) if torn == at => {
                    let (first, second) = bytes.split_at((sectors * SECTOR).min(bytes.len()));
                    if last { image.write(offset + first.len(), second) } else { image.write(*offset, first) }
                }
                (Survives::Torn { steps, .. }, _) if bit(steps) => step.apply(&mut image),
                (Survives::Scattered { seed, unit }, Step::Write(offset, bytes)) => {
                    for (place, part) in bytes.chunks(unit).enumerate() {
                        if mixed(seed, at, place) {
                            image.write(offset + place * unit, part);
                        }
                    }
                }
                (Survives::Scattered { seed, .. }, _) if mixed(seed, at, 0) => step.apply(&mut image),
                (Survives::Steps(_) | Survives::Torn { .. } | Survives::Scattered { .. }, _) => {}
            }
        }
        Some(image)
    }

    /// Every crash point (the first so many steps and no more), every subset where there are at most `exhaustive` steps
    /// and every one or two lost or kept where there are more.
    pub fn reorderings(&self, exhaustive: usize) -> Vec<Survives> {
        let count = self.steps.len().min(64);
        let all = if count == 64 { u64::MAX } else { (1 << count) - 1 };
        if count <= exhaustive {
            return (0..=all).map(Survives::Steps).collect();
        }
        let mut masks: Vec<u64> = (0..count).map(|done| (1 << done) - 1).collect();
        for one in 0..count {
            for two in one..count {
                let few = 1 << one | 1 << two;
                masks.extend([few, all & !few]);
            }
        }
        masks.push(all);
        masks.sort_unstable();
        masks.dedup();
        masks.into_iter().map(Survives::Steps).collect()
    }

    /// Every write torn at every sector, or at about `places` of them in a long one: its beginning or its end survives,
    /// and beside it all other steps, none, or those before it.
    pub fn tears(&self, places: usize) -> Vec<Survives> {
        let mut tears = Vec::new();
        for (torn, step) in self.steps.iter().enumerate().take(64) {
            let Step::Write(_, bytes) = step else { continue };
            let sectors = bytes.len().div_ceil(SECTOR);
            for at in (1..sectors).step_by(sectors.div_ceil(places).max(1)) {
                for steps in [u64::MAX, 0, (1 << torn) - 1] {
                    for last in [false, true] {
                        tears.push(Survives::Torn { steps, torn, sectors: at, last });
                    }
                }
            }
        }
        tears
    }

    /// So many random ones, half of them by 512-byte sectors, half by 4 KiB pages.
    pub fn scatterings(&self, seeds: std::ops::Range<u64>) -> Vec<Survives> {
        seeds.map(|seed| Survives::Scattered { seed, unit: if seed % 2 == 0 { SECTOR } else { 4096 } }).collect()
    }
}

/// One bit of a good mixer (SplitMix64's finish) over three numbers.
fn mixed(seed: u64, step: usize, place: usize) -> bool {
    let mut bits = seed.wrapping_add((step as u64) << 32 | place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ bits >> 31) & 1 == 1
}
