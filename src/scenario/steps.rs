//! Runs a scenario and writes down what happens: each step, kubectl's answers, and the story in between.

use std::collections::BTreeMap;

use super::Transcript;
use super::expect;
use super::schema::{Command, FullCommand, ManifestSource, Scenario, Span, Step};
use super::summary::Summary;
use super::why::Why;
use crate::clock::SimDuration;
use crate::kubelet::NodeState;
use crate::sim::{Fault, Input, Outcome, Simulation};

/// A command that waits is given up after this much virtual time.
pub const WAIT_MAX: SimDuration = SimDuration::from_secs(30 * 60);

/// What became of a scenario.
#[derive(Clone)]
pub struct Played {
    /// All that happened, as text.
    pub transcript: String,
    /// What did not go as it should: expectations, commands, missing files. In order, with the number of the step.
    pub failures: Vec<String>,
    /// The cluster at the end.
    pub simulation: Simulation,
}

/// Plays a scenario. `files` holds the files that its steps name.
pub fn play(scenario: &Scenario, files: &BTreeMap<String, String>) -> Played {
    let mut player = Player::new(scenario);
    let named =
        scenario.files.iter().filter_map(|(name, path)| Some((name.clone(), files.get(path)?.clone())));
    player.files = named.collect();
    for (index, step) in scenario.steps.iter().enumerate() {
        player.number = index + 1;
        player.step(step, files);
    }
    player.log(&format!("\n{}", Summary::of(&player.simulation).render()));
    Played { transcript: player.text, failures: player.failures, simulation: player.simulation }
}

struct Player {
    simulation: Simulation,
    story: Transcript,
    text: String,
    failures: Vec<String>,
    /// The files that lines can name.
    files: BTreeMap<String, String>,
    /// The step that is being played, from 1.
    number: usize,
}

impl Player {
    fn new(scenario: &Scenario) -> Player {
        let simulation = Simulation::new(scenario.config());
        let failures = simulation.boot_errors().to_vec();
        let story = Transcript::from_now(&simulation);
        Player {
            simulation,
            story,
            text: format!("# {}\n", scenario.title),
            failures,
            files: BTreeMap::new(),
            number: 0,
        }
    }

    fn step(&mut self, step: &Step, files: &BTreeMap<String, String>) {
        match step {
            Step::Kubectl(Command::Line(line)) => self.kubectl(line, None, false),
            Step::Kubectl(Command::Full(FullCommand { line, stdin, fails })) => {
                self.kubectl(line, stdin.clone(), *fails);
            }
            Step::Apply(ManifestSource::Text(text)) => self.kubectl("apply -f -", Some(text.clone()), false),
            Step::Apply(ManifestSource::File(file)) => match files.get(file) {
                Some(text) => self.kubectl(&format!("apply -f - <{file}"), Some(text.clone()), false),
                None => self.fail(&format!("there is no file {file}")),
            },
            Step::Console(line) => {
                self.log(&format!("\n> {line}\n"));
                self.submit(line.clone(), None);
            }
            Step::Load(line) => self.load(line),
            Step::Advance(Span(span)) => {
                self.log(&format!("\n# {} pass\n", seconds(*span)));
                self.simulation.advance(self.simulation.now() + *span, u64::MAX);
                self.tell();
            }
            Step::UntilQuiet(Span(limit)) => {
                self.log("\n# until quiet\n");
                let quiet = self.simulation.run_until_quiet(self.simulation.now() + *limit);
                self.tell();
                if !quiet {
                    self.fail(&format!("not quiet after {}", seconds(*limit)));
                }
            }
            Step::Fault(input) => {
                self.log(&format!("\n# {}\n", describe(input)));
                let outcome = self.simulation.submit(input.clone());
                self.tell();
                if outcome.code != 0 {
                    self.fail(outcome.stderr.trim());
                }
            }
            Step::Why(pod) => {
                self.log(&format!("\n# why {pod}\n"));
                match Why::of(&self.simulation, pod) {
                    Ok(why) => self.log(&why.render()),
                    Err(error) => self.fail(&error),
                }
            }
            Step::Expect(expectation) => {
                let verdict = expect::check(expectation, self.simulation.view());
                self.log(&format!("\n# expect {}\n", verdict.text));
                if !verdict.holds {
                    self.fail(&verdict.text);
                }
            }
        }
    }

    fn kubectl(&mut self, line: &str, stdin: Option<String>, fails: bool) {
        self.log(&format!("\n$ kubectl {line}\n"));
        // The redirection is for the reader: the text is already there.
        let typed = if stdin.is_some() { line.split_once(" <").map_or(line, |(line, _)| line) } else { line };
        let code = self.submit(format!("kubectl {typed}"), stdin);
        if (code != 0) != fails {
            self.fail(&format!("kubectl {line} ended with exit status {code}"));
        }
    }

    /// Types a line and waits for its end. Returns its exit status.
    fn submit(&mut self, line: String, stdin: Option<String>) -> i32 {
        let input = Input::Kubectl { line, stdin, files: self.files.clone() };
        let outcome = self.simulation.submit(input);
        self.tell();
        let (text, story) = (&mut self.text, &mut self.story);
        let outcome = follow(&mut self.simulation, outcome, WAIT_MAX, &mut |simulation, out, err| {
            text.push_str(&story.take_text(simulation));
            text.push_str(out);
            text.push_str(err);
        });
        outcome.code
    }

    fn load(&mut self, line: &str) {
        self.log(&format!("\n$ load {line}\n"));
        let outcome = self.simulation.kubectl_line(&format!("load {line}"));
        self.log(&format!("{}{}", outcome.stdout, outcome.stderr));
        if let Some(report) = outcome.load.as_deref().and_then(|load| self.simulation.finish_load(load)) {
            self.tell();
            self.log(&report);
        }
        if outcome.code != 0 {
            self.fail(outcome.stderr.trim());
        }
    }

    /// Writes down what has happened since the last time.
    fn tell(&mut self) {
        let story = self.story.take_text(&self.simulation);
        self.log(&story);
    }

    fn fail(&mut self, why: &str) {
        self.log(&format!("# FAILED: {why}\n"));
        self.failures.push(format!("step {}: {why}", self.number));
    }

    fn log(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// Runs the clock until a command that waits has ended, and collects all it has printed. One that has not ended after
/// `limit`, or that waits for something that will never come (a watch on a quiet cluster), is left: exit status 124, as
/// `timeout` has it.
pub fn finish(simulation: &mut Simulation, outcome: Outcome, limit: SimDuration) -> Outcome {
    follow(simulation, outcome, limit, &mut |_, _, _| {})
}

/// The same, and hands on what the command prints, standard output and standard error, when it prints it.
pub fn follow(
    simulation: &mut Simulation,
    mut outcome: Outcome,
    limit: SimDuration,
    print: &mut dyn FnMut(&Simulation, &str, &str),
) -> Outcome {
    print(simulation, &outcome.stdout, &outcome.stderr);
    let Some(id) = outcome.session.filter(|_| outcome.waiting) else { return outcome };
    let deadline = simulation.now() + limit;
    while outcome.waiting && simulation.next_event_time().is_some_and(|time| time <= deadline) {
        simulation.step();
        let Some(session) = simulation.session(id) else { break };
        let (out, err) = (&session.stdout[outcome.stdout.len()..], &session.stderr[outcome.stderr.len()..]);
        if !out.is_empty() || !err.is_empty() || session.is_done() {
            print(simulation, out, err);
            outcome.stdout.push_str(out);
            outcome.stderr.push_str(err);
        }
        outcome.code = session.code;
        outcome.waiting = !session.is_done();
    }
    if outcome.waiting {
        const GIVEN_UP: &str = "error: the command has not ended, and is given up\n";
        print(simulation, "", GIVEN_UP);
        outcome.stderr.push_str(GIVEN_UP);
        outcome.code = 124;
    }
    outcome
}

/// An input in a few words.
pub fn describe(input: &Input) -> String {
    match input {
        Input::Kubectl { line, .. } => line.clone(),
        Input::Saved { .. } => "an edit is saved".into(),
        Input::AddNode(node) => format!("node {} joins: {} CPU, {}", node.name, node.cpu, node.memory),
        Input::RemoveNode(name) => format!("node {name} leaves"),
        Input::SetNode { name, state } => match state {
            NodeState::Running => format!("node {name} is back"),
            NodeState::ShuttingDown => format!("node {name} shuts down"),
            NodeState::Stopped => format!("node {name} is switched off"),
            NodeState::Partitioned => format!("node {name} is cut off"),
        },
        Input::Usage { cpu, memory } => format!("each container uses {cpu} and {memory}"),
        Input::Load(load) => format!("{} requests a second are sent to {}", load.rate, load.target),
        Input::StopLoad(None) => "no more requests are sent".into(),
        Input::StopLoad(Some(name)) => format!("the load {name} ends"),
        Input::SchedulerConfiguration(_) => "the scheduler starts anew with another configuration".into(),
        Input::Fault(fault) => match fault {
            Fault::Kill { pod, container, .. } => format!("container {container} of {pod} is killed"),
            Fault::Unhealthy { pod, container, .. } => format!("container {container} of {pod} falls ill"),
            Fault::Healthy { pod, container, .. } => format!("container {container} of {pod} gets well"),
            Fault::Image { image, missing: true } => format!("image {image} can no longer be pulled"),
            Fault::Image { image, missing: false } => format!("image {image} can be pulled again"),
            Fault::SlowWatch { component, by, .. } => format!("{component} is told {by} ms late"),
            Fault::Restart { component } => format!("{component} begins anew"),
            Fault::Stop { component } => format!("{component} is stopped"),
            Fault::Start { component } => format!("{component} is started"),
            Fault::Conflicts { every, .. } => format!("one in {every} updates collides"),
        },
    }
}

/// `30s`, `1.5s`.
fn seconds(span: SimDuration) -> String {
    match span.as_millis() % 1_000 {
        0 => format!("{}s", span.as_secs()),
        millis => format!("{}.{millis:03}s", span.as_secs()),
    }
}
