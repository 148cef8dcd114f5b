//! What a peer answers to a [`super::Request`].

use driftless_statement::codec::Item;
use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, StatementId};

use super::item::{BadMessage, Fields, Word, frame, id_or_null, pack, pack_ids, pack_statements};
use super::{HAS_IDS, MESSAGE_BYTES, WORD_BYTES};
use crate::reconcile::Symbol;
use crate::reconcile::limits::{
    ANSWER_SYMBOLS, BATCH_BYTES, BATCH_IDS, RANGE_PAGE, RANGE_PARTS, SKETCH_SYMBOLS, TIMES_SHORTS,
};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// The set digests are equal.
    Same,
    /// They are not; here are the first symbols.
    Differ {
        /// Names the state of the set that the symbols belong to.
        tag: u64,
        /// The size of the set.
        count: u64,
        /// Symbols from index 0; none when the sizes alone tell that symbols will not do.
        symbols: Vec<Symbol>,
    },
    /// More symbols.
    Symbols {
        /// Names the state of the set that the symbols belong to.
        tag: u64,
        /// The size of the set.
        count: u64,
        /// Index of the first: what was asked for, or 0 when the set has changed since.
        from: usize,
        /// The symbols.
        symbols: Vec<Symbol>,
    },
    /// A range of ids, split.
    Parts {
        /// Where the second and each later part begins.
        bounds: Vec<StatementId>,
        /// The parts, one more than bounds.
        parts: Vec<Part>,
    },
    /// The ids in a range.
    Ids {
        /// The ids, ascending, each with its time.
        ids: Vec<(StatementId, Hlc)>,
        /// Where the list ends before the range does; it holds all ids below.
        upto: Option<StatementId>,
    },
    /// Times asked for.
    Times {
        /// In the order of the request; zero for what is not held.
        times: Vec<Hlc>,
    },
    /// Statements asked for. What is neither here nor missing did not fit: ask again.
    Statements {
        /// Wire bytes.
        statements: Vec<Bytes>,
        /// Positions, in the request's list, of what is not held or not offered to the asker.
        missing: Vec<usize>,
    },
    /// What became of pushed statements.
    Taken {
        /// How many are held now, known before or not.
        taken: usize,
        /// Positions of those refused, ascending, and why.
        refused: Vec<(usize, Word)>,
    },
    /// For each id asked about, whether it is held.
    Has {
        /// In the order of the request.
        held: Vec<bool>,
    },
    /// The request is not answered.
    Refused {
        /// Why.
        word: Word,
    },
}

/// One part of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Ids in it.
    pub count: u64,
    /// BLAKE3 of the ids in order, the first 16 bytes.
    pub digest: [u8; 16],
}

const SAME: u64 = 0;
const DIFFER: u64 = 1;
const SYMBOLS: u64 = 2;
const PARTS: u64 = 3;
const IDS: u64 = 4;
const STATEMENTS: u64 = 5;
const TAKEN: u64 = 6;
const HAS: u64 = 7;
const REFUSED: u64 = 8;
const TIMES: u64 = 9;

fn pack_symbols(symbols: &[Symbol]) -> Item {
    Item::Bytes(symbols.iter().flat_map(|symbol| symbol.to_bytes()).collect())
}

fn read_symbols(fields: &mut Fields) -> Result<Vec<Symbol>, BadMessage> {
    Ok(fields.packed("symbols", ANSWER_SYMBOLS)?.into_iter().map(Symbol::from_bytes).collect())
}

fn pack_times<'a>(times: impl IntoIterator<Item = &'a Hlc>) -> Item {
    Item::Bytes(times.into_iter().flat_map(|hlc| hlc.0.to_be_bytes()).collect())
}

fn read_times(fields: &mut Fields, max: usize) -> Result<Vec<Hlc>, BadMessage> {
    Ok(fields.packed("times", max)?.into_iter().map(|bytes| Hlc(u64::from_be_bytes(bytes))).collect())
}

fn positions(items: Vec<Item>) -> Result<Vec<usize>, BadMessage> {
    let bad = BadMessage::Field("positions");
    let position = |item: &Item| item.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < BATCH_IDS);
    let list: Vec<usize> = items.iter().map(position).collect::<Option<_>>().ok_or(bad)?;
    if list.is_sorted_by(|a, b| a < b) { Ok(list) } else { Err(BadMessage::NotAscending("positions")) }
}

impl Response {
    /// The word for the kind, for metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differ { .. } => "differ",
            Self::Symbols { .. } => "symbols",
            Self::Parts { .. } => "parts",
            Self::Ids { .. } => "ids",
            Self::Times { .. } => "times",
            Self::Statements { .. } => "statements",
            Self::Taken { .. } => "taken",
            Self::Has { .. } => "has",
            Self::Refused { .. } => "refused",
        }
    }

    /// About how many bytes it takes on the wire: framing of the parts is not counted.
    pub fn weight(&self) -> usize {
        let fixed = 16;
        fixed
            + match self {
                Self::Same => 0,
                Self::Differ { symbols, .. } | Self::Symbols { symbols, .. } => symbols.len() * Symbol::BYTES,
                Self::Parts { parts, .. } => parts.len() * 56,
                Self::Ids { ids, .. } => ids.len() * 40,
                Self::Times { times } => times.len() * 8,
                Self::Statements { statements, missing } => {
                    statements.iter().map(|wire| wire.len()).sum::<usize>() + missing.len() * 2
                }
                Self::Taken { refused, .. } => refused.len() * WORD_BYTES,
                Self::Has { held } => held.len() / 8,
                Self::Refused { .. } => WORD_BYTES,
            }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Same => frame(SAME, []),
            Self::Differ { tag, count, symbols } => {
                frame(DIFFER, [Item::uint(*tag), Item::uint(*count), pack_symbols(symbols)])
            }
            Self::Symbols { tag, count, from, symbols } => {
                frame(SYMBOLS, [Item::uint(*tag), Item::uint(*count), Item::uint(*from as u64), pack_symbols(symbols)])
            }
            Self::Parts { bounds, parts } => {
                let counts = Item::Array(parts.iter().map(|part| Item::uint(part.count)).collect());
                frame(PARTS, [pack_ids(bounds), counts, pack(parts.iter().map(|part| &part.digest))])
            }
            Self::Ids { ids, upto } => {
                let names = pack(ids.iter().map(|(id, _)| id.as_bytes()));
                frame(IDS, [names, pack_times(ids.iter().map(|(_, hlc)| hlc)), id_or_null(upto.as_ref())])
            }
            Self::Times { times } => frame(TIMES, [pack_times(times)]),
            Self::Statements { statements, missing } => {
                let missing = missing.iter().map(|at| Item::uint(*at as u64)).collect();
                frame(STATEMENTS, [pack_statements(statements), Item::Array(missing)])
            }
            Self::Taken { taken, refused } => {
                let at = refused.iter().map(|(at, _)| Item::uint(*at as u64)).collect();
                let words = refused.iter().map(|(_, word)| Item::text(word.as_str())).collect();
                frame(TAKEN, [Item::uint(*taken as u64), Item::Array(at), Item::Array(words)])
            }
            Self::Has { held } => frame(HAS, [Item::uint(held.len() as u64), Item::Bytes(pack_bits(held))]),
            Self::Refused { word } => frame(REFUSED, [Item::text(word.as_str())]),
        }
    }

    /// Reads the bytes: the exact inverse of [`Response::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut fields = Fields::open(bytes, MESSAGE_BYTES)?;
        let response = match fields.kind {
            SAME => Self::Same,
            DIFFER => Self::Differ {
                tag: fields.uint("tag")?,
                count: fields.uint("count")?,
                symbols: read_symbols(&mut fields)?,
            },
            SYMBOLS => Self::Symbols {
                tag: fields.uint("tag")?,
                count: fields.uint("count")?,
                from: fields.small("from", SKETCH_SYMBOLS)?,
                symbols: read_symbols(&mut fields)?,
            },
            PARTS => Self::read_parts(&mut fields)?,
            IDS => Self::read_ids(&mut fields)?,
            TIMES => Self::Times { times: read_times(&mut fields, TIMES_SHORTS)? },
            STATEMENTS => Self::Statements {
                statements: fields.statements(BATCH_IDS, BATCH_BYTES)?,
                missing: positions(fields.array("missing", BATCH_IDS)?)?,
            },
            TAKEN => Self::read_taken(&mut fields)?,
            HAS => Self::read_has(&mut fields)?,
            REFUSED => Self::Refused { word: fields.word()? },
            kind => return Err(BadMessage::Kind(kind)),
        };
        fields.close(response)
    }

    fn read_parts(fields: &mut Fields) -> Result<Self, BadMessage> {
        let bounds = fields.ids("bounds", RANGE_PARTS - 1)?;
        let counts = fields.array("counts", RANGE_PARTS)?;
        let digests = fields.packed::<16>("digests", RANGE_PARTS)?;
        if counts.len() != bounds.len() + 1 || digests.len() != counts.len() {
            return Err(BadMessage::Field("parts"));
        }
        let part = |(count, digest): (&Item, &[u8; 16])| Some(Part { count: count.as_u64()?, digest: *digest });
        let parts = counts.iter().zip(&digests).map(part).collect::<Option<_>>().ok_or(BadMessage::Field("counts"))?;
        Ok(Self::Parts { bounds, parts })
    }

    fn read_ids(fields: &mut Fields) -> Result<Self, BadMessage> {
        let (ids, times) = (fields.ids("ids", RANGE_PAGE)?, read_times(fields, RANGE_PAGE)?);
        let upto = fields.id_or_null("upto")?;
        if times.len() != ids.len() {
            return Err(BadMessage::Field("times"));
        }
        match (ids.last(), upto) {
            (Some(last), Some(upto)) if *last >= upto => Err(BadMessage::NotAscending("upto")),
            _ => Ok(Self::Ids { ids: ids.into_iter().zip(times).collect(), upto }),
        }
    }

    fn read_taken(fields: &mut Fields) -> Result<Self, BadMessage> {
        let taken = fields.small("taken", BATCH_IDS)?;
        let at = positions(fields.array("refused", BATCH_IDS)?)?;
        let words = fields.array("words", BATCH_IDS)?;
        let words: Option<Vec<Word>> = words.iter().map(|word| word.as_text().and_then(Word::read)).collect();
        let words = words.filter(|words| words.len() == at.len()).ok_or(BadMessage::Field("words"))?;
        Ok(Self::Taken { taken, refused: at.into_iter().zip(words).collect() })
    }

    fn read_has(fields: &mut Fields) -> Result<Self, BadMessage> {
        let count = fields.small("count", HAS_IDS)?;
        let bits = fields.bytes("held")?;
        let held: Vec<bool> =
            bits.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1)).take(count).collect();
        if held.len() == count && pack_bits(&held) == bits {
            Ok(Self::Has { held })
        } else {
            Err(BadMessage::Field("held"))
        }
    }
}

/// Eight to a byte, least significant first, the last byte filled up with zeros.
fn pack_bits(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().rev().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}
