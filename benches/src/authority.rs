//! A mesh in which many keys may do many things: chains of grants with writers at their ends, demands and approvals,
//! revocations. It signs; it knows nothing of what is measured.

use std::sync::Arc;

use driftless_statement::{
    Approve, Body, Demand, Demands, Frontier, Genesis, Grant, Hlc, MeshId, Note, Path, Prefix, PublicKey, Revoke,
    Scope, SecretKey, Statement, StatementId, Terms, Touch, Verb, Verified, Write,
};

use crate::forge::{START_MS, key, put, text};

/// A key by a number that may be large.
pub fn numbered(number: usize) -> SecretKey {
    let mut bytes = [77; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::from_bytes(bytes)
}

/// A key that writes, what it relies on, and where.
pub struct Writer {
    key: SecretKey,
    /// The grant that it relies on.
    pub grant: StatementId,
    prefix: String,
    last: Option<StatementId>,
}

/// The mesh, and whoever signs in it.
pub struct Authority {
    /// Its name.
    pub mesh: MeshId,
    /// Genesis first, then every act in order.
    pub acts: Vec<Arc<Verified>>,
    root: SecretKey,
    said: u64,
    keys: usize,
}

/// Bytes of a value.
const VALUE: usize = 40;
/// Keys that may approve; two must.
const APPROVERS: usize = 3;

impl Authority {
    /// A mesh of one root key and one node.
    pub fn found() -> Self {
        let root = key(201);
        let keys = vec![root.public()];
        let genesis = Body::from(Genesis { keys, threshold: 1, fold_version: 1, name: "measured".to_owned() });
        let mut mesh = Self { mesh: MeshId::UNFOUNDED, acts: Vec::new(), root, said: 0, keys: 0 };
        let genesis = mesh.sign(&key(201), mesh.blank(StatementId::NONE, genesis));
        mesh.mesh = MeshId::from(genesis.id());
        mesh.acts.push(genesis);
        let all = [Verb::Member, Verb::Write];
        mesh.grant(None, key(1).public(), &all, "", Terms::default());
        mesh
    }

    fn blank(&self, grant: StatementId, body: Body) -> Statement {
        Statement {
            mesh: self.mesh,
            scope: Scope::mesh(),
            author: self.root.public(),
            grant,
            prev: vec![],
            touches: vec![],
            hlc: Hlc(Hlc::from_millis(START_MS).0 + self.said),
            body,
            note: Note::default(),
            unknown: vec![],
        }
    }

    fn sign(&mut self, by: &SecretKey, statement: Statement) -> Arc<Verified> {
        self.said += 1;
        Arc::new(Verified::sign(Statement { author: by.public(), ..statement }, by).unwrap())
    }

    /// The epoch.
    fn epoch(&self) -> StatementId {
        self.acts.first().map_or(StatementId::NONE, |genesis| genesis.id())
    }

    fn fresh_key(&mut self) -> SecretKey {
        self.keys += 1;
        numbered(self.keys)
    }

    /// A grant by the roots, or by the holder of another one.
    fn grant(
        &mut self,
        on: Option<(&SecretKey, StatementId)>,
        to: PublicKey,
        verbs: &[Verb],
        prefix: &str,
        terms: Terms,
    ) -> StatementId {
        let grant = Grant {
            key: to,
            verbs: verbs.iter().copied().collect(),
            prefix: Prefix::parse(prefix).unwrap(),
            scopes: vec![],
            terms,
        };
        let root = key(201);
        let (by, on) = on.unwrap_or((&root, self.epoch()));
        let act = self.sign(by, self.blank(on, Body::from(grant)));
        self.acts.push(act.clone());
        act.id()
    }

    /// So many grants, in chains of so many, each of which ends in a writer. The first of each chain has these terms.
    pub fn chains(&mut self, grants: usize, depth: usize, terms: &Terms) -> Vec<Writer> {
        let chains = (grants / depth).max(1);
        let mut writers = Vec::new();
        for chain in 0..chains {
            let (prefix, verbs) = (format!("shop/chain-{chain}"), [Verb::Write, Verb::Delegate]);
            let mut holder = self.fresh_key();
            let mut on = self.grant(None, holder.public(), &verbs, "shop", terms.clone());
            for _ in 1..depth {
                let next = self.fresh_key();
                on = self.grant(Some((&holder, on)), next.public(), &verbs, &prefix, Terms::default());
                holder = next;
            }
            writers.push(Writer { key: holder, grant: on, prefix, last: None });
        }
        for _ in chains * depth..grants {
            let other = self.fresh_key();
            self.grant(None, other.public(), &[Verb::Write], "shop", Terms::default());
        }
        writers
    }

    /// A writer by root act, everywhere in `shop`.
    pub fn writer(&mut self) -> Writer {
        let key = self.fresh_key();
        let grant = self.grant(None, key.public(), &[Verb::Write], "shop", Terms::default());
        Writer { key, grant, prefix: "shop".to_owned(), last: None }
    }

    /// Keys that may approve, with their grants, and the terms that demand two of them.
    pub fn approvers(&mut self) -> (Vec<(SecretKey, StatementId)>, Terms) {
        let approvers: Vec<(SecretKey, StatementId)> = (0..APPROVERS)
            .map(|_| {
                let approver = self.fresh_key();
                let grant = self.grant(None, approver.public(), &[Verb::Approve], "", Terms::default());
                (approver, grant)
            })
            .collect();
        let of = approvers.iter().map(|(key, _)| key.public()).collect();
        let demands = Demands { writes: Some(Demand { approvals: 2, of }), deletes: None };
        (approvers, Terms { demands, ..Terms::default() })
    }

    /// An approval of a write in `shop`.
    pub fn approve(&mut self, (by, on): &(SecretKey, StatementId), id: StatementId) {
        let body = Body::from(Approve { scope: Scope::parse("shop").unwrap(), id });
        let act = self.sign(by, self.blank(*on, body));
        self.acts.push(act);
    }

    /// A revocation of a writer by the roots; what it accepts in `shop` with all that this names.
    pub fn revoke(&mut self, writer: &Writer, accepts: Option<StatementId>) -> Arc<Verified> {
        let mut frontier = Frontier::nothing();
        accepts.into_iter().for_each(|id| frontier.insert(Scope::parse("shop").unwrap(), id));
        let body = Body::from(Revoke { key: writer.key.public(), prefix: Prefix::all(), frontier });
        self.sign(&key(201), self.blank(self.epoch(), body))
    }

    /// A grant to a key that nobody knew before, as it would arrive.
    pub fn one_more(&mut self) -> Arc<Verified> {
        let to = self.fresh_key();
        self.grant(None, to.public(), &[Verb::Write], "shop", Terms::default());
        self.acts.pop().unwrap()
    }

    /// A write of an entry below what the writer was granted. It names the writer's last one as `prev`.
    pub fn write(&mut self, writer: &mut Writer, entry: usize, bases: Vec<StatementId>) -> Arc<Verified> {
        let path = Path::parse(&format!("{}/entry-{entry}", writer.prefix)).unwrap();
        let value = text(self.said as usize, VALUE);
        let statement = Statement {
            scope: path.scope(),
            touches: vec![Touch { path, bases }],
            prev: writer.last.into_iter().collect(),
            ..self.blank(writer.grant, Body::Write(Write { edits: vec![vec![put(&[], value)]] }))
        };
        let written = self.sign(&writer.key, statement);
        writer.last = Some(written.id());
        written
    }
}
