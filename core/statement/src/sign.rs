//! Signatures. A claim and a proof are different types: [`Signed`] came from outside, [`Verified`] passed the one check.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::id::{MeshId, PublicKey, StatementId};
use crate::limits;
use crate::statement::{Bytes, Invalid, Statement};
use crate::table::Named;

/// What is signed before the canonical bytes, so that no signature serves two purposes.
const CONTEXT: &[u8] = b"driftless/statement/v1\0";
const SIGNATURE_BYTES: usize = 64;

/// An Ed25519 secret key. It has no `Debug`, no `Display` and no serialisation, and is wiped when dropped. Its public half
/// is computed once: that costs as much as a signature.
pub struct SecretKey(SigningKey);

/// The wiping is the curve crate's: a version of it without would not compile here.
const fn is_wiped<T: ZeroizeOnDrop>() {}
const _: () = is_wiped::<SigningKey>();

impl SecretKey {
    /// A key from its 32 secret bytes, which the caller drew from the system's randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut bytes = bytes;
        let key = Self(SigningKey::from_bytes(&bytes));
        bytes.zeroize();
        key
    }

    /// The secret bytes, for writing a key file.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs under a purpose: the context must be unique to it and end in a zero byte.
    pub fn sign_for(&self, context: &[u8], message: &[u8]) -> [u8; 64] {
        self.0.sign(&[context, message].concat()).to_bytes()
    }
}

/// Whether a public key is a canonical point of large order: the only kind that can ever verify.
pub fn is_sound(key: &PublicKey) -> bool {
    point_of(key).is_some_and(|point| !point.is_weak())
}

/// The point of a key in its one canonical encoding. The curve crate also takes a second encoding of some points, with
/// a coordinate of 2²⁵⁵−19 or more, which RFC 8032 and other implementations refuse.
fn point_of(key: &PublicKey) -> Option<VerifyingKey> {
    let [low, middle @ .., high] = key.as_bytes();
    let beyond = *low >= 0xed && middle.iter().all(|byte| *byte == 0xff) && *high | 0x80 == 0xff;
    if beyond { None } else { VerifyingKey::from_bytes(key.as_bytes()).ok() }
}

/// Whether a key signed a message under a purpose.
pub fn verify_for(key: &PublicKey, context: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    point_of(key).is_some_and(|point| verifies(&point, context, message, signature))
}

/// The one place that checks a signature, strictly (RFC 8032 with the extra checks of `verify_strict`).
fn verifies(point: &VerifyingKey, context: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    point.verify_strict(&[context, message].concat(), &Signature::from_bytes(signature)).is_ok()
}

/// The points of keys that were met: to find a key's point costs a twelfth of a check, and an author signs many statements.
/// It changes no verdict. Bounded: when it is full it begins anew.
#[derive(Default)]
pub struct Points(BTreeMap<PublicKey, Option<VerifyingKey>>);

impl Points {
    /// Keys remembered, at about 250 bytes each. A guess: more authors than write in any one minute.
    const MOST: usize = 1_024;

    fn of(&mut self, key: &PublicKey) -> Option<&VerifyingKey> {
        if self.0.len() >= Self::MOST && !self.0.contains_key(key) {
            self.0.clear();
        }
        self.0.entry(*key).or_insert_with(|| point_of(key)).as_ref()
    }
}

/// A statement that somebody claims to have signed: decoded and self-consistent, signature not yet checked.
#[derive(Debug, Clone)]
pub struct Signed {
    id: StatementId,
    statement: Statement,
    wire: Bytes,
}

/// A statement whose signature was checked in this process, or whose id was compared with the one of a statement that
/// had been. Cheap to clone by reference: hold it in an `Arc`. It does not keep the bytes that it was read from, as they
/// can be had again: a statement is decoded only when it encodes to the same.
#[derive(Clone)]
pub struct Verified {
    id: StatementId,
    statement: Statement,
    /// Not there yet: `key` makes it when it is asked for.
    signature: OnceLock<[u8; SIGNATURE_BYTES]>,
    /// Of the canonical bytes.
    len: u32,
    key: Option<Arc<SecretKey>>,
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("id", &self.id).field("statement", &self.statement).finish_non_exhaustive()
    }
}

impl Named for Verified {
    fn named(&self) -> &StatementId {
        &self.id
    }
}

impl Signed {
    /// Reads wire bytes: canonical bytes, then 64 bytes of signature.
    pub fn decode(wire: &[u8]) -> Result<Self, Invalid> {
        if wire.len() > limits::STATEMENT_BYTES + SIGNATURE_BYTES {
            return Err(Invalid::TooLarge { got: wire.len().saturating_sub(SIGNATURE_BYTES) });
        }
        let canonical = canonical_part(wire).ok_or(Invalid::Short)?;
        let statement = Statement::decode(canonical)?;
        Ok(Self { id: StatementId::of(canonical), statement, wire: wire.into() })
    }

    /// The id that wire bytes have if they are a statement. Nothing about them is checked.
    pub fn id_of(wire: &[u8]) -> Option<StatementId> {
        canonical_part(wire).map(StatementId::of)
    }

    /// The id: of the content, so it holds before the signature is checked.
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// What it says, not yet proven to be said by its author.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Refuses a statement of another mesh.
    pub fn check_mesh(&self, want: MeshId) -> Result<(), Invalid> {
        let got = self.statement.belongs_to(self.id);
        if got == want { Ok(()) } else { Err(Invalid::Mesh { got, want }) }
    }

    /// Checks the signature.
    pub fn verify(self) -> Result<Verified, Invalid> {
        self.verify_with(&mut Points::default())
    }

    /// Checks the signature, with the points of keys that were met before.
    pub fn verify_with(self, points: &mut Points) -> Result<Verified, Invalid> {
        let author = self.statement.author;
        let parts = canonical_part(&self.wire).zip(signature_part(&self.wire)).zip(points.of(&author));
        let good = parts.is_some_and(|((canonical, signature), point)| verifies(point, CONTEXT, canonical, signature));
        self.proven().filter(|_| good).ok_or(Invalid::Signature(author))
    }

    /// Takes it as proven because its own store kept it under this id after checking the signature once.
    pub fn trust_stored(self, id: StatementId) -> Option<Verified> {
        if self.id == id { self.proven() } else { None }
    }

    fn proven(self) -> Option<Verified> {
        let len = u32::try_from(canonical_part(&self.wire)?.len()).ok()?;
        let signature = (*signature_part(&self.wire)?).into();
        Some(Verified { id: self.id, statement: self.statement, signature, len, key: None })
    }
}

fn canonical_part(wire: &[u8]) -> Option<&[u8]> {
    wire.get(..wire.len().checked_sub(SIGNATURE_BYTES)?)
}

fn signature_part(wire: &[u8]) -> Option<&[u8; SIGNATURE_BYTES]> {
    wire.last_chunk()
}

impl Verified {
    /// Signs a statement. Refuses one that a receiver would refuse.
    pub fn sign(statement: Statement, key: &SecretKey) -> Result<Self, Invalid> {
        let canonical = statement.encode();
        let verified = Self::to_be_signed(statement, key, &canonical)?;
        let _ = verified.signature.set(key.sign_for(CONTEXT, &canonical));
        Ok(verified)
    }

    /// The same, but the signature is made when the bytes are asked for first, by whoever asks: making it is most of what
    /// a statement costs its author, and the id does not hang on it. A signature is a function of key and bytes (RFC 8032), so
    /// it is the same then.
    pub fn sign_later(statement: Statement, key: &Arc<SecretKey>) -> Result<Self, Invalid> {
        let canonical = statement.encode();
        Ok(Self { key: Some(key.clone()), ..Self::to_be_signed(statement, key, &canonical)? })
    }

    fn to_be_signed(statement: Statement, key: &SecretKey, canonical: &[u8]) -> Result<Self, Invalid> {
        if Statement::decode(canonical)? != statement {
            return Err(Invalid::Field("statement"));
        }
        if key.public() != statement.author {
            return Err(Invalid::Signature(statement.author));
        }
        let id = StatementId::of(canonical);
        let len = u32::try_from(canonical.len()).map_err(|_| Invalid::TooLarge { got: canonical.len() })?;
        Ok(Self { id, statement, signature: OnceLock::new(), len, key: None })
    }

    /// The id.
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// What it says.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Canonical bytes and signature, as they travel and lie on disk: written anew, so ask for their number with
    /// [`Verified::wire_len`].
    pub fn wire(&self) -> Bytes {
        let mut wire = Vec::with_capacity(self.wire_len());
        self.statement.write(&mut wire);
        // Without a key it is there from the beginning.
        let make = || self.key.as_ref().map_or([0; SIGNATURE_BYTES], |key| key.sign_for(CONTEXT, &wire));
        let signature = *self.signature.get_or_init(make);
        wire.extend_from_slice(&signature);
        wire.into()
    }

    /// How many bytes [`Verified::wire`] has.
    pub fn wire_len(&self) -> usize {
        self.len as usize + SIGNATURE_BYTES
    }

    /// Position in the order in which fitness is decided: time, then id.
    pub fn key(&self) -> (crate::Hlc, StatementId) {
        (self.statement.hlc, self.id)
    }
}
