//! Request bodies: bounded in bytes and in time, of a type that the route takes, and notes out of headers.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, HeaderValue};
use driftless_client::api::header;
use driftless_statement::{Note, Value, Why, json, limits};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use super::guard::media_type;
use super::problem::{Answer, Kind, Problem};
use super::routes::Shared;

/// Bytes of an oversized body, beyond the limit, that are read and thrown away, so that the client reads the answer instead of a reset.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a body that needs no room among the large ones.
const SMALL_BYTES: usize = 64 * 1024;
/// Bytes that one permit of [`Shared::bodies`] stands for.
const ROOM_BYTES: usize = 1024 * 1024;

/// The media type of the body, which must be one of those that the route takes.
pub fn media(headers: &HeaderMap, taken: &[&'static str]) -> Answer<&'static str> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        let detail = format!("Content-Encoding {encoding:?} is not taken; send the body as it is");
        return Err(Problem::new(Kind::MediaType, detail));
    }
    let given = media_type(headers);
    let found = taken.iter().find(|kind| given.as_deref() == Some(kind));
    found.copied().ok_or_else(|| {
        let given = given.unwrap_or_else(|| "none".to_owned());
        let detail = format!("Content-Type must be {}, got {given:?}", taken.join(" or "));
        Problem::new(Kind::MediaType, detail)
    })
}

fn crowded() -> Box<Problem> {
    Problem::new(Kind::Busy, "too many large request bodies are being read already; try again")
}

fn too_large(max: usize) -> Box<Problem> {
    let detail = format!("a request body must have at most {max} bytes; split the change");
    Problem::new(Kind::Body, detail)
}

/// The whole body.
pub async fn read(shared: &Shared, headers: &HeaderMap, body: Body) -> Answer<Bytes> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // A client that asks first sends nothing until it is told to; one that does not would find its pipe broken.
    let max = shared.settings.body_bytes;
    if declared.is_some_and(|declared| declared > max) && headers.contains_key(EXPECT) {
        return Err(too_large(max));
    }
    let limit = shared.settings.body_timeout;
    match tokio::time::timeout(limit, collect(&shared.bodies, body, max)).await {
        Ok(collected) => collected,
        Err(_) => {
            let detail = format!("the request's body did not arrive within {} s; send it at once", limit.as_secs());
            Err(Problem::new(Kind::Slow, detail))
        }
    }
}

async fn collect(bodies: &Semaphore, mut body: Body, max: usize) -> Answer<Bytes> {
    let mut bytes = Vec::new();
    // Given back when the body was read, or its client is gone.
    let mut room = Vec::new();
    let mut seen = 0usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::Slow, "the request's body ended before it was whole"))?;
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= max {
            while seen > SMALL_BYTES + room.len() * ROOM_BYTES {
                room.push(bodies.try_acquire().map_err(|_| crowded())?);
            }
            bytes.extend_from_slice(data);
        } else if seen - max > DRAIN_BYTES {
            break;
        }
    }
    if seen > max { Err(too_large(max)) } else { Ok(bytes.into()) }
}

/// The body as a value.
pub fn value(bytes: &[u8]) -> Answer<Value> {
    json::parse(bytes).map_err(|error| Problem::new(Kind::Json, format!("body: {error}")))
}

/// The note that a write carries: reason, ticket and trace out of headers.
pub fn note(headers: &HeaderMap) -> Answer<Note> {
    let why = Why {
        reason: text(headers, header::REASON)?,
        ticket: text(headers, header::TICKET)?,
        traceparent: headers.get("traceparent").and_then(traceparent).unwrap_or_default(),
    };
    let bytes = why.bytes();
    if bytes > limits::NOTE_BYTES {
        let detail = format!(
            "{}, {} and traceparent together must have at most {} bytes, got {bytes}",
            header::REASON,
            header::TICKET,
            limits::NOTE_BYTES
        );
        return Err(Problem::new(Kind::Header, detail));
    }
    Ok(why.into())
}

fn text(headers: &HeaderMap, name: &'static str) -> Answer<String> {
    let Some(value) = headers.get(name) else { return Ok(String::new()) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.trim().to_owned()),
        _ => Err(Problem::new(Kind::Header, format!("{name}: must be UTF-8 text on one line"))),
    }
}

/// A W3C trace context of version 00. Another one is ignored, as that standard demands.
fn traceparent(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let set = |part: &str| part.bytes().any(|byte| byte != b'0');
    match parts.as_slice() {
        ["00", trace, parent, flags]
            if hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && set(trace) && set(parent) =>
        {
            Some(text.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sound_trace_is_kept() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&HeaderValue::from_static(sound)).as_deref(), Some(sound));
        for bad in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(traceparent(&HeaderValue::from_static(bad)), None, "{bad}");
        }
    }

    #[test]
    fn notes_are_text_on_one_line_within_the_limit() {
        let with = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::REASON, HeaderValue::from_bytes(value).unwrap());
            note(&headers)
        };
        assert_eq!(with("Überlast am Kassenweg".as_bytes()).unwrap().reason, "Überlast am Kassenweg");
        assert_eq!(with(&[0xff]).unwrap_err().kind, Kind::Header);
        assert_eq!(with(b"a\tb").unwrap_err().kind, Kind::Header);
        assert_eq!(with(&[b'x'; limits::NOTE_BYTES]).unwrap().reason.len(), limits::NOTE_BYTES);
        assert_eq!(with(&[b'x'; limits::NOTE_BYTES + 1]).unwrap_err().kind, Kind::Header);
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_whole() {
        let body = |bytes: usize| Body::from(vec![7; bytes]);
        let none = Semaphore::new(0);
        assert_eq!(collect(&none, body(10), 10).await.unwrap().len(), 10);
        assert_eq!(collect(&none, body(11), 10).await.unwrap_err().kind, Kind::Body);
    }

    #[tokio::test]
    async fn large_bodies_share_room_and_give_it_back() {
        let body = |bytes: usize| Body::from(vec![7; bytes]);
        let (room, max) = (Semaphore::new(2), 4 * ROOM_BYTES);
        assert_eq!(collect(&room, body(ROOM_BYTES + SMALL_BYTES), max).await.unwrap().len(), ROOM_BYTES + SMALL_BYTES);
        let held = room.try_acquire_many(2).unwrap();
        assert_eq!(collect(&room, body(SMALL_BYTES), max).await.unwrap().len(), SMALL_BYTES);
        assert_eq!(collect(&room, body(SMALL_BYTES + 1), max).await.unwrap_err().kind, Kind::Busy);
        drop(held);
        assert_eq!(collect(&room, body(3 * ROOM_BYTES), max).await.unwrap_err().kind, Kind::Busy);
        assert_eq!(room.available_permits(), 2, "also when it was refused");
    }

    #[test]
    fn types_are_compared_without_parameters_and_encodings_refused() {
        let with = |list: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in list {
                headers.append(*name, HeaderValue::from_static(value));
            }
            media(&headers, &["application/json"]).map_err(|problem| problem.kind)
        };
        assert_eq!(with(&[("content-type", "Application/JSON; charset=utf-8")]), Ok("application/json"));
        for bad in [
            &[][..],
            &[("content-type", "text/json")],
            &[("content-type", "application/json"), ("content-type", "application/json")],
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
        ] {
            assert_eq!(with(bad), Err(Kind::MediaType), "{bad:?}");
        }
    }
}
