//! Signs a log's writes anew for another mesh: ids change, and with them what names them; nothing else does. It must not
//! know the world.

use std::collections::BTreeMap;

use driftless_statement::{
    Body, Edit, ElementId, ElementRef, Hlc, MeshId, Op, PublicKey, SecretKey, Statement, StatementId, Step, Touch,
    Verified, Write, edit::After,
};

use super::log::{BadLog, Log};

/// A simulated author: the key that signs, and the grant that lets it write.
pub struct Author {
    /// The number that spreads authors over nodes.
    pub number: usize,
    /// Signs.
    pub key: SecretKey,
    /// What it relies on.
    pub grant: StatementId,
}

/// A write, ready to be submitted.
pub struct Ready {
    /// Its author's number.
    pub author: usize,
    /// When it was made, Unix milliseconds of the simulated mesh.
    pub at_ms: u64,
    /// Its bytes.
    pub wire: Vec<u8>,
}

/// Where the writes go: another mesh, another time.
pub struct Target<'a> {
    /// The mesh.
    pub mesh: MeshId,
    /// Who signs in whose place.
    pub authors: &'a BTreeMap<PublicKey, Author>,
    /// When the first write is made, Unix milliseconds.
    pub begin_ms: u64,
    /// How many times faster than by their own times.
    pub pace: f64,
}

/// The writes of a log, signed anew. Times are pressed together and keep their order strictly, so the same writes win.
pub fn rewrite(log: &Log, target: &Target) -> Result<Vec<Ready>, BadLog> {
    let first_ms = log.writes.first().map_or(0, |write| write.statement().hlc.millis());
    let mut names = Names { log, new: BTreeMap::new() };
    let mut last = Hlc::default();
    let mut ready = Vec::with_capacity(log.writes.len());
    for write in &log.writes {
        let old = write.statement();
        let since_ms = (old.hlc.millis() - first_ms) as f64 / target.pace;
        let hlc = Hlc::from_millis(target.begin_ms + since_ms as u64).max(last.next().unwrap_or(last));
        last = hlc;
        let Some(author) = target.authors.get(&old.author) else { continue };
        let statement = names.statement(write.id(), old, author, target.mesh, hlc)?;
        let signed = Verified::sign(statement, &author.key)
            .map_err(|invalid| BadLog::Statement { number: ready.len() + 1, invalid })?;
        names.new.insert(write.id(), signed.id());
        ready.push(Ready { author: author.number, at_ms: hlc.millis(), wire: signed.wire().to_vec() });
    }
    Ok(ready)
}

/// What statements are called now.
struct Names<'a> {
    log: &'a Log,
    new: BTreeMap<StatementId, StatementId>,
}

impl Names<'_> {
    fn statement(
        &self,
        id: StatementId,
        old: &Statement,
        author: &Author,
        mesh: MeshId,
        hlc: Hlc,
    ) -> Result<Statement, BadLog> {
        let touch = |touch: &Touch| -> Result<Touch, BadLog> {
            Ok(Touch { path: touch.path.clone(), bases: self.all(id, &touch.bases)? })
        };
        let body = match &old.body {
            Body::Write(write) => {
                let edits = |edits: &Vec<Edit>| edits.iter().map(|edit| self.edit(id, edit)).collect();
                Body::Write(Write { edits: write.edits.iter().map(edits).collect::<Result<_, _>>()? })
            }
            other => other.clone(),
        };
        Ok(Statement {
            mesh,
            scope: old.scope.clone(),
            author: author.key.public(),
            grant: author.grant,
            prev: self.all(id, &old.prev)?,
            touches: old.touches.iter().map(touch).collect::<Result<_, _>>()?,
            hlc,
            body,
            note: old.note.clone(),
            unknown: Vec::new(),
        })
    }

    /// New names, ascending. What was left out with the trust statements is not named any more.
    fn all(&self, id: StatementId, old: &[StatementId]) -> Result<Vec<StatementId>, BadLog> {
        let kept = old.iter().filter(|named| !self.log.other_ids.contains(*named));
        let mut new: Vec<StatementId> = kept.map(|named| self.one(id, *named)).collect::<Result<_, _>>()?;
        new.sort_unstable();
        Ok(new)
    }

    fn one(&self, id: StatementId, named: StatementId) -> Result<StatementId, BadLog> {
        self.new.get(&named).copied().ok_or(BadLog::Missing { id, named })
    }

    fn edit(&self, id: StatementId, old: &Edit) -> Result<Edit, BadLog> {
        let step = |step: &Step| match step {
            Step::Element(element) => self.element(id, *element).map(Step::Element),
            Step::Key(key) => Ok(Step::Key(key.clone())),
        };
        let op = match &old.op {
            Op::Insert(inserted) => {
                let after = match inserted.after {
                    After::Element(element) => After::Element(self.element(id, element)?),
                    After::Head => After::Head,
                };
                Op::insert(after, inserted.value.clone())
            }
            Op::Put(_) | Op::Delete | Op::Counter(_) | Op::Increment(_) => old.op.clone(),
        };
        Ok(Edit { at: old.at.iter().map(step).collect::<Result<_, _>>()?, op })
    }

    /// An element that no statement of the log made is found by nobody, in the old mesh and in the new one.
    fn element(&self, id: StatementId, old: ElementRef) -> Result<ElementRef, BadLog> {
        match old {
            ElementRef::Own(..) => Ok(old),
            ElementRef::Of(of) => {
                let statement = self.new.get(&of.statement).copied();
                let statement = statement.ok_or(BadLog::Missing { id, named: of.statement })?;
                Ok(ElementRef::Of(ElementId { statement, ..of }))
            }
        }
    }
}
