//! The sure way: ranges of ids compared by digest, split where they differ, listed where they are short.

use std::collections::BTreeMap;

use driftless_statement::{Hlc, StatementId};

use super::{Asked, Session};
use crate::reconcile::limits::{OPEN_RANGES, RANGE_PAGE};
use crate::reconcile::outcome::End;
use crate::reconcile::short::Short;
use crate::reconcile::summary::Summary;
use crate::wire::{Part, Request};

/// A range of ids still to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: StatementId,
    to: Option<StatementId>,
    /// Worth listing as it is: almost nothing of it is held here, or its parts would differ as well.
    list: bool,
}

impl Span {
    fn has(&self, id: &StatementId) -> bool {
        *id >= self.from && self.to.is_none_or(|to| *id < to)
    }
}

impl Session {
    pub(super) fn list_everything(&mut self, list: bool) {
        self.open_span(Span { from: StatementId([0; 32]), to: None, list });
    }

    fn open_span(&mut self, span: Span) {
        if self.ranges.len() < OPEN_RANGES {
            self.ranges.push(span);
        } else {
            self.cut = true;
        }
    }

    pub(super) fn ask_range(&mut self) -> Option<Request> {
        let span = self.ranges.pop()?;
        self.asked = Asked::Range(span);
        let Span { from, to, list } = span;
        Some(Request::Range { scope: self.outcome.scope.clone(), from, to, list })
    }

    /// Opens the parts that differ. Bounds must lie inside the range, so every part is smaller than it.
    pub(super) fn take_parts(
        &mut self,
        summary: &Summary,
        span: Span,
        bounds: &[StatementId],
        parts: &[Part],
    ) -> Result<(), End> {
        let inside = bounds.iter().all(|bound| *bound > span.from && span.has(bound));
        if bounds.is_empty() || !inside || !bounds.is_sorted_by(|a, b| a < b) || parts.len() != bounds.len() + 1 {
            return Err(End::Misbehaved("parts that do not divide the range"));
        }
        let starts = std::iter::once(span.from).chain(bounds.iter().copied());
        let ends = bounds.iter().copied().map(Some).chain(std::iter::once(span.to));
        let mut open = Vec::new();
        for ((from, to), part) in starts.zip(ends).zip(parts) {
            let own = summary.part(from, to);
            if own != *part {
                // Ranges are looked at when thousands differ, scattered over the ids: parts of a part would all differ, too.
                let list = part.count <= RANGE_PAGE as u64 || own.count < part.count / 4;
                open.push(Span { from, to, list });
            }
        }
        open.into_iter().rev().for_each(|span| self.open_span(span));
        Ok(())
    }

    /// Compares a list of ids with the own ones in the same range.
    pub(super) fn take_ids(
        &mut self,
        summary: &Summary,
        span: Span,
        ids: &[(StatementId, Hlc)],
        upto: Option<StatementId>,
    ) -> Result<(), End> {
        let ends_inside = upto.is_none_or(|upto| upto > span.from && span.has(&upto) && !ids.is_empty());
        if !ends_inside || !ids.iter().all(|(id, _)| span.has(id)) {
            return Err(End::Misbehaved("ids outside the range"));
        }
        if let Some(upto) = upto {
            self.open_span(Span { from: upto, ..span });
        }
        let mut own: BTreeMap<&StatementId, &Hlc> = summary.range(span.from, upto.or(span.to)).collect();
        for (id, hlc) in ids {
            if own.remove(id).is_none() && self.wanted.add(*hlc, Short::from(id)) {
                self.outcome.only_remote += 1;
            }
        }
        self.plan_pushes(own.into_iter());
        Ok(())
    }
}
