//! Custom resources: kinds that exist because a CustomResourceDefinition in the store says so.
//!
//! There is no list of them beside the store. Which kinds are served, in which versions and by which words, is read off the
//! definitions of a [`View`], so that a snapshot, a look into the past or a replay has exactly the kinds of its moment. A definition
//! is established by the write that makes it ([`names`]); what its objects go through is in [`objects`]. Models
//! apiextensions-apiserver.

mod names;
pub mod objects;
#[cfg(test)]
mod tests;

pub use names::{CLEANUP_FINALIZER, accept, begin_termination, terminating};

use super::store::View;
use crate::api::definition::Definition;
use crate::api::{Key, Kind, Object};

impl View {
    /// The definitions whose objects are served, in order of their names.
    pub fn definitions(&self) -> impl Iterator<Item = Definition<'_>> {
        let all = self.objects(Kind::CUSTOM_RESOURCE_DEFINITION, None);
        all.filter_map(|object| Definition::of(object)).filter(Definition::is_established)
    }

    /// The definition of a custom kind; nothing for a built-in one, or one that is no more.
    pub fn definition(&self, kind: Kind) -> Option<Definition<'_>> {
        if !kind.is_custom() {
            return None;
        }
        let key = Key::cluster(Kind::CUSTOM_RESOURCE_DEFINITION, &kind.group_resource());
        self.object(&key).and_then(|object| Definition::of(object)).filter(Definition::is_established)
    }

    /// Every kind that is served: the built-in ones, then those of the definitions.
    pub fn kinds(&self) -> Vec<Kind> {
        Kind::all().chain(self.definitions().map(|definition| definition.kind())).collect()
    }

    /// The kind that a manifest's `apiVersion` and `kind` name, if it is served.
    pub fn kind_from_manifest(&self, api_version: &str, kind: &str) -> Option<Kind> {
        let custom = || {
            let (group, version) = api_version.split_once('/')?;
            let mut own = self.definitions().filter(|definition| definition.group() == group);
            let own = own.find(|definition| definition.kind().name() == kind)?;
            own.version(version).map(|_| own.kind())
        };
        Kind::from_manifest(api_version, kind).or_else(custom)
    }

    /// The kind that a word of a kubectl command names, as [`Kind::from_resource_word`]; built-in kinds come first.
    pub fn kind_from_word(&self, word: &str) -> Option<Kind> {
        Kind::from_resource_word(word).or_else(|| {
            let word = word.to_ascii_lowercase();
            let (name, group) = word.split_once('.').map_or((word.as_str(), None), |(n, g)| (n, Some(g)));
            let named = |definition: &Definition<'_>| {
                let names = [definition.plural(), definition.singular()];
                names.contains(&name)
                    || definition.short_names().contains(&name)
                    || definition.kind().name().eq_ignore_ascii_case(name)
            };
            let in_group = |definition: &Definition<'_>| {
                let of_version = |group: &str| {
                    let (version, rest) = group.split_once('.')?;
                    (rest == definition.group()).then(|| definition.version(version).is_some())
                };
                group.is_none_or(|group| group == definition.group() || of_version(group) == Some(true))
            };
            self.definitions()
                .find(|definition| named(definition) && in_group(definition))
                .map(|definition| definition.kind())
        })
    }

    /// The version in which objects of a kind are shown: `apps/v1`.
    pub fn api_version(&self, kind: Kind) -> String {
        let custom = self.definition(kind).and_then(|own| Some(own.api_version(&own.preferred()?)));
        custom.unwrap_or_else(|| kind.api_version())
    }

    /// Whether an object's status is written by itself.
    pub fn has_status(&self, object: &Object) -> bool {
        let Some(own) = self.definition(object.kind()) else { return true };
        own.version(&object.api_version()).or(own.preferred()).is_none_or(|version| version.has_status())
    }
}
