//! Pages as a whole: well-formed, self-contained, escaped, and without numbers that are none, whatever the record holds.

use roxmltree::{Document, Node, ParsingOptions};

use super::{compare_html, fixture, html};
use crate::record::{FaultSpan, Record, Sample};

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("not well-formed: {error}"))
}

fn drawings<'a>(document: &'a Document<'a>) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.has_tag_name("svg")).collect()
}

/// Records at the edges of what can be drawn.
fn strange() -> Vec<Record> {
    let one = Record { series: vec![Sample::default()], ..Record::default() };
    let mut instant = fixture::record();
    instant.seconds = 0;
    instant.series = vec![Sample { second: 5, bytes: instant.series[0].bytes, ..Sample::default() }; 2];
    instant.faults.iter_mut().for_each(|fault: &mut FaultSpan| fault.to_ms = fault.from_ms);
    let mut unmeasured = fixture::record();
    unmeasured.propagation = Default::default();
    let mut huge = fixture::record();
    huge.series.iter_mut().for_each(|sample| sample.most_missing = u64::MAX);
    huge.propagation.max_us = u64::MAX;
    vec![Record::default(), one, instant, unmeasured, huge, fixture::record()]
}

#[test]
fn every_page_is_well_formed_and_every_drawing_has_a_name() {
    for record in strange() {
        for page in [html(&record), compare_html(&record, &fixture::other())] {
            let document = parsed(&page);
            assert!(drawings(&document).len() >= 20, "{}", drawings(&document).len());
            for drawing in drawings(&document).iter().filter(|node| node.attribute("role") == Some("img")) {
                let texts = ["title", "desc"].map(|name| drawing.children().find(|node| node.has_tag_name(name)));
                let said = texts.map(|node| node.and_then(|node| node.text()).unwrap_or_default().len());
                assert!(said.iter().all(|length| *length > 3), "a drawing without words: {said:?}");
            }
        }
    }
}

#[test]
fn every_coordinate_is_a_number() {
    const PLACES: [&str; 10] = ["x", "y", "x1", "x2", "y1", "y2", "width", "height", "d", "viewBox"];
    for record in strange() {
        for page in [html(&record), compare_html(&fixture::record(), &record)] {
            let document = parsed(&page);
            for node in document.descendants() {
                for place in node.attributes().filter(|attribute| PLACES.contains(&attribute.name())) {
                    let strange = ["NaN", "inf", "--", "e+"].iter().any(|word| place.value().contains(word));
                    assert!(!strange, "{}=\"{}\"", place.name(), place.value());
                    let negative = ["width", "height"].contains(&place.name()) && place.value().starts_with('-');
                    assert!(!negative, "{}=\"{}\"", place.name(), place.value());
                }
            }
        }
    }
}

#[test]
fn names_are_unique_and_what_is_referred_to_exists() {
    let page = html(&fixture::record());
    let document = parsed(&page);
    let mut names: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    for named in document.descendants().filter_map(|node| node.attribute("aria-labelledby")) {
        assert!(named.split(' ').all(|name| names.contains(&name)), "{named}");
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn a_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    for page in [html(&fixture::record()), compare_html(&fixture::record(), &fixture::other())] {
        for word in ["http:", "https:", "url(", "@import", "<script", "<link", "src="] {
            assert!(!page.contains(word), "{word}");
        }
    }
}

#[test]
fn texts_of_a_run_stay_texts() {
    let evil = "</title><script>alert('x')</script>&\"".to_owned();
    let mut record = fixture::record();
    record.scenario.clone_from(&evil);
    record.about.clone_from(&evil);
    record.trace.clone_from(&evil);
    record.version.clone_from(&evil);
    record.totals.refused.insert(evil.clone(), 1);
    record.sometimes.insert(evil.clone(), 0);
    record.violations[0].check.clone_from(&evil);
    record.violations[0].what.clone_from(&evil);
    record.conflicts[0].winner.clone_from(&evil);
    record.ends[0].name.clone_from(&evil);
    for page in [html(&record), compare_html(&record, &record)] {
        assert!(!page.contains("<script") && !page.contains("alert('"), "a text became markup");
        let document = parsed(&page);
        assert!(document.descendants().any(|node| node.text().is_some_and(|text| text.contains("alert('x')"))));
    }
}

#[test]
fn a_long_run_gives_a_page_that_a_browser_can_hold() {
    let mut record = fixture::record();
    record.series =
        (0..200_000).map(|second| Sample { second, sets: second as usize % 7, ..Sample::default() }).collect();
    record.ends = vec![record.ends[0].clone(); 10_000];
    let page = html(&record);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert!(page.contains("and 9,800 more"));
}
