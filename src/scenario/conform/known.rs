//! The recorded scenarios that are known not to be repeated to the letter: a list that is kept where people read it, in
//! `docs/divergences.md`, and read from there. One that is listed still counts as different, under its name and its reason, and
//! one that differs in more than is listed has failed.

use sorted::SortedMap;

/// The heading under which the list stands.
const HEADING: &str = "## Recorded scenarios";

/// What is known of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The columns in which it differs.
    pub columns: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Known {
    /// Whether all that differs is known to. The first difference names the columns.
    pub fn covers(&self, differences: &[String]) -> bool {
        let found = differences.first().and_then(|first| first.strip_prefix("differs in: "));
        found.is_some_and(|found| found.split(", ").all(|column| self.columns.iter().any(|it| it == column)))
    }
}

/// Reads the list out of a document: ``- `scenario` (column, column): reason``, over as many lines as it takes.
pub fn listed(document: &str) -> SortedMap<String, Known> {
    let mut known: SortedMap<String, Known> = SortedMap::new();
    let mut lines = document.lines().skip_while(|line| !line.starts_with(HEADING)).skip(1).peekable();
    while let Some(line) = lines.next().filter(|line| !line.starts_with('#')) {
        let mut item = line.to_string();
        while let Some(more) = lines.next_if(|next| next.starts_with(' ')) {
            item = format!("{item} {}", more.trim());
        }
        let parts = item.strip_prefix("- `").and_then(|item| item.split_once("` ("));
        let Some((name, rest)) = parts else { continue };
        let Some((columns, reason)) = rest.split_once("): ") else { continue };
        let columns = columns.split(", ").map(str::to_string).collect();
        known.insert(name.to_string(), Known { columns, reason: reason.to_string() });
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::conform::{Tally, traces::COLUMNS};

    #[test]
    fn what_is_listed_counts_as_known_only_where_it_differs_as_listed() {
        let document = "## Recorded scenarios\nThese:\n\n- `slow` (events): it took\n  longer there\n- `odd` (outputs): chance\n\
                        ## Else\n- `not-here` (events): no\n";
        let failed =
            |name: &str, first: &str| (name.to_string(), vec![first.to_string(), "more".to_string()]);
        let mut tally = Tally {
            passed: 3,
            failed: vec![
                failed("slow", "differs in: events"),
                failed("odd", "differs in: outputs, events"),
                failed("not-here", "differs in: events"),
                failed("other", "unreadable: no JSON"),
            ],
            ..Tally::default()
        };
        tally.set_known_apart(&listed(document));
        assert_eq!(tally.line(), "3 passed, 1 known to differ, 3 failed");
        let (name, reason, _) = &tally.known[0];
        assert_eq!((name.as_str(), reason.as_str()), ("slow", "it took longer there"));
    }

    #[test]
    fn the_list_that_is_shipped_names_columns_and_reasons() {
        let known = listed(include_str!("../../../docs/divergences.md"));
        assert!(!known.is_empty());
        for (name, Known { columns, reason }) in &known {
            assert!(columns.iter().all(|it| COLUMNS.contains(&it.as_str())), "{name}: {columns:?}");
            assert!(!reason.is_empty(), "{name}");
        }
    }
}
