//! Pages of entries under a prefix, each page from one view.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response};
use driftless_core::view::View;
use driftless_statement::{Path, Prefix, Scope};

use super::access::Permit;
use super::entry;
use super::problem::Answer;
use super::routes::Shared;
use super::settings::PAGE_BYTES;
use super::stamp::About;
use super::target::Query;

/// The scope that a prefix lies in; `None`: it covers all of them.
pub fn scope_of(prefix: &Prefix) -> Option<Scope> {
    prefix.as_str().split('/').next().and_then(|first| Scope::parse(first).ok())
}

/// Answers with one page of what the caller may read.
pub async fn page(
    shared: &Shared,
    permit: &Permit,
    prefix: &Prefix,
    mut query: Query,
    headers: &HeaderMap,
) -> Answer<Response<Body>> {
    let (after, limit) = (query.after()?, query.limit()?);
    let view = shared.demanded(&mut query, headers).await?;
    query.end()?;
    shared.must_hold_prefix(prefix).await?;
    let (text, differs) = render(&view, permit, prefix, after.as_ref(), limit);
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let about = About { differs: Some(differs), ..About::under(prefix.as_str()) };
    shared.stamps.put(response.headers_mut(), &shared.door, &view, &about);
    Ok(response)
}

/// The page as an [`driftless_client::api::Listing`], and whether something on it waits for activation.
fn render(view: &View, permit: &Permit, prefix: &Prefix, after: Option<&Path>, limit: usize) -> (String, bool) {
    let mut text = format!("{{\"revision\":\"{}\",\"items\":[", view.revision());
    let mut differs = false;
    let mut last: Option<&Path> = None;
    let mut more = false;
    let mut count = 0;
    for (path, found) in view.under(prefix, after) {
        let Some(json) = permit.reads(path).then(|| found.json()).flatten() else { continue };
        if count == limit || text.len() > PAGE_BYTES {
            more = true;
            break;
        }
        if count > 0 {
            text.push(',');
        }
        text.push_str(&entry::item(path, found, &json, view));
        differs |= found.differs;
        last = Some(path);
        count += 1;
    }
    text.push(']');
    if let Some(last) = last.filter(|_| more) {
        text.push_str(&format!(",\"next\":\"{last}\""));
    }
    text.push('}');
    (text, differs)
}

impl Shared {
    /// The same as [`Shared::must_hold`] for what a prefix covers.
    pub async fn must_hold_prefix(&self, prefix: &Prefix) -> Answer<()> {
        match scope_of(prefix) {
            Some(scope) => self.must_hold(&scope).await,
            None => self.must_be_ready(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use driftless_client::api::Listing;
    use driftless_core::view::Candidate;
    use driftless_statement::Value;

    use super::super::access::Who;
    use super::*;

    fn whole() -> Permit {
        Permit::everything(Who::Unknown)
    }

    fn view(paths: &[String], value: &Value) -> View {
        let candidates = paths.iter().map(|path| Candidate {
            path: Path::parse(path).unwrap(),
            value: Some(Arc::new(value.clone())),
            heads: Arc::new([]),
            conflicts: 2,
        });
        View::empty(7, 1).next(candidates).unwrap().0
    }

    fn pages(view: &View, prefix: &str, limit: usize) -> Vec<Vec<String>> {
        let prefix = Prefix::parse(prefix).unwrap();
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let (text, _) = render(view, &whole(), &prefix, after.as_ref(), limit);
            let page: Listing = serde_json::from_str(&text).unwrap();
            assert_eq!(page.revision, view.revision().to_string());
            pages.push(page.items.iter().map(|item| item.path.to_string()).collect());
            after = page.next;
            if after.is_none() {
                return pages;
            }
        }
    }

    #[test]
    fn pages_give_every_entry_once_in_order() {
        let paths: Vec<String> =
            ["shop/a", "shop/a/b", "shop/a-c", "shop-x/a", "platform/z"].iter().map(ToString::to_string).collect();
        let view = view(&paths, &Value::Int(1));
        assert_eq!(pages(&view, "shop", 10), [["shop/a", "shop/a-c", "shop/a/b"]]);
        assert_eq!(pages(&view, "shop/a", 1), [["shop/a"], ["shop/a/b"]]);
        assert_eq!(pages(&view, "", 2).concat(), ["platform/z", "shop-x/a", "shop/a", "shop/a-c", "shop/a/b"]);
        assert_eq!(pages(&view, "nothing", 2), [Vec::<String>::new()]);
    }

    #[test]
    fn a_page_of_large_values_ends_early() {
        let paths: Vec<String> = (0..12).map(|index| format!("shop/{index:02}")).collect();
        let view = view(&paths, &Value::Text("x".repeat(1024 * 1024).into()));
        let pages = pages(&view, "shop", 1000);
        assert_eq!(pages.concat(), paths);
        assert!(pages.len() > 2, "{}", pages.len());
    }

    #[test]
    fn an_item_reads_back_as_the_clients_item() {
        let view = view(&["shop/a".to_owned()], &Value::Text("\"quoted\"\n".into()));
        let (text, differs) = render(&view, &whole(), &Prefix::all(), None, 1);
        let page: Listing = serde_json::from_str(&text).unwrap();
        assert_eq!(page.items[0].value, Value::Text("\"quoted\"\n".into()));
        assert_eq!((page.items[0].conflicts, page.items[0].differs, differs), (2, false, false));
        assert_eq!(page.items[0].revision, "0000000000000007-1.1");
    }
}
