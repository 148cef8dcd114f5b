//! The guard in front of both sockets. A browser on this machine will send requests to a TCP port for any page that asks it
//! to (DNS rebinding, cross-site requests): a foreign `Host`, any `Origin` and any foreign fetch are refused. No browser
//! opens a Unix socket, but a careless proxy in front of it may: there any `Host` will do, and the rest is refused as well.

use std::net::SocketAddr;

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};

use super::problem::{Answer, Kind, Problem};

/// Content types that a write may have: none of them can be sent by a plain HTML form.
pub const WRITE_TYPES: [&str; 4] =
    ["application/json", "application/merge-patch+json", "application/json-patch+json", "application/cbor-seq"];

/// What a request's header fields show of its sender, gathered while they are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// It has an `Origin`: a web page had it sent.
    origin: bool,
    /// It has a `Sec-Fetch-Site`: a browser sent it.
    fetched: bool,
    /// That names another site than ours.
    foreign: bool,
    /// It has an `Authorization`.
    pub authorization: bool,
}

impl Marks {
    /// Takes in one field. Names come in lower case from hyper.
    pub fn note(&mut self, name: &str, value: &HeaderValue) {
        match name {
            "origin" => self.origin = true,
            "authorization" => self.authorization = true,
            "sec-fetch-site" => {
                self.fetched = true;
                self.foreign |= value != "none" && value != "same-origin";
            }
            _ => {}
        }
    }

    /// Those of all fields.
    #[cfg(test)]
    fn of(headers: &HeaderMap) -> Self {
        let mut marks = Self::default();
        headers.iter().for_each(|(name, value)| marks.note(name.as_str(), value));
        marks
    }
}

/// The guard of one socket.
#[derive(Debug, Clone)]
pub struct Guard {
    /// What `Host` may be; `None`: anything.
    hosts: Option<Vec<String>>,
}

impl Guard {
    /// A guard for the address that was really bound and the names, without port, that the configuration allows.
    pub fn tcp(bound: SocketAddr, names: &[String]) -> Self {
        Self { hosts: Some(names.iter().map(|name| format!("{name}:{}", bound.port())).collect()) }
    }

    /// A guard for a Unix socket.
    pub fn unix() -> Self {
        Self { hosts: None }
    }

    /// Lets a request in or says why not.
    pub fn check(&self, marks: Marks, method: &Method, uri: &Uri, headers: &HeaderMap) -> Answer<()> {
        if let Some(hosts) = &self.hosts {
            check_host(hosts, uri, headers)?;
        }
        if marks.origin {
            let detail = "this API answers no web page: a request with an Origin header is refused; call it from a \
                          program without one";
            return Err(Problem::new(Kind::Origin, detail));
        }
        // What a person types into a browser's address bar is a GET.
        if marks.foreign || (marks.fetched && !matches!(*method, Method::GET | Method::HEAD)) {
            let detail = "this API answers no web page: Sec-Fetch-Site must be `none` or `same-origin`, and is for reads \
                          only";
            return Err(Problem::new(Kind::Origin, detail));
        }
        // On the Unix socket each route says what it takes.
        if self.hosts.is_none() || matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE) {
            return Ok(());
        }
        check_type(headers)
    }
}

fn check_host(hosts: &[String], uri: &Uri, headers: &HeaderMap) -> Answer<()> {
    let mut given = headers.get_all(HOST).iter();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    // An absolute request target overrules Host (RFC 9112 §3.2.2), so it has to be allowed as well.
    let authority = uri.authority().map_or(host, axum::http::uri::Authority::as_str);
    let allowed = |name: &str| hosts.iter().any(|host| name.eq_ignore_ascii_case(host));
    if allowed(host) && allowed(authority) {
        return Ok(());
    }
    let detail = format!("Host must be exactly one of: {}; further names go into http.allowed_hosts", hosts.join(", "));
    Err(Problem::new(Kind::Host, detail))
}

fn check_type(headers: &HeaderMap) -> Answer<()> {
    let given = media_type(headers).unwrap_or_default();
    if WRITE_TYPES.contains(&given.as_str()) {
        return Ok(());
    }
    let detail = format!("Content-Type must be one of: {}", WRITE_TYPES.join(", "));
    Err(Problem::new(Kind::MediaType, detail))
}

/// The media type of a request's body in lower case, without parameters; `None`: not given, twice given, or no text.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (given.next(), given.next()) else { return None };
    let text = one.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;
    use axum::http::header::ORIGIN;

    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

    fn guard(further: &[&str]) -> Guard {
        let names = ["localhost", "127.0.0.1", "[::1]"].iter().chain(further).map(ToString::to_string);
        Guard::tcp("127.0.0.1:7700".parse().unwrap(), &names.collect::<Vec<_>>())
    }

    fn answer(host: Option<&str>, origin: Option<&str>, method: &Method, kind: Option<&str>) -> Result<(), Kind> {
        let guard = guard(&["config.internal"]);
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin), (CONTENT_TYPE, kind)] {
            value.map(|value| headers.insert(name, HeaderValue::from_str(value).unwrap()));
        }
        guard
            .check(Marks::of(&headers), method, &Uri::from_static("/v1/config/shop/a"), &headers)
            .map_err(|problem| problem.kind)
    }

    /// Host × Origin × method × content type: only the exact names, no Origin, and types no form can send pass.
    #[test]
    fn the_whole_matrix() {
        let good_hosts = ["localhost:7700", "127.0.0.1:7700", "[::1]:7700", "LOCALHOST:7700", "config.internal:7700"];
        let bad_hosts = [
            "",
            "localhost",
            "localhost:80",
            "127.0.0.1",
            "127.0.0.1:7701",
            "evil.example",
            "evil.example:7700",
            "localhost:7700.evil.example",
            "localhost.evil.example:7700",
            "127.0.0.1:7700@evil.example",
            "0.0.0.0:7700",
            "[::]:7700",
            "127.1:7700",
            "2130706433:7700",
            "localhost:07700",
            "localhost :7700",
            "localhost:7700,evil",
        ];
        let origins = ["null", "http://localhost:7700", "https://evil.example", "", "file://"];
        let (reads, writes) = ([Method::GET, Method::HEAD, Method::DELETE], [Method::PUT, Method::PATCH, Method::POST]);
        let forms = [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")];
        let mut cases = 0;
        for host in good_hosts {
            for method in reads.iter().chain(&writes) {
                for origin in origins {
                    assert_eq!(answer(Some(host), Some(origin), method, Some(WRITE_TYPES[0])), Err(Kind::Origin));
                    cases += 1;
                }
            }
            for method in &reads {
                assert_eq!(answer(Some(host), None, method, None), Ok(()), "{host} {method}");
            }
            for method in &writes {
                for kind in forms {
                    assert_eq!(answer(Some(host), None, method, kind), Err(Kind::MediaType), "{method} {kind:?}");
                    cases += 1;
                }
                for kind in WRITE_TYPES.iter().copied().chain(["application/json; charset=utf-8", "Application/JSON"]) {
                    assert_eq!(answer(Some(host), None, method, Some(kind)), Ok(()), "{method} {kind}");
                    cases += 1;
                }
            }
        }
        for host in bad_hosts.into_iter().map(Some).chain([None]) {
            for method in reads.iter().chain(&writes) {
                for origin in origins.into_iter().map(Some).chain([None]) {
                    assert_eq!(answer(host, origin, method, Some(WRITE_TYPES[0])), Err(Kind::Host), "{host:?}");
                    cases += 1;
                }
            }
        }
        assert!(cases > 800, "{cases}");
    }

    #[test]
    fn a_second_host_or_a_foreign_target_is_refused() {
        let guard = guard(&[]);
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost:7700"));
        let foreign = Uri::from_static("http://evil.example/v1/status");
        assert_eq!(guard.check(Marks::default(), &Method::GET, &foreign, &headers).unwrap_err().kind, Kind::Host);
        headers.append(HOST, HeaderValue::from_static("localhost:7700"));
        assert_eq!(
            guard.check(Marks::default(), &Method::GET, &Uri::from_static("/"), &headers).unwrap_err().kind,
            Kind::Host
        );
    }

    #[test]
    fn foreign_fetches_are_refused_without_an_origin_too() {
        let guard = guard(&[]);
        for (site, allowed) in
            [("none", true), ("same-origin", true), ("same-site", false), ("cross-site", false), ("x", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:7700"));
            headers.insert(FETCH_SITE, HeaderValue::from_static(site));
            for guard in [&guard, &Guard::unix()] {
                let check = |method| guard.check(Marks::of(&headers), &method, &Uri::from_static("/"), &headers);
                assert_eq!(check(Method::GET).is_ok(), allowed, "{site}");
                assert_eq!(check(Method::DELETE).unwrap_err().kind, Kind::Origin, "{site}");
            }
        }
    }
}
