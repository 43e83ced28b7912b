//! The pages of web servers in containers, where they are other than their images': for probes, and for whoever asks over the
//! network.

use super::agent::Turn;
use super::pod_worker::PodWorker;
use super::volumes::{self, Disks};
use crate::api::k8s::Probe;
use crate::client::site::{Program, Site};

impl PodWorker {
    /// A web server that begins finds what is mounted where its pages lie.
    pub(super) fn open_pages(&mut self, at: usize, turn: &mut Turn<'_>) {
        let container = self.container(at);
        if Program::of(container).is_some_and(|program| program.has_mounts(container)) {
            let ground = &mut turn.ground();
            let files = self.open_files(at, ground);
            self.close_files(at, files, ground);
        }
    }

    /// What a web server serves once somebody has opened its files: until then it is what its image brings along.
    pub(super) fn own_site(&self, at: usize, host: &Disks, disks: &Disks) -> Option<Site> {
        let files = self.runs[at].files.as_deref()?;
        let container = self.container(at);
        let program = Program::of(container)?;
        let mut files = files.clone();
        volumes::lend(&self.volumes, &mut files, host, disks);
        let image = container.image.as_deref().unwrap_or_default();
        Some(Site::new(&program, image, files.below(&program.root)))
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
