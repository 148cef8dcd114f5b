//! Exact quantiles of what was measured. It must not know what that was.

/// The number that so many thousandths of an ascending list do not exceed; 0 in an empty one.
pub fn at(ascending: &[u64], thousandths: usize) -> u64 {
    let rank = (ascending.len() * thousandths).div_ceil(1_000).max(1);
    ascending.get(rank - 1).copied().unwrap_or(0)
}

/// Median and 99th percentile of ascending microseconds, in milliseconds, as scenarios give them; the second is above the
/// first.
pub fn between(ascending: &[u64]) -> Option<(f64, f64)> {
    let ms = |thousandths| at(ascending, thousandths) as f64 / 1e3;
    let (median, p99) = (ms(500), ms(990));
    (median > 0.0).then_some((median, p99.max(median * 1.001)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_members_of_the_list() {
        let list: Vec<u64> = (1..=200).collect();
        assert_eq!([1, 500, 990, 1_000].map(|share| at(&list, share)), [1, 100, 198, 200]);
        assert_eq!(at(&[], 500), 0);
        assert_eq!(between(&[]), None);
    }
}
