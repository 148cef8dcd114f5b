//! Scales and their marks: where a value stands on a drawing, and which round values are worth a line. Always finite,
//! also for empty spans. It must not know what is drawn.

/// A straight scale from values to places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    values: (f64, f64),
    places: (f64, f64),
}

impl Scale {
    /// From the values between two ends to the places between two ends.
    pub fn new(values: (f64, f64), places: (f64, f64)) -> Self {
        Self { values, places }
    }

    /// The place of a value; values outside stand at the nearest end.
    pub fn at(&self, value: f64) -> f64 {
        let span = self.values.1 - self.values.0;
        let share = (value - self.values.0) / span;
        let share = if span > 0.0 && share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.places.0 + share * (self.places.1 - self.places.0)
    }
}

/// Round values from 0 on, the last of them not below `top`, about so many.
pub fn marks(top: f64, about: usize) -> Vec<f64> {
    let top = if top.is_finite() && top > 0.0 { top } else { 1.0 };
    let raw = top / about.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= raw * 0.999);
    every(step.unwrap_or(raw), top)
}

/// The same for whole things: no mark lies between two of them.
pub fn whole_marks(top: f64, about: usize) -> Vec<f64> {
    let marks = marks(top, about);
    if marks.get(1).is_some_and(|step| *step < 1.0) { every(1.0, top.max(1.0)) } else { marks }
}

/// The same for bytes: powers of two, so that labels in KiB are round.
pub fn byte_marks(top: f64, about: usize) -> Vec<f64> {
    let top = if top.is_finite() && top > 0.0 { top } else { 1.0 };
    let raw = (top / about.max(1) as f64).max(1.0);
    every(2f64.powf(raw.log2().ceil()), top)
}

fn every(step: f64, top: f64) -> Vec<f64> {
    let steps = (top / step - 1e-9).ceil().max(1.0) as usize;
    (0..=steps).map(|at| at as f64 * step).collect()
}

/// Round moments of a run, seconds, at most about so many.
pub fn moments(seconds: f64, about: usize) -> Vec<f64> {
    const STEPS: [f64; 15] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0];
    let seconds = if seconds.is_finite() && seconds > 0.0 { seconds } else { 1.0 };
    let raw = seconds / about.max(1) as f64;
    let days = (raw / 86_400.0).ceil() * 86_400.0;
    let step = STEPS.into_iter().find(|step| *step >= raw).unwrap_or(days);
    (0..=(seconds / step) as usize).map(|at| at as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_monotone_and_stays_within_its_ends() {
        let scale = Scale::new((10.0, 250.0), (0.0, 1_000.0));
        let places: Vec<f64> = (-20..300).map(|value| scale.at(f64::from(value))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!((scale.at(10.0), scale.at(130.0), scale.at(250.0)), (0.0, 500.0, 1_000.0));
        assert_eq!((scale.at(-5.0), scale.at(900.0)), (0.0, 1_000.0));
        let upside_down = Scale::new((0.0, 4.0), (100.0, 0.0));
        assert_eq!([0.0, 1.0, 4.0].map(|value| upside_down.at(value)), [100.0, 75.0, 0.0]);
    }

    #[test]
    fn empty_spans_and_strange_values_give_finite_places() {
        for values in [(0.0, 0.0), (5.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            for value in [0.0, 7.0, f64::NAN, f64::INFINITY] {
                assert!(Scale::new(values, (3.0, 9.0)).at(value).is_finite(), "{values:?} {value}");
            }
        }
        for top in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                marks(top, 4).iter().chain(&moments(top, 8)).chain(&byte_marks(top, 4)).all(|mark| mark.is_finite())
            );
        }
    }

    #[test]
    fn marks_are_round_and_reach_the_top() {
        assert_eq!(marks(37.0, 4), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(whole_marks(1.0, 4), [0.0, 1.0]);
        assert_eq!(byte_marks(3_000.0, 4), [0.0, 1_024.0, 2_048.0, 3_072.0]);
        for top in [0.3, 1.0, 7.0, 9.99, 10.0, 123.0, 98_765.0] {
            let marks = marks(top, 4);
            assert!(marks.is_sorted() && marks.len() <= 6, "{top}: {marks:?}");
            assert!(marks.last().is_some_and(|last| *last >= top), "{top}: {marks:?}");
        }
    }

    #[test]
    fn moments_stay_within_the_run() {
        assert_eq!(moments(250.0, 8), [0.0, 60.0, 120.0, 180.0, 240.0]);
        assert_eq!(moments(0.0, 8), [0.0, 1.0]);
        assert!(moments(1e7, 8).len() <= 9);
    }
}
