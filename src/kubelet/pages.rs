//! The pages of web servers in containers, where they are other than their images': for probes, and for whoever asks over the
//! network.

use std::sync::Arc;

use super::agent::Turn;
use super::pod_worker::PodWorker;
use super::volumes::{self, Disks};
use crate::api::k8s::Probe;
use crate::client::site::{Program, Settings, Site};

impl PodWorker {
    /// A web server that begins finds what is mounted where its pages lie, and reads its settings.
    pub(super) fn open_pages(&mut self, at: usize, turn: &mut Turn<'_>) {
        let container = self.container(at);
        let Some(program) = Program::of(container).filter(|program| program.has_mounts(container)) else {
            return;
        };
        let ground = &mut turn.ground();
        let files = self.open_files(at, ground);
        self.runs[at].settings =
            program.settings.map(|directory| Arc::new(Settings::read(&files.below(directory))));
        self.close_files(at, files, ground);
    }

    /// What a web server serves once somebody has opened its files: until then it is what its image brings along.
    pub(super) fn own_site(&self, at: usize, host: &Disks, disks: &Disks) -> Option<Site> {
        let run = &self.runs[at];
        let container = self.container(at);
        let program = Program::of(container)?;
        let mut files = run.files.as_deref()?.clone();
        volumes::lend(&self.volumes, &mut files, host, disks);
        let image = container.image.as_deref().unwrap_or_default();
        Some(Site::new(&program, image, run.settings.clone(), |root| files.below(root)))
    }

    /// Whether the pages of a container lie on a disk that others may write to.
    pub(super) fn has_shared_pages(&self, at: usize) -> bool {
        self.runs[at].files.is_some()
            && Program::of(self.container(at)).is_some()
            && self.volumes.iter().any(volumes::Volume::is_shared)
    }

    /// Has the probes look again if files of the pod have changed.
    pub(super) fn see_to_changed_files(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.files_changed) {
            for at in 0..self.runs.len() {
                self.look_anew(at, true, turn);
            }
        }
    }

    /// Why a probe that asks for a page gets none from the web server at its port.
    pub(super) fn ask_page(&self, at: usize, spec: &Probe, turn: &Turn<'_>) -> Result<(), String> {
        let Some(get) = &spec.http_get else { return Ok(()) };
        let Some(server) = self.listener(at, spec) else { return Ok(()) };
        let own = self.own_site(server, &turn.node.directories, turn.disks);
        let Some(site) = own.or_else(|| Site::of_image(self.container(server))) else { return Ok(()) };
        match site.status(get.path.as_deref().unwrap_or("/")) {
            status @ 400.. => Err(format!("HTTP probe failed with statuscode: {status}")),
            _ => Ok(()),
        }
    }
}
