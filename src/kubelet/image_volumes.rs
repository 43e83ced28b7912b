//! Volumes that are images (`image: {reference: …}`): pulled when the sandbox is up, before any container begins
//! (`getImageVolumes`).

use super::agent::Turn;
use super::image::{ImageName, go_duration};
use super::pod_worker::{PodStep, PodWorker, Stage};
use super::start::not_found;
use crate::api::k8s::ImageVolumeSource;
use crate::client::recorder::{EventType, reference};
use crate::clock::SimTime;

/// What is due for an image that is a volume; `place` is its own among those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageStep {
    /// It is pulled, or cannot be: asked for then, pulled since.
    Pulled { place: usize, asked: SimTime, begins: SimTime },
    /// Try again.
    Again { place: usize },
}

impl PodWorker {
    pub(super) fn image_step(&mut self, step: ImageStep, turn: &mut Turn<'_>) {
        match step {
            ImageStep::Pulled { place, asked, begins } => self.volume_pulled(place, asked, begins, turn),
            ImageStep::Again { place } => self.pull_volumes(place, turn),
        }
    }

    /// The image of a place among those that are volumes.
    fn image_volume(&self, place: usize) -> Option<ImageVolumeSource> {
        let volumes = self.pod.spec.volumes.iter().flatten();
        volumes.filter_map(|volume| volume.image.clone()).nth(place)
    }

    /// Pulls the images from that place on, one after the other; then containers begin.
    pub(super) fn pull_volumes(&mut self, mut place: usize, turn: &mut Turn<'_>) {
        let pulling = turn.config.pulling.filter(|_| turn.config.runs_commands);
        while let (Some(volume), Some(pulling)) = (self.image_volume(place), &pulling) {
            let shown = volume.reference.unwrap_or_default();
            let (image, now) = (ImageName::parse(&shown), turn.now());
            let there = turn.node.images.has(&image, now);
            if there && volume.pull_policy.as_deref() != Some("Always") {
                let message = format!(
                    "Container image {shown:?} already present on machine and can be accessed by the pod"
                );
                self.say(EventType::Normal, "Pulled", message, turn);
                place += 1;
                continue;
            }
            self.say(EventType::Normal, "Pulling", format!("Pulling image {shown:?}"), turn);
            let pull = turn.node.images.pull(&image, !turn.registry.has(&image), pulling, now, turn.rng);
            let step = PodStep::Image(ImageStep::Pulled { place, asked: now, begins: pull.begins });
            return turn.after(pull.ends.since(now), &self.uid, step, self.image_failures > 0);
        }
        self.stage = Stage::Up;
        self.dirty = true;
        self.start_next(turn);
    }

    /// A pull is done: on to the next, or again after a growing wait.
    fn volume_pulled(&mut self, place: usize, asked: SimTime, begins: SimTime, turn: &mut Turn<'_>) {
        let shown = self.image_volume(place).and_then(|volume| volume.reference).unwrap_or_default();
        let image = ImageName::parse(&shown);
        if turn.registry.has(&image) {
            let now = turn.now();
            let (took, waited) = (go_duration(now.since(begins)), go_duration(now.since(asked)));
            let message = format!(
                "Successfully pulled image {shown:?} in {took} ({waited} including waiting). Image size: {} bytes.",
                image.size_bytes()
            );
            self.say(EventType::Normal, "Pulled", message, turn);
            return self.pull_volumes(place + 1, turn);
        }
        let why = not_found(&image);
        self.say(EventType::Warning, "Failed", format!("Failed to pull image {shown:?}: {why}"), turn);
        self.image_failures = self.image_failures.saturating_add(1);
        for run in &mut self.runs {
            run.wait("ErrImagePull", why.clone());
        }
        self.dirty = true;
        if let Some(retry) = turn.config.pulling.and_then(|pulling| pulling.retry) {
            let wait = retry.wait(self.image_failures);
            turn.after(wait, &self.uid, PodStep::Image(ImageStep::Again { place }), true);
        }
    }

    fn say(&self, type_: EventType, reason: &str, message: String, turn: &mut Turn<'_>) {
        turn.event(reference(&self.pod), type_, reason, message, self.cause);
    }
}
