//! The pieces messages are made of: the frame, fields taken in order, and lists packed into byte strings.

use driftless_statement::codec::{self, BadCbor, Item};
use driftless_statement::statement::Bytes;
use driftless_statement::{Scope, StatementId, limits};

use super::{MESSAGE_ITEMS, WIRE_VERSION, WORD_BYTES};

/// Why bytes are no message. Nothing was changed; the peer that sent them is at fault or of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Larger than any message of this kind.
    #[error("message: at most {max} bytes, got {got}")]
    TooLarge {
        /// The limit.
        max: usize,
        /// Bytes given.
        got: usize,
    },
    /// More items than any message has.
    #[error("message: more than {MESSAGE_ITEMS} CBOR items")]
    TooManyItems,
    /// Not canonical CBOR.
    #[error("message: {0}")]
    Cbor(#[from] BadCbor),
    /// A version that this code does not speak.
    #[error("message: version {0} is not spoken here; upgrade the older of the two nodes")]
    Version(u64),
    /// A kind of message that this version does not have.
    #[error("message: kind {0} is unknown")]
    Kind(u64),
    /// A field is missing, superfluous or has the wrong shape.
    #[error("message: {0}: missing, superfluous or of the wrong form")]
    Field(&'static str),
    /// A list is too long.
    #[error("message: {what}: at most {max}, got {got}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
        /// The length given.
        got: usize,
    },
    /// A list that must be strictly ascending is not.
    #[error("message: {0}: must be in ascending order without repetition")]
    NotAscending(&'static str),
}

impl BadMessage {
    /// Whether it may be a message of a later version, and not one that is wrong.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Version(_) | Self::Kind(_))
    }
}

/// A short word that names a reason: lowercase letters, digits and hyphens, so that it is safe in logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(Box<str>);

impl Word {
    /// A word, with whatever is not allowed in one replaced by hyphens or cut off.
    pub fn new(text: &str) -> Self {
        let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let word: String = text.chars().take(WORD_BYTES).map(clean).collect();
        Self(if word.is_empty() { "-".into() } else { word.into() })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let word = Self::new(text);
        (word.as_str() == text).then_some(word)
    }
}

/// The bytes of a message: version, kind, and its fields in order.
pub(super) fn frame(kind: u64, fields: impl IntoIterator<Item = Item>) -> Vec<u8> {
    let head = [Item::uint(WIRE_VERSION), Item::uint(kind)];
    codec::encode(&Item::Array(head.into_iter().chain(fields).collect()))
}

/// A message opened: its kind, and its fields to be taken in order.
pub(crate) struct Fields {
    pub kind: u64,
    rest: std::vec::IntoIter<Item>,
}

impl Fields {
    pub fn open(bytes: &[u8], max: usize) -> Result<Self, BadMessage> {
        let mut fields = Self::list(bytes, max)?;
        fields.version(WIRE_VERSION)?;
        fields.kind = fields.uint("kind")?;
        Ok(fields)
    }

    /// An array of fields, with neither version nor kind.
    pub fn list(bytes: &[u8], max: usize) -> Result<Self, BadMessage> {
        if bytes.len() > max {
            return Err(BadMessage::TooLarge { max, got: bytes.len() });
        }
        if minicbor::decode::Tokenizer::new(bytes).take(MESSAGE_ITEMS + 1).count() > MESSAGE_ITEMS {
            return Err(BadMessage::TooManyItems);
        }
        Self::of(codec::decode(bytes)?, "message")
    }

    /// The fields of an array inside a message.
    pub fn of(item: Item, what: &'static str) -> Result<Self, BadMessage> {
        let Item::Array(items) = item else { return Err(BadMessage::Field(what)) };
        Ok(Self { kind: 0, rest: items.into_iter() })
    }

    pub fn version(&mut self, want: u64) -> Result<(), BadMessage> {
        match self.uint("version")? {
            version if version == want => Ok(()),
            version => Err(BadMessage::Version(version)),
        }
    }

    pub fn close<T>(mut self, message: T) -> Result<T, BadMessage> {
        if self.rest.next().is_none() { Ok(message) } else { Err(BadMessage::Field("after the last field")) }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.as_slice().is_empty()
    }

    fn item(&mut self, what: &'static str) -> Result<Item, BadMessage> {
        self.rest.next().ok_or(BadMessage::Field(what))
    }

    pub fn uint(&mut self, what: &'static str) -> Result<u64, BadMessage> {
        self.item(what)?.as_u64().ok_or(BadMessage::Field(what))
    }

    pub fn small(&mut self, what: &'static str, max: usize) -> Result<usize, BadMessage> {
        let value = self.uint(what)?;
        match usize::try_from(value) {
            Ok(value) if value <= max => Ok(value),
            _ => Err(BadMessage::TooMany { what, max, got: usize::try_from(value).unwrap_or(usize::MAX) }),
        }
    }

    pub fn flag(&mut self, what: &'static str) -> Result<bool, BadMessage> {
        match self.item(what)? {
            Item::Bool(flag) => Ok(flag),
            _ => Err(BadMessage::Field(what)),
        }
    }

    pub fn bytes(&mut self, what: &'static str) -> Result<Vec<u8>, BadMessage> {
        match self.item(what)? {
            Item::Bytes(bytes) => Ok(bytes),
            _ => Err(BadMessage::Field(what)),
        }
    }

    pub fn array(&mut self, what: &'static str, max: usize) -> Result<Vec<Item>, BadMessage> {
        match self.item(what)? {
            Item::Array(items) if items.len() <= max => Ok(items),
            Item::Array(items) => Err(BadMessage::TooMany { what, max, got: items.len() }),
            _ => Err(BadMessage::Field(what)),
        }
    }

    pub fn fixed<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BadMessage> {
        self.bytes(what)?.as_slice().try_into().map_err(|_| BadMessage::Field(what))
    }

    pub fn id(&mut self, what: &'static str) -> Result<StatementId, BadMessage> {
        self.fixed(what).map(StatementId)
    }

    pub fn id_or_null(&mut self, what: &'static str) -> Result<Option<StatementId>, BadMessage> {
        match self.item(what)? {
            Item::Null => Ok(None),
            item => item.as_32().map(|id| Some(StatementId(id))).ok_or(BadMessage::Field(what)),
        }
    }

    pub fn scope(&mut self) -> Result<Scope, BadMessage> {
        let item = self.item("scope")?;
        item.as_text().and_then(|text| Scope::parse(text).ok()).ok_or(BadMessage::Field("scope"))
    }

    /// Text for people: at most `max` bytes, no control characters.
    pub fn name(&mut self, what: &'static str, max: usize) -> Result<String, BadMessage> {
        let text = self.item(what)?.as_text().map(str::to_owned).ok_or(BadMessage::Field(what))?;
        if text.len() > max {
            return Err(BadMessage::TooMany { what, max, got: text.len() });
        }
        if text.chars().any(char::is_control) { Err(BadMessage::Field(what)) } else { Ok(text) }
    }

    pub fn word(&mut self) -> Result<Word, BadMessage> {
        self.item("word")?.as_text().and_then(Word::read).ok_or(BadMessage::Field("word"))
    }

    /// A list of fixed-size values packed into one byte string.
    pub fn packed<const N: usize>(&mut self, what: &'static str, max: usize) -> Result<Vec<[u8; N]>, BadMessage> {
        let bytes = self.bytes(what)?;
        let (list, rest) = bytes.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(BadMessage::Field(what));
        }
        if list.len() > max {
            return Err(BadMessage::TooMany { what, max, got: list.len() });
        }
        Ok(list.to_vec())
    }

    /// A packed list that must be strictly ascending.
    pub fn ascending<const N: usize>(&mut self, what: &'static str, max: usize) -> Result<Vec<[u8; N]>, BadMessage> {
        let list = self.packed(what, max)?;
        if list.is_sorted_by(|a, b| a < b) { Ok(list) } else { Err(BadMessage::NotAscending(what)) }
    }

    pub fn ids(&mut self, what: &'static str, max: usize) -> Result<Vec<StatementId>, BadMessage> {
        Ok(self.ascending(what, max)?.into_iter().map(StatementId).collect())
    }

    /// Wire bytes of statements, each within the bound of a statement, all within `total`.
    pub fn statements(&mut self, count: usize, total: usize) -> Result<Vec<Bytes>, BadMessage> {
        let mut sum = 0usize;
        let mut list = Vec::new();
        for item in self.array("statements", count)? {
            let Item::Bytes(wire) = item else { return Err(BadMessage::Field("statements")) };
            list.push(statement(wire)?);
            sum = list.last().map_or(sum, |wire| sum.saturating_add(wire.len()));
        }
        if sum > total {
            return Err(BadMessage::TooMany { what: "bytes of statements", max: total, got: sum });
        }
        Ok(list)
    }
}

/// Bytes that may be a statement's wire bytes: longer than a signature, within the bound.
pub(super) fn statement(wire: Vec<u8>) -> Result<Bytes, BadMessage> {
    let max = limits::STATEMENT_BYTES + 64;
    match wire.len() {
        0..=64 => Err(BadMessage::Field("statement")),
        got if got > max => Err(BadMessage::TooMany { what: "bytes of a statement", max, got }),
        _ => Ok(wire.into()),
    }
}

pub(crate) fn pack<'a, const N: usize>(list: impl IntoIterator<Item = &'a [u8; N]>) -> Item {
    Item::Bytes(list.into_iter().flatten().copied().collect())
}

pub(super) fn pack_ids(list: &[StatementId]) -> Item {
    pack(list.iter().map(StatementId::as_bytes))
}

pub(super) fn scope(scope: &Scope) -> Item {
    Item::text(scope.as_str())
}

pub(super) fn id_or_null(id: Option<&StatementId>) -> Item {
    id.map_or(Item::Null, |id| Item::bytes(id.as_bytes()))
}

pub(super) fn pack_statements(list: &[Bytes]) -> Item {
    Item::Array(list.iter().map(|wire| Item::bytes(wire)).collect())
}
