//! Paths of SVG from points, and series made small enough to draw. It must not know what the points mean.

use std::fmt::Write;

/// A point: across, down.
pub type Point = (f64, f64);

/// A line through points.
pub fn line(points: &[Point]) -> String {
    let mut out = String::new();
    for (at, point) in needed(points).into_iter().enumerate() {
        put(&mut out, if at == 0 { 'M' } else { 'L' }, point);
    }
    out
}

/// A line that keeps the height of each point until the next.
pub fn steps(points: &[Point]) -> String {
    line(&corners(points))
}

/// The area between two lines over the same places.
pub fn area(upper: &[Point], lower: &[Point]) -> String {
    if upper.is_empty() || lower.is_empty() {
        return String::new();
    }
    let mut out = line(upper);
    let back: Vec<Point> = lower.iter().rev().copied().collect();
    needed(&back).into_iter().for_each(|point| put(&mut out, 'L', point));
    out.push('Z');
    out
}

/// At most `limit` points: each stands for its neighbours with what `fold` makes of their heights.
pub fn thin(points: &[Point], limit: usize, fold: fn(&[Point]) -> f64) -> Vec<Point> {
    let each = points.len().div_ceil(limit.max(1)).max(1);
    points.chunks(each).map(|chunk| (chunk[0].0, fold(chunk))).collect()
}

/// The greatest value.
pub fn peak(points: &[Point]) -> f64 {
    points.iter().map(|point| point.1).fold(0.0, f64::max)
}

/// The mean value.
pub fn mean(points: &[Point]) -> f64 {
    // Not `sum`, which makes a negative zero of nothing.
    points.iter().fold(0.0, |sum, point| sum + point.1) / points.len().max(1) as f64
}

fn corners(points: &[Point]) -> Vec<Point> {
    let mut out = Vec::with_capacity(points.len() * 2);
    for point in points {
        if let Some((_, before)) = out.last().copied()
            && before != point.1
        {
            out.push((point.0, before));
        }
        out.push(*point);
    }
    out
}

/// Points without those in the middle of a level stretch.
fn needed(points: &[Point]) -> Vec<Point> {
    let level = |at: usize| {
        at > 0 && at + 1 < points.len() && points[at - 1].1 == points[at].1 && points[at].1 == points[at + 1].1
    };
    points.iter().enumerate().filter(|(at, _)| !level(*at)).map(|(_, point)| *point).collect()
}

fn put(out: &mut String, verb: char, (x, y): Point) {
    let _ = write!(out, "{verb}{} {}", Place(x), Place(y));
}

/// A coordinate: one decimal, and always a number.
#[derive(Debug, Clone, Copy)]
pub struct Place(pub f64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = if self.0.is_finite() { (self.0 * 10.0).round() } else { 0.0 };
        // Adding zero turns a negative zero into a plain one.
        write!(f, "{}", tenths / 10.0 + 0.0)
    }
}

/// A share of the width.
#[derive(Debug, Clone, Copy)]
pub struct Across(pub f64);

impl std::fmt::Display for Across {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = if self.0.is_finite() { (self.0 * 100.0).round() } else { 0.0 };
        write!(f, "{}%", hundredths / 100.0 + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_leave_out_what_adds_nothing() {
        assert_eq!(line(&[(0.0, 5.0), (1.0, 5.0), (2.0, 5.0), (3.0, 1.0)]), "M0 5L2 5L3 1");
        assert_eq!(steps(&[(0.0, 5.0), (1.0, 5.0), (2.0, 3.0)]), "M0 5L2 5L2 3");
        assert_eq!(area(&[(0.0, 1.0), (4.0, 2.0)], &[(0.0, 9.0), (4.0, 9.0)]), "M0 1L4 2L4 9L0 9Z");
    }

    #[test]
    fn nothing_gives_nothing_and_strange_numbers_stay_numbers() {
        assert_eq!((line(&[]), steps(&[]), area(&[], &[])), (String::new(), String::new(), String::new()));
        assert_eq!(line(&[(f64::NAN, f64::INFINITY), (-0.04, 1.26)]), "M0 0L0 1.3");
        assert_eq!(Across(f64::NAN).to_string(), "0%");
    }

    #[test]
    fn thinning_keeps_peaks() {
        let points: Vec<Point> = (0..1_000).map(|at| (f64::from(at), if at == 777 { 9.0 } else { 1.0 })).collect();
        let thin = thin(&points, 100, peak);
        assert_eq!(thin.len(), 100);
        assert_eq!((peak(&thin), mean(&thin)), (9.0, 1.08));
        assert_eq!(format!("{} {}", peak(&[]), mean(&[])), "0 0");
    }
}
