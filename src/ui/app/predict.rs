//! The page's part of guessing: when to stop and ask, and when a guess is answered.

use kubeviz::api::explain::Explain;
use kubeviz::view::why::guess;

use super::App;
use crate::ui::predict::Answer;

impl App {
    /// Turns the asking on or off.
    pub(super) fn predict(&mut self, on: bool) {
        self.ui.predict = crate::ui::predict::Predict { on, ..Default::default() };
        self.driver.borrow_mut().ask(on);
    }

    /// Takes an answer to the first question: a node, or that the pod will wait. The clock goes on after the last one.
    pub(super) fn guess(&mut self, guessed: Option<String>) {
        if let Some(pod) = self.ui.predict.questions.pop_front() {
            self.ui.predict.open.push((pod, guessed));
        }
        self.after_question();
    }

    /// Leaves the first question unanswered.
    pub(super) fn skip_guess(&mut self) {
        self.ui.predict.questions.pop_front();
        self.after_question();
    }

    /// Whether a question waits for its answer.
    pub(super) fn is_asking(&self) -> bool {
        !self.ui.predict.questions.is_empty()
    }

    fn after_question(&mut self) {
        if self.ui.predict.questions.is_empty() && std::mem::take(&mut self.ui.predict.stopped) {
            self.play(true);
        }
    }

    /// Stops the clock for new questions, and holds open guesses against what has been decided.
    pub(super) fn derive_predict(&mut self) {
        if self.ui.predict.on {
            self.ask_about_pods();
        }
    }

    #[inline(never)]
    fn ask_about_pods(&mut self) {
        let mut driver = self.driver.borrow_mut();
        let undecided = |key: &kubeviz::api::Key| driver.scheduling(key).is_none();
        let new: Vec<_> = driver.newcomers.iter().filter(|key| undecided(key)).cloned().collect();
        driver.newcomers.clear();
        if !new.is_empty() {
            self.ui.predict.questions.extend(new);
            self.ui.predict.answer = None;
            if driver.playing {
                driver.playing = false;
                self.ui.predict.stopped = true;
            }
        }
        // Nobody decides about a pod that is gone.
        let there = |pod: &kubeviz::api::Key| driver.objects().object(pod).is_some();
        self.ui.predict.questions.retain(there);
        let mut open = std::mem::take(&mut self.ui.predict.open);
        open.retain(|(pod, _)| there(pod));
        for (pod, guessed) in open {
            match driver.scheduling(&pod).as_deref() {
                Some(Explain::Scheduling(decision)) => {
                    let outcome = guess(decision, guessed.as_deref());
                    self.ui.predict.settle(Answer { pod, guessed, outcome });
                }
                _ => self.ui.predict.open.push((pod, guessed)),
            }
        }
    }
}
