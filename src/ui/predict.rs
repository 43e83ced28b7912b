//! Guess first, then see: the clock stops for each pod that is made without a node, asks where it will run, and holds the answer
//! against what the scheduler then decides.

use std::collections::VecDeque;

use kubeviz::api::Key;
use kubeviz::view::why::Guess;

/// What is guessed and how well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predict {
    /// Whether to ask at all.
    pub on: bool,
    /// The pods to ask about, the next one first.
    pub questions: VecDeque<Key>,
    /// The guesses that the scheduler has not answered yet: a node, or none for a pod that will wait.
    pub open: Vec<(Key, Option<String>)>,
    /// The last answer.
    pub answer: Option<Answer>,
    /// How many guesses were right.
    pub right: u32,
    /// How many were answered.
    pub answered: u32,
    /// Whether time stands still for a question.
    pub stopped: bool,
}

/// A guess and what it was worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub pod: Key,
    pub guessed: Option<String>,
    pub outcome: Guess,
}

impl Predict {
    /// Asks no more about what has happened so far: somebody has gone to another time.
    pub fn forget(&mut self) {
        self.questions.clear();
        self.open.clear();
        self.answer = None;
        self.stopped = false;
    }

    /// Notes what became of a guess.
    pub fn settle(&mut self, answer: Answer) {
        self.answered += 1;
        self.right += u32::from(is_right(&answer.outcome));
        self.answer = Some(answer);
    }
}

/// A node that scored as much as the chosen one was no wrong guess: the seed drew the other.
pub fn is_right(outcome: &Guess) -> bool {
    matches!(outcome, Guess::Right | Guess::Tied { .. })
}
