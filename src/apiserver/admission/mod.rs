//! Admission: what the API server adds to a new object, or refuses, after defaults and before the kind's rules.
//! The plugins run in this order.

mod default_toleration_seconds;
mod priority;
mod service_account;

use crate::api::{Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

type Plugin = fn(&View, &mut Object, &mut Rng) -> Result<(), Status>;

const PLUGINS: &[Plugin] = &[service_account::admit, priority::admit, default_toleration_seconds::admit];

/// Runs every plugin on a new object.
///
/// # Errors
/// The first refusal.
pub fn admit(view: &View, object: &mut Object, names: &mut Rng) -> Result<(), Status> {
    PLUGINS.iter().try_for_each(|plugin| plugin(view, object, names))
}
