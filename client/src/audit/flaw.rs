//! What can be wrong with an export, and where. It must not know how it is found.

use driftless_statement::{Invalid, MeshId, Scope, StatementId};

/// Why an export is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is broken.
    #[error("{0}")]
    Broken(#[from] Box<Broken>),
}

/// The first broken line.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("line {line}{}: {flaw}", id.map(|id| format!(", statement {id}")).unwrap_or_default())]
pub struct Broken {
    /// Which, from 1.
    pub line: u64,
    /// The statement that stands there, as far as it could be read.
    pub id: Option<StatementId>,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// The file ends where it must not.
    #[error("the file ends here without an `end` line: it was cut off")]
    CutOff,
    /// Longer than any line.
    #[error("longer than any line of an export ({max} bytes)")]
    TooLong {
        /// The limit.
        max: u64,
    },
    /// Not a line of an export.
    #[error("not a line of an export: {0}")]
    Form(String),
    /// A line where another kind must stand.
    #[error("{got} stands where {want} must")]
    Kind {
        /// What stands there.
        got: &'static str,
        /// What must.
        want: &'static str,
    },
    /// A form that this version does not read.
    #[error("form {got} is not known here (this program reads form {want}); use a newer one")]
    UnknownForm {
        /// The form given.
        got: u32,
        /// The one read here.
        want: u32,
    },
    /// Of another mesh than expected.
    #[error("the export is of mesh {got}, expected was {want}")]
    OtherMesh {
        /// Its mesh.
        got: MeshId,
        /// The mesh expected.
        want: MeshId,
    },
    /// The wire bytes are no base64.
    #[error("wire: not base64 (RFC 4648 section 4, with padding)")]
    Base64,
    /// The bytes are no valid statement of this mesh, or its author did not sign them.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// The words say something else than the signed bytes, or stand there in another form than the one they have.
    #[error("{field}: not what the signed bytes say; the words were altered")]
    Words {
        /// The first such field.
        field: String,
    },
    /// The first statement is not the genesis.
    #[error("the first statement must be the genesis of mesh {mesh}")]
    NoGenesis {
        /// The mesh.
        mesh: MeshId,
    },
    /// The statement stands in the file twice.
    #[error("it stands in the file already; statements were repeated")]
    Twice,
    /// Not in its place.
    #[error("not in its place: `@mesh` comes first, and each part is in the order of time and id; lines were moved")]
    Order,
    /// A scope that the head does not list.
    #[error("scope {0} is not one that the head lists")]
    Scope(Scope),
    /// Something that it names is not there.
    #[error("it names statement {named}, which does not stand before it; a line was removed")]
    Missing {
        /// What it names.
        named: StatementId,
    },
    /// The fate told is not the one that trust gives.
    #[error("the file says {said:?}, by the rules it is {found:?}")]
    Fate {
        /// As told.
        said: String,
        /// As judged.
        found: String,
    },
    /// The end does not fit the lines.
    #[error("{what}: the end says {said}, the file has {found}; lines were added, removed or altered")]
    End {
        /// Of what.
        what: &'static str,
        /// As told.
        said: String,
        /// As found.
        found: String,
    },
    /// Something follows the end.
    #[error("the file goes on behind its end")]
    BehindEnd,
}
