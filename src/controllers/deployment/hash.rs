//! The hash of a pod template, which names its ReplicaSet and labels its pods.

use crate::api::hash::fnv1a_32;
use crate::api::k8s::PodTemplateSpec;
use crate::api::typed;

use super::TEMPLATE_HASH;

/// The letters that stand for digits (`rand.SafeEncodeString`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// FNV-1a over the template's fields, spelled in letters (`controller.ComputeHash`). Upstream hashes a dump of Go memory, so
/// its letters differ; as there, equal templates have equal hashes, and a collision is resolved by counting it in.
pub fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    // By way of a value, whose keys are sorted.
    let mut bytes = typed::write(template).to_string().into_bytes();
    if let Some(count) = collisions {
        bytes.extend(i64::from(count).to_le_bytes());
    }
    safe_encode(fnv1a_32(&bytes))
}

/// A number's decimal digits as letters that make no words.
pub fn safe_encode(number: u32) -> String {
    let digits = number.to_string();
    digits.bytes().map(|digit| ALPHABET[usize::from(digit) % ALPHABET.len()] as char).collect()
}

/// Whether two templates are the same but for the label with the hash (`EqualIgnoreHash`).
pub fn equal_ignoring_hash(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let metadata = |template: &PodTemplateSpec| {
        let mut meta = template.metadata.clone().unwrap_or_default();
        if let Some(labels) = &mut meta.labels {
            labels.remove(TEMPLATE_HASH);
        }
        meta.labels = meta.labels.filter(|labels| !labels.is_empty());
        meta.annotations = meta.annotations.filter(|annotations| !annotations.is_empty());
        meta
    };
    a.spec == b.spec && metadata(a) == metadata(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ObjectMeta, PodSpec};

    fn template(labels: &[(&str, &str)], hostname: &str) -> PodTemplateSpec {
        let labels = labels.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
        PodTemplateSpec {
            metadata: Some(ObjectMeta { labels: Some(labels), ..Default::default() }),
            spec: Some(PodSpec { hostname: Some(hostname.into()), ..Default::default() }),
        }
    }

    #[test]
    fn the_hash_label_alone_makes_no_new_template() {
        let plain = template(&[("app", "web")], "a");
        assert!(equal_ignoring_hash(&plain, &template(&[("app", "web"), (TEMPLATE_HASH, "x")], "a")));
        assert!(!equal_ignoring_hash(&plain, &template(&[("app", "web"), ("tier", "x")], "a")));
        assert!(!equal_ignoring_hash(&plain, &template(&[("app", "web")], "b")));
        assert!(equal_ignoring_hash(
            &PodTemplateSpec { metadata: None, ..plain.clone() },
            &template(&[], "a")
        ));
    }

    #[test]
    fn a_collision_count_gives_another_hash_of_letters_that_names_allow() {
        let template = template(&[("app", "web")], "a");
        assert_ne!(template_hash(&template, None), template_hash(&template, Some(1)));
        assert_ne!(template_hash(&template, Some(1)), template_hash(&template, Some(2)));
        assert!(template_hash(&template, None).bytes().all(|letter| ALPHABET.contains(&letter)));
    }
}
