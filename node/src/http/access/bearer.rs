//! The `Authorization` header (RFC 6750): a token in, a permit or a challenge out. Neither the token nor what was sent in
//! its place is ever repeated.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use driftless_client::tokens::Token;

use super::super::problem::Kind;
use super::tokens::{Found, Tokens};
use super::{Denied, Permit};

/// A header of this many bytes holds no token of ours.
const LONGEST: usize = 256;

/// What the token in a request may do; `None`: the request has none.
pub fn permit(headers: &HeaderMap, tokens: &Tokens, now_ms: u64) -> Result<Option<Permit>, Denied> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(one) = given.next() else { return Ok(None) };
    let token = match (one.to_str(), given.next()) {
        (Ok(text), None) if text.len() <= LONGEST => token(text),
        _ => None,
    };
    let Some(token) = token else {
        return Err(refused("token_malformed", "Authorization must be given once, as `Bearer` and a token (`dlt_…`)"));
    };
    match tokens.find(&token.hash(), now_ms) {
        Found::Good(permit) => Ok(Some(permit)),
        Found::Expired => Err(refused("token_expired", "the token has expired; have a new one made")),
        Found::Unknown => {
            Err(refused("token_unknown", "this node does not know the token: it was revoked, or is another node's"))
        }
    }
}

fn token(text: &str) -> Option<Token> {
    let (scheme, token) = text.split_once(' ')?;
    let token = Token::parse(token.trim_matches(' ')).ok()?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn refused(reason: &'static str, detail: &'static str) -> Denied {
    let mut denied = Denied::new(Kind::Unauthorized, reason, detail);
    denied.problem = denied.problem.challenge("Bearer realm=\"driftless\", error=\"invalid_token\"");
    denied
}

/// The refusal of a caller who has to show a token and did not.
pub fn none() -> Denied {
    let detail = "over TCP a token is needed: `Authorization: Bearer dlt_…` (`driftless token new` makes one), or use the \
                  node's Unix socket";
    let mut denied = Denied::new(Kind::Unauthorized, "token_missing", detail);
    denied.problem = denied.problem.challenge("Bearer realm=\"driftless\"");
    denied
}
