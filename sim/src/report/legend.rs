//! Labels of lines: at their ends where there is room, in a row above where there is not. It must not know what the lines
//! show.

use super::axis::side;
use super::markup::{Markup, element};
use super::path::Place;

/// The label of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The line's name.
    pub label: String,
    /// One figure about it.
    pub figure: String,
    /// The class of its colour.
    pub tone: &'static str,
    /// Where the line ends, pixels from the top.
    pub place: f64,
}

/// Pixels between two labels.
const APART: f64 = 15.0;

/// Labels at the ends of lines, moved apart where they would cover each other.
pub fn ends(ends: &[End], height: f64) -> Markup {
    let wanted: Vec<f64> = ends.iter().map(|end| end.place).collect();
    let places = apart(&wanted, APART, height - 2.0);
    let drawn =
        ends.iter().zip(places).map(|(end, place)| {
            let thread = format!("M0 {}L4 {}L10 {}", Place(end.place), Place(end.place), Place(place));
            let figure = element("tspan", &[("class", &"quiet"), ("dx", &"5")], Markup::text(&end.figure));
            let text = Markup::text(&end.label).then(figure);
            let class = format!("end {}", end.tone);
            element("path", &[("class", &format!("thread {}", end.tone)), ("d", &thread)], Markup::none())
                .then(element("text", &[("class", &class), ("x", &"13"), ("y", &Place(place + 4.0))], text))
        });
    side("ends", height, drawn.collect())
}

/// A plot with its caption, and a row of labels for screens too narrow for labels at the ends.
pub fn figure(id: &str, title: &str, unit: &str, about: Markup, ends: &[End], row: Markup) -> Markup {
    let unit = element("span", &[("class", &"unit")], Markup::text(unit));
    let about = element("span", &[("class", &"about")], about);
    let caption = element("b", &[], Markup::text(title)).then(unit).then(about);
    let keys = ends.iter().map(|end| {
        let figure = element("i", &[], Markup::text(&end.figure));
        element("span", &[("class", &format!("key {}", end.tone))], Markup::text(&end.label).then(figure))
    });
    let inside = element("figcaption", &[], caption)
        .then(element("div", &[("class", &"keys"), ("aria-hidden", &"true")], keys.collect()))
        .then(element("div", &[("class", &"row")], row));
    element("figure", &[("id", &id)], inside)
}

/// Places as near to the wanted ones as a distance between them allows, none under the floor. Equal ones keep their order.
fn apart(wanted: &[f64], distance: f64, floor: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = wanted.to_vec();
    let mut next = f64::NEG_INFINITY;
    for at in &order {
        places[*at] = places[*at].max(next);
        next = places[*at] + distance;
    }
    let mut most = floor;
    for at in order.iter().rev() {
        places[*at] = places[*at].min(most);
        most = places[*at] - distance;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_order_and_their_distance() {
        assert_eq!(apart(&[10.0, 50.0], 15.0, 100.0), [10.0, 50.0]);
        assert_eq!(apart(&[100.0, 100.0, 100.0], 15.0, 100.0), [70.0, 85.0, 100.0]);
        assert_eq!(apart(&[40.0, 38.0, 39.0], 15.0, 100.0), [68.0, 38.0, 53.0]);
        assert!(apart(&[], 15.0, 100.0).is_empty());
    }
}
