//! The files of the editor: tabs with names, one of them in front.

use serde_json::{Value, json};

/// The name of the first file, and of every other that has none.
pub const FIRST: &str = "manifest.yaml";
/// More files are not opened.
pub const FILES_MAX: usize = 30;
/// With those that links have brought.
const KEPT_MAX: usize = 2 * FILES_MAX;

/// A text and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Which it is, as long as the page stands, whatever its name and place.
    pub id: u32,
    pub name: String,
    pub text: String,
    /// Whether a link brought it, and nobody has changed it since.
    pub borrowed: bool,
}

/// See the module. There is always a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    list: Vec<File>,
    current: usize,
    /// The file closed last, and where it stood.
    closed: Option<(usize, File)>,
    /// How many there have been.
    made: u32,
}

impl Files {
    /// One file of that text.
    pub fn new(text: String) -> Files {
        Files {
            list: vec![File { name: FIRST.into(), text, ..File::default() }],
            current: 0,
            closed: None,
            made: 1,
        }
    }

    /// Some files with one of them in front; `None` if there is none.
    pub fn of(list: impl IntoIterator<Item = (String, String)>, front: usize) -> Option<Files> {
        let mut files = Files { list: Vec::new(), current: 0, closed: None, made: 0 };
        for (name, text) in list.into_iter().take(FILES_MAX) {
            let name = files.fresh(&name, None);
            let file = files.make(name, text);
            files.list.push(file);
        }
        files.current = front.min(files.list.len().checked_sub(1)?);
        Some(files)
    }

    /// What was kept of the files of another time.
    pub fn read(kept: &str) -> Option<Files> {
        let kept: Value = serde_json::from_str(kept).ok()?;
        let mut files = Files { list: Vec::new(), current: 0, closed: None, made: 0 };
        for file in kept["files"].as_array()?.iter().take(KEPT_MAX) {
            let name = files.fresh(file[0].as_str()?, None);
            let (text, borrowed) = (file[1].as_str()?.into(), file[2] == true);
            let file = files.make(name, text);
            files.list.push(File { borrowed, ..file });
        }
        files.current = (kept["current"].as_u64()? as usize).min(files.list.len().checked_sub(1)?);
        Some(files)
    }

    /// The files as they are kept.
    pub fn write(&self) -> String {
        let kept = |file: &File| match file.borrowed {
            true => json!([file.name, file.text, true]),
            false => json!([file.name, file.text]),
        };
        let files: Vec<Value> = self.list.iter().map(kept).collect();
        json!({"current": self.current, "files": files}).to_string()
    }

    fn make(&mut self, name: String, text: String) -> File {
        self.made += 1;
        File { id: self.made - 1, name, text, borrowed: false }
    }

    pub fn list(&self) -> &[File] {
        &self.list
    }

    pub fn current(&self) -> usize {
        self.current
    }

    /// The file in front.
    pub fn front(&self) -> &File {
        &self.list[self.current]
    }

    pub fn set_text(&mut self, text: String) {
        let front = &mut self.list[self.current];
        front.borrowed &= front.text == text;
        front.text = text;
    }

    /// Opens the files that a link brings, its front one in front. What another link brought and nobody has changed makes
    /// room; what somebody wrote stays.
    pub fn borrow(&mut self, linked: Files) {
        self.list.retain(|file| !file.borrowed && !file.text.trim().is_empty());
        for (at, file) in linked.list.into_iter().enumerate() {
            let here = self.list.iter().position(|own| own.text == file.text);
            // What would not be read again is not opened.
            if here.is_none() && self.list.len() < KEPT_MAX {
                let name = self.fresh(&file.name, None);
                let file = self.make(name, file.text);
                self.list.push(File { borrowed: true, ..file });
            }
            if at == linked.current {
                self.current = here.unwrap_or(self.list.len() - 1);
            }
        }
    }

    /// Brings a file to the front.
    pub fn turn_to(&mut self, at: usize) {
        self.current = at.min(self.list.len() - 1);
    }

    /// Puts a file behind the others and in front of the eyes. A file without a text gives way.
    pub fn add(&mut self, name: &str, text: String) -> bool {
        let empty = self.front().text.trim().is_empty() && !text.trim().is_empty();
        if self.list.len() >= FILES_MAX && !empty {
            return false;
        }
        if empty {
            let name = self.fresh(name, Some(self.current));
            self.list[self.current] = self.make(name, text);
        } else {
            let name = self.fresh(name, None);
            let file = self.make(name, text);
            self.list.push(file);
            self.current = self.list.len() - 1;
        }
        true
    }

    /// Gives the file in front another name, as near to the wanted one as can be.
    pub fn rename(&mut self, name: &str) {
        if !name.trim().is_empty() {
            self.list[self.current].name = self.fresh(name, Some(self.current));
        }
    }

    /// Closes a file; the last one leaves an empty one.
    pub fn close(&mut self, at: usize) {
        if at >= self.list.len() {
            return;
        }
        self.closed = Some((at, self.list.remove(at)));
        if self.list.is_empty() {
            let file = self.make(FIRST.into(), String::new());
            self.list.push(file);
        }
        if self.current > at || self.current == self.list.len() {
            self.current -= 1;
        }
    }

    /// The name of the file closed last.
    pub fn closed(&self) -> Option<&str> {
        self.closed.as_ref().map(|(_, file)| file.name.as_str())
    }

    /// Opens it again where it stood.
    pub fn reopen(&mut self) {
        let Some((at, mut file)) = self.closed.take() else { return };
        let only = self.list.len() == 1 && self.list[0].text.trim().is_empty();
        if only {
            self.list.clear();
        }
        file.name = self.fresh(&file.name, None);
        let at = at.min(self.list.len());
        self.list.insert(at, file);
        self.current = at;
    }

    /// A name that can stand on a command line and that no other file has.
    fn fresh(&self, name: &str, except: Option<usize>) -> String {
        let letter =
            |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
        let last = name.trim().rsplit(['/', '\\']).next().unwrap_or_default();
        let plain: String = last.chars().map(letter).collect();
        let plain = plain.trim_start_matches('-');
        let ends =
            [".yaml", ".yml", ".json"].iter().find(|end| plain.ends_with(**end) && plain.len() > end.len());
        let (stem, end) = ends.map_or((plain, ".yaml"), |end| (&plain[..plain.len() - end.len()], *end));
        let stem = if stem.is_empty() { "manifest" } else { stem };
        let taken = |name: &str| {
            self.list.iter().enumerate().any(|(at, file)| Some(at) != except && file.name == name)
        };
        let names = std::iter::once(format!("{stem}{end}"))
            .chain((2..).map(|number| format!("{stem}-{number}{end}")));
        names.into_iter().find(|name| !taken(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &Files) -> Vec<&str> {
        files.list().iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn names_fit_a_command_line_and_differ() {
        let mut files = Files::new("a: 1".into());
        assert!(files.add("my app.yaml", "b: 1".into()) && files.add("dir/web.json", "{}".into()));
        assert!(files.add("", String::new()));
        assert_eq!(names(&files), ["manifest.yaml", "my-app.yaml", "web.json", "manifest-2.yaml"]);
        files.rename("manifest.yaml");
        assert_eq!(files.front().name, "manifest-2.yaml");
        files.rename("../-web");
        assert_eq!(files.front().name, "web.yaml");
        files.rename(" ");
        assert_eq!(files.front().name, "web.yaml");
    }

    #[test]
    fn what_is_closed_comes_back_where_it_stood() {
        let mut files = Files::new("a: 1".into());
        files.add("b", "b: 1".into());
        files.add("c", "c: 1".into());
        files.close(1);
        assert_eq!(
            (names(&files), files.current(), files.closed()),
            (vec!["manifest.yaml", "c.yaml"], 1, Some("b.yaml"))
        );
        files.reopen();
        assert_eq!(
            (names(&files), files.current(), files.closed()),
            (vec!["manifest.yaml", "b.yaml", "c.yaml"], 1, None)
        );
        for _ in 0..3 {
            files.close(0);
        }
        assert_eq!((names(&files), files.front().text.as_str()), (vec!["manifest.yaml"], ""));
        files.reopen();
        assert_eq!(files.front().text, "c: 1");
    }

    #[test]
    fn a_link_leaves_what_was_written_and_takes_the_place_of_another_link() {
        let linked = |texts: &[(&str, &str)], front| {
            let texts = texts.iter().map(|(name, text)| (name.to_string(), text.to_string()));
            Files::of(texts, front).unwrap()
        };
        let mut files = Files::new(String::new());
        files.borrow(linked(&[("a.yaml", "a: 1"), ("b.yaml", "b: 1")], 1));
        assert_eq!((names(&files), files.current()), (vec!["a.yaml", "b.yaml"], 1));
        files.set_text("b: mine".into());
        files.borrow(linked(&[("b.yaml", "b: 2"), ("c.yaml", "b: mine")], 0));
        assert_eq!((names(&files), files.current()), (vec!["b.yaml", "b-2.yaml"], 1));
        files = Files::read(&files.write()).unwrap();
        files.borrow(linked(&[("d.yaml", "d: 1")], 0));
        assert_eq!((names(&files), files.current()), (vec!["b.yaml", "d.yaml"], 1));
        assert_eq!(Files::of([], 0), None);
    }

    #[test]
    fn files_are_kept_and_read_again() {
        let mut files = Files::new("a: 1".into());
        files.add("b", "b: 1\n".into());
        files.turn_to(0);
        assert_eq!(Files::read(&files.write()), Some(files));
        for broken in ["", "{}", "{\"current\":0,\"files\":[]}", "{\"current\":9,\"files\":[[1]]}"] {
            assert_eq!(Files::read(broken), None, "{broken}");
        }
        let mut many = Files::new("a: 1".into());
        assert_eq!((0..50).filter(|_| many.add("x", "y".into())).count(), FILES_MAX - 1);
    }
}
