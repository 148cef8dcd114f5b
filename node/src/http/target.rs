//! Request targets: paths and query parameters, read strictly from the raw bytes, so that nothing is looked up under a
//! name that somebody else would read differently.

use driftless_core::view::Revision;
use driftless_statement::path::BadPath;
use driftless_statement::{Hlc, Path, Prefix, PublicKey, Scope, StatementId};

use super::problem::{Answer, Kind, Problem};
use super::settings::{PAGE_DEFAULT, PAGE_MAX};

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-decodes a text. `None`: an escape that is none, or bytes that are no UTF-8.
fn decode(raw: &str) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => out.push(digit(bytes.next()?)? << 4 | digit(bytes.next()?)?),
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

/// A path as it stands in a request target. An escape may spell an allowed character, never a slash: `a%2Fb` would be
/// two segments here and one elsewhere.
fn unescape_path(raw: &str) -> Answer<String> {
    let slash = |pair: &[u8]| matches!(pair, [b'%', b'2', b'F' | b'f']);
    if raw.as_bytes().windows(3).any(slash) {
        return Err(Problem::new(Kind::Path, "a path must not hold an escaped slash (`%2F`); write `/`"));
    }
    decode(raw).ok_or_else(|| {
        Problem::new(Kind::Path, "the path holds a percent escape that is no UTF-8 text; paths need no escapes at all")
    })
}

fn bad_path(error: &BadPath) -> Box<Problem> {
    Problem::new(Kind::Path, error.to_string())
}

/// The entry that a request target names behind its route.
pub fn path(raw: &str) -> Answer<Path> {
    if raw.contains('%') {
        return Path::parse(&unescape_path(raw)?).map_err(|error| bad_path(&error));
    }
    Path::parse(raw).map_err(|error| bad_path(&error))
}

/// The prefix that a request target names behind its route, without the closing slash.
pub fn prefix(raw: &str) -> Answer<Prefix> {
    Prefix::parse(&unescape_path(raw)?).map_err(|error| bad_path(&error))
}

/// The statement that a request target names behind its route.
pub fn statement_id(raw: &str) -> Answer<StatementId> {
    raw.parse().map_err(|error: driftless_statement::id::BadHex| Problem::new(Kind::Id, error.to_string()))
}

/// The key that a request target names behind its route.
pub fn key(raw: &str) -> Answer<PublicKey> {
    raw.parse().map_err(|error: driftless_statement::id::BadHex| Problem::new(Kind::Id, error.to_string()))
}

/// Where a page of statements begins: before this time and id.
pub type Cursor = (Hlc, StatementId);

/// A cursor as text: `MILLIS.COUNTER-ID`.
pub fn cursor_text((hlc, id): &Cursor) -> String {
    format!("{hlc}-{id}")
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (hlc, id) = text.split_once('-')?;
    let (millis, counter) = hlc.split_once('.')?;
    let (millis, counter): (u64, u16) = (millis.parse().ok()?, counter.parse().ok()?);
    let cursor = (Hlc(millis.checked_mul(1 << 16)? | u64::from(counter)), id.parse().ok()?);
    (cursor_text(&cursor) == text).then_some(cursor)
}

/// The query parameters of one request, each taken once; what is left over at the end is refused.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    /// Reads a raw query.
    pub fn parse(raw: Option<&str>) -> Answer<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(Problem::new(Kind::Query, "the query holds a percent escape that is no UTF-8 text"));
            };
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(Problem::new(Kind::Query, format!("query parameter {name:?} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let at = self.pairs.iter().position(|(found, _)| found == name)?;
        Some(self.pairs.swap_remove(at).1)
    }

    fn taken<T, E: ToString>(&mut self, name: &'static str, read: impl Fn(&str) -> Result<T, E>) -> Answer<Option<T>> {
        let Some(text) = self.take(name) else { return Ok(None) };
        read(&text)
            .map(Some)
            .map_err(|error| Problem::new(Kind::Query, format!("query parameter {name}: {}", error.to_string())))
    }

    /// `prefix`: what the reader wants; nothing means everything.
    pub fn prefix(&mut self) -> Answer<Prefix> {
        let Some(text) = self.take("prefix") else { return Ok(Prefix::all()) };
        Prefix::parse(&text).map_err(|error| Problem::new(Kind::Path, format!("query parameter prefix: {error}")))
    }

    /// `scope`.
    pub fn scope(&mut self) -> Answer<Option<Scope>> {
        let Some(text) = self.take("scope") else { return Ok(None) };
        let scope = Scope::parse(&text);
        scope.map(Some).map_err(|error| Problem::new(Kind::Path, format!("query parameter scope: {error}")))
    }

    /// `after`: where a listing goes on.
    pub fn after(&mut self) -> Answer<Option<Path>> {
        let Some(text) = self.take("after") else { return Ok(None) };
        let path = Path::parse(&text);
        path.map(Some).map_err(|error| Problem::new(Kind::Path, format!("query parameter after: {error}")))
    }

    /// `before`: where a page of statements goes on.
    pub fn before(&mut self) -> Answer<Option<Cursor>> {
        let form = "not a cursor; pass `next` of the page before";
        self.taken("before", |text| parse_cursor(text).ok_or(form))
    }

    /// `until`: Unix milliseconds.
    pub fn until(&mut self) -> Answer<Option<u64>> {
        self.millis("until")
    }

    /// One of some words.
    pub fn word(&mut self, name: &'static str, words: &[&'static str]) -> Answer<Option<&'static str>> {
        self.taken(name, |text| {
            let found = words.iter().find(|word| **word == text).copied();
            found.ok_or_else(|| format!("must be one of {}", words.join(", ")))
        })
    }

    /// A time in Unix milliseconds, such as `since`.
    pub fn millis(&mut self, name: &'static str) -> Answer<Option<u64>> {
        self.taken(name, |text| match text.parse::<u64>() {
            Ok(millis) if millis < 1 << 48 => Ok(millis),
            _ => Err("must be a time in Unix milliseconds, below 2^48"),
        })
    }

    /// `limit`: items on a page.
    pub fn limit(&mut self) -> Answer<usize> {
        let limit = self.taken("limit", |text| match text.parse::<usize>() {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
            _ => Err(format!("must be a number from 1 to {PAGE_MAX}")),
        })?;
        Ok(limit.unwrap_or(PAGE_DEFAULT))
    }

    /// A key, such as `author`.
    pub fn key(&mut self, name: &'static str) -> Answer<Option<PublicKey>> {
        self.taken(name, str::parse)
    }

    /// Whether the reader wants a watch: `watch`, `watch=1` or `watch=true`.
    pub fn watch(&mut self) -> Answer<bool> {
        let watch = self.taken("watch", |text| match text {
            "" | "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err("write `watch`, or `watch=1`"),
        })?;
        Ok(watch.unwrap_or(false))
    }

    /// A revision, such as `since`.
    pub fn revision(&mut self, name: &'static str) -> Answer<Option<Revision>> {
        let Some(text) = self.take(name) else { return Ok(None) };
        revision(name, &text).map(Some)
    }

    /// `wait`: seconds to wait for a revision.
    pub fn wait(&mut self) -> Answer<Option<u64>> {
        self.taken("wait", |text| match text.parse::<u64>() {
            Ok(seconds) if seconds <= 25 => Ok(seconds),
            _ => Err("must be a number of seconds from 0 to 25"),
        })
    }

    /// Refuses what nobody asked for: a misspelt parameter must not be ignored in silence.
    pub fn end(self) -> Answer<()> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        Err(Problem::new(Kind::Query, format!("unknown query parameter {name:?}; this route knows: {known}")))
    }
}

/// Reads a revision that a header or parameter gives.
pub fn revision(name: &str, text: &str) -> Answer<Revision> {
    text.parse().map_err(|error| Problem::new(Kind::Revision, format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_may_spell_an_allowed_character_and_nothing_else() {
        assert_eq!(path("shop/%61").unwrap().as_str(), "shop/a");
        assert_eq!(path("%73hop/a~b").unwrap().as_str(), "shop/a~b");
        for raw in ["shop%2Fa", "shop/%2e%2e", "shop/%", "shop/%4", "shop/%+1", "shop/%ff", "shop/%00", "shop/a%20"] {
            assert_eq!(path(raw).unwrap_err().kind, Kind::Path, "{raw}");
        }
    }

    #[test]
    fn parameters_are_known_taken_once_and_checked() {
        let mut query = Query::parse(Some("limit=7&prefix=shop%2Fa&watch")).unwrap();
        assert_eq!(query.limit().unwrap(), 7);
        assert_eq!(query.prefix().unwrap().as_str(), "shop/a");
        assert!(query.watch().unwrap());
        query.end().unwrap();
        assert!(Query::parse(Some("a=1&a=2")).is_err());
        assert!(Query::parse(Some("lim=1")).unwrap().end().is_err());
        Query::parse(Some("&&")).unwrap().end().unwrap();
    }

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        let cursor = (Hlc(7 << 16 | 9), StatementId([0xab; 32]));
        let text = cursor_text(&cursor);
        assert_eq!(parse_cursor(&text), Some(cursor));
        for bad in ["", "7.9", "07.9-", &text.replace("7.", "07."), &text.replace('9', "65536"), &text.to_uppercase()] {
            assert_eq!(parse_cursor(bad), None, "{bad}");
        }
        let end = format!("{}.0-{}", 1u64 << 48, cursor.1);
        assert_eq!(parse_cursor(&end), None);
    }
}
