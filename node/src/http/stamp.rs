//! What every answer carries about its own freshness: digest, revision, staleness, whether merged and effective differ,
//! and whether this node hears nobody.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use driftless_client::api::header;
use driftless_core::machine::Standing;
use driftless_core::view::{Revision, View};
use driftless_statement::Scope;
use driftless_statement::id::hex;

use crate::door::Door;

const DIGEST: HeaderName = HeaderName::from_static(header::DIGEST);
const REVISION: HeaderName = HeaderName::from_static(header::REVISION);
const STALENESS: HeaderName = HeaderName::from_static(header::STALENESS);
const DIFFERS: HeaderName = HeaderName::from_static(header::DIFFERS);
const ISOLATED: HeaderName = HeaderName::from_static(header::ISOLATED);
const TRUE: HeaderValue = HeaderValue::from_static("true");
const FALSE: HeaderValue = HeaderValue::from_static("false");
const NEVER: HeaderValue = HeaderValue::from_static("never");

/// Unix milliseconds now. A clock before 1970 reads as 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since this node agreed with another one; `None`: it never did.
pub fn staleness(standing: &Standing, now_ms: u64) -> Option<u64> {
    standing.agreed_ms.map(|agreed| now_ms.saturating_sub(agreed) / 1000)
}

fn truth(value: bool) -> HeaderValue {
    if value { TRUE } else { FALSE }
}

/// Header values of one standing, written once and sent many times.
struct Written {
    standing: Arc<Standing>,
    all: HeaderValue,
    scopes: Vec<(Scope, HeaderValue)>,
}

impl Written {
    fn of(standing: Arc<Standing>) -> Self {
        let value = |digest: &[u8; 32]| HeaderValue::from_str(&hex(digest)).unwrap_or(NEVER);
        let scopes = standing.digests.iter().map(|(scope, digest)| (scope.clone(), value(digest))).collect();
        Self { all: value(&standing.digest), scopes, standing }
    }
}

/// Writes the headers. Keeps the last values written, so that a read of a quiet mesh formats almost nothing.
#[derive(Default)]
pub struct Stamps {
    written: ArcSwapOption<Written>,
    revision: ArcSwapOption<(Revision, HeaderValue)>,
}

impl Stamps {
    fn written(&self, door: &Door) -> Arc<Written> {
        let standing = door.standing();
        if let Some(written) = self.written.load().as_ref().filter(|kept| Arc::ptr_eq(&kept.standing, &standing)) {
            return written.clone();
        }
        let written = Arc::new(Written::of(standing));
        self.written.store(Some(written.clone()));
        written
    }

    fn revision(&self, revision: Revision) -> HeaderValue {
        if let Some(kept) = self.revision.load().as_ref().filter(|kept| kept.0 == revision) {
            return kept.1.clone();
        }
        let value = HeaderValue::from_str(&revision.to_string()).unwrap_or(NEVER);
        self.revision.store(Some(Arc::new((revision, value.clone()))));
        value
    }

    /// Puts the headers on an answer read from `view`; about one scope, or about all.
    pub fn put(&self, headers: &mut HeaderMap, door: &Door, view: &View, about: &About<'_>) {
        let written = self.written(door);
        let digest = about.scope.and_then(|scope| written.scopes.iter().find(|(held, _)| held.as_str() == scope));
        headers.insert(DIGEST, digest.map_or_else(|| written.all.clone(), |(_, digest)| digest.clone()));
        headers.insert(REVISION, self.revision(view.revision()));
        let staleness = staleness(&written.standing, now_ms());
        headers.insert(STALENESS, staleness.map_or(NEVER, HeaderValue::from));
        headers.insert(DIFFERS, truth(about.differs.unwrap_or(written.standing.differs)));
        headers.insert(ISOLATED, truth(written.standing.isolated));
    }

    /// The same for an answer that did not say what it was read from.
    pub fn put_missing(&self, headers: &mut HeaderMap, door: &Door) {
        if !headers.contains_key(&REVISION) {
            self.put(headers, door, &door.view(), &About::default());
        }
    }
}

/// What an answer is about.
#[derive(Debug, Default)]
pub struct About<'a> {
    /// The scope read; `None`: all of them.
    pub scope: Option<&'a str>,
    /// Whether merged and effective differ in what was read; `None`: anywhere.
    pub differs: Option<bool>,
}

impl<'a> About<'a> {
    /// About what lies under a path or prefix.
    pub fn under(text: &'a str) -> Self {
        Self { scope: text.split('/').next().filter(|scope| !scope.is_empty()), differs: None }
    }
}
