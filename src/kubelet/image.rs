//! Images: their names, their sizes, which of them a node has, and how long it takes to get one there.

use sorted::SortedMap;

use super::config::Pulling;
use super::executable::says_missing;
use crate::api::hash::fnv1a_64;
use crate::api::k8s::ContainerImage;
use crate::api::sorting;
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

/// `nodeStatusMaxImages`: a node reports at most so many images.
const REPORTED_IMAGES_MAX: usize = 50;

/// An image reference taken apart: `registry.k8s.io/pause:3.10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// With registry and path, as the runtime completes it: `docker.io/library/nginx`.
    pub repository: String,
    /// The tag, `latest` if there is none; a digest with its `@`.
    pub tag: String,
}

impl ImageName {
    /// Reads a reference and fills in what it leaves out: Docker Hub, its `library`, the tag `latest`.
    pub fn parse(image: &str) -> ImageName {
        let (name, tag) = match (image.split_once('@'), image.rsplit_once(':')) {
            (Some((name, digest)), _) => (name, format!("@{digest}")),
            (None, Some((name, tag))) if !tag.contains('/') => (name, tag.to_string()),
            _ => (image, "latest".to_string()),
        };
        let registry =
            name.split_once('/').filter(|(host, _)| host.contains(['.', ':']) || *host == "localhost");
        let repository = match (registry, name.contains('/')) {
            (Some(_), _) => name.to_string(),
            (None, true) => format!("docker.io/{name}"),
            (None, false) => format!("docker.io/library/{name}"),
        };
        ImageName { repository, tag }
    }

    /// Checks a reference as the container runtimes' grammar has it (`reference.ParseNormalizedNamed`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(image: &str) -> Result<(), String> {
        const NAME_MAX: usize = 255;
        const HEX: usize = 64;
        let invalid = || "invalid reference format".to_string();
        if image.len() == HEX && image.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!(
                "invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"
            ));
        }
        let (rest, digest) =
            image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        let (name, tag) = match rest.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };
        let host =
            |part: &str| part.contains(['.', ':']) || part == "localhost" || part.to_lowercase() != part;
        let (domain, path) = match name.split_once('/').filter(|(part, _)| host(part)) {
            Some((domain, path)) => (domain, path.to_string()),
            None if name.contains('/') => ("docker.io", name.to_string()),
            None => ("docker.io", format!("library/{name}")),
        };
        if path.to_lowercase() != path {
            return Err(format!("invalid reference format: repository name ({path}) must be lowercase"));
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let tag_fits = |tag: &str| {
            let rest = tag.bytes().skip(1).all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
            tag.bytes().next().is_some_and(word) && rest && tag.len() <= 128
        };
        let fits = path.split('/').all(is_component)
            && is_domain(domain)
            && tag.is_none_or(tag_fits)
            && digest.is_none_or(is_digest);
        match fits {
            true if domain.len() + 1 + path.len() > NAME_MAX => {
                Err(format!("repository name must not be more than {NAME_MAX} characters"))
            }
            true => Ok(()),
            false => Err(invalid()),
        }
    }

    /// The last part of the repository: `nginx`.
    pub fn base(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }

    /// With the tag: `docker.io/library/nginx:1.27`.
    pub fn full(&self) -> String {
        let colon = if self.tag.starts_with('@') { "" } else { ":" };
        format!("{}{colon}{}", self.repository, self.tag)
    }

    /// With a digest that stands for the content: `docker.io/library/nginx@sha256:…`.
    pub fn by_digest(&self) -> String {
        if self.tag.starts_with('@') {
            return self.full();
        }
        format!("{}@sha256:{}", self.repository, hex_id(&self.full()))
    }

    /// Whether no registry has it. There is no registry to ask, so the name says it: a tag `bad…`, or
    /// `doesnotexist` and the like anywhere.
    pub fn is_missing(&self) -> bool {
        self.tag.starts_with("bad") || says_missing(&self.repository) || says_missing(&self.tag)
    }

    /// Bytes to pull. Well-known images have about their true size, others 20 to 120 MB, each always the same.
    pub fn size_bytes(&self) -> u64 {
        const MB: u64 = 1_000_000;
        match self.base() {
            "pause" => 320_000,
            "hello-world" => 10_100,
            "busybox" => 2_160_000,
            "alpine" | "bash" => 3_800_000,
            "whoami" | "traefik-whoami" => 2_900_000,
            "echoserver" | "http-echo" => 4_700_000,
            "memcached" => 32 * MB,
            "redis" => 52 * MB,
            "haproxy" | "httpd" | "debian" | "ubuntu" => 60 * MB,
            "nginx" if self.tag.contains("alpine") => 21 * MB,
            "nginx" => 72_950_000,
            "agnhost" => 54 * MB,
            "python" | "node" | "perl" => 340 * MB,
            "postgres" => 160 * MB,
            "mysql" | "mariadb" | "mongo" => 240 * MB,
            _ => 20 * MB + fnv1a_64(self.full().as_bytes()) % (100 * MB),
        }
    }
}

/// `[a-z0-9]+`, parted by a dot, one or two underscores, or any number of hyphens.
fn is_component(part: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = part.as_bytes().split(lower).filter(|separator| !separator.is_empty());
    let parted = separators.into_iter().all(|separator| {
        matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
    });
    let ends = [part.as_bytes().first(), part.as_bytes().last()];
    parted && ends.into_iter().all(|end| end.is_some_and(lower))
}

/// A name of a host and perhaps a port.
fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(label) && port.is_none_or(digits)
}

/// `sha256:` and sixty-four hexadecimal digits, or more of them of another algorithm.
fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", digits)) if digits.len() == 64 => digits.len(),
        Some(("sha384", digits)) if digits.len() == 96 => digits.len(),
        Some(("sha512", digits)) if digits.len() == 128 => digits.len(),
        _ => return false,
    };
    text.bytes().rev().take(length).all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Sixty-four hexadecimal digits that stand for a content or a container.
pub fn hex_id(seed: &str) -> String {
    (0..4u8).map(|part| format!("{:016x}", fnv1a_64(format!("{part}/{seed}").as_bytes()))).collect()
}

/// A pull in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    /// When its turn came.
    pub begins: SimTime,
    /// When it is done.
    pub ends: SimTime,
}

/// The images of one node.
#[derive(Clone, Debug, Default)]
pub struct ImageStore {
    /// By full name: bytes, and since when the image is there.
    images: SortedMap<String, (u64, SimTime)>,
    /// The end of the last pull asked for: pulls wait for one another.
    busy_until: SimTime,
    /// When the first image arrives that has not been reported.
    unreported: Option<SimTime>,
}

/// What can be pulled: all images but those whose names say otherwise, and those that were taken away.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    missing: Vec<String>,
}

impl Registry {
    /// Whether an image can be pulled.
    pub fn has(&self, image: &ImageName) -> bool {
        !image.is_missing() && !self.missing.contains(&image.full())
    }

    /// Takes an image away, or brings it back. Nodes that have it keep it.
    pub fn set_missing(&mut self, image: &ImageName, missing: bool) {
        let name = image.full();
        self.missing.retain(|other| *other != name);
        self.missing.extend(missing.then_some(name));
    }

    /// The full names of the images that were taken away.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

impl ImageStore {
    /// Whether the node has the image.
    pub fn has(&self, image: &ImageName, now: SimTime) -> bool {
        self.images.get(&image.full()).is_some_and(|(_, since)| *since <= now)
    }

    /// Asks for an image: it is pulled after those asked for before. An image that is there by then, or that there is none of,
    /// takes no longer than asking the registry.
    pub fn pull(
        &mut self,
        image: &ImageName,
        missing: bool,
        pulling: &Pulling,
        now: SimTime,
        rng: &mut Rng,
    ) -> Pull {
        let begins = self.busy_until.max(now);
        let bytes = if self.has(image, begins) || missing { 0 } else { image.size_bytes() };
        let transfer = bytes.saturating_mul(1_000_000) / pulling.bytes_per_second.max(1);
        let ends = begins + pulling.resolve.draw(rng) + SimDuration::from_micros(transfer);
        self.busy_until = ends;
        if !missing && !self.images.contains_key(&image.full()) {
            self.images.insert(image.full(), (image.size_bytes(), ends));
            self.unreported.get_or_insert(ends);
        }
        Pull { begins, ends }
    }

    /// The room that they take.
    pub fn bytes(&self, now: SimTime) -> i64 {
        let there = self.images.values().filter(|(_, since)| *since <= now);
        there.map(|(size, _)| i64::try_from(*size).unwrap_or(0)).sum()
    }

    /// Removes all images but those, as manifests name them. Says whether there were others.
    pub fn remove_except(&mut self, used: &[String], now: SimTime) -> bool {
        let used: Vec<String> = used.iter().map(|image| ImageName::parse(image).full()).collect();
        let before = self.images.len();
        self.images.retain(|name, (_, since)| *since > now || used.contains(name));
        let removed = self.images.len() < before;
        if removed {
            self.unreported.get_or_insert(now);
        }
        removed
    }

    /// When there is something to report that has not been.
    pub fn changes_at(&self) -> Option<SimTime> {
        self.unreported
    }

    /// Whether images have come since this was last asked.
    pub fn take_changed(&mut self, now: SimTime) -> bool {
        let arrived = self.unreported.is_some_and(|since| since <= now);
        if arrived {
            // Those still on their way are for the next time.
            self.unreported =
                self.images.values().map(|(_, since)| *since).filter(|since| *since > now).min();
        }
        arrived
    }

    /// As the node's status lists them: the largest first.
    pub fn report(&self, now: SimTime) -> Vec<ContainerImage> {
        let there = self.images.iter().filter(|(_, (_, since))| *since <= now);
        let mut images: Vec<(&String, &u64)> = there.map(|(name, (size, _))| (name, size)).collect();
        sorting::sort_by(&mut images, |a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let entry = |(name, size): (&String, &u64)| ContainerImage {
            names: Some(vec![ImageName::parse(name).by_digest(), name.clone()]),
            size_bytes: Some(*size as i64),
        };
        images.into_iter().take(REPORTED_IMAGES_MAX).map(entry).collect()
    }
}

/// A span as Go prints it, to the millisecond: `412ms`, `1.2s`, `1m2.345s`.
pub fn go_duration(span: SimDuration) -> String {
    let millis = span.as_millis();
    let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
    if millis == 0 {
        return "0s".into();
    }
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let fraction = format!("{:03}", rest % 1_000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let mut text = String::new();
    if hours > 0 {
        text = format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        text = format!("{text}{minutes}m");
    }
    format!("{text}{}{dot}{fraction}s", rest / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::config::Delay;

    #[test]
    fn references_are_completed_as_the_runtime_does() {
        let cases = [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("user/app:v1", "docker.io/user/app:v1"),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("localhost/app", "localhost/app:latest"),
            ("registry:5000/app", "registry:5000/app:latest"),
            ("nginx@sha256:abc", "docker.io/library/nginx@sha256:abc"),
        ];
        for (image, want) in cases {
            assert_eq!(ImageName::parse(image).full(), want, "{image}");
        }
    }

    #[test]
    fn references_are_held_to_their_grammar() {
        let digest = format!("nginx@sha256:{}", hex_id("x"));
        let long = format!("a/{}", "b".repeat(254));
        let cases = [
            ("nginx:1.27", ""),
            ("Registry.example.com:5000/team/app_1--x:V1.0", ""),
            (&digest, ""),
            ("Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"),
            ("team/App:1", "invalid reference format: repository name (team/App) must be lowercase"),
            ("nginx:", "invalid reference format"),
            ("nginx:la test", "invalid reference format"),
            ("nginx::1", "invalid reference format"),
            ("a//b", "invalid reference format"),
            ("nginx@sha256:abc", "invalid reference format"),
            ("-nginx", "invalid reference format"),
            (&long, "repository name must not be more than 255 characters"),
        ];
        for (image, want) in cases {
            assert_eq!(ImageName::check(image).err().unwrap_or_default(), want, "{image}");
        }
    }

    #[test]
    fn missing_images_are_told_by_their_name() {
        let cases = [
            ("app:bad", true),
            ("app:bad-tag", true),
            ("doesnotexist", true),
            ("app:doesnotexist", true),
            ("non-existing-repo/non-existing-image:example", true),
            ("badger:1", false),
            ("app:1", false),
        ];
        for (image, want) in cases {
            assert_eq!(ImageName::parse(image).is_missing(), want, "{image}");
        }
    }

    #[test]
    fn pulls_of_one_node_wait_for_one_another_and_a_second_pull_only_asks() {
        let pulling =
            Pulling { resolve: Delay::exactly_millis(500), bytes_per_second: 10_000_000, retry: None };
        let (mut store, mut rng) = (ImageStore::default(), Rng::new(1, "test"));
        let redis = ImageName::parse("redis:7");
        let first = store.pull(&redis, false, &pulling, SimTime::ZERO, &mut rng);
        assert_eq!((first.begins.0, first.ends.0), (0, 500_000 + 5_200_000));
        let second = store.pull(&redis, false, &pulling, SimTime::from_secs(1), &mut rng);
        assert_eq!((second.begins, second.ends.0), (first.ends, first.ends.0 + 500_000));
        assert!(!store.take_changed(SimTime::from_secs(1)));
        assert!(store.take_changed(SimTime::from_secs(60)) && !store.take_changed(SimTime::from_secs(60)));
        assert_eq!(store.report(SimTime::from_secs(60))[0].size_bytes, Some(52_000_000));
    }

    #[test]
    fn spans_read_as_go_prints_them() {
        let cases = [
            (0, "0s"),
            (412, "412ms"),
            (1_200, "1.2s"),
            (62_345, "1m2.345s"),
            (60_000, "1m0s"),
            (3_600_000, "1h0m0s"),
        ];
        for (millis, want) in cases {
            assert_eq!(go_duration(SimDuration::from_millis(millis)), want);
        }
    }
}
