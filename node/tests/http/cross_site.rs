//! What a browser could be made to send, over both real sockets: Host × Origin × Sec-Fetch-Site × method × content type, each
//! with the outcome that is expected of it.

use crate::support::World;

const ORIGINS: [Option<&str>; 6] = [
    None,
    Some("null"),
    Some("http://localhost:1"),
    Some("https://evil.example"),
    Some("file://"),
    Some("chrome-extension://abcdefghijklmnop"),
];
const SITES: [Option<&str>; 6] =
    [None, Some("none"), Some("same-origin"), Some("same-site"), Some("cross-site"), Some("")];
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST"];
const TYPES: [Option<&str>; 5] = [
    None,
    Some("text/plain"),
    Some("application/x-www-form-urlencoded"),
    Some("multipart/form-data; boundary=x"),
    Some("application/json"),
];

/// Whether a page could have had it sent, or the type is one that a form can send; told again from the rules in
/// docs/http-api.md, not from the code.
fn expected(
    tcp: bool,
    host: bool,
    origin: Option<&str>,
    site: Option<&str>,
    method: &str,
    kind: Option<&str>,
) -> &'static str {
    let reads = ["GET", "HEAD"].contains(&method);
    if tcp && !host {
        return "host";
    }
    if origin.is_some() || site.is_some_and(|site| !(reads && ["none", "same-origin"].contains(&site))) {
        return "origin";
    }
    let writes = ["PUT", "PATCH", "POST"].contains(&method);
    if tcp && writes && kind != Some("application/json") {
        return "media_type";
    }
    match method {
        "GET" | "HEAD" | "DELETE" => "answered",
        "OPTIONS" | "POST" => "method",
        "PUT" if kind == Some("application/json") => "answered",
        _ => "media_type",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_matrix_over_both_sockets() {
    let world = World::start().await;
    let port = world.tcp.port();
    let good = [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
    let bad = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("0.0.0.0:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
    ];
    let mut cases = 0;
    for (tcp, host) in [true, false].into_iter().flat_map(|tcp| good.iter().chain(&bad).map(move |host| (tcp, host))) {
        for (origin, site) in ORIGINS.into_iter().flat_map(|origin| SITES.map(|site| (origin, site))) {
            for (method, kind) in METHODS.into_iter().flat_map(|method| TYPES.map(|kind| (method, kind))) {
                // The same verdict whatever follows: three of four rows of the dull part are enough.
                if bad.contains(host) && origin.is_some() && kind.is_some() {
                    continue;
                }
                let fields = [("origin", origin), ("sec-fetch-site", site), ("content-type", kind)];
                let mut headers = vec![("host", host.as_str()), ("connection", "close")];
                headers.extend(fields.into_iter().filter_map(|(name, value)| Some((name, value?))));
                let body = if ["PUT", "PATCH", "POST"].contains(&method) { "{}" } else { "" };
                let reply = match tcp {
                    true => world.ask_tcp(method, "/v1/config/shop/a", &headers, body).await,
                    false => world.ask(method, "/v1/config/shop/a", &headers, body).await,
                };
                let want = expected(tcp, good.contains(host), origin, site, method, kind);
                let got = match (reply.status, method) {
                    (200 | 404, _) => "answered".to_owned(),
                    // The answer to HEAD has no body to name its problem in.
                    (403, "HEAD") => want.to_owned(),
                    _ => reply.problem(),
                };
                assert_eq!(got, want, "tcp {tcp} {host} {origin:?} {site:?} {method} {kind:?}: {}", reply.head);
                assert!(want == "answered" || reply.status >= 400, "{}", reply.head);
                assert_eq!(reply.header("access-control-allow-origin"), None, "no page may read an answer");
                cases += 1;
            }
        }
    }
    assert!(cases > 10_000, "{cases}");
}
