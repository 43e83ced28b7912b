//! All containers of a pod begin anew, in the sandbox that they have, because one of them has ended in a way for which its rules
//! ask that (`RestartAllContainers`).

use super::agent::Turn;
use super::lifecycle::Progress;
use super::pod_worker::{PodStep, PodWorker, Stage, rule};
use super::workload::EXIT_SIGKILL;
use crate::clock::SimDuration;

/// How far that has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anew {
    /// It has never come to that.
    #[default]
    Never,
    /// The containers are taken down.
    Down,
    /// They are started again, and those that the pod is there for have not been yet.
    Up,
    /// They run again.
    Done,
}

impl PodWorker {
    /// Whether the end of a container has all of them begin anew.
    pub(super) fn ends_all(&self, at: usize, exit_code: i32) -> bool {
        self.stage == Stage::Up
            && !self.is_ephemeral(at)
            && rule(self.container(at), exit_code) == Some("RestartAllContainers")
    }

    /// Kills the others at once, without their hooks, and has all begin anew: a moment later the first time, after a growing wait
    /// where it happens again and again.
    pub(super) fn restart_all(&mut self, at: usize, turn: &mut Turn<'_>) {
        let now = turn.now();
        self.anew = Anew::Down;
        self.dirty = true;
        for other in 0..self.main().end {
            if self.runs[other].is_running() {
                let message = self.last_word(other, EXIT_SIGKILL);
                self.runs[other].exit(EXIT_SIGKILL, None, message, now);
            }
            self.runs[other].step(Progress::Down);
        }
        let crashes = self.runs[at].crashes;
        self.runs[at].crashes = crashes.saturating_add(1);
        let pause = turn.config.restart.draw(turn.rng);
        let wait = match turn.config.crash_back_off {
            Some(back_off) if crashes > 0 => back_off.wait(crashes),
            _ => SimDuration::ZERO,
        };
        turn.after(pause + wait, &self.uid, PodStep::Anew, crashes > 0);
    }

    /// Everything is down: init containers first.
    pub(super) fn begin_anew(&mut self, turn: &mut Turn<'_>) {
        self.anew = Anew::Up;
        self.dirty = true;
        for at in 0..self.main().end {
            self.runs[at].step(Progress::Idle);
        }
        self.start_next(turn);
    }
}
