//! The files that a container sees: those it has made itself, and the volumes mounted over them.
//!
//! What an image brings along is not known here, so a directory of the usual layout (`/etc`, `/usr/share`) is taken to be
//! there, with nothing in it to read. In mounted volumes everything is known.

use sorted::SortedMap;
use std::sync::Arc;

/// What is under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A directory that was made as such. Those above a file need no entry.
    Directory,
    /// A file: its text and its mode.
    File(Arc<str>, i32),
}

/// A directory with all below it, by paths without a slash at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(SortedMap<String, Entry>);

/// Why a file cannot be read or written, in the words of libc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble(pub &'static str);

const NO_SPACE: Trouble = Trouble("No space left on device");
const NOT_FOUND: Trouble = Trouble("No such file or directory");
const IS_DIRECTORY: Trouble = Trouble("Is a directory");
const READ_ONLY: Trouble = Trouble("Read-only file system");

/// Where a container says why it has ended, unless its manifest names another file.
const TERMINATION_LOG: &str = "dev/termination-log";

/// No file grows beyond this.
const FILE_MAX: usize = 64 * 1024;

impl Tree {
    /// Puts a file in its place.
    pub fn put(&mut self, path: &str, text: &str, mode: i32) {
        self.0.insert(path.trim_matches('/').to_string(), Entry::File(text.into(), mode));
    }

    /// Makes a directory.
    pub fn make_directory(&mut self, path: &str) {
        let path = path.trim_matches('/');
        if !path.is_empty() {
            self.0.entry(path.to_string()).or_insert(Entry::Directory);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.0.get(path.trim_matches('/')) {
            Some(Entry::File(text, _)) => Some(text),
            _ => None,
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty()
            || self.0.get(path) == Some(&Entry::Directory)
            || self.0.keys().any(|key| below(path, key).is_some())
    }

    fn remove(&mut self, path: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|key, _| key != path && below(path, key).is_none());
        self.0.len() < before
    }

    /// What lies directly in a directory.
    fn children(&self, directory: &str) -> SortedMap<String, Item> {
        let mut items = SortedMap::new();
        for (path, entry) in &self.0 {
            let Some(rest) = below(directory, path) else { continue };
            let item = match (rest.split_once('/'), entry) {
                (None, Entry::File(text, mode)) => Item { directory: false, size: text.len(), mode: *mode },
                _ => Item { directory: true, size: 4096, mode: 0o755 },
            };
            items.entry(rest.split('/').next().unwrap_or(rest).to_string()).or_insert(item);
        }
        items
    }
}

/// What `ls -l` says of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whether it is a directory.
    pub directory: bool,
    /// Bytes.
    pub size: usize,
    /// Permission bits.
    pub mode: i32,
}

/// The rest of a path below a directory; `None` for one that is not below it.
fn below<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    if directory.is_empty() {
        return Some(path).filter(|path| !path.is_empty());
    }
    path.strip_prefix(directory)?.strip_prefix('/')
}

/// Where a volume appears in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path in the container, without a slash at either end.
    pub path: String,
    /// Which of the pod's volumes.
    pub volume: usize,
    /// What of the volume, without a slash at either end; nothing for all of it.
    pub sub_path: String,
    /// Whether nothing can be written there.
    pub read_only: bool,
}

/// The files of one container. A copy shares them until one of the two writes.
#[derive(Clone, Debug, Default)]
pub struct Files {
    own: Arc<Tree>,
    /// The pod's volumes; those that the container does not mount are empty.
    pub volumes: Vec<Arc<Tree>>,
    mounts: Arc<[Mount]>,
    directory: String,
    /// Whether something in them has been changed since that was last asked.
    changed: bool,
}

/// Directories that images have.
const USUAL: [&str; 17] = [
    "bin", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys",
    "tmp", "usr", "var",
];

/// Below these nobody knows what an image has: what is asked for is taken to be there.
const UNKNOWN: [&str; 16] = [
    "bin",
    "dev",
    "lib",
    "proc",
    "run",
    "sbin",
    "sys",
    "usr",
    "var/log",
    "var/lib",
    "var/run",
    "var/cache",
    "var/www",
    "etc/nginx",
    "etc/ssl",
    "etc/apache2",
];

/// Files that images have.
const FILES: [&str; 6] =
    ["etc/passwd", "etc/group", "etc/os-release", "etc/profile", "etc/services", "etc/alpine-release"];

impl Files {
    /// Those of a container that begins, with nothing but its mounts and what the kubelet puts into `/etc`.
    pub fn new(own: Tree, volumes: Vec<Arc<Tree>>, mut mounts: Vec<Mount>, directory: &str) -> Files {
        // The deepest mount that a path lies in is the one that counts.
        crate::api::sorting::sort_by(&mut mounts, |a, b| b.path.len().cmp(&a.path.len()));
        Files {
            own: Arc::new(own),
            volumes,
            mounts: mounts.into(),
            directory: directory.into(),
            changed: false,
        }
    }

    /// An absolute path, without `.`, `..` and slashes at either end.
    pub fn absolute(&self, path: &str) -> String {
        let base = if path.starts_with('/') { "" } else { self.directory.as_str() };
        let mut parts: Vec<&str> = Vec::new();
        for part in base.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// The working directory.
    pub fn directory(&self) -> String {
        format!("/{}", self.absolute("."))
    }

    /// Changes it.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn enter(&mut self, path: &str) -> Result<(), Trouble> {
        if !self.is_directory(path) {
            return Err(NOT_FOUND);
        }
        self.directory = self.absolute(path);
        Ok(())
    }

    /// The mount that a path lies in, and the path in its volume.
    fn mounted(&self, path: &str) -> Option<(&Mount, String)> {
        let inside = |mount: &Mount| match path == mount.path {
            true => Some(mount.sub_path.clone()),
            false => {
                let rest = below(&mount.path, path)?;
                Some(if mount.sub_path.is_empty() {
                    rest.into()
                } else {
                    format!("{}/{rest}", mount.sub_path)
                })
            }
        };
        self.mounts.iter().find_map(|mount| Some((mount, inside(mount)?)))
    }

    fn tree(&self, path: &str) -> (&Tree, String) {
        match self.mounted(path) {
            Some((mount, inner)) => (&self.volumes[mount.volume], inner),
            None => (&self.own, path.to_string()),
        }
    }

    /// Whether a path is a directory, as far as that can be known.
    pub fn is_directory(&self, path: &str) -> bool {
        self.is_there(&self.absolute(path))
    }

    /// The same, of an absolute path.
    fn is_there(&self, path: &str) -> bool {
        let (tree, inner) = self.tree(path);
        if tree.text(&inner).is_some() {
            return false;
        }
        tree.is_directory(&inner)
            || self.mounts.iter().any(|mount| mount.path == path || below(path, &mount.path).is_some())
            || (self.mounted(path).is_none() && is_usual(path))
    }

    /// Whether there is anything under a path, as far as that can be known.
    pub fn exists(&self, path: &str) -> bool {
        let path = self.absolute(path);
        let (tree, inner) = self.tree(&path);
        let assumed = self.mounted(&path).is_none() && (is_unknown(&path) || FILES.contains(&path.as_str()));
        tree.text(&inner).is_some() || assumed || self.is_there(&path)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, path: &str) -> Result<&str, Trouble> {
        let path = self.absolute(path);
        let (tree, inner) = self.tree(&path);
        match tree.0.get(&inner) {
            Some(Entry::File(text, _)) => Ok(text),
            _ if self.is_known(&path) => Err(IS_DIRECTORY),
            _ => Err(NOT_FOUND),
        }
    }

    /// Whether something in them has been changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// All files below a directory, by their paths there.
    pub fn below(&self, directory: &str) -> SortedMap<String, Arc<str>> {
        let mut found = SortedMap::new();
        for (path, entry) in &self.own.0 {
            if let (Some(rest), Entry::File(text, _), None) =
                (below(directory, path), entry, self.mounted(path))
            {
                found.insert(rest.to_string(), text.clone());
            }
        }
        for mount in &*self.mounts {
            for (inner, entry) in &self.volumes[mount.volume].0 {
                let path = match below(&mount.sub_path, inner) {
                    Some(rest) => format!("{}/{rest}", mount.path),
                    None if *inner == mount.sub_path => mount.path.clone(),
                    None => continue,
                };
                let shown = self.mounted(&path).is_some_and(|(deepest, _)| deepest.path == mount.path);
                if let (Some(rest), Entry::File(text, _), true) = (below(directory, &path), entry, shown) {
                    found.insert(rest.to_string(), text.clone());
                }
            }
        }
        found
    }

    fn tree_to_change(&mut self, path: &str) -> Result<(&mut Tree, String), Trouble> {
        self.changed = true;
        let place = self.mounted(path).map(|(mount, inner)| (mount.volume, mount.read_only, inner));
        match place {
            Some((_, true, _)) => Err(READ_ONLY),
            Some((volume, false, inner)) => Ok((Arc::make_mut(&mut self.volumes[volume]), inner)),
            None => Ok((Arc::make_mut(&mut self.own), path.to_string())),
        }
    }

    /// Writes a file, anew or at its end.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn write(&mut self, path: &str, text: &str, append: bool) -> Result<(), Trouble> {
        self.write_up_to(FILE_MAX, path, text, append)
    }

    /// Writes a file anew, however long: for servers, which bound what they hold themselves and must not lose it.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn write_whole(&mut self, path: &str, text: &str) -> Result<(), Trouble> {
        self.write_up_to(usize::MAX, path, text, false)
    }

    fn write_up_to(&mut self, most: usize, path: &str, text: &str, append: bool) -> Result<(), Trouble> {
        let path = self.absolute(path);
        if path.starts_with("dev/") && path != TERMINATION_LOG {
            return Ok(());
        }
        if self.is_known(&path) {
            return Err(IS_DIRECTORY);
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !self.is_there(parent) {
            return Err(NOT_FOUND);
        }
        let (tree, inner) = self.tree_to_change(&path)?;
        let (mut all, mode) = match tree.0.get(&inner) {
            Some(Entry::File(text, mode)) => (if append { text.to_string() } else { String::new() }, *mode),
            _ => (String::new(), 0o644),
        };
        if all.len() + text.len() > most {
            return Err(NO_SPACE);
        }
        all.push_str(text);
        tree.put(&inner, &all, mode);
        Ok(())
    }

    /// Sets a file's permission bits.
    ///
    /// # Errors
    /// There is no such file, or it cannot be changed.
    pub fn set_mode(&mut self, path: &str, mode: i32) -> Result<(), Trouble> {
        let path = self.absolute(path);
        let text = match self.read(&format!("/{path}")) {
            Ok(text) => text.to_string(),
            Err(IS_DIRECTORY) => return Ok(()),
            Err(trouble) => return if self.exists(&format!("/{path}")) { Ok(()) } else { Err(trouble) },
        };
        let (tree, inner) = self.tree_to_change(&path)?;
        tree.put(&inner, &text, mode);
        Ok(())
    }

    /// Makes a directory, with those above it if `parents`.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn make_directory(&mut self, path: &str, parents: bool) -> Result<(), Trouble> {
        let path = self.absolute(path);
        if self.is_there(&path) {
            return if parents { Ok(()) } else { Err(Trouble("File exists")) };
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parents && !self.is_there(parent) {
            return Err(NOT_FOUND);
        }
        let (tree, inner) = self.tree_to_change(&path)?;
        tree.make_directory(&inner);
        Ok(())
    }

    /// Removes a file, or a directory with all below it.
    ///
    /// # Errors
    /// Why it cannot be removed.
    pub fn remove(&mut self, path: &str) -> Result<(), Trouble> {
        let path = self.absolute(path);
        let (tree, inner) = self.tree_to_change(&path)?;
        if tree.remove(&inner) { Ok(()) } else { Err(NOT_FOUND) }
    }

    /// What is in a directory, mount points included; a file lists itself.
    ///
    /// # Errors
    /// There is nothing under that path.
    pub fn list(&self, path: &str) -> Result<SortedMap<String, Item>, Trouble> {
        let path = self.absolute(path);
        let (tree, inner) = self.tree(&path);
        if let Some(Entry::File(text, mode)) = tree.0.get(&inner) {
            let item = Item { directory: false, size: text.len(), mode: *mode };
            return Ok([(format!("/{path}"), item)].into_iter().collect());
        }
        if !self.is_there(&path) {
            return Err(NOT_FOUND);
        }
        let mut items = tree.children(&inner);
        let directory = Item { directory: true, size: 4096, mode: 0o755 };
        for mount in &*self.mounts {
            if let Some(name) = below(&path, &mount.path).and_then(|rest| rest.split('/').next()) {
                items.entry(name.to_string()).or_insert(directory);
            }
        }
        if path.is_empty() {
            for name in USUAL {
                items.entry(name.to_string()).or_insert(directory);
            }
        }
        Ok(items)
    }

    /// Copies or moves a file.
    ///
    /// # Errors
    /// Why one of the two files cannot be used.
    pub fn copy(&mut self, from: &str, to: &str, away: bool) -> Result<(), Trouble> {
        let text = self.read(from)?.to_string();
        let to = match self.is_directory(to) {
            true => format!("{}/{}", to.trim_end_matches('/'), from.rsplit('/').next().unwrap_or(from)),
            false => to.to_string(),
        };
        self.write(&to, &text, false)?;
        if away { self.remove(from) } else { Ok(()) }
    }

    /// Makes a file unless there is one.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn touch(&mut self, path: &str) -> Result<(), Trouble> {
        if self.is_directory(path) && self.mounted(&self.absolute(path)).is_none_or(|(it, _)| !it.read_only) {
            return Ok(());
        }
        self.write(path, "", true)
    }

    /// The paths that a pattern stands for: `/etc/config/*`. One that matches nothing stands for itself.
    pub fn matching(&self, path: &str) -> Vec<String> {
        let (parent, last) = path.rsplit_once('/').unwrap_or((".", path));
        let Some((before, after)) = last.split_once('*') else { return vec![path.to_string()] };
        let parent = if parent.is_empty() && path.starts_with('/') { "/" } else { parent };
        let names = self.list(parent).unwrap_or_default();
        let fits = |name: &&String| {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
                && (!name.starts_with('.') || before.starts_with('.'))
        };
        let found: Vec<String> = names
            .keys()
            .filter(fits)
            .map(|name| {
                if path.contains('/') {
                    format!("{}/{name}", parent.trim_end_matches('/'))
                } else {
                    name.clone()
                }
            })
            .collect();
        if found.is_empty() { vec![path.to_string()] } else { found }
    }

    /// Whether a path is a directory of which more is known than that images have it.
    pub fn is_known_directory(&self, path: &str) -> bool {
        self.is_known(&self.absolute(path))
    }

    /// The same, of an absolute path.
    fn is_known(&self, path: &str) -> bool {
        let (tree, inner) = self.tree(path);
        (self.mounted(path).is_none() && (path.is_empty() || USUAL.contains(&path)))
            || (tree.is_directory(&inner) && tree.text(&inner).is_none())
            || self.mounts.iter().any(|mount| mount.path == path || below(path, &mount.path).is_some())
    }
}

/// Whether a path lies where nobody knows what an image has.
fn is_unknown(path: &str) -> bool {
    UNKNOWN.iter().any(|known| path == *known || below(known, path).is_some())
}

/// Whether a directory is one that images have.
fn is_usual(path: &str) -> bool {
    path.is_empty() || USUAL.contains(&path) || ["etc/init.d", "var/tmp"].contains(&path) || is_unknown(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(mounts: &[(&str, usize, &str, bool)]) -> Files {
        let mounts = mounts.iter().map(|(path, volume, sub_path, read_only)| Mount {
            path: (*path).into(),
            volume: *volume,
            sub_path: (*sub_path).into(),
            read_only: *read_only,
        });
        let mut config = Tree::default();
        config.put("key", "value", 0o644);
        config.put("a/b", "deep", 0o400);
        Files::new(Tree::default(), vec![Arc::new(config), Arc::default()], mounts.collect(), "/")
    }

    #[test]
    fn a_path_is_looked_up_in_the_deepest_mount_that_it_lies_in() {
        let mut files =
            files(&[("etc/config", 0, "", true), ("etc/config/own", 1, "", false), ("one", 0, "a/b", true)]);
        let cases = [
            ("/etc/config/key", Ok("value")),
            ("/etc/config/./a/../key", Ok("value")),
            ("/one", Ok("deep")),
            ("/etc/config", Err(IS_DIRECTORY)),
            ("/etc/config/other", Err(NOT_FOUND)),
            ("/etc/config/own/x", Err(NOT_FOUND)),
        ];
        for (path, want) in cases {
            assert_eq!(files.read(path), want, "{path}");
        }
        assert_eq!(files.write("/etc/config/key", "new", false), Err(READ_ONLY));
        assert_eq!(files.write("/etc/config/own/x", "1", false), Ok(()));
        assert_eq!(files.write("/etc/config/own/x", "2", true), Ok(()));
        assert_eq!(files.volumes[1].text("x"), Some("12"));
        let names = |path: &str| files.list(path).map(|items| items.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names("/etc/config"), Ok(vec!["a".into(), "key".into(), "own".into()]));
        assert_eq!(names("/nowhere"), Err(NOT_FOUND));
    }

    #[test]
    fn files_are_made_only_in_directories_that_are_there() {
        let mut files = files(&[]);
        assert_eq!(files.write("/data/x", "1", false), Err(NOT_FOUND));
        assert_eq!(files.make_directory("/data/sub", false), Err(NOT_FOUND));
        assert_eq!(files.make_directory("/data/sub", true), Ok(()));
        assert_eq!(files.write("/data/x", "1", false), Ok(()));
        assert_eq!(files.enter("/data"), Ok(()));
        assert_eq!((files.read("x"), files.read("../data/x")), (Ok("1"), Ok("1")));
        assert_eq!((files.remove("/data"), files.exists("x")), (Ok(()), false));
        assert_eq!(files.write("/tmp/x", "", false), Ok(()));
        // What is too long leaves the file as it is.
        let long = "x".repeat(FILE_MAX);
        let cases = [
            ("old", false, Ok(()), 3),
            (long.as_str(), true, Err(NO_SPACE), 3),
            (long.as_str(), false, Ok(()), FILE_MAX),
        ];
        for (text, append, want, length) in cases {
            assert_eq!(files.write("/tmp/x", text, append), want);
            assert_eq!(files.read("/tmp/x").map(str::len), Ok(length));
        }
        assert_eq!(files.write("/tmp/x", "y", true), Err(NO_SPACE));
        assert_eq!(files.write_whole("/tmp/x", &(long + "y")), Ok(()));
    }
}
