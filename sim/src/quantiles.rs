//! Quantiles of many numbers in little memory: bars whose width grows with the number, so that the error stays below one
//! part in 32 (the idea of HDR histograms, G. Tene 2012).

/// Numbers, as bars.
#[derive(Debug, Clone, Default)]
pub struct Quantiles {
    bars: Vec<u64>,
    count: u64,
    max: u64,
}

/// Bars for each doubling.
const PARTS: u64 = 32;

impl Quantiles {
    /// Takes in a number.
    pub fn note(&mut self, number: u64) {
        let bar = bar_of(number);
        if self.bars.len() <= bar {
            self.bars.resize(bar + 1, 0);
        }
        self.bars[bar] += 1;
        self.count += 1;
        self.max = self.max.max(number);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The greatest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// A number that so many thousandths do not exceed; 0 when there is none.
    pub fn at(&self, thousandths: u64) -> u64 {
        let wanted = (self.count * thousandths).div_ceil(1_000).max(1);
        let mut sum = 0;
        for (bar, count) in self.bars.iter().enumerate() {
            sum += count;
            if sum >= wanted {
                return end_of(bar).min(self.max);
            }
        }
        self.max
    }
}

fn bar_of(number: u64) -> usize {
    if number < PARTS {
        return number as usize;
    }
    let doubling = u64::from(number.ilog2()) - 5;
    ((doubling + 1) * PARTS + (number >> doubling) - PARTS) as usize
}

/// The greatest number of a bar.
fn end_of(bar: usize) -> u64 {
    let bar = bar as u64;
    if bar < PARTS {
        return bar;
    }
    let (doubling, part) = (bar / PARTS - 1, bar % PARTS);
    ((PARTS + part + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_one_part_in_thirty_two() {
        let mut quantiles = Quantiles::default();
        (1..=100_000).for_each(|number| quantiles.note(number));
        for (thousandths, exact) in [(1, 100), (500, 50_000), (900, 90_000), (990, 99_000), (1_000, 100_000)] {
            let got = quantiles.at(thousandths);
            assert!(got >= exact && got <= exact + exact / 31 + 1, "{thousandths}: {got} for {exact}");
        }
        assert_eq!((quantiles.max(), quantiles.count()), (100_000, 100_000));
    }

    #[test]
    fn every_number_lies_in_its_bar() {
        for number in (0..5_000).chain([u64::MAX / 2, 1 << 40]) {
            let bar = bar_of(number);
            assert!(number <= end_of(bar) && (bar == 0 || number > end_of(bar - 1)), "{number}");
        }
    }
}
