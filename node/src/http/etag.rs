//! Entity tags and preconditions. A tag names the merged heads, which edits are based on. While a merged value waits for
//! activation the tag has a suffix that names the effective one, so that a cached answer is not taken for the new one.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName};
use driftless_core::machine::Precondition;
use driftless_core::view::{EntryView, View};

use super::problem::{Answer, Kind, Problem};

/// The tag of an entry as it is read, without quotes.
pub fn of(entry: &EntryView, view: &View) -> String {
    if entry.differs { format!("{}-{}.{}", entry.etag(), view.revision().boot, entry.changed) } else { entry.etag() }
}

/// The text of a header that may be given several times.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<String>> {
    let mut parts = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| Problem::new(Kind::Header, format!("{name}: not ASCII text")))?;
        parts.push(text);
    }
    Ok((!parts.is_empty()).then(|| parts.join(",")))
}

/// A list of entity tags.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    /// Tag without quotes, and whether it is weak.
    List(Vec<(String, bool)>),
}

fn parse(name: &HeaderName, text: &str) -> Answer<Tags> {
    let bad = || {
        Problem::new(Kind::Header, format!("{name}: expected `*`, or entity tags in double quotes separated by commas"))
    };
    if text.trim() == "*" {
        return Ok(Tags::Any);
    }
    let mut tags = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (part, weak) = part.strip_prefix("W/").map_or((part, false), |rest| (rest, true));
        let tag = part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(bad)?;
        if tag.contains('"') {
            return Err(bad());
        }
        tags.push((tag.to_owned(), weak));
    }
    if tags.is_empty() { Err(bad()) } else { Ok(Tags::List(tags)) }
}

/// The precondition of a write.
pub fn precondition(headers: &HeaderMap) -> Answer<Precondition> {
    let wanted = joined(headers, &IF_MATCH)?;
    let unwanted = joined(headers, &IF_NONE_MATCH)?;
    match (wanted, unwanted) {
        (None, None) => Ok(Precondition::None),
        (Some(_), Some(_)) => {
            Err(Problem::new(Kind::Header, "if-match and if-none-match exclude one another on a write; send one"))
        }
        (Some(text), None) => Ok(match parse(&IF_MATCH, &text)? {
            Tags::Any => Precondition::Present,
            // The comparison is strong, so a weak tag matches nothing; and only the part that names merged heads counts.
            Tags::List(tags) => {
                let strong = tags.into_iter().filter(|(_, weak)| !weak);
                Precondition::OneOf(strong.map(|(tag, _)| merged_part(&tag).to_owned()).collect())
            }
        }),
        (None, Some(text)) => match parse(&IF_NONE_MATCH, &text)? {
            Tags::Any => Ok(Precondition::Absent),
            Tags::List(_) => Err(Problem::new(
                Kind::Header,
                "if-none-match: on a write only `*` (the entry must be absent) is known",
            )),
        },
    }
}

fn merged_part(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(merged, _)| merged)
}

/// Whether a read asks to be told only of another tag than this one. The comparison is weak, as for caches.
pub fn unchanged(headers: &HeaderMap, etag: &str) -> Answer<bool> {
    let Some(text) = joined(headers, &IF_NONE_MATCH)? else { return Ok(false) };
    Ok(match parse(&IF_NONE_MATCH, &text)? {
        Tags::Any => true,
        Tags::List(tags) => tags.iter().any(|(tag, _)| tag == etag),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn writes_know_four_preconditions() {
        let one_of = |tags: &[&str]| Precondition::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect());
        let cases: &[(&[(HeaderName, &str)], Precondition)] = &[
            (&[], Precondition::None),
            (&[(IF_MATCH, "*")], Precondition::Present),
            (&[(IF_NONE_MATCH, " * ")], Precondition::Absent),
            (&[(IF_MATCH, "\"ab\"")], one_of(&["ab"])),
            (&[(IF_MATCH, "\"ab-1.7\", \"cd\"")], one_of(&["ab", "cd"])),
            (&[(IF_MATCH, "\"ab\""), (IF_MATCH, "\"cd\"")], one_of(&["ab", "cd"])),
            (&[(IF_MATCH, "W/\"ab\"")], one_of(&[])),
        ];
        for (list, want) in cases {
            let list: Vec<(HeaderName, &'static str)> = list.to_vec();
            assert_eq!(precondition(&headers(&list)).unwrap(), *want, "{list:?}");
        }
    }

    #[test]
    fn bad_tags_are_said() {
        for text in ["ab", "\"ab", "\"a\"b\"", ",", "", "W/ab", "'ab'"] {
            let given = headers(&[(IF_MATCH, text)]);
            assert_eq!(precondition(&given).unwrap_err().kind, Kind::Header, "{text:?}");
        }
        let both = headers(&[(IF_MATCH, "*"), (IF_NONE_MATCH, "*")]);
        assert_eq!(precondition(&both).unwrap_err().kind, Kind::Header);
        let list = headers(&[(IF_NONE_MATCH, "\"ab\"")]);
        assert_eq!(precondition(&list).unwrap_err().kind, Kind::Header);
    }

    #[test]
    fn a_read_is_unchanged_when_any_tag_is_the_present_one() {
        for (text, same) in
            [("\"ab\"", true), ("W/\"ab\"", true), ("\"x\", \"ab\"", true), ("*", true), ("\"x\"", false)]
        {
            let given = headers(&[(IF_NONE_MATCH, text)]);
            assert_eq!(unchanged(&given, "ab").unwrap(), same, "{text}");
        }
        assert!(!unchanged(&HeaderMap::new(), "ab").unwrap());
    }
}
