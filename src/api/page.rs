//! Paging: a limit and an opaque cursor, the same for every list.

use serde::Deserialize;
use utoipa::IntoParams;

use super::codes::Fault;
use super::error::Problem;
use super::wire::Page;
use crate::base::Revision;

/// Items on a page when nobody says how many.
const LIMIT_DEFAULT: usize = 100;
/// Most items on a page.
pub(crate) const LIMIT_MAX: usize = 500;
/// Longest cursor, in bytes: a file, a slash and the longest property name fit twice.
const CURSOR_MAX_BYTES: usize = 512;

/// Which page is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// Most items to answer with, 1 to 500; 100 when absent.
    pub(crate) limit: Option<String>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

/// A checked [`Paging`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
}

impl Window {
    /// Checks what the query says.
    pub(crate) fn new(limit: Option<&str>, after: Option<String>) -> Result<Self, Problem> {
        let limit = match limit {
            None => LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| malformed("limit must be a whole number from 1 to 500."))?,
        };
        if after.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_MAX_BYTES) {
            return Err(malformed("after must be the next of an earlier page."));
        }
        Ok(Self { limit, after })
    }

    /// The cursor of a list that is ordered by revision.
    pub(crate) fn after_revision(&self) -> Result<Option<Revision>, Problem> {
        let parse = |text: &String| text.parse::<u64>().ok().map(Revision);
        match &self.after {
            None => Ok(None),
            Some(cursor) => match parse(cursor) {
                Some(revision) => Ok(Some(revision)),
                None => Err(malformed("after must be the next of an earlier page.")),
            },
        }
    }

    /// One page of items that come in the list's order, each with its cursor.
    pub(crate) fn page<T>(&self, items: impl Iterator<Item = (String, T)>) -> Page<T> {
        let mut found: Vec<(String, T)> = items.take(self.limit + 1).collect();
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().map(|(cursor, _)| cursor.clone()).filter(|_| more);
        Page { items: found.into_iter().map(|(_, item)| item).collect(), next }
    }
}

impl Paging {
    /// The checked window.
    pub(crate) fn window(self) -> Result<Window, Problem> {
        Window::new(self.limit.as_deref(), self.after)
    }
}

fn malformed(rule: &str) -> Problem {
    Problem::new(Fault::MalformedQuery, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all = (1..=7).map(|n| (n.to_string(), n));
        let first = Window::new(Some("3"), None).unwrap().page(all.clone());
        assert_eq!((first.items, first.next.clone()), (vec![1, 2, 3], Some("3".into())));
        let rest = Window::new(Some("4"), first.next).unwrap();
        let after = rest.after_revision().unwrap().unwrap().0;
        let last = rest.page(all.filter(|(_, n)| u64::try_from(*n).unwrap() > after));
        assert_eq!((last.items, last.next), (vec![4, 5, 6, 7], None));
    }

    #[test]
    fn a_window_is_refused_when_it_is_not_1_to_500_wide() {
        for limit in ["0", "501", "-1", "a", "", "1e2", "99999999999999999999"] {
            assert_eq!(Window::new(Some(limit), None).unwrap_err().code(), "MALFORMED_QUERY");
        }
        assert_eq!(Window::new(None, None).unwrap().limit, LIMIT_DEFAULT);
    }
}
