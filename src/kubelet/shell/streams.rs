//! What a command reads, and where what it prints goes.

use super::commands::Outcome;
use super::jobs::Front;
use super::{Input, KEPT_MAX, Pause, Process, Redirected, Target, Word, World, conditions};

impl Process {
    /// Runs a command with its streams where they shall be.
    pub(super) fn run_redirected(
        &mut self,
        words: &[Word],
        redirected: &Redirected,
        world: World<'_>,
        asked_network: &mut bool,
    ) -> Option<Pause> {
        let words: Vec<Option<String>> = words.iter().flat_map(|word| self.fields(word, world)).collect();
        let own_input = match &redirected.input {
            None => None,
            Some(Input::Text(word)) => Some(self.expand(word, world).unwrap_or_default()),
            Some(Input::File(word)) => {
                let path = self.expand(word, world).unwrap_or_default();
                match self.files.read(&path) {
                    Ok(text) => Some(text.to_string()),
                    Err(trouble) => {
                        self.err = format!("sh: can't open {path}: {}\n", short(trouble.0));
                        self.deliver(redirected, world);
                        self.status = 1;
                        return None;
                    }
                }
            }
        };
        let reads = own_input.is_some();
        self.input.extend(own_input);
        if self.traced && words != [Some(":".to_string())] {
            let shown: Vec<String> =
                words.iter().map(|word| conditions::shown(word.as_deref().unwrap_or("?"))).collect();
            self.trace(&shown.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let outcome = self.run(&words, world);
        let called_with = self.input.pop_if(|_| reads).filter(|_| matches!(outcome, Outcome::Call(..)));
        let delivered = self.deliver(redirected, world);
        match outcome {
            Outcome::Status(status) => self.status = if delivered { status } else { 1 },
            Outcome::Network(ok) => {
                *asked_network = true;
                self.status = i32::from(!ok);
            }
            Outcome::Sleep(span) => {
                self.status = 0;
                return Some(Pause::Sleeps(span));
            }
            Outcome::Took(status, span) => {
                self.status = if delivered { status } else { 1 };
                return Some(Pause::Sleeps(span));
            }
            Outcome::Exit(status) => self.leave(status),
            Outcome::Return(status) => {
                self.status = status;
                self.at = self.program.0.len();
            }
            Outcome::Call(program, arguments) => {
                if let Some(text) = called_with {
                    self.input.push(text);
                }
                self.call(program, arguments, redirected, None, world);
            }
            Outcome::Waits(job) => {
                self.front = Front::Waiting(job);
                if self.is_held(world.now + self.ahead) {
                    return Some(Pause::Rests);
                }
                self.front = Front::Ready;
            }
            Outcome::Idle => {
                self.idle = true;
                return Some(Pause::StaysUp);
            }
            Outcome::Serves => return Some(Pause::StaysUp),
        }
        None
    }

    /// Puts what a command has printed where it shall go. Says whether that worked.
    pub(super) fn deliver(&mut self, redirected: &Redirected, world: World<'_>) -> bool {
        let (mut out, mut err) = (std::mem::take(&mut self.out), std::mem::take(&mut self.err));
        let target = redirected.out.clone().or_else(|| self.within.out.clone());
        let aside = redirected.err.clone().or_else(|| self.within.err.clone());
        if aside == Some(Target::Other) {
            out.push_str(&std::mem::take(&mut err));
        }
        if target == Some(Target::Other) {
            err.push_str(&std::mem::take(&mut out));
        }
        let delivered = self.send(out, target.as_ref(), world);
        if aside.is_none() {
            self.complain(&err);
            return delivered;
        }
        self.send(err, aside.as_ref(), world) && delivered
    }

    /// Prints an error: not into what a substitution takes.
    pub(super) fn complain(&mut self, text: &str) {
        match self.nested {
            0 => self.say(text),
            _ => self.aside.push_str(text),
        }
    }

    fn send(&mut self, text: String, target: Option<&Target>, world: World<'_>) -> bool {
        match target {
            Some(Target::File { path, append }) => {
                let path = self.expand(path, world).unwrap_or_default();
                if let Err(trouble) = self.files.write(&path, &text, *append) {
                    self.say(&format!("sh: can't create {path}: {}\n", short(trouble.0)));
                    return false;
                }
            }
            Some(Target::Pipe) if self.pipe.len() + text.len() <= KEPT_MAX => self.pipe.push_str(&text),
            Some(Target::Pipe) => {}
            Some(Target::Other) | None => self.say(&text),
        }
        true
    }

    pub(super) fn say(&mut self, text: &str) {
        if self.said.len() + text.len() <= KEPT_MAX {
            self.said.push_str(text);
        }
    }
}

/// As a shell says why a file cannot be used.
fn short(trouble: &str) -> &str {
    if trouble == "No such file or directory" { "nonexistent directory" } else { trouble }
}
