//! What each route needs of its caller. A route, or a method, that no row names is refused to all but those who may do
//! everything. Pure: the permit and the request's target decide, and nothing else.

use axum::http::{Method, Uri};
use driftless_statement::Prefix;

use super::super::entry::CONFIG;
use super::super::problem::{Answer, Kind, Problem};
use super::super::routes;
use super::super::secret::SECRETS;
use super::super::target::{self, Query};
use super::{Denied, Permit};

/// What a caller must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A role or a token, be it one without rights.
    Known,
    /// To read the entry, or some part of the prefix, in the target.
    Read,
    /// To have the secret in the target opened: a right of local roles alone, which reading does not include.
    Open,
    /// To read some part of the prefix in the query.
    Part,
    /// To read anything: the answer leaves out what the caller may not read.
    Something,
    /// To read everything.
    All,
    /// To read `@mesh`, where trust lives.
    Mesh,
    /// To write the entry in the target.
    Write,
    /// To ask how the node is.
    Observe,
    /// To hand in statements signed elsewhere.
    Submit,
}

/// Route, method, need.
const NEEDS: &[(&str, Method, Need)] = &[
    ("/v1/config/{path}", Method::GET, Need::Read),
    ("/v1/config/{path}", Method::PUT, Need::Write),
    ("/v1/config/{path}", Method::PATCH, Need::Write),
    ("/v1/config/{path}", Method::DELETE, Need::Write),
    ("/v1/config", Method::GET, Need::Part),
    ("/v1/secrets/{path}", Method::GET, Need::Open),
    ("/v1/merged/{path}", Method::GET, Need::Read),
    ("/v1/history/{path}", Method::GET, Need::Read),
    ("/v1/explain/{path}", Method::GET, Need::Read),
    ("/v1/conflicts", Method::GET, Need::Part),
    ("/v1/pending", Method::GET, Need::Part),
    ("/v1/divergence", Method::GET, Need::Observe),
    ("/v1/changes/{id}", Method::GET, Need::Something),
    ("/v1/statements", Method::GET, Need::Something),
    ("/v1/statements", Method::POST, Need::Submit),
    ("/v1/statements/{id}", Method::GET, Need::Something),
    ("/v1/log", Method::GET, Need::Something),
    ("/v1/audit", Method::GET, Need::All),
    ("/v1/audit/export", Method::GET, Need::All),
    ("/v1/attempts", Method::GET, Need::All),
    ("/v1/grants", Method::GET, Need::Mesh),
    ("/v1/authors/{key}", Method::GET, Need::Something),
    ("/v1/preview", Method::POST, Need::Mesh),
    ("/v1/status", Method::GET, Need::Observe),
    ("/openapi.json", Method::GET, Need::Known),
    ("/metrics", Method::GET, Need::Observe),
    ("/livez", Method::GET, Need::Known),
    ("/readyz", Method::GET, Need::Known),
];

/// What a route needs; `None`: nobody said.
pub fn of(route: &str, method: &Method) -> Option<Need> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    NEEDS.iter().find(|(known, verb, _)| *known == route && verb == method).map(|(_, _, need)| *need)
}

/// Whether a request is for a secret.
fn is_secret(uri: &Uri) -> bool {
    uri.path().starts_with(SECRETS)
}

/// The refusal of a request for a secret that comes over TCP: the same whatever is asked and whoever asks. `None`: it is for
/// something else.
pub fn not_over_tcp(uri: &Uri) -> Option<Denied> {
    let detail =
        "secrets are given over this node's Unix socket only, to users whose roles may `open` them (docs/access.md)";
    is_secret(uri).then(|| Denied::new(Kind::Forbidden, "open", detail))
}

/// Lets a caller pass, or says what is missing. A target that cannot be read is a bad request, whoever asks.
pub fn judge(permit: &Permit, method: &Method, uri: &Uri) -> Result<(), Denied> {
    let opens = || is_secret(uri) && of(routes::template(uri.path()), method) == Some(Need::Open);
    if permit.is_whole() && !opens() {
        return Ok(());
    }
    let forbidden = |reason, what: &str| {
        let detail = format!("{} may not {what}; roles and tokens decide who may (docs/access.md)", permit.who());
        Denied::new(Kind::Forbidden, reason, detail)
    };
    if !permit.is_known() {
        return Err(forbidden("no_role", "use this node: it has no role"));
    }
    let route = routes::template(uri.path());
    let bad = |problem: Box<Problem>| Denied { problem, reason: None };
    let pass = |may: bool, reason, what: &str| if may { Ok(()) } else { Err(forbidden(reason, what)) };
    match of(route, method) {
        Some(Need::Known) => Ok(()),
        Some(Need::Read) => {
            let place = place(uri).map_err(bad)?;
            pass(place.is_read_by(permit), "read", &format!("read {}", place.shown()))
        }
        Some(Need::Open) => {
            let place = place(uri).map_err(bad)?;
            pass(place.is_opened_by(permit), "open", &format!("open {} (`open`)", place.shown()))
        }
        Some(Need::Write) => {
            let place = place(uri).map_err(bad)?;
            pass(place.is_written_by(permit), "write", &format!("write {}", place.shown()))
        }
        Some(Need::Part) => {
            let prefix = Query::parse(uri.query()).and_then(|mut query| query.prefix()).map_err(bad)?;
            pass(permit.reads_within(&prefix), "read", &format!("read anything under {:?}", prefix.as_str()))
        }
        Some(Need::Something) => pass(permit.reads_something(), "read", "read anything"),
        Some(Need::All) => pass(permit.reads_text(""), "read", "read everything"),
        Some(Need::Mesh) => pass(permit.reads_text("@mesh"), "read", "read @mesh"),
        Some(Need::Observe) => pass(permit.observes(), "observe", "ask how this node is (`observe`)"),
        Some(Need::Submit) => pass(permit.submits(), "submit", "hand in statements (`submit`)"),
        // No route at all tells nobody anything; a route that nobody thought of is closed.
        None if route == "none" => Ok(()),
        None => Err(forbidden("unlisted", "use this method of this route")),
    }
}

/// What a target names behind its route.
enum Place {
    Entry(String),
    Under(Prefix),
}

impl Place {
    fn is_read_by(&self, permit: &Permit) -> bool {
        match self {
            Self::Entry(path) => permit.reads_text(path),
            Self::Under(prefix) => permit.reads_within(prefix),
        }
    }

    fn is_opened_by(&self, permit: &Permit) -> bool {
        match self {
            Self::Entry(path) => permit.opens_text(path),
            Self::Under(_) => false,
        }
    }

    fn is_written_by(&self, permit: &Permit) -> bool {
        match self {
            Self::Entry(path) => permit.writes_text(path),
            Self::Under(_) => false,
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Entry(path) => path,
            Self::Under(prefix) => prefix.as_str(),
        }
    }
}

fn place(uri: &Uri) -> Answer<Place> {
    let path = uri.path();
    let raw =
        ["/v1/merged/", "/v1/history/", "/v1/explain/", SECRETS].iter().find_map(|route| path.strip_prefix(route));
    if let Some(raw) = raw {
        return Ok(Place::Entry(target::path(raw)?.to_string()));
    }
    let raw = path.strip_prefix(CONFIG).unwrap_or_default();
    match raw.strip_suffix('/') {
        _ if raw.is_empty() => Ok(Place::Under(Prefix::all())),
        Some(prefix) => target::prefix(prefix).map(Place::Under),
        None => Ok(Place::Entry(target::path(raw)?.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use driftless_client::tokens::Rights;

    use super::super::Who;
    use super::super::permit::Granted;
    use super::*;

    fn permit(rights: &Rights) -> Permit {
        Permit::new(Arc::new(Granted::of([rights])), Who::User(7))
    }

    fn word(permit: &Permit, method: &str, target: &str) -> &'static str {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        judge(permit, &method, &target.parse().unwrap())
            .map_or_else(|denied| denied.reason.unwrap_or("target"), |()| "")
    }

    #[test]
    fn each_need_is_asked_of_the_target_alone() {
        let list = |texts: &[&str]| texts.iter().map(|text| Prefix::parse(text).unwrap()).collect();
        let some = permit(&Rights { read: list(&["shop/a"]), write: list(&["shop/w"]), ..Rights::default() });
        for (method, target, want) in [
            ("GET", "/v1/config/shop/a", ""),
            ("HEAD", "/v1/config/shop/a/deep", ""),
            ("GET", "/v1/config/shop/%61", ""),
            ("GET", "/v1/config/shop/w/x", ""),
            ("GET", "/v1/config/shop/b", "read"),
            ("GET", "/v1/config/shop/ab", "read"),
            ("GET", "/v1/secrets/shop/a", "open"),
            ("GET", "/v1/secrets/shop/a/../b", "target"),
            ("GET", "/v1/config/shop/a/../b", "target"),
            ("GET", "/v1/config/shop/a%2Fb", "target"),
            ("GET", "/v1/config/shop/", ""),
            ("GET", "/v1/config/shop/a/b/", ""),
            ("GET", "/v1/config/platform/", "read"),
            ("GET", "/v1/config/", ""),
            ("GET", "/v1/config", ""),
            ("GET", "/v1/config?prefix=shop/b", "read"),
            ("GET", "/v1/config?prefix=shop%2Fb", "read"),
            ("GET", "/v1/config?prefix=%00", "target"),
            ("GET", "/v1/config/shop/b?watch", "read"),
            ("PUT", "/v1/config/shop/a", "write"),
            ("PUT", "/v1/config/shop/w", ""),
            ("PATCH", "/v1/config/shop/w/x", ""),
            ("DELETE", "/v1/config/shop/wx", "write"),
            ("PUT", "/v1/config/shop/w/", "write"),
            ("OPTIONS", "/v1/config/shop/a", "unlisted"),
            ("POST", "/v1/config/shop/w", "unlisted"),
            ("GET", "/v1/merged/shop/a", ""),
            ("GET", "/v1/merged/shop/b", "read"),
            ("GET", "/v1/history/shop/b", "read"),
            ("GET", "/v1/explain/shop/b", "read"),
            ("GET", "/v1/conflicts", ""),
            ("GET", "/v1/conflicts?prefix=platform", "read"),
            ("GET", "/v1/pending?prefix=shop", ""),
            ("GET", "/v1/pending?prefix=platform", "read"),
            ("GET", "/v1/log", ""),
            ("GET", "/v1/audit?prefix=shop", "read"),
            ("GET", "/v1/audit/export?scope=shop", "read"),
            ("GET", "/v1/attempts", "read"),
            ("GET", "/v1/grants", "read"),
            ("POST", "/v1/preview", "read"),
            ("POST", "/v1/statements", "submit"),
            ("GET", "/v1/status", "observe"),
            ("GET", "/v1/divergence", "observe"),
            ("GET", "/metrics", "observe"),
            ("GET", "/livez", ""),
            ("GET", "/openapi.json", ""),
            ("GET", "/no/such/route", ""),
        ] {
            assert_eq!(word(&some, method, target), want, "{method} {target}");
        }
    }

    #[test]
    fn the_page_lists_every_need() {
        let page = include_str!("../../../../docs/access.md");
        for (route, method, need) in NEEDS {
            let words = match need {
                Need::Known => "any role or token",
                Need::Read if *route == CONFIG_ROUTE => "read the entry; of a prefix (trailing `/`), some part of it",
                Need::Read => "read the entry",
                Need::Open => "`open` the secret, over the Unix socket; no token can",
                Need::Part => "read some part of the prefix",
                Need::Something => "read something",
                Need::All => "read everything",
                Need::Mesh => "read `@mesh`",
                Need::Write => "write the entry",
                Need::Observe => "observe",
                Need::Submit => "submit",
            };
            let row = format!("\n| `{method} {route}` | {words} |\n");
            assert!(page.contains(&row), "{row}");
        }
        assert_eq!(page.lines().filter(|line| line.contains(" /") && line.starts_with("| `")).count(), NEEDS.len() + 1);
    }

    const CONFIG_ROUTE: &str = "/v1/config/{path}";

    #[test]
    fn nobody_and_the_role_without_rights() {
        let (nobody, empty) = (Permit::nothing(Who::Tcp), permit(&Rights::default()));
        for (route, method, need) in NEEDS {
            let target = route.replace("{path}", "shop/a").replace("{id}", "00").replace("{key}", "00");
            assert_eq!(word(&nobody, method.as_str(), &target), "no_role", "{method} {route}");
            assert_eq!(word(&empty, method.as_str(), &target).is_empty(), *need == Need::Known, "{method} {route}");
            assert_eq!(word(&Permit::everything(Who::Tcp), method.as_str(), &target), "", "{method} {route}");
        }
        assert_eq!(word(&nobody, "GET", "/no/such/route"), "no_role");
    }

    #[test]
    fn to_open_a_secret_is_a_right_of_its_own() {
        let target = "/v1/secrets/shop/a";
        let all = permit(&Rights::all());
        assert!(all.is_whole());
        assert_eq!(word(&all, "GET", target), "open", "all that a token can have does not open");
        let prefix = Prefix::parse("shop").unwrap();
        let opener = Permit::new(Arc::new(Granted::of([&Rights::default()]).opening([&prefix])), Who::User(7));
        assert_eq!(word(&opener, "GET", target), "");
        assert_eq!(word(&opener, "HEAD", "/v1/secrets/shop/%61"), "");
        assert_eq!(word(&opener, "GET", "/v1/secrets/platform/a"), "open");
        assert_eq!(word(&opener, "GET", "/v1/config/shop/a"), "read", "and does not let read");
        assert_eq!(word(&opener, "PUT", target), "unlisted");
        assert_eq!(
            word(&Permit::everything(Who::User(0)), "PUT", target),
            "",
            "the route says that it has no such method"
        );
        assert!(not_over_tcp(&target.parse().unwrap()).is_some());
        assert!(not_over_tcp(&"/v1/config/shop/a".parse().unwrap()).is_none());
    }
}
