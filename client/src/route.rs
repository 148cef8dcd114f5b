//! Where each call of the HTTP interface lives, written once for the node that serves it and the clients that call it.
//! It must not know what the answers mean.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /v1/config/{path}` | [`Item`](crate::api::Item); `PUT`, `PATCH`, `DELETE`: [`Written`](crate::api::Written) |
//! | `GET /v1/config/{prefix}/?after=&limit=` (`/v1/config/`: everything) | [`Listing`](crate::api::Listing) |
//! | `GET /v1/config/{prefix}/?watch`, `Last-Event-ID: REVISION` to resume | SSE; `data:` is a [`WatchEvent`](crate::api::WatchEvent) |
//! | `GET /v1/merged/{path}?author=KEY` | [`Merged`](crate::api::Merged), also for an entry that is absent |
//! | `GET /v1/secrets/{path}` | the secret's bytes, only over the Unix socket |
//! | `GET /v1/history/{path}?limit=&before=` | [`History`](crate::api::History) |
//! | `GET /v1/explain/{path}` | [`Explanation`](crate::api::Explanation) |
//! | `GET /v1/conflicts?prefix=&limit=` | [`Conflicts`](crate::api::Conflicts) |
//! | `GET /v1/pending?prefix=&limit=` | [`PendingList`](crate::api::PendingList) |
//! | `GET /v1/log?scope=&limit=&before=` | [`History`](crate::api::History) |
//! | `GET /v1/changes/{id}` | [`Change`](crate::api::Change) |
//! | `GET /v1/divergence` | [`Divergence`](crate::api::Divergence) |
//! | `GET /v1/status` | [`Status`](crate::api::Status) |
//! | `GET /v1/grants?author=KEY` | [`Grants`](crate::api::Grants) |
//! | `GET /v1/authors/KEY?until=MILLIS` | [`Author`](crate::api::Author) |
//! | `POST /v1/preview` | acts as they would be submitted → [`Preview`](crate::api::Preview) |
//! | `GET /v1/audit?prefix=&author=&kind=&fate=&since=&until=&before=&limit=` | [`AuditPage`](crate::api::AuditPage) |
//! | `GET /v1/audit/export?scope=` | JSON lines, see [`export`](crate::export) |
//! | `GET /v1/attempts` | [`Attempts`](crate::api::Attempts) |
//! | `GET /v1/statements/{id}` with `Accept: application/octet-stream` | the statement's wire bytes |
//! | `POST /v1/statements`, a bundle of wire bytes | [`Submission`](crate::api::Submission) |

use driftless_statement::{Path, Prefix, PublicKey, Scope, StatementId};

/// Media type of a bundle: an RFC 8742 sequence of CBOR byte strings, each the wire bytes of one statement.
pub const BUNDLE: &str = "application/cbor-seq";
/// Media type of one statement's wire bytes.
pub const WIRE: &str = "application/octet-stream";
/// Media type of a watch.
pub const EVENTS: &str = "text/event-stream";
/// Media type of an RFC 7396 merge patch.
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media type of an RFC 6902 JSON patch.
pub const JSON_PATCH: &str = "application/json-patch+json";
/// Media type of a value.
pub const JSON: &str = "application/json";

/// `/v1/config`
pub const CONFIG: &str = "/v1/config";
/// `/v1/merged`
pub const MERGED: &str = "/v1/merged";
/// `/v1/secrets`
pub const SECRETS: &str = "/v1/secrets";
/// `/v1/history`
pub const HISTORY: &str = "/v1/history";
/// `/v1/explain`
pub const EXPLAIN: &str = "/v1/explain";
/// `/v1/conflicts`
pub const CONFLICTS: &str = "/v1/conflicts";
/// `/v1/pending`
pub const PENDING: &str = "/v1/pending";
/// `/v1/log`
pub const LOG: &str = "/v1/log";
/// `/v1/changes`
pub const CHANGES: &str = "/v1/changes";
/// `/v1/divergence`
pub const DIVERGENCE: &str = "/v1/divergence";
/// `/v1/status`
pub const STATUS: &str = "/v1/status";
/// `/v1/audit`
pub const AUDIT: &str = "/v1/audit";
/// `/v1/attempts`
pub const ATTEMPTS: &str = "/v1/attempts";
/// `/v1/authors`
pub const AUTHORS: &str = "/v1/authors";
/// `/v1/preview`
pub const PREVIEW: &str = "/v1/preview";
/// `/v1/grants`
pub const GRANTS: &str = "/v1/grants";
/// `/v1/statements`
pub const STATEMENTS: &str = "/v1/statements";

/// An entry. Paths and prefixes hold no character that a URL would have to escape.
pub fn entry(path: &Path) -> String {
    format!("{CONFIG}/{path}")
}

fn under(prefix: &Prefix) -> String {
    match prefix.as_str() {
        "" => format!("{CONFIG}/"),
        text => format!("{CONFIG}/{text}/"),
    }
}

fn with(route: String, query: &[(&str, Option<String>)]) -> String {
    let given = query.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")));
    let query: Vec<String> = given.collect();
    if query.is_empty() { route } else { format!("{route}?{}", query.join("&")) }
}

/// A page of the entries under a prefix.
pub fn listing(prefix: &Prefix, after: Option<&Path>, limit: Option<u32>) -> String {
    with(under(prefix), &[("after", after.map(Path::to_string)), ("limit", limit.map(|limit| limit.to_string()))])
}

/// A watch of a prefix.
pub fn watch(prefix: &Prefix) -> String {
    format!("{}?watch", under(prefix))
}

/// The merged state of an entry, for an author who wants to edit it.
pub fn merged(path: &Path, author: Option<&PublicKey>) -> String {
    with(format!("{MERGED}/{path}"), &[("author", author.map(PublicKey::to_string))])
}

/// A sealed entry, opened by the node.
pub fn secret(path: &Path) -> String {
    format!("{SECRETS}/{path}")
}

/// Statements about an entry, latest first.
pub fn history(path: &Path, limit: u32, before: Option<&str>) -> String {
    with(format!("{HISTORY}/{path}"), &[("limit", Some(limit.to_string())), ("before", before.map(str::to_owned))])
}

/// Why an entry reads as it does.
pub fn explain(path: &Path) -> String {
    format!("{EXPLAIN}/{path}")
}

/// Open conflicts under a prefix.
pub fn conflicts(prefix: &Prefix, limit: u32) -> String {
    let prefix = Some(prefix.to_string()).filter(|text| !text.is_empty());
    with(CONFLICTS.to_owned(), &[("prefix", prefix), ("limit", Some(limit.to_string()))])
}

/// What is pending under a prefix.
pub fn pending(prefix: &Prefix, limit: u32) -> String {
    let prefix = Some(prefix.to_string()).filter(|text| !text.is_empty());
    with(PENDING.to_owned(), &[("prefix", prefix), ("limit", Some(limit.to_string()))])
}

/// All statements, latest first.
pub fn log(scope: Option<&Scope>, limit: u32, before: Option<&str>) -> String {
    let query = [
        ("scope", scope.map(Scope::to_string)),
        ("limit", Some(limit.to_string())),
        ("before", before.map(str::to_owned)),
    ];
    with(LOG.to_owned(), &query)
}

/// One statement.
pub fn statement(id: &StatementId) -> String {
    format!("{STATEMENTS}/{id}")
}

/// How far one change got.
pub fn change(id: &StatementId) -> String {
    format!("{CHANGES}/{id}")
}

/// What a key has said, up to a time in Unix milliseconds.
pub fn author(key: &PublicKey, until: Option<u64>) -> String {
    with(format!("{AUTHORS}/{key}"), &[("until", until.map(|millis| millis.to_string()))])
}

/// Which statements an auditor wants; nothing means all.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// That touch an entry under this prefix, or give or take authority there.
    pub prefix: Option<Prefix>,
    /// By this key.
    pub author: Option<PublicKey>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With this fate.
    pub fate: Option<String>,
    /// Not before this time, Unix milliseconds.
    pub since: Option<u64>,
    /// Not after this time, Unix milliseconds.
    pub until: Option<u64>,
}

/// A page of an audit, latest first.
pub fn audit(wanted: &AuditQuery, limit: u32, before: Option<&str>) -> String {
    let query = [
        ("prefix", wanted.prefix.as_ref().map(Prefix::to_string).filter(|text| !text.is_empty())),
        ("author", wanted.author.as_ref().map(PublicKey::to_string)),
        ("kind", wanted.kind.clone()),
        ("fate", wanted.fate.clone()),
        ("since", wanted.since.map(|millis| millis.to_string())),
        ("until", wanted.until.map(|millis| millis.to_string())),
        ("limit", Some(limit.to_string())),
        ("before", before.map(str::to_owned)),
    ];
    with(AUDIT.to_owned(), &query)
}

/// An export of one scope with `@mesh`, or of all.
pub fn audit_export(scope: Option<&Scope>) -> String {
    with(format!("{AUDIT}/export"), &[("scope", scope.map(Scope::to_string))])
}

/// Grants, for an author who wants to issue one.
pub fn grants(author: Option<&PublicKey>) -> String {
    with(GRANTS.to_owned(), &[("author", author.map(PublicKey::to_string))])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_prefix_ends_in_a_slash_and_an_entry_does_not() {
        let path = Path::parse("shop/checkout/limits").unwrap();
        assert_eq!(entry(&path), "/v1/config/shop/checkout/limits");
        assert_eq!(listing(&Prefix::all(), None, None), "/v1/config/");
        let shop = Prefix::parse("shop").unwrap();
        assert_eq!(listing(&shop, Some(&path), Some(10)), "/v1/config/shop/?after=shop/checkout/limits&limit=10");
        assert_eq!(watch(&shop), "/v1/config/shop/?watch");
        assert_eq!(conflicts(&Prefix::all(), 5), "/v1/conflicts?limit=5");
        assert_eq!(log(None, 5, Some("x")), "/v1/log?limit=5&before=x");
    }
}
