//! The lines of an export, bounded, with the sum of all before the present one. It must not know what they say.

use std::io::{BufRead, Read, Seek, SeekFrom};

use super::flaw::{Broken, Flaw, Unverified};
use crate::export::Line;

/// Bytes of a line. A statement of 256 KiB in base64, its words (names and bases of 256 entries, 256 edits of 160
/// characters) and escapes in them stay below it.
const LINE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads lines.
pub(super) struct Lines<'a, R> {
    input: &'a mut R,
    hasher: blake3::Hasher,
    text: Vec<u8>,
    number: u64,
    offset: u64,
    next_offset: u64,
}

impl<'a, R: BufRead + Seek> Lines<'a, R> {
    pub fn of(input: &'a mut R) -> Self {
        let hasher = blake3::Hasher::new();
        Self { input, hasher, text: Vec::new(), number: 0, offset: 0, next_offset: 0 }
    }

    /// The number of the present line, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Where the present line begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The sum of all before the present line, and of its beginning.
    pub fn sum(&self, beginning: &str) -> String {
        self.hasher.clone().update(beginning.as_bytes()).finalize().to_hex().to_string()
    }

    /// The present line is broken.
    pub fn broken(&self, flaw: Flaw) -> Box<Broken> {
        Box::new(Broken { line: self.number, id: None, flaw })
    }

    /// The next line without its end, and what it says; `None`: there is none.
    pub fn next(&mut self) -> Result<Option<(String, Line)>, Unverified> {
        self.hasher.update(&self.text);
        self.text.clear();
        self.number += 1;
        self.offset = self.next_offset;
        let length = self.input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut self.text)?;
        self.next_offset += length as u64;
        if length == 0 {
            return Ok(None);
        }
        let Some(text) = self.text.strip_suffix(b"\n") else {
            let long = length as u64 >= LINE_BYTES;
            return Err(self.broken(if long { Flaw::TooLong { max: LINE_BYTES } } else { Flaw::CutOff }).into());
        };
        let text = String::from_utf8(text.to_vec()).map_err(|_| self.broken(Flaw::Form("not UTF-8".to_owned())))?;
        let line = serde_json::from_str(&text).map_err(|error| self.broken(Flaw::Form(error.to_string())))?;
        Ok(Some((text, line)))
    }

    /// A line that was read before.
    pub fn again(&mut self, offset: u64) -> Result<Option<Line>, Unverified> {
        self.input.seek(SeekFrom::Start(offset))?;
        let mut text = Vec::new();
        self.input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut text)?;
        Ok(serde_json::from_slice(&text).ok())
    }
}
