//! `kubeviz exec`: runs a script of kubectl lines. `sleep 30s` passes virtual time, and so does a command that waits
//! (`rollout status`, `delete`); any other line takes none.

use std::collections::BTreeMap;

use super::steps::follow;
use crate::clock::SimDuration;
use crate::kubectl::script::{self, Command, ScriptLine};
use crate::sim::{Config, Input, Simulation};

/// A script that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    lines: Vec<ScriptLine>,
}

/// How a script went.
#[derive(Clone)]
pub struct Executed {
    /// The lines, from 1, of the commands that failed.
    pub failed: Vec<usize>,
    /// The cluster at the end.
    pub simulation: Simulation,
}

/// What a line of a script prints, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed<'a> {
    /// The command itself, and standard output.
    Out(&'a str),
    /// Standard error.
    Err(&'a str),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The line, from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Script, (usize, String)> {
        Ok(Script { lines: script::parse(text)? })
    }

    /// The files and folders that its lines name with `-f`, each once, in order.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for line in &self.lines {
            if let Command::Kubectl { line, .. } = &line.command {
                for path in named_files(line) {
                    if !paths.contains(&path) {
                        paths.push(path);
                    }
                }
            }
        }
        paths
    }

    /// Whether some line builds a kustomization, so that any file around the script may be named.
    pub fn builds_kustomizations(&self) -> bool {
        self.lines.iter().any(|line| match &line.command {
            Command::Kubectl { line, .. } => line
                .split_whitespace()
                .any(|word| ["-k", "kustomize"].contains(&word) || word.starts_with("--kustomize")),
            Command::Sleep(_) => false,
        })
    }

    /// Runs the script on a new cluster, to its end whatever fails. A command that waits longer than `wait_max` is given up.
    pub fn run(
        &self,
        config: Config,
        files: &BTreeMap<String, String>,
        wait_max: SimDuration,
        print: &mut dyn FnMut(Printed<'_>),
    ) -> Executed {
        let mut executed = Executed { failed: Vec::new(), simulation: Simulation::new(config) };
        for line in &self.lines {
            match &line.command {
                Command::Sleep(span) => {
                    print(Printed::Out(&format!("$ sleep {}\n", span.human())));
                    let until = executed.simulation.now() + *span;
                    executed.simulation.advance(until, u64::MAX);
                }
                Command::Kubectl { line: text, stdin } => {
                    print(Printed::Out(&format!("$ {text}\n")));
                    let input =
                        Input::Kubectl { line: text.clone(), stdin: stdin.clone(), files: files.clone() };
                    let outcome = executed.simulation.submit(input);
                    let outcome = follow(&mut executed.simulation, outcome, wait_max, &mut |_, out, err| {
                        print(Printed::Out(out));
                        print(Printed::Err(err));
                    });
                    // A load for some time is waited for, as any program that takes its time.
                    if let Some(report) =
                        outcome.load.as_deref().and_then(|load| executed.simulation.finish_load(load))
                    {
                        print(Printed::Out(&report));
                    }
                    if outcome.code != 0 {
                        executed.failed.push(line.number);
                    }
                }
            }
        }
        executed
    }
}

/// The values of `-f` and `--filename` on a line, other than `-` and addresses.
fn named_files(line: &str) -> Vec<String> {
    let words = shlex::split(line).unwrap_or_default();
    let copies = words.iter().take(2).any(|word| word == "cp");
    let mut values: Vec<&str> = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--" => break,
            "-f" | "--filename" => values.extend(words.next()),
            word if copies && !word.starts_with('-') && !word.contains(':') && word != "cp" => {
                values.push(word)
            }
            _ => {
                let inline = word.strip_prefix("--filename=").or_else(|| word.strip_prefix("-f"));
                values.extend(inline.map(|value| value.trim_start_matches('=')));
            }
        }
    }
    let paths = values.into_iter().flat_map(|value| value.split(','));
    let is_file = |path: &&str| !path.is_empty() && *path != "-" && !path.contains("://");
    paths.filter(is_file).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_every_form_of_the_flag() {
        let cases: [(&str, &[&str]); 6] = [
            ("kubectl apply -f a.yaml", &["a.yaml"]),
            ("kubectl apply -fa.yaml --filename=b.yaml", &["a.yaml", "b.yaml"]),
            (
                "kubectl apply --filename 'my file.yaml' -f=c.yaml,d.yaml",
                &["my file.yaml", "c.yaml", "d.yaml"],
            ),
            ("kubectl apply -f -", &[]),
            ("kubectl apply -f https://example.com/a.yaml", &[]),
            ("kubectl run x --image=i -- tail -f log", &[]),
        ];
        for (line, want) in cases {
            assert_eq!(named_files(line), want, "{line}");
        }
    }

    #[test]
    fn a_script_runs_to_its_end_and_names_the_lines_that_failed() {
        let script =
            Script::parse("kubectl get nodes\nkubectl get pod nope\nsleep 5s\nkubectl get pods").unwrap();
        let mut text = String::new();
        let config = Config::small(1);
        let executed = script.run(config, &BTreeMap::new(), SimDuration::from_secs(60), &mut |part| {
            let (Printed::Out(part) | Printed::Err(part)) = part;
            text.push_str(part);
        });
        assert_eq!(executed.failed, [2]);
        assert_eq!(executed.simulation.now().to_string(), "00:05.000");
        assert!(text.contains("pods \"nope\" not found"), "{text}");
    }
}
