//! What `explain` says of the built-in kinds: our own words. Only this command reads them, so the page loads them late.

use crate::api::schema::TypeId;

const WORDS: &str = include_str!("words.txt");
/// The section of what is said of every kind's own fields.
const EVERY_KIND: &str = "*";

/// What is said of a type.
pub fn of_type(ty: TypeId) -> Option<&'static str> {
    lines(ty.name()).next()?.split_once(": ").map(|(_, text)| text)
}

/// What is said of a field.
pub fn of_field(owner: TypeId, field: &str) -> Option<&'static str> {
    let kind = owner.field("metadata").map(|_| EVERY_KIND);
    [Some(owner.name()), kind].into_iter().flatten().find_map(|section| {
        lines(section).skip(1).find_map(|line| line.trim_start().strip_prefix(field)?.strip_prefix(": "))
    })
}

/// The lines of a section: its head, and the fields below it.
fn lines(section: &str) -> impl Iterator<Item = &'static str> {
    let mut all = WORDS.lines().skip_while(move |line| line.split(':').next() != Some(section));
    let head = all.next();
    let fields: Vec<&str> = all.take_while(|line| line.starts_with("  ")).collect();
    head.into_iter().chain(fields)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{EVERY_KIND, WORDS, of_field, of_type};
    use crate::api::schema::{self, TypeId};

    /// Every type that a built-in kind is made of, by name.
    fn types() -> BTreeMap<&'static str, Vec<TypeId>> {
        let mut found: BTreeMap<&str, Vec<TypeId>> = BTreeMap::new();
        let mut waiting: Vec<TypeId> = schema::kinds().map(|(_, _, id)| id).collect();
        while let Some(id) = waiting.pop() {
            let same = found.entry(id.name()).or_default();
            if !same.contains(&id) {
                same.push(id);
                waiting.extend(id.fields().iter().filter_map(|field| field.ty.object()));
            }
        }
        found
    }

    #[test]
    fn every_line_is_about_something_that_exists_and_is_found() {
        let types = types();
        let mut section = "";
        for line in WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, text) = line.split_once(": ").unwrap_or((line, ""));
            let Some(field) = name.strip_prefix("  ") else {
                section = name;
                let known =
                    types.get(name).is_some_and(|ids| ids.iter().all(|id| of_type(*id) == Some(text)));
                assert!(known || name == EVERY_KIND, "{line}");
                continue;
            };
            let owners = types.get(section).map_or(&[] as &[TypeId], Vec::as_slice);
            let has = |id: &&TypeId| id.field(field).is_some();
            let said = owners.iter().find(has).map(|id| of_field(*id, field));
            assert!(said == Some(Some(text)) || section == EVERY_KIND, "{section}: {line}");
        }
    }
}
