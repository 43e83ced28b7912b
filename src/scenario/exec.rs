//! `kubeviz exec`: runs a script of kubectl lines. `sleep 30s` passes virtual time, and so does a command that waits
//! (`rollout status`, `delete`); any other line takes as long as the program needs to start and to ask.

use std::collections::BTreeMap;

use super::steps::follow;
use crate::clock::SimDuration;
use crate::kubectl::script::{self, Command, ScriptLine, When};
use crate::sim::{Config, Input, Simulation};

/// How long a client needs for a line that waits for nothing.
const CLIENT: SimDuration = SimDuration::from_millis(50);

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

    /// Whether a failure of a command is provided for: by what is run in that case.
    fn is_excused(&self, line: &ScriptLine) -> bool {
        let after = self.lines.iter().skip_while(|other| !std::ptr::eq(*other, line)).nth(1);
        after.is_some_and(|next| next.when == When::Failed)
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
        let mut code = 0;
        for line in &self.lines {
            if !line.when.holds_after(code) {
                continue;
            }
            match &line.command {
                Command::Sleep(span) => {
                    code = 0;
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
                    let until = executed.simulation.now() + CLIENT;
                    executed.simulation.advance(until, u64::MAX);
                    // A load for some time is waited for, as any program that takes its time.
                    if let Some(report) =
                        outcome.load.as_deref().and_then(|load| executed.simulation.finish_load(load))
                    {
                        print(Printed::Out(&report));
                    }
                    code = outcome.code;
                    if code != 0 && !self.is_excused(line) {
                        executed.failed.push(line.number);
                    }
                }
            }
        }
        executed
    }
}

/// Flags whose value is a file, or a file behind a key and `=`.
const FILE_FLAGS: [&str; 10] = [
    "--custom",
    "--filename",
    "--from-file",
    "--from-env-file",
    "--cert",
    "--key",
    "--patch-file",
    "--client-certificate",
    "--client-key",
    "--certificate-authority",
];
/// Formats of `-o` that read their template from a file.
const FILE_FORMATS: [&str; 4] =
    ["jsonpath-file=", "custom-columns-file=", "go-template-file=", "templatefile="];

/// The values of `-f` and of other flags that name files on a line, and what `cat` prints, other than `-` and addresses.
fn named_files(line: &str) -> Vec<String> {
    let words = shlex::split(line).unwrap_or_default();
    let copies = words.iter().take(2).any(|word| word == "cp");
    let mut values: Vec<&str> = Vec::new();
    if words.first().is_some_and(|word| word == "cat") {
        values.extend(words.iter().skip(1).map(String::as_str).take_while(|word| *word != "|"));
    }
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let format = word.trim_start_matches("--output=").trim_start_matches("-o").trim_start_matches('=');
        values.extend(FILE_FORMATS.iter().find_map(|start| format.strip_prefix(start)));
        match word {
            "--" => break,
            "-f" => values.extend(words.next()),
            flag if FILE_FLAGS.contains(&flag) => values.extend(words.next().map(without_key)),
            word if copies && !word.starts_with('-') && !word.contains(':') && word != "cp" => {
                values.push(word)
            }
            _ => {
                let long = word.split_once('=').filter(|(flag, _)| FILE_FLAGS.contains(flag));
                let inline = long.map(|(_, value)| without_key(value));
                let short = || word.strip_prefix("-f").map(|value| value.trim_start_matches('='));
                values.extend(inline.or_else(short));
            }
        }
    }
    let paths = values.into_iter().flat_map(|value| value.split(','));
    let is_file = |path: &&str| !path.is_empty() && *path != "-" && !path.contains("://");
    paths.filter(is_file).map(str::to_string).collect()
}

/// The file of `KEY=FILE`.
fn without_key(value: &str) -> &str {
    value.split_once('=').map_or(value, |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_its_time_so_that_the_next_one_sees_what_came_of_it() {
        let text = "kubectl create deployment web --image=web:1 --replicas=2\nkubectl get pods -o name | wc -l\nkubectl get pod nope || true\nfalse\n";
        let script = Script::parse(text).expect("a script");
        let mut out = String::new();
        let wait = SimDuration::from_secs(60);
        let executed = script.run(Config::small(7), &BTreeMap::new(), wait, &mut |printed| {
            if let Printed::Out(text) = printed {
                out.push_str(text);
            }
        });
        assert!(out.contains("wc -l\n2\n"), "{out}");
        assert_eq!(executed.failed, [4]);
    }

    #[test]
    fn files_are_found_in_every_form_of_the_flag() {
        let cases: [(&str, &[&str]); 11] = [
            ("cat a.yaml b.yaml | kubectl apply -f -", &["a.yaml", "b.yaml"]),
            ("kubectl apply -f a.yaml", &["a.yaml"]),
            ("kubectl create cm c --from-file=k=a.txt --from-env-file b.env", &["a.txt", "b.env"]),
            ("kubectl get pods -o custom-columns-file=a.txt", &["a.txt"]),
            ("kubectl get pods -ojsonpath-file=a.txt", &["a.txt"]),
            ("kubectl config set-credentials b --client-key=b.key", &["b.key"]),
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
    fn what_depends_on_another_command_is_run_if_that_went_so() {
        let script = "kubectl get pod nope && echo never; kubectl get pod nope || echo 'there is none'\nkubectl get ns default -o name && echo yes";
        let script = Script::parse(script).unwrap();
        let mut text = String::new();
        let executed =
            script.run(Config::small(1), &BTreeMap::new(), SimDuration::from_secs(60), &mut |part| {
                if let Printed::Out(part) = part {
                    text.push_str(part);
                }
            });
        assert_eq!(executed.failed, [1]);
        assert!(
            text.contains("\nthere is none\n") && text.contains("\nyes\n") && !text.contains("\nnever\n"),
            "{text}"
        );
    }

    #[test]
    fn a_line_of_a_shell_in_a_container_stays_whole() {
        let script = "kubectl run a --image=busybox:1.36 -- sleep 1d\nkubectl wait pod/a --for=condition=Ready\n\
                      kubectl exec -it a -- sh\nx=1; echo val-$x\nexit";
        let mut text = String::new();
        let script = Script::parse(script).unwrap();
        script.run(Config::small(1), &BTreeMap::new(), SimDuration::from_secs(60), &mut |part| {
            let (Printed::Out(part) | Printed::Err(part)) = part;
            text.push_str(part);
        });
        assert!(text.contains("\nval-1\n"), "{text}");
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
        assert_eq!(executed.simulation.now().to_string(), "00:05.150");
        assert!(text.contains("pods \"nope\" not found"), "{text}");
    }
}
