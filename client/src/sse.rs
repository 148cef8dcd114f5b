//! Server-sent events as bytes come in (WHATWG HTML, "Server-sent events"). It must not know what events mean.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `event:`; empty when not given.
    pub name: String,
    /// `data:` lines, joined.
    pub data: String,
    /// `id:`, when given.
    pub id: Option<String>,
}

/// The stream holds an event larger than allowed: it is no stream of a node. Drop the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {EVENT_BYTES} bytes")]
pub struct TooLarge;

/// The largest event: a value of the largest entry as JSON, each byte escaped, with room for the rest.
const EVENT_BYTES: usize = 8 * 1024 * 1024;

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    event: Event,
    has_data: bool,
    size: usize,
}

impl Parser {
    /// Takes bytes in; gives the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        for byte in bytes {
            let follows_cr = core::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                other => self.line.push(*other),
            }
            if self.size + self.line.len() > EVENT_BYTES {
                return Err(TooLarge);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = core::mem::take(&mut self.line);
        if line.is_empty() {
            self.size = 0;
            let event = core::mem::take(&mut self.event);
            return core::mem::take(&mut self.has_data).then_some(event);
        }
        self.size += line.len();
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event.name = value.to_owned(),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if core::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments have an empty field name; `retry` and what is unknown is ignored, as the standard says.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const STREAM: &str =
        ": hello\n\nevent: put\nid: a.1\ndata: {\"x\":\ndata: 1}\n\ndata:bare\r\n\r\nretry: 5\r\rid: a.2\rdata\r\r";

    #[test]
    fn any_cut_of_the_bytes_gives_the_same_events() {
        let whole = Parser::default().feed(STREAM.as_bytes()).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0], Event { name: "put".into(), data: "{\"x\":\n1}".into(), id: Some("a.1".into()) });
        assert_eq!(whole[1].data, "bare");
        assert_eq!(whole[2], Event { name: String::new(), data: String::new(), id: Some("a.2".into()) });
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let cut: Vec<_> = STREAM.as_bytes().chunks(size).flat_map(|part| parser.feed(part).unwrap()).collect();
            assert_eq!(cut, whole, "chunks of {size}");
        }
    }

    #[test]
    fn a_stream_without_end_of_event_is_cut_off() {
        let mut parser = Parser::default();
        let part = [b'a'; 1024 * 1024];
        let ended = (0..20).find_map(|_| parser.feed(&part).err());
        assert_eq!(ended, Some(TooLarge));
    }
}
