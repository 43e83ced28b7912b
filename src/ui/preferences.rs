//! What a reader has chosen once for all visits: keys, motion, and how much is told to who does not see the stage.

use super::flip;
use super::storage;

/// How the page moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// As the system says.
    #[default]
    System,
    /// Lines in place of motion.
    Reduce,
    /// All of it.
    Full,
}

/// How much of what happens is told to assistive technology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// Nothing.
    Off,
    /// The last of what is worth telling, and how much there was.
    #[default]
    Story,
    /// Each of it.
    All,
}

/// A choice that can be made: its names in the storage, from the first that is offered.
pub trait Choice: Copy + PartialEq + 'static {
    /// All there are, with their names.
    const ALL: [(&'static str, Self); 3];

    /// The one of a name.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, one)| one)
    }

    /// Its name.
    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

impl Choice for Motion {
    const ALL: [(&'static str, Self); 3] =
        [("system", Motion::System), ("reduce", Motion::Reduce), ("full", Motion::Full)];
}

impl Choice for Voice {
    const ALL: [(&'static str, Self); 3] =
        [("off", Voice::Off), ("story", Voice::Story), ("all", Voice::All)];
}

/// One thing chosen anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// Single keys as shortcuts, or not.
    SingleKeys(bool),
    /// See [`Motion`].
    Motion(Motion),
    /// Time that goes from one change worth telling to the next and rests there, or not.
    Steps(bool),
    /// See [`Voice`].
    Voice(Voice),
}

/// All that is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// See [`Preference::SingleKeys`].
    pub single_keys: bool,
    /// See [`Preference::Motion`].
    pub motion: Motion,
    /// See [`Preference::Voice`].
    pub voice: Voice,
    steps: Option<bool>,
}

impl Preferences {
    /// What was chosen the last time. `index.html` has set motion on the root element already.
    pub fn read() -> Preferences {
        let kept = |key: &str| storage::get(key).unwrap_or_default();
        Preferences {
            single_keys: kept(storage::NO_KEYS) != "1",
            motion: Motion::of_name(&kept(storage::MOTION)).unwrap_or_default(),
            voice: Voice::of_name(&kept(storage::VOICE)).unwrap_or_default(),
            steps: ["0", "1"].contains(&kept(storage::STEPS).as_str()).then(|| kept(storage::STEPS) == "1"),
        }
    }

    /// Whether time passes in steps: unless chosen otherwise, where motion is not wanted.
    pub fn steps(&self) -> bool {
        self.steps.unwrap_or_else(flip::prefers_calm)
    }

    /// Takes a choice, and keeps it for the next time.
    pub fn choose(&mut self, choice: Preference) {
        let flag = |on: bool| if on { "1" } else { "0" };
        match choice {
            Preference::SingleKeys(on) => {
                self.single_keys = on;
                storage::set(storage::NO_KEYS, flag(!on));
            }
            Preference::Motion(motion) => {
                self.motion = motion;
                flip::prefer(Some(motion.name()).filter(|_| motion != Motion::System));
                storage::set(storage::MOTION, motion.name());
            }
            Preference::Steps(on) => {
                self.steps = Some(on);
                storage::set(storage::STEPS, flag(on));
            }
            Preference::Voice(voice) => {
                self.voice = voice;
                storage::set(storage::VOICE, voice.name());
            }
        }
    }
}
