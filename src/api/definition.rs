//! A CustomResourceDefinition as others read it: the names that are accepted and the versions that are served.

use std::cmp::Reverse;

use serde_json::Value;

use super::kind::Kind;
use super::object::Object;
use super::sorting;

static NULL: Value = Value::Null;

/// A CustomResourceDefinition.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    spec: &'a Value,
    status: &'a Value,
}

/// One of its versions.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a>(&'a Value);

fn texts<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    value[name].as_array().into_iter().flatten().filter_map(Value::as_str)
}

impl<'a> Definition<'a> {
    /// A definition out of the object that it is.
    pub fn of(object: &'a Object) -> Option<Definition<'a>> {
        match object {
            Object::Tree(tree) if tree.kind == Kind::CUSTOM_RESOURCE_DEFINITION => {
                Some(Definition { spec: tree.fields.get("spec").unwrap_or(&NULL), status: &tree.status })
            }
            _ => None,
        }
    }

    /// The API group.
    pub fn group(&self) -> &'a str {
        self.spec["group"].as_str().unwrap_or_default()
    }

    /// `spec.names`: the names that are asked for.
    pub fn names(&self) -> &'a Value {
        &self.spec["names"]
    }

    /// `status.acceptedNames`: those of them that no other definition had first.
    pub fn accepted(&self) -> &'a Value {
        &self.status["acceptedNames"]
    }

    fn name(&self, which: &str) -> &'a str {
        self.accepted()[which].as_str().unwrap_or_default()
    }

    /// The resource name.
    pub fn plural(&self) -> &'a str {
        self.name("plural")
    }

    /// The singular name.
    pub fn singular(&self) -> &'a str {
        self.name("singular")
    }

    /// The abbreviations.
    pub fn short_names(&self) -> Vec<&'a str> {
        texts(self.accepted(), "shortNames").collect()
    }

    /// The words that stand for this kind among others: `all`.
    pub fn categories(&self) -> Vec<&'a str> {
        texts(self.accepted(), "categories").collect()
    }

    /// The kind of its objects.
    pub fn kind(&self) -> Kind {
        let namespaced = self.spec["scope"] == "Namespaced";
        Kind::custom(self.group(), self.plural(), self.name("kind"), namespaced)
    }

    /// Whether a condition holds.
    pub fn is(&self, condition: &str) -> bool {
        let conditions = self.status["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|known| known["type"] == condition && known["status"] == "True")
    }

    /// Whether its objects are served.
    pub fn is_established(&self) -> bool {
        self.is("Established")
    }

    /// All versions, as written.
    pub fn versions(&self) -> impl Iterator<Item = Version<'a>> + use<'a> {
        self.spec["versions"].as_array().into_iter().flatten().map(Version)
    }

    /// The versions that are served, the one that is preferred first: stable before beta before alpha, then by number
    /// (`version.CompareKubeAwareVersionStrings`).
    pub fn served(&self) -> Vec<Version<'a>> {
        let mut served: Vec<Version<'a>> =
            self.versions().filter(|version| version.0["served"] == true).collect();
        sorting::sort_by_key(&mut served, |version| Reverse(rank(version.name())));
        served
    }

    /// The version that others than those who ask for one get.
    pub fn preferred(&self) -> Option<Version<'a>> {
        self.served().first().copied()
    }

    /// A served version by its name, or by `group/name`.
    pub fn version(&self, api_version: &str) -> Option<Version<'a>> {
        let name = api_version.rsplit('/').next().unwrap_or_default();
        self.served().into_iter().find(|version| version.name() == name)
    }

    /// What the server says to whoever uses a version that is deprecated; nothing of another.
    pub fn warning(&self, version: &Version<'_>) -> Option<String> {
        if version.0["deprecated"] != true {
            return None;
        }
        if let Some(warning) = version.0["deprecationWarning"].as_str() {
            return Some(warning.to_string());
        }
        let kind = self.name("kind");
        let better =
            |other: &Version<'_>| other.0["deprecated"] != true && rank(other.name()) > rank(version.name());
        let instead = self.served().into_iter().find(better);
        let instead = instead.map(|other| format!("; use {} {kind}", self.api_version(&other)));
        Some(format!("{} {kind} is deprecated{}", self.api_version(version), instead.unwrap_or_default()))
    }

    /// `group/version`, as the objects of a version carry it.
    pub fn api_version(&self, version: &Version<'_>) -> String {
        format!("{}/{}", self.group(), version.name())
    }
}

impl<'a> Version<'a> {
    /// Its name: `v1beta1`.
    pub fn name(&self) -> &'a str {
        self.0["name"].as_str().unwrap_or_default()
    }

    /// What its objects look like.
    pub fn schema(&self) -> &'a Value {
        &self.0["schema"]["openAPIV3Schema"]
    }

    /// Whether the status is written by itself.
    pub fn has_status(&self) -> bool {
        self.0["subresources"]["status"].is_object()
    }

    /// The paths of the subresource `scale`, if there is one.
    pub fn scale(&self) -> Option<Scale<'a>> {
        let scale = self.0["subresources"]["scale"].as_object()?;
        let path = |name: &str| scale.get(name).and_then(Value::as_str).unwrap_or_default();
        let (replicas, current) = (path("specReplicasPath"), path("statusReplicasPath"));
        Some(Scale { replicas, current, selector: path("labelSelectorPath") })
    }

    /// `additionalPrinterColumns`.
    pub fn columns(&self) -> &'a [Value] {
        self.0["additionalPrinterColumns"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The fields that objects can be selected by: `spec.color`.
    pub fn selectable_fields(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let fields = self.0["selectableFields"].as_array().into_iter().flatten();
        fields.filter_map(|field| field["jsonPath"].as_str()?.strip_prefix('.'))
    }
}

/// Where objects keep how many of something they want and have.
#[derive(Clone, Copy, Debug)]
pub struct Scale<'a> {
    /// `.spec.replicas`
    pub replicas: &'a str,
    /// `.status.replicas`
    pub current: &'a str,
    /// `.status.selector`; empty where there is none.
    pub selector: &'a str,
}

/// How stable a version is, and which: `v2` before `v1` before `v2beta1` before `v1alpha3`, and before all that are no versions,
/// which are in order of the alphabet.
fn rank(name: &str) -> (u8, u64, u64, Reverse<&str>) {
    let other = (0, 0, 0, Reverse(name));
    let Some(rest) = name.strip_prefix('v') else { return other };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = rest.split_at(digits(rest));
    let Ok(major) = major.parse() else { return other };
    if rest.is_empty() {
        return (3, major, 0, Reverse(""));
    }
    for (word, stage) in [("beta", 2), ("alpha", 1)] {
        let minor = rest.strip_prefix(word).filter(|minor| digits(minor) == minor.len());
        if let Some(Ok(minor)) = minor.map(str::parse) {
            return (stage, major, minor, Reverse(""));
        }
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_preferred_by_stability_and_number() {
        let mut names = ["foo10", "v1beta2", "v1", "v10", "foo1", "v3alpha1", "v2", "v11beta2", "v1alpha"];
        sorting::sort_by_key(&mut names, |name| Reverse(rank(name)));
        assert_eq!(names, ["v10", "v2", "v1", "v11beta2", "v1beta2", "v3alpha1", "foo1", "foo10", "v1alpha"]);
    }
}
