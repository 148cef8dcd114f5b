//! Leaves out of an answer what its caller may not read. An answer about several entries is made whole and then cut here, in
//! one place, so that the words that tell things need not know who asks.

use driftless_client::api;

use super::Permit;

impl Permit {
    /// Cuts a statement down to the entries that may be read. What cannot be told apart by entry goes whole: the note and the
    /// reason may speak of the others.
    pub fn cut_statement(&self, told: &mut api::StatementInfo) {
        if self.is_whole() || self.reads_scope(&told.scope) || told.paths.iter().all(|path| self.reads(path)) {
            return;
        }
        let readable: Vec<bool> = told.paths.iter().map(|path| self.reads(path)).collect();
        let mut keep = readable.iter();
        told.edits.retain(|_| keep.next().copied().unwrap_or(false));
        told.paths.retain(|path| self.reads(path));
        told.bases.retain(|path, _| self.reads(path));
        told.skipped.retain(|text| text.split_once(": ").is_some_and(|(path, _)| self.reads_text(path)));
        told.note = driftless_statement::Note::default();
        told.reason = None;
    }

    /// Cuts each statement of a page.
    pub fn cut_page(&self, page: &mut api::History) {
        page.statements.iter_mut().for_each(|told| self.cut_statement(told));
    }

    /// Cuts an explanation.
    pub fn cut_explanation(&self, told: &mut api::Explanation) {
        told.kept_out.iter_mut().for_each(|told| self.cut_statement(told));
    }

    /// Leaves the scopes that may be read whole: their digests and counts are of all that is in them.
    pub fn cut_scopes(&self, scopes: &mut Vec<api::ScopeRow>) {
        scopes.retain(|row| self.reads_scope(&row.scope));
    }

    /// The same for each node of the mesh.
    pub fn cut_divergence(&self, told: &mut api::Divergence) {
        told.nodes.iter_mut().for_each(|node| self.cut_scopes(&mut node.scopes));
    }

    /// The same for what a key has said.
    pub fn cut_author(&self, told: &mut api::Author) {
        told.scopes.retain(|row| self.reads_scope(&row.scope));
        told.only = match told.only.take() {
            Some(scopes) => Some(scopes.into_iter().filter(|scope| self.reads_scope(scope)).collect()),
            None => self.scopes_read(),
        };
    }

    /// Leaves the entries that may be read, and the counts of scopes that may be read whole.
    pub fn cut_preview(&self, told: &mut api::Preview) {
        told.entries.retain(|turn| self.reads(&turn.path));
        told.voided.retain(|scope, _| self.reads_text(scope));
        told.restored.retain(|scope, _| self.reads_text(scope));
    }
}
